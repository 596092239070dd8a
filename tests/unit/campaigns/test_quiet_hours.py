"""Rule 7: quiet hours by the recipient's zone; where it is not known, the intersection of the possible ones."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.campaigns import regions
from hotline.campaigns.quiet_hours import Hours, hours_of, is_open, opens_at, place_of_number, wishes_of

#: From which day on and how far instants are tried: over two changes of the clocks in both hemispheres.
START = datetime(2026, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 500 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
ZONES = ("America/New_York", "America/Los_Angeles", "Asia/Shanghai", "Australia/Lord_Howe", "Europe/London",
         "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham", "Africa/Casablanca")  # fmt: skip
DAY = Hours(time(8), time(21))


@pytest.mark.parametrize(
    ("number", "country", "zones"),
    [
        ("+12125550123", "US", {"America/New_York"}),
        ("+14155552671", "US", {"America/Los_Angeles"}),
        ("+8613912340412", "CN", {"Asia/Shanghai"}),
        ("+442071838750", "GB", {"Europe/London"}),
        # In no plan: every zone of the country code.
        ("+447700900123", "GB", {"Europe/London", "Europe/Guernsey", "Europe/Isle_of_Man"}),
        # International freephone, and no number at all: nothing is known.
        ("+80012345678", None, set()),
        ("100", None, set()),
    ],
)
def test_rule_07_the_place_is_the_recipients(number: str, country: str | None, zones: set[str]) -> None:
    place = place_of_number(number)
    assert (place.country, set(place.zones)) == (country, zones)


def test_rule_07_a_number_without_an_area_may_be_anywhere_in_its_country() -> None:
    zones = place_of_number("+18005551234").zones
    assert {"America/New_York", "Pacific/Honolulu", "Pacific/Guam"} <= set(zones)
    hours = hours_of("US")
    assert hours is not None
    # 21:00 in Guam's evening and Saint John's morning leave two hours of the day.
    assert not is_open(hours, zones, datetime(2026, 7, 1, 16, tzinfo=UTC))
    opening = opens_at(hours, zones, datetime(2026, 7, 1, 16, tzinfo=UTC))
    assert opening is not None
    for name in zones:
        assert time(8) <= opening.astimezone(ZoneInfo(name)).time() < time(21)


@pytest.mark.parametrize(
    ("country", "zone", "local", "expected"),
    [
        ("US", "America/New_York", "2026-06-01T07:59:59", False),
        ("US", "America/New_York", "2026-06-01T08:00:00", True),
        ("US", "America/New_York", "2026-06-01T20:59:59", True),
        ("US", "America/New_York", "2026-06-01T21:00:00", False),
        ("CN", "Asia/Shanghai", "2026-06-01T07:59:00", False),
        ("CN", "Asia/Shanghai", "2026-06-01T21:59:59", True),
        ("CN", "Asia/Shanghai", "2026-06-01T22:00:00", False),
        ("DE", "Europe/Berlin", "2026-06-01T21:00:00", False),
        (None, "Europe/Berlin", "2026-06-01T20:59:00", True),
        # The day the clocks go forward and the one they go back.
        ("US", "America/New_York", "2026-03-08T08:00:00", True),
        ("US", "America/New_York", "2026-11-01T07:59:00", False),
    ],
)
def test_rule_07_hours_of_the_country(country: str | None, zone: str, local: str, expected: bool) -> None:
    hours = hours_of(country)
    assert hours is not None
    at = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert is_open(hours, [zone], at) is expected


def test_rule_07_a_campaign_narrows_the_hours_and_never_widens_them() -> None:
    assert hours_of("US", ("06:00", "23:00")) == Hours(time(8), time(21))
    assert hours_of("CN", ("10:00", "24:00")) == Hours(time(10), time(22))
    assert hours_of("US", ("05:00", "07:00")) is None


@settings(max_examples=50, deadline=None)
@given(now=INSTANTS, zones=st.sets(st.sampled_from(ZONES), min_size=1, max_size=4))
def test_rule_07_the_next_opening_is_open_and_the_first(now: datetime, zones: set[str]) -> None:
    names = tuple(sorted(zones))
    found = opens_at(DAY, names, now)
    quarter = timedelta(minutes=15)
    steps = [now + index * quarter for index in range(4 * 24 * 3)]
    if found is None:
        assert not any(is_open(DAY, names, each) for each in steps)
        return
    assert found >= now
    assert is_open(DAY, names, found)
    assert not any(is_open(DAY, names, each) for each in steps if each < found)


@settings(max_examples=40, deadline=None)
@given(now=INSTANTS, zone=st.sampled_from(ZONES), opens=st.integers(0, 1438), length=st.integers(1, 1439))
def test_any_hours_open_within_two_days(now: datetime, zone: str, opens: int, length: int) -> None:
    closes = min(opens + length, 1439)
    hours = Hours(time(opens // 60, opens % 60), time(closes // 60, closes % 60))
    if hours.opens == hours.closes:
        return
    found = opens_at(hours, (zone,), now)
    # A clock that goes forward may skip such short hours for a day.
    assert found is not None
    assert now <= found <= now + timedelta(days=2, hours=1)
    assert is_open(hours, (zone,), found)


@pytest.mark.parametrize(
    ("number", "zone", "local", "expected"),
    [
        # Florida ends an hour before its country, Texas begins an hour after it and on Sundays at noon.
        ("+13055550123", "America/New_York", "2026-06-01T19:59:59", True),
        ("+13055550123", "America/New_York", "2026-06-01T20:00:00", False),
        ("+12125550123", "America/New_York", "2026-06-01T20:30:00", True),
        ("+12145550123", "America/Chicago", "2026-06-01T08:30:00", False),
        ("+12145550123", "America/Chicago", "2026-06-07T11:59:00", False),
        ("+12145550123", "America/Chicago", "2026-06-07T12:00:00", True),
        ("+14015550123", "America/New_York", "2026-06-06T16:59:00", True),
        ("+14015550123", "America/New_York", "2026-06-06T17:00:00", False),
        ("+12055550123", "America/Chicago", "2026-06-07T12:00:00", False),
        # Independence Day falls on a Saturday and is observed on the Friday: nothing where the state forbids it.
        ("+12055550123", "America/Chicago", "2026-07-03T12:00:00", False),
        ("+12155550123", "America/New_York", "2026-07-04T12:00:00", False),
        ("+12155550123", "America/New_York", "2026-07-06T12:00:00", True),
        ("+13055550123", "America/New_York", "2026-07-04T12:00:00", True),
    ],
)
def test_rule_07_hours_of_states(number: str, zone: str, local: str, expected: bool) -> None:
    place = place_of_number(number)
    hours = hours_of(place.country, None, place.regions)
    assert hours is not None
    at = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert is_open(hours, [zone], at) is expected


def test_rule_07_after_a_day_without_hours_comes_the_next() -> None:
    saturday = datetime(2026, 6, 6, 21, tzinfo=ZoneInfo("America/Chicago")).astimezone(UTC)
    alabama = hours_of("US", ("10:00", "18:00"), ("US-AL",))
    assert alabama is not None
    monday = datetime(2026, 6, 8, 10, tzinfo=ZoneInfo("America/Chicago"))
    assert opens_at(alabama, ("America/Chicago",), saturday) == monday
    never = hours_of("US", ("20:00", "21:00"), ("US-FL",))
    assert never is not None
    assert opens_at(never, ("America/New_York",), saturday) is None


def test_rule_07_a_number_that_moved_keeps_the_hours_of_both_states() -> None:
    place = place_of_number("+13055550123").within("US-TX")
    assert place.regions == ("US-FL", "US-TX")
    hours = hours_of("US", None, place.regions)
    assert hours is not None
    assert hours.on(date(2026, 6, 1)) == [(time(9), time(20))]


WISHES = wishes_of(
    {
        "channel": "phone", "timezone": "Europe/Berlin",
        "times": [
            {"days": [1, 3], "from": "09:00", "to": "11:30"}, {"days": [1], "from": "17:00", "to": "24:00"},
            {"days": [7], "from": "05:00", "to": "07:00"},
        ],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-06-01T08:59", False),  # a Monday
        ("2026-06-01T09:00", True),
        ("2026-06-01T12:00", False),
        ("2026-06-01T20:59", True),
        ("2026-06-01T21:00", False),  # they would have it, but nobody may
        ("2026-06-02T10:00", False),
        ("2026-06-03T10:00", True),
        ("2026-06-07T06:00", False),
    ],
)
def test_rule_07_only_when_a_customer_likes_it(local: str, expected: bool) -> None:
    hours = hours_of("DE", None, (), WISHES)
    assert hours is not None
    at = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    assert is_open(hours, ["Europe/Berlin"], at) is expected
    opening = opens_at(hours, ("Europe/Berlin",), at)
    assert opening is not None
    assert (opening == at) is expected
    assert is_open(hours, ["Europe/Berlin"], opening)


def test_a_zone_that_is_known_no_more_is_none() -> None:
    assert wishes_of({"timezone": "Europe/Atlantis"}) == wishes_of({}) == wishes_of(None)


def test_rule_07_times_that_a_customer_likes_may_never_meet_the_hours() -> None:
    night = wishes_of({"times": [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "22:00", "to": "23:00"}]})
    hours = hours_of("DE", None, (), night)
    assert hours is not None
    assert opens_at(hours, ("Europe/Berlin",), START) is None


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("1 Main St\nMiami, FL 33101", "US-FL"),
        ("1 Main St\n33101 Miami\nFL", "US-FL"),
        ("1 Main St, Austin, Texas 78701-1234, USA", "US-TX"),
        ("Providence, Rhode Island", "US-RI"),
        ("5 Rue de la\nLyon", None),
        ("New York, NY 10001", None),
        ("Washington Street 5\nBoston, MA 02110", "US-MA"),
        ("", None),
    ],
)
def test_the_state_of_an_address(text: str, region: str | None) -> None:
    assert regions.of_address(text) == region


def test_area_codes_are_of_one_state_each() -> None:
    zones = {"US-FL": "America/New_York", "US-TX": "America/Chicago", "US-WA": "America/Los_Angeles"}
    for code, zone in (("305", zones["US-FL"]), ("214", zones["US-TX"]), ("206", zones["US-WA"])):
        place = place_of_number(f"+1{code}5550123")
        assert place.zones == (zone,)
        assert zones[place.regions[0]] == zone
    assert regions.of_number("+442071838750") is None
