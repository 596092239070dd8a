"""English and Chinese: catalogues, the language of a request, and how times and counts are written in it.

English is the source language. The Chinese catalogue is ``locale/zh/LC_MESSAGES/hotline.po``, read as it is; there
is no compiled copy that could be stale. ``locale/update.py`` extracts, a test finds what is not translated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from aiohttp import web
from babel import Locale, dates, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from hotline.web.context import SIGNED, house_of

CATALOGUES: Final = Path(__file__).parent.parent / "locale"
#: Language → the tag that pages carry (BCP 47).
LANGUAGES: Final[Mapping[str, str]] = {"en": "en", "zh": "zh-CN"}

#: The language of the page's own, for who opens it by a link.
LANGUAGE: Final = web.RequestKey("language", str)
LANGUAGE_COOKIE: Final = "hl_language"
ZONE_COOKIE: Final = "hl_zone"


@dataclass(frozen=True, slots=True)
class Words:
    """One language. ``script`` holds the messages of the page's scripts: msgid → text, or its plural forms."""

    language: str
    tag: str
    translations: NullTranslations
    script: Mapping[str, str | list[str]]

    def gettext(self, message: str) -> str:
        """The message in this language."""
        return str(self.translations.gettext(message))

    def ngettext(self, one: str, many: str, count: int) -> str:
        """The message for a count in this language."""
        return str(self.translations.ngettext(one, many, count))


@cache
def words(language: str) -> Words:
    """The catalogue of a language, read once."""
    path = CATALOGUES / language / "LC_MESSAGES" / "hotline.po"
    if not path.is_file():
        return Words(language, LANGUAGES[language], NullTranslations(), {})
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    script: dict[str, str | list[str]] = {}
    for message in catalogue:
        if message.id and any(name.endswith(".js") for name, _ in message.locations):
            if isinstance(message.id, (list, tuple)):
                script[message.id[0]] = list(message.string or ())
            else:
                script[str(message.id)] = str(message.string)
    return Words(language, LANGUAGES[language], Translations(compiled), script)


def language_of(request: web.Request) -> str:
    """The signed-in user's language; before sign-in the browser's choice, what it accepts, the installation's."""
    if (own := request.get(LANGUAGE)) is not None:
        return str(own)
    signed = request.get(SIGNED)
    if signed is not None and signed.viewer.locale in LANGUAGES:
        return str(signed.viewer.locale)
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return str(chosen)
    accepted = [
        part.partition(";")[0].strip().replace("-", "_")
        for part in request.headers.get("Accept-Language", "").split(",")[:10]
    ]
    found = negotiate_locale([*accepted, *(name.partition("_")[0] for name in accepted)], list(LANGUAGES))
    return str(found) if found else house_of(request).settings.locale


def zone_of(request: web.Request) -> tzinfo:
    """The browser's time zone as its pages told it, else the installation's."""
    name = request.cookies.get(ZONE_COOKIE, "")
    return _zone(name) or house_of(request).settings.timezone


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> ZoneInfo | None:
    return ZoneInfo(name) if name in _zones() else None


#: The company's own ways to write a day.
_DATES: Final[Mapping[str, str]] = {
    "year_first": "yyyy-MM-dd",
    "day_first": "dd.MM.yyyy",
    "month_first": "MM/dd/yyyy",
}


@dataclass(frozen=True, slots=True)
class Calendar:
    """Times as a person in ``zone`` writes them in ``language``; ``now`` decides what is today; ``clock`` is theirs,
    ``dates`` the company's."""

    language: str
    zone: tzinfo
    now: datetime
    clock: Literal["24", "12"] = "24"
    dates: Literal["language", "year_first", "day_first", "month_first"] = "language"

    @property
    def _locale(self) -> Locale:
        return Locale("zh") if self.language == "zh" else Locale("en", "GB")

    def time(self, at: datetime) -> str:
        """10:31, or 10:31 am"""
        pattern = "HH:mm" if self.clock == "24" else "ah:mm" if self.language == "zh" else "h:mm a"
        return str(dates.format_datetime(at.astimezone(self.zone), pattern, locale=self._locale))

    def day(self, at: datetime) -> str:
        """2 October, with the year when it is another."""
        local, today = at.astimezone(self.zone), self.now.astimezone(self.zone)
        if self.dates in _DATES:
            pattern = _DATES[self.dates]
        elif self.language == "zh":
            pattern = "M月d日" if local.year == today.year else "y年M月d日"
        else:
            pattern = "d MMMM" if local.year == today.year else "d MMMM y"
        return dates.format_datetime(local, pattern, locale=self._locale)

    def days_ago(self, at: datetime) -> int:
        """0 today, 1 yesterday, by the calendar of the zone."""
        return (self.now.astimezone(self.zone).date() - at.astimezone(self.zone).date()).days

    def moment(self, at: datetime) -> str:
        """2 Oct 10:31"""
        local, today = at.astimezone(self.zone), self.now.astimezone(self.zone)
        if local.date() == today.date():
            return self.time(at)
        if self.dates in _DATES:
            pattern = _DATES[self.dates]
        elif self.language == "zh":
            pattern = "M月d日" if local.year == today.year else "y年M月d日"
        else:
            pattern = "d MMM" if local.year == today.year else "d MMM y"
        return f"{dates.format_datetime(local, pattern, locale=self._locale)} {self.time(at)}"

    def month(self, at: datetime) -> str:
        """March 2018"""
        local = at.astimezone(self.zone)
        return dates.format_datetime(local, "y年M月" if self.language == "zh" else "MMMM y", locale=self._locale)

    def zone_name(self) -> str:
        """Asia/Shanghai"""
        return str(self.zone)


def country_name(language: str, code: str | None) -> str:
    """A country's name; the code itself where there is none."""
    if not code:
        return ""
    names: Mapping[str, Any] = Locale(language).territories
    return str(names.get(code.upper(), code))
