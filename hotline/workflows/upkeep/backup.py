"""Making a backup while hotline runs: the records of one moment, then the files that they name, sealed on the way to
one file, read back before it gets its name.

Files never change once they are written, and they are deleted only after their rows: what the records name and is
gone by then was deleted meanwhile, and a restore finds it so.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import structlog

from hotline import __version__
from hotline.crm.backup.backup_keys import BackupKey
from hotline.crm.backup.records import Dump, Table, dumping
from hotline.crm.commands.customers.erasure import erased_people
from hotline.crm.personal_keys import KEY_FILE, master_secrets
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, SettingError
from hotline.settings import Settings
from hotline.workflows.customers import erased_ledger
from hotline.workflows.customers.erased_ledger import Erased, signed
from hotline.workflows.house import House
from hotline.workflows.quiet_house import quiet_house
from hotline.workflows.sealed_files import sync_folder
from hotline.workflows.upkeep import backup_rotation
from hotline.workflows.upkeep.backup_archive import CHUNK, ArchiveOut, verify
from hotline.workflows.upkeep.backup_parts import PASSING, files, parts
from hotline.workflows.upkeep.backup_rotation import Keep

log = structlog.get_logger(__name__)

#: Told now and then: what is being done, and how far.
Tell = Callable[[str], None]

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_PART: Final = ".part"


class BackupExists(HotlineError):
    """There is a file of this name already; a backup never overwrites one."""

    code = "backup_exists"
    status = 409


class NoRoomForBackup(HotlineError):
    """The disk is full: this backup was not made."""

    code = "backup_no_room"
    status = 507


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made and read back; ``gone`` files were deleted while it was made, ``removed`` are backups
    whose time was over."""

    path: Path
    bytes: int
    rows: int
    files: int
    gone: int
    removed: tuple[Path, ...]


async def make_backup(
    settings: Settings, target: Path, key: BackupKey, *, keep: Keep | None = None, tell: Tell = lambda _: None
) -> Made:
    """Back everything up to ``target``: a new file, or a folder, in which it gets a name by its time.

    Raises SettingError without records, BackupExists, NoRoomForBackup, and what a damaged copy raises when it is read
    back; then no file is left, and no older backup is removed.
    """
    house = await quiet_house(settings)
    try:
        path = await asyncio.to_thread(_place, target, backup_rotation.file_name(house.clock()))
        gone = await _written(house, path, key, tell)
        part = _part(path)
        try:
            tell("reading it back")
            contents = await asyncio.to_thread(verify, part, key)
            await asyncio.to_thread(os.rename, part, path)
            await asyncio.to_thread(sync_folder, path.parent)
        finally:
            part.unlink(missing_ok=True)
        await _beside(house, path.parent)
        removed = await asyncio.to_thread(_rotate, path, keep or Keep())
        async with house.unit(SYSTEM) as uow:
            uow.audit("backup:made", None, rows=contents.rows, files=contents.files, removed=len(removed))
        return Made(path, path.stat().st_size, contents.rows, contents.files, gone, tuple(removed))
    finally:
        await house.close()


def _place(target: Path, name: str) -> Path:
    path = target / name if target.is_dir() else target
    if path.exists():
        raise BackupExists(f"{path} exists already; a backup never overwrites a file.")
    return path


async def _written(house: House, path: Path, key: BackupKey, tell: Tell) -> int:
    """Write the whole backup to the file's working name; how many files were gone."""
    part = _part(path)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BackupExists(f"{part} exists: another backup to this name runs, or was cut off; remove it.") from None
    except OSError as error:
        raise SettingError(f"{part.parent} cannot be written to: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb", buffering=1 << 20) as raw:
            gone = await _write(house, raw, key, tell)
            raw.flush()
            await asyncio.to_thread(os.fsync, raw.fileno())
        return gone
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _FULL:
            raise NoRoomForBackup() from error
        raise


async def _write(house: House, raw: BinaryIO, key: BackupKey, tell: Tell) -> int:
    about = {"version": __version__, "made_at": house.clock().isoformat(), "host": socket.gethostname()}
    archive = await asyncio.to_thread(ArchiveOut, raw, key, about)
    async with dumping(house.db) as dump:
        await asyncio.to_thread(archive.begin, about, dump.records, own_secrets(house.settings))
        for table in dump.records.tables:
            tell(f"records: {table.name}")
            await _copy(archive, dump, table)
    gone = 0
    for part, folder in parts(house.settings).items():
        if part in PASSING:
            continue
        tell(f"files: {part}")
        gone += await asyncio.to_thread(_take, archive, part, folder)
    await asyncio.to_thread(archive.finish)
    return gone


async def _copy(archive: ArchiveOut, dump: Dump, table: Table) -> None:
    waiting = bytearray()

    async def take(data: bytes) -> None:
        waiting.extend(data)
        while len(waiting) >= CHUNK:
            piece = bytes(waiting[:CHUNK])
            del waiting[:CHUNK]
            await asyncio.to_thread(archive.rows, table.name, piece)

    rows = await dump.copy(table, take)
    if waiting:
        await asyncio.to_thread(archive.rows, table.name, bytes(waiting))
    archive.table_done(table.name, rows)


def _take(archive: ArchiveOut, part: str, folder: Path) -> int:
    """Write a part's files; how many were gone."""
    return sum(not archive.file(part, name, folder / name) for name in files(folder))


def own_secrets(settings: Settings) -> list[str]:
    """The master keys of this installation. Raises SettingError when there are none: nothing is made for a backup."""
    configured = [secret.get_secret_value() for secret in settings.secret_key]
    if not configured and not (settings.data_dir / KEY_FILE).exists():
        raise SettingError(
            f"HOTLINE_SECRET_KEY: neither it nor {settings.data_dir / KEY_FILE} is there, so there is no key to back up"
        )
    return master_secrets(configured, settings.data_dir)


async def _beside(house: House, folder: Path) -> None:
    """Keep the list of who was erased beside the backups: a restore of an older one needs it."""
    erased = [Erased(customer_id, at) for customer_id, at in await erased_people(house.db)]
    lines = [signed(house.keyring, each) for each in erased]
    for place in (folder, house.settings.data_dir):
        await asyncio.to_thread(erased_ledger.note, place, lines)


def _rotate(made: Path, keep: Keep) -> list[Path]:
    """Remove backups whose time is over, beside one of the same kind of name."""
    if backup_rotation.made_at(made) is None:
        return []
    removed = []
    for path in backup_rotation.expired(made.parent.iterdir(), keep):
        with suppress(FileNotFoundError):
            path.unlink()
            removed.append(path)
    return removed


def _part(path: Path) -> Path:
    return path.with_name(path.name + _PART)
