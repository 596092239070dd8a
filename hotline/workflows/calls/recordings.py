"""Voicemails and recorded calls: asked for, received, heard, deleted.

The PBX records into a file of its own and sends it to an address that hotline gave it. The sound is encrypted while it
comes in, a key per recording, and written as a row only when its file is whole and on the disk: what a crash leaves is
a file without a row, which ``keep_recordings`` removes, and an upload that comes again.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic, time
from typing import Final
from uuid import UUID

import structlog

from hotline.crm import company
from hotline.crm.commands.calls import recordings as commands
from hotline.crm.commands.calls.recordings import Kind, NewRecording
from hotline.crm.keys import PersonalKey, Wrapped
from hotline.crm.queries.calls import recordings as queries
from hotline.crm.queries.calls.recordings import SealedFile
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import HotlineError, NotFound, Unavailable
from hotline.ivr.effects import Prompt
from hotline.media.errors import Damaged, NoRoom, NotSound
from hotline.media.sealed import SealedReader, SealedWriter
from hotline.media.wave import LONGEST_HEAD, Wave, read_wave
from hotline.workflows.calls import uploads
from hotline.workflows.company import company as settings_of
from hotline.workflows.house import House
from hotline.workflows.ivr.prompts import book
from hotline.workflows.sealed_files import in_thread, sync_folder

log = structlog.get_logger(__name__)

#: What is said when the company has no words of its own.
ANNOUNCEMENT: Final = {
    "en": "This call may be recorded.",
    "zh": "本次通话可能会被录音。",
}
#: Bytes of the disk that recordings never take: the records may lie on the same one.
SPARED: Final = 256 << 20
#: Uploads that one process takes at once; a PBX that comes back after hours has many.
MOST_UPLOADS: Final = 16
#: Bytes that are encrypted and written in one go.
BATCH: Final = 1 << 20
#: Files without a row are a crash's, when nobody has written to them for so long.
ORPHANED_SECONDS: Final = 3600.0
#: For how long a full disk is told of after the last upload that met it.
TROUBLE_SECONDS: Final = 3600.0

_SUFFIX: Final = ".hlr"
_PART: Final = ".part"
_CONTENT_TYPE: Final = "audio/wav"
_MOST_DELETED: Final = 500


class TooLong(HotlineError):
    """The recording is larger than the company's setting allows."""

    code = "too_large"
    status = 413


@dataclass(frozen=True, slots=True)
class Upload:
    """The right to send one recording: a PUT of a WAV to ``url``."""

    id: UUID
    url: str


@dataclass(frozen=True, slots=True)
class CallRecording:
    """A whole call is to be recorded; ``announcement`` is said first, None when the company does not want that."""

    upload: Upload
    announcement: Prompt | None


@dataclass(slots=True)
class _Kept:
    """What this process remembers of uploads."""

    uploading: int = 0
    trouble: str = ""
    trouble_at: float = field(default=float("-inf"))


def _kept(house: House) -> _Kept:
    kept: _Kept = house.kept.setdefault(_Kept, _Kept())
    return kept


def folder(house: House) -> Path:
    """Where recordings lie."""
    return house.settings.recordings_dir or house.settings.data_dir / "recordings"


# Asked for, when a recording begins


def issue(house: House, pbx: str, uniqueid: str, kind: Kind) -> Upload:
    """Where the PBX sends the recording of this channel. Asks nobody: neither the records nor the disk."""
    upload_id = house.new_id()
    grant = uploads.Grant(upload_id, pbx, uniqueid, kind, house.clock() + uploads.LIFETIME)
    return Upload(upload_id, f"{book(house).base}/recordings/{uploads.sign(house.keyring, grant)}")


async def begin(house: House, pbx: str, uniqueid: str, language: str) -> CallRecording | None:
    """What to do for the recording of a whole call; None when the company does not record calls."""
    section = settings_of.known(house, company.Recordings)
    if not section.record_calls:
        return None
    return CallRecording(
        issue(house, pbx, uniqueid, "call"), announcement(house, language) if section.announce else None
    )


def announcement(house: House, language: str) -> Prompt:
    """What callers hear before they are recorded."""
    own = settings_of.known(house, company.Recordings).announcement
    return Prompt("recordings.announcement", {**ANNOUNCEMENT, **{k: v for k, v in own.items() if v}}, language)


# Received


def expect(house: House, token: str, length: int | None) -> None:
    """Refuse, before it is sent, what ``receive`` would refuse for its address or its size."""
    uploads.read(house.keyring, token, house.clock())
    if length is not None and length > settings_of.known(house, company.Recordings).largest_mb << 20:
        raise TooLong()


