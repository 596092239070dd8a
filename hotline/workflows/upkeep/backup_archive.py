"""What is in a backup: a tar archive inside a sealed stream, written and read in one go, with little memory.

::

    manifest.json                   what is in it, and the records' schema
    keys.json                       the master keys
    records/TABLE/000001.z          rows as COPY writes them, deflated, in pieces
    files/PART/PATH                 the files of one part of the data folder
    end.json                        how much of everything there was

Each function blocks: call it in a thread.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Final

from hotline.crm.backup.backup_keys import BackupKey
from hotline.crm.backup.records import Records
from hotline.crm.backup.sealed_stream import PIECE, DamagedBackup, SealedIn, SealedOut
from hotline.crm.keys import unwrap_with
from hotline.errors import SettingError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
KEYS: Final = "keys.json"
END: Final = "end.json"
#: Most bytes of rows that are held at once, on the way in and out.
CHUNK: Final = 4 << 20
_LARGEST_JSON: Final = 8 << 20
_LEVEL: Final = 1


@dataclass(slots=True)
class Amount:
    """How much of one table or one part: rows or files, bytes before they are packed, and their hash."""

    count: int = 0
    size: int = 0
    _hash: Any = field(default_factory=hashlib.sha256, repr=False)

    def add(self, data: bytes) -> None:
        """Some more of it."""
        self.size += len(data)
        self._hash.update(data)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"count": self.count, "bytes": self.size, "sha256": self._hash.hexdigest()}


@dataclass(slots=True)
class Contents:
    """What a backup holds. ``about`` is who made it when; ``secrets`` the master keys, the present one first."""

    about: dict[str, Any]
    records: Records
    secrets: list[str] = field(repr=False)
    tables: dict[str, Amount] = field(default_factory=dict)
    parts: dict[str, Amount] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(amount.count for amount in self.tables.values())

    @property
    def files(self) -> int:
        """All files."""
        return sum(amount.count for amount in self.parts.values())


class ArchiveOut:
    """Writes a backup, in the order of the module's text."""

    def __init__(self, raw: BinaryIO, key: BackupKey, about: dict[str, Any]) -> None:
        self._sealed = SealedOut(raw, key, about)
        self._tar = tarfile.open(fileobj=self._sealed, mode="w|", format=tarfile.PAX_FORMAT, bufsize=PIECE)  # noqa: SIM115
        self._pieces: dict[str, int] = {}
        self.tables: dict[str, Amount] = {}
        self.parts: dict[str, Amount] = {}

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._sealed.size

    def begin(self, about: dict[str, Any], records: Records, secrets: list[str]) -> None:
        """What it is, and the key ring."""
        self._put_json(MANIFEST, {"format": FORMAT, "about": about, "records": records.to_json()})
        self._put_json(KEYS, {"secrets": secrets})

    def rows(self, table: str, data: bytes) -> None:
        """A piece of a table's rows."""
        amount = self.tables.setdefault(table, Amount())
        amount.add(data)
        self._pieces[table] = self._pieces.get(table, 0) + 1
        self._put(f"records/{table}/{self._pieces[table]:06}.z", zlib.compress(data, _LEVEL))

    def table_done(self, table: str, rows: int) -> None:
        """All rows of a table are there."""
        self.tables.setdefault(table, Amount()).count = rows

    def file(self, part: str, name: str, path: Path) -> bool:
        """One file of a part; False when it is gone by now."""
        try:
            source = path.open("rb")
        except FileNotFoundError:
            return False
        with source:
            found = tarfile.TarInfo(f"files/{part}/{name}")
            found.size = source.seek(0, io.SEEK_END)
            found.mode, found.mtime = 0o600, int(path.stat().st_mtime)
            source.seek(0)
            amount = self.parts.setdefault(part, Amount())
            self._tar.addfile(found, _Counting(source, amount))
            amount.count += 1
        self._tar.members.clear()  # type: ignore[attr-defined]  # it would remember every file
        return True

    def finish(self) -> None:
        """The amounts, and the end."""
        self._put_json(
            END,
            {
                "tables": {name: amount.to_json() for name, amount in self.tables.items()},
                "parts": {name: amount.to_json() for name, amount in self.parts.items()},
            },
        )
        self._tar.close()
        self._sealed.finish()

    def _put_json(self, name: str, value: Any) -> None:
        self._put(name, json.dumps(value, separators=(",", ":")).encode())

    def _put(self, name: str, data: bytes) -> None:
        found = tarfile.TarInfo(name)
        found.size, found.mode = len(data), 0o600
        self._tar.addfile(found, io.BytesIO(data))
        self._tar.members.clear()  # type: ignore[attr-defined]


class _Counting:
    """A file that notes what is read of it."""

    def __init__(self, source: IO[bytes], amount: Amount) -> None:
        self._source = source
        self._amount = amount

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._amount.add(data)
        return data


