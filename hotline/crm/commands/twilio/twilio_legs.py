"""Writes of the legs of calls at Twilio. A leg is a row before Twilio is asked for it: nobody is dialled twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from hotline.crm.database import Row
from hotline.crm.unit_of_work import UnitOfWork

Role = Literal["caller", "agent", "dialler", "customer", "transfer"]


@dataclass(frozen=True, slots=True)
class TwilioLegRecord:
    """One leg. ``state``: sending, sent, ringing, answered, unknown, ended."""

    id: UUID
    call_id: UUID
    role: str
    call_sid: str | None
    account_sid: str
    waiting_id: UUID | None
    command_id: UUID | None
    user_id: UUID | None
    interface: str
    queue: str | None
    state: str
    created_at: datetime
    ring_until: datetime | None
    answered_at: datetime | None
    accepted_at: datetime | None
    answered_by: str | None
    ended_at: datetime | None
    end_reason: str | None
    retract_at: datetime | None
    retracted_at: datetime | None


@dataclass(frozen=True, slots=True)
class CallerLeg:
    """The leg of a caller: what hotline calls their call, and whether this is the first that it hears of it."""

    id: UUID
    call_id: UUID
    fresh: bool


LEG_COLUMNS: Final = """id, call_id, role, call_sid, account_sid, waiting_id, command_id, user_id, interface, queue,
    state, created_at, ring_until, answered_at, accepted_at, answered_by, ended_at, end_reason, retract_at,
    retracted_at"""


def _leg(row: Row) -> TwilioLegRecord:
    return TwilioLegRecord(**row)


async def register_caller(uow: UnitOfWork, call_sid: str, account_sid: str) -> CallerLeg:
    """The caller's leg by its CallSid: as it is known, or new with a call id of its own. Twenty webhooks of one call at
    once get the same."""
    row = await uow.fetchrow(
        """INSERT INTO twilio_leg AS l (id, call_id, role, call_sid, account_sid, state, created_at, checked_at)
           VALUES ($1, $2, 'caller', $3, $4, 'ringing', $5, $5)
           ON CONFLICT (call_sid) DO UPDATE SET call_sid = excluded.call_sid
           RETURNING id, call_id, xmax = 0 AS fresh""",
        uow.new_id(), uow.new_id(), call_sid, account_sid, uow.now,
    )  # fmt: skip
    assert row is not None
    return CallerLeg(**row)


async def create_leg(
    uow: UnitOfWork,
    *,
    call_id: UUID,
    role: Role,
    interface: str = "",
    user_id: UUID | None = None,
    account_sid: str = "",
    waiting_id: UUID | None = None,
    command_id: UUID | None = None,
    queue: str | None = None,
    ring_until: datetime | None = None,
    leg_id: UUID | None = None,
) -> TwilioLegRecord:
    """A leg that Twilio is about to be asked for."""
    row = await uow.fetchrow(
        f"""INSERT INTO twilio_leg (id, call_id, role, interface, user_id, account_sid, waiting_id, command_id, queue,
                                    ring_until, created_at, checked_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11) RETURNING {LEG_COLUMNS}""",  # noqa: S608
        leg_id or uow.new_id(), call_id, role, interface, user_id, account_sid, waiting_id, command_id, queue,
        ring_until, uow.now,
    )  # fmt: skip
    assert row is not None
    return _leg(row)


async def lock_leg(uow: UnitOfWork, leg_id: UUID) -> TwilioLegRecord | None:
    """One leg, locked."""
    row = await uow.fetchrow(f"SELECT {LEG_COLUMNS} FROM twilio_leg WHERE id = $1 FOR UPDATE", leg_id)  # noqa: S608
    return None if row is None else _leg(row)


async def lock_leg_of_sid(uow: UnitOfWork, call_sid: str) -> TwilioLegRecord | None:
    """The leg with this CallSid, locked."""
    row = await uow.fetchrow(
        f"SELECT {LEG_COLUMNS} FROM twilio_leg WHERE call_sid = $1 FOR UPDATE",  # noqa: S608
        call_sid,
    )
    return None if row is None else _leg(row)


async def legs_of_waiting(uow: UnitOfWork, waiting_id: UUID) -> list[TwilioLegRecord]:
    """All agents' legs that were made for a waiting caller."""
    rows = await uow.fetch(
        f"SELECT {LEG_COLUMNS} FROM twilio_leg WHERE waiting_id = $1 ORDER BY created_at, id FOR UPDATE",  # noqa: S608
        waiting_id,
    )
    return [_leg(row) for row in rows]


