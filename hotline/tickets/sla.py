"""A ticket's clocks: first response and resolution, in business time. Pure: ``now`` is an argument.

A clock runs from one instant (``since``) over the time that it had spent before. When it begins to run, every instant
at which something is to be told (warning, breach, escalation rules) is computed once: its *marks*. Nobody waits for
them with a timer; whoever comes by later than a mark tells it, with the mark's own instant. So neither a restart nor a
wall clock that jumps can lose one or tell it twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from hotline.calendars import Calendar
from hotline.tickets.policies import CLOCKS, Policy, Rules, What

State = Literal["running", "paused", "met", "cancelled"]

#: Keys of the marks that are not escalation rules.
WARN: Final = "warn"
DUE: Final = "due"

_WORKED_ON: Final = frozenset({"new", "open"})
_DONE: Final = frozenset({"resolved", "closed"})


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """What of a ticket its clocks depend on. ``tier`` is the tier's key. ``at`` is when the change came to be, which
    may lie before the moment at which it is written down."""

    id: UUID
    kind: str
    state: str
    priority: str
    tier: str | None
    service: str | None
    opened_at: datetime
    at: datetime
    first_response_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deadlines:
    """What is stored with the ticket; None where nothing is promised, or the clock stands."""

    first_response_due: datetime | None
    resolution_due: datetime | None


@dataclass(frozen=True, slots=True)
class Clock:
    """One deadline. ``since`` is None while it stands. ``marks`` are what is still to be told: (key, instant), in
    order; ``escalated`` are the keys of the rules that were applied. ``basis`` is the version of the rules."""

    id: UUID
    ticket_id: UUID
    what: What
    state: State
    started_at: datetime
    basis: int
    policy_id: UUID | None = None
    target: timedelta | None = None
    spent: timedelta = timedelta()
    since: datetime | None = None
    due_at: datetime | None = None
    marks: tuple[tuple[str, datetime], ...] = ()
    warned_at: datetime | None = None
    breached_at: datetime | None = None
    met_at: datetime | None = None
    escalated: tuple[str, ...] = ()

    @property
    def next_at(self) -> datetime | None:
        """When somebody must look at it next."""
        return self.marks[0][1] if self.marks else None

    @property
    def open(self) -> bool:
        """Whether its deadline can still move."""
        return self.state in ("running", "paused")

    def mark(self, key: str) -> datetime | None:
        """When something is to be told, None when it was, or never will be."""
        return next((at for name, at in self.marks if name == key), None)

    def shown(self, now: datetime) -> Literal["running", "paused", "met", "breached"]:
        """In one word: a deadline that passed stays breached, also when it was met later."""
        if self.breached_at is not None or ((due := self.mark(DUE)) is not None and due <= now):
            return "breached"
        return "met" if self.state in ("met", "cancelled") else "paused" if self.state == "paused" else "running"

    def spent_by(self, now: datetime, calendar: Calendar | None) -> timedelta:
        """Business time that is used up at ``now``."""
        if self.since is None or calendar is None:
            return self.spent
        return self.spent + calendar.business_time(self.since, now)


def begin(clock_id: UUID, what: What, ticket: TicketFacts, rules: Rules) -> Clock:
    """The clock of a new ticket: it runs since the ticket was opened, or is in whatever state the ticket is by now."""
    clock = Clock(clock_id, ticket.id, what, "running", ticket.opened_at, rules.version, since=ticket.opened_at)
    return follow(_planned(clock, ticket, rules), ticket, rules, rules)


def follow(clock: Clock, ticket: TicketFacts, before: Rules, now: Rules) -> Clock:
    """The clock after a change of its ticket, and under the rules of ``now``; ``before`` are those that it ran under
    until ``ticket.at``. Time that was spent stays spent."""
    wanted = _wanted(clock, ticket)
    if wanted == "met":
        return clock if clock.state == "met" else _met(clock, ticket, before, now.version)
    if wanted == "cancelled":
        return clock if clock.state == "cancelled" else _cancelled(clock, ticket, before, now.version)
    policy = now.policy_of(ticket)
    if clock.state == wanted and clock.basis == now.version and clock.policy_id == _id(policy):
        return clock
    settled = _settled(clock, ticket.at, before)
    if wanted == "paused":
        target = _target(policy, clock.what)
        # Also one that was met: its deadline stayed to be read, and moves now that the ticket goes on.
        due_at = settled.due_at if settled.breached_at is not None or settled.mark(DUE) is not None else None
        standing = replace(settled, state="paused", since=None, due_at=due_at)
        return replace(standing, basis=now.version, policy_id=_id(policy), target=target)
    started = settled if clock.state == "running" else replace(settled, since=ticket.at)
    return _planned(replace(started, state="running", met_at=None), ticket, now)


def due(clock: Clock, now: datetime) -> list[tuple[str, datetime]]:
    """What is to be told by ``now``, in order."""
    return [(key, at) for key, at in clock.marks if at <= now]


def told(clock: Clock, key: str) -> Clock:
    """The clock once a mark was told."""
    at = clock.mark(key)
    left = tuple(mark for mark in clock.marks if mark[0] != key)
    if key == WARN:
        return replace(clock, marks=left, warned_at=at)
    if key == DUE:
        return replace(clock, marks=left, breached_at=at)
    return replace(clock, marks=left, escalated=(*clock.escalated, key))


def deadlines(clocks: dict[What, Clock]) -> Deadlines:
    """What the ticket itself says about its clocks."""
    first, resolution = (clocks[what].due_at if what in clocks else None for what in CLOCKS)
    return Deadlines(first, resolution)


def _wanted(clock: Clock, ticket: TicketFacts) -> State:
    """The state that the ticket's own state asks for."""
    if ticket.state == "discarded":
        return "cancelled"
    answered = ticket.first_response_at is not None or (clock.state == "met" and clock.what == "first_response")
    if ticket.state in _DONE or (clock.what == "first_response" and answered):
        return "met"
    return "running" if ticket.state in _WORKED_ON else "paused"


