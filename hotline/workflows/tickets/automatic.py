"""A call's ticket follows it, in the call's own unit of work: opened, joined by rule, kept, assigned, missed.

The rules are ``hotline.tickets.automatic``; here they meet the records. On the way of the screen pop this is two
statements at most: one that looks for an open ticket of the caller, one that writes.
"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm import company
from hotline.crm.commands.calls.calls import CallRecord
from hotline.crm.commands.calls.wrap_ups import move_wrap_ups
from hotline.crm.commands.tickets import tickets as commands
from hotline.crm.commands.tickets.ticket_texts import fold_texts, move_texts
from hotline.crm.commands.tickets.tickets import (
    Entry,
    TicketRecord,
    find_joinable,
    lock_opened,
    lock_ticket,
    new_entry,
    ticket_of_call,
)
from hotline.crm.unit_of_work import UnitOfWork
from hotline.events import user_mark
from hotline.tickets import automatic
from hotline.tickets.automatic import KINDS, CallFacts, Followed, Rules
from hotline.tickets.states import PRIORITIES, AttachedBy, DiscardedAs
from hotline.workflows.calls.commands import wake
from hotline.workflows.calls.pauses import start_wrap_up
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets_kept import callback_deadline, keep_ticket

#: Columns whose change by a call is taken back when the call leaves the ticket again, with how they are written.
_UNDONE: Final = frozenset({
    "state", "assignee_id", "first_response_at", "callback_due", "callback_done_at",
})  # fmt: skip
_TIMES: Final = frozenset({"first_response_at", "callback_due", "callback_done_at"})
_FOLLOWED: Final = tuple(field.name for field in fields(Followed))


def call_facts(call: CallRecord) -> CallFacts:
    """What a ticket follows of a call."""
    choice = (call.ivr or {}).get("kind")
    answered = {leg.user_id for leg in call.legs.values() if leg.answered_at is not None and leg.user_id is not None}
    return CallFacts(
        id=call.id,
        direction=call.direction,
        offered_at=call.offered_at,
        choice=choice if choice in KINDS else None,
        customer_id=call.customer_id,
        queue=call.queue,
        rang=bool(call.legs),
        queued=call.queued_at is not None,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        disposition=call.disposition,
        agent=call.user_id if call.direction == "in" or call.answered_at is not None else None,
        agents=frozenset(answered | _givers(call)),
        blind=bool(call.gaps) or (call.ended_at is not None and not call.end_seen),
    )


def _givers(call: CallRecord) -> set[UUID]:
    sides = (transfer.get(side) for transfer in call.transfers for side in ("from_user", "to_user"))
    return {UUID(user) for user in sides if user}


class Following:
    """Follows one call through one unit of work: made when the call was loaded, told to ``decide`` when the call is as
    it shall be, and to ``write`` once the call is saved."""

    def __init__(self, house: House, uow: UnitOfWork, call: CallRecord) -> None:
        self.house = house
        self.uow = uow
        self.call = call
        self.before = call_facts(call) if call.exists else None
        self._over = {leg.id for leg in call.legs.values() if leg.ended_at is not None}
        self._ended = call.ended_at is not None
        self._wake: set[str] = set()
        self._pending: dict[UUID, tuple[TicketRecord, list[Entry]]] = {}
        self._gone: list[UUID] = []

    def merged(self, call: CallRecord, gone: UUID) -> None:
        """The call was loaded anew with another one as part of it."""
        self.call = call
        self._gone.append(gone)

    async def decide(self) -> bool:
        """Find or make the call's ticket and change it with the call; says whether the call's link changed."""
        linked = (self.call.ticket_id, self.call.ticket_by)
        for gone in self._gone:
            await self._fold(gone)
        facts = call_facts(self.call)
        if self._gone:
            self.before = None
        elif self._same(facts):
            return False
        if self.call.ticket_id is None and not automatic.opens(facts):
            return False
        rules = await rules_of(self.house, self.uow)
        if self.call.ticket_id is None:
            await self._begin(facts, rules)
        elif not await self._moved(facts, rules):
            ticket = await self._ticket(self.call.ticket_id)
            if ticket is not None:
                await self._follow(ticket, facts, rules, self.before)
        if facts.blind and (self.before is None or not self.before.blind) and self.call.ticket_id is not None:
            ticket = await self._ticket(self.call.ticket_id)
            if ticket is not None:
                self._note(ticket, "gap", end_seen=self.call.end_seen, gaps=self.call.gaps)
        return linked != (self.call.ticket_id, self.call.ticket_by)

    def _same(self, facts: CallFacts) -> bool:
        """Whether nothing happened that a ticket follows: most rings of a call that has one already."""
        if self.before is None or self.call.ticket_id is None:
            return self.before == facts
        return replace(self.before, rang=facts.rang, queued=facts.queued, agents=facts.agents) == facts

    async def write(self) -> None:
        """Save the tickets that were changed, the call being in the database by now."""
        marks = [user_mark(leg.user_id) for leg in self.call.legs.values() if leg.user_id is not None]
        marks += [user_mark(self.call.user_id)] if self.call.user_id is not None else []
        for ticket, entries in self._pending.values():
            await keep_ticket(self.house, self.uow, ticket, entries, call_id=self.call.id, marks=sorted(set(marks)))
        self._pending.clear()
        for user_id, at in self._done_talking().items():
            self._wake |= await start_wrap_up(self.house, self.uow, self.call, user_id, at)

    async def after(self) -> None:
        """After the commit: wake whoever carries out what was asked for."""
        await wake(self.house, self._wake)

    def _done_talking(self) -> dict[UUID, datetime]:
        """The agents who talked with the caller until just now, and when that ended."""
        call = self.call
        if call.ticket_by == "callback":
            over = call.answered_at is not None and call.ended_at is not None and not self._ended
            return {call.user_id: call.ended_at} if over and call.user_id is not None and call.ended_at else {}
        if call.direction != "in":
            return {}
        legs = [leg for leg in call.legs.values() if leg.user_id is not None and leg.answered_at is not None]
        talking = {leg.user_id for leg in legs if leg.ended_at is None}
        had = _givers(call) | ({call.user_id} if call.user_id is not None else set())
        return {
            leg.user_id: leg.ended_at
            for leg in legs
            if leg.user_id is not None and leg.ended_at is not None and leg.id not in self._over
            and leg.user_id not in talking and (leg.kind != "transfer" or leg.user_id in had)
        }  # fmt: skip

    async def own(self) -> TicketRecord:
        """Give the call a ticket of its own: the one that it opened first, as it was, or a new one."""
        facts, rules = call_facts(self.call), await rules_of(self.house, self.uow)
        if self.call.ticket_id is not None:
            await self._leave(self.call.ticket_id, "undone")
        ticket = await lock_opened(self.uow, self.call.id)
        if ticket is not None and ticket.state == "discarded":
            ticket.set(state="new", provisional=facts.outcome == "going", discarded_as=None)
        elif ticket is None:
            ticket = await self._new(facts, None)
        self._link(ticket, "hand")
        await self._follow(ticket, facts, rules, None)
        return ticket

    async def join(self, ticket: TicketRecord, by: AttachedBy) -> None:
        """Make the call one of a locked ticket's, and discard the one that it opened itself."""
        facts, rules = call_facts(self.call), await rules_of(self.house, self.uow)
        if self.call.ticket_id is not None:
            await self._leave(self.call.ticket_id, "joined")
        self._link(ticket, by)
        self._note(ticket, "call", by=by)
        await self._follow(ticket, facts, rules, None)

    # How a call comes to its ticket

    async def _begin(self, facts: CallFacts, rules: Rules) -> None:
        tier, found = await self._joinable(facts, rules, None)
        if found is not None:
            self._link(found, "rule")
            self._note(found, "call", by="rule")
            await self._follow(found, facts, rules, None)
            return
        ticket = await self._new(facts, tier)
        self._link(ticket, "opened")
        await self._follow(ticket, facts, rules, None)

    async def _new(self, facts: CallFacts, tier: str | None) -> TicketRecord:
        return TicketRecord(
            id=self.uow.new_id(),
            source="call",
            opened_at=facts.offered_at,
            call_id=self.call.id,
            kind=facts.kind,
            kind_by="choice" if facts.choice is not None else "default",
            provisional=True,
            customer_id=facts.customer_id,
            queue=facts.queue,
            tier=tier,
        )

    async def _joinable(
        self, facts: CallFacts, rules: Rules, but: UUID | None
    ) -> tuple[str | None, TicketRecord | None]:
        if facts.customer_id is None:
            return None, None
        wanted = automatic.joins(facts, rules)
        kind, since = (wanted[1], wanted[2]) if wanted is not None else (None, None)
        return await find_joinable(self.uow, facts.customer_id, kind, since, but)

    async def _moved(self, facts: CallFacts, rules: Rules) -> bool:
        """Whether the call belongs to another ticket, now that its customer or what it is about became known."""
        by, before = self.call.ticket_by, self.before
        if by not in ("opened", "rule") or before is None or self.call.ticket_id is None:
            return False
        if (before.choice, before.customer_id) == (facts.choice, facts.customer_id):
            return False
        ticket = await self._ticket(self.call.ticket_id)
        if ticket is None:
            return False
        if by == "rule":
            if automatic.still_joined(facts, _followed(ticket), rules):
                return False
            await self._leave(ticket.id, "no_match")
            opened = await lock_opened(self.uow, self.call.id)
            tier, found = await self._joinable(facts, rules, ticket.id)
            if found is None and opened is not None:
                opened.set(state="new", provisional=True, discarded_as=None)
                self._link(opened, "opened")
                await self._customer(opened, facts.customer_id, tier)
                await self._follow(opened, facts, rules, None)
                return True
            self.call.set(ticket_id=None, ticket_by=None, ticket_at=None)
            await self._begin(facts, rules)
            return True
        tier, found = await self._joinable(facts, rules, ticket.id)
        if facts.customer_id != before.customer_id:
            await self._customer(ticket, facts.customer_id, tier)
        if found is None or ticket.touched or ticket.state not in ("new", "open"):
            return False
        self._discard(ticket, "joined")
        self._link(found, "rule")
        self._note(found, "call", by="rule")
        await self._follow(found, facts, rules, None)
        return True

    async def _fold(self, gone: UUID) -> None:
        """The ticket of a call that became part of this one: one of both tickets stays, the older one."""
        await move_wrap_ups(self.uow, gone, self.call.id)
        others, others_by = await ticket_of_call(self.uow, gone)
        if others is None or others == self.call.ticket_id:
            return
        ids = sorted(each for each in (others, self.call.ticket_id) if each is not None)
        found = {each: await self._ticket(each) for each in ids}
        other = found[others]
        mine = found[self.call.ticket_id] if self.call.ticket_id is not None else None
        if other is None or (other.state == "discarded" and mine is not None):
            return
        if mine is None:
            self._link(other, others_by)
            return
        kept, lost, by = mine, other, others_by
        if self.call.ticket_by == "opened" and (by != "opened" or other.opened_at < mine.opened_at):
            kept, lost, by = other, mine, self.call.ticket_by
            self._link(kept, others_by)
        if by != "opened":
            await self._leave(lost.id, "merged")
            return
        await fold_texts(self.uow, kept, lost)
        if kept.kind_by == "default" and lost.kind_by != "default":
            kept.set(kind=lost.kind, kind_by=lost.kind_by)
        kept.set(touched=kept.touched or lost.touched, priority=max(kept.priority, lost.priority, key=PRIORITIES.index))
        if kept.assignee_id is None:
            kept.set(assignee_id=lost.assignee_id, assigned_by=lost.assigned_by)
        self._discard(lost, "merged")

    # What happens to a ticket

    async def _follow(self, ticket: TicketRecord, facts: CallFacts, rules: Rules, before: CallFacts | None) -> None:
        since = facts.ended_at or self.uow.now
        due = await callback_deadline(self.house, self.uow, since) if facts.outcome == "missed" else since
        by: AttachedBy = "opened" if ticket.call_id == self.call.id else self.call.ticket_by or "opened"
        changes = automatic.follow(_followed(ticket), before, facts, by, rules, due)
        if "customer_id" in changes:
            tier, _ = await self._joinable(facts, rules, ticket.id)
            await self._customer(ticket, changes.pop("customer_id"), tier)
        ticket.set(**changes)
        self._pending.setdefault(ticket.id, (ticket, []))

    async def _customer(self, ticket: TicketRecord, customer_id: UUID | None, tier: str | None) -> None:
        await move_texts(self.uow, ticket, customer_id)
        ticket.set(tier=tier)
        self._pending.setdefault(ticket.id, (ticket, []))

    async def _leave(self, ticket_id: UUID, why: str) -> None:
        """Take a call off a ticket, with what it changed there and nobody changed since."""
        ticket = await self._ticket(ticket_id)
        if ticket is None:
            return
        if ticket.call_id == self.call.id:
            self._discard(ticket, "joined")
            return
        for changes in await commands.changes_by_call(self.uow, ticket.id, self.call.id):
            for name in _UNDONE & changes.keys():
                before, after = (_value(name, each) for each in changes[name])
                if getattr(ticket, name) == after:
                    ticket.set(**{name: before})
        self._note(ticket, "call_left", why=why)

    def _discard(self, ticket: TicketRecord, why: DiscardedAs) -> None:
        ticket.set(state="discarded", discarded_as=why)
        self._pending.setdefault(ticket.id, (ticket, []))

    def _link(self, ticket: TicketRecord, by: AttachedBy) -> None:
        if self.call.set(ticket_id=ticket.id, ticket_by=by):
            self.call.set(ticket_at=self.uow.now)
        self._pending.setdefault(ticket.id, (ticket, []))

    def _note(self, ticket: TicketRecord, kind: str, **data: Any) -> None:
        _, entries = self._pending.setdefault(ticket.id, (ticket, []))
        entries.append(new_entry(self.uow, kind, data, call_id=self.call.id))

    async def _ticket(self, ticket_id: UUID) -> TicketRecord | None:
        if ticket_id not in self._pending:
            ticket = await lock_ticket(self.uow, ticket_id)
            if ticket is None:
                return None
            self._pending[ticket_id] = (ticket, [])
        return self._pending[ticket_id][0]


def _followed(ticket: TicketRecord) -> Followed:
    return Followed(**{name: getattr(ticket, name) for name in _FOLLOWED})


def _value(name: str, told: Any) -> Any:
    """A value of the history as the ticket has it."""
    if told is None:
        return None
    if name in _TIMES:
        return datetime.fromisoformat(told)
    return UUID(told) if name.endswith("_id") else told


async def rules_of(house: House, uow: UnitOfWork) -> Rules:
    """The company's rules of automatic tickets."""
    section = await company_section(house, company.Tickets, uow)
    return Rules(section.attach_days, section.attach_same_kind, section.discard_unanswered_seconds)
