"""What belongs to a customer, each on a page of its own: the history, relations, purchases, files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from hotline.crm.queries.customer_files import list_files
from hotline.crm.queries.customer_history import ChangeView, list_history
from hotline.crm.queries.customer_relations import RelationView, get_relation, list_relations
from hotline.crm.queries.customer_search import search_customers
from hotline.crm.queries.customers import CustomerView, get_customer
from hotline.crm.queries.purchases import PurchaseView, get_purchase, list_purchases
from hotline.crm.queries.users import list_users
from hotline.customers import money
from hotline.customers.file_types import lies
from hotline.errors import Conflict, HotlineError, Invalid, NotFound
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.customer_values import PURCHASE_KINDS, SOURCES, Speaker, speaker
from hotline.web.desktop.forms import Form, field, form_of, once_of, problems, uuid_of, version_of
from hotline.web.desktop.i18n import zone_of
from hotline.web.desktop.render import html, is_fragment, see_other
from hotline.web.rights import needs
from hotline.workflows import customer_relations, purchases

PAGE: Final = 50
#: Customers that are offered to be related with.
_FOUND: Final = 8
_PURCHASE: Final = ("kind", "title", "at", "ends_at", "reference", "quantity", "amount", "currency", "state")


# History


@needs("customers.read")
async def history(request: web.Request) -> web.StreamResponse:
    """What changed in the record, the latest first, what was changed at once together."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await _customer(request)
    name = request.query.get("field", "")[:200]
    after = _id(request.query.get("after", ""))
    found = await list_history(
        house.db, house.keyring, viewer, customer.id, limit=PAGE + 1, after=after, field=name or None
    )
    speak = await speaker(request)
    people: dict[str, str] = {}
    if viewer.may("users.read") and any(change.field == "responsible" for change in found):
        people = {str(user.id): user.name for user in await list_users(house.db, viewer, limit=500)}
    context = {
        "customer": customer,
        "versions": _versions(found[:PAGE], speak, people),
        "next": found[PAGE - 1].id if len(found) > PAGE else None,
        "after": after,
        "field": name,
        "field_name": speak.field(name) if name else "",
        "sources": SOURCES,
    }
    return html(request, "customer_history.html", context)


def _versions(found: list[ChangeView], speak: Speaker, people: Mapping[str, str]) -> list[dict[str, Any]]:
    versions = []
    for _, group in groupby(found, lambda change: change.version):
        changes = list(group)
        lines = [
            {
                "change": change,
                "name": speak.field(change.field),
                "before": speak.lines(change.field, change.before, people),
                "after": speak.lines(change.field, change.after, people),
            }
            for change in changes
        ]
        versions.append({"first": changes[0], "lines": lines})
    return versions


# Relations


