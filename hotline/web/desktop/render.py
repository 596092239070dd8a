"""Pages from templates: one environment per language, everything escaped, the frame filled in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import hotline
from hotline import phone
from hotline.crm.company import Formats
from hotline.crm.queries.pushes.outbound_stop import StopView
from hotline.web.brand import look_of
from hotline.web.context import SIGNED, SignedIn, house_of
from hotline.web.desktop import text
from hotline.web.desktop.assets import asset, first_page
from hotline.web.desktop.i18n import LANGUAGES, Calendar, country_name, language_of, words, zone_of
from hotline.web.desktop.keys import KEYS, at_the_desk
from hotline.web.desktop.numbers import Numbers
from hotline.web.desktop.pages import rail_of
from hotline.workflows.company import company
from hotline.workflows.company import setup as first_set_up
from hotline.workflows.people.personal_settings import PersonalSettings

TEMPLATES: Final = Path(__file__).parent.parent / "templates"
#: Whether everything outbound is stopped, of a request by somebody whom it concerns.
STOP: Final = web.RequestKey("outbound_stop", StopView)
THEME_COOKIE: Final = "hl_theme"
_YEAR: Final = 365 * 86400


@cache
def environment(language: str) -> Environment:
    """The templates in one language."""
    catalogue = words(language)
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    env.install_gettext_callables(catalogue.gettext, catalogue.ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(
        asset=asset,
        first_page=first_page,
        language=language,
        lang=catalogue.tag,
        languages=LANGUAGES,
        version=hotline.__version__,
        country=lambda code: country_name(language, code),
        key_map=KEYS,
        keys_at_the_desk=at_the_desk(),
    )
    env.filters.update(
        plain=text.plain, passage=text.passage, initials=text.initials, duration=text.duration, phone=phone.display
    )
    return env


def page_data(request: web.Request) -> dict[str, Any]:
    """What the page's scripts need before anything else; written into the page as JSON."""
    signed = request.get(SIGNED)
    return {
        "user": str(signed.viewer.user_id) if signed else "",
        "login": signed.login if signed else "",
        "now": house_of(request).clock().isoformat(),
        "messages": words(language_of(request)).script,
        "preferences": PersonalSettings.of(signed.preferences if signed else {}).model_dump(),
    }


def frame(request: web.Request) -> dict[str, Any]:
    """What every template may use."""
    signed: SignedIn | None = request.get(SIGNED)
    theme = request.cookies.get(THEME_COOKIE)
    viewer = signed.viewer if signed else None
    return {
        "signed": signed,
        "viewer": viewer,
        "csrf": signed.csrf if signed else "",
        "theme": theme if theme in ("light", "dark") else "",
        "rail": rail_of(request.app, viewer, request.path) if viewer else None,
        "path": request.path_qs,
        "calendar": calendar_of(request),
        "numbers": Numbers.of(language_of(request), company.known(house_of(request), Formats)),
        "look": look_of(house_of(request)),
        "page_data": page_data(request),
        "setup_left": first_set_up.left(house_of(request)) if viewer and viewer.may("settings.write") else 0,
        "stop": request.get(STOP),
        "is_fragment": is_fragment(request),
    }


def calendar_of(request: web.Request) -> Calendar:
    """How times are written for who asks."""
    signed: SignedIn | None = request.get(SIGNED)
    clock = PersonalSettings.of(signed.preferences if signed else {}).time_format
    house = house_of(request)
    dates = company.known(house, Formats).dates
    return Calendar(language_of(request), zone_of(request), house.clock(), clock, dates)


def set_theme_cookie(request: web.Request, response: web.StreamResponse, theme: str) -> None:
    """The theme that somebody chose for all of their browsers, in this one; "system" is no cookie at all."""
    secure = request.scheme == "https" or house_of(request).settings.public_url.startswith("https://")
    if theme == "system":
        response.del_cookie(THEME_COOKIE, path="/", samesite="Lax", secure=secure)
    else:
        response.set_cookie(THEME_COOKIE, theme, path="/", max_age=_YEAR, samesite="Lax", secure=secure)


def is_fragment(request: web.Request) -> bool:
    """Whether a script asks for a part of a page."""
    return "HX-Request" in request.headers


def html(
    request: web.Request,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
) -> web.Response:
    """The page of a template."""
    body = environment(language_of(request)).get_template(template).render({**frame(request), **(context or {})})
    return web.Response(text=body, status=status, content_type="text/html", charset="utf-8")


def say(request: web.Request, message: str, **values: object) -> str:
    """A sentence in the request's language, its {placeholders} filled in."""
    return (
        words(language_of(request)).gettext(message).format_map(values)
        if values
        else words(language_of(request)).gettext(message)
    )


def see_other(location: str) -> web.Response:
    """After a change: go and look, so that a reload repeats nothing."""
    return web.Response(status=303, headers={"Location": location})
