"""Whose day it is, and which moments a trigger asks for: none left out, none that reaches back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.campaigns.approved import LATEST
from hotline.campaigns.schedule import Birthday, Holiday, Triggered, read_schedule
from hotline.campaigns.triggers import anniversaries, holiday_runs, open_days, windows

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
LONG_AGO = NOON - timedelta(days=100)


def triggered(trigger: dict[str, Any], **fields: Any) -> Triggered:
    """A schedule by a trigger."""
    made = read_schedule({"mode": "triggered", "trigger": trigger, "daily_cap": 1, **fields})
    assert isinstance(made, Triggered)
    return made


@pytest.mark.parametrize(
    ("due", "days_before", "expected"),
    [
        (date(2026, 6, 1), 0, ["06-01"]),
        (date(2026, 12, 30), 3, ["01-02"]),
        # Who was born on a leap day has a birthday every year, and one only.
        (date(2026, 2, 28), 0, ["02-28", "02-29"]),
        (date(2028, 2, 28), 0, ["02-28"]),
        (date(2028, 2, 29), 0, ["02-29"]),
    ],
)
def test_birthdays_of_a_day(due: date, days_before: int, expected: list[str]) -> None:
    assert anniversaries(Birthday(on="birthday", days_before=days_before), due) == expected


def test_a_day_is_open_from_the_first_clock_of_the_world_until_it_is_too_late_for_the_last() -> None:
    schedule = triggered({"on": "birthday"})  # at nine
    day = date(2026, 6, 1)
    first, last = datetime(2026, 5, 31, 19, tzinfo=UTC), datetime(2026, 6, 1, 21, tzinfo=UTC) + LATEST
    second = timedelta(seconds=1)
    assert [day in open_days(schedule, at) for at in (first - second, first, last, last + second)] == [
        False, True, True, False,
    ]  # fmt: skip
    ended = triggered({"on": "birthday"}, ends_on="2026-05-31")
    assert day not in set(open_days(ended, NOON))


@settings(max_examples=60, deadline=None)
@given(now=st.integers(0, 400 * 24 * 60), after=st.integers(0, 3 * 24 * 60), gap=st.integers(1, 20 * 60))
def test_every_moment_is_asked_for_once_and_under_the_same_day(now: int, after: int, gap: int) -> None:
    """Two looks, ``gap`` minutes apart: what happened in between is in a window of the second look, under one day only,
    which is the same as in any later look."""
    schedule = triggered({"on": "ticket_closed", "after_minutes": after})
    first = NOON + timedelta(minutes=now)
    second = first + timedelta(minutes=min(gap, int(LATEST.total_seconds() // 60)))
    due = first + (second - first) / 2
    closed = due - timedelta(minutes=after)

    def found(at: datetime) -> list[int]:
        asked = windows(schedule, LONG_AGO, at, BERLIN)
        return [each.occurrence for each in asked if each.first <= closed < each.until]

    days = found(second)
    assert days == [due.astimezone(BERLIN).toordinal()]
    assert found(second + timedelta(minutes=1)) in (days, [])
    assert found(first) == []
    # What was due before the campaign ran is asked for never.
    since = due + timedelta(seconds=1)
    assert not any(each.first <= closed < each.until for each in windows(schedule, since, second, BERLIN))


def test_whole_days_are_the_companys_over_daylight_saving() -> None:
    spring = triggered({"on": "purchase", "after_days": 1})
    (window,) = [each for each in windows(spring, LONG_AGO, datetime(2026, 3, 30, 7, tzinfo=UTC), BERLIN)
                 if each.day == date(2026, 3, 30)]  # fmt: skip
    assert (window.first, window.until) == (
        datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC),
    )  # fmt: skip
    ahead = triggered({"on": "fee_due", "days_before": 7})
    (window,) = [each for each in windows(ahead, LONG_AGO, NOON, BERLIN) if each.day == date(2026, 6, 1)]
    assert window.first == datetime(2026, 6, 7, 22, tzinfo=UTC)


def test_a_holiday_runs_once_and_not_before_the_campaign() -> None:
    schedule = triggered({"on": "holiday", "country": "CN", "names": ["National Day"]})
    trigger = schedule.trigger
    assert isinstance(trigger, Holiday)
    eve = datetime(2026, 9, 30, 20, tzinfo=UTC)
    (run,) = holiday_runs(schedule, trigger, LONG_AGO, eve)
    assert date.fromordinal(run.number) == date(2026, 10, 1)
    assert holiday_runs(schedule, trigger, LONG_AGO, eve + timedelta(days=1)) == [run]
    assert holiday_runs(schedule, trigger, LONG_AGO, eve + timedelta(days=2)) == []
    assert holiday_runs(schedule, trigger, datetime(2026, 10, 1, 22, tzinfo=UTC), eve + timedelta(days=1)) == []
