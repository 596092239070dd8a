"""Writes of callers by Twilio who wait for an agent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.calls.story import CallAnswered, CallEnded, CallUnqueued, Line
from hotline.calls.twilio_story import left_of_cause, left_of_queue
from hotline.crm.database import Row
from hotline.crm.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Waiting:
    """One time that a caller waits, or waited."""

    id: UUID
    call_id: UUID
    call_sid: str
    account_sid: str
    route: str
    step: int
    queue: str
    priority: int
    language: str | None
    announce: bool
    record: bool
    state: str
    how: str | None
    joined_at: datetime
    until: datetime
    leg_id: UUID | None
    taken_at: datetime | None
    bridged_at: datetime | None
    left_at: datetime | None


WAITING_COLUMNS: Final = """id, call_id, call_sid, account_sid, route, step, queue, priority, language, announce,
    record, state, how, joined_at, until, leg_id, taken_at, bridged_at, left_at"""


def _waiting(row: Row) -> Waiting:
    return Waiting(**row)


async def begin_waiting(
    uow: UnitOfWork,
    *,
    call_id: UUID,
    call_sid: str,
    account_sid: str,
    route: str,
    step: int,
    queue: str,
    priority: int,
    language: str | None,
    announce: bool,
    record: bool,
    until: datetime,
) -> Waiting:
    """Let a caller wait; the same again when this step of their flow was handed over already."""
    row = await uow.fetchrow(
        f"""INSERT INTO twilio_waiting AS w (id, call_id, call_sid, account_sid, route, step, queue, priority, language,
                                             announce, record, joined_at, until)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            ON CONFLICT (call_sid, step) DO UPDATE SET step = excluded.step RETURNING {WAITING_COLUMNS}""",  # noqa: S608
        uow.new_id(), call_id, call_sid, account_sid, route, step, queue, priority, language, announce, record, uow.now,
        until,
    )  # fmt: skip
    assert row is not None
    return _waiting(row)


async def lock_waiting(uow: UnitOfWork, waiting_id: UUID) -> Waiting | None:
    """One, locked."""
    row = await uow.fetchrow(f"SELECT {WAITING_COLUMNS} FROM twilio_waiting WHERE id = $1 FOR UPDATE", waiting_id)  # noqa: S608
    return None if row is None else _waiting(row)


async def lock_newest(uow: UnitOfWork, call_sid: str) -> Waiting | None:
    """The caller's newest, locked: the one that an answer about the caller is about."""
    row = await uow.fetchrow(
        f"""SELECT {WAITING_COLUMNS} FROM twilio_waiting WHERE call_sid = $1
            ORDER BY joined_at DESC, id DESC LIMIT 1 FOR UPDATE""",  # noqa: S608
        call_sid,
    )
    return None if row is None else _waiting(row)


async def lock_direct(uow: UnitOfWork, *, most: int = 500) -> list[Waiting]:
    """Who waits in hotline's own queues, the first to be answered first; what another node holds is left out."""
    rows = await uow.fetch(
        f"""SELECT {WAITING_COLUMNS} FROM twilio_waiting
            WHERE left_at IS NULL AND route = 'direct' AND state = 'waiting'
            ORDER BY priority DESC, joined_at, id LIMIT $1 FOR UPDATE SKIP LOCKED""",  # noqa: S608
        most,
    )
    return [_waiting(row) for row in rows]


async def take(uow: UnitOfWork, waiting_id: UUID, leg_id: UUID) -> bool:
    """Give a waiting caller to the agent of this leg; False when somebody else has them, or they are gone."""
    taken = await uow.fetchval(
        """UPDATE twilio_waiting SET state = 'taken', leg_id = $2, taken_at = $3
           WHERE id = $1 AND left_at IS NULL AND (state = 'waiting' OR leg_id = $2) RETURNING true""",
        waiting_id, leg_id, uow.now,
    )  # fmt: skip
    return bool(taken)


async def bridged(uow: UnitOfWork, waiting_id: UUID) -> None:
    """The caller and the agent hear each other."""
    await uow.execute(
        "UPDATE twilio_waiting SET bridged_at = COALESCE(bridged_at, $2) WHERE id = $1", waiting_id, uow.now
    )


