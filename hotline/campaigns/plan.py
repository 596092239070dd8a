"""When what a schedule says comes true: the instants of a campaign, the days of a recurring one, when each recipient's
message is due, and when it is too late.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hotline.calendars import WEEKDAYS
from hotline.campaigns.schedule import SECONDS, AnySchedule, At, Drip, LocalTime, Now, Recurring, Triggered

#: Clocks of the world are at most so far from UTC: the first to see a day's morning, and the last.
EAST: Final = timedelta(hours=14)
WEST: Final = timedelta(hours=-12)
#: A campaign that was started and then found nobody to run it begins by itself within so long.
STARTED_LATE: Final = timedelta(minutes=60)

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Planned:
    """One time that a campaign runs: its number, and when. ``number`` is 0 for a campaign that runs once, else the day
    as ``date.toordinal`` counts, so that a changed schedule cannot give a number to two days."""

    number: int
    at: datetime


def begins(schedule: AnySchedule, approved_at: datetime) -> datetime:
    """When a campaign begins by itself; ``approved_at`` for one that begins when it is started or that waits for
    something to happen. For recipients' local time it is when the first clock of the world shows it."""
    match schedule:
        case At():
            return schedule.at
        case LocalTime():
            return everywhere(schedule.day, schedule.time)[0]
        case Recurring():
            first = next(_days(schedule), None)
            return approved_at if first is None else instant(first, schedule.time, schedule.zone)
        case Now() | Triggered():
            return approved_at


def too_late(schedule: AnySchedule, planned: datetime, now: datetime) -> bool:
    """Whether a run that should have begun at ``planned`` may not begin by itself any more."""
    match schedule:
        case At() | Recurring():
            return now - planned > timedelta(minutes=schedule.late_minutes)
        case LocalTime():
            last = everywhere(schedule.day, schedule.time)[1]
            return now - last > timedelta(minutes=schedule.late_minutes)
        case Now():
            return now - planned > STARTED_LATE
        case Triggered():
            return False


def instant(day: date, at: str, zone: ZoneInfo) -> datetime:
    """When a clock of the zone shows a time on a day, in UTC. A time that is skipped in spring is as much later; of a
    time that comes twice in autumn it is the first."""
    return datetime.combine(day, time.fromisoformat(at), zone).astimezone(UTC)


def local_due(day: date, at: str, zones: Sequence[str], zone: ZoneInfo) -> datetime:
    """When it is the time of a day for a recipient. In several possible zones: when it has come in all of them.
    ``zone`` is where somebody is taken to be of whom nothing is known."""
    return max((instant(day, at, ZoneInfo(name)) for name in zones), default=instant(day, at, zone))


def everywhere(day: date, at: str) -> tuple[datetime, datetime]:
    """When the first clock of the world shows a time of a day, and when the last one does."""
    noted = datetime.combine(day, time.fromisoformat(at), UTC)
    return noted - EAST, noted - WEST


def due_run(schedule: Recurring, now: datetime) -> Planned | None:
    """The latest time of a recurring campaign that has come; None before the first."""
    found = None
    for day in _days(schedule):
        at = instant(day, schedule.time, schedule.zone)
        if at > now:
            break
        found = Planned(day.toordinal(), at)
    return found


def next_run(schedule: Recurring, now: datetime) -> Planned | None:
    """The first time of a recurring campaign after ``now``; None when there is none any more."""
    for day in _days(schedule):
        at = instant(day, schedule.time, schedule.zone)
        if at > now:
            return Planned(day.toordinal(), at)
    return None


def dripped(drip: Drip, base_at: datetime, base_position: int, until: datetime) -> int:
    """How far a drip has come at ``until``: the position of the first message that is not due yet. At ``base_at`` the
    message at ``base_position`` is due."""
    passed = until - base_at
    if passed < timedelta():
        return base_position
    micros = passed // timedelta(microseconds=1)
    # The greatest position whose offset is not beyond: offsets are rounded down.
    return base_position + ((micros + 1) * drip.messages - 1) // (SECONDS[drip.per] * 1_000_000) + 1


def rebased(drip: Drip, base_at: datetime, base_position: int, position: int, now: datetime) -> datetime:
    """From when a drip that stood still goes on with the message at ``position``: at once, but not sooner after the one
    before than its rate allows."""
    if position <= base_position:
        return now
    last = base_at + drip.offset(position - 1 - base_position)
    return min(max(now, last + drip.offset(1)), now + drip.offset(1))


def turn(number: int, size: int, most: int) -> tuple[int, int]:
    """Of an audience of ``size``, the first position and the count of those whose turn it is at a run that takes
    ``most``: positions go round, so that everybody comes to it."""
    return (0, size) if size <= most else (number * most % size, most)


def spread(total: int, wanted: int) -> list[int]:
    """Positions of a sample, evenly over all of them: what stands beside each other is alike."""
    if wanted >= total:
        return list(range(total))
    return [index * total // wanted for index in range(wanted)]


def _days(schedule: Recurring) -> Iterator[date]:
    """Its days in their order, without an end when it has none but the calendar's."""
    match schedule.every:
        case "day":
            days = _each(schedule.starts_on, timedelta(days=schedule.interval))
        case "week":
            days = _weekly(schedule)
        case "month":
            days = _monthly(schedule)
    for day in days:
        if schedule.ends_on is not None and day > schedule.ends_on:
            return
        if day >= schedule.starts_on:
            yield day


def _each(first: date, step: timedelta) -> Iterator[date]:
    day = first
    while day <= _LAST:
        yield day
        day += step


def _weekly(schedule: Recurring) -> Iterator[date]:
    """Weeks begin on Monday; the first one is that of ``starts_on``."""
    monday = schedule.starts_on - schedule.starts_on.weekday() * _DAY
    for first in _each(monday, schedule.interval * _WEEK):
        for name in schedule.weekdays:
            yield first + WEEKDAYS.index(name) * _DAY


def _monthly(schedule: Recurring) -> Iterator[date]:
    year, month = schedule.starts_on.year, schedule.starts_on.month
    while year <= _LAST.year:
        length = monthrange(year, month)[1]
        days = {day if day > 0 else length + 1 + day for day in schedule.days if day <= length}
        for day in sorted(days):
            yield date(year, month, day)
        month += schedule.interval
        year, month = year + (month - 1) // 12, (month - 1) % 12 + 1


#: Schedules end here, with the holidays that are known.
_LAST: Final = date(2099, 12, 24)
