"""Keys and ciphers of personal data (DESIGN §3). Pure: no I/O; ``crm.personal_keys`` keeps the keys in the database.

A master secret (``HOTLINE_SECRET_KEY``) never encrypts data itself: it wraps one key per person, and erasing a person
destroys theirs. A value is sealed by AES-256-GCM with its table, column and row as associated data, so that a value
moved to another row or column does not open. Values are found by keyed hashes: a blind index of the whole value,
and tokens of the last digits of a number and of the parts of a name (NIST SP 800-38D, SP 800-108; RFC 5869).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hotline.customers import email_words, names
from hotline.errors import HotlineError, SettingError
from hotline.ids import new_text_id
from hotline.phone import suffixes

_NONCE: Final = 12
_KEY: Final = 32
#: The block of SHA-256 in bytes.
_BLOCK: Final = 64
#: Nonces that are drawn at once for one person's values.
_NONCES: Final = 8
_V1: Final = b"\x01"


class WrongKey(HotlineError):
    """A stored value does not open with the keys that hotline has."""

    code = "wrong_key"


@dataclass(frozen=True, slots=True)
class PersonalKey:
    """One person's key, unwrapped. Hold it no longer than the unit of work: it may be destroyed the next moment."""

    id: UUID
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A key as it is stored: sealed by the master key called ``master``."""

    master: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Master:
    name: str
    wrapping: AESGCM
    signing: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Origin:
    secrets: tuple[str, ...] = field(repr=False)
    index_key: bytes = field(repr=False)


def _derive(secret: bytes, purpose: str, length: int = _KEY) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=b"hotline", info=purpose.encode()).derive(secret)


def _master(secret: str) -> _Master:
    raw = secret.encode()
    return _Master(_derive(raw, "name", 8).hex(), AESGCM(_derive(raw, "wrap")), _derive(raw, "seal"))


def _seal(cipher: AESGCM, data: bytes, associated: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return _V1 + nonce + cipher.encrypt(nonce, data, associated)


def _open(cipher: AESGCM, sealed: bytes, associated: bytes) -> bytes:
    if sealed[:1] != _V1:
        raise WrongKey()
    try:
        return cipher.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], associated)
    except InvalidTag:
        raise WrongKey() from None


def wrap_with(secret: str, name: str, key: bytes) -> Wrapped:
    """``key`` sealed by the master ``secret`` under the label ``name``."""
    master = _master(secret)
    return Wrapped(master.name, _seal(master.wrapping, key, name.encode()))


def unwrap_with(secrets: Sequence[str], name: str, wrapped: Wrapped) -> bytes:
    """The key inside ``wrapped``. SettingError when none of the master ``secrets`` wrapped it."""
    for secret in secrets:
        master = _master(secret)
        if master.name == wrapped.master:
            return _open(master.wrapping, wrapped.sealed, name.encode())
    raise SettingError(
        "HOTLINE_SECRET_KEY: this database was made with another key; set that one (while rotating: new,old)"
    )


class _Signer:
    """HMAC-SHA256 (RFC 2104) of very many short messages: what follows from the key alone is hashed once."""

    def __init__(self, key: bytes) -> None:
        block = key.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def __call__(self, message: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


class Keyring:
    """The master keys (the first wraps, all of them unwrap) and the installation's index key."""

    def __init__(self, secrets: Sequence[str], index_key: bytes) -> None:
        if not secrets:
            raise SettingError("HOTLINE_SECRET_KEY: a key is needed")
        masters = [_master(secret) for secret in secrets]
        self._current = masters[0]
        self._masters = {master.name: master for master in masters}
        self._origin = _Origin(tuple(secrets), index_key)
        self._blind = _Signer(_derive(index_key, "blind index"))
        self._tokens = _Signer(_derive(index_key, "tokens"))
        self._own: dict[str, PersonalKey] = {}

    def __reduce__(self) -> tuple[type[Keyring], tuple[tuple[str, ...], bytes]]:
        """For the pipe to a process of one's own; nothing else may carry keys."""
        return Keyring, (self._origin.secrets, self._origin.index_key)

    @property
    def master(self) -> str:
        """The name of the master key that wraps now."""
        return self._current.name

    # Personal keys

    def new_personal_key(self, key_id: UUID) -> tuple[PersonalKey, Wrapped]:
        """A fresh key, and as it is to be stored."""
        key = PersonalKey(key_id, os.urandom(_KEY))
        return key, self.wrap(key)

    def fresh_sealer(self) -> tuple[str, bytes, Callable[[str, str, str, str], bytes]]:
        """A fresh key for who seals very many: its id as text, the key as it is to be stored under ``master``, and its
        ``sealer``."""
        key_id, drawn = new_text_id(), os.urandom(_KEY + (1 + _NONCES) * _NONCE)
        secret, nonce = drawn[:_KEY], drawn[_KEY : _KEY + _NONCE]
        wrapped = _V1 + nonce + self._current.wrapping.encrypt(nonce, secret, bytes.fromhex(key_id.replace("-", "")))
        return key_id, wrapped, _sealer(secret, drawn[_KEY + _NONCE :])

    def wrap(self, key: PersonalKey) -> Wrapped:
        """``key`` sealed by the current master key."""
        return Wrapped(self._current.name, _seal(self._current.wrapping, key.secret, key.id.bytes))

    def unwrap(self, key_id: UUID, wrapped: Wrapped) -> PersonalKey:
        """The personal key. WrongKey when no master key of the setting wrapped it."""
        master = self._masters.get(wrapped.master)
        if master is None:
            raise WrongKey(
                "A personal key was wrapped by a master key that HOTLINE_SECRET_KEY lacks (while rotating: new,old)."
            )
        return PersonalKey(key_id, _open(master.wrapping, wrapped.sealed, key_id.bytes))

    def own_key(self, purpose: str) -> PersonalKey:
        """A key of the installation, the same on every node, for what belongs to nobody in particular and passes."""
        if purpose not in self._own:
            secret = _derive(self._origin.index_key, f"own key {purpose}")
            key_id = UUID(bytes=hashlib.sha256(purpose.encode()).digest()[:16])
            self._own[purpose] = PersonalKey(key_id, secret)
        return self._own[purpose]

    # Values

    def encrypt(self, key: PersonalKey, table: str, column: str, row_id: UUID, text: str) -> bytes:
        """``text`` sealed for one column of one row."""
        return _seal(AESGCM(key.secret), text.encode("utf-8", "surrogatepass"), _place(table, column, row_id))

    def sealer(self, key: PersonalKey) -> Callable[[str, str, str, str], bytes]:
        """``encrypt`` for several values of one person, the id of each row as text: for who seals very many."""
        return _sealer(key.secret)

    def decrypt(self, key: PersonalKey, table: str, column: str, row_id: UUID, sealed: bytes) -> str:
        """The text. WrongKey when it was sealed by another key or for another place."""
        return _open(AESGCM(key.secret), sealed, _place(table, column, row_id)).decode("utf-8", "surrogatepass")

    # Finding without reading

    def blind_index(self, kind: str, value: str) -> bytes:
        """16 bytes that are the same for the same ``value`` (normalised by the caller) and tell nothing else."""
        return self._blind(f"{kind}\0{value}".encode())[:16]

    def contact_index(self, kind: str, value: str) -> bytes:
        """The blind index of a contact point. Numbers of all kinds share one: a caller is found by each."""
        return self.blind_index("phone" if kind in ("phone", "whatsapp") else kind, value)

    def token(self, kind: str, text: str) -> int:
        """A signed 64-bit number for one part of a value, for GIN-indexed arrays."""
        return _token(self._tokens, f"{kind}\0{text}")

    def suffix_token(self, digits: str) -> int | None:
        """The token to look for when somebody types the last 4 to 7 ``digits``; None when these are fewer or more."""
        return self.token("suffix", digits) if 4 <= len(digits) <= 7 and digits.isdecimal() else None

    def suffix_tokens(self, number: str) -> list[int]:
        """Tokens of a number's last 4 to 7 digits, to store."""
        sign = self._tokens
        # Not by way of what is remembered: they hardly come twice.
        return sorted(_token.__wrapped__(sign, f"suffix\0{digits}") for digits in suffixes(number))

    def contact_tokens(self, kind: str, value: str) -> list[int]:
        """Tokens of the parts by which a contact point's value may be looked for, to store: of a number its last 4 to
        7 digits, of an email its words."""
        if kind == "email":
            return self.tokens("email", email_words.stored_words(value))
        return self.suffix_tokens(value) if kind in ("phone", "whatsapp") else []

    def name_tokens(self, *each: str) -> list[int]:
        """Tokens of every part by which a name may be looked for, to store."""
        runs = {run for name in each for run in names.stored_runs(name)}
        return sorted(set().union(*(_tokens_of_name_part(self._tokens, run) for run in runs)))

    def tokens(self, kind: str, parts: Iterable[str]) -> list[int]:
        """The tokens of these parts, in order."""
        sign = self._tokens
        return sorted({_token(sign, f"{kind}\0{part}") for part in set(parts)})

    # Signatures

    def sign(self, message: bytes) -> tuple[str, bytes]:
        """The current master key's name and its signature of ``message``, for audit seals."""
        return self._current.name, hmac.digest(self._current.signing, message, hashlib.sha256)

    def verify(self, master: str, message: bytes, mac: bytes) -> bool | None:
        """Whether ``mac`` is ``master``'s signature of ``message``; None when that key is not in the setting."""
        known = self._masters.get(master)
        if known is None:
            return None
        return hmac.compare_digest(hmac.digest(known.signing, message, hashlib.sha256), mac)


