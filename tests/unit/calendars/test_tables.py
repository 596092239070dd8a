"""Business time by tables: expectations are computed by hand, over clock changes, holidays, nights and leap days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hotline.calendars import HORIZON, Calendar, Holidays, Opening, parse_opening
from hotline.errors import Invalid


def week(zone: str, days: str = "1-5", *hours: str, **more: object) -> Calendar:
    """A calendar that is open ``hours`` (09:00-18:00) on ``days`` (1-5: Monday to Friday)."""
    first, last = (int(day) for day in days.split("-"))
    openings = tuple(opening(text) for text in (hours or ("09:00-18:00",)))
    return Calendar(
        "c",
        ZoneInfo(zone),
        tuple(openings if first <= day <= last else () for day in range(1, 8)),
        **more,  # type: ignore[arg-type]
    )


def opening(text: str) -> Opening:
    return parse_opening(*text.split("-"))


def at(text: str, zone: str = "UTC", fold: int = 0) -> datetime:
    # In UTC: an instant of a repeated hour equals nothing in another zone (PEP 495).
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def hours(text: str) -> timedelta:
    """``27:30`` hours and minutes."""
    whole, _, minutes = text.partition(":")
    return timedelta(hours=int(whole), minutes=int(minutes or 0))


#: zone, days, hours, from, until, business time between
SPANS = [
    # Plain weeks.
    ("Europe/Berlin", "1-5", "09:00-18:00", "2026-06-01T08:00", "2026-06-01T12:00", "3"),
    ("Europe/Berlin", "1-5", "09:00-18:00", "2026-06-05T17:00", "2026-06-08T10:00", "2"),
    ("Europe/Berlin", "1-5", "09:00-18:00", "2026-06-06T00:00", "2026-06-07T23:59", "0"),
    ("Europe/Berlin", "1-5", "09:00-12:00,13:00-17:00", "2026-06-01T11:00", "2026-06-01T14:00", "2"),
    # Clocks go forward on Sunday 29 March 2026 at 02:00: that night has an hour less.
    ("Europe/Berlin", "1-7", "00:00-24:00", "2026-03-29T00:00", "2026-03-30T00:00", "23"),
    ("Europe/Berlin", "1-7", "22:00-06:00", "2026-03-28T21:00", "2026-03-29T12:00", "7"),
    ("Europe/Berlin", "1-7", "01:00-02:30", "2026-03-29T00:00", "2026-03-29T12:00", "1"),
    ("Europe/Berlin", "1-7", "02:00-03:00", "2026-03-29T00:00", "2026-03-29T12:00", "0"),
    ("Europe/Berlin", "1-7", "02:30-04:00", "2026-03-29T00:00", "2026-03-29T12:00", "1"),
    ("Europe/Berlin", "1-5", "09:00-18:00", "2026-03-27T17:00", "2026-03-30T10:00", "2"),
    # Clocks go back on Sunday 25 October 2026 at 03:00: that night has an hour more.
    ("Europe/Berlin", "1-7", "00:00-24:00", "2026-10-25T00:00", "2026-10-26T00:00", "25"),
    ("Europe/Berlin", "1-7", "22:00-06:00", "2026-10-24T21:00", "2026-10-25T12:00", "9"),
    ("Europe/Berlin", "1-7", "02:00-03:00", "2026-10-25T00:00", "2026-10-25T12:00", "2"),
    ("Europe/Berlin", "1-5", "09:00-18:00", "2026-10-23T17:00", "2026-10-26T10:00", "2"),
    # The Americas change in the night to Sunday, at 02:00.
    ("America/New_York", "1-7", "00:00-24:00", "2026-03-08T00:00", "2026-03-09T00:00", "23"),
    ("America/New_York", "1-7", "00:00-24:00", "2026-11-01T00:00", "2026-11-02T00:00", "25"),
    # Midnight itself is skipped (Santiago, 6 September 2026) and shown twice (4 April).
    ("America/Santiago", "1-7", "00:00-24:00", "2026-09-05T00:00", "2026-09-07T00:00", "47"),
    ("America/Santiago", "1-7", "00:00-24:00", "2026-04-04T00:00", "2026-04-06T00:00", "49"),
    ("America/Santiago", "1-7", "23:00-01:00", "2026-09-05T12:00", "2026-09-06T12:00", "1"),
    # Half an hour of daylight saving; zones that lie half and three quarters of an hour off.
    ("Australia/Lord_Howe", "1-7", "00:00-24:00", "2026-10-04T00:00", "2026-10-05T00:00", "23:30"),
    ("Australia/Lord_Howe", "1-7", "00:00-24:00", "2026-04-05T00:00", "2026-04-06T00:00", "24:30"),
    ("Asia/Kolkata", "1-5", "09:30-18:15", "2026-06-01T09:00", "2026-06-01T18:30", "8:45"),
    ("Asia/Kathmandu", "1-5", "09:00-18:00", "2026-06-01T17:45", "2026-06-02T09:15", "0:30"),
    ("Asia/Shanghai", "1-5", "09:00-18:00", "2026-11-20T17:30", "2026-11-23T09:30", "1"),
    # Samoa had no 30 December 2011: Thursday is followed by Saturday.
    ("Pacific/Apia", "1-7", "00:00-24:00", "2011-12-29T00:00", "2012-01-01T00:00", "48"),
    ("Pacific/Apia", "5-5", "09:00-18:00", "2011-12-26T00:00", "2012-01-01T00:00", "0"),
    # Leap days and the turn of the year.
    ("Europe/Berlin", "1-7", "09:00-17:00", "2028-02-28T00:00", "2028-03-02T00:00", "24"),
    ("Europe/Berlin", "1-7", "22:00-02:00", "2026-12-31T00:00", "2027-01-01T12:00", "6"),
    # Until midnight, from midnight, and both as one night.
    ("UTC", "1-7", "18:00-24:00,00:00-06:00", "2026-06-01T12:00", "2026-06-02T12:00", "12"),
    # Openings that overlap count once, also over midnight.
    ("UTC", "1-7", "08:00-12:00,10:00-14:00", "2026-06-01T00:00", "2026-06-02T00:00", "6"),
    ("UTC", "1-7", "20:00-08:00,06:00-10:00", "2026-06-02T00:00", "2026-06-03T00:00", "14"),
    # Nothing, and backwards.
    ("UTC", "1-7", "00:00-24:00", "2026-06-01T12:00", "2026-06-01T12:00", "0"),
    ("UTC", "1-7", "00:00-24:00", "2026-06-02T12:00", "2026-06-01T12:00", "0"),
]


@pytest.mark.parametrize(("zone", "days", "open_", "start", "end", "expected"), SPANS)
def test_business_time_between(zone: str, days: str, open_: str, start: str, end: str, expected: str) -> None:
    calendar = week(zone, days, *open_.split(","))
    assert calendar.business_time(at(start, zone), at(end, zone)) == hours(expected)


#: zone, days, hours, from, business time, due
DUES = [
    ("Europe/Berlin", "1-5", "09:00-18:00", "2026-06-01T10:00", "4", "2026-06-01T14:00"),
    ("Europe/Berlin", "1-5", "09:00-18:00", "2026-06-01T10:00", "8", "2026-06-01T18:00"),
    ("Europe/Berlin", "1-5", "09:00-18:00", "2026-06-01T10:00", "8:01", "2026-06-02T09:01"),
    ("Europe/Berlin", "1-5", "09:00-18:00", "2026-06-01T20:00", "0:15", "2026-06-02T09:15"),
    ("Europe/Berlin", "1-5", "09:00-18:00", "2026-06-05T17:50", "0:15", "2026-06-08T09:05"),
    ("Europe/Berlin", "1-5", "09:00-18:00", "2026-06-06T12:00", "0", "2026-06-06T12:00"),
    # Over the weekend with the changed clock: eight hours are eight real hours, by the new time.
    ("Europe/Berlin", "1-5", "09:00-18:00", "2026-03-27T16:00", "8", "2026-03-30T15:00"),
    ("Europe/Berlin", "1-5", "09:00-18:00", "2026-10-23T16:00", "8", "2026-10-26T15:00"),
    ("Europe/Berlin", "1-7", "00:00-24:00", "2026-03-28T12:00", "24", "2026-03-29T13:00"),
    ("Europe/Berlin", "1-7", "00:00-24:00", "2026-10-24T12:00", "24", "2026-10-25T11:00"),
    # In the missing hour: 60 minutes after 01:30 is 03:30.
    ("Europe/Berlin", "1-7", "00:00-24:00", "2026-03-29T01:30", "1", "2026-03-29T03:30"),
    ("Europe/Berlin", "1-7", "22:00-06:00", "2026-03-28T23:00", "4", "2026-03-29T04:00"),
    ("America/New_York", "1-7", "22:00-06:00", "2026-10-31T23:00", "4", "2026-11-01T02:00"),
    ("Australia/Lord_Howe", "1-7", "00:00-24:00", "2026-10-04T01:00", "2", "2026-10-04T03:30"),
    ("America/Santiago", "1-7", "20:00-04:00", "2026-09-05T23:00", "2", "2026-09-06T02:00"),
    ("Asia/Kathmandu", "1-5", "09:00-18:00", "2026-06-05T17:45", "0:30", "2026-06-08T09:15"),
    ("Europe/Berlin", "1-7", "09:00-17:00", "2028-02-28T16:00", "9", "2028-02-29T17:00"),
]


@pytest.mark.parametrize(("zone", "days", "open_", "start", "amount", "due"), DUES)
def test_due_after_business_time(zone: str, days: str, open_: str, start: str, amount: str, due: str) -> None:
    calendar = week(zone, days, *open_.split(","))
    assert calendar.add_business_time(at(start, zone), hours(amount)) == at(due, zone)


def test_the_hour_that_is_shown_twice_passes_twice() -> None:
    """In the night to 25 October 2026 it is 02:30 in Berlin at 00:30 and again at 01:30 UTC."""
    calendar = week("Europe/Berlin", "1-7", "00:00-24:00")
    first, second = at("2026-10-25T02:30", "Europe/Berlin"), at("2026-10-25T02:30", "Europe/Berlin", fold=1)
    assert calendar.business_time(first, second) == timedelta(hours=1)
    assert calendar.add_business_time(first, timedelta(hours=1)) == second
    # Open when the clock on the wall shows an opening time, so twice.
    small = week("Europe/Berlin", "1-7", "02:15-02:45")
    assert small.is_open(first)
    assert small.is_open(second)
    assert small.next_open(at("2026-10-25T02:50", "Europe/Berlin")) == at("2026-10-25T00:15") + timedelta(hours=1)


# Holidays and exceptions

BAVARIA = Holidays("DE", "BY")


@pytest.mark.parametrize(
    ("holidays", "day", "name"),
    [
        (BAVARIA, "2026-01-06", "Epiphany"),
        (Holidays("DE", "BE"), "2026-01-06", None),
        (BAVARIA, "2026-04-03", "Good Friday"),
        # 4 July 2026 is a Saturday and 2027 a Sunday: observed on the Friday and on the Monday.
        (Holidays("US"), "2026-07-03", "Independence Day (observed)"),
        (Holidays("US"), "2027-07-05", "Independence Day (observed)"),
        (Holidays("GB", "ENG"), "2027-12-27", "Christmas Day (observed)"),
        (Holidays("GB", "ENG"), "2027-12-28", "Boxing Day (observed)"),
        (Holidays("CN"), "2026-10-01", "National Day"),
    ],
)
def test_holidays_by_country_and_subdivision(holidays: Holidays, day: str, name: str | None) -> None:
    calendar = week("Europe/Berlin", "1-7", holidays=holidays)
    on = date.fromisoformat(day)
    assert calendar.holiday(on) == name
    assert calendar.is_open(at(f"{day}T12:00", "Europe/Berlin")) is (name is None)


def test_holidays_are_named_in_the_nearest_language() -> None:
    assert Holidays("CN").name(date(2026, 10, 1), "zh") == "国庆节"
    assert Holidays("DE").name(date(2026, 10, 3), "zh") == "German Unity Day"


def test_a_due_instant_goes_over_easter() -> None:
    """Thursday 17:00, two hours: Good Friday and Easter Monday are holidays, so Tuesday 10:00."""
    calendar = week("Europe/Berlin", holidays=BAVARIA)
    thursday = at("2026-04-02T17:00", "Europe/Berlin")
    assert calendar.add_business_time(thursday, timedelta(hours=2)) == at("2026-04-07T10:00", "Europe/Berlin")


def test_exceptions_stand_above_holidays_and_weeks() -> None:
    exceptions: Mapping[date, tuple[tuple[Opening, ...], str]] = {
        date(2026, 12, 24): ((opening("09:00-12:00"),), "Christmas Eve"),
        date(2026, 12, 25): ((opening("10:00-11:00"),), "stand-by"),
        date(2026, 6, 1): ((), "works outing"),
        date(2026, 6, 6): ((opening("09:00-13:00"),), "Saturday sale"),
    }
    calendar = week("Europe/Berlin", holidays=BAVARIA, exceptions=exceptions)

    def of(day: str) -> timedelta:
        return calendar.business_time(at(f"{day}T00:00", "Europe/Berlin"), at(f"{day}T23:59", "Europe/Berlin"))

    assert [of(day) for day in ("2026-12-24", "2026-12-25", "2026-06-01", "2026-06-06")] == [
        hours("3"),
        hours("1"),
        hours("0"),
        hours("4"),
    ]
    assert calendar.holiday(date(2026, 12, 25)) is None
    day = calendar.day(date(2026, 12, 24))
    assert (day.why, day.reason) == ("exception", "Christmas Eve")


def test_an_opening_belongs_to_the_day_on_which_it_begins() -> None:
    """Thursday's night goes on into Friday's holiday; Friday's does not begin, so Saturday morning is closed."""
    calendar = week("Europe/Berlin", "1-7", "22:00-06:00", holidays=BAVARIA)
    assert calendar.is_open(at("2026-04-03T05:59", "Europe/Berlin"))
    assert not calendar.is_open(at("2026-04-03T06:00", "Europe/Berlin"))
    assert not calendar.is_open(at("2026-04-03T23:00", "Europe/Berlin"))
    assert not calendar.is_open(at("2026-04-04T05:00", "Europe/Berlin"))
    assert calendar.next_open(at("2026-04-03T07:00", "Europe/Berlin")) == at("2026-04-04T22:00", "Europe/Berlin")


