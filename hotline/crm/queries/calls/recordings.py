"""Recordings as their viewer may hear them: those of the calls that they see, and of tickets that they may take."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, PersonalKey
from hotline.crm.personal_keys import load_personal_key
from hotline.crm.scopes import Arguments, Bind, all_of, calls_seen, tickets_seen
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

MOST: Final = 201


@dataclass(frozen=True, slots=True)
class RecordingView:
    """One recording. ``state``: stored or deleted; ``bytes`` is its WAV's size; ``transcribed``: there is a text of
    what is said in it."""

    id: UUID
    call_id: UUID | None
    pbx: str
    kind: str
    state: str
    seconds: float
    bytes: int
    content_type: str
    stored_at: datetime
    delete_at: datetime | None
    deleted_at: datetime | None
    deleted_why: str | None
    transcribed: bool


@dataclass(frozen=True, slots=True)
class SealedFile:
    """Where a recording's sound lies, and the key that opens it."""

    view: RecordingView
    path: str
    key: PersonalKey


_SELECT: Final = """
SELECT r.id, COALESCE(c.merged_into_id, r.call_id) AS call_id, r.pbx, r.kind, r.seconds, r.bytes, r.content_type,
    r.stored_at, r.delete_at, r.deleted_at, r.deleted_why, r.path, r.key_id,
    r.transcript_cipher IS NOT NULL AS transcribed
FROM recording r LEFT JOIN call c ON c.id = r.call_id
"""
# A recording is of a call: heard by who sees that call, or the ticket that it belongs to.
_OF_SEEN: Final = """EXISTS (
    SELECT 1 FROM call o LEFT JOIN ticket t ON t.id = o.ticket_id
    WHERE o.id = COALESCE(c.merged_into_id, r.call_id) AND ({calls} OR (t.id IS NOT NULL AND {tickets})))"""


async def get_recording(db: Reader, viewer: Viewer, recording_id: UUID) -> RecordingView:
    """One recording. Raises NotFound, also for those of calls that one does not see."""
    return _view(await _one(db, viewer, recording_id))


async def sealed_file(db: Reader, keyring: Keyring, viewer: Viewer, recording_id: UUID) -> SealedFile:
    """Where one lies and how it opens. Raises NotFound, also for one that was deleted or whose key was destroyed."""
    row = await _one(db, viewer, recording_id)
    key = await load_personal_key(db, keyring, row["key_id"]) if row["deleted_at"] is None else None
    if key is None:
        raise NotFound("This recording was deleted.")
    return SealedFile(_view(row), row["path"], key)


async def transcript(db: Reader, keyring: Keyring, viewer: Viewer, recording_id: UUID) -> str:
    """What is said in one. Raises NotFound, also without a text."""
    sealed = await sealed_file(db, keyring, viewer, recording_id)
    text = await db.fetchval("SELECT transcript_cipher FROM recording WHERE id = $1", recording_id)
    if text is None:
        raise NotFound()
    return keyring.decrypt(sealed.key, "recording", "transcript_cipher", recording_id, text)


async def list_recordings(
    db: Reader,
    viewer: Viewer,
    *,
    limit: int,
    after: UUID | None = None,
    call_id: UUID | None = None,
    customer_id: UUID | None = None,
    kind: str | None = None,
    deleted: bool = False,
) -> list[RecordingView]:
    """Recordings, the newest first; deleted ones only when asked for."""
    viewer.require("recordings.listen")
    bind = Arguments()
    conditions = [_seen_by(viewer, bind)]
    wanted = (
        ("r.id < {}", after), ("r.kind = {}", kind), ("c.customer_id = {}", customer_id),
        ("r.call_id IN (SELECT id FROM call WHERE id = {0} OR merged_into_id = {0})", call_id),
    )  # fmt: skip
    for condition, value in wanted:
        if value is not None:
            conditions.append(condition.format(bind(value)))
    if not deleted:
        conditions.append("r.deleted_at IS NULL")
    where = f"WHERE {all_of(*conditions)} ORDER BY r.id DESC LIMIT {bind(max(0, min(limit, MOST)))}"
    return [_view(row) for row in await db.fetch(_SELECT + where, *bind.values)]


