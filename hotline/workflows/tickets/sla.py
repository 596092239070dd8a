"""Tickets' clocks follow their tickets, in the unit of work that changes these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hotline.crm.commands.tickets import sla as commands
from hotline.crm.queries.company.calendars import read_history
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.tickets.policies import CLOCKS, Rules
from hotline.tickets.sla import Clock, Deadlines, TicketFacts, begin, deadlines, follow
from hotline.workflows.company.calendars import refresh_rules, rules_of
from hotline.workflows.house import House


async def follow_ticket(
    house: House, uow: UnitOfWork, before: TicketFacts | None, after: TicketFacts
) -> Deadlines | None:
    """Begin, stop, move or end the clocks of a ticket that is created (no ``before``) or changed; what the ticket's own
    row is to say of them, None when nothing of interest changed.

    One statement for a new ticket, none when nothing changed, else a read and a write. The caller holds the ticket's
    lock. Warnings and breaches are told by the timers, a second later at most.
    """
    if before is not None and replace(before, at=after.at) == after:
        return None
    rules = await rules_of(house, uow)
    if before is None:
        clocks = [begin(uow.new_id(), what, after, rules) for what in CLOCKS]
        if await commands.insert_clocks(uow, clocks):
            return deadlines({clock.what: clock for clock in clocks})
    # A ticket that was discarded and is taken up again has its clocks already.
    found = await commands.lock_clocks(uow, after.id)
    if not found:
        return await follow_ticket(house, uow, None, after)
    rules, caught_up = await catch_up(house, uow, found, before or after, rules)
    clocks = [follow(clock, after, rules, rules) for clock in caught_up]
    await commands.update_clocks(uow, (new for old, new in zip(found, clocks, strict=True) if new != old))
    return deadlines({clock.what: clock for clock in clocks})


async def catch_up(
    house: House, uow: UnitOfWork, clocks: Sequence[Clock], ticket: TicketFacts, rules: Rules
) -> tuple[Rules, list[Clock]]:
    """The clocks as they are under the newest ``rules`` that this node knows, through every version between: each
    change holds from its own instant on, however late somebody comes to compute it."""
    oldest = min(clock.basis for clock in clocks)
    if max(clock.basis for clock in clocks) > rules.version:
        rules = await refresh_rules(house, uow)
    if oldest >= rules.version:
        return rules, list(clocks)
    # Kept versions hold their own rules; the newest one is the one in memory.
    history = await read_history(uow, SYSTEM, oldest, house.settings.timezone)
    # No change holds from the future on, whatever a clock that was set back has written.
    steps = [(min(since, uow.now), each or rules) for since, version, each in history if version <= rules.version]
    return rules, [_through(clock, ticket, steps) for clock in clocks]


def _through(clock: Clock, ticket: TicketFacts, steps: Sequence[tuple[datetime, Rules]]) -> Clock:
    before: Rules | None = None
    for at, rules in steps:
        if rules.version > clock.basis and clock.open:
            clock = follow(clock, replace(ticket, at=at), before or rules, rules)
        before = rules
    return clock
