"""The page of what changed in a customer's record, the latest first."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any
from uuid import UUID

from aiohttp import web

from hotline.crm.queries.customers.customer_history import ChangeView, list_history
from hotline.crm.queries.customers.customer_relations import names_of
from hotline.crm.queries.customers.tiers import list_tiers
from hotline.crm.queries.people.users import list_users
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.customers.customer_pages import PAGE, customer_of
from hotline.web.desktop.customers.customer_values import SOURCES, Speaker, speaker
from hotline.web.desktop.forms import id_of
from hotline.web.desktop.i18n import language_of
from hotline.web.desktop.render import html
from hotline.web.rights import needs


@needs("customers.read")
async def history(request: web.Request) -> web.StreamResponse:
    """What changed in the record, the latest first, what was changed at once together."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await customer_of(request)
    name = request.query.get("field", "")[:200]
    after = id_of(request.query.get("after", ""))
    found = await list_history(
        house.db, house.keyring, viewer, customer.id, limit=PAGE + 1, after=after, field=name or None
    )
    speak = await speaker(request)
    known = await _known(request, found)
    context = {
        "customer": customer,
        "versions": _versions(found[:PAGE], speak, known),
        "next": found[PAGE - 1].id if len(found) > PAGE else None,
        "after": after,
        "field": name,
        "field_name": speak.field(name) if name else "",
        "sources": SOURCES,
    }
    return html(request, "customer_history.html", context)


def _versions(found: list[ChangeView], speak: Speaker, known: Mapping[str, str]) -> list[dict[str, Any]]:
    versions = []
    for _, group in groupby(found, lambda change: change.version):
        changes = list(group)
        lines = [
            {
                "change": change,
                "name": speak.field(change.field),
                "before": speak.lines(change.field, change.before, known),
                "after": speak.lines(change.field, change.after, known),
            }
            for change in changes
        ]
        versions.append({"first": changes[0], "lines": lines})
    return versions


async def _known(request: web.Request, found: list[ChangeView]) -> dict[str, str]:
    """Names of what changes name by id or key: users, tiers, the other side of relations."""
    house, viewer = house_of(request), signed_of(request).viewer
    fields = {change.field for change in found}
    known: dict[str, str] = {}
    if "responsible" in fields and viewer.may("users.read"):
        known |= {str(user.id): user.name for user in await list_users(house.db, viewer, limit=500)}
    if "tier" in fields:
        language = language_of(request)
        tiers = await list_tiers(house.db, viewer)
        known |= {tier.key: tier.names.get(language) or tier.names.get("en") or tier.key for tier in tiers}
    others = {
        UUID(value["customer_id"])
        for change in found
        if change.field == "relations"
        for value in (change.before, change.after)
        if isinstance(value, dict) and value.get("customer_id")
    }
    if others:
        named = await names_of(house.db, house.keyring, viewer, others)
        known |= {str(customer_id): name for customer_id, name in named.items()}
    return known


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/customers/{id}/history", history)
