"""Users: a list, each one's page, and the form by which they are changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from aiohttp import web

from hotline.calendars.hours import WEEKDAYS
from hotline.crm.queries.calls.performance import may_see_performance
from hotline.crm.queries.company.calendars import list_calendars
from hotline.crm.queries.people.sign_ins import refused_tries
from hotline.crm.queries.people.users import UserView, get_user, list_tokens, list_users
from hotline.crm.viewer import SYSTEM
from hotline.errors import Conflict, HotlineError, Invalid, NotFound
from hotline.web import auth
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.company.settings_calendars import openings_of, written
from hotline.web.desktop.forms import Form, field, fields, form_of, problems, uuid_of, version_of
from hotline.web.desktop.i18n import language_of
from hotline.web.desktop.people.people import DAYS, LEVELS, SPANS, performance, span_of, works_now
from hotline.web.desktop.people.permission_words import all_role_names
from hotline.web.desktop.people.profile import own_hours, sign_in_context
from hotline.web.desktop.render import html, say, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import fresh, needs, signed_in
from hotline.workflows.company import lists
from hotline.workflows.people import second_factor
from hotline.workflows.people import users as workflow
from hotline.workflows.people.users import NewUser, UserChanges

MOST: Final = 200


@needs("users.read")
async def index(request: web.Request) -> web.StreamResponse:
    """Everybody, by name; those who may no longer sign in stand last."""
    house, viewer = house_of(request), signed_of(request).viewer
    found = await list_users(house.db, viewer, limit=MOST)
    found.sort(key=lambda user: (user.disabled_at is not None, user.name.casefold()))
    context = {
        "users": found,
        "roles": await all_role_names(request),
        "done": request.query.get("done", ""),
        "refused": await refused_tries(house.db, viewer, house.clock()) if viewer.may("users.write") else 0,
    }
    return html(request, "users.html", context)


@signed_in
async def show(request: web.Request) -> web.StreamResponse:
    """A colleague: how to reach them, what they do, and for who looks after users, how they sign in."""
    house, viewer = house_of(request), signed_of(request).viewer
    user = await get_user(house.db, viewer, uuid_of(request), house.keyring)
    span = span_of(request)
    person = chart = None
    if may_see_performance(viewer, user.id):
        with suppress(NotFound):  # of another team: what they do is not this viewer's to see
            person, chart = await performance(request, user.id, span)
    writes = viewer.may("users.write")
    context = {
        "user": user,
        "roles": await all_role_names(request),
        "levels": LEVELS,
        "lists": await lists.load(house),
        "hours": await own_hours(request, user),
        "works": await works_now(request, user),
        "person": person,
        "chart": chart,
        "span": span,
        "spans": SPANS,
        "writes": writes,
        "fresh": auth.is_confirmed(request, signed_of(request), to_begin=True),
        "tokens": await list_tokens(house.db, viewer, user.id) if writes else [],
        "done": request.query.get("done", ""),
        "errors": {},
        **(await sign_in_context(request, user) if writes else {}),
    }
    return html(request, "user.html", context)


@fresh
@needs("users.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a new user."""
    return await _form(request, None, {"role": "agent", "locale": house_of(request).settings.locale})


