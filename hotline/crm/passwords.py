"""Passwords: argon2id (RFC 9106), always in a thread, never more than two at once."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hotline.errors import Invalid

SHORTEST: Final = 8
LONGEST: Final = 1024

# RFC 9106's second recommended option: 64 MiB and 3 passes, some 50 ms; one at a time takes 64 MiB of memory.
_HASHER: Final = PasswordHasher()
_THREADS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


class _Decoy:
    """A hash that no password fits, so that an unknown login costs as much time as a wrong password."""

    def __init__(self) -> None:
        self._hash: str | None = None

    def hash(self) -> str:
        if self._hash is None:
            self._hash = _HASHER.hash(secrets.token_bytes(32))
        return self._hash


_DECOY: Final = _Decoy()


async def hash_password(password: str, login: str = "", *, shortest: int = SHORTEST) -> str:
    """The hash to store. Raises Invalid for a password too short, too long, or the login itself."""
    password = _prepared(password)
    if len(password) < shortest:
        raise Invalid(f"password: at least {shortest} characters.")
    if len(password) > LONGEST:
        raise Invalid(f"password: at most {LONGEST} characters.")
    if login and password.casefold() == login.casefold():
        raise Invalid("password: it must not be the login.")
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, password)


async def verify_password(stored: str | None, password: str) -> bool:
    """Whether ``password`` fits. The same work is done when there is nothing stored or it cannot fit."""
    password = _prepared(password)
    if len(password) > LONGEST:
        stored, password = None, ""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _fits, stored, password)


def outdated(stored: str) -> bool:
    """Whether a stored hash was made with other parameters than today's, so that it is worth making anew."""
    return _HASHER.check_needs_rehash(stored)


def _fits(stored: str | None, password: str) -> bool:
    decoy = _DECOY.hash()
    try:
        return _HASHER.verify(stored or decoy, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def _prepared(password: str) -> str:
    # One password may reach us composed or decomposed, as the keyboard likes (RFC 8265 §4.2).
    return unicodedata.normalize("NFC", password.encode("utf-8", "replace").decode())