def _settled(clock: Clock, at: datetime, rules: Rules) -> Clock:
    """The clock standing at ``at``: what it ran is spent, what was to be told by then is still to be told."""
    if clock.since is None:
        return clock
    calendar = rules.calendar_of(next((each for each in rules.policies if each.id == clock.policy_id), None))
    marks = tuple(mark for mark in clock.marks if mark[1] <= at)
    reached = clock.due_at is not None and (clock.breached_at is not None or clock.due_at <= at)
    return replace(
        clock,
        spent=clock.spent_by(at, calendar),
        # A clock that is set back, or a late fact: what was counted up to ``since`` is not counted again.
        since=max(clock.since, at) if clock.state == "running" else None,
        due_at=clock.due_at if reached else None,
        marks=marks,
    )


def _met(clock: Clock, ticket: TicketFacts, rules: Rules, version: int) -> Clock:
    at = ticket.at
    if clock.what == "first_response" and ticket.first_response_at is not None:
        at = ticket.first_response_at
    late = clock.due_at is not None and clock.due_at < at
    # The deadline stays to be read; escalating what is done would help nobody.
    marks = tuple(mark for mark in _settled(clock, at, rules).marks if mark[0] == WARN or (mark[0] == DUE and late))
    return replace(
        _settled(clock, at, rules),
        state="met",
        since=None,
        met_at=at,
        due_at=clock.due_at,
        marks=marks,
        basis=version,
        breached_at=clock.breached_at if late else None,
    )


def _cancelled(clock: Clock, ticket: TicketFacts, rules: Rules, version: int) -> Clock:
    settled = _settled(clock, ticket.at, rules)
    return replace(settled, state="cancelled", since=None, due_at=None, marks=(), basis=version)


def _planned(clock: Clock, ticket: TicketFacts, rules: Rules) -> Clock:
    """A running clock with every instant that lies before it under ``rules``."""
    policy = rules.policy_of(ticket)
    calendar, target = rules.calendar_of(policy), _target(policy, clock.what)
    planned = replace(clock, policy_id=_id(policy), target=target, basis=rules.version)
    if policy is None or calendar is None or target is None or clock.since is None:
        late = clock.breached_at is not None or clock.mark(DUE) is not None
        return replace(planned, due_at=clock.due_at if late else None)
    marks = dict(clock.marks)
    due_at = clock.due_at
    if clock.breached_at is None and DUE not in marks:
        due_at = _reached(clock, calendar, target)
        if due_at is not None:
            marks[DUE] = due_at
    promised = policy.spec.target(clock.what)
    if promised is not None and promised.warn is not None and clock.warned_at is None and WARN not in marks:
        warn_at = _reached(clock, calendar, promised.warn.reached_after(target))
        # A new deadline that is over already is told as such; to warn of it then would be noise.
        if warn_at is not None and due_at is not None and (clock.since < due_at or warn_at < due_at):
            marks[WARN] = warn_at
    for key, rule in policy.rules(clock.what):
        if key not in clock.escalated and key not in marks:
            at = _reached(clock, calendar, rule.at.reached_after(target))
            if at is not None:
                marks[key] = at
    ordered = tuple(sorted(marks.items(), key=lambda mark: (mark[1], mark[0] != WARN, mark[0] != DUE)))
    return replace(planned, due_at=due_at, marks=ordered)


def _reached(clock: Clock, calendar: Calendar, amount: timedelta) -> datetime | None:
    """When the clock has spent ``amount``; None when that is beyond every horizon."""
    if clock.since is None:
        return None
    if amount > clock.spent:
        return calendar.add_business_time(clock.since, amount - clock.spent)
    # Spent already. Exactly when is known while it always ran by this calendar, else only that it is over by now.
    if calendar.business_time(clock.started_at, clock.since) == clock.spent:
        return calendar.add_business_time(clock.started_at, amount)
    return clock.since


def _target(policy: Policy | None, what: What) -> timedelta | None:
    promised = None if policy is None else policy.spec.target(what)
    return None if promised is None else promised.time


def _id(policy: Policy | None) -> UUID | None:
    return None if policy is None else policy.id