async def legs_of_command(uow: UnitOfWork, command_id: UUID) -> list[TwilioLegRecord]:
    """The legs of a command: the agent's first."""
    rows = await uow.fetch(
        f"SELECT {LEG_COLUMNS} FROM twilio_leg WHERE command_id = $1 ORDER BY created_at, id FOR UPDATE",  # noqa: S608
        command_id,
    )
    return [_leg(row) for row in rows]


async def legs_of_call(uow: UnitOfWork, call_id: UUID) -> list[TwilioLegRecord]:
    """All legs of a call."""
    rows = await uow.fetch(
        f"SELECT {LEG_COLUMNS} FROM twilio_leg WHERE call_id = $1 ORDER BY created_at, id FOR UPDATE",  # noqa: S608
        call_id,
    )
    return [_leg(row) for row in rows]


async def note_sid(uow: UnitOfWork, leg_id: UUID, call_sid: str, account_sid: str) -> None:
    """Twilio has a leg of ours under this CallSid; the first one said stays."""
    await uow.execute(
        """UPDATE twilio_leg SET call_sid = $2, account_sid = COALESCE(NULLIF($3, ''), account_sid)
           WHERE id = $1 AND call_sid IS NULL AND NOT EXISTS (SELECT 1 FROM twilio_leg WHERE call_sid = $2)""",
        leg_id, call_sid, account_sid,
    )  # fmt: skip


async def note_progress(
    uow: UnitOfWork,
    leg_id: UUID,
    state: str,
    *,
    answered_at: datetime | None = None,
    accepted_at: datetime | None = None,
    answered_by: str | None = None,
) -> None:
    """Move a leg forward, never back; what has ended stays ended."""
    await uow.execute(
        """UPDATE twilio_leg SET
               state = CASE WHEN ended_at IS NULL
                             AND array_position($6, state::text) < array_position($6, $2::text) THEN $2 ELSE state END,
               answered_at = COALESCE(answered_at, $3), accepted_at = COALESCE(accepted_at, $4),
               answered_by = COALESCE(answered_by, $5), checked_at = $7
           WHERE id = $1""",
        leg_id, state, answered_at, accepted_at, answered_by, list(_RANK), uow.now,
    )  # fmt: skip


#: For so long a leg is tried to be hung up.
STUBBORN: Final = timedelta(minutes=5)
_RANK: Final = ("sending", "unknown", "sent", "ringing", "answered", "ended")


async def end_leg(uow: UnitOfWork, leg_id: UUID, reason: str, at: datetime) -> bool:
    """A leg is over; says whether that is news."""
    return bool(
        await uow.fetchval(
            """UPDATE twilio_leg SET state = 'ended', ended_at = $3, end_reason = $2, checked_at = $4
               WHERE id = $1 AND ended_at IS NULL RETURNING true""",
            leg_id,
            reason[:24],
            at,
            uow.now,
        )
    )


async def retract(uow: UnitOfWork, leg_ids: Sequence[UUID]) -> None:
    """These are to be hung up: whoever works for Twilio does it, once."""
    await uow.execute(
        "UPDATE twilio_leg SET retract_at = $2 WHERE id = ANY($1::uuid[]) AND ended_at IS NULL AND retract_at IS NULL",
        list(leg_ids), uow.now,
    )  # fmt: skip


