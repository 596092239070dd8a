"""When a message may reach a person without disturbing them, on their own wall clock.

The zone is the recipient's, told by their number; where it may be one of several, a message leaves only while it is
open in all of them. Hours by country: 47 CFR 64.1200(c)(1) for the United States (08:00–21:00), common carrier rules in
China (08:00–22:00); elsewhere as in the United States. States with stricter hours: ``regions``. What a customer said
themselves goes before their number: their zone, and the times of the week at which they like to be reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone

from hotline.calendars import Holidays
from hotline.calendars.holidays import countries
from hotline.calendars.zones import zone_names
from hotline.campaigns import regions as known_regions

#: Opens, closes; by ISO 3166 country.
HOURS: Final[Mapping[str, tuple[time, time]]] = {"US": (time(8), time(21)), "CN": (time(8), time(22))}
ELSEWHERE: Final = (time(8), time(21))
#: Channels that disturb, whose marketing keeps the hours unless a campaign says otherwise.
DISTURBING: Final = frozenset({"sms", "whatsapp", "voice"})

#: Within so many days there is an opening, or there is none: weeks are alike but for a change of the clocks and a few
#: holidays, and no message waits for longer.
_DAYS: Final = 31
_HORIZON: Final = timedelta(days=_DAYS - 1)
_DAY: Final = timedelta(days=1)
#: libphonenumber's name for a number whose place it does not know.
_UNKNOWN: Final = "Etc/Unknown"
_LONGEST_COUNTRY_CODE: Final = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a recipient may be: every possible zone, the country whose hours hold, None where it is not known, and its
    states whose own hours hold besides."""

    zones: tuple[str, ...]
    country: str | None = None
    regions: tuple[str, ...] = ()

    def within(self, *regions: str) -> Place:
        """The same, in these states too."""
        return replace(self, regions=tuple(dict.fromkeys((*self.regions, *regions))))


NOWHERE: Final = Place(())


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a customer said themselves: the zone in which they are, and when they like to be reached.

    ``times``: on which weekdays, Monday being 0, from when until when; none: at any time.
    """

    zone: str | None = None
    times: tuple[tuple[frozenset[int], time, time], ...] = ()


NONE: Final = Wishes()


def wishes_of(preferences: Mapping[str, Any] | None) -> Wishes:
    """The wishes that a customer's preferences hold. A zone that is known no more (zones are renamed) is none."""
    if not preferences:
        return NONE
    zone = preferences.get("timezone")
    return Wishes(
        zone if zone is not None and zone in zone_names() else None,
        tuple(
            (frozenset(day - 1 for day in span["days"]), time.fromisoformat(span["from"]), _closing(span["to"]))
            for span in preferences.get("times") or ()
        ),
    )


@dataclass(frozen=True, slots=True)
class Hours:
    """Open from ``opens`` until just before ``closes`` of the same day; in ``regions`` only while it is open there too,
    only at the times of ``wishes``, and on none of the ``holidays``."""

    opens: time
    closes: time
    regions: tuple[str, ...] = ()
    wishes: Wishes = NONE
    holidays: Holidays | None = None

    def on(self, day: date) -> list[tuple[time, time]]:
        """From when until when it is open on a day; nothing: not at all."""
        opens, closes = self.opens, self.closes
        if self.holidays is not None and self.holidays.name(day) is not None:
            return []
        for theirs in known_regions.hours_on(self.regions, day):
            if theirs is None:
                return []
            opens, closes = max(opens, theirs[0]), min(closes, theirs[1])
        spans = [(opens, closes)]
        if self.wishes.times:
            weekday = day.weekday()
            spans = [(max(opens, start), min(closes, end)) for days, start, end in self.wishes.times if weekday in days]
        return sorted(span for span in spans if span[0] < span[1])

    def open_at(self, local: datetime) -> bool:
        """Whether it is open when a clock shows this."""
        return any(opens <= local.time() < closes for opens, closes in self.on(local.date()))

    def narrowed(self, other: Hours) -> Hours | None:
        """Open in both, with the wishes of this one; None: never."""
        opens, closes = max(self.opens, other.opens), min(self.closes, other.closes)
        regions = tuple(dict.fromkeys((*self.regions, *other.regions)))
        return Hours(opens, closes, regions, self.wishes, self.holidays) if opens < closes else None


@lru_cache(maxsize=65_536)
def place_of_number(number: str) -> Place:
    """Where a number in E.164 may be. A mobile number tells its country's zones, an area code those of the area; a
    number that fits no plan, all of its country code. No zones where even that is not known."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return NOWHERE
    zones = timezone.time_zones_for_number(parsed)
    if _UNKNOWN in zones:
        # By the country code alone, since the rest is in no plan.
        zones = timezone.time_zones_for_geographical_number(parsed)
    country = phonenumbers.region_code_for_number(parsed)
    if country is None and parsed.country_code is not None:
        country = phonenumbers.region_code_for_country_code(parsed.country_code)
    region = known_regions.of_number(number)
    return Place(
        tuple(sorted(zone for zone in zones if zone != _UNKNOWN)),
        country if country and country.isalpha() and country != "ZZ" else None,
        () if region is None else (region,),
    )


def hours_of(
    country: str | None,
    own: tuple[str, str] | None = None,
    regions: tuple[str, ...] = (),
    wishes: Wishes = NONE,
    *,
    holidays: bool = False,
) -> Hours | None:
    """When messages may reach people in a country, and in ``regions`` of it; ``own`` (``"10:00", "18:00"``), their
    ``wishes`` and, with ``holidays``, the country's public holidays narrow it. None: never."""
    closed = _holidays(country) if holidays and country is not None else None
    hours = Hours(*HOURS.get(country or "", ELSEWHERE), regions, wishes, closed)
    if own is None:
        return hours
    return hours.narrowed(Hours(time.fromisoformat(own[0]), _closing(own[1])))


def is_open(hours: Hours, zones: Iterable[str], now: datetime) -> bool:
    """Whether it is open at ``now`` in every one of the zones."""
    return all(hours.open_at(now.astimezone(_zone(name))) for name in zones)


def opens_at(hours: Hours, zones: tuple[str, ...], now: datetime) -> datetime | None:
    """The first instant from ``now`` on at which it is open in every zone; None when their hours never meet."""
    moment = now
    while moment - now <= _HORIZON:
        openings = [_opening(hours, name, moment) for name in zones]
        if None in openings:
            return None
        later = max((each for each in openings if each is not None), default=moment)
        if later == moment:
            return moment
        moment = later
    return None


def _opening(hours: Hours, name: str, now: datetime) -> datetime | None:
    """The first instant from ``now`` on at which one zone is open; None: it never is. Clocks that go forward may skip
    the hour, clocks that go back show it twice."""
    zone = _zone(name)
    local = now.astimezone(zone)
    if hours.open_at(local):
        return now
    for later in range(_DAYS):
        day = local.date() + later * _DAY
        found = [
            each
            for opens, _ in hours.on(day)
            for fold in (0, 1)
            if (each := datetime.combine(day, opens, zone).replace(fold=fold).astimezone(now.tzinfo)) > now
            and is_open(hours, (name,), each)
        ]
        if found:
            return min(found)
    return None


def _closing(text: str) -> time:
    """24:00 as the last moment that a clock shows."""
    return time.max if text == "24:00" else time.fromisoformat(text)


@lru_cache(maxsize=512)
def _holidays(country: str) -> Holidays | None:
    """Those of a country; None where none are known."""
    return Holidays(country) if country in countries() else None


@lru_cache(maxsize=1_024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
