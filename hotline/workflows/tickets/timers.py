"""What becomes due on tickets' clocks is told here: warned, breached, escalated, each exactly once.

Any number of nodes look for marks that have passed. Who finds a ticket locks its row, skips it when somebody else holds
it, and tells every mark that is due and still there in the transaction that takes it away. No timer waits for an
instant, so a node that slept, restarted or whose clock jumped tells what it finds, with the instant at which it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from hotline.crm.commands.tickets.sla import forget_bases, lock_clocks, update_clocks
from hotline.crm.commands.tickets.tickets import Entry, TicketRecord, lock_ticket, new_entry, ticket_marks
from hotline.crm.queries.tickets.escalation import candidates
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.events import user_mark
from hotline.tickets.escalation import chosen, raised, roles_needed
from hotline.tickets.policies import CLOCKS, Escalation, Rules
from hotline.tickets.sla import DUE, WARN, Clock, deadlines, due, told
from hotline.workflows.company.calendars import rules_of
from hotline.workflows.house import House
from hotline.workflows.tickets.sla import catch_up
from hotline.workflows.tickets.tickets_kept import facts_of, keep_ticket


@dataclass(slots=True)
class _Telling:
    """What one ticket's unit of work tells."""

    entries: list[Entry] = field(default_factory=list)
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)


async def tell_due(house: House, ticket_id: UUID) -> bool:
    """Tell what is due on a ticket's clocks, and compute them anew when the rules have changed. False when somebody
    else is changing the ticket: look again later."""
    async with house.unit(SYSTEM) as uow:
        ticket = await lock_ticket(uow, ticket_id, skip_locked=True)
        if ticket is None:
            return False
        before = await lock_clocks(uow, ticket_id)
        if not before:
            return True
        rules, clocks = await catch_up(house, uow, before, facts_of(ticket, uow.now), await rules_of(house, uow))
        telling = _Telling()
        for at, key, index in sorted(_due(clocks, uow.now), key=lambda mark: (mark[0], mark[1] != WARN)):
            clocks[index] = await _tell(uow, ticket, clocks[index], key, at, rules, telling)
        await update_clocks(uow, (new for old, new in zip(before, clocks, strict=True) if new != old))
        dues = deadlines({clock.what: clock for clock in clocks})
        ticket.set(first_response_due=dues.first_response_due, resolution_due=dues.resolution_due)
        # A rule that raised the priority may have brought the ticket under another policy: its clocks follow.
        await keep_ticket(house, uow, ticket, telling.entries, marks=sorted(telling.marks))
        audience = (*ticket_marks(ticket), *sorted(telling.marks))
        for kind, data in telling.events:
            uow.emit(kind, audience, ticket_id=ticket.id, version=ticket.version, **data)
    return True


async def forget_rules(house: House) -> None:
    """Drop versions of the rules that no open clock was computed by."""
    async with house.unit(SYSTEM) as uow:
        await forget_bases(uow)


def _due(clocks: Iterable[Clock], now: datetime) -> Iterable[tuple[datetime, str, int]]:
    for index, clock in enumerate(clocks):
        for key, at in due(clock, now):
            yield at, key, index


async def _tell(
    uow: UnitOfWork, ticket: TicketRecord, clock: Clock, key: str, at: datetime, rules: Rules, telling: _Telling
) -> Clock:
    name = next((each.spec.name for each in rules.policies if each.id == clock.policy_id), None)
    data: dict[str, object] = {"what": clock.what, "due_at": clock.due_at, "reached_at": at}
    if key in (WARN, DUE):
        kind = "warned" if key == WARN else "breached"
    else:
        rule = _rule(rules, key)
        if rule is None:  # deleted since: there is nothing left to apply
            return replace(clock, marks=tuple(mark for mark in clock.marks if mark[0] != key))
        kind = "escalated"
        data |= await _escalate(uow, ticket, rule, telling)
    told_of = {"sla": kind, "policy": name, **data}
    telling.entries.append(new_entry(uow, "sla", told_of, at=at))
    telling.events.append((f"ticket.{kind}", data))
    uow.audit(f"ticket:{kind}", ticket.id, policy_id=clock.policy_id, **data)
    return told(clock, key)


async def _escalate(uow: UnitOfWork, ticket: TicketRecord, rule: Escalation, telling: _Telling) -> dict[str, object]:
    """Apply a rule to the ticket; what it did, by codes and ids."""
    actions = rule.actions
    login = actions.assign.login if actions.assign is not None else None
    roles = roles_needed(actions.assign, actions.notify)
    people = await candidates(uow, SYSTEM, roles, login) if roles or login else []
    ticket.set(escalated=ticket.escalated + 1)
    done: dict[str, object] = {"level": ticket.escalated}
    if actions.raise_priority and ticket.set(priority=raised(ticket.priority)):
        done["priority"] = ticket.priority
    if actions.assign is not None:
        owner = chosen(actions.assign, people, ticket.queue, ticket.assignee_id)
        if owner is not None and owner != ticket.assignee_id:
            if ticket.assignee_id is not None:
                telling.marks.add(user_mark(ticket.assignee_id))
            ticket.set(assignee_id=owner, assigned_by="rule")
            done["assignee_id"] = owner
    notified = [person.id for person in people if person.role in actions.notify]
    telling.marks.update(user_mark(person) for person in notified)
    return done


def _rule(rules: Rules, key: str) -> Escalation | None:
    found = (pair for policy in rules.policies for what in CLOCKS for pair in policy.rules(what))
    return next((rule for name, rule in found if name == key), None)
