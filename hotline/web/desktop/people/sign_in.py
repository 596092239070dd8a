"""Signing in and out, and the language before and after."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit

from aiohttp import web

from hotline.crm.viewer import SYSTEM
from hotline.errors import NotFound, NotSignedIn
from hotline.web import auth
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import field, form_of
from hotline.web.desktop.i18n import LANGUAGE_COOKIE, LANGUAGES, Calendar, language_of, zone_of
from hotline.web.desktop.render import html, say, see_other, set_theme_cookie
from hotline.web.desktop.words import N_
from hotline.web.rights import enrolling, public, signed_in
from hotline.workflows.company import setup as first_set_up
from hotline.workflows.people import sign_in as workflow
from hotline.workflows.people import users
from hotline.workflows.people.personal_settings import PersonalSettings

_YEAR: Final = 365 * 86400
#: Where nobody is led after signing in: these lead in a circle, or show no page.
_NOT_NEXT: Final = ("/sign-in", "/language", "/api/", "/confirm", "/two-step")


@public
async def show(request: web.Request) -> web.StreamResponse:
    """The sign-in page; who is signed in already goes on."""
    next_page = own_address(request.query.get("next", "/"))
    try:
        if await auth.identify(request) is not None:
            return see_other(next_page)
    except NotSignedIn:
        pass  # an old cookie: the form replaces it
    notice = say(request, N_("You are signed out.")) if "out" in request.query else ""
    return html(request, "sign_in.html", _form(next_page=next_page, notice=notice))


@public
async def enter(request: web.Request) -> web.StreamResponse:
    """Opens a session, asks for the code, or says why not: the same words whether login or password is wrong."""
    form = await form_of(request)
    login = field(form, "login", 150)
    next_page = own_address(field(form, "next", 500))
    house = house_of(request)
    try:
        session = await workflow.sign_in(
            house, login, field(form, "password", 1000), request.headers.get("User-Agent", ""), request.remote or ""
        )
    except workflow.CodeNeeded as needed:
        response = see_other(f"/sign-in/code?next={quote(next_page, safe='')}")
        auth.set_challenge_cookie(request, response, needed.challenge)
        return response
    except workflow.WrongPassword:
        problem = say(
            request,
            N_("Login or password is not right. After {attempts} wrong tries an account rests for {minutes} minutes."),
            attempts=house.settings.sign_in_attempts,
            minutes=house.settings.sign_in_lock_minutes,
        )
        return html(request, "sign_in.html", _form(login, next_page, problem), status=401)
    except workflow.SignInLocked as locked:
        return _locked(request, "sign_in.html", _form(login, next_page, locked=True), locked)
    return await _opened(request, session, next_page)


@public
async def show_code(request: web.Request) -> web.StreamResponse:
    """The form for the code; without the password before it, the sign-in page."""
    if not auth.challenge_secret(request):
        return see_other("/sign-in")
    return html(request, "sign_in_code.html", _form(next_page=own_address(request.query.get("next", "/"))))


@public
async def enter_code(request: web.Request) -> web.StreamResponse:
    """Opens the session when the code is right."""
    form = await form_of(request)
    next_page = own_address(field(form, "next", 500))
    try:
        session = await workflow.sign_in_with_code(
            house_of(request),
            auth.challenge_secret(request),
            field(form, "code", 100),
            request.headers.get("User-Agent", ""),
            request.remote or "",
        )
    except workflow.WrongCode:
        problem = say(request, N_("This code is not right. An app shows a new one every 30 seconds; each works once."))
        return html(request, "sign_in_code.html", _form(next_page=next_page, problem=problem), status=401)
    except workflow.SignInLocked as locked:
        return _locked(request, "sign_in_code.html", _form(next_page=next_page, locked=True), locked)
    except workflow.ChallengeOver:
        problem = say(request, N_("Signing in took too long. Begin again."))
        response = html(request, "sign_in.html", _form(next_page=next_page, problem=problem), status=401)
        auth.clear_challenge_cookie(request, response)
        return response
    return await _opened(request, session, next_page)


async def _opened(request: web.Request, session: workflow.SignedInSession, next_page: str) -> web.Response:
    """Leads on with a fresh cookie. Who was signed in in this browser before, is not any more."""
    house = house_of(request)
    with suppress(NotSignedIn, NotFound):
        if (before := await auth.identify(request)) is not None and before.kind == "session":
            await users.revoke_session(house, SYSTEM, before.id)
    chosen = PersonalSettings.of(session.identity.preferences)
    if next_page == "/":
        # Who comes first is led through the set-up.
        next_page = chosen.start_page
        if next_page == "/" and session.identity.viewer.may("settings.write"):
            next_page = "/setup" if (await first_set_up.look(house)).untouched else "/"
    response = see_other(next_page)
    auth.set_session_cookie(request, response, session.token)
    auth.clear_challenge_cookie(request, response)
    set_theme_cookie(request, response, chosen.theme)
    return response


def _locked(
    request: web.Request, template: str, context: dict[str, object], locked: workflow.SignInLocked
) -> web.Response:
    context["problem"] = rests(request, locked.until, locked.minutes)
    response = html(request, template, context, status=429)
    response.headers["Retry-After"] = str(locked.retry_after)
    return response


@enrolling
@signed_in
async def leave(request: web.Request) -> web.StreamResponse:
    """Ends the session of this browser."""
    signed = signed_of(request)
    if signed.kind == "session":
        await users.revoke_session(house_of(request), signed.viewer, signed.id)
    response = see_other("/sign-in?out")
    auth.clear_session_cookie(request, response)
    return response


@public
async def language(request: web.Request) -> web.StreamResponse:
    """Changes the language: of the browser, and of the user when one is signed in."""
    form = await form_of(request)
    chosen = field(form, "language", 10)
    response = see_other(own_address(field(form, "next", 500)))
    if chosen not in LANGUAGES:
        return response
    response.set_cookie(
        LANGUAGE_COOKIE, chosen, path="/", max_age=_YEAR, samesite="Lax", secure=auth.is_secure(request)
    )
    try:
        signed = await auth.identify(request)
    except NotSignedIn:
        signed = None
    if signed is not None and signed.viewer.may("own.profile"):
        await auth.check_csrf(request, signed)
        await users.update_profile(house_of(request), signed.viewer, {"locale": chosen})
    return response


def own_address(address: str) -> str:
    """``address`` when it is a page of ours, else the desk: nobody is led elsewhere after signing in."""
    parts = urlsplit(address)
    ours = not parts.scheme and not parts.netloc and address.startswith("/") and not address.startswith(("//", "/\\"))
    printable = address.isprintable() and "\\" not in address
    return address if ours and printable and not parts.path.startswith(_NOT_NEXT) else "/"


def rests(request: web.Request, until: datetime, minutes: int) -> str:
    """That an account is locked, until when, and what helps."""
    calendar = Calendar(language_of(request), zone_of(request), house_of(request).clock())
    return say(
        request,
        N_(
            "Too many wrong tries: this account rests until {time}, another {minutes} min."
            " An administrator can set a new password before."
        ),
        time=calendar.time(until),
        minutes=minutes,
    )


def _form(
    login: str = "", next_page: str = "/", problem: str = "", *, locked: bool = False, notice: str = ""
) -> dict[str, object]:
    return {"login": login, "next": next_page, "problem": problem, "locked": locked, "notice": notice}


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/sign-in", show)
    app.router.add_post("/sign-in", enter)
    app.router.add_get("/sign-in/code", show_code)
    app.router.add_post("/sign-in/code", enter_code)
    app.router.add_post("/sign-out", leave)
    app.router.add_post("/language", language)