@needs("customers.read")
async def relations(request: web.Request) -> web.StreamResponse:
    """How the customer belongs to others."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await _customer(request)
    speak = await speaker(request)
    context = {
        "customer": customer,
        "relations": await list_relations(house.db, house.keyring, viewer, customer.id),
        "speak": speak,
    }
    return html(request, "customer_relations.html", context)


@needs("customers.write")
async def new_relation(request: web.Request) -> web.StreamResponse:
    """The form that relates the customer to another one, whom one looks up first."""
    return await _relation_form(request, await _customer(request), None, {"kind": "contact", "outward": "yes"})


@needs("customers.write")
async def add_relation(request: web.Request) -> web.StreamResponse:
    """Relates two customers, or shows the form again with what is wrong."""
    customer = await _customer(request)
    form = await form_of(request)
    typed = _relation_typed(form)
    try:
        other = _id(typed["customer_id"])
        if other is None:
            raise Invalid("customer_id: something must stand here.")
        data: Any = {**_relation_fields(typed), "customer_id": other, "outward": typed["outward"] != "no"}
        await customer_relations.add_relation(house_of(request), signed_of(request).viewer, customer.id, data)
    except (Invalid, Conflict) as error:
        return await _relation_form(request, customer, None, typed, error)
    return see_other(f"/customers/{customer.id}/relations")


@needs("customers.write")
async def edit_relation(request: web.Request) -> web.StreamResponse:
    """The form of a relation."""
    customer = await _customer(request)
    view = await _relation(request, customer)
    values = {
        "kind": view.kind, "role": view.role or "", "weight": "" if view.weight is None else str(view.weight),
        "note": view.note, "outward": "yes" if view.outward else "no",
    }  # fmt: skip
    return await _relation_form(request, customer, view, values)


@needs("customers.write")
async def update_relation(request: web.Request) -> web.StreamResponse:
    """Changes a relation, or shows the form again with what is wrong."""
    customer = await _customer(request)
    view = await _relation(request, customer)
    typed = _relation_typed(await form_of(request))
    try:
        data: Any = _relation_fields(typed)
        await customer_relations.update_relation(
            house_of(request), signed_of(request).viewer, customer.id, view.id, data
        )
    except (Invalid, Conflict) as error:
        return await _relation_form(request, customer, view, typed, error)
    return see_other(f"/customers/{customer.id}/relations")


async def _relation(request: web.Request, customer: CustomerView) -> RelationView:
    house, viewer = house_of(request), signed_of(request).viewer
    return await get_relation(house.db, house.keyring, viewer, customer.id, uuid_of(request, "relation_id"))


def _relation_typed(form: Form) -> dict[str, str]:
    names = ("customer_id", "kind", "outward", "role", "weight", "note", "q")
    return {name: field(form, name, 1_200).strip() for name in names}


def _relation_fields(typed: Mapping[str, str]) -> dict[str, Any]:
    weight = typed["weight"]
    if weight and not weight.isascii():
        raise Invalid("weight: a number from 0 to 100.")
    if weight and not weight.isdecimal():
        raise Invalid("weight: a number from 0 to 100.")
    return {
        "kind": typed["kind"], "role": typed["role"] or None, "weight": int(weight) if weight else None,
        "note": typed["note"],
    }  # fmt: skip


async def _relation_form(
    request: web.Request,
    customer: CustomerView,
    view: RelationView | None,
    values: Mapping[str, Any],
    error: HotlineError | None = None,
) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    text = (request.query.get("q") or str(values.get("q", "")))[:200].strip().replace("\0", "")
    found: list[CustomerView] = []
    if view is None and text:
        some: Any = {"region": house.settings.region, "limit": _FOUND + 1}
        found = [
            each
            for each in await search_customers(house.db, house.keyring, viewer, text, **some)
            if each.id != customer.id and not each.erased
        ][:_FOUND]
    speak = await speaker(request)
    context = {
        "customer": customer,
        "view": view,
        "values": {**dict.fromkeys(("customer_id", "role", "weight", "note"), ""), **values, "q": text},
        "found": found,
        "kinds": speak.lists.entries("relation"),
        "roles": speak.lists.entries("contact_role"),
        "errors": problems(request, error) if error else {},
        "returned": error is not None,
    }
    template = "customer_relation_found.html" if is_fragment(request) and error is None else "customer_relation.html"
    return html(request, template, context, status=error.status if error else 200)


# Purchases


@needs("customers.read")
async def list_of_purchases(request: web.Request) -> web.StreamResponse:
    """What the customer bought."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await _customer(request)
    after = _id(request.query.get("after", ""))
    found = await list_purchases(house.db, house.keyring, viewer, customer.id, limit=PAGE + 1, after=after)
    context = {
        "customer": customer,
        "purchases": found[:PAGE],
        "next": found[PAGE - 1].id if len(found) > PAGE else None,
        "after": after,
        "kinds": PURCHASE_KINDS,
        "speak": await speaker(request),
    }
    return html(request, "customer_purchases.html", context)


@needs("customers.write")
async def new_purchase(request: web.Request) -> web.StreamResponse:
    """The form of a new purchase."""
    today = house_of(request).clock().astimezone(zone_of(request))
    return await _purchase_form(request, await _customer(request), None, {"kind": "product", "at": f"{today:%Y-%m-%d}"})


@needs("customers.write")
async def add_purchase(request: web.Request) -> web.StreamResponse:
    """Writes a purchase down, or shows the form again with what is wrong."""
    customer = await _customer(request)
    form = await form_of(request)
    typed = _purchase_typed(form)
    try:
        data: Any = {name: value for name, value in _purchase_fields(request, typed).items() if value is not None}
        await purchases.add_purchase(
            house_of(request), signed_of(request).viewer, customer.id, data, once_of(request, form)
        )
    except (Invalid, Conflict) as error:
        return await _purchase_form(request, customer, None, typed, error)
    return see_other(f"/customers/{customer.id}/purchases")


@needs("customers.write")
async def edit_purchase(request: web.Request) -> web.StreamResponse:
    """The form of a purchase."""
    customer = await _customer(request)
    view = await _purchase(request, customer)
    zone = zone_of(request)
    values = {
        "kind": view.kind, "title": view.title, "at": f"{view.at.astimezone(zone):%Y-%m-%d}",
        "ends_at": f"{view.ends_at.astimezone(zone):%Y-%m-%d}" if view.ends_at else "",
        "reference": view.reference or "",
        "quantity": "" if view.quantity is None else f"{view.quantity.normalize():f}",
        "amount": "" if view.amount is None else f"{money.major_units(view.amount, view.currency or 'EUR')}",
        "currency": view.currency or "", "state": view.state or "",
    }  # fmt: skip
    return await _purchase_form(request, customer, view, values)


