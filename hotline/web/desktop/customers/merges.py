"""Merging two customers: who is meant, what becomes of each field, and what was merged before."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from aiohttp import web

from hotline.crm.queries.customers.customer_search import search_customers
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.queries.customers.merges import MergePreview, merges_of, preview_merge
from hotline.crm.queries.people.users import get_user
from hotline.errors import Conflict, HotlineError, Invalid, Unavailable
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.customers.customer_values import Speaker, speaker
from hotline.web.desktop.customers.duplicates import REASONS
from hotline.web.desktop.forms import Form, field, form_of, needed_id_of, once_of, problems, uuid_of
from hotline.web.desktop.render import html, is_fragment, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows.customers import duplicates, merging
from hotline.workflows.customers.merging import Versions

FOUND: Final = 8
#: What moves, counted.
MOVES: Final = {
    "call": N_("Calls"),
    "ticket": N_("Tickets"),
    "note": N_("Notes"),
    "purchase": N_("Purchases"),
    "consent": N_("Consents"),
    "file": N_("Files"),
    "relation": N_("Relations"),
}
_CHOICE: Final = "choice."


@needs("customers.merge")
async def show(request: web.Request) -> web.StreamResponse:
    """Whom to merge with; with ``with`` what would become of both."""
    customer_id, other = uuid_of(request), request.query.get("with", "")
    if is_fragment(request):
        return html(
            request, "merge_found.html", {"found": await _found(request, customer_id), "customer_id": customer_id}
        )
    if not other:
        return html(request, "merge_with.html", await _whom(request, customer_id))
    return await _compared(request, customer_id, other, {}, {})


@needs("customers.merge")
async def merge(request: web.Request) -> web.StreamResponse:
    """Does what the form says; a refusal shows it again with the choices as they were made."""
    house, viewer = house_of(request), signed_of(request).viewer
    customer_id, form = uuid_of(request), await form_of(request)
    other = field(form, "other_id", 40)
    choices = _choices(form)
    try:
        versions = Versions(_number(form, "kept_version"), _number(form, "other_version"))
        other_id = needed_id_of(other)
        merge_id = await merging.merge_customers(
            house, viewer, customer_id, other_id, choices, versions, once_of(request, form)
        )
    except (Invalid, Conflict, Unavailable) as error:
        return await _compared(request, customer_id, other, choices, problems(request, error))
    return see_other(f"/customers/{customer_id}/merge?done=merged&merge={merge_id}")


async def _compared(
    request: web.Request, customer_id: UUID, other: str, choices: dict[str, str], errors: dict[str, str]
) -> web.StreamResponse:
    house, viewer = house_of(request), signed_of(request).viewer
    try:
        view = await preview_merge(house.db, house.keyring, viewer, customer_id, needed_id_of(other), choices)
    except (Invalid, Conflict) as error:
        context = await _whom(request, customer_id)
        return html(request, "merge_with.html", {**context, "errors": problems(request, error)}, status=error.status)
    speak = await speaker(request)
    rows = await _rows(request, view, speak)
    context = {
        "view": view,
        "rows": rows,
        "decide": [row for row in rows if row["differs"]],
        "moves": [(MOVES[kind], count) for kind, count in view.moves.items() if kind in MOVES],
        "speak": speak,
        "errors": errors,
    }
    return html(request, "merge.html", context, status=409 if errors else 200)


async def _rows(request: web.Request, view: MergePreview, speak: Speaker) -> list[dict[str, Any]]:
    """The fields with their values in words."""
    people = {}
    for each in view.fields:
        if each.field == "responsible":
            for value in (each.kept, each.other):
                if value is not None:
                    people[value] = await _person(request, value)
    tiers = {tier.key: tier.names for tier in (view.kept.tier, view.other.tier) if tier is not None}

    def said(name: str, value: Any) -> str:
        if name == "tier" and value in tiers:
            names = tiers[value]
            return str(names.get(speak.language) or names.get("en") or value)
        return " · ".join(speak.lines(name, value, people))

    return [
        {
            "field": each.field,
            "name": speak.field(each.field),
            "kept": said(each.field, each.kept),
            "other": said(each.field, each.other),
            "choice": each.choice,
            "differs": each.differs,
            "masked": each.masked,
            "same": each.kept == each.other and not each.masked,
        }
        for each in view.fields
    ]


async def _person(request: web.Request, user_id: str) -> str:
    house, viewer = house_of(request), signed_of(request).viewer
    try:
        return (await get_user(house.db, viewer, UUID(user_id))).name
    except HotlineError:
        return user_id[:8]


async def _whom(request: web.Request, customer_id: UUID) -> dict[str, Any]:
    house, viewer = house_of(request), signed_of(request).viewer
    customer = await get_customer(house.db, house.keyring, viewer, customer_id)
    merges = await merges_of(house.db, house.keyring, viewer, customer_id)
    done = request.query.get("done") == "merged"
    return {
        "customer": customer,
        "alike": [] if done else await duplicates.while_typing(house, viewer, customer_id=customer.id),
        "reasons": REASONS,
        "merges": merges,
        "fresh": next((each for each in merges if done and str(each.id) == request.query.get("merge")), None),
        "customer_id": customer.id,
        "found": None,
        "errors": {},
    }


async def _found(request: web.Request, customer_id: UUID) -> list[Any]:
    house, viewer = house_of(request), signed_of(request).viewer
    text = request.query.get("q", "")[:200].strip().replace("\0", "")
    if not text:
        return []
    found = await search_customers(house.db, house.keyring, viewer, text, region=house.settings.region, limit=FOUND + 1)
    return [each for each in found if each.id != customer_id][:FOUND]


def _choices(form: Form) -> dict[str, str]:
    names = [name for name in form if name.startswith(_CHOICE)][:300]
    return {name.removeprefix(_CHOICE): field(form, name, 10) for name in names}


def _number(form: Form, name: str) -> int | None:
    text = field(form, name, 12)
    return int(text) if text.isascii() and text.isdecimal() else None


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/customers/{id}/merge", show)
    app.router.add_post("/customers/{id}/merge", merge)
