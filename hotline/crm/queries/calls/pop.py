"""What an agent's browser shows of a call: the data of each call event, made for its viewer out of ids.

A ringall of five makes five events of one call; the call is read once for all viewers who see the same. What was read
serves an event only if it is at least as new as the event: both carry the call's version.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from hotline.clock import utc_now
from hotline.crm.as_told import as_told
from hotline.crm.database import Database
from hotline.crm.keys import Keyring
from hotline.crm.queries.calls.calls import CallView, LegView, get_call, ringing_legs
from hotline.crm.queries.conversations.conversation_events import render_conversation_event
from hotline.crm.queries.customers.candidates import Candidate, candidates
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.queries.tickets.ticket_events import render_ticket_event
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import NotFound
from hotline.events import Event
from hotline.tickets.states import next_states

#: How long a call that was read serves other viewers, in seconds; and how many are kept.
FRESH: Final = 1.0
KEPT: Final = 256
#: A pop whose ring was over so lately is still shown, since the event that closes it follows.
JUST_OVER: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class _Scene:
    """A call with its caller and the customers who may be calling, as some viewers see it."""

    call: CallView
    caller: Mapping[str, Any]
    customers: Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class _Entry:
    task: asyncio.Task[_Scene]
    since: float


class _Cache:
    """The calls read in the last moment, by call and by what their viewers may see."""

    def __init__(self) -> None:
        self.entries: OrderedDict[tuple[Any, ...], _Entry] = OrderedDict()

    async def scene(self, db: Database, keyring: Keyring, viewer: Viewer, call_id: UUID, version: int) -> _Scene:
        key = (call_id, viewer.masks, viewer.may("customers.read"), restricted_to(viewer))
        for _ in range(2):
            entry = self.entries.get(key)
            if entry is None or time.monotonic() - entry.since > FRESH:
                break
            scene = await asyncio.shield(entry.task)
            if scene.call.version >= version:
                return scene
            if self.entries.get(key) is entry:
                del self.entries[key]
        task = asyncio.create_task(_read(db, keyring, viewer, call_id), name="pop-read")
        self.entries[key] = entry = _Entry(task, time.monotonic())
        self.entries.move_to_end(key)
        while len(self.entries) > KEPT:
            self.entries.popitem(last=False)
        try:
            return await asyncio.shield(task)
        except BaseException:
            if self.entries.get(key) is entry:
                del self.entries[key]
            raise


_CACHES: WeakKeyDictionary[Database, _Cache] = WeakKeyDictionary()


def restricted_to(viewer: Viewer) -> UUID | None:
    """For whom alone an event is rendered: None when all with the same rights see the same, since they see every
    customer."""
    return None if not viewer.may("customers.read") or viewer.scope_of("customers") == "all" else viewer.user_id


async def _read(db: Database, keyring: Keyring, viewer: Viewer, call_id: UUID) -> _Scene:
    # The event's audience decides who gets it; what is in it goes by the viewer's masks and rights, and by their scope
    # where they do not see every customer.
    everything = replace(SYSTEM, masks=viewer.masks)
    reader = everything if viewer.may("customers.read") else replace(everything, permissions=_without_customers())
    if restricted_to(viewer) is not None:
        reader = replace(viewer, permissions=viewer.permissions | {"calls.read"})
    # Side by side: both see at least what the event's commit left, and whatever is newer is told by its own event.
    call, known = await asyncio.gather(
        get_call(db, keyring, reader, call_id), candidates(db, keyring, reader, call_id=call_id)
    )
    return _Scene(call, as_told(call.caller), [_customer(candidate, call.id) for candidate in known])


def _without_customers() -> frozenset[str]:
    return SYSTEM.permissions - {"customers.read"}


async def render_event(db: Database, keyring: Keyring, viewer: Viewer, event: Event) -> dict[str, Any] | None:
    """The data of one event for one viewer; None when there is nothing for them to see any more."""
    if event.type.startswith("ticket."):
        return await render_ticket_event(db, keyring, viewer, event)
    if event.type.startswith(("conversation.", "message.")):
        return await render_conversation_event(db, keyring, viewer, event)
    if event.type.startswith(("customer.", "consent.")):
        return await _render_customer(db, viewer, event)
    if not event.type.startswith("call."):
        return dict(event.data)
    try:
        scene = await _scene(db, keyring, viewer, UUID(event.data["call_id"]), int(event.data.get("version", 0)))
    except NotFound:
        return None
    ring = event.data.get("ring_id")
    leg = next((leg for leg in scene.call.legs if str(leg.ring_id) == ring), None) if ring else None
    if event.type == "call.offered" and (leg is None or _long_over(leg)):
        return None
    told = {name: value for name, value in event.data.items() if name not in ("user_id", "from_user", "to_user")}
    told |= _facts(viewer, scene, leg)
    if event.type == "call.transferred" and scene.call.transfers:
        last = scene.call.transfers[-1]
        told |= {"from": last.from_, "to": last.to}
    at = event.data.get("at")
    return told | {"at": datetime.fromisoformat(at) if at is not None else event.at}


async def _render_customer(db: Database, viewer: Viewer, event: Event) -> dict[str, Any] | None:
    """That a customer changed is told to who sees them."""
    if restricted_to(viewer) is not None:
        try:
            await require_customer(db, viewer, UUID(event.data.get("customer_id") or event.data["kept_id"]))
        except NotFound:
            return None
    return dict(event.data)


def _long_over(leg: LegView) -> bool:
    """Whether a ring that is replayed is over for good: nobody wants its pop any more."""
    over = leg.ended_at or leg.answered_at
    return over is not None and utc_now() - over > JUST_OVER


async def rings_now(
    db: Database, keyring: Keyring, viewer: Viewer, *, all_agents: bool = False
) -> list[dict[str, Any]]:
    """The data of ``call.offered`` for each phone of the viewer that rings now; with ``all_agents`` of everybody."""
    found = []
    for call_id, ring_id, version in await ringing_legs(db, viewer, all_agents=all_agents):
        try:
            scene = await _scene(db, keyring, viewer, call_id, version)
        except NotFound:
            continue
        leg = next((leg for leg in scene.call.legs if leg.ring_id == ring_id), None)
        if leg is not None and leg.ended_at is None and leg.answered_at is None:
            found.append(_facts(viewer, scene, leg) | {"kind": leg.kind, "at": leg.rang_at})
    return found


async def _scene(db: Database, keyring: Keyring, viewer: Viewer, call_id: UUID, version: int) -> _Scene:
    cache = _CACHES.get(db)
    if cache is None:
        cache = _CACHES[db] = _Cache()
    return await cache.scene(db, keyring, viewer, call_id, version)


def _facts(viewer: Viewer, scene: _Scene, leg: LegView | None) -> dict[str, Any]:
    """The call as its events show it; ``agent`` is the login of the phone that it is about, else of who has it."""
    call = scene.call
    return {
        "call_id": call.id,
        "pbx": call.pbx,
        "direction": call.direction,
        "ring_id": leg.ring_id if leg is not None else None,
        "agent": (leg.agent if leg is not None else None) or call.agent,
        "interface": leg.interface if leg is not None else None,
        "caller": scene.caller,
        "customer_id": call.customer_id,
        "customers": scene.customers,
        "queue": (leg.queue if leg is not None else None) or call.queue,
        "state": call.state,
        "disposition": call.disposition,
        "ivr": call.ivr,
        "dialler": call.dialler,
        "held": call.held,
        "held_since": call.held_since,
        "recording": call.recording,
        "ticket_id": call.ticket_id,
        "ticket": _ticket(viewer, call),
        "offered_at": call.offered_at,
        "waiting_since": _waiting_since(call),
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
        "end_seen": call.end_seen,
        "version": call.version,
    }


def _ticket(viewer: Viewer, call: CallView) -> Mapping[str, Any] | None:
    """The call's ticket, and how the call came to it."""
    if call.ticket is None or not viewer.may("tickets.read"):
        return None
    brief = replace(call.ticket, next_states=next_states(call.ticket.state, viewer.permissions))
    return as_told(brief) | {"attached": as_told(call.attached) if call.attached is not None else None}


def _waiting_since(call: CallView) -> datetime | None:
    return call.queued_at or call.offered_at if call.direction == "in" else None


def _customer(candidate: Candidate, call_id: UUID) -> Mapping[str, Any]:
    """A customer in a pop; the present call is no past interaction."""
    data = as_told(candidate)
    data["interactions"] = [line for line in data["interactions"] if line["call_id"] != call_id]
    data["open_call_ids"] = [one for one in data["open_call_ids"] if one != call_id]
    return data
