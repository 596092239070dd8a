"""What a ticket's event shows its viewer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from hotline.crm.as_told import as_told
from hotline.crm.database import Database
from hotline.crm.keys import Keyring
from hotline.crm.queries.event_reads import EventReads
from hotline.crm.queries.tickets.sla import ClockView, clocks_of
from hotline.crm.queries.tickets.tickets import TicketView, for_viewer, get_ticket
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound
from hotline.events import Event

Read = tuple[TicketView, tuple[ClockView, ...]]

_READS: Final = EventReads[Read]("ticket-read", lambda read: read[0].version)


async def render_ticket_event(db: Database, keyring: Keyring, viewer: Viewer, event: Event) -> dict[str, Any] | None:
    """The event's data with the whole ticket; without it for who lost it. Its audience decides who gets it: what is
    rendered here serves all viewers with the same rights."""
    told = dict(event.data)
    if told.get("lost") or not viewer.may("tickets.read"):
        return told
    try:
        ticket, clocks = await _read(db, keyring, viewer, event)
    except NotFound:
        return None
    return told | {"ticket": ticket_body(for_viewer(viewer, ticket), clocks)}


def ticket_body(ticket: TicketView, clocks: tuple[ClockView, ...] = ()) -> Mapping[str, Any]:
    """A ticket as the API and the events show it."""
    return as_told(ticket) | {"call_ids": ticket.call_ids, "clocks": [as_told(clock) for clock in clocks]}


async def _read(db: Database, keyring: Keyring, viewer: Viewer, event: Event) -> Read:
    ticket_id = UUID(event.data["ticket_id"])

    async def load(reader: Viewer) -> Read:
        ticket = await get_ticket(db, keyring, reader, ticket_id)
        clocks = await clocks_of(db, reader, [ticket_id], event.at)
        return ticket, tuple(clocks.get(ticket_id, ()))

    return await _READS.read(db, viewer, str(ticket_id), int(event.data.get("version", 0)), load)
