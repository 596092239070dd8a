"""Tickets in people's hands: written, changed, talked about, called back, and moved between calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypedDict, cast, get_args
from uuid import UUID

from prometheus_client import Counter

from hotline.crm import company
from hotline.crm.commands.calls import calls as call_commands
from hotline.crm.commands.customers.merges import root_of
from hotline.crm.commands.tickets import tickets as commands
from hotline.crm.commands.tickets.ticket_custom import set_custom
from hotline.crm.commands.tickets.ticket_texts import move_texts, set_texts, write_note
from hotline.crm.commands.tickets.tickets import Entry, TicketRecord, lock_ticket
from hotline.crm.commands.tickets.triage_corrections import note_correction
from hotline.crm.commands.upkeep.idempotency import Idempotency, claim
from hotline.crm.queries.calls import calls as call_queries
from hotline.crm.queries.calls.pbx_commands import find_agent
from hotline.crm.queries.tickets.categories import require_category
from hotline.crm.queries.tickets.tickets import TicketView, get_ticket, require_ticket
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers import custom_fields
from hotline.customers.text import many_lines, one_line
from hotline.errors import Conflict, Forbidden, Invalid, NotFound
from hotline.tickets.states import OPEN, Kind, Priority, State, may_move
from hotline.workflows.calls.calls import save_followed
from hotline.workflows.company import fields as fields_of
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House
from hotline.workflows.tickets.automatic import Following
from hotline.workflows.tickets.tickets_kept import callback_deadline, keep_ticket

CORRECTED: Final = Counter(
    "hotline_triage_corrections", "Tickets whose kind the words of a message had decided, and a person changed.",
    ["from_kind", "to_kind"],
)  # fmt: skip

LONGEST_SUBJECT: Final = 200
LONGEST_DESCRIPTION: Final = 20_000
LONGEST_NOTE: Final = 20_000
LONGEST_SERVICE: Final = 64


class TicketChanges(TypedDict, total=False):
    """What a person may change about a ticket; what is absent stays."""

    kind: str
    state: str
    priority: str
    category: str | None
    subject: str
    description: str
    assignee: str | None
    customer_id: UUID | None
    service: str | None
    custom: Mapping[str, Any]


class NewTicket(TicketChanges, total=False):
    """A ticket by hand; ``call_id`` makes it the ticket of a call."""

    call_id: UUID | None
    follows_id: UUID | None


async def create_ticket(
    house: House, viewer: Viewer, data: NewTicket, idempotency: Idempotency | None = None
) -> TicketView:
    """Open a ticket by hand. The same ``idempotency`` key answers the same ticket again."""
    viewer.require("tickets.write")
    async with house.unit(viewer) as uow:
        ticket_id = uow.new_id()
        earlier = await claim(uow, idempotency, ticket_id)
        if earlier is None:
            ticket = TicketRecord(id=ticket_id, source="hand", opened_at=uow.now, created_by_id=viewer.user_id)
            ticket.set(kind=_one_of(data.get("kind", "consultation"), Kind, "kind"), kind_by="hand", touched=True)
            if (follows := data.get("follows_id")) is not None:
                await require_ticket(uow, viewer, follows)
                ticket.set(follows_id=follows)
            if (customer_id := data.get("customer_id")) is not None:
                await _customer(uow, ticket, customer_id)
            entries = await _apply(
                house, uow, viewer, ticket, {"state": "open", **_without(data, "kind", "customer_id")}
            )
            await keep_ticket(house, uow, ticket, entries)
            uow.audit("ticket:created", ticket_id)
            if (call_id := data.get("call_id")) is not None:
                await _join(house, uow, viewer, call_id, ticket)
        return await get_ticket(uow, uow.keyring, viewer, earlier or ticket_id)


async def change_ticket(
    house: House, viewer: Viewer, ticket_id: UUID, changes: TicketChanges, expected_version: int | None = None
) -> TicketView:
    """Change a ticket. Raises NotFound, Forbidden, Invalid, or Conflict when it is not ``expected_version`` any
    more."""
    viewer.require("tickets.write")
    async with house.unit(viewer) as uow:
        ticket = await locked(uow, viewer, ticket_id, expected_version)
        await change(house, uow, viewer, ticket, changes)
        return await get_ticket(uow, uow.keyring, _still(viewer), ticket_id)


async def change(house: House, uow: UnitOfWork, viewer: Viewer, ticket: TicketRecord, changes: TicketChanges) -> None:
    """Change a locked ticket in a unit of work that goes on."""
    entries = await _apply(house, uow, viewer, ticket, changes)
    changed = sorted(name for name in ticket.differences() if name in commands.TOLD)
    if changed or entries:
        ticket.set(touched=True)
        await keep_ticket(house, uow, ticket, entries)
        uow.audit("ticket:changed", ticket.id, fields=changed)


async def note_ticket(house: House, viewer: Viewer, ticket_id: UUID, note_id: UUID, text: str) -> None:
    """Write a note under the id that its writer made; sent again by them, its text is rewritten."""
    viewer.require("tickets.write")
    cleaned = many_lines(text, "text", LONGEST_NOTE, needed=True)
    async with house.unit(viewer) as uow:
        ticket = await locked(uow, viewer, ticket_id)
        entry = await write_note(uow, ticket, note_id, cleaned)
        ticket.set(touched=True)
        await keep_ticket(house, uow, ticket, [entry] if entry is not None else [])
        uow.audit("ticket:noted", ticket_id, note_id=note_id)


async def set_callback(
    house: House, viewer: Viewer, ticket_id: UUID, *, due: datetime | None = None, done: bool = False
) -> TicketView:
    """Say until when the customer is to be called back, that it is done, or (neither) that it is not needed.

    Raises Conflict when something is done that was not due.
    """
    viewer.require("tickets.write")
    async with house.unit(viewer) as uow:
        ticket = await locked(uow, viewer, ticket_id)
        if done:
            if ticket.callback_due is None:
                raise Conflict("No call back is due for this ticket.")
            if ticket.callback_done_at is None:
                ticket.set(callback_done_at=uow.now)
            if ticket.first_response_at is None:
                ticket.set(first_response_at=uow.now)
        else:
            if due is not None and ticket.state not in OPEN:
                raise Conflict("This ticket is done: open it again first.")
            ticket.set(callback_due=due, callback_done_at=None, callback_call_id=None)
        ticket.set(touched=True)
        await keep_ticket(house, uow, ticket)
        uow.audit("ticket:callback_set", ticket_id, done=done, due=due)
        return await get_ticket(uow, uow.keyring, viewer, ticket_id)


async def set_call_ticket(house: House, viewer: Viewer, call_id: UUID, ticket_id: UUID | None) -> None:
    """Make a call one of a ticket's; with ``ticket_id`` None give it the ticket of its own that it would have had, and
    take back what it changed on the one that it had joined."""
    viewer.require("tickets.write")
    async with house.unit(viewer) as uow:
        if ticket_id is None:
            await call_queries.require_call(uow, viewer, call_id)
            call, _ = await call_commands.load_call(uow, call_id, ())
            if call is None:
                raise NotFound()
            following = Following(house, uow, call)
            await following.own()
            await save_followed(uow, call, following)
            uow.audit("call:ticket_set", call.id, ticket_id=call.ticket_id)
        else:
            await _join(house, uow, viewer, call_id, None, ticket_id)


async def _join(
    house: House,
    uow: UnitOfWork,
    viewer: Viewer,
    call_id: UUID,
    ticket: TicketRecord | None,
    ticket_id: UUID | None = None,
) -> None:
    await call_queries.require_call(uow, viewer, call_id)
    call, _ = await call_commands.load_call(uow, call_id, ())
    if call is None:
        raise NotFound()
    if ticket is None and ticket_id is not None:
        ticket = await locked(uow, viewer, ticket_id)
    if ticket is None or ticket.id == call.ticket_id:
        return
    if ticket.state == "discarded":
        raise Conflict("This ticket was discarded.")
    following = Following(house, uow, call)
    await following.join(ticket, "hand")
    await save_followed(uow, call, following)
    uow.audit("call:ticket_set", call.id, ticket_id=ticket.id)


async def close_resolved(house: House) -> int:
    """Close what has been resolved for as many days as the company waits for an objection; answers how many."""
    days = (await company_section(house, company.Tickets)).close_after_days
    async with house.unit(SYSTEM) as uow:
        tickets = await commands.lock_long_resolved(uow, uow.now - timedelta(days=days))
        for ticket in tickets:
            ticket.set(state="closed")
            await keep_ticket(house, uow, ticket)
    return len(tickets)


async def locked(uow: UnitOfWork, viewer: Viewer, ticket_id: UUID, expected_version: int | None = None) -> TicketRecord:
    """A ticket that the viewer sees, locked. Raises NotFound, and Conflict when it is another version."""
    await require_ticket(uow, viewer, ticket_id)
    ticket = await lock_ticket(uow, ticket_id)
    if ticket is None:
        raise NotFound("There is no such ticket.")
    if expected_version is not None and ticket.version != expected_version:
        raise Conflict()
    return ticket


def _still(viewer: Viewer) -> Viewer:
    """Who gave a ticket away is shown what they did, though it is no longer theirs to see."""
    return replace(viewer, permissions=viewer.permissions | {"tickets.read", "tickets.read_all"})


def _without(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in (*names, "call_id", "follows_id")}


async def _apply(
    house: House, uow: UnitOfWork, viewer: Viewer, ticket: TicketRecord, changes: Mapping[str, Any]
) -> list[Entry]:
    """Change a ticket as a person asks; the lines of its history that hold words."""
    if "kind" in changes:
        read, kind = ticket.kind, _one_of(changes["kind"], Kind, "kind")
        if ticket.set(kind=kind):
            if ticket.kind_by == "triage":
                await note_correction(uow, ticket.id, read, kind)
                CORRECTED.labels(read, kind).inc()
            ticket.set(kind_by="hand")
    if "priority" in changes:
        ticket.set(priority=_one_of(changes["priority"], Priority, "priority"))
    if "category" in changes:
        ticket.set(category=await _category(uow, changes["category"], ticket))
    if "service" in changes:
        ticket.set(service=one_line(changes["service"] or "", "service", LONGEST_SERVICE) or None)
    if "customer_id" in changes:
        await _customer(uow, ticket, changes["customer_id"])
    if "assignee" in changes:
        await _assign(uow, viewer, ticket, changes["assignee"])
    if "state" in changes:
        await _move(house, uow, viewer, ticket, cast(State, _one_of(changes["state"], State, "state")))
    texts: dict[str, str] = {}
    if "subject" in changes:
        texts["subject"] = one_line(changes["subject"] or "", "subject", LONGEST_SUBJECT)
    if "description" in changes:
        texts["description"] = many_lines(changes["description"] or "", "description", LONGEST_DESCRIPTION)
    entries = await _texts(uow, ticket, texts)
    if "custom" in changes:
        known = [each for each in (await fields_of.load(house, uow)).fields if each.target == "ticket"]
        if "private" in viewer.masks and any(each.private and each.key in changes["custom"] for each in known):
            raise Forbidden("Your role does not see private fields.")
        values = custom_fields.clean(known, changes["custom"], region=house.settings.region)
        private = [each.key for each in known if each.private]
        entries += await set_custom(uow, ticket, values, private)
    return entries


async def _texts(uow: UnitOfWork, ticket: TicketRecord, texts: dict[str, str]) -> list[Entry]:
    if ticket.key_id is None:
        texts = {name: text for name, text in texts.items() if text}
    return await set_texts(uow, ticket, **texts) if texts else []


async def _category(uow: UnitOfWork, slug: str | None, ticket: TicketRecord) -> str | None:
    if slug is None or slug == ticket.category:
        return slug
    await require_category(uow, uow.viewer, slug)
    return slug


async def _customer(uow: UnitOfWork, ticket: TicketRecord, customer_id: UUID | None) -> None:
    customer_id = await root_of(uow, customer_id) if customer_id is not None else None
    if customer_id == ticket.customer_id:
        return
    tier = await commands.tier_of_customer(uow, customer_id) if customer_id is not None else None
    await move_texts(uow, ticket, customer_id)
    ticket.set(tier=tier)


async def _assign(uow: UnitOfWork, viewer: Viewer, ticket: TicketRecord, login: str | None) -> None:
    """Taking a ticket oneself, and giving up one's own, is everybody's right; all else needs ``tickets.assign``."""
    user_id = None
    if login is not None:
        agent = await find_agent(uow, SYSTEM, login=login)
        if agent is None:
            raise Invalid("assignee: there is no such user.")
        user_id = agent.id
    if user_id == ticket.assignee_id:
        return
    mine = {None, viewer.user_id}
    if not viewer.may("tickets.assign") and (user_id not in mine or ticket.assignee_id not in mine):
        raise Forbidden("Only supervisors give tickets to others.")
    ticket.set(assignee_id=user_id, assigned_by="hand")


async def _move(house: House, uow: UnitOfWork, viewer: Viewer, ticket: TicketRecord, state: State) -> None:
    if state == ticket.state:
        return
    if ticket.exists and not may_move(ticket.state, state, viewer.permissions):
        if may_move(ticket.state, state, SYSTEM.permissions):
            raise Forbidden()
        raise Conflict(f"A ticket that is {ticket.state} cannot become {state}.")
    if ticket.state in ("resolved", "closed") and state == "open":
        days = (await company_section(house, company.Tickets, uow)).reopen_days
        if ticket.resolved_at is not None and ticket.resolved_at < uow.now - timedelta(days=days):
            raise Conflict("This was done too long ago to be opened again: open a new ticket that follows it.")
    ticket.set(state=state, provisional=False)
    if state == "discarded":
        ticket.set(discarded_as="hand")
    elif state in ("open", "resolved") and ticket.first_response_at is None and ticket.source == "hand":
        ticket.set(first_response_at=uow.now)


def _one_of(value: Any, kind: Any, field: str) -> str:
    if value not in get_args(kind):
        raise Invalid(f"{field}: one of {', '.join(get_args(kind))}")
    return str(value)


async def order_callback(house: House, uow: UnitOfWork, ticket: TicketRecord, due: datetime | None) -> None:
    """A call back is due: then, or by the company's rule."""
    ticket.set(callback_due=due or await callback_deadline(house, uow, uow.now), callback_done_at=None)
