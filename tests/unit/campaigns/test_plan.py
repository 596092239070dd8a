"""When a schedule comes true: instants, recurring days, local time, drips, and what is too late."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.campaigns import plan
from hotline.campaigns.approved import Approved, Due, deliveries
from hotline.campaigns.experiment import split
from hotline.campaigns.limits import read_limits
from hotline.campaigns.schedule import Drip, LocalTime, Recurring, read_schedule

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
LOCAL = {"mode": "local_time", "day": "2026-06-01", "time": "09:00"}


def recurring(**fields: Any) -> Recurring:
    """Every day at nine in Berlin."""
    made = read_schedule({
        "mode": "recurring", "every": "day", "time": "09:00", "timezone": "Europe/Berlin", "starts_on": "2026-01-05",
        "most_recipients": 100, **fields,
    })  # fmt: skip
    assert isinstance(made, Recurring)
    return made


def days(schedule: Recurring, count: int = 6, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> list[str]:
    """The first times of a schedule, in its zone."""
    found: list[str] = []
    while len(found) < count and (run := plan.next_run(schedule, start)) is not None:
        found.append(run.at.astimezone(schedule.zone).strftime("%m-%d %H:%M"))
        assert date.fromordinal(run.number) == run.at.astimezone(schedule.zone).date()
        assert plan.due_run(schedule, run.at) == run
        start = run.at
    return found


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["01-05 09:00", "01-06 09:00", "01-07 09:00"]),
        ({"interval": 10}, ["01-05 09:00", "01-15 09:00", "01-25 09:00"]),
        ({"ends_on": "2026-01-06"}, ["01-05 09:00", "01-06 09:00"]),
        ({"every": "week", "weekdays": ["fri", "mon"]}, ["01-05 09:00", "01-09 09:00", "01-12 09:00"]),
        # It begins on a Thursday: the Monday of that week is over.
        (
            {"every": "week", "interval": 2, "weekdays": ["mon", "fri"], "starts_on": "2026-01-08"},
            ["01-09 09:00", "01-19 09:00", "01-23 09:00"],
        ),
        ({"every": "month", "days": [31]}, ["01-31 09:00", "03-31 09:00", "05-31 09:00"]),
        ({"every": "month", "days": [-1, 28]}, ["01-28 09:00", "01-31 09:00", "02-28 09:00"]),
        ({"every": "month", "interval": 12, "days": [1]}, ["01-01 09:00"]),
    ],
)
def test_recurring_days(fields: dict[str, Any], expected: list[str]) -> None:
    assert days(recurring(**fields), len(expected)) == expected


def test_a_recurring_time_follows_the_wall_clock_over_daylight_saving() -> None:
    schedule = recurring(starts_on="2026-03-28")
    assert [run.hour for run in _at(schedule, 3)] == [8, 7, 7]
    skipped = recurring(starts_on="2026-03-29", time="02:30")
    assert _at(skipped, 1)[0].astimezone(BERLIN).strftime("%H:%M") == "03:30"
    twice = recurring(starts_on="2026-10-25", time="02:30")
    assert _at(twice, 2) == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)]


def _at(schedule: Recurring, count: int) -> list[datetime]:
    found: list[datetime] = []
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(count):
        run = plan.next_run(schedule, start)
        assert run is not None
        found.append(start := run.at)
    return found


@pytest.mark.parametrize(
    ("schedule", "planned", "now", "expected"),
    [
        ({"mode": "at", "at": NOW}, NOW, NOW + timedelta(minutes=60), False),
        ({"mode": "at", "at": NOW}, NOW, NOW + timedelta(minutes=61), True),
        ({"mode": "at", "at": NOW, "late_minutes": 180}, NOW, NOW + timedelta(minutes=61), False),
        ({"mode": "now"}, NOW, NOW + timedelta(hours=2), True),
        # The last place on earth where it is nine in the morning of that day is twelve hours behind UTC.
        (
            {"mode": "local_time", "day": "2026-06-01", "time": "09:00"},
            NOW,
            NOW + timedelta(hours=9, minutes=59),
            False,
        ),
        ({"mode": "local_time", "day": "2026-06-01", "time": "09:00"}, NOW, NOW + timedelta(hours=10, minutes=1), True),
    ],
)
def test_rule_14_too_late(schedule: dict[str, Any], planned: datetime, now: datetime, expected: bool) -> None:
    assert plan.too_late(read_schedule(schedule), planned, now) is expected


def test_local_time_is_the_recipients_and_the_last_of_the_possible_ones() -> None:
    schedule = read_schedule(LOCAL)
    assert isinstance(schedule, LocalTime)
    day = (schedule.day, schedule.time)
    tokyo, new_york = datetime(2026, 6, 1, 0, tzinfo=UTC), datetime(2026, 6, 1, 13, tzinfo=UTC)
    assert plan.local_due(*day, ["Asia/Tokyo"], BERLIN) == tokyo
    assert plan.local_due(*day, ["Asia/Tokyo", "America/New_York"], BERLIN) == new_york
    assert plan.local_due(*day, [], BERLIN) == datetime(2026, 6, 1, 7, tzinfo=UTC)
    assert plan.begins(schedule, NOW) == datetime(2026, 5, 31, 19, tzinfo=UTC)


def approved(schedule: dict[str, Any], limits: dict[str, Any] | None = None) -> Approved:
    """A manifest with one variant."""
    read = read_limits(limits or {})
    return Approved(
        UUID(int=1), UUID(int=2), "sms", "marketing", UUID(int=3), read_schedule(schedule), read,
        split(read.experiment, ["A"]),
    )  # fmt: skip


def test_rule_14_whose_morning_is_over_gets_nothing_in_the_evening() -> None:
    recipients = [Due(UUID(int=index), None, (zone,)) for index, zone in
                  enumerate(("Asia/Tokyo", "Europe/Berlin", "America/New_York"))]  # fmt: skip
    # Approved at 07:30 UTC: it is 16:30 in Tokyo, half past nine in Berlin, the night in New York.
    now = datetime(2026, 6, 1, 7, 30, tzinfo=UTC)
    made = list(deliveries(approved(LOCAL), 0, recipients, now, BERLIN))
    assert [(each.state, each.reason) for each in made] == [("expired", "too_late"), ("queued", None), ("queued", None)]
    assert made[2].due_at == datetime(2026, 6, 1, 13, tzinfo=UTC)
    # A person has let it go on when it was too late for everybody.
    evening = datetime(2026, 6, 2, 12, tzinfo=UTC)
    assert {each.state for each in deliveries(approved(LOCAL), 0, recipients, evening, BERLIN)} == {"queued"}


def test_each_recipient_has_one_delivery_that_ends_in_time() -> None:
    recipients = [Due(UUID(int=index << 70), None) for index in range(200)]
    limits = {"experiment": {"holdout_percent": 30}, "expires_hours": 2}
    made = list(deliveries(approved({}, limits), 0, recipients, NOW, BERLIN))
    assert [each.customer_id for each in made] == [each.customer_id for each in recipients]
    assert {each.expires_at for each in made} == {NOW + timedelta(hours=2)}
    held = [each for each in made if each.state == "suppressed"]
    assert 30 <= len(held) <= 95
    assert {each.reason for each in held} == {"holdout"}


DRIPS = st.builds(
    Drip, messages=st.integers(1, 1_000_000), per=st.sampled_from(["second", "minute", "hour", "day"])
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(drip=DRIPS, passed=st.integers(0, 10**11), base=st.integers(0, 10**6))
def test_a_drip_is_as_far_as_its_offsets_say(drip: Drip, passed: int, base: int) -> None:
    until = NOW + timedelta(microseconds=passed)
    position = plan.dripped(drip, NOW, base, until)
    assert NOW + drip.offset(position - base) > until >= NOW + drip.offset(position - base - 1)
    assert plan.dripped(drip, NOW, base, NOW - timedelta(seconds=1)) == base


@settings(max_examples=50, deadline=None)
@given(drip=DRIPS, done=st.integers(0, 1000), shift=st.integers(-7200, 7200))
def test_a_drip_that_stood_still_neither_bursts_nor_stalls(drip: Drip, done: int, shift: int) -> None:
    last = NOW + drip.offset(max(done - 1, 0))
    now = last + timedelta(seconds=shift)
    base = plan.rebased(drip, NOW, 0, done, now)
    assert now <= base <= now + drip.offset(1)
    if shift >= 0 and done:
        assert base >= last + drip.offset(1) or base == now + drip.offset(1)
    # From there on it has its pace again.
    assert plan.dripped(drip, base, done, base + timedelta(hours=1)) - done <= 3600 * drip.messages + 1


@given(total=st.integers(1, 5_000), wanted=st.integers(1, 500))
@settings(max_examples=50, deadline=None)
def test_a_sample_is_spread_over_all(total: int, wanted: int) -> None:
    found = plan.spread(total, wanted)
    assert len(found) == len(set(found)) == min(total, wanted)
    assert set(found) <= set(range(total))
    assert max((b - a for a, b in pairwise(found)), default=0) <= total // len(found) + 1


@given(size=st.integers(1, 300), most=st.integers(1, 300))
@settings(max_examples=50, deadline=None)
def test_everybody_comes_to_their_turn(size: int, most: int) -> None:
    seen: set[int] = set()
    for number in range(739_000, 739_000 + -(-size // min(size, most)) + 1):
        first, count = plan.turn(number, size, most)
        assert count == min(size, most)
        seen |= {(first + place) % size for place in range(count)}
    assert seen == set(range(size))
