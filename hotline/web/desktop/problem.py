"""Errors as a person meets them: what happened, what to do, a way on. Never a blank page."""

from __future__ import annotations

from contextlib import suppress
from typing import Final
from urllib.parse import quote, urlsplit

from aiohttp import web

from hotline.errors import HotlineError, NotSignedIn
from hotline.web.auth import identify
from hotline.web.context import REQUEST_ID, SIGNED
from hotline.web.desktop.render import html, is_fragment, see_other
from hotline.web.desktop.words import N_

#: Code → (title, what to do).
_WORDS: Final = {
    "not_found": (N_("Nothing here"), N_("The record is gone, the address is wrong, or you may not see it.")),
    "forbidden": (
        N_("Not allowed"),
        N_("Your role does not allow this. An administrator can change that on the users page."),
    ),
    "conflict": (
        N_("Changed meanwhile"),
        N_("Somebody else changed this record while you were working. Go back, reload and look at the change."),
    ),
    "too_many": (N_("A little slower"), N_("Too many requests came from here. Wait a minute, then try again.")),
    "unavailable": (
        N_("A part is away"),
        N_("The database or another part that this page needs does not answer. Try again in a few seconds."),
    ),
    "not_built": (
        N_("The front end is missing"),
        N_("This installation was started from sources without building them. Run: pip install -e ."),
    ),
}
_OTHER: Final = (N_("Something went wrong"), N_("It was logged. Try again, or tell your administrator this number."))
_REFUSED: Final = (N_("That cannot be accepted"), N_("Go back and check what was sent."))


async def error_page(request: web.Request, error: HotlineError) -> web.StreamResponse:
    """The page, or the card for a part of a page, that tells ``error``."""
    if isinstance(error, NotSignedIn) and request.method in ("GET", "HEAD"):
        target = "/sign-in" if request.path == "/" else f"/sign-in?next={quote(request.path_qs, safe='')}"
        if is_fragment(request):
            return web.Response(status=401, headers={"HX-Redirect": target})
        return see_other(target)
    if (way := _way_on(request, error)) is not None:
        if is_fragment(request):
            return web.Response(status=403, headers={"HX-Redirect": way})
        return see_other(way)
    if SIGNED not in request:
        # An address that leads nowhere has no guard: look who asks, for their language.
        with suppress(HotlineError):
            if (signed := await identify(request)) is not None:
                request[SIGNED] = signed
    title, advice = _WORDS.get(error.code, _OTHER if error.status >= 500 else _REFUSED)
    context = {
        "title": title,
        "advice": advice,
        "code": error.code,
        "detail": error.detail if error.status < 500 and error.code not in _WORDS else "",
        "request_id": request.get(REQUEST_ID, ""),
        "retry": error.retry or error.status >= 500,
    }
    template = "problem_card.html" if is_fragment(request) else "problem.html"
    return html(request, template, context, status=error.status)


def _way_on(request: web.Request, error: HotlineError) -> str | None:
    """Where somebody is led who must prove who they are before the page that they asked for."""
    if error.code == "second_factor_missing":
        return "/two-step"
    if error.code == "confirm_needed":
        # What a form sent is not kept: lead back to the page that it stood on.
        wanted = (
            request.path_qs if request.method in ("GET", "HEAD") else urlsplit(request.headers.get("Referer", "")).path
        )
        return f"/confirm?next={quote(wanted or '/', safe='')}"
    return None
