"""SLA policies, and the clocks of tickets as their readers see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.queries.company.calendars import POLICY_COLUMNS, policy_spec
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound
from hotline.tickets.policies import CLOCKS, PolicySpec, Rules
from hotline.tickets.sla import DUE, WARN, Clock

CLOCK_COLUMNS: Final = (
    "id, ticket_id, what, state, policy_id, target_seconds, spent_us, started_at, since, due_at, marks, warned_at, "
    "breached_at, met_at, escalated, basis"
)


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A policy as it is written down. ``open_clocks`` count those that run or stand by it."""

    id: UUID
    spec: PolicySpec
    version: int
    updated_at: datetime
    open_clocks: int = 0


@dataclass(frozen=True, slots=True)
class ClockView:
    """A ticket's clock. ``state``: running, paused, met or breached; ``policy`` is the name of the one that counts."""

    what: str
    state: str
    due_at: datetime | None
    warn_at: datetime | None
    spent_seconds: int
    target_seconds: int
    policy: str | None
    policy_id: UUID | None
    breached_at: datetime | None
    met_at: datetime | None


async def list_policies(db: Reader, viewer: Viewer) -> list[PolicyView]:
    """Every policy, in the order in which they were made; at most 500."""
    viewer.require("settings.read")
    rows = await db.fetch(
        f"""SELECT {POLICY_COLUMNS}, (SELECT count(*) FROM sla_clock k WHERE k.policy_id = p.id
                                      AND k.state IN ('running', 'paused')) AS open_clocks
            FROM sla_policy p JOIN business_calendar c ON c.id = p.calendar_id ORDER BY p.id LIMIT 500"""  # noqa: S608
    )
    return [_policy(row) for row in rows]


async def get_policy(db: Reader, viewer: Viewer, policy_id: UUID) -> PolicyView:
    """One policy. Raises NotFound."""
    viewer.require("settings.read")
    row = await db.fetchrow(
        f"""SELECT {POLICY_COLUMNS}, (SELECT count(*) FROM sla_clock k WHERE k.policy_id = p.id
                                      AND k.state IN ('running', 'paused')) AS open_clocks
            FROM sla_policy p JOIN business_calendar c ON c.id = p.calendar_id WHERE p.id = $1""",  # noqa: S608
        policy_id,
    )
    if row is None:
        raise NotFound()
    return _policy(row)


async def clocks_of(
    db: Reader, viewer: Viewer, ticket_ids: Sequence[UUID], now: datetime, rules: Rules | None = None
) -> dict[UUID, list[ClockView]]:
    """The clocks of tickets, first response first. With ``rules`` a running clock's spent time is up to ``now``.

    Whose tickets these are is the caller's question: it asks for those that it shows.
    """
    viewer.require("tickets.read")
    if not ticket_ids:
        return {}
    rows = await db.fetch(
        f"""SELECT {CLOCK_COLUMNS}, (SELECT name FROM sla_policy p WHERE p.id = policy_id) AS policy
            FROM sla_clock WHERE ticket_id = ANY($1) AND state <> 'cancelled'""",  # noqa: S608
        list(ticket_ids),
    )
    found: dict[UUID, list[ClockView]] = {}
    for row in rows:
        if row["target_seconds"] is not None:
            found.setdefault(row["ticket_id"], []).append(_clock(clock_of(row), row["policy"], now, rules))
    for clocks in found.values():
        clocks.sort(key=lambda clock: CLOCKS.index(clock.what))
    return found


@dataclass(frozen=True, slots=True)
class Look:
    """What the timers have to do: the newest version of the rules, tickets with something to tell, and tickets whose
    clocks were computed by older rules."""

    version: int
    due: tuple[UUID, ...]
    behind: tuple[UUID, ...]


async def look(db: Reader, viewer: Viewer, now: datetime, limit: int, but: Sequence[UUID]) -> Look:
    """At most ``limit`` tickets of each sort, those that wait longest first; ``but`` are left out."""
    viewer.require("tickets.read_all")
    row = await db.fetchrow(
        """SELECT newest.version,
                  ARRAY(SELECT ticket_id FROM sla_clock WHERE next_at <= $1 AND ticket_id <> ALL($3)
                        ORDER BY next_at LIMIT $2) AS due,
                  ARRAY(SELECT ticket_id FROM sla_clock
                        WHERE state IN ('running', 'paused') AND basis < newest.version AND ticket_id <> ALL($3)
                        ORDER BY basis LIMIT $2) AS behind
           FROM (SELECT max(version) AS version FROM sla_basis) newest""",
        *(now, limit, list(but)),
    )
    if row is None:
        return Look(0, (), ())
    return Look(row["version"] or 0, _once(row["due"]), _once(row["behind"]))


def clock_of(row: Row) -> Clock:
    """A clock's row as the rules about clocks have it."""
    target = row["target_seconds"]
    return Clock(
        id=row["id"],
        ticket_id=row["ticket_id"],
        what=row["what"],
        state=row["state"],
        started_at=row["started_at"],
        basis=row["basis"],
        policy_id=row["policy_id"],
        target=None if target is None else timedelta(seconds=target),
        spent=timedelta(microseconds=row["spent_us"]),
        since=row["since"],
        due_at=row["due_at"],
        marks=tuple((key, datetime.fromisoformat(at)) for key, at in row["marks"]),
        warned_at=row["warned_at"],
        breached_at=row["breached_at"],
        met_at=row["met_at"],
        escalated=tuple(row["escalated"]),
    )


def _clock(clock: Clock, policy: str | None, now: datetime, rules: Rules | None) -> ClockView:
    calendar = None
    if rules is not None:
        calendar = rules.calendar_of(next((each for each in rules.policies if each.id == clock.policy_id), None))
    return ClockView(
        what=clock.what,
        state=clock.shown(now),
        due_at=clock.due_at,
        warn_at=clock.mark(WARN) or clock.warned_at,
        spent_seconds=int(clock.spent_by(now, calendar).total_seconds()),
        target_seconds=int((clock.target or timedelta()).total_seconds()),
        policy=policy,
        policy_id=clock.policy_id,
        breached_at=clock.breached_at or (due if (due := clock.mark(DUE)) is not None and due <= now else None),
        met_at=clock.met_at,
    )


def _policy(row: Row) -> PolicyView:
    return PolicyView(row["id"], policy_spec(row), row["version"], row["updated_at"], row["open_clocks"])


def _once(ids: Sequence[UUID]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(ids))
