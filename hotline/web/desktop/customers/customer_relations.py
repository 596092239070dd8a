"""The pages of how a customer belongs to others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from hotline.crm.queries.customers.customer_relations import RelationView, get_relation, list_relations
from hotline.crm.queries.customers.customer_search import search_customers
from hotline.crm.queries.customers.customers import CustomerView
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.customers.customer_pages import customer_of
from hotline.web.desktop.customers.customer_values import speaker
from hotline.web.desktop.forms import Form, field, form_of, id_of, problems, uuid_of
from hotline.web.desktop.render import html, is_fragment, see_other
from hotline.web.rights import needs
from hotline.workflows.customers import customer_relations as workflow

#: Customers that are offered to be related with.
_FOUND: Final = 8


@needs("customers.read")
async def relations(request: web.Request) -> web.StreamResponse:
    """How the customer belongs to others."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await customer_of(request)
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
    return await _relation_form(request, await customer_of(request), None, {"kind": "contact", "outward": "yes"})


@needs("customers.write")
async def add_relation(request: web.Request) -> web.StreamResponse:
    """Relates two customers, or shows the form again with what is wrong."""
    customer = await customer_of(request)
    form = await form_of(request)
    typed = _relation_typed(form)
    try:
        other = id_of(typed["customer_id"])
        if other is None:
            raise Invalid("customer_id: something must stand here.")
        data: Any = {**_relation_fields(typed), "customer_id": other, "outward": typed["outward"] != "no"}
        await workflow.add_relation(house_of(request), signed_of(request).viewer, customer.id, data)
    except (Invalid, Conflict) as error:
        return await _relation_form(request, customer, None, typed, error)
    return see_other(f"/customers/{customer.id}/relations")


@needs("customers.write")
async def edit_relation(request: web.Request) -> web.StreamResponse:
    """The form of a relation."""
    customer = await customer_of(request)
    view = await _relation(request, customer)
    values = {
        "kind": view.kind, "role": view.role or "", "weight": "" if view.weight is None else str(view.weight),
        "note": view.note, "outward": "yes" if view.outward else "no",
    }  # fmt: skip
    return await _relation_form(request, customer, view, values)


@needs("customers.write")
async def update_relation(request: web.Request) -> web.StreamResponse:
    """Changes a relation, or shows the form again with what is wrong."""
    customer = await customer_of(request)
    view = await _relation(request, customer)
    typed = _relation_typed(await form_of(request))
    try:
        data: Any = _relation_fields(typed)
        await workflow.update_relation(house_of(request), signed_of(request).viewer, customer.id, view.id, data)
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


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/customers/{id}/relations", relations)
    app.router.add_get("/customers/{id}/relations/new", new_relation)
    app.router.add_post("/customers/{id}/relations/new", add_relation)
    app.router.add_get("/customers/{id}/relations/{relation_id}", edit_relation)
    app.router.add_post("/customers/{id}/relations/{relation_id}", update_relation)
