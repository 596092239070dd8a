"""Customers: the list, a record with its timeline, making and changing one."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from hotline.crm.queries.calls.recordings import of_calls
from hotline.crm.queries.customers.customer_files import files_of
from hotline.crm.queries.customers.customer_filter import CustomerFilter
from hotline.crm.queries.customers.customer_history import list_history
from hotline.crm.queries.customers.customer_relations import relations_of
from hotline.crm.queries.customers.customer_search import search_customers
from hotline.crm.queries.customers.customers import CustomerView, get_customer, list_customers
from hotline.crm.queries.customers.purchases import purchases_of
from hotline.crm.queries.customers.tiers import list_tags, list_tiers
from hotline.crm.queries.customers.timeline import list_timeline
from hotline.crm.queries.tickets.ticket_lists import list_tickets
from hotline.customers.file_types import lies
from hotline.errors import Conflict, Invalid
from hotline.tickets.views import SHIPPED
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.consent import consents
from hotline.web.desktop.customers import (
    customer_files,
    customer_form,
    customer_history,
    customer_purchases,
    customer_relations,
)
from hotline.web.desktop.customers.customer_values import CHANNELS, SOURCES, speaker
from hotline.web.desktop.customers.timeline import KINDS, days
from hotline.web.desktop.forms import field, form_of, id_of, problems, refusal_words, uuid_of, version_of
from hotline.web.desktop.i18n import Calendar, language_of, zone_of
from hotline.web.desktop.render import html, is_fragment, say
from hotline.web.desktop.tickets import ticket_words
from hotline.web.desktop.tickets.ticket_rows import TicketRow, rows_of
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows.company import lists
from hotline.workflows.customers import customers as workflow

PAGE: Final = 50
#: What the list can be narrowed by; an export, a batch and the address have the same names.
FILTERS: Final = ("q", "tag", "tier", "responsible", "classification", "kind")
LINES: Final = 25
TICKETS: Final = 10
#: Purchases and files that the record shows; the others have pages of their own.
PARTS: Final = 5


@needs("customers.read")
async def index(request: web.Request) -> web.StreamResponse:
    """The list, or what is found, the best first; a script that types asks for the rows alone."""
    house, viewer = house_of(request), signed_of(request).viewer
    chosen = {name: request.query.get(name, "")[:200].strip().replace("\0", "") for name in FILTERS}
    text = chosen["q"]
    cursor = request.query.get("after", "")
    narrowed = CustomerFilter(
        tag=chosen["tag"] or None,
        tier=chosen["tier"] or None,
        responsible=chosen["responsible"] or None,
        classification=chosen["classification"] or None,
        kind=chosen["kind"] or None,
    )
    problem = ""
    found: list[CustomerView] = []
    following = None
    try:
        if text:
            place = int(cursor) if cursor.isascii() and cursor.isdecimal() and len(cursor) <= 6 else 0
            some: Any = {"region": house.settings.region, "limit": PAGE + 1, "after": place, "chosen": narrowed}
            found = await search_customers(house.db, house.keyring, viewer, text, **some)
            following = str(place + PAGE) if len(found) > PAGE else None
        else:
            after = id_of(cursor)
            found = await list_customers(house.db, house.keyring, viewer, limit=PAGE + 1, after=after, chosen=narrowed)
            following = str(found[PAGE - 1].id) if len(found) > PAGE else None
    except Invalid as error:
        problem = refusal_words(request, error)
    context = {
        "q": text,
        "chosen": {name: value for name, value in chosen.items() if value},
        "query": urlencode({name: value for name, value in chosen.items() if value}),
        "customers": found[:PAGE],
        "next": following,
        "after": cursor,
        "problem": problem,
    }
    if is_fragment(request):
        return html(request, "customers_rows.html", context)
    return html(request, "customers.html", {**context, "filters": await _filter_fields(request)})


async def _filter_fields(request: web.Request) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """The selects above the list: (name, label, options)."""
    house, viewer = house_of(request), signed_of(request).viewer
    language = language_of(request)
    tags = [(tag.name, tag.name) for tag in await list_tags(house.db, viewer)]
    tiers = [(tier.key, tier.names.get(language) or tier.key) for tier in await list_tiers(house.db, viewer)]
    known = [(entry.key, entry.name(language)) for entry in (await lists.load(house)).entries("classification")]
    without = [("none", say(request, N_("Without")))]
    kinds = [("person", say(request, N_("Persons"))), ("organisation", say(request, N_("Organisations")))]
    agents = [("me", say(request, N_("Me"))), ("none", say(request, N_("Nobody")))]
    return [
        ("tag", say(request, N_("Tag")), tags),
        ("tier", say(request, N_("Tier")), [*tiers, *without]),
        ("classification", say(request, N_("Classification")), [*known, *without] if known else []),
        ("kind", say(request, N_("Kind")), kinds),
        ("responsible", say(request, N_("Responsible agent")), agents),
    ]


@needs("customers.read")
async def show(request: web.Request) -> web.StreamResponse:
    """One customer's page."""
    return html(request, "customer.html", await whole(request, uuid_of(request)))


