"""Putting a backup back: all of it is read and checked before anything is touched, the records come back in one
transaction, the files lie beside the old ones until it is committed.

What a kill leaves in between is marked in the data folder, and nothing starts there until the restore was run again.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import structlog

from hotline.crm import audit
from hotline.crm.backup.backup_keys import BackupKey
from hotline.crm.backup.records import Load, Records, is_empty, loading, refuse_newer
from hotline.crm.backup.sealed_stream import PIECE
from hotline.crm.commands.campaigns.campaign_states import move
from hotline.crm.commands.conversations import outgoing
from hotline.crm.commands.pushes import push_results
from hotline.crm.database import Database
from hotline.crm.keys import Keyring
from hotline.crm.personal_keys import KEY_FILE, open_keyring, rewrap
from hotline.crm.queries.campaigns.campaign_runs import going
from hotline.crm.viewer import SYSTEM
from hotline.errors import Conflict, SettingError
from hotline.settings import Settings
from hotline.workflows.customers import erased_ledger, erasure
from hotline.workflows.customers.erased_ledger import LEDGER, Erased
from hotline.workflows.house import House
from hotline.workflows.quiet_house import open_records, quiet_house
from hotline.workflows.sealed_files import sync_folder
from hotline.workflows.upkeep import unfinished_restore
from hotline.workflows.upkeep.backup import Tell
from hotline.workflows.upkeep.backup_archive import ArchiveIn, Contents, FilePiece, RowsPiece, verify
from hotline.workflows.upkeep.backup_parts import files, parts

log = structlog.get_logger(__name__)
T = TypeVar("T")

#: Folders inside a part, on its own file system: what comes, and what it replaces.
_COMING: Final = ".restoring"
_GOING: Final = ".replaced"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. ``steps`` are those that this version added, ``erased`` people were erased again,
    ``kept_key`` is the file with a master key that was put aside."""

    made_at: datetime
    rows: int
    files: int
    steps: tuple[str, ...]
    erased: int
    kept_key: Path | None = None
    skipped: tuple[str, ...] = field(default=())


async def restore_backup(
    settings: Settings,
    path: Path,
    key: BackupKey,
    *,
    replace: bool = False,
    ledgers: Sequence[Path] = (),
    tell: Tell = lambda _: None,
) -> Restored:
    """Put a backup back into an empty installation, or with ``replace`` into any.

    Raises NoBackup, WrongBackupKey, DamagedBackup and NewerBackup before anything is touched; Conflict when the
    installation is not empty; InUse while anybody else is connected to the database.
    """
    tell("checking the backup")
    contents = await asyncio.to_thread(verify, path, key)
    await refuse_newer(contents.records)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    db = await open_records(settings)
    try:
        resumed = (settings.data_dir / unfinished_restore.MARK).exists()
        if not (replace or resumed) and not await _vacant(db, settings):
            raise Conflict(
                "This installation is not empty: a restore would replace its records, files and keys. With --replace "
                "it does; make a backup first."
            )
        places = [*ledgers, path.parent / LEDGER, settings.data_dir / LEDGER]
        erased = await _all_erased(db, settings, contents, places)
        steps, skipped = await _put_back(db, settings, path, key, contents, tell)
    finally:
        await db.close()
    tell("keys")
    kept_key = await _keys(settings, contents.secrets)
    tell("people who were erased since")
    again = await _again(settings, contents, erased)
    (settings.data_dir / unfinished_restore.MARK).unlink(missing_ok=True)
    return Restored(
        made_at=datetime.fromisoformat(contents.about["made_at"]),
        rows=contents.rows,
        files=contents.files,
        steps=tuple(steps),
        erased=again,
        kept_key=kept_key,
        skipped=tuple(skipped),
    )


async def _vacant(db: Database, settings: Settings) -> bool:
    """Whether nobody has worked here. Prompts are no sign of work: hotline makes them by itself."""
    if not await is_empty(db):
        return False
    worked = [folder for name, folder in parts(settings).items() if name not in ("prompts", "flows")]
    return not any(next(files(folder), None) for folder in worked)


# Who was erased since


async def _all_erased(
    db: Database, settings: Settings, contents: Contents, places: Sequence[Path]
) -> dict[Erased, None]:
    """Everybody whom these files, or the records that are about to be replaced, name as erased."""
    secrets = [*contents.secrets, *(secret.get_secret_value() for secret in settings.secret_key)]
    signer = Keyring(secrets, b"only its signatures are looked at")
    found: dict[Erased, None] = {}
    for place in places:
        found.update(dict.fromkeys(await asyncio.to_thread(erased_ledger.read, place, signer)))
    for customer_id, at in await erasure.people_erased(db):
        found[Erased(customer_id, at)] = None
    return found


async def _again(settings: Settings, contents: Contents, erased: dict[Erased, None]) -> int:
    """Erase again who was erased after the backup was made; send nothing again that left since; note the restore and
    where the audit trail stands."""
    house = await quiet_house(settings)
    try:
        doubtful = await _doubt_waiting(house)
        done = await erasure.erase_again(house, [each.customer_id for each in erased])
        paused = await _pause_campaigns(house)
        async with house.unit(SYSTEM) as uow:
            uow.audit("backup:restored", None, made_at=contents.about["made_at"], erased=done, unknown=doubtful,
                      paused=paused)  # fmt: skip
        await _restart_audit(house)
        return done
    finally:
        await house.close()


async def _doubt_waiting(house: House) -> int:
    count = 0
    while True:
        async with house.unit(SYSTEM) as uow:
            some = await outgoing.doubt_waiting(uow)
        if not some:
            return count
        count += some


