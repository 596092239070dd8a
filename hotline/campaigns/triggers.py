"""What happens to customers that makes a triggered campaign write to them: which days are theirs, and which moments.

A trigger never reaches back: what came due before its campaign ran is left alone, and so is what was due too long ago
while nobody ran it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hotline.campaigns import plan
from hotline.campaigns.approved import LATEST
from hotline.campaigns.schedule import Birthday, FeeDue, Holiday, NoContact, Purchased, TicketClosed, Triggered

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """The moments from ``first`` until before ``until`` whose happenings are due on a day. ``occurrence`` is the day's
    number, the same whenever it is asked: nobody gets two messages of one day."""

    occurrence: int
    first: datetime
    until: datetime

    @property
    def day(self) -> date:
        """The day on which they are due."""
        return date.fromordinal(self.occurrence)


def open_days(schedule: Triggered, now: datetime) -> Iterator[date]:
    """The days whose messages may be released at ``now``: it is time for the first clock of the world, and not too late
    for the last."""
    today = now.astimezone(UTC).date()
    for offset in range(-2, 3):
        day = today + offset * _DAY
        first, last = plan.everywhere(day, schedule.time)
        if schedule.runs_on(day) and first <= now <= last + LATEST:
            yield day


def windows(schedule: Triggered, since: datetime, now: datetime, zone: ZoneInfo) -> list[Window]:
    """Which moments to ask for, by the day on which their messages are due. ``since``: when the campaign began to run;
    ``zone`` is the company's, in which the days of purchases and contacts are counted."""
    trigger = schedule.trigger
    match trigger:
        case TicketClosed():
            return list(_moments(schedule, trigger, since, now, zone))
        case Purchased():
            return [_shifted(day, -trigger.after_days, zone) for day in open_days(schedule, now)]
        case FeeDue():
            return [_shifted(day, trigger.days_before, zone) for day in open_days(schedule, now)]
        case NoContact():
            return [_shifted(day, -trigger.days, zone) for day in open_days(schedule, now)]
        case Birthday():
            return [_shifted(day, trigger.days_before, zone) for day in open_days(schedule, now)]
        case Holiday():
            return []


def _moments(
    schedule: Triggered, trigger: TicketClosed, since: datetime, now: datetime, zone: ZoneInfo
) -> Iterator[Window]:
    """From the last moment that is not too late until now, split where the company's day ends."""
    after = timedelta(minutes=trigger.after_minutes)
    first, until = max(since, now - LATEST), now
    while first < until:
        day = first.astimezone(zone).date()
        midnight = datetime.combine(day + _DAY, time(), zone).astimezone(UTC)
        if schedule.runs_on(day):
            yield Window(day.toordinal(), first - after, min(midnight, until) - after)
        first = max(midnight, first + timedelta(seconds=1))


def _shifted(day: date, days: int, zone: ZoneInfo) -> Window:
    """The whole day of the company's clock that lies so many days from ``day``."""
    first = datetime.combine(day + days * _DAY, time(), zone).astimezone(UTC)
    until = datetime.combine(day + (days + 1) * _DAY, time(), zone).astimezone(UTC)
    return Window(day.toordinal(), first, until)


def anniversaries(trigger: Birthday, due: date) -> list[str]:
    """The days of the year, as MM-DD, that are greeted on ``due``: who was born on a leap day has one every year."""
    day = due + trigger.days_before * _DAY
    found = [f"{day:%m-%d}"]
    if found == ["02-28"] and (day + _DAY).month == 3:
        found.append("02-29")
    return found


def holiday_runs(schedule: Triggered, trigger: Holiday, since: datetime, now: datetime) -> list[plan.Planned]:
    """The runs on holidays that may begin at ``now`` and do not lie before ``since``."""
    runs = []
    for day in open_days(schedule, now):
        first, last = plan.everywhere(day, schedule.time)
        if trigger.is_first_day(day) and last >= since:
            runs.append(plan.Planned(day.toordinal(), first))
    return runs