@fresh
@needs("users.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Adds the user, or shows the form again with what is wrong."""
    form = await form_of(request)
    data: NewUser = {**_changes(form), "password": field(form, "password", 1000) or None}
    try:
        user = await workflow.create_user(house_of(request), signed_of(request).viewer, data)
    except (Invalid, Conflict) as error:
        return await _form(request, None, _typed(form), error)
    return see_other(f"/users/{user.id}?done=created")


@fresh
@needs("users.write")
async def edit(request: web.Request) -> web.StreamResponse:
    """The form of a user."""
    house = house_of(request)
    user = await get_user(house.db, signed_of(request).viewer, uuid_of(request), house.keyring)
    return await _form(request, user, _values(user))


@fresh
@needs("users.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes the user, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    user = await get_user(house.db, viewer, uuid_of(request), house.keyring)
    form = await form_of(request)
    try:
        await workflow.update_user(house, viewer, user.id, _changes(form), version_of(form))
    except (Invalid, Conflict) as error:
        return await _form(request, user, _typed(form), error)
    return see_other(f"/users/{user.id}?done=saved")


@fresh
@needs("users.write")
async def switch(request: web.Request) -> web.StreamResponse:
    """Disables the user, or lets them sign in again: done at once, undone by the other button."""
    house, viewer = house_of(request), signed_of(request).viewer
    user = await get_user(house.db, viewer, uuid_of(request), house.keyring)
    try:
        if user.disabled_at is None:
            await workflow.disable_user(house, viewer, user.id)
        else:
            await workflow.enable_user(house, viewer, user.id)
    except (Invalid, Conflict) as error:
        return await _form(request, user, _values(user), error)
    return see_other(f"/users/{user.id}")


@fresh
@needs("users.write")
async def password(request: web.Request) -> web.StreamResponse:
    """Gives the user a new password; their sessions end."""
    house, viewer = house_of(request), signed_of(request).viewer
    user = await get_user(house.db, viewer, uuid_of(request), house.keyring)
    form = await form_of(request)
    try:
        await workflow.set_password(house, viewer, user.id, field(form, "password", 1000))
    except Invalid as error:
        return await _form(request, user, _values(user), error)
    return see_other(f"/users/{user.id}?done=password")


@needs("users.write")
async def end_session(request: web.Request) -> web.StreamResponse:
    """Signs one of their browsers out."""
    await workflow.revoke_session(house_of(request), signed_of(request).viewer, uuid_of(request, "session"))
    return see_other(f"/users/{uuid_of(request)}?done=session#sign-in")


@needs("users.write")
async def end_sessions(request: web.Request) -> web.StreamResponse:
    """Signs them out everywhere."""
    house, signed = house_of(request), signed_of(request)
    await workflow.revoke_sessions(house, signed.viewer, uuid_of(request), but=signed.id)
    return see_other(f"/users/{uuid_of(request)}?done=sessions#sign-in")


@needs("users.write")
async def revoke_token(request: web.Request) -> web.StreamResponse:
    """Ends one of their API tokens."""
    await workflow.revoke_token(house_of(request), signed_of(request).viewer, uuid_of(request, "token"))
    return see_other(f"/users/{uuid_of(request)}?done=token#sign-in")


@fresh
@needs("users.write")
async def reset_second_factor(request: web.Request) -> web.StreamResponse:
    """Turns off a second factor that was lost."""
    await second_factor.reset(house_of(request), signed_of(request).viewer, uuid_of(request))
    return see_other(f"/users/{uuid_of(request)}?done=second-factor#sign-in")


# The form

_TEXTS: Final = (
    "login",
    "name",
    "role",
    "locale",
    "extension",
    "interfaces",
    "queues",
    "title",
    "email",
    "phone",
    "hours",
    "timezone",
    *(f"hours_{day}" for day in WEEKDAYS),
)


def _values(user: UserView) -> dict[str, Any]:
    hours = dict(user.working_hours or {})
    weekly = hours.get("weekly", {})
    return {
        "login": user.login,
        "name": user.name,
        "role": user.role,
        "locale": user.locale,
        "extension": user.extension or "",
        "interfaces": "\n".join(user.interfaces),
        "queues": "\n".join(user.queues),
        "title": user.title or "",
        "email": user.email or "",
        "phone": user.phone or "",
        "skills": [(skill.key, skill.level) for skill in user.skills],
        "hours": f"calendar:{hours['calendar']}" if "calendar" in hours else "own" if hours else "",
        "timezone": hours.get("timezone", ""),
        **{f"hours_{day}": written(weekly.get(day, ())) for day in WEEKDAYS},
    }


def _typed(form: Form) -> dict[str, Any]:
    return {**{name: field(form, name) for name in _TEXTS}, "skills": _skills(form)}


def _skills(form: Form) -> list[tuple[str, int]]:
    pairs = zip(fields(form, "skill", 40), fields(form, "level", 2), strict=False)
    return [(key, int(level) if level.isdecimal() else 3) for key, level in pairs if key]


def _changes(form: Form) -> UserChanges:
    return {
        "login": field(form, "login"),
        "name": field(form, "name"),
        "role": field(form, "role"),
        "locale": field(form, "locale"),
        "extension": field(form, "extension") or None,
        "interfaces": _listed(field(form, "interfaces")),
        "queues": _listed(field(form, "queues")),
        "title": field(form, "title"),
        "email": field(form, "email"),
        "phone": field(form, "phone"),
        "skills": [{"key": key, "level": level} for key, level in _skills(form)],
        "working_hours": _hours(form),
    }


def _hours(form: Form) -> dict[str, Any] | None:
    chosen = field(form, "hours", 60)
    if chosen.startswith("calendar:"):
        return {"calendar": chosen.removeprefix("calendar:")}
    if chosen != "own":
        return None
    weekly = {day: openings_of(field(form, f"hours_{day}", 200)) for day in WEEKDAYS}
    return {"weekly": weekly} | ({"timezone": zone} if (zone := field(form, "timezone", 64).strip()) else {})


def _listed(text: str) -> list[str]:
    """One per line, or several by comma or space."""
    return [part for part in re.split(r"[\s,，、]+", text) if part]


async def _form(
    request: web.Request, user: UserView | None, values: Mapping[str, Any], error: HotlineError | None = None
) -> web.Response:
    house = house_of(request)
    errors = problems(request, error) if error else {}
    if error and error.detail.startswith("password"):
        errors = {"password": next(iter(errors.values()))}
    if isinstance(error, Conflict) and "" in errors and user is not None and "version" in error.detail:
        errors = {"": say(request, N_("Somebody else changed this user meanwhile. Reload to see the change."))}
    language = language_of(request)
    calendars = [
        (view.key, view.spec.names.get(language) or view.spec.names.get("en") or view.key)  # type: ignore[call-overload]
        for view in await list_calendars(house.db, SYSTEM)
    ]
    context = {
        "user": user,
        "values": {**dict.fromkeys(_TEXTS, ""), "skills": [], **values},
        "errors": errors,
        "returned": error is not None,
        "roles": await all_role_names(request),
        "levels": LEVELS,
        "skills": (await lists.load(house)).entries("skill"),
        "calendars": calendars,
        "days": DAYS,
        "zone": house.settings.timezone.key,
        "attempts": house.settings.sign_in_attempts,
    }
    return html(request, "user_edit.html", context, status=error.status if error else 200)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/users", index)
    app.router.add_get("/users/new", new)
    app.router.add_post("/users/new", create)
    app.router.add_get("/users/{id}", show)
    app.router.add_get("/users/{id}/edit", edit)
    app.router.add_post("/users/{id}/edit", update)
    app.router.add_post("/users/{id}/switch", switch)
    app.router.add_post("/users/{id}/password", password)
    app.router.add_post("/users/{id}/sessions/end", end_sessions)
    app.router.add_post("/users/{id}/sessions/{session}/end", end_session)
    app.router.add_post("/users/{id}/tokens/{token}/revoke", revoke_token)
    app.router.add_post("/users/{id}/second-factor/off", reset_second_factor)
