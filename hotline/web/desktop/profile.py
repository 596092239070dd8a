"""One's own profile: language, password, and the browsers in which one is signed in."""

from __future__ import annotations

from aiohttp import web

from hotline.crm.queries.users import get_user, list_sessions
from hotline.errors import HotlineError, Invalid, TooMany
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import field, form_of, problems, uuid_of
from hotline.web.desktop.i18n import LANGUAGES
from hotline.web.desktop.render import html, say, see_other
from hotline.web.desktop.users import ROLES
from hotline.web.desktop.words import N_
from hotline.web.rights import needs
from hotline.workflows import users as workflow


@needs("own.profile")
async def show(request: web.Request) -> web.StreamResponse:
    """The page."""
    return await _page(request)


@needs("own.profile")
async def change_password(request: web.Request) -> web.StreamResponse:
    """A new password; every other browser is signed out."""
    signed = signed_of(request)
    form = await form_of(request)
    new = field(form, "new_password", 1000)
    if new != field(form, "again", 1000):
        return await _page(request, {"again": say(request, N_("The two new passwords differ."))}, status=422)
    try:
        await workflow.change_own_password(
            house_of(request), signed.viewer, field(form, "current", 1000), new, signed.id
        )
    except (Invalid, TooMany) as error:
        return await _page(request, _password_errors(request, error), status=error.status)
    return see_other("/profile?done=password")


@needs("own.profile")
async def change_language(request: web.Request) -> web.StreamResponse:
    """Another language for every browser of this user."""
    chosen = field(await form_of(request), "locale", 10)
    if chosen in LANGUAGES:
        await workflow.update_profile(house_of(request), signed_of(request).viewer, {"locale": chosen})
    return see_other("/profile?done=saved")


@needs("own.profile")
async def end_session(request: web.Request) -> web.StreamResponse:
    """Signs another browser out."""
    await workflow.revoke_session(house_of(request), signed_of(request).viewer, uuid_of(request))
    return see_other("/profile?done=session")


def _password_errors(request: web.Request, error: HotlineError) -> dict[str, str]:
    errors = problems(request, error)
    if isinstance(error, TooMany):
        return {"current": say(request, N_("Too many wrong tries. Wait some minutes, then try again."))}
    if "current" in errors:
        return errors
    return {"new_password": next(iter(errors.values()))}


async def _page(request: web.Request, errors: dict[str, str] | None = None, status: int = 200) -> web.Response:
    house, signed = house_of(request), signed_of(request)
    user_id = signed.viewer.user_id
    assert user_id is not None  # a session always has a user
    context = {
        "user": await get_user(house.db, signed.viewer, user_id),
        "sessions": await list_sessions(house.db, signed.viewer, user_id, house.clock()),
        "roles": ROLES,
        "errors": errors or {},
        "done": request.query.get("done", ""),
    }
    return html(request, "profile.html", context, status=status)


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/profile", show)
    app.router.add_post("/profile/password", change_password)
    app.router.add_post("/profile/language", change_language)
    app.router.add_post("/profile/sessions/{id}/end", end_session)
