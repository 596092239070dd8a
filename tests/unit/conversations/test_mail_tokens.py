"""Tags of mail: signed, for one use, and bearable for mail servers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.conversations.mail_tokens import message_id, own_message, read_tag, tag, tagged, untagged
from hotline.ids import new_id

SECRET = b"a secret of the tests"


def test_a_tag_names_what_it_was_made_for_and_nothing_else() -> None:
    of = new_id()
    made = tag(SECRET, "reply", of)
    assert len(made) == 43
    assert read_tag(SECRET, "reply", made) == of
    assert read_tag(SECRET, "reply", f" {made.upper()} ") == of  # servers change the case
    assert read_tag(SECRET, "bounce", made) is None
    assert read_tag(SECRET, "bounce", f"b{made[1:]}") is None
    assert read_tag(b"another secret", "reply", made) is None


def test_no_letter_of_a_tag_can_be_changed() -> None:
    made = tag(SECRET, "reply", new_id())
    for at in range(len(made)):
        for letter in "a7":
            changed = made[:at] + letter + made[at + 1 :]
            assert changed == made or read_tag(SECRET, "reply", changed) is None


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_text_is_read(text: str) -> None:
    assert read_tag(SECRET, "reply", text) is None
    assert own_message(SECRET, text) is None
    plain, found = untagged(text)
    assert f"{plain}{found}" is not None


def test_addresses_and_ids_with_tags() -> None:
    of = new_id()
    address = tagged("support@acme.example", tag(SECRET, "bounce", of))
    assert len(address.partition("@")[0]) <= 64
    assert untagged(address) == ("support@acme.example", tag(SECRET, "bounce", of))
    assert untagged("a@b.example") == ("a@b.example", "")
    assert untagged("+a@b.example") == ("+a@b.example", "")
    made = message_id(SECRET, of, "acme.example")
    assert own_message(SECRET, f"<{made}>") == of
    assert made == message_id(SECRET, of, "acme.example")


@pytest.mark.parametrize("text", ["", "r", "r" * 43, "räöü" + "a" * 39, "m@x", "r" + "=" * 42])
def test_what_is_no_tag(text: str) -> None:
    assert read_tag(SECRET, "reply", text) is None