@needs("customers.read")
async def part(request: web.Request) -> web.StreamResponse:
    """The record in the desk's middle column."""
    context = await record(request, uuid_of(request))
    may_write = signed_of(request).viewer.may("customers.write")
    return html(request, "record.html", {**context, "edit_name": "edit" in request.query and may_write, "errors": {}})


@needs("customers.read")
async def timeline(request: web.Request) -> web.StreamResponse:
    """A part of the timeline: further lines, or those of another kind."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await get_customer(house.db, house.keyring, viewer, uuid_of(request))
    return html(request, "timeline.html", {"customer": customer, **await _lines(request, customer)})


@needs("customers.write")
async def rename(request: web.Request) -> web.StreamResponse:
    """A new name from the desk's middle column, where a fresh customer got a provisional one."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer_id = uuid_of(request)
    form = await form_of(request)
    errors: dict[str, str] = {}
    try:
        await workflow.update_customer(
            house, viewer, customer_id, {"name": field(form, "name", 1000)}, version_of(form)
        )
    except (Invalid, Conflict) as error:
        errors = problems(request, error)
    context = await record(request, customer_id)
    return html(request, "record.html", {**context, "edit_name": bool(errors), "errors": errors})


async def record(request: web.Request, customer_id: UUID) -> dict[str, Any]:
    """What the desk's record shows. Raises NotFound."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await get_customer(house.db, house.keyring, viewer, customer_id)
    speak = await speaker(request)
    return {
        "customer": customer,
        "responsible": customer.responsible.name if customer.responsible else "",
        "tickets": await _open_tickets(request, customer.id),
        "words": ticket_words,
        "customs": speak.customs(customer, pop=True),
        "speak": speak,
        **await _lines(request, customer),
    }


async def whole(request: web.Request, customer_id: UUID) -> dict[str, Any]:
    """What a customer's page shows: the record, how they belong to others, what they bought, their files. A fixed
    number of statements, however much there is. Raises NotFound."""
    house, viewer = house_of(request), signed_of(request).viewer
    context = await record(request, customer_id)
    customer: CustomerView = context["customer"]
    db, keyring = house.db, house.keyring
    return {
        **context,
        "customs": context["speak"].customs(customer),
        "relations": await relations_of(db, keyring, viewer, customer.id),
        "purchases": await purchases_of(db, keyring, viewer, customer.id, limit=PARTS + 1),
        "files": await files_of(db, keyring, viewer, customer.id, limit=PARTS + 1),
        "consents": await consents.card(request, customer.id),
        "parts": PARTS,
        "lies": lies,
        "channels": CHANNELS,
        "sources": SOURCES,
        "done": request.query.get("done", ""),
        "undo_change": await _undo_change(request, customer),
    }


async def _undo_change(request: web.Request, customer: CustomerView) -> UUID | None:
    """A change of the version that was just saved, to be taken back whole; None on a page that nothing led to."""
    version = request.query.get("version", "")
    if request.query.get("done") != "changed" or version != str(customer.version):
        return None
    house, viewer = house_of(request), signed_of(request).viewer
    found = await list_history(house.db, house.keyring, viewer, customer.id, limit=1)
    return found[0].id if found else None


async def _open_tickets(request: web.Request, customer_id: UUID) -> list[TicketRow]:
    """The customer's open tickets, the most urgent first."""
    house, viewer = house_of(request), signed_of(request).viewer
    if not viewer.may("tickets.read"):
        return []
    found = await list_tickets(
        house.db,
        house.keyring,
        viewer,
        SHIPPED["open"].filters,
        now=house.clock(),
        limit=TICKETS,
        sort="deadline",
        customer_id=customer_id,
    )
    return await rows_of(request, found)


async def _lines(request: web.Request, customer: CustomerView) -> dict[str, Any]:
    house, viewer = house_of(request), signed_of(request).viewer
    kind = request.query.get("kind", "")
    kind = kind if kind in KINDS else ""
    after = id_of(request.query.get("after", ""))
    items = await list_timeline(
        house.db, house.keyring, viewer, customer.id, limit=LINES + 1, after=after, kinds=[kind] if kind else None
    )
    calendar = Calendar(language_of(request), zone_of(request), house.clock())
    call_ids = [item.call.id for item in items[:LINES] if item.call is not None and item.kind != "note"]
    return {
        "recordings": await of_calls(house.db, viewer, call_ids),
        "days": days(items[:LINES], calendar),
        "kind": kind,
        "kinds": KINDS,
        "more": items[LINES - 1].id if len(items) > LINES else None,
        "continued": after is not None,
    }


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/customers", index)
    customer_form.setup(app)
    for pages in (customer_history, customer_relations, customer_purchases, customer_files):
        pages.setup(app)
    app.router.add_get("/customers/{id}", show)
    app.router.add_get("/customers/{id}/timeline", timeline)
    app.router.add_get("/desk/customers/{id}", part)
    app.router.add_post("/desk/customers/{id}/name", rename)
