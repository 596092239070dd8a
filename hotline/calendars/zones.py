"""What the wall clock of a time zone shows: the offsets from UTC that hold during a day, and where they change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every time zone that is known by name."""
    return frozenset(available_timezones())


@lru_cache(maxsize=32_768)
def offsets(zone: ZoneInfo, day: date) -> tuple[tuple[datetime, datetime, timedelta], ...]:
    """The day in UTC as stretches of one offset each: (from, until, local time minus UTC), without holes.

    ``zoneinfo`` does not tell when clocks change; the change is found by halving, to the second.
    """
    start = datetime.combine(day, time(), UTC)
    changes = _changes(zone, start, start + _DAY)
    edges = (start, *changes, start + _DAY)
    return tuple((a, b, _offset(zone, a)) for a, b in pairwise(edges) if a < b)


def _changes(zone: ZoneInfo, start: datetime, end: datetime) -> tuple[datetime, ...]:
    """The instants in (start, end] whose offset is not that of the second before."""
    if _offset(zone, start) == _offset(zone, end):
        return ()
    if end - start <= _SECOND:
        return (end,)
    middle = start + timedelta(seconds=int((end - start).total_seconds()) // 2)
    return _changes(zone, start, middle) + _changes(zone, middle, end)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