async def of_calls(db: Reader, viewer: Viewer, call_ids: Collection[UUID]) -> dict[UUID, list[RecordingView]]:
    """The recordings of some calls, by call, oldest first; nothing for who may not hear them."""
    if not call_ids or not viewer.may("recordings.listen"):
        return {}
    bind = Arguments(list(call_ids))
    where = all_of(
        "r.call_id IN (SELECT id FROM call WHERE id = ANY($1::uuid[]) OR merged_into_id = ANY($1::uuid[]))",
        "r.deleted_at IS NULL",
        _seen_by(viewer, bind),
    )
    found: dict[UUID, list[RecordingView]] = {}
    for row in await db.fetch(f"{_SELECT} WHERE {where} ORDER BY r.stored_at, r.id LIMIT 500", *bind.values):
        found.setdefault(row["call_id"], []).append(_view(row))
    return found


# For hotline itself


@dataclass(frozen=True, slots=True)
class Usage:
    """How much is kept."""

    count: int
    bytes: int


async def usage(db: Reader, viewer: Viewer) -> Usage:
    """How many recordings are kept, and their size."""
    viewer.require("system.read")
    row = await db.fetchrow(
        "SELECT count(*) AS count, COALESCE(sum(bytes), 0)::bigint AS bytes FROM recording WHERE deleted_at IS NULL"
    )
    return Usage(0, 0) if row is None else Usage(row["count"], row["bytes"])


async def is_known(db: Reader, viewer: Viewer, recording_id: UUID) -> bool:
    """Whether this upload was stored once, be it deleted since."""
    viewer.require("calls.read_all")
    return await db.fetchval("SELECT 1 FROM recording WHERE id = $1", recording_id) is not None


async def oldest(db: Reader, viewer: Viewer, *, limit: int) -> list[tuple[UUID, int]]:
    """The oldest that are kept, each with its size."""
    viewer.require("calls.read_all")
    rows = await db.fetch(
        "SELECT id, bytes FROM recording WHERE deleted_at IS NULL ORDER BY stored_at, id LIMIT $1", limit
    )
    return [(row["id"], row["bytes"]) for row in rows]


async def due(db: Reader, viewer: Viewer, now: datetime, *, limit: int) -> list[UUID]:
    """Those whose time is up."""
    viewer.require("calls.read_all")
    rows = await db.fetch(
        "SELECT id FROM recording WHERE deleted_at IS NULL AND delete_at <= $1 ORDER BY delete_at LIMIT $2", now, limit
    )
    return [row["id"] for row in rows]


async def kept_paths(db: Reader, viewer: Viewer, paths: Sequence[str]) -> set[str]:
    """Which of these files belong to recordings that are kept."""
    viewer.require("calls.read_all")
    rows = await db.fetch("SELECT path FROM recording WHERE path = ANY($1::text[]) AND deleted_at IS NULL", list(paths))
    return {row["path"] for row in rows}


async def _one(db: Reader, viewer: Viewer, recording_id: UUID) -> Row:
    viewer.require("recordings.listen")
    bind = Arguments(recording_id)
    where = f"WHERE r.id = $1 AND {all_of(_seen_by(viewer, bind))}"
    row = await db.fetchrow(_SELECT + where, *bind.values)
    if row is None:
        raise NotFound("There is no such recording.")
    return row


def _seen_by(viewer: Viewer, bind: Bind) -> str | None:
    calls = calls_seen(viewer, bind, "o")
    if calls is None:
        return None
    tickets = all_of(tickets_seen(viewer, bind, "t")) if viewer.may("tickets.read") else "false"
    return _OF_SEEN.format(calls=calls, tickets=tickets)


def _view(row: Row) -> RecordingView:
    return RecordingView(
        id=row["id"],
        call_id=row["call_id"],
        pbx=row["pbx"],
        kind=row["kind"],
        state="stored" if row["deleted_at"] is None else "deleted",
        seconds=row["seconds"],
        bytes=row["bytes"],
        content_type=row["content_type"],
        stored_at=row["stored_at"],
        delete_at=row["delete_at"],
        deleted_at=row["deleted_at"],
        deleted_why=row["deleted_why"],
        transcribed=row["transcribed"],
    )
