"""Schedules and limits as they are written down: every default spelled out, what makes no sense refused by name."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from hotline.campaigns.limits import read_limits
from hotline.campaigns.manifest import canonical
from hotline.campaigns.schedule import Holiday, Triggered, kind_of, known_names, read_schedule
from hotline.errors import Invalid

RECURRING = {
    "mode": "recurring", "every": "week", "weekdays": ["fri", "mon"], "time": "9:00", "timezone": "Asia/Shanghai",
    "starts_on": "2026-12-01", "most_recipients": 50,
}  # fmt: skip
SCHEDULES: list[tuple[Any, str]] = [
    ({}, "once"),
    (None, "once"),
    ({"at": "2026-12-01T09:00:00Z"}, "once"),
    ({"mode": "now", "drip": {"messages": 600, "per": "minute"}}, "once"),
    ({"mode": "local_time", "day": "2026-12-01", "time": "09:00"}, "once"),
    (RECURRING, "recurring"),
    ({**RECURRING, "every": "month", "weekdays": [], "days": [31, -1, 1]}, "recurring"),
    *(
        ({"mode": "triggered", "trigger": trigger, "daily_cap": 10}, "triggered")
        for trigger in (
            {"on": "birthday"}, {"on": "holiday", "country": "CN", "names": ["National Day"]}, {"on": "ticket_closed"},
            {"on": "purchase"}, {"on": "fee_due"}, {"on": "no_contact", "days": 90},
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("value", "kind"), SCHEDULES)
def test_what_is_kept_reads_the_same(value: Any, kind: str) -> None:
    schedule = read_schedule(value)
    kept = json.loads(canonical(schedule.model_dump(mode="json")))
    assert read_schedule(kept) == schedule
    assert canonical(read_schedule(kept).model_dump(mode="json")) == canonical(kept)
    assert kind_of(schedule) == kind


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"mode": "soon"}, "schedule"),
        ("now", "schedule"),
        ({"mode": "at"}, "schedule.at"),
        ({"mode": "at", "at": "2026-12-01T09:00:00"}, "schedule.at"),
        ({"mode": "at", "at": "2026-12-01T09:00:00Z", "late_minutes": 0}, "schedule.late_minutes"),
        ({"mode": "now", "drip": {"messages": 0}}, "schedule.drip.messages"),
        ({"mode": "now", "sometimes": True}, "schedule.sometimes"),
        ({"mode": "local_time", "day": "2026-12-01", "time": "24:00"}, "schedule.time"),
        ({"mode": "local_time", "day": "2026-02-30", "time": "09:00"}, "schedule.day"),
        ({**RECURRING, "timezone": "Asia/Peking"}, "schedule.timezone"),
        ({**RECURRING, "weekdays": []}, "schedule"),
        ({**RECURRING, "days": [1]}, "schedule"),
        ({**RECURRING, "every": "month", "weekdays": [], "days": [0]}, "schedule.days"),
        ({**RECURRING, "ends_on": "2026-11-30"}, "schedule"),
        ({key: value for key, value in RECURRING.items() if key != "most_recipients"}, "schedule.most_recipients"),
        ({"mode": "triggered", "trigger": {"on": "full_moon"}, "daily_cap": 1}, "schedule.trigger"),
        ({"mode": "triggered", "trigger": {"on": "no_contact", "days": 0}, "daily_cap": 1}, "schedule.trigger.days"),
        ({"mode": "triggered", "trigger": {"on": "birthday"}}, "schedule.daily_cap"),
        (
            {"mode": "triggered", "trigger": {"on": "holiday", "country": "CN", "names": ["Easter"]}, "daily_cap": 1},
            "schedule.trigger",
        ),
        ({"mode": "triggered", "trigger": {"on": "holiday", "country": "XX"}, "daily_cap": 1}, "schedule.trigger"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(value: Any, place: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_schedule(value)
    assert str(refused.value.detail).startswith(f"{place}:")


@pytest.mark.parametrize(
    "value",
    [
        {},
        None,
        {"expires_hours": 48, "caps": [{"messages": 3, "days": 7}], "quiet_hours": {"hours": ["10:00", "18:00"]}},
        {"canary": {"recipients": 100}, "experiment": {"shares": {"B": 33.33, "A": 66.67}, "holdout_percent": 12.5}},
        {"pause": {"failure_percent": None, "complaint_percent": 0.25}},
    ],
)
def test_limits_read_the_same_and_hash_the_same(value: Any) -> None:
    limits = read_limits(value)
    kept = json.loads(canonical(limits.model_dump(mode="json")))
    assert read_limits(kept) == limits
    assert canonical(read_limits(kept).model_dump(mode="json")) == canonical(kept)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"experiment": {"shares": {"A": 50, "B": 49}}}, "limits.experiment.shares"),
        ({"experiment": {"holdout_percent": 95}}, "limits.experiment.holdout_percent"),
        ({"quiet_hours": {"hours": ["18:00", "10:00"]}}, "limits.quiet_hours.hours"),
        ({"pause": {"complaint_percent": 0.05}}, "limits.pause"),
        ({"caps": [{"messages": 0, "days": 1}]}, "limits.caps.0.messages"),
        ({"expires_hours": 0}, "limits.expires_hours"),
        ({"unlimited": True}, "limits.unlimited"),
    ],
)
def test_limits_that_make_no_sense_are_refused_by_name(value: Any, place: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_limits(value)
    assert str(refused.value.detail).startswith(f"{place}:")


def test_rule_05_the_rates_of_complaints_are_the_mailbox_providers_unless_said_otherwise() -> None:
    pause = read_limits({}).pause
    assert (pause.warn_complaint_percent, pause.complaint_percent) == (0.1, 0.3)


def test_a_holiday_of_several_days_is_greeted_on_its_first() -> None:
    def greeted(year: int, *names: str, country: str = "CN") -> list[str]:
        holiday = Holiday(on="holiday", country=country, names=names)
        year_days = (date(year, 1, 1) + timedelta(days=day) for day in range(366))
        return [f"{day:%m-%d}" for day in year_days if day.year == year and holiday.is_first_day(day)]

    assert greeted(2027, "Chinese New Year (Spring Festival)") == ["02-06"]
    assert greeted(2027, "National Day", "Labor Day") == ["05-01", "10-01"]
    # What is observed on a Friday is not greeted twice, and days off that make up for others are no feasts.
    assert greeted(2027, "Christmas Day", country="US") == ["12-25"]
    assert len(greeted(2027)) == 8
    assert all("Day off" not in name for name in known_names(Holiday(on="holiday", country="CN").holidays))


def test_a_trigger_runs_between_its_days() -> None:
    schedule = read_schedule({
        "mode": "triggered", "trigger": {"on": "purchase"}, "daily_cap": 1, "starts_on": "2026-06-01",
        "ends_on": "2026-06-30",
    })  # fmt: skip
    assert isinstance(schedule, Triggered)
    assert [schedule.runs_on(date(2026, 6, 1) + timedelta(days=day)) for day in (-1, 0, 29, 30)] == [
        False, True, True, False,
    ]  # fmt: skip