async def retract_waiting(uow: UnitOfWork, waiting_id: UUID, *, but: UUID | None = None) -> list[TwilioLegRecord]:
    """Agents' phones that ring for a caller who needs them no more, except ``but``, are to be hung up; which those are,
    once each."""
    rows = await uow.fetch(
        f"""UPDATE twilio_leg SET retract_at = $3 WHERE waiting_id = $1 AND ended_at IS NULL AND retract_at IS NULL
              AND id IS DISTINCT FROM $2 RETURNING {LEG_COLUMNS}""",  # noqa: S608
        waiting_id, but, uow.now,
    )  # fmt: skip
    return [_leg(row) for row in rows]


async def claim_lost(uow: UnitOfWork, grace: timedelta, *, most: int = 50) -> list[TwilioLegRecord]:
    """Legs of which nobody knows whether Twilio rings them, long after they would have stopped: they are over."""
    rows = await uow.fetch(
        f"""UPDATE twilio_leg SET state = 'ended', ended_at = $1, end_reason = 'unknown' WHERE id IN (
                SELECT id FROM twilio_leg WHERE ended_at IS NULL AND call_sid IS NULL AND role <> 'caller'
                  AND COALESCE(ring_until, created_at) < $1::timestamptz - $2::interval LIMIT $3 FOR UPDATE SKIP LOCKED)
            RETURNING {LEG_COLUMNS}""",  # noqa: S608
        uow.now, grace, most,
    )  # fmt: skip
    return [_leg(row) for row in rows]


async def claim_retractions(uow: UnitOfWork, *, most: int = 50) -> list[TwilioLegRecord]:
    """The legs to be hung up now. They count as hung up from now on; one of which Twilio has told nothing yet waits
    until its CallSid is known."""
    rows = await uow.fetch(
        f"""UPDATE twilio_leg SET retracted_at = $1 WHERE id IN (
                SELECT id FROM twilio_leg WHERE retract_at IS NOT NULL AND retracted_at IS NULL AND ended_at IS NULL
                  AND call_sid IS NOT NULL ORDER BY retract_at LIMIT $2 FOR UPDATE SKIP LOCKED)
            RETURNING {LEG_COLUMNS}""",  # noqa: S608
        uow.now, most,
    )  # fmt: skip
    return [_leg(row) for row in rows]


async def retract_again(uow: UnitOfWork, leg_id: UUID) -> None:
    """Twilio did not take it, or nobody knows: once more, for as long as STUBBORN. Hanging up twice does no harm."""
    await uow.execute(
        """UPDATE twilio_leg SET retracted_at = NULL
           WHERE id = $1 AND ended_at IS NULL AND retract_at > $2::timestamptz - $3::interval""",
        leg_id, uow.now, STUBBORN,
    )  # fmt: skip


async def claim_silent(uow: UnitOfWork, quiet: timedelta, *, most: int = 20) -> list[TwilioLegRecord]:
    """Open legs of which nothing was heard for long, those that should have stopped ringing by now, and those whose
    agents took a caller and were not connected, to be asked about."""
    rows = await uow.fetch(
        f"""UPDATE twilio_leg SET checked_at = $1 WHERE id IN (
                SELECT l.id FROM twilio_leg l WHERE l.ended_at IS NULL
                  AND (l.checked_at < $1::timestamptz - $2::interval
                       OR l.checked_at < $1::timestamptz - interval '30 seconds'
                          AND (l.answered_at IS NULL AND l.ring_until < $1::timestamptz - interval '30 seconds'
                               OR EXISTS (SELECT 1 FROM twilio_waiting w WHERE w.id = l.waiting_id AND w.leg_id = l.id
                                            AND w.state = 'taken' AND w.bridged_at IS NULL)))
                ORDER BY l.checked_at LIMIT $3 FOR UPDATE SKIP LOCKED)
            RETURNING {LEG_COLUMNS}""",  # noqa: S608
        uow.now, quiet, most,
    )  # fmt: skip
    return [_leg(row) for row in rows]
