"""Business time against a naive oracle that asks of each minute what the clock on the wall shows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.calendars import HORIZON, Calendar, Opening
from hotline.calendars.zones import offsets, zone_names

MINUTE = timedelta(minutes=1)

#: A zone and a day of UTC about which its clocks change, or midnight is odd.
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("America/Santiago", date(2026, 9, 6)),
    ("America/Santiago", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 3)),
    ("Australia/Lord_Howe", date(2026, 4, 4)),
    ("Antarctica/Troll", date(2026, 3, 29)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Asia/Kathmandu", date(2028, 2, 29)),
    ("Asia/Shanghai", date(2026, 12, 31)),
]


def is_open(calendar: Calendar, at: datetime) -> bool:
    """By the definition alone."""
    local = at.astimezone(calendar.zone)
    minutes = local.hour * 60 + local.minute
    today, yesterday = local.date(), local.date() - timedelta(days=1)
    return any(o.start <= minutes < o.end for o in calendar.day(today).openings) or any(
        o.start <= minutes + 1440 < o.end for o in calendar.day(yesterday).openings
    )


@st.composite
def openings(draw: st.DrawFn) -> Opening:
    start = draw(st.integers(0, 1439))
    return Opening(start, start + draw(st.integers(1, 1440)))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Calendar, datetime, int]:
    zone, day = draw(st.sampled_from(CHANGES))
    hours = tuple(tuple(draw(st.lists(openings(), max_size=2))) for _ in range(7))
    dates = st.integers(-2, 3).map(lambda off: day + timedelta(days=off))
    exceptions = {
        on: (tuple(draw(st.lists(openings(), max_size=1))), "") for on in draw(st.lists(dates, max_size=2, unique=True))
    }
    start = datetime.combine(day, time(), UTC) + draw(st.integers(-1440, 1440)) * MINUTE
    return Calendar("c", ZoneInfo(zone), hours, exceptions=exceptions), start, draw(st.integers(0, 2880))


@settings(max_examples=150, deadline=None)
@given(cases())
def test_as_the_clock_on_the_wall(case: tuple[Calendar, datetime, int]) -> None:
    calendar, start, length = case
    minutes = [start + at * MINUTE for at in range(length)]
    end = start + length * MINUTE
    shown = [at for at in minutes if is_open(calendar, at)]
    assert calendar.business_time(start, end) == len(shown) * MINUTE
    assert calendar.is_open(start) == is_open(calendar, start)
    if shown:
        assert calendar.next_open(start) == shown[0]
        # Due just after the last of the minutes that are needed.
        for count in {1, len(shown) // 2, len(shown)} - {0}:
            assert calendar.add_business_time(start, count * MINUTE) == shown[count - 1] + MINUTE


@settings(max_examples=200, deadline=None)
@given(cases(), st.timedeltas(timedelta(microseconds=1), timedelta(hours=40)))
def test_adding_and_measuring_agree(case: tuple[Calendar, datetime, int], amount: timedelta) -> None:
    calendar, start, length = case
    due = calendar.add_business_time(start, amount)
    if due is None:
        assert calendar.business_time(start, start + HORIZON) < amount
    else:
        assert calendar.business_time(start, due) == amount
        assert calendar.business_time(start, due - timedelta(microseconds=1)) < amount
    middle, end = start + length * MINUTE / 3, start + length * MINUTE
    assert calendar.business_time(start, middle) + calendar.business_time(middle, end) == calendar.business_time(
        start, end
    )


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(zone_names())), st.dates(date(1975, 1, 1), date(2037, 12, 31)), st.integers(0, 86_399))
def test_offsets_are_those_of_the_zone(name: str, day: date, second: int) -> None:
    zone = ZoneInfo(name)
    at = datetime.combine(day, time(), UTC) + timedelta(seconds=second)
    found = [offset for start, end, offset in offsets(zone, day) if start <= at < end]
    assert found == [at.astimezone(zone).utcoffset()]