def _place(table: str, column: str, row_id: UUID) -> bytes:
    return f"{table}.{column}:{row_id}".encode()


def _sealer(secret: bytes, drawn: bytes = b"") -> Callable[[str, str, str, str], bytes]:
    # Each nonce of what was drawn from the system's source is taken once.
    encrypt = AESGCM(secret).encrypt
    at = 0

    def sealed(table: str, column: str, row_id: str, text: str) -> bytes:
        nonlocal drawn, at
        if at == len(drawn):
            drawn, at = os.urandom(_NONCE * _NONCES), 0
        nonce = drawn[at : at + _NONCE]
        at += _NONCE
        place = f"{table}.{column}:{row_id}".encode()
        return _V1 + nonce + encrypt(nonce, text.encode("utf-8", "surrogatepass"), place)

    return sealed


# Parts of names and emails come again and again; an import makes twenty of them a row.
@lru_cache(maxsize=16_384)
def _token(sign: _Signer, part: str) -> int:
    return int.from_bytes(sign(part.encode())[:8], "big", signed=True)


# The same words stand in many names.
@lru_cache(maxsize=16_384)
def _tokens_of_name_part(sign: _Signer, run: str) -> tuple[int, ...]:
    return tuple(_token(sign, f"name\0{word}") for word in names.stored_words_of(run))
