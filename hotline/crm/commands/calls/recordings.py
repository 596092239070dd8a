"""Recordings: kept with their key, joined to their call, deleted with their key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from hotline.crm.keys import PersonalKey, Wrapped
from hotline.crm.personal_keys import keep_personal_key
from hotline.crm.unit_of_work import UnitOfWork
from hotline.events import permission_mark, queue_mark, user_mark

Kind = Literal["voicemail", "call"]
#: By hand, at the end of its time, to make room, or because its file is gone.
Why = Literal["hand", "retention", "room", "lost"]

_SEES_ALL: Final = permission_mark("calls.read_all")
_SEES_UNASSIGNED: Final = permission_mark("tickets.read")

_CALL: Final = """
SELECT COALESCE(c.merged_into_id, c.id) FROM call_alias a JOIN call c ON c.id = a.call_id
WHERE a.pbx = $1 AND a.kind = 'uniqueid' AND a.value = $2
"""


@dataclass(frozen=True, slots=True)
class NewRecording:
    """A recording whose sound lies sealed in the file ``path``, below the folder of recordings."""

    id: UUID
    pbx: str
    uniqueid: str
    kind: Kind
    seconds: float
    bytes: int
    content_type: str
    path: str
    delete_at: datetime


async def add_recording(uow: UnitOfWork, new: NewRecording, key: PersonalKey, wrapped: Wrapped) -> bool:
    """Keep a recording and tell who sees its call; False when one of this id is there already, or was."""
    call_id = await uow.fetchval(_CALL, new.pbx, new.uniqueid)
    if await uow.fetchval("SELECT 1 FROM recording WHERE id = $1", new.id) is not None:
        return False
    await keep_personal_key(uow, key, wrapped)
    done = await uow.fetchval(
        """INSERT INTO recording (id, call_id, pbx, uniqueid, kind, seconds, bytes, content_type, key_id, path,
               stored_at, delete_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO NOTHING RETURNING id""",
        *(new.id, call_id, new.pbx, new.uniqueid, new.kind, new.seconds, new.bytes, new.content_type),
        *(key.id, new.path, uow.now, new.delete_at),
    )
    if done is None:
        await uow.execute("DELETE FROM personal_key WHERE id = $1", key.id)
        return False
    uow.audit("recording:stored", new.id, call_id=call_id, kind=new.kind, seconds=round(new.seconds, 1))
    await _tell(uow, "recording.stored", new.id, call_id, new.kind)
    return True


async def link_recordings(uow: UnitOfWork, *, limit: int = 200) -> int:
    """Join recordings to calls that the records learned of later; how many."""
    rows = await uow.fetch(
        """UPDATE recording r SET call_id = COALESCE(c.merged_into_id, c.id)
           FROM call_alias a JOIN call c ON c.id = a.call_id
           WHERE r.id IN (SELECT u.id FROM recording u
                          JOIN call_alias k ON k.pbx = u.pbx AND k.kind = 'uniqueid' AND k.value = u.uniqueid
                          WHERE u.call_id IS NULL AND u.deleted_at IS NULL LIMIT $1 FOR UPDATE OF u SKIP LOCKED)
             AND a.pbx = r.pbx AND a.kind = 'uniqueid' AND a.value = r.uniqueid
           RETURNING r.id, r.call_id, r.kind""",
        limit,
    )
    for row in rows:
        await _tell(uow, "recording.stored", row["id"], row["call_id"], row["kind"])
    return len(rows)


async def delete_recording(uow: UnitOfWork, recording_id: UUID, why: Why) -> str | None:
    """Delete one and destroy its key, so that no copy of its file can be heard; its path, None when it is deleted."""
    row = await uow.fetchrow(
        """UPDATE recording r SET deleted_at = $2, deleted_why = $3, deleted_by_id = $4, transcript_cipher = NULL
           FROM recording before WHERE r.id = $1 AND before.id = r.id AND r.deleted_at IS NULL
           RETURNING r.path, r.call_id, r.kind, r.key_id""",
        *(recording_id, uow.now, why, uow.viewer.user_id),
    )
    if row is None:
        return None
    await uow.execute(
        "UPDATE personal_key SET wrapped = NULL, destroyed_at = $2 WHERE id = $1 AND wrapped IS NOT NULL",
        *(row["key_id"], uow.now),
    )
    uow.audit("recording:deleted", recording_id, call_id=row["call_id"], why=why)
    await _tell(uow, "recording.deleted", recording_id, row["call_id"], row["kind"])
    path: str = row["path"]
    return path


async def set_retention(uow: UnitOfWork, kind: Kind, keep: timedelta) -> None:
    """Make what is kept follow the company's setting."""
    await uow.execute(
        """UPDATE recording SET delete_at = stored_at + $2::interval
           WHERE kind = $1::text AND deleted_at IS NULL AND delete_at IS DISTINCT FROM stored_at + $2::interval""",
        *(kind, keep),
    )


async def audit_access(uow: UnitOfWork, recording_id: UUID, *, download: bool) -> None:
    """Note who heard a recording, or took it with them."""
    uow.audit("recording:downloaded" if download else "recording:heard", recording_id)


async def audit_reading(uow: UnitOfWork, recording_id: UUID) -> None:
    """Note who read what is said in a recording."""
    uow.audit("recording:read", recording_id)


async def set_call_recording(uow: UnitOfWork, pbx: str, uniqueids: Sequence[str], state: str | None) -> bool:
    """Say whether a call is being recorded: ``on``, ``paused`` or not. False when no call has these ids."""
    row = await uow.fetchrow(
        """SELECT id, recording FROM call WHERE id = (
               SELECT COALESCE(c.merged_into_id, c.id) FROM call_alias a JOIN call c ON c.id = a.call_id
               WHERE a.pbx = $1 AND a.value = ANY($2::text[]) LIMIT 1) FOR UPDATE""",
        *(pbx, list(uniqueids)),
    )
    if row is None:
        return False
    if row["recording"] != state:
        version = await uow.fetchval(
            "UPDATE call SET recording = $2, version = version + 1, updated_at = $3 WHERE id = $1 RETURNING version",
            *(row["id"], state, uow.now),
        )
        uow.emit("call.updated", await _marks(uow, row["id"]), call_id=row["id"], version=version)
    return True


async def _tell(uow: UnitOfWork, type: str, recording_id: UUID, call_id: UUID | None, kind: str) -> None:
    marks = await _marks(uow, call_id) if call_id is not None else (_SEES_ALL,)
    uow.emit(type, marks, recording_id=recording_id, call_id=call_id, kind=kind)


async def _marks(uow: UnitOfWork, call_id: UUID) -> tuple[str, ...]:
    """Who sees the call or its ticket."""
    row = await uow.fetchrow(
        """SELECT t.id AS ticket_id, t.assignee_id, c.queue,
               ARRAY(SELECT user_id FROM leg WHERE call_id = c.id AND user_id IS NOT NULL
                     UNION SELECT c.user_id WHERE c.user_id IS NOT NULL) AS users
           FROM call c LEFT JOIN ticket t ON t.id = c.ticket_id WHERE c.id = $1""",
        call_id,
    )
    if row is None:
        return (_SEES_ALL,)
    marks = {user_mark(user) for user in (*row["users"], row["assignee_id"]) if user is not None}
    if row["queue"] is not None:
        marks.add(queue_mark(row["queue"]))
    if row["ticket_id"] is not None and row["assignee_id"] is None:
        marks.add(_SEES_UNASSIGNED)
    return (*sorted(marks), _SEES_ALL)