async def ring_extension(uow: UnitOfWork, waiting_id: UUID, leg_id: UUID) -> None:
    """The phone that rings for a caller who was sent to an extension."""
    await uow.execute("UPDATE twilio_waiting SET leg_id = $2 WHERE id = $1 AND leg_id IS NULL", waiting_id, leg_id)


async def leave_ended(uow: UnitOfWork) -> list[UUID]:
    """End what waits although its call is over: its end overtook the waiting."""
    rows = await uow.fetch(
        """UPDATE twilio_waiting w SET state = 'left', left_at = $1, how = COALESCE(w.how, 'gone')
           FROM call c WHERE c.id = w.call_id AND w.left_at IS NULL AND c.ended_at IS NOT NULL RETURNING w.id""",
        uow.now,
    )
    return [row["id"] for row in rows]


async def claim_overdue(uow: UnitOfWork, *, most: int = 50) -> list[Waiting]:
    """Who has waited in hotline's own queues for as long as they shall. They have left from now on."""
    rows = await uow.fetch(
        f"""UPDATE twilio_waiting SET state = 'left', left_at = $1, how = COALESCE(how, 'timeout') WHERE id IN (
                SELECT id FROM twilio_waiting WHERE left_at IS NULL AND route = 'direct' AND state = 'waiting'
                  AND until <= $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED)
            RETURNING {WAITING_COLUMNS}""",  # noqa: S608
        uow.now, most,
    )  # fmt: skip
    return [_waiting(row) for row in rows]


async def answered(uow: UnitOfWork, waiting_id: UUID) -> None:
    """The phone at the extension was picked up."""
    await uow.execute(
        """UPDATE twilio_waiting SET how = 'answered', bridged_at = COALESCE(bridged_at, $2)
           WHERE id = $1 AND left_at IS NULL""",
        waiting_id, uow.now,
    )  # fmt: skip


async def put_back(uow: UnitOfWork, waiting_id: UUID, leg_id: UUID) -> bool:
    """The agent who took a caller went away before both were connected: the caller waits on, in their old place."""
    back = await uow.fetchval(
        """UPDATE twilio_waiting SET state = 'waiting', leg_id = NULL, taken_at = NULL
           WHERE id = $1 AND leg_id = $2 AND state = 'taken' AND left_at IS NULL AND bridged_at IS NULL
           RETURNING true""",
        waiting_id, leg_id,
    )  # fmt: skip
    return bool(back)


async def leave(uow: UnitOfWork, waiting_id: UUID, how: str) -> str | None:
    """End it as ``how``, or as what is known already; how it ended, and None when it had ended before."""
    found: str | None = await uow.fetchval(
        """UPDATE twilio_waiting SET state = 'left', left_at = $2, how = COALESCE(how, $3)
           WHERE id = $1 AND left_at IS NULL RETURNING how""",
        waiting_id, uow.now, how,
    )  # fmt: skip
    return found


async def note_pbx(uow: UnitOfWork, call_id: UUID, lines: Sequence[Line]) -> None:
    """What the Asterisk tells of a caller whom Twilio sent there: whether somebody answered them, or why not."""
    how: str | None = None
    over = False
    for line in lines:
        match line:
            case CallAnswered():
                how = "answered"
            case CallUnqueued() if how is None:
                how = left_of_queue(line.reason)
            case CallEnded():
                over = True
                how = how or left_of_cause(line.cause)
            case _:
                pass
    if how is None and not over:
        return
    await uow.execute(
        """UPDATE twilio_waiting SET
               how = CASE WHEN how = 'answered' OR $2::text IS NULL OR (how IS NOT NULL AND $2 <> 'answered') THEN how
                          ELSE $2 END,
               bridged_at = CASE WHEN $2 = 'answered' THEN COALESCE(bridged_at, $3) ELSE bridged_at END
           WHERE id = (SELECT id FROM twilio_waiting WHERE call_id = $1 AND route <> 'direct' AND left_at IS NULL
                       ORDER BY joined_at DESC, id DESC LIMIT 1)""",
        call_id, how, uow.now,
    )  # fmt: skip
