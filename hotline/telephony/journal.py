"""Story lines on disk until the records have them, so that a database outage or kill -9 loses nothing.

One file per holder of a PBX's lease: frames of length, CRC-32 and body; a body is a sealed line (``L``, serial, nonce,
ciphertext) or serials that are committed (``A``). Lines hold numbers and names, so they are sealed (AES-256-GCM) by a
key of this file, which the master key wraps in the first frame (``H``). A torn last frame is what kill -9 leaves: it
was never acknowledged to anybody and is cut off. Written through the page cache: it survives the process, not the
machine's power.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hotline.calls.story import Line
from hotline.crm.keys import Keyring, Wrapped
from hotline.errors import HotlineError, Unavailable
from hotline.ids import new_id
from hotline.telephony.lines import dump_line, load_line

log = structlog.get_logger(__name__)

_FRAME: Final = struct.Struct("<II")
_SERIAL: Final = struct.Struct("<Q")
_NONCE: Final = 12
_LARGEST_FRAME: Final = 1 << 20
#: An idle journal is emptied past this, a busy one rewritten past this and twice what is still waiting.
_EMPTY_AT: Final = 256 * 1024
_REWRITE_AT: Final = 16 * 1024 * 1024
#: Lines that wait for the records take at most this much disk (and memory); then the PBX is let go until they are back.
LARGEST: Final = 64 * 1024 * 1024


class JournalFull(Unavailable):
    """The journal of the PBX's events is full: the records have been away for too long."""

    code = "journal_full"


class Journal:
    """One file, locked by this process while it is open."""

    def __init__(self, path: Path, descriptor: int, cipher: AESGCM, header: bytes, largest: int) -> None:
        self.path = path
        self._fd = descriptor
        self._cipher = cipher
        self._header = header
        self._largest = largest
        self._serial = 0
        self._size = len(header)
        self._rewrite_at = _REWRITE_AT
        self._live: dict[int, bytes] = {}
        self._live_bytes = 0

    @classmethod
    def create(cls, folder: Path, keyring: Keyring, *, largest: int = LARGEST) -> Self:
        """A new, empty journal in ``folder`` (made when missing, for this user alone)."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key_id = new_id()
        key, wrapped = keyring.new_personal_key(key_id)
        header = _frame(
            b"H"
            + json.dumps(
                {"key": str(key_id), "master": wrapped.master, "sealed": base64.b64encode(wrapped.sealed).decode()}
            ).encode()
        )
        path = folder / f"{key_id}.journal"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, header)
        return cls(path, descriptor, AESGCM(key.secret), header, largest)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._size

    @property
    def pending(self) -> int:
        """Lines that are not acknowledged."""
        return len(self._live)

    def append(self, lines: Sequence[Line]) -> list[int]:
        """Write lines; their serials. Raises JournalFull, or Unavailable when the disk refuses."""
        if self._live_bytes > self._largest:
            raise JournalFull
        frames = []
        serials = []
        for line in lines:
            self._serial += 1
            serial = _SERIAL.pack(self._serial)
            nonce = os.urandom(_NONCE)
            frame = _frame(b"L" + serial + nonce + self._cipher.encrypt(nonce, dump_line(line), serial))
            frames.append(frame)
            serials.append(self._serial)
            self._live[self._serial] = frame
            self._live_bytes += len(frame)
        self._write(b"".join(frames))
        return serials

    def acknowledge(self, serials: Iterable[int]) -> None:
        """The records have these lines."""
        done = []
        for serial in serials:
            frame = self._live.pop(serial, None)
            if frame is not None:
                self._live_bytes -= len(frame)
                done.append(_SERIAL.pack(serial))
        if not done:
            return
        if not self._live and self._size > _EMPTY_AT:
            self._rewrite()
        else:
            self._write(_frame(b"A" + b"".join(done)))
            if self._size > max(self._rewrite_at, 2 * self._live_bytes):
                self._rewrite()

    def close(self) -> None:
        """Let go of the file; an empty one is removed."""
        if self._fd >= 0:
            if not self._live:
                self.path.unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = -1

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                written = os.write(self._fd, view)
                self._size += written
                view = view[written:]
        except OSError as error:
            raise Unavailable(f"The journal of PBX events cannot be written: {error.strerror}.") from error

    def _rewrite(self) -> None:
        """Keep only what still waits. The new file is in place, whole and locked, before the old one goes."""
        fresh = self.path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        old, self._fd, self._size = self._fd, descriptor, 0
        self._write(self._header + b"".join(self._live.values()))
        os.rename(fresh, self.path)
        os.close(old)


def left_over(folder: Path, keyring: Keyring) -> Iterator[tuple[Path, int, list[Line]]]:
    """What earlier holders left: (path, open descriptor that holds the lock, lines not committed), oldest first.

    Files that a living process holds are left alone. A file that cannot be read is set aside with a warning.
    """
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*.journal")):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        try:
            lines = _read(path.read_bytes(), keyring)
        except (HotlineError, ValueError, KeyError, InvalidTag) as error:
            log.error("journal.unreadable", file=str(path), error=type(error).__name__)
            path.rename(path.with_suffix(".unreadable"))
            os.close(descriptor)
            continue
        yield path, descriptor, lines


def _read(data: bytes, keyring: Keyring) -> list[Line]:
    frames = _frames(data)
    head = next(frames, b"")
    if not head.startswith(b"H"):
        return []  # cut off before anything was written
    header = json.loads(head[1:])
    key_id = UUID(header["key"])
    key = keyring.unwrap(key_id, Wrapped(header["master"], base64.b64decode(header["sealed"])))
    cipher = AESGCM(key.secret)
    waiting: dict[bytes, Line] = {}
    for body in frames:
        if body[:1] == b"L":
            serial = body[1:9]
            waiting[serial] = load_line(cipher.decrypt(body[9 : 9 + _NONCE], body[9 + _NONCE :], serial))
        elif body[:1] == b"A":
            for start in range(1, len(body), 8):
                waiting.pop(body[start : start + 8], None)
    return list(waiting.values())


def _frames(data: bytes) -> Iterator[bytes]:
    """Whole frames, up to the first that is torn or does not fit its checksum."""
    place = 0
    while place + _FRAME.size <= len(data):
        length, checksum = _FRAME.unpack_from(data, place)
        body = data[place + _FRAME.size : place + _FRAME.size + length]
        if length > _LARGEST_FRAME or len(body) < length or zlib.crc32(body) != checksum:
            return
        yield body
        place += _FRAME.size + length


def _frame(body: bytes) -> bytes:
    return _FRAME.pack(len(body), zlib.crc32(body)) + body
