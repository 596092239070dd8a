"""What a ticket's event shows its viewer. A ticket that nobody has is told to everybody: it is read once for all."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from hotline.crm.database import Database
from hotline.crm.keys import Keyring
from hotline.crm.queries.sla import ClockView, clocks_of
from hotline.crm.queries.tickets import TicketView, for_viewer, get_ticket
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import NotFound
from hotline.events import Event

#: How long a ticket that was read serves other viewers, in seconds; and how many are kept.
FRESH: Final = 1.0
KEPT: Final = 256

Read = tuple[TicketView, tuple[ClockView, ...]]


@dataclass(slots=True)
class _Entry:
    task: asyncio.Task[Read]
    since: float


_CACHES: WeakKeyDictionary[Database, OrderedDict[tuple[Any, ...], _Entry]] = WeakKeyDictionary()


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
    return asdict(ticket) | {"call_ids": ticket.call_ids, "clocks": [asdict(clock) for clock in clocks]}


async def _read(db: Database, keyring: Keyring, viewer: Viewer, event: Event) -> Read:
    cache = _CACHES.setdefault(db, OrderedDict())
    own = viewer.may("customers.read") and viewer.scope_of("customers") != "all"
    key = (event.data["ticket_id"], viewer.masks, viewer.may("customers.read"), viewer.user_id if own else None)
    entry = cache.get(key)
    if entry is not None and time.monotonic() - entry.since <= FRESH:
        read = await asyncio.shield(entry.task)
        if read[0].version >= int(event.data.get("version", 0)):
            return read
    task = asyncio.create_task(_load(db, keyring, viewer, event), name="ticket-read")
    cache[key] = entry = _Entry(task, time.monotonic())
    cache.move_to_end(key)
    while len(cache) > KEPT:
        cache.popitem(last=False)
    try:
        return await asyncio.shield(task)
    except BaseException:
        if cache.get(key) is entry:
            del cache[key]
        raise


async def _load(db: Database, keyring: Keyring, viewer: Viewer, event: Event) -> Read:
    permissions = SYSTEM.permissions if viewer.may("customers.read") else SYSTEM.permissions - {"customers.read"}
    reader = replace(SYSTEM, masks=viewer.masks, permissions=permissions)
    if viewer.may("customers.read") and viewer.scope_of("customers") != "all":
        # Who does not see every customer is shown by their own scope which one it is.
        reader = viewer
    ticket_id = UUID(event.data["ticket_id"])
    ticket = await get_ticket(db, keyring, reader, ticket_id)
    clocks = await clocks_of(db, reader, [ticket_id], event.at)
    return ticket, tuple(clocks.get(ticket_id, ()))