async def receive(house: House, token: str, length: int | None, body: AsyncIterator[bytes]) -> bool:
    """Take a recording that a PBX sends; False when it is here already.

    Raises Forged and Expired for the address, and what ``store`` raises. Whatever it raises, nothing of the recording
    is kept.
    """
    grant = uploads.read(house.keyring, token, house.clock())
    section = await settings_of.get(house, company.Recordings)
    if length is not None and length > section.largest_mb << 20:
        raise TooLong()
    if await queries.is_known(house.db, SYSTEM, grant.id):
        return False
    return await store(house, grant, length, body)


async def store(house: House, grant: uploads.Grant, length: int | None, body: AsyncIterator[bytes]) -> bool:
    """Store a recording as it comes; False when it is here already.

    Raises TooLong, NotSound, NoRoom, and Unavailable while the records are away or too many come at once.
    """
    section = await settings_of.get(house, company.Recordings)
    kept = _kept(house)
    if kept.uploading >= MOST_UPLOADS:
        raise Unavailable("Too many recordings are sent at once; try again soon.")
    kept.uploading += 1
    try:
        stored = await _store(house, grant, section, length, body)
    except NoRoom as error:
        _note_trouble(house, error.detail)
        raise
    finally:
        kept.uploading -= 1
    if kept.trouble:
        kept.trouble = ""
        log.info("recordings.room_again")
    return stored


async def _store(
    house: House, grant: uploads.Grant, section: company.Recordings, length: int | None, body: AsyncIterator[bytes]
) -> bool:
    await _make_room(house, section, length or 0)
    # Not the upload's name alone: the same one may come twice at once, and only one of the two is kept.
    path = f"{house.clock():%Y-%m}/{grant.id}-{secrets.token_hex(4)}{_SUFFIX}"
    part = folder(house) / (path + _PART)
    key, wrapped = house.keyring.new_personal_key(house.new_id())
    writer = await in_thread(SealedWriter, part, key.secret, grant.id)
    try:
        wave = await _write(writer, body, section.largest_mb << 20)
        await in_thread(writer.finish, wave.mended)
        await in_thread(os.replace, part, folder(house) / path)
        await in_thread(sync_folder, part.parent)
    except BaseException:
        writer.abandon()
        raise
    new = NewRecording(
        id=grant.id,
        pbx=grant.pbx,
        uniqueid=grant.uniqueid,
        kind=grant.kind,
        seconds=wave.seconds(writer.size),
        bytes=writer.size,
        content_type=_CONTENT_TYPE,
        path=path,
        delete_at=house.clock() + _retention(section, grant.kind),
    )
    if await _add(house, new, key, wrapped):
        return True
    (folder(house) / path).unlink(missing_ok=True)
    return False


async def _add(house: House, new: NewRecording, key: PersonalKey, wrapped: Wrapped) -> bool:
    # When the records go away just now, nobody knows whether they have it: the file stays, and the sweeper decides.
    async with house.unit(SYSTEM) as uow:
        return await commands.add_recording(uow, new, key, wrapped)


async def _write(writer: SealedWriter, body: AsyncIterator[bytes], largest: int) -> Wave:
    """Encrypt the body as it comes; what it is, told by its head as soon as that is there."""
    wave: Wave | None = None
    batch = bytearray()
    async for data in body:
        batch += data
        if writer.size + len(batch) > largest:
            raise TooLong()
        if wave is None and len(batch) >= LONGEST_HEAD:
            wave = read_wave(bytes(batch[:LONGEST_HEAD]))
        if len(batch) >= BATCH:
            await in_thread(writer.write, bytes(batch))
            batch.clear()
    wave = wave or read_wave(bytes(batch[:LONGEST_HEAD]))
    await in_thread(writer.write, bytes(batch))
    if wave.seconds(writer.size) <= 0:
        raise NotSound("sound: a WAV file without sound")
    return wave


async def _make_room(house: House, section: company.Recordings, coming: int) -> None:
    """See that the disk and the quota have room, deleting the oldest where the company wants that."""
    free = await in_thread(_free, folder(house))
    if free is not None and free < coming + SPARED:
        raise NoRoom()
    quota = section.quota_mb << 20
    over = (await queries.usage(house.db, SYSTEM)).bytes + coming - quota
    if over <= 0:
        return
    if section.when_full == "refuse" or coming > quota:
        raise NoRoom("The quota for recordings is used up.")
    gone: list[UUID] = []
    for recording_id, size in await queries.oldest(house.db, SYSTEM, limit=_MOST_DELETED):
        if over <= 0:
            break
        gone.append(recording_id)
        over -= size
    await _delete(house, SYSTEM, gone, "room")
    log.warning("recordings.made_room", deleted=len(gone))
    if over > 0:
        raise NoRoom("The quota for recordings is used up.")


def _free(place: Path) -> int | None:
    while not place.exists():
        place = place.parent
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None