@needs("customers.write")
async def update_purchase(request: web.Request) -> web.StreamResponse:
    """Changes a purchase, or shows the form again with what is wrong."""
    customer = await _customer(request)
    view = await _purchase(request, customer)
    form = await form_of(request)
    typed = _purchase_typed(form)
    try:
        data: Any = _purchase_fields(request, typed, view)
        await purchases.update_purchase(
            house_of(request), signed_of(request).viewer, customer.id, view.id, data, version_of(form)
        )
    except (Invalid, Conflict) as error:
        return await _purchase_form(request, customer, view, typed, error)
    return see_other(f"/customers/{customer.id}/purchases")


async def _purchase(request: web.Request, customer: CustomerView) -> PurchaseView:
    house, viewer = house_of(request), signed_of(request).viewer
    return await get_purchase(house.db, house.keyring, viewer, customer.id, uuid_of(request, "purchase_id"))


def _purchase_typed(form: Form) -> dict[str, str]:
    return {name: field(form, name, 400).strip() for name in _PURCHASE}


def _purchase_fields(
    request: web.Request, typed: Mapping[str, str], before: PurchaseView | None = None
) -> dict[str, Any]:
    currency = typed["currency"].upper() or None
    amount = None
    if typed["amount"]:
        amount, currency = money.money_of(typed["amount"], currency, "amount")
    quantity = money.number_of(typed["quantity"], "quantity") if typed["quantity"] else None
    fields: dict[str, Any] = {
        "kind": typed["kind"], "title": typed["title"], "reference": typed["reference"] or None,
        "quantity": None if quantity is None else quantity.quantize(Decimal("0.001")), "amount": amount,
        "currency": currency, "state": typed["state"] or None,
    }  # fmt: skip
    for name in ("at", "ends_at"):
        kept = None if before is None else getattr(before, name)
        # The form knows days only: the time of day of one that stays stays, too.
        if kept is None or f"{kept.astimezone(zone_of(request)):%Y-%m-%d}" != typed[name]:
            fields[name] = _day(request, typed[name], name)
    return fields


def _day(request: web.Request, text: str, name: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zone_of(request)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{name}: expected a day, for example 2026-01-31.") from None


async def _purchase_form(
    request: web.Request,
    customer: CustomerView,
    view: PurchaseView | None,
    values: Mapping[str, Any],
    error: HotlineError | None = None,
) -> web.Response:
    speak = await speaker(request)
    context = {
        "customer": customer,
        "view": view,
        "values": {**dict.fromkeys(_PURCHASE, ""), **values},
        "kinds": PURCHASE_KINDS,
        "states": speak.lists.entries("purchase_state"),
        "currencies": sorted(money.currencies()),
        "errors": problems(request, error) if error else {},
        "returned": error is not None,
    }
    return html(request, "customer_purchase.html", context, status=error.status if error else 200)


# Files


@needs("customers.read")
async def files(request: web.Request) -> web.StreamResponse:
    """The customer's files."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await _customer(request)
    after = _id(request.query.get("after", ""))
    found = await list_files(house.db, house.keyring, viewer, customer.id, limit=PAGE + 1, after=after)
    context = {
        "customer": customer,
        "files": found[:PAGE],
        "next": found[PAGE - 1].id if len(found) > PAGE else None,
        "after": after,
        "lies": lies,
        "speak": await speaker(request),
    }
    return html(request, "customer_files.html", context)


async def _customer(request: web.Request) -> CustomerView:
    house, viewer = house_of(request), signed_of(request).viewer
    return await get_customer(house.db, house.keyring, viewer, uuid_of(request))


def _id(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise NotFound() from None


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/customers/{id}/history", history)
    app.router.add_get("/customers/{id}/relations", relations)
    app.router.add_get("/customers/{id}/relations/new", new_relation)
    app.router.add_post("/customers/{id}/relations/new", add_relation)
    app.router.add_get("/customers/{id}/relations/{relation_id}", edit_relation)
    app.router.add_post("/customers/{id}/relations/{relation_id}", update_relation)
    app.router.add_get("/customers/{id}/purchases", list_of_purchases)
    app.router.add_get("/customers/{id}/purchases/new", new_purchase)
    app.router.add_post("/customers/{id}/purchases/new", add_purchase)
    app.router.add_get("/customers/{id}/purchases/{purchase_id}", edit_purchase)
    app.router.add_post("/customers/{id}/purchases/{purchase_id}", update_purchase)
    app.router.add_get("/customers/{id}/files", files)