def test_weekend_days_that_are_worked_for_others() -> None:
    """China works Sunday 28 September 2025 in place of 7 October."""
    sunday = date(2025, 9, 28)
    assert week("Asia/Shanghai", holidays=Holidays("CN")).day(sunday).openings == ()
    worked = week("Asia/Shanghai", holidays=Holidays("CN"), make_up=True).day(sunday)
    assert (worked.openings, worked.why) == ((opening("09:00-18:00"),), "makes_up")
    assert week("Asia/Shanghai", holidays=Holidays("CN"), make_up=True).day(date(2025, 9, 21)).openings == ()


# Edges


def test_next_open_and_close() -> None:
    calendar = week("Europe/Berlin", "1-5", "09:00-18:00")
    zone = "Europe/Berlin"
    assert calendar.next_open(at("2026-06-05T18:00", zone)) == at("2026-06-08T09:00", zone)
    assert calendar.next_open(at("2026-06-05T10:00", zone)) == at("2026-06-05T10:00", zone)
    assert calendar.next_close(at("2026-06-05T10:00", zone)) == at("2026-06-05T18:00", zone)
    assert calendar.next_close(at("2026-06-06T10:00", zone)) == at("2026-06-06T10:00", zone)
    # A shift through the night closes once, in the morning, though UTC's midnight lies in it.
    night = week(zone, "1-7", "22:00-06:00")
    assert night.next_close(at("2026-06-05T23:00", zone)) == at("2026-06-06T06:00", zone)
    assert week(zone, "1-7", "00:00-24:00").next_close(at("2026-06-05T23:00", zone)) is None


