"""The pages of what a customer bought."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from aiohttp import web

from hotline.crm.queries.customers.customers import CustomerView
from hotline.crm.queries.customers.purchases import PurchaseView, get_purchase, list_purchases
from hotline.customers import money
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.customers.customer_pages import PAGE, customer_of
from hotline.web.desktop.customers.customer_values import PURCHASE_KINDS, speaker
from hotline.web.desktop.forms import Form, field, form_of, id_of, once_of, problems, uuid_of, version_of
from hotline.web.desktop.i18n import zone_of
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import needs
from hotline.workflows.customers import purchases as workflow

_PURCHASE: Final = ("kind", "title", "at", "ends_at", "reference", "quantity", "amount", "currency", "state")


@needs("customers.read")
async def list_of_purchases(request: web.Request) -> web.StreamResponse:
    """What the customer bought."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await customer_of(request)
    after = id_of(request.query.get("after", ""))
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
    return await _purchase_form(
        request, await customer_of(request), None, {"kind": "product", "at": f"{today:%Y-%m-%d}"}
    )


@needs("customers.write")
async def add_purchase(request: web.Request) -> web.StreamResponse:
    """Writes a purchase down, or shows the form again with what is wrong."""
    customer = await customer_of(request)
    form = await form_of(request)
    typed = _purchase_typed(form)
    try:
        data: Any = {name: value for name, value in _purchase_fields(request, typed).items() if value is not None}
        await workflow.add_purchase(
            house_of(request), signed_of(request).viewer, customer.id, data, once_of(request, form)
        )
    except (Invalid, Conflict) as error:
        return await _purchase_form(request, customer, None, typed, error)
    return see_other(f"/customers/{customer.id}/purchases")


@needs("customers.write")
async def edit_purchase(request: web.Request) -> web.StreamResponse:
    """The form of a purchase."""
    customer = await customer_of(request)
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
    customer = await customer_of(request)
    view = await _purchase(request, customer)
    form = await form_of(request)
    typed = _purchase_typed(form)
    try:
        data: Any = _purchase_fields(request, typed, view)
        await workflow.update_purchase(
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


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/customers/{id}/purchases", list_of_purchases)
    app.router.add_get("/customers/{id}/purchases/new", new_purchase)
    app.router.add_post("/customers/{id}/purchases/new", add_purchase)
    app.router.add_get("/customers/{id}/purchases/{purchase_id}", edit_purchase)
    app.router.add_post("/customers/{id}/purchases/{purchase_id}", update_purchase)
