"""Keeping a ticket: what every change of one brings with it, whoever made it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hotline.crm import company
from hotline.crm.commands.tickets import tickets as commands
from hotline.crm.commands.tickets.tickets import Entry, TicketRecord
from hotline.crm.unit_of_work import UnitOfWork
from hotline.tickets.sla import TicketFacts
from hotline.workflows.company.calendars import rules_of
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House
from hotline.workflows.tickets import sla

#: Call backs are promised in business time of this calendar.
CALENDAR = "default"


async def keep_ticket(
    house: House,
    uow: UnitOfWork,
    ticket: TicketRecord,
    entries: Iterable[Entry] = (),
    *,
    call_id: UUID | None = None,
    marks: Iterable[str] = (),
    at: datetime | None = None,
) -> bool:
    """Save a locked or new ticket with its history, clocks and line on the timeline; says whether anything changed.

    Clocks begin when it is known that the ticket stays: until then it is on the way of the screen pop. ``at`` is when
    the change came to be, if that was before this unit.
    """
    kept = _stays(ticket.saved)
    stays = _stays({"provisional": ticket.provisional, "state": ticket.state})
    if kept or stays:
        before = facts_of(ticket, at or uow.now, ticket.saved) if kept else None
        after = facts_of(ticket, at or uow.now)
        deadlines = await sla.follow_ticket(house, uow, before, after)
        if deadlines is not None:
            ticket.set(first_response_due=deadlines.first_response_due, resolution_due=deadlines.resolution_due)
    changed = ticket.differences()
    saved = await commands.save_ticket(uow, ticket, entries, call_id=call_id, marks=marks)
    if (kept != stays) or (stays and {"customer_id", "assignee_id", "state"} & changed.keys()):
        await commands.write_ticket_line(uow, ticket)
    return saved


def _stays(columns: dict[str, Any]) -> bool:
    """Whether the ticket is one for good: not provisional, not discarded."""
    return bool(columns) and not columns["provisional"] and columns["state"] != "discarded"


def facts_of(ticket: TicketRecord, at: datetime, saved: Mapping[str, Any] | None = None) -> TicketFacts:
    """What of a ticket its clocks depend on, as it is ``at`` an instant; of ``saved`` columns, as it was in them."""

    def value(name: str) -> Any:
        return saved[name] if saved else getattr(ticket, name)

    return TicketFacts(
        id=ticket.id,
        kind=value("kind"),
        state=value("state"),
        priority=value("priority"),
        tier=value("tier"),
        service=value("service"),
        opened_at=ticket.opened_at,
        at=at,
        first_response_at=value("first_response_at"),
    )


async def callback_deadline(house: House, uow: UnitOfWork, since: datetime) -> datetime:
    """When somebody whose call was missed at ``since`` is to be called back: some business minutes later."""
    wanted = timedelta(minutes=(await company_section(house, company.Tickets, uow)).callback_minutes)
    calendar = (await rules_of(house, uow)).calendars.get(CALENDAR)
    due = calendar.add_business_time(since, wanted) if calendar is not None else None
    return due or since + wanted
