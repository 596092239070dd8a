"""Keys and ciphers: what opens, what does not, and what changes when the master key is rotated."""

from __future__ import annotations

import hmac
import os
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.crm import keys
from hotline.crm.keys import Keyring, Wrapped, WrongKey, unwrap_with, wrap_with
from hotline.customers.names import searched_words
from hotline.errors import SettingError
from hotline.ids import new_id

OLD, NEW = "the old master secret", "the new master secret"
INDEX = bytes(range(32))


@pytest.fixture
def keyring() -> Keyring:
    return Keyring([OLD], INDEX)


def place() -> tuple[str, str]:
    return "customer", "name_cipher"


@given(st.text())
def test_a_value_opens_at_its_place(text: str) -> None:
    keyring = Keyring([OLD], INDEX)
    key, _ = keyring.new_personal_key(new_id())
    row = new_id()
    sealed = keyring.encrypt(key, *place(), row, text)
    assert keyring.decrypt(key, *place(), row, sealed) == text


def test_broken_unicode_survives(keyring: Keyring) -> None:
    key, _ = keyring.new_personal_key(new_id())
    row = new_id()
    assert keyring.decrypt(key, *place(), row, keyring.encrypt(key, *place(), row, "a\ud800b")) == "a\ud800b"


def test_a_value_moved_elsewhere_does_not_open(keyring: Keyring) -> None:
    key, _ = keyring.new_personal_key(new_id())
    row = new_id()
    sealed = keyring.encrypt(key, "customer", "name_cipher", row, "Anna")
    for table, column, other in (
        ("contact_point", "name_cipher", row),
        ("customer", "note_cipher", row),
        ("customer", "name_cipher", new_id()),
    ):
        with pytest.raises(WrongKey):
            keyring.decrypt(key, table, column, other, sealed)


def test_another_person_s_key_does_not_open(keyring: Keyring) -> None:
    key, _ = keyring.new_personal_key(new_id())
    other, _ = keyring.new_personal_key(new_id())
    row = new_id()
    with pytest.raises(WrongKey):
        keyring.decrypt(other, *place(), row, keyring.encrypt(key, *place(), row, "Anna"))


def test_every_changed_byte_is_noticed(keyring: Keyring) -> None:
    key, _ = keyring.new_personal_key(new_id())
    row = new_id()
    sealed = keyring.encrypt(key, *place(), row, "Anna")
    for at in range(len(sealed)):
        broken = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(WrongKey):
            keyring.decrypt(key, *place(), row, broken)
    with pytest.raises(WrongKey):
        keyring.decrypt(key, *place(), row, b"")


def test_equal_values_do_not_look_equal(keyring: Keyring) -> None:
    key, _ = keyring.new_personal_key(new_id())
    row = new_id()
    assert keyring.encrypt(key, *place(), row, "Anna") != keyring.encrypt(key, *place(), row, "Anna")


def test_secrets_do_not_show(keyring: Keyring) -> None:
    key, wrapped = keyring.new_personal_key(new_id())
    assert repr(key.secret)[2:-1] not in repr(key)
    assert "sealed" not in repr(wrapped)
    assert OLD not in repr(vars(keyring))


# Wrapping and rotation


def test_a_personal_key_survives_wrapping(keyring: Keyring) -> None:
    key, wrapped = keyring.new_personal_key(new_id())
    assert keyring.unwrap(key.id, wrapped) == key
    assert key.secret not in wrapped.sealed


def test_a_wrapped_key_belongs_to_its_person(keyring: Keyring) -> None:
    _, wrapped = keyring.new_personal_key(new_id())
    with pytest.raises(WrongKey):
        keyring.unwrap(new_id(), wrapped)


def test_while_rotating_the_first_master_wraps_and_all_unwrap(keyring: Keyring) -> None:
    key, by_old = keyring.new_personal_key(new_id())
    rotating = Keyring([NEW, OLD], INDEX)
    assert rotating.unwrap(key.id, by_old) == key
    by_new = rotating.wrap(key)
    assert by_new.master == rotating.master != by_old.master
    rotated = Keyring([NEW], INDEX)
    assert rotated.unwrap(key.id, by_new) == key
    with pytest.raises(WrongKey, match="HOTLINE_SECRET_KEY"):
        rotated.unwrap(key.id, by_old)


def test_a_master_s_name_does_not_give_it_away_and_stays() -> None:
    assert Keyring([OLD], INDEX).master == Keyring([OLD, NEW], INDEX).master
    assert len(Keyring([OLD], INDEX).master) == 16
    assert Keyring([NEW], INDEX).master != Keyring([OLD], INDEX).master


