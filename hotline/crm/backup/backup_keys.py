"""What opens a backup: a passphrase of the company's own, or a recovery key that hotline makes.

A recovery key is 256 random bits, written in letters and digits that cannot be mistaken for each other (Crockford's
base 32), with a checksum, so that a typing error is told apart from a wrong key. Any other text is a passphrase, which
scrypt (RFC 7914) stretches.
"""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from hotline.errors import HotlineError, Invalid

PREFIX: Final = "HLK1"
SHORTEST_PASSPHRASE: Final = 12
LONGEST: Final = 1_000

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_STANDARD: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TO_OURS: Final = str.maketrans(_STANDARD, _ALPHABET)
_TO_STANDARD: Final = str.maketrans(_ALPHABET, _STANDARD)
_MISREAD: Final = str.maketrans("OIL", "011")
_SECRET: Final = 32
_CHECKSUM: Final = 3
_GROUP: Final = 7
_SALT: Final = 16
_NONCE: Final = 12
#: 64 MiB of memory and some tenths of a second for each guess at a passphrase.
_COST: Final = 1 << 16
#: Most that a file may ask of its reader.
_HIGHEST_COST: Final = 1 << 20


class WrongBackupKey(HotlineError):
    """This key does not open this backup, or the beginning of the file was altered."""

    code = "wrong_backup_key"
    status = 422


@dataclass(frozen=True, slots=True)
class BackupKey:
    """A key as a person has it: ``recovery`` bits, or else a ``passphrase``."""

    recovery: bytes = field(default=b"", repr=False)
    passphrase: str = field(default="", repr=False)

    @property
    def kind(self) -> str:
        """Which of the two it is, as the file's head says it."""
        return "recovery" if self.recovery else "passphrase"


def new_recovery_key() -> str:
    """A fresh recovery key, to be shown once and kept away from the backups."""
    return recovery_text(os.urandom(_SECRET))


def recovery_text(secret: bytes) -> str:
    """A recovery key as it is written down."""
    checked = secret + hashlib.sha256(b"hotline recovery key" + secret).digest()[:_CHECKSUM]
    text = base64.b32encode(checked).decode().rstrip("=").translate(_TO_OURS)
    return "-".join([PREFIX, *(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))])


def read_key(text: str) -> BackupKey:
    """The key that a person typed or a file holds. Raises Invalid for a mistyped recovery key or a short passphrase."""
    text = text.strip()
    if len(text) > LONGEST:
        raise Invalid("key: this is too long to be a passphrase; the file holds one line.")
    plain = "".join(text.split()).upper().replace("-", "")
    if plain[: len(PREFIX)].translate(_MISREAD) == PREFIX.translate(_MISREAD):
        return BackupKey(recovery=_recovery(plain[len(PREFIX) :].translate(_MISREAD)))
    if len(text) < SHORTEST_PASSPHRASE:
        raise Invalid(f"key: a passphrase has {SHORTEST_PASSPHRASE} characters or more.")
    return BackupKey(passphrase=text)


def _recovery(letters: str) -> bytes:
    wrong = Invalid("key: this recovery key has a typing error.")
    try:
        standard = letters.translate(_TO_STANDARD)
        checked = base64.b32decode(standard + "=" * (-len(standard) % 8))
    except ValueError:
        raise wrong from None
    secret = checked[:_SECRET]
    if len(secret) != _SECRET or recovery_text(secret).replace("-", "") != PREFIX + letters:
        raise wrong
    return secret


def wrap(key: BackupKey, file_key: bytes) -> dict[str, Any]:
    """``file_key`` sealed by ``key``, as JSON values for the file's head."""
    salt = os.urandom(_SALT)
    nonce = os.urandom(_NONCE)
    cost = 0 if key.recovery else _COST
    sealed = AESGCM(_stretched(key, salt, cost)).encrypt(nonce, file_key, _bound(key.kind, cost))
    return {"kind": key.kind, "cost": cost, "salt": salt.hex(), "nonce": nonce.hex(), "sealed": sealed.hex()}


def unwrap(key: BackupKey, wrapped: dict[str, Any]) -> bytes:
    """The file's key. Raises WrongBackupKey."""
    try:
        kind, cost = str(wrapped["kind"]), int(wrapped["cost"])
        salt, nonce, sealed = (bytes.fromhex(wrapped[name]) for name in ("salt", "nonce", "sealed"))
    except (KeyError, TypeError, ValueError):
        raise WrongBackupKey() from None
    if kind != key.kind:
        wanted = "a recovery key" if kind == "recovery" else "a passphrase"
        raise WrongBackupKey(f"This backup was made with {wanted}.")
    if not 0 <= cost <= _HIGHEST_COST or (kind == "passphrase" and (cost < 2 or cost & (cost - 1))):
        raise WrongBackupKey()
    try:
        return AESGCM(_stretched(key, salt, cost)).decrypt(nonce, sealed, _bound(kind, cost))
    except (InvalidTag, ValueError):
        raise WrongBackupKey() from None


def _stretched(key: BackupKey, salt: bytes, cost: int) -> bytes:
    if key.recovery:
        return HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"hotline backup").derive(key.recovery)
    return Scrypt(salt=salt, length=32, n=cost, r=8, p=1).derive(key.passphrase.encode())


def _bound(kind: str, cost: int) -> bytes:
    return f"hotline backup key {kind} {cost}".encode()
