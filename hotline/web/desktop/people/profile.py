"""One's own pages: who one is to colleagues, one's settings, how one signs in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from hotline.crm.queries.company.calendars import list_calendars
from hotline.crm.queries.people.sign_ins import get_factor, list_sign_ins
from hotline.crm.queries.people.users import UserView, get_user, list_sessions
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, Invalid, TooMany
from hotline.web import auth
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.browsers import browser_name
from hotline.web.desktop.forms import field, form_of, problems, uuid_of
from hotline.web.desktop.i18n import LANGUAGES
from hotline.web.desktop.people.people import LEVELS, METHODS, OUTCOMES, hours_lines
from hotline.web.desktop.people.permission_words import all_role_names
from hotline.web.desktop.render import html, say, see_other, set_theme_cookie
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows.company import lists
from hotline.workflows.people import users as workflow
from hotline.workflows.people.personal_settings import START_PAGES, PersonalSettings

#: How many tries to sign in a page shows.
SHOWN: Final = 20

START_NAMES: Final = {
    "/": N_("Desk"),
    "/tickets": N_("Tickets"),
    "/callbacks": N_("Call backs"),
    "/customers": N_("Customers"),
    "/performance": N_("Performance"),
}


# Who one is


@needs("own.profile")
async def show(request: web.Request) -> web.StreamResponse:
    """What colleagues see, and what an administrator set."""
    return await _profile(request)


@needs("own.profile")
async def save(request: web.Request) -> web.StreamResponse:
    """Changes how colleagues reach one."""
    form = await form_of(request)
    typed = {name: field(form, name, 300) for name in ("title", "email", "phone")}
    try:
        await workflow.update_profile(
            house_of(request),
            signed_of(request).viewer,
            {"title": typed["title"], "email": typed["email"], "phone": typed["phone"]},
        )
    except Invalid as error:
        return await _profile(request, typed, problems(request, error), error.status)
    return see_other("/profile?done=saved")


async def _profile(
    request: web.Request,
    typed: Mapping[str, str | None] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    house, user = house_of(request), await _me(request)
    context = {
        "page": "profile",
        "user": user,
        "values": typed or {"title": user.title, "email": user.email, "phone": user.phone},
        "roles": await all_role_names(request),
        "levels": LEVELS,
        "lists": await lists.load(house),
        "hours": await own_hours(request, user),
        "errors": errors or {},
        "done": request.query.get("done", ""),
    }
    return html(request, "profile.html", context, status=status)


async def own_hours(request: web.Request, user: UserView) -> list[str]:
    """When the user works, in few lines."""
    language = signed_of(request).viewer.locale
    calendars = await list_calendars(house_of(request).db, SYSTEM) if user.working_hours else []
    names = {view.key: view.spec.names.get(language) or view.spec.names.get("en") or view.key for view in calendars}  # type: ignore[call-overload]
    return hours_lines(request, user.working_hours, names)


# One's settings


@needs("own.profile")
async def settings(request: web.Request) -> web.StreamResponse:
    """Language, theme, clock, what notifies and sounds, the page to begin with."""
    viewer = signed_of(request).viewer
    context = {
        "page": "settings",
        "chosen": PersonalSettings.of(signed_of(request).preferences),
        "start_pages": [(href, START_NAMES[href]) for href, right in START_PAGES.items() if viewer.may(right)],
        "done": request.query.get("done", ""),
    }
    return html(request, "profile_settings.html", context)


@needs("own.profile")
async def save_settings(request: web.Request) -> web.StreamResponse:
    """Keeps them for every browser; the theme holds in this one at once."""
    form = await form_of(request)
    volume = field(form, "volume", 10)
    preferences: dict[str, Any] = {
        "theme": field(form, "theme", 20),
        "time_format": field(form, "time_format", 20),
        "start_page": field(form, "start_page", 50) or "/",
        "notifications": {name: f"notify_{name}" in form for name in ("calls", "tickets", "deadlines")},
        "sounds": {
            "ring": "ring" in form,
            "ticks": "ticks" in form,
            "volume": int(volume) if volume.isdecimal() else 100,
        },
    }
    changes: workflow.Profile = {"preferences": preferences}
    if (chosen := field(form, "locale", 10)) in LANGUAGES:
        changes["locale"] = chosen
    await workflow.update_profile(house_of(request), signed_of(request).viewer, changes)
    response = see_other("/profile/settings?done=saved")
    set_theme_cookie(request, response, preferences["theme"])
    return response


# How one signs in


@needs("own.profile")
async def security(request: web.Request) -> web.StreamResponse:
    """Password, two-step sign-in, browsers, what happened."""
    return await _security(request)


@needs("own.profile")
async def change_password(request: web.Request) -> web.StreamResponse:
    """A new password; every other browser is signed out, this one gets a new cookie."""
    signed = signed_of(request)
    form = await form_of(request)
    new = field(form, "new_password", 1000)
    if new != field(form, "again", 1000):
        return await _security(request, {"again": say(request, N_("The two new passwords differ."))}, status=422)
    try:
        token = await workflow.change_own_password(
            house_of(request),
            signed.viewer,
            field(form, "current", 1000),
            new,
            signed.id if signed.kind == "session" else None,
        )
    except (Invalid, TooMany) as error:
        return await _security(request, _password_errors(request, error), status=error.status)
    response = see_other("/profile/security?done=password")
    if token is not None:
        auth.set_session_cookie(request, response, token)
    return response


@needs("own.profile")
async def end_session(request: web.Request) -> web.StreamResponse:
    """Signs another browser out."""
    await workflow.revoke_session(house_of(request), signed_of(request).viewer, uuid_of(request))
    return see_other("/profile/security?done=session")


@needs("own.profile")
async def end_others(request: web.Request) -> web.StreamResponse:
    """Signs every other browser out."""
    house, signed = house_of(request), signed_of(request)
    if signed.viewer.user_id is not None:
        await workflow.revoke_sessions(house, signed.viewer, signed.viewer.user_id, but=signed.id)
    return see_other("/profile/security?done=sessions")


def _password_errors(request: web.Request, error: HotlineError) -> dict[str, str]:
    errors = problems(request, error)
    if isinstance(error, TooMany):
        return {"current": say(request, N_("Too many wrong tries. Wait some minutes, then try again."))}
    if "current" in errors:
        return errors
    return {"new_password": next(iter(errors.values()))}


async def _security(request: web.Request, errors: dict[str, str] | None = None, status: int = 200) -> web.Response:
    user = await _me(request)
    context = {
        "page": "security",
        "user": user,
        **await sign_in_context(request, user),
        "errors": errors or {},
        "done": request.query.get("done", ""),
    }
    return html(request, "profile_security.html", context, status=status)


async def sign_in_context(request: web.Request, user: UserView) -> dict[str, Any]:
    """How a user signs in: for their own page, and for who looks after users."""
    house, viewer = house_of(request), signed_of(request).viewer
    now = house.clock()
    return {
        "factor": await get_factor(house.db, viewer, user.id, now),
        "sessions": await list_sessions(house.db, viewer, user.id, now),
        "sign_ins": await list_sign_ins(house.db, viewer, user.id, limit=SHOWN),
        "outcomes": OUTCOMES,
        "methods": METHODS,
        "browser": browser_name,
    }


async def _me(request: web.Request) -> UserView:
    house, viewer = house_of(request), signed_of(request).viewer
    if viewer.user_id is None:
        raise Invalid("This credential belongs to nobody.")
    return await get_user(house.db, viewer, viewer.user_id, house.keyring)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/profile", show)
    app.router.add_post("/profile", save)
    app.router.add_get("/profile/settings", settings)
    app.router.add_post("/profile/settings", save_settings)
    app.router.add_get("/profile/security", security)
    app.router.add_post("/profile/password", change_password)
    app.router.add_post("/profile/sessions/end", end_others)
    app.router.add_post("/profile/sessions/{id}/end", end_session)
