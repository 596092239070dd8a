"""A file that is written and read from its beginning to its end, sealed piece by piece: AES-256-GCM under a key of the
file's own, which the backup's key wraps in the head.

A piece's nonce is its place and whether it is the last one (STREAM: Hoang, Reyhanitabar, Rogaway and Vizár 2015), its
associated data the hash of the head: a file that was cut, altered anywhere, or put together from two does not open.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
from typing import Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hotline.crm.backup.backup_keys import BackupKey, unwrap, wrap
from hotline.errors import HotlineError

MAGIC: Final = b"HLBACKUP\x01"
PIECE: Final = 1 << 20
_TAG: Final = 16
_LENGTH: Final = struct.Struct(">I")
_LARGEST_HEAD: Final = 1 << 16


class DamagedBackup(HotlineError):
    """This backup was cut off or altered."""

    code = "damaged_backup"
    status = 422


class NoBackup(HotlineError):
    """This file is no backup of hotline."""

    code = "no_backup"
    status = 422


def _nonce(place: int, last: bool) -> bytes:
    return place.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


class SealedOut(io.RawIOBase):
    """Seals what is written to it. Blocking. ``close`` writes the last piece; without it the file does not open."""

    def __init__(self, raw: BinaryIO, key: BackupKey, about: dict[str, Any]) -> None:
        file_key = os.urandom(32)
        head = json.dumps({"about": about, "key": wrap(key, file_key)}, separators=(",", ":")).encode()
        self._raw = raw
        self._cipher = AESGCM(file_key)
        self._bound = hashlib.sha256(head).digest()
        self._rest = bytearray()
        self._place = 0
        self.size = len(MAGIC) + _LENGTH.size + len(head)
        raw.write(MAGIC + _LENGTH.pack(len(head)) + head)

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Any) -> int:
        """Take more."""
        self._rest += data
        # One byte more than a piece must be there: the last piece is sealed as the last.
        while len(self._rest) > PIECE:
            self._put(bytes(self._rest[:PIECE]), last=False)
            del self._rest[:PIECE]
        return len(data)

    def finish(self) -> None:
        """Seal the last piece."""
        self._put(bytes(self._rest), last=True)
        self._rest.clear()

    def _put(self, piece: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._place, last), piece, self._bound)
        self._raw.write(sealed)
        self._place += 1
        self.size += len(sealed)


class SealedIn(io.RawIOBase):
    """Opens what ``SealedOut`` wrote, from the beginning to the end. Blocking. Raises NoBackup, WrongBackupKey, and
    DamagedBackup wherever a byte is not the one that was written."""

    def __init__(self, raw: BinaryIO, key: BackupKey) -> None:
        self._raw = raw
        start = raw.read(len(MAGIC) + _LENGTH.size)
        if start[: len(MAGIC) - 1] != MAGIC[:-1]:
            raise NoBackup()
        if start[: len(MAGIC)] != MAGIC:
            raise NoBackup("This backup was made by a newer hotline.")
        if len(start) < len(MAGIC) + _LENGTH.size:
            raise DamagedBackup()
        (length,) = _LENGTH.unpack(start[len(MAGIC) :])
        if length > _LARGEST_HEAD:
            raise DamagedBackup()
        head = raw.read(length)
        try:
            found = json.loads(head)
            self.about: dict[str, Any] = dict(found["about"])
            wrapped = dict(found["key"])
        except (ValueError, KeyError, TypeError):
            raise DamagedBackup() from None
        self._cipher = AESGCM(unwrap(key, wrapped))
        self._bound = hashlib.sha256(head).digest()
        self._place = 0
        self._ready = memoryview(b"")
        self._ahead = raw.read(PIECE + _TAG)
        self._over = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Give what comes next; 0 at the end, which is the true one."""
        while not self._ready and not self._over:
            self._next()
        taken = min(len(buffer), len(self._ready))
        buffer[:taken] = self._ready[:taken]
        self._ready = self._ready[taken:]
        return taken

    def _next(self) -> None:
        sealed, self._ahead = self._ahead, self._raw.read(PIECE + _TAG)
        last = not self._ahead
        try:
            self._ready = memoryview(self._cipher.decrypt(_nonce(self._place, last), sealed, self._bound))
        except InvalidTag:
            raise DamagedBackup() from None
        self._place += 1
        self._over = last
