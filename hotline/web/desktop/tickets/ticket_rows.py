"""Tickets as rows of a list, a column or a page: whose it is, whom to call back, and what time is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from aiohttp import web

from hotline.crm.queries.customers.tiers import TierView, list_tiers
from hotline.crm.queries.tickets.sla import ClockView, clocks_of
from hotline.crm.queries.tickets.tickets import TicketView
from hotline.crm.viewer import Viewer
from hotline.tickets.states import OPEN
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.render import say
from hotline.web.desktop.tickets import ticket_words
from hotline.web.desktop.words import N_

_GOING: Final = frozenset({"running", "breached", "paused"})


@dataclass(frozen=True, slots=True)
class ClockRow:
    """A clock as the page's own clocks take it: ``used`` is the share of its time in per cent."""

    name: str
    state: str
    due: datetime | None
    warn: datetime | None
    used: int
    policy: str | None


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A ticket and what a row says of it. ``clock`` is the one that ends next, ``caller`` the number of the latest
    call for eyes, ``dial`` whom a call back calls ("" where the viewer may not dial), ``why`` what the customer waits
    for, ``mine`` whether it is the viewer's."""

    ticket: TicketView
    customer_id: UUID | None
    customer_name: str
    tier: TierView | None
    caller: str
    withheld: bool
    dial: str
    clock: ClockRow | None
    clocks: tuple[ClockRow, ...]
    voicemail: bool
    why: str
    mine: bool


async def rows_of(request: web.Request, tickets: Sequence[TicketView]) -> list[TicketRow]:
    """The rows of these tickets; their clocks are read by one statement, the tiers by another."""
    if not tickets:
        return []
    house, viewer = house_of(request), signed_of(request).viewer
    clocks = await clocks_of(house.db, viewer, [ticket.id for ticket in tickets], house.clock())
    tiers = {tier.key: tier for tier in await list_tiers(house.db, viewer)} if viewer.may("customers.read") else {}
    return [_row(request, viewer, ticket, clocks.get(ticket.id, ()), tiers) for ticket in tickets]


def clock_row(clock: ClockView) -> ClockRow:
    """A clock as the pages show it; ``missed`` is what was done after its time."""
    late = clock.state == "met" and clock.breached_at is not None
    used = round(100 * clock.spent_seconds / clock.target_seconds) if clock.target_seconds else 0
    name = ticket_words.clocks.get(clock.what, clock.what)
    return ClockRow(name, "missed" if late else clock.state, clock.due_at, clock.warn_at, min(used, 100), clock.policy)


def _row(
    request: web.Request,
    viewer: Viewer,
    ticket: TicketView,
    clocks: Sequence[ClockView],
    tiers: dict[str, TierView],
) -> TicketRow:
    rows = tuple(clock_row(clock) for clock in clocks)
    going = [clock for clock in rows if clock.state in _GOING] if ticket.state in OPEN else []
    customer, caller = ticket.customer, ticket.caller
    shown = (caller.display or "") if caller else ""
    return TicketRow(
        ticket=ticket,
        customer_id=customer.id if customer else None,
        customer_name=customer.name if customer else "",
        tier=tiers.get(customer.tier) if customer and customer.tier else None,
        caller=shown,
        withheld=caller.withheld if caller else False,
        dial=(shown or (customer.name if customer else "")) if viewer.may("commands.send") else "",
        clock=min(going, key=_next) if going else None,
        clocks=rows,
        voicemail=any(call.disposition == "voicemail" for call in ticket.calls),
        why=_why(request, ticket),
        mine=ticket.assignee_id is not None and ticket.assignee_id == viewer.user_id,
    )


def _next(clock: ClockRow) -> tuple[bool, float]:
    return clock.due is None, clock.due.timestamp() if clock.due else 0.0


def _why(request: web.Request, ticket: TicketView) -> str:
    """Why the customer is to be called back, in a few words."""
    for call in ticket.calls:
        if call.direction == "in":
            if call.disposition == "voicemail":
                return say(request, N_("Left a voicemail"))
            if call.disposition != "answered" and call.state == "ended":
                return say(request, N_("Hung up before an answer"))
            return say(request, N_("Promised on a call"))
    return say(request, N_("Promised"))
