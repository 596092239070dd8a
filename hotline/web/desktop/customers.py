"""Customers: the list, a record with its timeline, making and changing one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from hotline.crm.queries.customer_search import search_customers
from hotline.crm.queries.customers import CustomerView, get_customer, list_customers
from hotline.crm.queries.recordings import of_calls
from hotline.crm.queries.ticket_lists import list_tickets
from hotline.crm.queries.tiers import list_tags, list_tiers
from hotline.crm.queries.timeline import list_timeline
from hotline.crm.queries.users import get_user
from hotline.errors import Conflict, HotlineError, Invalid, NotFound
from hotline.tickets.views import SHIPPED
from hotline.web.context import house_of, signed_of
from hotline.web.desktop import ticket_words
from hotline.web.desktop.forms import Form, field, fields, form_of, problems, uuid_of, version_of
from hotline.web.desktop.i18n import Calendar, language_of, zone_of
from hotline.web.desktop.render import html, is_fragment, say, see_other
from hotline.web.desktop.ticket_rows import TicketRow, rows_of
from hotline.web.desktop.timeline import KINDS, days
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows import customers as workflow
from hotline.workflows.customers import AddressInput, ContactPointInput, CustomerChanges

PAGE: Final = 50
LINES: Final = 25
TICKETS: Final = 10


@needs("customers.read")
async def index(request: web.Request) -> web.StreamResponse:
    """The list, or what is found, the best first; a script that types asks for the rows alone."""
    house, viewer = house_of(request), signed_of(request).viewer
    text = request.query.get("q", "")[:200].strip().replace("\0", "")
    cursor = request.query.get("after", "")
    if text:
        place = int(cursor) if cursor.isascii() and cursor.isdecimal() and len(cursor) <= 6 else 0
        some: Any = {"region": house.settings.region, "limit": PAGE + 1, "after": place}
        found = await search_customers(house.db, house.keyring, viewer, text, **some)
        following = str(place + PAGE) if len(found) > PAGE else None
    else:
        found = await list_customers(house.db, house.keyring, viewer, limit=PAGE + 1, after=_id(cursor))
        following = str(found[PAGE - 1].id) if len(found) > PAGE else None
    context = {"q": text, "customers": found[:PAGE], "next": following, "after": cursor}
    return html(request, "customers_rows.html" if is_fragment(request) else "customers.html", context)


@needs("customers.read")
async def show(request: web.Request) -> web.StreamResponse:
    """One customer's page."""
    return html(request, "customer.html", await record(request, uuid_of(request)))


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


