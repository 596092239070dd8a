"""Encrypted files of which any part can be read alone: AES-256-GCM over pieces of 64 KiB.

The key of a file is derived from its recording's personal key and a salt of the file's own (HKDF-SHA256, RFC 5869),
so a piece's place can be its nonce (NIST SP 800-38D §8.2.1) and no nonce comes twice under one key. The nonce also
says whether a piece is the last one, as in the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár 2015): a
file that was cut, or whose pieces were moved, does not open.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hotline.media.errors import FULL, Damaged, NoRoom

PIECE: Final = 64 << 10
_MAGIC: Final = b"HLREC\x01"
_SALT: Final = 16
_HEAD: Final = len(_MAGIC) + _SALT
_TAG: Final = 16


def _cipher(secret: bytes, salt: bytes, owner: UUID) -> AESGCM:
    return AESGCM(
        HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"hotline recording" + owner.bytes).derive(secret)
    )


def _nonce(index: int, last: bool) -> bytes:
    return index.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


class SealedWriter:
    """Writes one file piece by piece; the first is sealed last, so that a head can be mended when the size is known.

    Blocking: call it in a thread. Raises NoRoom when the disk is full; ``abandon`` then removes what was written.
    """

    def __init__(self, path: Path, secret: bytes, owner: UUID) -> None:
        salt = os.urandom(_SALT)
        self._path = path
        self._cipher = _cipher(secret, salt, owner)
        self._owner = owner.bytes
        self._first: bytes | None = None
        self._rest = bytearray()
        self._index = 1
        self.size = 0
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise _translated(error) from error
        self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)
        try:
            self._put(_MAGIC + salt + bytes(PIECE + _TAG), 0)
        except OSError as error:
            self.abandon()
            raise _translated(error) from error

    @property
    def first(self) -> bytes:
        """The first piece, as far as it has come."""
        return self._first if self._first is not None else bytes(self._rest[:PIECE])

    def write(self, data: bytes) -> None:
        """Take more of the sound."""
        self._rest += data
        self.size += len(data)
        try:
            # One byte more than a piece must be there: the last piece is sealed as the last.
            while len(self._rest) > PIECE:
                piece = bytes(self._rest[:PIECE])
                del self._rest[:PIECE]
                if self._first is None:
                    self._first = piece
                else:
                    self._put_piece(self._index, piece, last=False)
                    self._index += 1
        except OSError as error:
            raise _translated(error) from error

    def finish(self, mend: Callable[[bytes, int], bytes]) -> None:
        """Write what is left and see that it is on the disk; ``mend`` gets the first piece and the whole size."""
        try:
            if self._first is None:
                self._put_piece(0, mend(bytes(self._rest), self.size), last=True)
                self._file.truncate(_HEAD + len(self._rest) + _TAG)
            else:
                self._put_piece(self._index, bytes(self._rest), last=True)
                self._put_piece(0, mend(self._first, self.size), last=False)
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise _translated(error) from error

    def abandon(self) -> None:
        """Remove the file."""
        self._file.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _put_piece(self, index: int, piece: bytes, *, last: bool) -> None:
        self._put(self._cipher.encrypt(_nonce(index, last), piece, self._owner), _HEAD + index * (PIECE + _TAG))

    def _put(self, data: bytes, place: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._file.fileno(), view, place)
            place += written
            view = view[written:]


class SealedReader:
    """Reads any part of one file. Blocking: call it in a thread. Raises Damaged."""

    def __init__(self, path: Path, secret: bytes, owner: UUID) -> None:
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise Damaged() from error
        try:
            head = self._file.read(_HEAD)
            whole = os.fstat(self._file.fileno()).st_size - _HEAD
        except OSError as error:
            self._file.close()
            raise Damaged() from error
        if head[: len(_MAGIC)] != _MAGIC or len(head) < _HEAD or whole < _TAG:
            self._file.close()
            raise Damaged()
        self._cipher = _cipher(secret, head[len(_MAGIC) :], owner)
        self._owner = owner.bytes
        self._pieces = -(-whole // (PIECE + _TAG))
        self.size = whole - self._pieces * _TAG
        try:
            self.piece(self._pieces - 1)  # only the true last piece proves that the size is true
        except Damaged:
            self._file.close()
            raise

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def piece(self, index: int) -> bytes:
        """One piece, opened."""
        last = index == self._pieces - 1
        try:
            sealed = os.pread(self._file.fileno(), PIECE + _TAG, _HEAD + index * (PIECE + _TAG))
            return self._cipher.decrypt(_nonce(index, last), sealed, self._owner)
        except (OSError, InvalidTag) as error:
            raise Damaged() from error

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` up to ``stop``, piece by piece; only the pieces that hold them are opened."""
        stop = min(stop, self.size)
        while start < stop:
            index, within = divmod(start, PIECE)
            part = self.piece(index)[within : within + stop - start]
            if not part:
                raise Damaged()
            start += len(part)
            yield part


def _translated(error: OSError) -> Exception:
    return NoRoom() if error.errno in FULL else error