def test_the_index_key_is_wrapped_like_the_others() -> None:
    wrapped = wrap_with(OLD, "index", INDEX)
    assert unwrap_with([NEW, OLD], "index", wrapped) == INDEX
    with pytest.raises(SettingError, match="HOTLINE_SECRET_KEY"):
        unwrap_with([NEW], "index", wrapped)
    with pytest.raises(WrongKey):
        unwrap_with([OLD], "other", wrapped)
    with pytest.raises(WrongKey):
        unwrap_with([OLD], "index", Wrapped(wrapped.master, b"\x01" + os.urandom(60)))


def test_no_key_is_a_wrong_setting() -> None:
    with pytest.raises(SettingError, match="HOTLINE_SECRET_KEY"):
        Keyring([], INDEX)


# Finding


def test_the_blind_index_outlives_the_master_key() -> None:
    before, after = Keyring([OLD], INDEX), Keyring([NEW], INDEX)
    assert before.blind_index("phone", "+4930123456") == after.blind_index("phone", "+4930123456")
    assert before.token("name", "anna") == after.token("name", "anna")


def test_the_blind_index_depends_on_kind_value_and_installation(keyring: Keyring) -> None:
    digest = keyring.blind_index("phone", "+4930123456")
    assert len(digest) == 16
    assert digest != keyring.blind_index("email", "+4930123456")
    assert digest != keyring.blind_index("phone", "+4930123457")
    assert digest != Keyring([OLD], bytes(32)).blind_index("phone", "+4930123456")


@given(st.binary(max_size=64), st.binary(max_size=200))
def test_many_messages_are_signed_as_one_is(key: bytes, message: bytes) -> None:
    assert keys._Signer(key)(message) == hmac.digest(key, message, "sha256")


def test_a_key_for_who_seals_many_is_one_as_any_other(keyring: Keyring) -> None:
    key_id, wrapped, sealer = keyring.fresh_sealer()
    row_id = new_id()
    sealed = sealer("customer", "name_cipher", str(row_id), "Anna")
    key = keyring.unwrap(UUID(key_id), Wrapped(keyring.master, wrapped))
    assert keyring.decrypt(key, "customer", "name_cipher", row_id, sealed) == "Anna"
    assert keyring.fresh_sealer()[0] != key_id


def test_values_sealed_in_a_row_open_and_never_share_a_nonce(keyring: Keyring) -> None:
    row_id = new_id()
    key, _ = keyring.new_personal_key(row_id)
    sealer = keyring.sealer(key)
    sealed = [sealer("customer", "name_cipher", str(row_id), f"Anna {number}") for number in range(50)]
    assert len({each[1:13] for each in sealed}) == 50
    opened = [keyring.decrypt(key, "customer", "name_cipher", row_id, each) for each in sealed]
    assert opened == [f"Anna {number}" for number in range(50)]


@given(st.sampled_from(["name", "suffix"]), st.text(st.characters(exclude_categories=["Cs"])))
def test_tokens_fit_a_bigint(kind: str, text: str) -> None:
    token = Keyring([OLD], INDEX).token(kind, text)
    assert -(2**63) <= token < 2**63


def test_a_number_is_found_by_its_last_digits(keyring: Keyring) -> None:
    stored = set(keyring.suffix_tokens("+49 30 123-4567"))
    for digits in ("4567", "34567", "234567", "1234567"):
        assert keyring.suffix_token(digits) in stored
    assert keyring.suffix_token("9999") not in stored
    for useless in ("567", "01234567", "45a7", ""):
        assert keyring.suffix_token(useless) is None


@pytest.mark.parametrize(
    ("name", "searched"),
    [
        ("Anna Müller", "mull"),
        ("Anna Müller", "MÜLLER an"),
        ("王小明", "王小"),
        ("王小明", "王"),
        ("Ωμέγα ΑΕ", "ωμε"),
    ],
)
def test_a_name_is_found_by_its_parts(keyring: Keyring, name: str, searched: str) -> None:
    wanted = keyring.tokens("name", searched_words(searched))
    assert wanted
    assert set(wanted) <= set(keyring.name_tokens(name))


def test_a_name_is_not_found_by_other_parts(keyring: Keyring) -> None:
    stored = set(keyring.name_tokens("Anna Müller"))
    assert not set(keyring.tokens("name", searched_words("Anna Maier"))) <= stored
    assert not set(keyring.tokens("name", searched_words("小明"))) <= stored


# Signatures


def test_signatures(keyring: Keyring) -> None:
    master, mac = keyring.sign(b"head")
    assert keyring.verify(master, b"head", mac) is True
    assert keyring.verify(master, b"heat", mac) is False
    assert keyring.verify("0" * 16, b"head", mac) is None
    assert Keyring([NEW, OLD], INDEX).verify(master, b"head", mac) is True
