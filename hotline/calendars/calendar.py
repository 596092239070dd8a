"""One business calendar: when it is open, and how much business time lies between two instants.

The rule, from which everything else follows: a calendar is open whenever the wall clock of its zone shows a time
inside an opening. Where clocks go forward the missing hour is simply never shown; where they go back an hour is shown
twice and counts twice. Business time is therefore always real, elapsed time. An opening belongs to the day on which it
begins: a night shift that begins before a holiday goes on into it, and one that would begin on it does not.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hotline.calendars.holidays import Holidays
from hotline.calendars.hours import DAY_MINUTES, WEEKDAYS, Opening
from hotline.calendars.zones import offsets

#: How far it is looked for business time: what is not reached by then is never reached.
HORIZON: Final = timedelta(days=5 * 366)

_DAY: Final = timedelta(days=1)
_MOST_DAYS: Final = 8_192
_EARLIEST: Final = datetime(1970, 1, 3, tzinfo=UTC)
_LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Day:
    """One date of the calendar: its openings and why they are these. ``reason`` is an exception's own text or the
    holiday's name; ``why``: week, holiday, exception or makes_up (a weekend day worked for another day)."""

    date: date
    openings: tuple[Opening, ...]
    why: str
    reason: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """``hours`` are the openings of the week, Monday first. ``exceptions`` replace whole dates: no openings, closed.

    With ``make_up`` the weekend days that a country works in place of others have the hours of the first day of the
    week that has any.
    """

    name: str
    zone: ZoneInfo
    hours: tuple[tuple[Opening, ...], ...]
    holidays: Holidays | None = None
    make_up: bool = False
    exceptions: Mapping[date, tuple[tuple[Opening, ...], str]] = field(default_factory=dict)
    _days: dict[date, tuple[tuple[datetime, datetime], ...]] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.hours) != len(WEEKDAYS):
            raise ValueError("a week has seven days")

    @property
    def ever_open(self) -> bool:
        """Whether the week has any hours at all. Exceptions alone end some day, and are no hours to promise by."""
        return any(self.hours)

    def day(self, on: date, language: str = "en") -> Day:
        """The openings of a date and why they are these."""
        if (exception := self.exceptions.get(on)) is not None:
            return Day(on, exception[0], "exception", exception[1])
        usual = self.hours[on.weekday()]
        if self.holidays is not None:
            if (name := self.holidays.name(on, language)) is not None:
                return Day(on, (), "holiday", name)
            if self.make_up and not usual and self.holidays.makes_up(on):
                return Day(on, next((hours for hours in self.hours if hours), ()), "makes_up", "")
        return Day(on, usual, "week", "")

    def holiday(self, on: date, language: str = "en") -> str | None:
        """The name of the public holiday on a date; None when it is none, or an exception says otherwise."""
        day = self.day(on, language)
        return day.reason if day.why == "holiday" else None

    def special_days(self, year: int, language: str = "en") -> list[Day]:
        """The dates of a year that are not as their weekday says."""
        first = date(year, 1, 1)
        days = (self.day(first + timedelta(days=at), language) for at in range(366 if isleap(year) else 365))
        return [day for day in days if day.why != "week"]

    def is_open(self, now: datetime) -> bool:
        """Whether ``now`` is business time."""
        now = _utc(now)
        return any(start <= now < end for start, end in self._spans(now.date()))

    def next_open(self, now: datetime) -> datetime | None:
        """``now`` while it is open, else when it opens; None when that is beyond the horizon."""
        now = _utc(now)
        for start, _ in self._following(now):
            return start
        return None

    def next_close(self, now: datetime) -> datetime | None:
        """``now`` while it is closed, else when it closes; None when that is beyond the horizon."""
        now = _utc(now)
        last = now
        for start, end in self._following(now):
            if start > last:
                return last
            last = end
        return None if last > now else now

    def business_time(self, start: datetime, end: datetime) -> timedelta:
        """Elapsed business time between two instants; nothing when ``end`` is not after ``start``."""
        start, end = _utc(start), _utc(end)
        total = timedelta()
        day = start.date()
        while start < end and day <= end.date():
            for opens, closes in self._spans(day):
                overlap = min(closes, end) - max(opens, start)
                if overlap > timedelta():
                    total += overlap
            day += _DAY
        return total

    def add_business_time(self, start: datetime, amount: timedelta) -> datetime | None:
        """The first instant at which ``amount`` of business time has passed since ``start``, which itself is the answer
        for nothing; None when that is beyond the horizon, as with a calendar that never opens."""
        start = _utc(start)
        if amount <= timedelta():
            return start
        for opens, closes in self._following(start):
            if closes - opens >= amount:
                return opens + amount
            amount -= closes - opens
        return None

    def _following(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Spans of business time from ``start`` to the horizon; long ones come in pieces that touch."""
        last = (start + HORIZON).date()
        day = start.date()
        while day <= last:
            for opens, closes in self._spans(day):
                if closes > start:
                    yield max(opens, start), closes
            day += _DAY

    def _spans(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """Business time within one day of UTC, in order and apart from each other."""
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= _MOST_DAYS:
                self._days.clear()
            found = self._days[day] = tuple(self._computed(day))
        return found

    def _computed(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        for start, end, offset in offsets(self.zone, day):
            # Within one offset the wall clock runs evenly: shift the zone's openings, cut them to the stretch.
            first, last = (start + offset).date(), (end + offset).date()
            while first <= last:
                midnight = datetime.combine(first, time(), UTC) - offset
                for opens, closes in self._minutes(first):
                    a = max(start, midnight + timedelta(minutes=opens))
                    b = min(end, midnight + timedelta(minutes=closes))
                    if a < b:
                        yield a, b
                first += _DAY

    def _minutes(self, on: date) -> list[tuple[int, int]]:
        """When the wall clock of a date shows business time: its own openings and what is left of the day before."""
        before = [
            (0, opening.end - DAY_MINUTES) for opening in self.day(on - _DAY).openings if opening.end > DAY_MINUTES
        ]
        own = [(opening.start, min(opening.end, DAY_MINUTES)) for opening in self.day(on).openings]
        merged: list[tuple[int, int]] = []
        for opens, closes in sorted(before + own):
            if merged and opens <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], closes))
            else:
                merged.append((opens, closes))
        return merged


def _utc(at: datetime) -> datetime:
    """In UTC, where adding is adding; and within the years that calendars exist for."""
    return min(max(at.astimezone(UTC), _EARLIEST), _LATEST)