def test_a_calendar_without_hours_is_never_due() -> None:
    never = Calendar("c", ZoneInfo("UTC"), ((),) * 7)
    now = at("2026-06-01T00:00")
    assert not never.ever_open
    assert never.add_business_time(now, timedelta(seconds=1)) is None
    assert never.next_open(now) is None
    assert never.business_time(now, now + timedelta(days=400)) == timedelta()


def test_a_calendar_with_exceptions_alone_is_open_only_then() -> None:
    once = Calendar("c", ZoneInfo("UTC"), ((),) * 7, exceptions={date(2026, 6, 3): ((opening("09:00-10:00"),), "")})
    assert not once.ever_open
    assert once.add_business_time(at("2026-06-01T00:00"), timedelta(minutes=30)) == at("2026-06-03T09:30")
    assert once.add_business_time(at("2026-06-01T00:00"), timedelta(minutes=90)) is None


def test_the_far_future_is_bounded() -> None:
    hour_a_week = week("Europe/Berlin", "3-3", "09:00-10:00")
    now = at("2026-06-01T00:00")
    assert hour_a_week.add_business_time(now, timedelta(hours=10_000)) is None
    due = hour_a_week.add_business_time(now, timedelta(hours=200))
    assert due is not None
    assert due < now + HORIZON
    last = datetime.max.replace(tzinfo=UTC)
    assert week("UTC", "1-7", "00:00-24:00").add_business_time(last, timedelta(hours=1)) is not None
    assert week("UTC").business_time(datetime.min.replace(tzinfo=UTC), at("1970-01-05T10:00")) == timedelta(hours=1)


@pytest.mark.parametrize("texts", [("9", "18:00"), ("25:00", "26:00"), ("09:60", "10:00"), ("24:01", "06:00")])
def test_what_is_no_time_is_refused(texts: tuple[str, str]) -> None:
    with pytest.raises(Invalid, match="is not a time"):
        parse_opening(*texts)


@pytest.mark.parametrize(("start", "end", "why"), [("09:00", "09:00", "00:00–24:00"), ("24:00", "06:00", "24:00")])
def test_openings_that_could_mean_two_things_are_refused(start: str, end: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        parse_opening(start, end)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [(("XX",), "no holidays are known"), (("DE", "CA"), "DE has no"), (("DE", None, ("bank",)), "categories: DE has")],
)
def test_unknown_holidays_are_refused(arguments: tuple[object, ...], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        Holidays(*arguments)  # type: ignore[arg-type]
