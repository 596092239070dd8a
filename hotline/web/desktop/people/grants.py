"""Rights for a time: which run, and the form that gives them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from aiohttp import web

from hotline.crm.queries.people.grants import list_grants
from hotline.crm.queries.people.roles import list_roles
from hotline.crm.queries.people.users import find_user_by_login, list_users
from hotline.errors import Conflict, Forbidden, HotlineError, Invalid, NotFound
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import Form, field, fields, form_of, problems
from hotline.web.desktop.people.permission_words import PERMISSION_WORDS, role_names
from hotline.web.desktop.render import html, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import fresh, needs
from hotline.workflows.people import grants as workflow

#: For how long rights are given, in hours, with the words for it.
SPANS: Final[Mapping[int, str]] = {
    1: N_("one hour"),
    4: N_("four hours"),
    10: N_("a working day"),
    24: N_("a day"),
    168: N_("a week"),
    720: N_("thirty days"),
}
#: Grants that are over and still shown.
_MOST_OVER: Final = 20
_MOST_LIVE: Final = 200


@needs("roles.write")
async def index(request: web.Request) -> web.StreamResponse:
    """The grants that run, and the last that are over."""
    house, viewer, now = house_of(request), signed_of(request).viewer, house_of(request).clock()
    context = {
        "live": await list_grants(house.db, viewer, now, limit=_MOST_LIVE, live=True),
        "over": await list_grants(house.db, viewer, now, limit=_MOST_OVER, live=False),
        "names": role_names(await list_roles(house.db, viewer), request),
        "meanings": PERMISSION_WORDS,
        "done": request.query.get("done", ""),
    }
    return html(request, "grants.html", context)


@fresh
@needs("roles.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form."""
    typed = {"user": request.query.get("user", ""), "role": "", "permissions": [], "reason": "", "hours": 10}
    return await _form(request, typed)


@fresh
@needs("roles.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Gives the rights, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    typed = _typed(await form_of(request))
    try:
        try:
            user = await find_user_by_login(house.db, viewer, typed["user"])
        except NotFound:
            raise Invalid("user: there is no such user.") from None
        await workflow.give_grant(
            house, viewer, user_id=user.id, role=typed["role"] or None,
            permissions=[] if typed["role"] else typed["permissions"], reason=typed["reason"],
            expires_at=house.clock() + timedelta(hours=typed["hours"]),
        )  # fmt: skip
    except (Invalid, Conflict, Forbidden) as error:
        return await _form(request, typed, error)
    return see_other("/grants?done=given")


async def _form(request: web.Request, typed: Mapping[str, Any], error: HotlineError | None = None) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    people = [user for user in await list_users(house.db, viewer, limit=200) if user.disabled_at is None]
    roles = [role for role in await list_roles(house.db, viewer) if set(role.permissions) <= viewer.permissions]
    context = {
        "people": sorted(people, key=lambda user: user.name.casefold()),
        "roles": role_names(roles, request),
        "meanings": {name: words for name, words in PERMISSION_WORDS.items() if viewer.may(name)},
        "spans": SPANS,
        "values": typed,
        "errors": problems(request, error) if error else {},
        "returned": error is not None,
    }
    return html(request, "grant_new.html", context, status=error.status if error else 200)


def _typed(form: Form) -> dict[str, Any]:
    hours = field(form, "hours", 10)
    return {
        "user": field(form, "user", 200),
        "role": field(form, "role", 100),
        "permissions": fields(form, "permission"),
        "reason": field(form, "reason", 1000),
        "hours": int(hours) if hours.isdecimal() and int(hours) in SPANS else 10,
    }


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/grants", index)
    app.router.add_get("/grants/new", new)
    app.router.add_post("/grants/new", create)
