"""Public holidays by country and subdivision, from the ``holidays`` package, and the working days that make up for
some of them (China moves bridge days to a Saturday or Sunday)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

import holidays

from hotline.errors import Invalid

#: Years that holidays are told for; beyond them none is known, and calendars are plain weeks.
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2099

#: Language of ours → the package's names of it, the better first.
_LANGUAGES: Final[Mapping[str, tuple[str, ...]]] = {"en": ("en_US", "en_GB", "en_CA"), "zh": ("zh_CN", "zh_TW")}


@dataclass(frozen=True, slots=True)
class Holidays:
    """Whose holidays. No ``categories``: those that everybody has. Holidays that fall on a weekend are observed on the
    day that the country's law names. Raises Invalid for what the package does not know."""

    country: str
    subdivision: str | None = None
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.country not in countries():
            raise Invalid(f"country: no holidays are known for {self.country[:20]!r}. Write two letters, like CN.")
        if self.subdivision is not None and self.subdivision not in subdivisions(self.country):
            raise Invalid(f"subdivision: {self.country} has no {self.subdivision[:20]!r}.")
        known = categories(self.country)
        if unknown := [name for name in self.categories if name not in known]:
            raise Invalid(f"categories: {self.country} has {', '.join(known)}, not {unknown[0][:20]!r}.")

    def name(self, day: date, language: str = "en") -> str | None:
        """What the holiday on ``day`` is called in the nearest language to ``language``, None when it is none."""
        return self.year(day.year, language).get(day)

    def year(self, year: int, language: str = "en") -> Mapping[date, str]:
        """The holidays of a year by their names."""
        return _year(self, year, language)[0]

    def makes_up(self, day: date) -> bool:
        """Whether ``day``, on a weekend, is worked in place of another day."""
        return day in _year(self, day.year, "en")[1]


@lru_cache(maxsize=1)
def countries() -> Mapping[str, tuple[str, ...]]:
    """Countries that have holidays, as two letters (ISO 3166), with their subdivisions."""
    found = holidays.list_supported_countries(include_aliases=False)
    return {code: tuple(parts) for code, parts in sorted(found.items()) if len(code) == 2}


def subdivisions(country: str) -> tuple[str, ...]:
    """The parts of a country that have holidays of their own."""
    return countries().get(country, ())


def subdivision_names(country: str) -> Mapping[str, str]:
    """The parts of a country by their names, as far as these are known; else the code."""
    aliases = holidays.country_holidays(country).get_subdivision_aliases()
    return {code: next(iter(aliases.get(code, ())), code) for code in subdivisions(country)}


@lru_cache(maxsize=512)
def categories(country: str) -> tuple[str, ...]:
    """Kinds of holidays of a country: public, bank, half_day …"""
    return tuple(sorted(holidays.country_holidays(country).supported_categories))


@lru_cache(maxsize=2_048)
def _year(which: Holidays, year: int, language: str) -> tuple[Mapping[date, str], frozenset[date]]:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return {}, frozenset()
    told = holidays.country_holidays(
        which.country,
        subdiv=which.subdivision,
        years=year,
        expand=False,
        observed=True,
        categories=which.categories or None,
        language=_language(which.country, language),
    )
    # Without names of its own the package asks the machine's locale; the calendar must not depend on it.
    days = {day: name for day, name in told.items() if day.year == year}
    return days, frozenset(day for day in told.weekend_workdays if day.year == year) - days.keys()


@lru_cache(maxsize=1_024)
def _language(country: str, language: str) -> str | None:
    told = holidays.country_holidays(country)
    for name in (*_LANGUAGES.get(language, ()), *_LANGUAGES["en"]):
        if name in told.supported_languages:
            return name
    return told.default_language