@needs("customers.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a new customer."""
    return await _form(request, None, {"kind": "person", "name": "", "tags": "", "points": [], "addresses": []})


@needs("customers.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Makes the customer, or shows the form again with what is wrong."""
    form = await form_of(request)
    try:
        made = await workflow.create_customer(house_of(request), signed_of(request).viewer, _changes(form))
    except (Invalid, Conflict) as error:
        return await _form(request, None, _typed(form), error)
    return see_other(f"/customers/{made.id}")


@needs("customers.write")
async def edit(request: web.Request) -> web.StreamResponse:
    """The form of a customer."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await get_customer(house.db, house.keyring, viewer, uuid_of(request))
    values = {
        "kind": customer.kind,
        "name": customer.name,
        "locale": customer.locale or "",
        "tier": customer.tier.key if customer.tier else "",
        "tags": ", ".join(customer.tags),
        "points": [
            {"id": point.id, "kind": point.kind, "value": "" if point.masked else point.display,
             "shown": point.display, "label": point.label}
            for point in customer.contact_points
        ],
        "addresses": [
            {"id": address.id, "label": address.label, "text": address.text, "country": address.country or ""}
            for address in customer.addresses
        ],
    }  # fmt: skip
    return await _form(request, customer, values)


@needs("customers.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes the customer, or shows the form again with what is wrong and what was typed."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await get_customer(house.db, house.keyring, viewer, uuid_of(request))
    form = await form_of(request)
    try:
        await workflow.update_customer(house, viewer, customer.id, _changes(form), version_of(form))
    except (Invalid, Conflict) as error:
        return await _form(request, customer, _typed(form), error)
    return see_other(f"/customers/{customer.id}")


async def record(request: web.Request, customer_id: UUID) -> dict[str, Any]:
    """What a record shows. Raises NotFound."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await get_customer(house.db, house.keyring, viewer, customer_id)
    responsible = ""
    if customer.responsible_id is not None and viewer.may("users.read"):
        responsible = (await get_user(house.db, viewer, customer.responsible_id)).name
    return {
        "customer": customer,
        "responsible": responsible,
        "tickets": await _open_tickets(request, customer_id),
        "words": ticket_words,
        **await _lines(request, customer),
    }


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
    after = _id(request.query.get("after", ""))
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


async def _form(
    request: web.Request, customer: CustomerView | None, values: Mapping[str, Any], error: HotlineError | None = None
) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    errors = problems(request, error) if error else {}
    if isinstance(error, Conflict):
        errors = {
            "": say(
                request,
                N_(
                    "Somebody else changed this customer meanwhile. What you typed is still here;"
                    " open the record in another tab to see the change."
                ),
            )
        }
    context = {
        "customer": customer,
        "values": {"locale": "", "tier": "", **values},
        "errors": errors,
        "returned": error is not None,
        "tiers": await list_tiers(house.db, viewer),
        "all_tags": [tag.name for tag in (await list_tags(house.db, viewer))[:300]],
    }
    return html(request, "customer_edit.html", context, status=error.status if error else 200)


def _changes(form: Form) -> CustomerChanges:
    points: list[ContactPointInput] = []
    for row in _rows(form, ("point_id", "point_kind", "point_value", "point_label")):
        if row["point_value"].strip() or row["point_id"]:
            point: ContactPointInput = {
                "kind": row["point_kind"], "value": row["point_value"], "label": row["point_label"]
            }  # fmt: skip
            if (kept := _id(row["point_id"])) is not None:
                point["id"] = kept
            points.append(point)
    addresses: list[AddressInput] = []
    for row in _rows(form, ("address_id", "address_text", "address_label", "address_country")):
        if row["address_text"].strip() or row["address_id"]:
            address: AddressInput = {
                "label": row["address_label"],
                "text": row["address_text"],
                "country": row["address_country"].strip().upper() or None,
            }
            if (kept := _id(row["address_id"])) is not None:
                address["id"] = kept
            addresses.append(address)
    return {
        "kind": field(form, "kind", 20),
        "name": field(form, "name"),
        "locale": field(form, "locale", 20) or None,
        "tier": field(form, "tier", 40) or None,
        "tags": _tags(field(form, "tags", 5000)),
        "contact_points": points,
        "addresses": addresses,
    }


def _typed(form: Form) -> dict[str, Any]:
    """What was typed, to be shown again."""
    return {
        "kind": field(form, "kind"),
        "name": field(form, "name")[:1000],
        "locale": field(form, "locale"),
        "tier": field(form, "tier"),
        "tags": field(form, "tags"),
        "points": [
            {"id": row["point_id"], "kind": row["point_kind"], "value": row["point_value"], "shown": "",
             "label": row["point_label"]}
            for row in _rows(form, ("point_id", "point_kind", "point_value", "point_label"))
        ],
        "addresses": [
            {"id": row["address_id"], "label": row["address_label"], "text": row["address_text"],
             "country": row["address_country"]}
            for row in _rows(form, ("address_id", "address_text", "address_label", "address_country"))
        ],
    }  # fmt: skip


def _rows(form: Form, names: tuple[str, ...]) -> list[dict[str, str]]:
    columns = [fields(form, name, 2000) for name in names]
    return [dict(zip(names, row, strict=False)) for row in zip(*columns, strict=False)]


def _tags(text: str) -> list[str]:
    parts = [part.strip() for part in text.replace("，", ",").replace("、", ",").split(",")]
    return [part for part in dict.fromkeys(parts) if part]


def _id(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise NotFound() from None


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/customers", index)
    app.router.add_get("/customers/new", new)
    app.router.add_post("/customers/new", create)
    app.router.add_get("/customers/{id}", show)
    app.router.add_get("/customers/{id}/timeline", timeline)
    app.router.add_get("/customers/{id}/edit", edit)
    app.router.add_post("/customers/{id}/edit", update)
    app.router.add_get("/desk/customers/{id}", part)
    app.router.add_post("/desk/customers/{id}/name", rename)
