"""Writes of wrap-ups: what an agent does after a call, and the places in queues where they are paused for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hotline.crm.unit_of_work import UnitOfWork
from hotline.events import user_mark

#: The reason that the PBX is given: by it hotline knows the pauses that are its own.
REASON: Final = "wrap-up"
#: How long after its call a wrap-up that did not begin is waited for.
NEVER_BEGAN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class WrapUpRecord:
    """A wrap-up. ``pbx`` is where the agent is paused for it."""

    id: UUID
    call_id: UUID
    user_id: UUID
    pbx: str | None
    started_at: datetime | None
    until: datetime | None
    done_at: datetime | None
    disposition: str | None


@dataclass(frozen=True, slots=True)
class WrappedCall:
    """What a wrap-up needs of its call."""

    id: UUID
    ticket_id: UUID | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """An agent's phone in a queue."""

    pbx: str
    queue: str
    interface: str


_COLUMNS: Final = "id, call_id, user_id, pbx, started_at, until, done_at, disposition"


async def start_wrap_up(
    uow: UnitOfWork, call_id: UUID, user_id: UUID, started_at: datetime, until: datetime, pbx: str | None
) -> WrapUpRecord | None:
    """Begin an agent's wrap-up of a call; None when this part of the call has had it already. A disposition that was
    given during the call stays."""
    row = await uow.fetchrow(
        f"""INSERT INTO wrap_up AS w (id, call_id, user_id, pbx, started_at, until, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (call_id, user_id) DO UPDATE SET started_at = excluded.started_at, until = excluded.until,
                pbx = excluded.pbx, done_at = NULL
            WHERE w.started_at IS NULL AND w.done_at IS NULL OR w.started_at < excluded.started_at
            RETURNING {_COLUMNS}""",  # noqa: S608
        uow.new_id(), call_id, user_id, pbx, started_at, until, uow.now,
    )  # fmt: skip
    if row is None:
        return None
    uow.emit("wrap_up.started", (user_mark(user_id),), call_id=call_id, user_id=user_id, started_at=started_at,
             until=until, disposition=row["disposition"])  # fmt: skip
    return WrapUpRecord(**row)


async def move_wrap_ups(uow: UnitOfWork, gone: UUID, call_id: UUID) -> None:
    """Give the wrap-ups of a call that became part of another to that other, where it has none of the same agent."""
    await uow.execute(
        """UPDATE wrap_up w SET call_id = $2 WHERE call_id = $1
           AND NOT EXISTS (SELECT 1 FROM wrap_up o WHERE o.call_id = $2 AND o.user_id = w.user_id)""",
        *(gone, call_id),
    )


async def lock_call(uow: UnitOfWork, call_id: UUID) -> WrappedCall | None:
    """The call, locked; of a merged one, what it became part of."""
    row = await uow.fetchrow(
        """SELECT id, ticket_id, ended_at FROM call
           WHERE id = COALESCE((SELECT merged_into_id FROM call WHERE id = $1), $1) FOR UPDATE""",
        call_id,
    )
    return None if row is None else WrappedCall(**row)


async def close_interaction(uow: UnitOfWork, call_id: UUID, disposition: str | None) -> None:
    """Say on the customer's timeline what became of a call."""
    await uow.execute(
        """UPDATE interaction SET data = data || jsonb_build_object('disposition', $2::text)
           WHERE call_id = $1 AND kind = 'call'""",
        *(call_id, disposition or ""),
    )


async def lock_wrap_up(uow: UnitOfWork, call_id: UUID, user_id: UUID) -> WrapUpRecord:
    """An agent's wrap-up of a call, locked; made when it has not begun."""
    await uow.execute(
        """INSERT INTO wrap_up (id, call_id, user_id, created_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (call_id, user_id) DO NOTHING""",
        uow.new_id(), call_id, user_id, uow.now,
    )  # fmt: skip
    row = await uow.fetchrow(
        f"SELECT {_COLUMNS} FROM wrap_up WHERE call_id = $1 AND user_id = $2 FOR UPDATE",  # noqa: S608
        *(call_id, user_id),
    )
    assert row is not None
    return WrapUpRecord(**row)


