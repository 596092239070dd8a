"""Passwords and tokens are kept as hashes only."""

from __future__ import annotations

import unicodedata

import pytest
from argon2 import PasswordHasher

from hotline.crm import passwords, secret_tokens
from hotline.errors import Invalid


async def test_a_password_fits_its_hash_and_no_other() -> None:
    stored = await passwords.hash_password("correct horse")
    assert stored.startswith("$argon2id$")
    assert "correct" not in stored
    assert await passwords.verify_password(stored, "correct horse")
    assert not await passwords.verify_password(stored, "correct horsE")
    assert not passwords.outdated(stored)


def test_a_guess_is_dear(real_hasher: PasswordHasher) -> None:
    """RFC 9106's second recommended option."""
    assert (real_hasher.memory_cost, real_hasher.time_cost, real_hasher.parallelism) == (65_536, 3, 4)


async def test_a_password_fits_however_the_keyboard_composes_it() -> None:
    stored = await passwords.hash_password(unicodedata.normalize("NFD", "pässwörter"))
    assert await passwords.verify_password(stored, unicodedata.normalize("NFC", "pässwörter"))


@pytest.mark.parametrize("stored", [None, "", "no hash at all", "$argon2id$v=19$broken"])
async def test_nothing_fits_what_is_no_hash(stored: str | None) -> None:
    assert not await passwords.verify_password(stored, "anything at all")


async def test_an_unknown_login_costs_a_hash_too(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    class Hasher:
        def hash(self, password: bytes) -> str:
            return "decoy"

        def verify(self, stored: str, password: str) -> bool:
            checked.append(stored)
            return True

    monkeypatch.setattr(passwords, "_HASHER", Hasher())
    monkeypatch.setattr(passwords, "_DECOY", passwords._Decoy())
    assert not await passwords.verify_password(None, "anything")
    assert not await passwords.verify_password("stored", "x" * 5000)
    assert await passwords.verify_password("stored", "right")
    assert checked == ["decoy", "decoy", "stored"]


@pytest.mark.parametrize("password", ["", "short", "x" * 1025, "Administrator"])
async def test_bad_passwords_are_refused_by_field(password: str) -> None:
    with pytest.raises(Invalid, match=r"^password: "):
        await passwords.hash_password(password, "administrator")


async def test_broken_text_is_only_a_wrong_password() -> None:
    stored = await passwords.hash_password("correct horse")
    assert not await passwords.verify_password(stored, "\ud800\0")


def test_tokens_are_long_and_never_twice() -> None:
    tokens = {secret_tokens.new_api_token() for _ in range(100)} | {
        secret_tokens.new_session_token() for _ in range(100)
    }
    assert len(tokens) == 200
    assert min(map(len, tokens)) >= 43
    assert len(secret_tokens.token_hash("x" * 10_000)) == 32
    assert secret_tokens.token_hash("\ud800") != secret_tokens.token_hash("")