async def _pause_campaigns(house: House) -> int:
    """What a campaign has sent since the backup nobody knows: what was due is unknown, and none goes on before a person
    says so. How many campaigns."""
    paused = 0
    for campaign_id in await going(house.db, SYSTEM):
        async with house.unit(SYSTEM) as uow:
            await move(uow, campaign_id, "pause", reason="restored")
        paused += 1
    while True:
        async with house.unit(SYSTEM) as uow:
            if not await push_results.doubt_due(uow):
                return paused


async def _restart_audit(house: House) -> None:
    """The head that was kept outside belongs to a trail that is no more."""
    (house.settings.data_dir / audit.HEAD_FILE).unlink(missing_ok=True)
    while (made := await audit.seal(house.db, house.keyring, house.clock())) is not None:
        await asyncio.to_thread(audit.keep_head, house.settings.data_dir, made)


# Records and files


async def _put_back(
    db: Database, settings: Settings, path: Path, key: BackupKey, contents: Contents, tell: Tell
) -> tuple[list[str], list[str]]:
    """Records and files; the steps that were added, and the parts that have no place here."""
    folders = {name: folder for name, folder in parts(settings).items() if name != "flows" or not _any(folder)}
    mark = settings.data_dir / unfinished_restore.MARK
    skipped: list[str] = []
    try:
        with path.open("rb") as raw:
            archive = await asyncio.to_thread(ArchiveIn, raw, key)
            items = archive.items()
            async with loading(db, contents.records) as load:
                rest = await _load(load, items, contents.records, tell)
                tell("files")
                skipped = await asyncio.to_thread(_stage, rest, items, folders)
                steps = await load.finish()
                # From here on a kill leaves half of it.
                await asyncio.to_thread(_mark, mark)
    except BaseException:
        # The transaction did not commit, or nobody knows: then the mark stays.
        await asyncio.to_thread(_unstage, folders)
        raise
    await asyncio.to_thread(_swap, folders)
    return steps, skipped


def _any(folder: Path) -> bool:
    return next(files(folder), None) is not None


async def _load(
    load: Load, items: Iterator[RowsPiece | FilePiece], records: Records, tell: Tell
) -> RowsPiece | FilePiece | None:
    """All tables; the first item that is no row."""
    item = await asyncio.to_thread(next, items, None)
    for table in records.tables:
        tell(f"records: {table.name}")

        async def rows(name: str = table.name) -> AsyncIterator[bytes]:
            nonlocal item
            while isinstance(item, RowsPiece) and item.table == name:
                yield item.data
                item = await asyncio.to_thread(next, items, None)

        await load.copy(table.name, rows())
    return item


def _stage(
    item: RowsPiece | FilePiece | None, items: Iterator[RowsPiece | FilePiece], folders: dict[str, Path]
) -> list[str]:
    """Write the files of each part beside what it has now; the parts without a place."""
    _unstage(folders)
    skipped: set[str] = set()
    while item is not None:
        if isinstance(item, FilePiece):
            if (folder := folders.get(item.part)) is None:
                skipped.add(item.part)
            else:
                _write(item, folder / _COMING / item.name)
        item = next(items, None)
    return sorted(skipped)


def _write(item: FilePiece, path: Path) -> None:
    _make_folder(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while data := item.source.read(PIECE):
            file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _make_folder(folder: Path) -> None:
    """For this user alone, as are those above that are missing."""
    for each in (*reversed(folder.parents), folder):
        each.mkdir(mode=0o700, exist_ok=True)


def _unstage(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        shutil.rmtree(folder / _COMING, ignore_errors=True)


def _swap(folders: dict[str, Path]) -> None:
    """Each part's files for those that came. A part may be a mount of its own: its folder itself stays."""
    for folder in folders.values():
        going, coming = folder / _GOING, folder / _COMING
        shutil.rmtree(going, ignore_errors=True)
        if not folder.exists():
            continue
        going.mkdir(mode=0o700)
        for path in [path for path in folder.iterdir() if path.name not in (_GOING, _COMING)]:
            path.rename(going / path.name)
        if coming.exists():
            for path in list(coming.iterdir()):
                path.rename(folder / path.name)
            coming.rmdir()
        shutil.rmtree(going)
        sync_folder(folder)


def _mark(mark: Path) -> None:
    mark.touch(mode=0o600)
    sync_folder(mark.parent)


# Keys


async def _keys(settings: Settings, secrets: Sequence[str]) -> Path | None:
    """The backup's key ring, where this installation looks for it: its file, or under the key of its setting.

    Answers where a key lies that was put aside: the file's before, or the backup's, which old seals of the audit trail
    are signed by.
    """
    configured = [secret.get_secret_value() for secret in settings.secret_key]
    file = settings.data_dir / KEY_FILE
    if not configured:
        aside = None
        if file.exists() and file.read_text().strip() != secrets[0]:
            aside = _write_key(file.with_name(f"{KEY_FILE}.before"), file.read_text().strip())
        _write_key(file, secrets[0])
        await _under(settings, secrets)
        return aside
    missing = [secret for secret in secrets if secret not in configured]
    await _under(settings, [*configured, *missing])
    return _write_key(file.with_name(f"{KEY_FILE}.restored"), ",".join(missing)) if missing else None


async def _under(settings: Settings, secrets: Sequence[str]) -> None:
    """Put all personal keys under the first of the master keys."""
    db = await open_records(settings)
    try:
        keyring = await open_keyring(db, secrets)
        if len(secrets) > 1:
            await rewrap(db, keyring, secrets)
    except SettingError:
        raise SettingError("The key ring of the backup does not open its records.") from None
    finally:
        await db.close()


def _write_key(path: Path, text: str) -> Path:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)
    return path