async def save_wrap_up(uow: UnitOfWork, wrap_up: WrapUpRecord, disposition: str | None, *, done: bool) -> bool:
    """Keep what the agent said of the call and, when ``done``, end the wrap-up; says whether it ended now."""
    ends = done and wrap_up.done_at is None
    await uow.execute(
        "UPDATE wrap_up SET disposition = $2, done_at = CASE WHEN $3 THEN $4::timestamptz ELSE done_at END"
        " WHERE id = $1",
        wrap_up.id, disposition, ends, uow.now,
    )  # fmt: skip
    if ends and wrap_up.started_at is not None:
        _tell_ended(uow, wrap_up.call_id, wrap_up.user_id, disposition)
    return ends


async def end_due(uow: UnitOfWork, *, most: int = 100) -> list[WrapUpRecord]:
    """End the wrap-ups whose time is up, and those of calls that are over and that never began, since the company has
    none or heard of the call too late; as they were before."""
    rows = await uow.fetch(
        f"""UPDATE wrap_up SET done_at = $1 WHERE id IN (
                SELECT w.id FROM wrap_up w WHERE w.done_at IS NULL
                AND (w.until <= $1 OR w.started_at IS NULL
                     AND (SELECT c.ended_at FROM call c WHERE c.id = w.call_id) < $3)
                ORDER BY w.until LIMIT $2 FOR UPDATE OF w SKIP LOCKED)
            RETURNING {_COLUMNS}""",  # noqa: S608
        *(uow.now, most, uow.now - NEVER_BEGAN),
    )
    ended = [WrapUpRecord(**row) for row in rows]
    for each in ended:
        if each.started_at is not None:
            _tell_ended(uow, each.call_id, each.user_id, each.disposition)
    return ended


def _tell_ended(uow: UnitOfWork, call_id: UUID, user_id: UUID, disposition: str | None) -> None:
    uow.emit("wrap_up.ended", (user_mark(user_id),), call_id=call_id, user_id=user_id, disposition=disposition)


async def places_to_pause(uow: UnitOfWork, pbx: str, user_id: UUID) -> list[Place]:
    """Where an agent takes calls: their places in queues that nobody paused."""
    rows = await uow.fetch(
        """SELECT pbx, queue, interface FROM queue_member WHERE user_id = $2 AND pbx = $1
           AND (NOT paused OR pause_reason = $3) ORDER BY queue, interface""",
        pbx, user_id, REASON,
    )  # fmt: skip
    return [Place(**row) for row in rows]


async def places_to_unpause(uow: UnitOfWork, user_id: UUID) -> list[Place]:
    """Where an agent may take calls again, once no wrap-up of theirs is left: not where they paused themselves.

    A pause that the PBX has not confirmed yet is taken back too.
    """
    rows = await uow.fetch(
        """SELECT pbx, queue, interface FROM queue_member WHERE user_id = $1 AND (NOT paused OR pause_reason = $2)
           AND NOT EXISTS (SELECT 1 FROM wrap_up WHERE user_id = $1 AND done_at IS NULL AND started_at IS NOT NULL)
           ORDER BY pbx, queue, interface""",
        user_id, REASON,
    )  # fmt: skip
    return [Place(**row) for row in rows]


async def forgotten_pauses(uow: UnitOfWork, quiet: timedelta) -> dict[UUID, list[Place]]:
    """Places that are paused for a wrap-up that is over, by agent: the PBX was away when it ended. Nothing that
    changed, or was asked for, within ``quiet``."""
    rows = await uow.fetch(
        """SELECT m.user_id, m.pbx, m.queue, m.interface FROM queue_member m
           WHERE m.user_id IS NOT NULL AND m.paused AND m.pause_reason = $1 AND m.updated_at < $2
             AND NOT EXISTS (SELECT 1 FROM wrap_up w WHERE w.user_id = m.user_id AND w.started_at IS NOT NULL
                             AND (w.done_at IS NULL OR w.done_at > $2))
             AND NOT EXISTS (SELECT 1 FROM pbx_command c WHERE c.pbx = m.pbx AND c.user_id = m.user_id
                             AND c.action = 'unpause' AND c.created_at > $2)
           ORDER BY m.user_id, m.queue, m.interface LIMIT 500""",
        REASON, uow.now - quiet,
    )  # fmt: skip
    found: dict[UUID, list[Place]] = {}
    for row in rows:
        found.setdefault(row["user_id"], []).append(Place(row["pbx"], row["queue"], row["interface"]))
    return found
