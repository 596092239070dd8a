"""The form of a template: what was typed, by language, and the content of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from hotline.campaigns.consent import CHANNELS, Channel
from hotline.campaigns.content import FIELDS, LONGEST_MAIL, as_written, clean_locale
from hotline.crm.queries.campaigns.templates import TemplateView
from hotline.errors import HotlineError, Invalid
from hotline.web.desktop.forms import Form, field, fields, problems, refusal_words

#: The languages that a new template is written in.
USUAL: Final = ("en", "zh")
MOST_LANGUAGES: Final = 20
_WHERE: Final = re.compile(r"locales\.([A-Za-z_-]+)\.([a-z_]+)")
#: The fields of the form by channel; those of the content that have no field of their own are left out.
SHOWN: Final[Mapping[Channel, tuple[str, ...]]] = {
    "sms": ("body",),
    "console": ("body",),
    "whatsapp": ("content_sid", "variables", "body"),
    "email": ("subject", "preheader", "body", "text"),
    "voice": ("opt_out_key", "opt_out", "body", "recording"),
    "inapp": ("title", "body", "link", "expires_hours"),
}


def channel_from(text: str) -> Channel:
    """The channel that a form or an address names; SMS for anything else."""
    return next((channel for channel in CHANNELS if channel == text), "sms")


def typed_of(form: Form, channel: Channel) -> dict[str, Any]:
    """What a form says, as the template shows it again. ``locales``: language → field → text."""
    locales = [each for each in dict.fromkeys(fields(form, "locale", 20)) if each][:MOST_LANGUAGES]
    return {
        "name": field(form, "name", 200),
        "default": field(form, "default", 20),
        "track_links": bool(form.get("track_links")),
        "locales": {
            locale: {
                name: field(form, f"{name}-{locale}", 2 * LONGEST_MAIL)
                for name in SHOWN[channel]
                if name in FIELDS[channel]
            }
            for locale in locales
        },
    }


def typed_again(template: TemplateView) -> dict[str, Any]:
    """The form of a template as it is."""
    content = template.content
    return {
        "name": template.name,
        "default": content["default"],
        "track_links": content["track_links"],
        "locales": {locale: shown(as_written(template.channel, each)) for locale, each in content["locales"].items()},
    }


def empty(channel: Channel) -> dict[str, Any]:
    """The form of a new template."""
    return {
        "name": "",
        "default": "",
        "track_links": False,
        "locales": {each: {} for each in USUAL},
        "channel": channel,
    }


def with_language(typed: dict[str, Any], written: str) -> dict[str, Any]:
    """The form with one more language. Raises Invalid for what is none."""
    locale = clean_locale(written.strip(), "add")
    if len(typed["locales"]) >= MOST_LANGUAGES:
        raise Invalid(f"add: at most {MOST_LANGUAGES}.")
    return {**typed, "locales": {**typed["locales"], locale: typed["locales"].get(locale, {})}}


def locales_of(typed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What was written in each language; those in which nothing was are left out."""
    made: dict[str, dict[str, Any]] = {}
    for locale, given in typed["locales"].items():
        content: dict[str, Any] = {name: text for name, text in given.items() if text.strip()}
        # A key alone is nothing that somebody wrote.
        if not content.keys() - {"opt_out_key", "expires_hours"}:
            continue
        if "variables" in content:
            content["variables"] = _variables(content["variables"], locale)
        if "expires_hours" in content:
            content["expires_hours"] = _hours(content["expires_hours"], locale)
        made[locale] = content
    return made


def changes_of(typed: Mapping[str, Any]) -> dict[str, Any]:
    """The template's fields of a form."""
    locales = locales_of(typed)
    default = typed["default"] if typed["default"] in locales else next(iter(locales), "")
    return {"name": typed["name"], "locales": locales, "default": default, "track_links": typed["track_links"]}


def template_problems(request: web.Request, error: HotlineError) -> dict[str, str]:
    """The refusal under the name of its field in the form: ``body-en``."""
    where = _WHERE.match(error.detail)
    if where is None:
        return problems(request, error)
    bare = Invalid(f"x: {error.detail.partition(': ')[2]}")
    name = {"mjml": "body", "html": "body"}.get(where[2], where[2])
    return {f"{name}-{where[1]}": refusal_words(request, bare)}


def shown(content: Mapping[str, Any]) -> dict[str, str]:
    """The content of one language as the fields of a form."""
    texts = {name: str(value) for name, value in content.items() if not isinstance(value, Mapping)}
    if "variables" in content:
        texts["variables"] = "\n".join(f"{number} = {text}" for number, text in content["variables"].items())
    return texts


def _variables(text: str, locale: str) -> dict[str, str]:
    """``1 = {{ name }}``, a line each."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line.strip():
            number, sign, value = line.partition("=")
            if not sign or not value.strip():
                raise Invalid(f"locales.{locale}.variables: write one on each line: 1 = {{{{ name }}}}")
            found[number.strip()] = value.strip()
    return found


def _hours(text: str, locale: str) -> int:
    if not text.strip().isdecimal():
        raise Invalid(f"locales.{locale}.expires_hours: whole hours, 1 to 8760.")
    return int(text)
