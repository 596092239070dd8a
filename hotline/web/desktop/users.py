"""Users: who signs in, with which role, on which phones and queues."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from hotline.crm.queries.users import UserView, get_user, list_roles, list_users
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import Form, field, form_of, problems, uuid_of, version_of
from hotline.web.desktop.render import html, say, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows import users as workflow
from hotline.workflows.users import NewUser, UserChanges

MOST: Final = 200

#: The shipped roles in words; a role of the company's own is shown by its name.
ROLES: Final[Mapping[str, str]] = {
    "agent": N_("Agent"),
    "supervisor": N_("Supervisor"),
    "marketer": N_("Marketer"),
    "reviewer": N_("Reviewer"),
    "administrator": N_("Administrator"),
}


@needs("users.read")
async def index(request: web.Request) -> web.StreamResponse:
    """Everybody, by name; those who may no longer sign in stand last."""
    house, viewer = house_of(request), signed_of(request).viewer
    found = await list_users(house.db, viewer, limit=MOST)
    found.sort(key=lambda user: (user.disabled_at is not None, user.name.casefold()))
    return html(request, "users.html", {"users": found, "roles": ROLES, "done": request.query.get("done", "")})


@needs("users.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a new user."""
    return await _form(request, None, {"role": "agent", "locale": house_of(request).settings.locale})


@needs("users.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Adds the user, or shows the form again with what is wrong."""
    form = await form_of(request)
    data: NewUser = {**_changes(form), "password": field(form, "password", 1000) or None}
    try:
        await workflow.create_user(house_of(request), signed_of(request).viewer, data)
    except (Invalid, Conflict) as error:
        return await _form(request, None, _typed(form), error)
    return see_other("/users?done=created")


@needs("users.write")
async def edit(request: web.Request) -> web.StreamResponse:
    """The form of a user."""
    user = await get_user(house_of(request).db, signed_of(request).viewer, uuid_of(request))
    return await _form(request, user, _values(user))


@needs("users.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes the user, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    user = await get_user(house.db, viewer, uuid_of(request))
    form = await form_of(request)
    try:
        await workflow.update_user(house, viewer, user.id, _changes(form), version_of(form))
    except (Invalid, Conflict) as error:
        return await _form(request, user, _typed(form), error)
    return see_other("/users?done=saved")


@needs("users.write")
async def switch(request: web.Request) -> web.StreamResponse:
    """Disables the user, or lets them sign in again: done at once, undone by the other button."""
    house, viewer = house_of(request), signed_of(request).viewer
    user = await get_user(house.db, viewer, uuid_of(request))
    try:
        if user.disabled_at is None:
            await workflow.disable_user(house, viewer, user.id)
        else:
            await workflow.enable_user(house, viewer, user.id)
    except (Invalid, Conflict) as error:
        return await _form(request, user, _values(user), error)
    return see_other(f"/users/{user.id}")


@needs("users.write")
async def password(request: web.Request) -> web.StreamResponse:
    """Gives the user a new password; their sessions end."""
    house, viewer = house_of(request), signed_of(request).viewer
    user = await get_user(house.db, viewer, uuid_of(request))
    form = await form_of(request)
    try:
        await workflow.set_password(house, viewer, user.id, field(form, "password", 1000))
    except Invalid as error:
        return await _form(request, user, _values(user), error)
    return see_other("/users?done=password")


def _values(user: UserView) -> dict[str, Any]:
    return {
        "login": user.login,
        "name": user.name,
        "role": user.role,
        "locale": user.locale,
        "extension": user.extension or "",
        "interfaces": "\n".join(user.interfaces),
        "queues": "\n".join(user.queues),
    }


def _typed(form: Form) -> dict[str, Any]:
    return {name: field(form, name) for name in _NAMES}


_NAMES: Final = ("login", "name", "role", "locale", "extension", "interfaces", "queues")


def _changes(form: Form) -> UserChanges:
    return {
        "login": field(form, "login"),
        "name": field(form, "name"),
        "role": field(form, "role"),
        "locale": field(form, "locale"),
        "extension": field(form, "extension") or None,
        "interfaces": _listed(field(form, "interfaces")),
        "queues": _listed(field(form, "queues")),
    }


def _listed(text: str) -> list[str]:
    """One per line, or several by comma or space."""
    return [part for part in re.split(r"[\s,，、]+", text) if part]


async def _form(
    request: web.Request, user: UserView | None, values: Mapping[str, Any], error: HotlineError | None = None
) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    errors = problems(request, error) if error else {}
    if error and error.detail.startswith("password"):
        errors = {"password": next(iter(errors.values()))}
    if isinstance(error, Conflict) and "" in errors and user is not None and "version" in error.detail:
        errors = {"": say(request, N_("Somebody else changed this user meanwhile. Reload to see the change."))}
    context = {
        "user": user,
        "values": {**dict.fromkeys(_NAMES, ""), **values},
        "errors": errors,
        "returned": error is not None,
        "roles": [role.name for role in await list_roles(house.db, viewer)],
        "role_names": ROLES,
        "attempts": house.settings.sign_in_attempts,
    }
    return html(request, "user_edit.html", context, status=error.status if error else 200)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/users", index)
    app.router.add_get("/users/new", new)
    app.router.add_post("/users/new", create)
    app.router.add_get("/users/{id}", edit)
    app.router.add_post("/users/{id}", update)
    app.router.add_post("/users/{id}/switch", switch)
    app.router.add_post("/users/{id}/password", password)