@dataclass(frozen=True, slots=True)
class RowsPiece:
    """A piece of a table's rows."""

    table: str
    data: bytes


@dataclass(frozen=True, slots=True)
class FilePiece:
    """A file of a part; ``source`` is read before the next item is asked for."""

    part: str
    name: str
    source: IO[bytes]


class ArchiveIn:
    """Reads a backup from its beginning to its end. ``items`` raises DamagedBackup at the end unless all that was
    written has come."""

    def __init__(self, raw: BinaryIO, key: BackupKey) -> None:
        self._sealed = SealedIn(raw, key)
        try:
            self._tar = tarfile.open(fileobj=self._sealed, mode="r|", bufsize=PIECE)  # noqa: SIM115
        except tarfile.TarError:
            raise DamagedBackup() from None
        manifest = self._json(MANIFEST)
        if manifest.get("format") != FORMAT:
            raise DamagedBackup("This backup was made by a newer hotline.")
        keys = self._json(KEYS)
        try:
            self.contents = Contents(
                about=dict(manifest["about"]),
                records=Records.from_json(manifest["records"]),
                secrets=[str(secret) for secret in keys["secrets"]],
            )
        except (KeyError, TypeError, ValueError):
            raise DamagedBackup() from None

    def items(self) -> Iterator[RowsPiece | FilePiece]:
        """Every piece of rows and every file, in order."""
        contents = self.contents
        for table in contents.records.tables:
            contents.tables[table.name] = Amount()
        while (member := self._next()) is not None:
            room, _, rest = member.name.partition("/")
            if room == "records":
                name = rest.partition("/")[0]
                data = self._rows(member)
                if name not in contents.tables:
                    raise DamagedBackup()
                contents.tables[name].add(data)
                contents.tables[name].count += data.count(b"\n")
                yield RowsPiece(name, data)
            elif room == "files":
                part, _, name = rest.partition("/")
                amount = contents.parts.setdefault(part, Amount())
                amount.count += 1
                counted = _Counting(self._open(member), amount)
                yield FilePiece(part, _harmless(name), counted)  # type: ignore[arg-type]
                while counted.read(PIECE):
                    pass
            elif member.name == END:
                self._end(member)
                return
            else:
                raise DamagedBackup()
        raise DamagedBackup()

    def _end(self, member: tarfile.TarInfo) -> None:
        told = json.loads(self._open(member).read(_LARGEST_JSON))
        found = {
            "tables": {name: amount.to_json() for name, amount in self.contents.tables.items()},
            "parts": {name: amount.to_json() for name, amount in self.contents.parts.items()},
        }
        if told != found:
            raise DamagedBackup("This backup does not hold all that it says.")
        while self._sealed.read(PIECE):  # to the true end
            pass

    def _next(self) -> tarfile.TarInfo | None:
        try:
            member = self._tar.next()
        except tarfile.TarError:
            raise DamagedBackup() from None
        self._tar.members.clear()  # type: ignore[attr-defined]
        if member is not None and not member.isreg():
            raise DamagedBackup()
        return member

    def _open(self, member: tarfile.TarInfo) -> IO[bytes]:
        source = self._tar.extractfile(member)
        assert source is not None  # it is a regular file
        return source

    def _json(self, name: str) -> dict[str, Any]:
        member = self._next()
        if member is None or member.name != name or member.size > _LARGEST_JSON:
            raise DamagedBackup()
        try:
            return dict(json.loads(self._open(member).read()))
        except (ValueError, TypeError):
            raise DamagedBackup() from None

    def _rows(self, member: tarfile.TarInfo) -> bytes:
        if member.size > 2 * CHUNK:
            raise DamagedBackup()
        opened = zlib.decompressobj()
        data = b""
        with suppress(zlib.error):
            data = opened.decompress(self._open(member).read(), 2 * CHUNK)
        if not opened.eof:
            raise DamagedBackup()
        return data


def verify(path: Path, key: BackupKey) -> Contents:
    """Read a whole backup and see that nothing of it is missing or altered, and that its key ring opens its records.

    Raises NoBackup, WrongBackupKey and DamagedBackup.
    """
    with path.open("rb") as raw:
        archive = ArchiveIn(raw, key)
        for item in archive.items():
            if isinstance(item, FilePiece):
                while item.source.read(PIECE):
                    pass
    contents = archive.contents
    if contents.records.index is not None:
        try:
            unwrap_with(contents.secrets, "index", contents.records.index)
        except SettingError:
            raise DamagedBackup("The key ring in this backup does not open its records.") from None
    return contents


def _harmless(name: str) -> str:
    """A file's place below its part: never above it."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\0" in name or "\\" in name:
        raise DamagedBackup()
    return str(path)
