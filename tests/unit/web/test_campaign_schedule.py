"""The editor's fields of a schedule and limits: what is shown and sent back means the same."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from multidict import MultiDict

from hotline.campaigns.limits import read_limits
from hotline.campaigns.schedule import read_schedule
from hotline.errors import Invalid
from hotline.web.desktop.campaigns.campaign_schedule import choices, field_of, read_schedule_form, schedule_values

BERLIN = ZoneInfo("Europe/Berlin")

SCHEDULES: list[dict[str, Any]] = [
    {"mode": "now"},
    {"mode": "now", "drip": {"messages": 600, "per": "hour"}},
    {"mode": "at", "at": "2026-12-01T08:00:00Z", "late_minutes": 90},
    {"mode": "local_time", "day": "2026-12-01", "time": "10:30"},
    {"mode": "recurring", "every": "week", "weekdays": ["mon", "fri"], "time": "09:00", "timezone": "Asia/Shanghai",
     "starts_on": "2026-12-01", "ends_on": "2027-12-01", "most_recipients": 500, "interval": 2},
    {"mode": "recurring", "every": "month", "days": [1, -1], "time": "09:00", "timezone": "UTC",
     "starts_on": "2026-12-01", "most_recipients": 500},
    *(
        {"mode": "triggered", "trigger": trigger, "daily_cap": 50, "time": "08:15", "ends_on": "2027-01-01"}
        for trigger in (
            {"on": "birthday", "field": "born", "days_before": 3},
            {"on": "holiday", "country": "CN", "names": ["National Day", "Labor Day"]},
            {"on": "ticket_closed", "after_minutes": 30, "kinds": ["complaint"]},
            {"on": "purchase", "after_days": 14}, {"on": "fee_due", "days_before": 5},
            {"on": "no_contact", "days": 180},
        )
    ),
]  # fmt: skip
LIMITS: list[dict[str, Any]] = [
    {},
    {"expires_hours": 6, "quiet_hours": {"apply": True, "hours": ["10:00", "18:00"], "holidays": True},
     "caps": [{"messages": 1, "days": 2}, {"messages": 3, "days": 7}],
     "canary": {"recipients": 50, "wait_minutes": 10, "failure_percent": 3, "complaint_percent": 0.2},
     "experiment": {"shares": {"A": 33.33, "B": 66.67}, "holdout_percent": 5},
     "pause": {"failure_percent": None, "bounce_percent": 2.5, "opt_out_percent": 4, "minimum": 500}},
]  # fmt: skip


def sent(values: dict[str, Any]) -> MultiDict[Any]:
    """What a browser sends of the form: every field, those that are hidden too."""
    form: MultiDict[Any] = MultiDict()
    for name, value in values.items():
        match name:
            case "caps":
                for messages, days in [*value, ("", "")]:
                    form.extend([("cap_messages", str(messages)), ("cap_days", str(days))])
            case "shares":
                form.extend([(f"share_{arm}", str(share)) for arm, share in value.items()])
            case "pause":
                form.extend([(f"pause_{each}", str(percent)) for each, percent in value.items()])
            case "weekdays" | "kinds":
                form.extend([(name, each) for each in value])
            case _:
                form.add(name, str(value))
    return form


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_what_is_shown_and_sent_back_means_the_same(schedule: dict[str, Any], limits: dict[str, Any]) -> None:
    before = read_schedule(schedule), read_limits(limits)
    form = sent(schedule_values(*before, BERLIN))
    assert read_schedule_form(form, BERLIN, ["A", "B"]) == before


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"mode": "at", "at": "soon"}, "at"),
        ({"mode": "at", "at": ""}, "at"),
        ({"mode": "local_time", "day": "", "time": "09:00"}, "day"),
        ({"mode": "triggered", "on": "birthday"}, "daily_cap"),
        ({"mode": "triggered", "on": "holiday", "country": "", "daily_cap": "5"}, "country"),
        ({"mode": "triggered", "on": "no_contact", "silent_days": "many"}, "silent_days"),
        ({"drip_messages": "-1"}, "drip_messages"),
        ({"expires_hours": "9999"}, "expires_hours"),
        ({"quiet_from": "18:00", "quiet_to": "10:00"}, "quiet_from"),
        ({"quiet_from": "18:00"}, "quiet_from"),
        ({"cap_messages": "3"}, "caps"),
        ({"canary_recipients": "10", "canary_failure": "x"}, "canary_recipients"),
        ({"share_A": "50", "share_B": "20"}, "shares"),
        ({"pause_complaint_percent": "0.01"}, "pause"),
    ],
)
def test_a_refusal_stands_under_its_field(changes: dict[str, str], name: str) -> None:
    form = sent(schedule_values(read_schedule({}), read_limits({}), BERLIN))
    form.update(changes)
    with pytest.raises(Invalid) as refused:
        read_schedule_form(form, BERLIN, ["A", "B"])
    assert field_of(refused.value) == name


def test_the_holidays_of_the_chosen_country_are_named() -> None:
    assert "National Day" in choices("CN")["holidays"]
    assert choices("")["holidays"] == choices("XX")["holidays"] == ()
