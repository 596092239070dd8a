"""Two-step sign-in: set up with a picture for the app; and the question whether it is still you."""

from __future__ import annotations

import io
from typing import Any

import segno
from aiohttp import web
from markupsafe import Markup

from hotline.errors import Conflict, Invalid
from hotline.web import auth
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import field, form_of
from hotline.web.desktop.people.sign_in import own_address, rests
from hotline.web.desktop.render import html, say, see_other
from hotline.web.desktop.words import N_
from hotline.web.rights import enrolling, fresh, needs, signed_in
from hotline.workflows.people import second_factor as workflow
from hotline.workflows.people import sign_in
from hotline.workflows.people.sign_in import SignedInUser


def user_of(request: web.Request) -> SignedInUser:
    """Whose session this is. Raises Invalid for a program's token: only a person at a browser changes their sign-in."""
    signed = signed_of(request)
    if signed.kind != "session" or signed.viewer.user_id is None:
        raise Invalid("This is done signed in at the desk, not by a token.")
    return SignedInUser(signed.viewer.user_id, signed.id, signed.login)


# Setting it up: for who chose to, and for who must before anything else.


@enrolling
@fresh
@signed_in
async def show(request: web.Request) -> web.StreamResponse:
    """Where the set-up stands."""
    return await _page(request, own_address(request.query.get("next", "/")))


@enrolling
@fresh
@signed_in
async def begin(request: web.Request) -> web.StreamResponse:
    """A fresh picture."""
    form = await form_of(request)
    await workflow.begin(house_of(request), user_of(request))
    return await _page(request, own_address(field(form, "next", 500)))


@enrolling
@fresh
@signed_in
async def prove(request: web.Request) -> web.StreamResponse:
    """Turns it on by the first code. The recovery codes stand on the answer's page and nowhere else."""
    form = await form_of(request)
    next_page = own_address(field(form, "next", 500))
    try:
        enrolled = await workflow.prove(house_of(request), user_of(request), field(form, "code", 100))
    except Invalid:
        problem = say(request, N_("This is not the code that the app shows now. Look that its clock is right."))
        return await _page(request, next_page, problem=problem, status=422)
    except Conflict:
        return see_other("/two-step")
    response = html(request, "two_step.html", {**_nothing(next_page), "codes": enrolled.recovery_codes})
    auth.set_session_cookie(request, response, enrolled.token)
    return response


@needs("own.profile")
async def cancel(request: web.Request) -> web.StreamResponse:
    """Forgets a set-up that was begun."""
    await workflow.drop_pending(house_of(request), user_of(request))
    return see_other("/profile/security")


@fresh
@needs("own.profile")
async def turn_off(request: web.Request) -> web.StreamResponse:
    """Turns it off, unless a role asks for it."""
    await workflow.turn_off(house_of(request), user_of(request))
    return see_other("/profile/security?done=two-step-off")


@fresh
@needs("own.profile")
async def new_codes(request: web.Request) -> web.StreamResponse:
    """New recovery codes, shown on the answer's page."""
    codes = await workflow.new_codes(house_of(request), user_of(request))
    return html(request, "two_step.html", {**_nothing("/profile/security"), "codes": codes})


# Is it still you?


@enrolling
@signed_in
async def ask(request: web.Request) -> web.StreamResponse:
    """The question; who has answered it lately goes on."""
    next_page = own_address(request.query.get("next", "/"))
    if auth.is_confirmed(request, signed_of(request), to_begin=True):
        return see_other(next_page)
    return await _question(request, next_page)


@enrolling
@signed_in
async def confirm(request: web.Request) -> web.StreamResponse:
    """Goes on with a new cookie when the answer is right."""
    form = await form_of(request)
    next_page = own_address(field(form, "next", 500))
    try:
        token = await sign_in.confirm(house_of(request), user_of(request), field(form, "proof", 1000))
    except sign_in.WrongPassword:
        return await _question(request, next_page, say(request, N_("This is not your password.")), status=401)
    except sign_in.WrongCode:
        problem = say(request, N_("This code is not right. An app shows a new one every 30 seconds; each works once."))
        return await _question(request, next_page, problem, status=401)
    except sign_in.SignInLocked as locked:
        response = await _question(
            request, next_page, rests(request, locked.until, locked.minutes), locked=True, status=429
        )
        response.headers["Retry-After"] = str(locked.retry_after)
        return response
    response = see_other(next_page)
    auth.set_session_cookie(request, response, token)
    return response


async def _question(
    request: web.Request, next_page: str, problem: str = "", *, locked: bool = False, status: int = 200
) -> web.Response:
    user = user_of(request)
    context = {
        "next": next_page,
        "back": next_page if next_page != "/" and problem == "" else "/",
        "problem": problem,
        "locked": locked,
        "errors": {},
        "second_factor": await sign_in.second_factor_on(house_of(request), user.user_id),
    }
    return html(request, "confirm.html", context, status=status)


async def _page(request: web.Request, next_page: str, *, problem: str = "", status: int = 200) -> web.Response:
    house, user, signed = house_of(request), user_of(request), signed_of(request)
    enrolment = await workflow.pending(house, user)
    context = {
        **_nothing(next_page),
        "enrolment": enrolment is not None,
        "picture": "" if enrolment is None else picture_of(enrolment.address),
        "secret": ""
        if enrolment is None
        else " ".join(enrolment.secret[at : at + 4] for at in range(0, len(enrolment.secret), 4)),
        "required": await workflow.required(house, user),
        "must": signed.must_enrol,
        "problem": problem,
    }
    return html(request, "two_step.html", context, status=status)


def _nothing(next_page: str) -> dict[str, Any]:
    return {
        "path": "/two-step",  # a form's answer has an address that nobody can go to
        "codes": [],
        "enrolment": False,
        "picture": "",
        "secret": "",
        "required": False,
        "must": False,
        "problem": "",
        "next": next_page,
    }


def picture_of(text: str) -> Markup:
    """A QR code as SVG: dark on white in both themes, since apps read it so."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", scale=1, border=3, dark="#000", light="#fff", xmldecl=False, svgns=True, omitsize=True
    )
    return Markup(out.getvalue().decode())  # noqa: S704 - drawn here, of squares alone


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/two-step", show)
    app.router.add_post("/two-step", prove)
    app.router.add_post("/two-step/begin", begin)
    app.router.add_post("/two-step/cancel", cancel)
    app.router.add_post("/two-step/off", turn_off)
    app.router.add_post("/two-step/codes", new_codes)
    app.router.add_get("/confirm", ask)
    app.router.add_post("/confirm", confirm)
