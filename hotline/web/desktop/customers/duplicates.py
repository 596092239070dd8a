"""Pairs of customers who may be one: the list to go through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from hotline.crm.queries.customers import duplicates as queries
from hotline.crm.queries.upkeep import background as jobs
from hotline.crm.viewer import SYSTEM
from hotline.errors import Invalid
from hotline.web.api.duplicates import pair_cursor
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.render import html
from hotline.web.desktop.upkeep import job_words
from hotline.web.desktop.upkeep.jobs import shown
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows.customers.duplicates import FIND

PAGE: Final = 25
#: Why two may be one.
REASONS: Final[Mapping[str, str]] = {
    "phone": N_("same number"),
    "email": N_("same email"),
    "same_name": N_("same name"),
    "similar_name": N_("similar name"),
}


@needs("customers.merge")
async def index(request: web.Request) -> web.StreamResponse:
    """Pairs that wait for a decision, or those that were dismissed; and the search, if one is under way."""
    house, viewer = house_of(request), signed_of(request).viewer
    state = "dismissed" if request.query.get("state") == "dismissed" else "open"
    try:
        after = pair_cursor(request.query.get("after"))
    except Invalid:
        after = None
    found = await queries.list_pairs(house.db, house.keyring, viewer, limit=PAGE + 1, after=after, state=state)
    kept = found[:PAGE]
    search = next(iter(await jobs.open_jobs(house.db, SYSTEM, FIND)), None)
    context = {
        "pairs": kept,
        "next": f"{kept[-1].score}:{kept[-1].id}" if len(found) > PAGE else None,
        "after": after,
        "state": state,
        "reasons": REASONS,
        "search": shown(search, viewer) if search is not None and _mine(search.created_by, request) else None,
        "searching": search is not None,
        "words": job_words,
    }
    return html(request, "duplicates.html", context)


def _mine(creator: object, request: web.Request) -> bool:
    viewer = signed_of(request).viewer
    return creator == viewer.user_id or viewer.may("system.read")


def setup(app: web.Application) -> None:
    """Adds the route."""
    app.router.add_get("/duplicates", index)
