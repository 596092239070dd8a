"""The desk, and what its scripts ask for beside the API: the recent calls, notes, a customer made out of a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from hotline import phone
from hotline.crm.queries.calls.calls import CallCustomerView, CallView, get_call, list_calls
from hotline.crm.queries.customers.customers import CustomerView
from hotline.errors import Forbidden, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.calls.call_words import DISPOSITIONS, MISSED
from hotline.web.desktop.forms import json_id, json_of, uuid_of
from hotline.web.desktop.render import html, say, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import needs, signed_in
from hotline.workflows.calls import calls as calls_workflow
from hotline.workflows.customers import customers as customers_workflow

RECENT: Final = 12
#: Among so many of one's last calls are the customers that an empty desk offers, so many of them.
LOOK_BACK: Final = 40
ACQUAINTED: Final = 8

#: Disposition → (word, class of its badge).
OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    key: (word, {"abandoned": "sla-breach"}.get(key, "sla-warn") if key in MISSED else "")
    for key, word in DISPOSITIONS.items()
}


@signed_in
async def show(request: web.Request) -> web.StreamResponse:
    """The desk; who takes no calls starts with the customers."""
    house, viewer = house_of(request), signed_of(request).viewer
    if viewer.may("calls.read"):
        found = await list_calls(house.db, house.keyring, viewer, limit=LOOK_BACK, user_id=viewer.user_id)
        return html(request, "desk.html", {"acquainted": acquainted(found)})
    if viewer.may("customers.read"):
        return see_other("/customers")
    raise Forbidden()


def acquainted(calls: Sequence[CallView]) -> list[CallCustomerView]:
    """The customers of these calls, each once, in the calls' order; only those who are known for sure."""
    found: dict[UUID, CallCustomerView] = {}
    for call in calls:
        for customer in call.customers:
            if customer.id == call.customer_id and customer.name:
                found.setdefault(customer.id, customer)
    return list(found.values())[:ACQUAINTED]


@needs("calls.read")
async def recent(request: web.Request) -> web.StreamResponse:
    """The last calls that rang or were answered here."""
    house, viewer = house_of(request), signed_of(request).viewer
    found = await list_calls(house.db, house.keyring, viewer, limit=RECENT, user_id=viewer.user_id)
    found.sort(key=lambda call: call.offered_at, reverse=True)
    return html(request, "recent.html", {"calls": [recent_row(call) for call in found], "outcomes": OUTCOMES})


def recent_row(call: CallView) -> dict[str, Any]:
    """A call as one row: who, through what, how it ended, how long it took."""
    known = [customer for customer in call.customers if customer.id == call.customer_id] or list(call.customers)
    number = call.caller.number
    talk = None
    if call.answered_at and call.ended_at:
        talk = (call.ended_at - call.answered_at).total_seconds()
    return {
        "call": call,
        "customer": known[0] if len(known) == 1 else None,
        "sharing": len(known),
        "number": phone.display(number) if number else "",
        "withheld": call.caller.withheld,
        "talk": talk,
    }


@needs("calls.write")
async def keep_note(request: web.Request) -> web.StreamResponse:
    """Writes a note under the id that the browser gave it, so that sending it again changes nothing."""
    body = await json_of(request)
    text = body.get("text")
    if not isinstance(text, str):
        raise Invalid("text: something must stand here.")
    note_id = await customers_workflow.write_note(
        house_of(request),
        signed_of(request).viewer,
        uuid_of(request),
        text.replace("\0", ""),
        json_id(body, "customer_id"),
        json_id(body, "call_id"),
    )
    return web.json_response({"id": str(note_id)})


@needs("customers.write")
async def make_customer(request: web.Request) -> web.StreamResponse:
    """Makes a customer out of a call's number and says that the call is theirs: one click for an unknown caller.

    Until the agent types a name, the number stands in its place, or what a withheld number is called.
    """
    house, viewer = house_of(request), signed_of(request).viewer
    body = await json_of(request)
    call = await get_call(house.db, house.keyring, viewer, uuid_of(request))
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        number = call.caller.number
        name = phone.display(number) if number else say(request, N_("Caller without a number"))
    made = await calls_workflow.create_customer_for_call(house, viewer, call.id, name.replace("\0", ""))
    return web.json_response(_as_candidate(made), status=201)


def _as_candidate(customer: CustomerView) -> dict[str, Any]:
    return {
        "id": str(customer.id),
        "reference": customer.reference,
        "name": customer.name,
        "tier": None,
        "tags": [],
        "interactions": [],
    }


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/", show)
    app.router.add_get("/desk/recent", recent)
    app.router.add_put("/desk/notes/{id}", keep_note)
    app.router.add_post("/desk/calls/{id}/customer", make_customer)
