"""What is to be done at Twilio about recordings: asked for once, leased by one node at a time, tried until it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.keys import PersonalKey
from hotline.crm.personal_keys import load_personal_key
from hotline.crm.unit_of_work import UnitOfWork

What = Literal["recording", "transcript", "delete_recording", "delete_transcript"]
RecordingKind = Literal["voicemail", "call"]


@dataclass(frozen=True, slots=True)
class Fetch:
    """One thing to do (``crm.models.twilio_fetch``), leased under ``token``; ``attempts`` counts this one."""

    id: UUID
    what: What
    sid: str
    recording_sid: str
    account_sid: str
    call_sid: str
    kind: RecordingKind
    attempts: int
    token: UUID


async def ask(
    uow: UnitOfWork,
    what: What,
    sid: str,
    *,
    recording_sid: str,
    account_sid: str,
    call_sid: str,
    kind: RecordingKind,
    due_at: datetime,
) -> None:
    """Have something done once. What is asked for again is only done earlier."""
    await uow.execute(
        """INSERT INTO twilio_fetch AS f (id, what, sid, recording_sid, account_sid, call_sid, kind, due_at, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ON CONFLICT (sid, what) DO UPDATE SET due_at = LEAST(f.due_at, excluded.due_at)
           WHERE f.state = 'due' AND f.attempts = 0""",
        *(uow.new_id(), what, sid, recording_sid, account_sid, call_sid, kind, due_at, uow.now),
    )


_LEASE: Final = """
UPDATE twilio_fetch SET lease_until = $1::timestamptz + $2::interval, lease_token = $3, attempts = attempts + 1
WHERE id IN (SELECT id FROM twilio_fetch
             WHERE state = 'due' AND due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
             ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED)
RETURNING id, what, sid, recording_sid, account_sid, call_sid, kind, attempts, lease_token AS token
"""


async def lease(uow: UnitOfWork, hold: timedelta, *, limit: int) -> Sequence[Fetch]:
    """Take what is due, for so long; nobody else does it meanwhile."""
    rows = await uow.fetch(_LEASE, uow.now, hold, uow.new_id(), limit)
    return [Fetch(**row) for row in rows]


async def done(uow: UnitOfWork, fetch: Fetch) -> bool:
    """It is done; False when the lease was lost."""
    return await _end(uow, fetch, "done", None)


async def failed(uow: UnitOfWork, fetch: Fetch, error: str) -> bool:
    """It cannot be done."""
    return await _end(uow, fetch, "failed", error)


async def put_back(uow: UnitOfWork, fetch: Fetch, error: str, due_at: datetime) -> bool:
    """It is tried again later."""
    tag = await uow.execute(
        """UPDATE twilio_fetch SET due_at = $3, lease_until = NULL, lease_token = NULL, error = $4
           WHERE id = $1 AND lease_token = $2 AND state = 'due'""",
        *(fetch.id, fetch.token, due_at, error[:40]),
    )
    return tag.endswith(" 1")


async def _end(uow: UnitOfWork, fetch: Fetch, state: str, error: str | None) -> bool:
    tag = await uow.execute(
        """UPDATE twilio_fetch SET state = $3, error = $4, done_at = $5, lease_until = NULL, lease_token = NULL
           WHERE id = $1 AND lease_token = $2 AND state = 'due'""",
        *(fetch.id, fetch.token, state, error[:40] if error else None, uow.now),
    )
    return tag.endswith(" 1")


@dataclass(frozen=True, slots=True)
class OfCall:
    """How the records know the call of a leg: by which CallSid, and whether its caller was erased meanwhile."""

    call_sid: str
    erased: bool


async def call_of(db: Reader, call_sid: str) -> OfCall:
    """The call of a leg: the leg's own CallSid, or that of the call that it joined."""
    row = await db.fetchrow(
        """SELECT a.value, k.id IS NOT NULL AND k.wrapped IS NULL AS erased
           FROM call c JOIN call_alias a ON a.call_id = c.id LEFT JOIN personal_key k ON k.id = c.caller_key_id
           WHERE a.pbx = 'twilio' AND a.kind = 'uniqueid' AND c.id IN (
               SELECT COALESCE(m.merged_into_id, m.id) FROM call m
               WHERE m.id IN (SELECT call_id FROM twilio_leg WHERE call_sid = $1
                              UNION SELECT call_id FROM call_alias WHERE pbx = 'twilio' AND value = $1))
           ORDER BY a.value = $1 DESC LIMIT 1""",
        call_sid,
    )
    return OfCall(call_sid, False) if row is None else OfCall(row["value"], row["erased"])


async def lock_recording_key(uow: UnitOfWork, recording_id: UUID) -> tuple[bool, PersonalKey | None]:
    """Whether a recording was stored once, and its key while it is kept."""
    row = await uow.fetchrow("SELECT key_id, deleted_at FROM recording WHERE id = $1 FOR UPDATE", recording_id)
    if row is None:
        return False, None
    if row["deleted_at"] is not None or row["key_id"] is None:
        return True, None
    return True, await load_personal_key(uow, uow.keyring, row["key_id"])


async def keep_transcript(uow: UnitOfWork, recording_id: UUID, key: PersonalKey, text: str) -> None:
    """Keep what is said in a recording, sealed by the recording's own key."""
    sealed = uow.keyring.encrypt(key, "recording", "transcript_cipher", recording_id, text)
    await uow.execute("UPDATE recording SET transcript_cipher = $2 WHERE id = $1", recording_id, sealed)
    uow.audit("recording:transcribed", recording_id)
