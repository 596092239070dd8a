"""What a template says in one language, field by field: cleaned, held against the schema, in the one form in which it
is kept, hashed and filled in.

Kept: of SMS and console ``body``; of WhatsApp ``body``, or ``content_sid`` with ``variables`` (and ``body``, what the
approved template says); of email ``subject``, ``format``, ``body`` as it was written, ``html`` and ``text`` as they are
sent; of calls ``body`` or ``recording``, ``opt_out`` (said first) and ``opt_out_key``; of in-app messages ``title``,
``body``, ``link``, ``expires_hours``. Placeholders stand in them by their whole names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Literal, get_args

from hotline.campaigns import mail_text, markup
from hotline.campaigns.consent import Channel
from hotline.campaigns.fields import known_name
from hotline.campaigns.placeholders import Parts, Placeholder, parse, renamed, source
from hotline.campaigns.render import compile_content
from hotline.conversations.segments import LONGEST_SMS
from hotline.customers.text import many_lines, one_line
from hotline.errors import Invalid

Format = Literal["text", "html", "mjml"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)

LONGEST_SUBJECT: Final = 200
LONGEST_TITLE: Final = 100
LONGEST_INAPP: Final = 2_000
LONGEST_SPOKEN: Final = 2_000
LONGEST_MAIL: Final = 200_000
#: Most variables of a WhatsApp template, and hours that an in-app message is shown.
MOST_VARIABLES: Final = 30
MOST_HOURS: Final = 8_760
USUAL_HOURS: Final = 720
MOST_LOCALES: Final = 20

#: The channel's own fields, and those of old that stand for one of them.
FIELDS: Final[Mapping[Channel, tuple[str, ...]]] = {
    "sms": ("body",),
    "console": ("body",),
    "whatsapp": ("body", "content_sid", "variables"),
    "email": ("subject", "preheader", "format", "body", "text", "mjml", "html"),
    "voice": ("body", "recording", "opt_out", "opt_out_key"),
    "inapp": ("title", "subject", "body", "link", "expires_hours"),
}
#: Beside the content: which language and which arm it is of, a subject where there is none.
_BESIDE: Final = frozenset({"locale", "variant", "subject"})
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,2}")
_CONTENT_SID: Final = re.compile(r"HX[0-9a-fA-F]{32}")
_VARIABLE: Final = re.compile(r"[A-Za-z0-9_]{1,32}")
_KEY: Final = re.compile(r"[0-9*#]")
_LINK: Final = re.compile(r"(?:https://[^\s/?#@]+|/(?!/))\S*")
_MJML: Final = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<mjml[\s>]", re.DOTALL | re.IGNORECASE)
_HTML: Final = re.compile(
    r"\s*(?:<!--.*?-->\s*)*<(?:!doctype|html|head|body|div|table|p|h[1-6]|center|a|span|ul|ol|section|article|br)\b",
    re.DOTALL | re.IGNORECASE,
)
_OPT_OUT: Final = {
    "en": "To stop these calls, press {key}.",
    "zh": "如不想再接到此类电话，请按{key}。",
    "de": "Wenn Sie keine solchen Anrufe mehr möchten, drücken Sie die {key}.",
    "fr": "Pour ne plus recevoir ces appels, appuyez sur {key}.",
    "es": "Para dejar de recibir estas llamadas, pulse {key}.",
}
USUAL_KEY: Final = "9"

#: Makes HTML of MJML, and the text part of HTML; both raise Invalid.
MakeHtml = Callable[[str], str]
MakeText = Callable[[str], str]


def clean_locale(text: str, place: str) -> str:
    """A language as it is kept: en, zh-CN. Raises Invalid."""
    if not _LOCALE.fullmatch(text):
        raise Invalid(f"{place}: a language such as en or zh-CN.")
    language, *rest = text.replace("_", "-").split("-")
    return "-".join([language.lower(), *(each.upper() if len(each) == 2 else each.title() for each in rest)])


def clean(
    channel: Channel,
    given: Mapping[str, Any],
    locale: str,
    custom: Collection[str],
    place: str,
    to_html: MakeHtml,
    to_text: MakeText,
) -> dict[str, Any]:
    """The content of one language as it is kept; ``custom`` are the keys of customers' own fields. Raises Invalid,
    which names the field under ``place``."""
    filled = {name: value for name, value in given.items() if value not in (None, "", {}, [])}
    if strange := filled.keys() - {*FIELDS[channel], *_BESIDE}:
        raise Invalid(f"{place}.{min(strange)}: a message of {channel} has no such field.")
    cleaner = _Cleaner(filled, locale, custom, place)
    match channel:
        case "whatsapp":
            kept = cleaner.whatsapp()
        case "email":
            kept = cleaner.mail(to_html, to_text)
        case "voice":
            kept = cleaner.voice()
        case "inapp":
            kept = cleaner.inapp()
        case _:
            kept = {"body": cleaner.lines("body", LONGEST_SMS, needed=True)}
    try:
        compile_content(channel, kept, locale)
    except Invalid as error:
        raise Invalid(f"{place}.{error.detail}") from None
    return kept


class _Cleaner:
    def __init__(self, given: Mapping[str, Any], locale: str, custom: Collection[str], place: str) -> None:
        self._given = given
        self._locale = locale
        self._custom = custom
        self._place = place

    def lines(self, name: str, longest: int, *, needed: bool = False) -> str:
        text = many_lines(self._text(name), f"{self._place}.{name}", longest, needed=needed)
        return source(self._known(name, text))

    def line(self, name: str, longest: int, *, needed: bool = False) -> str:
        text = one_line(self._text(name), f"{self._place}.{name}", longest, needed=needed)
        return source(self._known(name, text))

    def whatsapp(self) -> dict[str, Any]:
        sid = self._text("content_sid").strip()
        if not sid:
            if self._given.get("variables"):
                raise self._wrong("variables", "only an approved template, with its content_sid, has variables.")
            return {"body": self.lines("body", LONGEST_SMS, needed=True)}
        if not _CONTENT_SID.fullmatch(sid):
            raise self._wrong("content_sid", "an approved template's id, HX and 32 letters and digits.")
        given = self._given.get("variables", {})
        if not isinstance(given, Mapping) or len(given) > MOST_VARIABLES:
            raise self._wrong("variables", f"an object of at most {MOST_VARIABLES} variables.")
        variables: dict[str, str] = {}
        for number, text in given.items():
            if not _VARIABLE.fullmatch(str(number)) or not isinstance(text, str):
                raise self._wrong("variables", 'each a number and a text: {"1": "{{ name }}"}.')
            name = f"variables.{number}"
            variables[str(number)] = source(
                self._known(name, one_line(text, f"{self._place}.{name}", LONGEST_SUBJECT, needed=True))
            )
        kept: dict[str, Any] = {"content_sid": sid, "variables": variables}
        if body := many_lines(self._text("body"), f"{self._place}.body", LONGEST_SMS):
            parts = parse(body, f"{self._place}.body", numbered=True)
            for part in parts:
                if isinstance(part, Placeholder) and part.name not in variables:
                    raise self._wrong("body", f"there is no variable {part.name}.")
            kept["body"] = source(parts)
        return kept

    def mail(self, to_html: MakeHtml, to_text: MakeText) -> dict[str, Any]:
        name, written = self._mail_source()
        form = self._format(name, written)
        parts = self._known(name, written, markup=form != "text")
        subject = self.line("subject", LONGEST_SUBJECT, needed=True)
        preheader = self.line("preheader", LONGEST_SUBJECT)
        kept: dict[str, Any] = {"subject": subject, "format": form, "body": source(parts)}
        try:
            if form == "mjml":
                html = mail_text.through(parts, to_html).replace('lang="und"', f'lang="{self._locale}"')
            elif form == "html":
                html = source(parts)
            else:
                html = mail_text.page(parts, self._locale, parse(subject, "subject"))
            if preheader:
                kept["preheader"] = preheader
                html = mail_text.with_preheader(html, parse(preheader, "preheader"))
            markup.read(parse(html, name, markup=True), name)
            text = self.lines("text", LONGEST_MAIL)
            if not text and form == "text":
                text = source(parts)
            elif not text:
                text = mail_text.through(parse(html, name, markup=True), to_text)
        except Invalid as error:
            raise self._under(name, error) from None
        if not text.strip():
            raise self._wrong(name, "there is nothing to read in it.")
        own = {"own_text": True} if self._text("text").strip() else {}
        return {**kept, "html": html, "text": text, **own}

    def voice(self) -> dict[str, Any]:
        key = self._text("opt_out_key").strip() or USUAL_KEY
        if not _KEY.fullmatch(key):
            raise self._wrong("opt_out_key", "one key: 0 to 9, * or #.")
        language = self._locale.partition("-")[0]
        opt_out = self.line("opt_out", LONGEST_SUBJECT) or _OPT_OUT.get(language, _OPT_OUT["en"]).format(key=key)
        if key not in opt_out:
            raise self._wrong("opt_out", f"it must name the key, {key}.")
        kept: dict[str, Any] = {"opt_out": opt_out, "opt_out_key": key}
        recording = one_line(self._text("recording"), f"{self._place}.recording", LONGEST_TITLE)
        body = self.lines("body", LONGEST_SPOKEN, needed=not recording)
        if recording and body:
            raise self._wrong("recording", "either a text or a recording.")
        return {**kept, "recording": recording} if recording else {**kept, "body": body}

    def inapp(self) -> dict[str, Any]:
        title = self.line("title", LONGEST_TITLE) or self.line("subject", LONGEST_TITLE)
        if not title:
            raise self._wrong("title", "something must stand here.")
        kept: dict[str, Any] = {"title": title, "body": self.lines("body", LONGEST_INAPP, needed=True)}
        if link := self.line("link", 2_000):
            if not _LINK.fullmatch(link.partition("{{")[0]):
                raise self._wrong("link", "an address that begins with https:// or with /.")
            kept["link"] = link
        hours = self._given.get("expires_hours", USUAL_HOURS)
        if isinstance(hours, bool) or not isinstance(hours, int) or not 1 <= hours <= MOST_HOURS:
            raise self._wrong("expires_hours", f"whole hours, 1 to {MOST_HOURS}.")
        return {**kept, "expires_hours": hours}

    def _mail_source(self) -> tuple[str, str]:
        given = [name for name in ("mjml", "html", "body") if self._text(name).strip()]
        if len(given) > 1:
            raise self._wrong(given[0], "write the mail once: as body, as mjml, or as html.")
        name = given[0] if given else "body"
        return name, many_lines(self._text(name), f"{self._place}.{name}", LONGEST_MAIL, needed=True)

    def _format(self, name: str, written: str) -> Format:
        if name != "body":
            return "mjml" if name == "mjml" else "html"
        asked = self._text("format")
        for known in FORMATS:
            if asked == known:
                return known
        if asked:
            raise self._wrong("format", f"one of {', '.join(FORMATS)}.")
        return "mjml" if _MJML.match(written) else "html" if _HTML.match(written) else "text"

    def _text(self, name: str) -> str:
        value = self._given.get(name, "")
        if not isinstance(value, str):
            raise self._wrong(name, "a text.")
        return value

    def _known(self, name: str, text: str, *, markup: bool = False) -> Parts:
        place = f"{self._place}.{name}"
        return renamed(parse(text, place, markup=markup), lambda written: known_name(written, self._custom, place))

    def _under(self, name: str, error: Invalid) -> Invalid:
        detail = error.detail.removeprefix(f"{name}: ")
        return error if detail.startswith(f"{self._place}.") else self._wrong(name, detail)

    def _wrong(self, name: str, detail: str) -> Invalid:
        return Invalid(f"{self._place}.{name}: {detail}")


def as_written(channel: Channel, kept: Mapping[str, Any]) -> dict[str, Any]:
    """The content of one language as its author gave it: what is made of it left out."""
    made = {"own_text"} if channel == "email" else set()
    if channel == "email":
        made |= {"html"} if kept.get("own_text") else {"html", "text"}
    return {name: value for name, value in kept.items() if name not in made}


def whole(
    channel: Channel, locales: Mapping[str, Mapping[str, Any]], default: str, *, track_links: bool
) -> dict[str, Any]:
    """A version's content, all of its languages. Raises Invalid."""
    if not locales:
        raise Invalid("locales: write it in one language at least.")
    if len(locales) > MOST_LOCALES:
        raise Invalid(f"locales: at most {MOST_LOCALES}.")
    if default not in locales:
        raise Invalid("default: one of the languages that it is written in.")
    return {
        "default": default,
        "track_links": track_links and channel != "voice",
        "locales": {locale: dict(each) for locale, each in sorted(locales.items())},
    }