def _retention(section: company.Recordings, kind: Kind) -> timedelta:
    return timedelta(days=section.voicemail_retention_days if kind == "voicemail" else section.retention_days)


def _note_trouble(house: House, why: str) -> None:
    kept = _kept(house)
    kept.trouble_at = monotonic()
    if kept.trouble != why:
        kept.trouble = why
        log.error("recordings.no_room", reason=why, advice="PBXs keep their files and send them again")


def trouble(house: House) -> str:
    """What lately kept recordings from being stored; empty when nothing does."""
    kept = _kept(house)
    return kept.trouble if monotonic() - kept.trouble_at < TROUBLE_SECONDS else ""


# Heard


async def open_recording(
    house: House, viewer: Viewer, recording_id: UUID, *, download: bool = False, noted: bool = True
) -> tuple[SealedFile, SealedReader]:
    """A recording's sound, to be closed by the caller. ``noted`` writes into the audit trail that it was heard.

    Raises Forbidden, NotFound, and Damaged when its file is gone or was changed.
    """
    viewer.require("recordings.download" if download else "recordings.listen")
    sealed = await queries.sealed_file(house.db, house.keyring, viewer, recording_id)
    try:
        reader = await in_thread(SealedReader, folder(house) / sealed.path, sealed.key.secret, recording_id)
    except Damaged:
        log.error("recording.damaged", recording=str(recording_id))
        raise
    if noted:
        try:
            async with house.unit(viewer) as uow:
                await commands.audit_access(uow, recording_id, download=download)
        except BaseException:
            reader.close()
            raise
    return sealed, reader


# Deleted


async def delete_recording(house: House, viewer: Viewer, recording_id: UUID) -> None:
    """Delete a recording for good. Raises Forbidden and NotFound."""
    viewer.require("recordings.delete")
    found = await queries.get_recording(house.db, viewer, recording_id)
    if found.state == "deleted" or not await _delete(house, viewer, [found.id], "hand"):
        raise NotFound("This recording was deleted.")


async def _delete(house: House, viewer: Viewer, ids: Iterable[UUID], why: commands.Why) -> int:
    """Rows first: a file without a row is removed by the sweeper, a row without a file would be a lie."""
    paths = []
    for recording_id in ids:
        async with house.unit(viewer) as uow:
            path = await commands.delete_recording(uow, recording_id, why)
        if path is not None:
            paths.append(path)
    for path in paths:
        await in_thread(_remove, folder(house) / path)
    return len(paths)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.error("recording.file_kept", file=path.name, error=error.strerror)  # the sweeper tries again


# Kept: retention, calls that come to be known later, what crashes left


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What a round did."""

    expired: int
    linked: int
    orphans: int


async def keep_recordings(house: House) -> Upkeep:
    """Delete what is past its time, join recordings to their calls, remove files that no recording has."""
    section = await settings_of.get(house, company.Recordings)
    async with house.unit(SYSTEM) as uow:
        for kind in ("voicemail", "call"):
            await commands.set_retention(uow, kind, _retention(section, kind))
    expired = await _delete(
        house, SYSTEM, await queries.due(house.db, SYSTEM, house.clock(), limit=_MOST_DELETED), "retention"
    )
    return Upkeep(expired, await link_recordings(house), await sweep_files(house))


async def link_recordings(house: House) -> int:
    """Join recordings that came before their call was known; how many."""
    async with house.unit(SYSTEM) as uow:
        return await commands.link_recordings(uow)


async def sweep_files(house: House, *, orphaned: float = ORPHANED_SECONDS) -> int:
    """Remove files that belong to no recording and that nobody has touched for ``orphaned`` seconds; how many."""
    removed = 0
    for batch in await in_thread(_old_files, folder(house), time() - orphaned):
        kept: Collection[str] = await queries.kept_paths(house.db, SYSTEM, batch)
        for path in batch:
            if path not in kept:
                await in_thread(_remove, folder(house) / path)
                removed += 1
    if removed:
        log.warning("recordings.orphans_removed", files=removed)
    return removed


def _old_files(place: Path, before: float) -> list[list[str]]:
    found: list[str] = []
    for path in place.glob("*/*"):
        with suppress(OSError):
            # The change of the inode, not of the content: a rename counts.
            if path.name.endswith((_SUFFIX, _PART)) and path.stat().st_ctime < before:
                found.append(str(path.relative_to(place)))
    return [found[start : start + 500] for start in range(0, len(found), 500)]


# Whether a call is being recorded now


async def note_recording(house: House, pbx: str, uniqueids: Collection[str], state: str | None) -> bool:
    """Keep what the PBX said of a call's recording: ``on``, ``paused``, or over. False for a call that is not known."""
    async with house.unit(SYSTEM) as uow:
        return await commands.set_call_recording(uow, pbx, list(uniqueids), state)
