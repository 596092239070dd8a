"""The dialog that changes many customers at once: what can be done, and to what."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from hotline.crm.queries.customers.tiers import list_tags
from hotline.crm.queries.people.users import list_users
from hotline.errors import NotFound
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.i18n import language_of
from hotline.web.desktop.render import html
from hotline.web.rights import needs
from hotline.workflows.company import lists

#: Action → the permission that it needs.
RIGHTS: Final = {
    "tag": "customers.batch",
    "untag": "customers.batch",
    "classify": "customers.batch",
    "transfer": "customers.transfer",
}
#: Agents that one may choose from.
MOST_USERS: Final = 200


@needs("customers.read")
async def form(request: web.Request) -> web.StreamResponse:
    """The fields of one action, for the dialog of the list of customers."""
    house, viewer = house_of(request), signed_of(request).viewer
    action = request.query.get("action", "")
    if action not in RIGHTS:
        raise NotFound
    viewer.require(RIGHTS[action])
    context: dict[str, Any] = {"action": action, "tags": [], "entries": [], "users": []}
    if action in ("tag", "untag"):
        context["tags"] = await list_tags(house.db, viewer)
    elif action == "classify":
        language = language_of(request)
        found = (await lists.load(house)).entries("classification")
        context["entries"] = [(entry.key, entry.name(language)) for entry in found]
    else:
        context["users"] = await list_users(house.db, viewer, limit=MOST_USERS, with_disabled=False)
    return html(request, "batch_form.html", context)


def setup(app: web.Application) -> None:
    """Adds the route."""
    app.router.add_get("/batches/form", form)
