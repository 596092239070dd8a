"""When a message may reach a person without disturbing them, on their own wall clock.

The zone is the recipient's, told by their number; where it may be one of several, a message leaves only while it is
open in all of them. Hours by country: 47 CFR 64.1200(c)(1) for the United States (08:00–21:00), common carrier rules in
China (08:00–22:00); elsewhere as in the United States. States with stricter hours: ``regions``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone

from hotline.campaigns import regions as known_regions

#: Opens, closes; by ISO 3166 country.
HOURS: Final[Mapping[str, tuple[time, time]]] = {"US": (time(8), time(21)), "CN": (time(8), time(22))}
ELSEWHERE: Final = (time(8), time(21))
#: Channels that disturb, whose marketing keeps the hours unless a campaign says otherwise.
DISTURBING: Final = frozenset({"sms", "whatsapp", "voice"})

#: Within so many days there is an opening, or there is none: daylight saving changes twice a year, weeks are alike.
_HORIZON: Final = timedelta(days=8)
_DAY: Final = timedelta(days=1)
_DAYS: Final = 9
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
class Hours:
    """Open from ``opens`` until just before ``closes`` of the same day; in ``regions`` only while it is open there."""

    opens: time
    closes: time
    regions: tuple[str, ...] = ()

    def on(self, weekday: int) -> tuple[time, time] | None:
        """From when until when it is open on a weekday, Monday being 0; None: not at all."""
        opens, closes = self.opens, self.closes
        for theirs in known_regions.hours_on(self.regions, weekday):
            if theirs is None:
                return None
            opens, closes = max(opens, theirs[0]), min(closes, theirs[1])
        return (opens, closes) if opens < closes else None

    def open_at(self, local: datetime) -> bool:
        """Whether it is open when a clock shows this."""
        today = self.on(local.weekday())
        return today is not None and today[0] <= local.time() < today[1]

    def narrowed(self, other: Hours) -> Hours | None:
        """Open in both; None: never."""
        opens, closes = max(self.opens, other.opens), min(self.closes, other.closes)
        regions = tuple(dict.fromkeys((*self.regions, *other.regions)))
        return Hours(opens, closes, regions) if opens < closes else None


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


def hours_of(country: str | None, own: tuple[str, str] | None = None, regions: tuple[str, ...] = ()) -> Hours | None:
    """When messages may reach people in a country, and in ``regions`` of it; ``own`` (``"10:00", "18:00"``) narrows it.
    None: never."""
    hours = Hours(*HOURS.get(country or "", ELSEWHERE), regions)
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
        today = hours.on(day.weekday())
        if today is None:
            continue
        opening = [datetime.combine(day, today[0], zone).replace(fold=fold).astimezone(now.tzinfo) for fold in (0, 1)]
        if found := [each for each in opening if each > now and is_open(hours, (name,), each)]:
            return min(found)
    return None


def _closing(text: str) -> time:
    """24:00 as the last moment that a clock shows."""
    return time.max if text == "24:00" else time.fromisoformat(text)


@lru_cache(maxsize=1_024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
