"""The part of a campaign's editor that says when it is sent and how far it may go: the fields of the form, and the
schedule and limits that they mean. ``templates/_campaign_schedule.html`` draws it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from hotline.calendars.holidays import Holidays, countries
from hotline.campaigns.limits import Limits, read_limits
from hotline.campaigns.schedule import AnySchedule, At, Triggered, known_names, read_schedule
from hotline.errors import HotlineError, Invalid
from hotline.web.desktop.forms import Form, field, fields
from hotline.web.desktop.words import N_

MODES: Final[Mapping[str, str]] = {
    "now": N_("As soon as it is started"),
    "at": N_("At a time"),
    "local_time": N_("By each recipient's clock"),
    "recurring": N_("Again and again"),
    "triggered": N_("When something happens"),
}
PERS: Final[Mapping[str, str]] = {
    "second": N_("each second"),
    "minute": N_("each minute"),
    "hour": N_("each hour"),
    "day": N_("each day"),
}
EVERY: Final[Mapping[str, str]] = {"day": N_("days"), "week": N_("weeks"), "month": N_("months")}
WEEKDAYS: Final[Mapping[str, str]] = {
    "mon": N_("Mon"), "tue": N_("Tue"), "wed": N_("Wed"), "thu": N_("Thu"), "fri": N_("Fri"), "sat": N_("Sat"),
    "sun": N_("Sun"),
}  # fmt: skip
TRIGGERS: Final[Mapping[str, str]] = {
    "birthday": N_("Birthday, or another day of theirs"),
    "holiday": N_("A public holiday"),
    "ticket_closed": N_("A ticket was closed"),
    "purchase": N_("They bought something"),
    "fee_due": N_("A service ends and its fee is due"),
    "no_contact": N_("Nothing was heard of them for some days"),
}
QUIET: Final[Mapping[str, str]] = {
    "": N_("As usual: for marketing by SMS, WhatsApp and telephone"),
    "yes": N_("Always"),
    "no": N_("Never"),
}
PAUSES: Final[Mapping[str, str]] = {
    "failure_percent": N_("could not be delivered"),
    "bounce_percent": N_("bounced"),
    "complaint_percent": N_("complained"),
    "opt_out_percent": N_("opted out"),
}

#: Rows for caps that the form offers.
CAP_ROWS: Final = 2
_LONGEST: Final = 400
_ONE_LINE: Final = 64
#: Fields that have another name in what is kept.
_FIELDS: Final[Mapping[str, str]] = {
    "schedule.at": "at", "schedule.day": "day", "schedule.starts_on": "starts_on", "schedule.ends_on": "ends_on",
    "schedule.time": "time", "schedule.timezone": "timezone", "schedule.interval": "interval", "schedule.days": "days",
    "schedule.weekdays": "weekdays", "schedule.most_recipients": "most_recipients", "schedule.daily_cap": "daily_cap",
    "schedule.late_minutes": "late_minutes", "schedule.drip": "drip_messages", "schedule.trigger.field": "field",
    "schedule.trigger.days_before": "days_before", "schedule.trigger.country": "country",
    "schedule.trigger.names": "names", "schedule.trigger.after_minutes": "after_minutes",
    "schedule.trigger.after_days": "after_days", "schedule.trigger.days": "silent_days", "schedule.trigger": "on",
    "limits.expires_hours": "expires_hours", "limits.quiet_hours": "quiet_from", "limits.caps": "caps",
    "limits.canary": "canary_recipients", "limits.experiment.holdout_percent": "holdout_percent",
    "limits.experiment.shares": "shares", "limits.pause": "pause",
}  # fmt: skip


def schedule_values(schedule: AnySchedule, limits: Limits, zone: ZoneInfo) -> dict[str, Any]:
    """The fields of a schedule and limits, as the form shows them. ``zone`` is the company's."""
    values: dict[str, Any] = {
        "mode": schedule.mode, "late_minutes": 60, "drip_messages": "", "drip_per": "minute", "time": "09:00",
        "every": "week", "interval": 1, "weekdays": (), "days": "", "timezone": zone.key, "starts_on": "",
        "ends_on": "", "most_recipients": "", "on": "birthday", "field": "birthday", "days_before": 0, "country": "",
        "names": "", "after_minutes": 60, "kinds": (), "after_days": 1, "silent_days": 90, "daily_cap": "",
        "fee_days_before": 7,
    }  # fmt: skip
    kept = schedule.model_dump(mode="json")
    values |= {name: value for name, value in kept.items() if name in values and value is not None}
    values["days"] = ", ".join(str(day) for day in kept.get("days", ()))
    values["day"] = kept.get("day", "")
    values["at"] = schedule.at.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if isinstance(schedule, At) else ""
    if drip := kept.get("drip"):
        values |= {"drip_messages": drip["messages"], "drip_per": drip["per"]}
    if isinstance(schedule, Triggered):
        trigger = kept["trigger"]
        values |= {name: value for name, value in trigger.items() if name in values and value is not None}
        values["names"] = ", ".join(trigger.get("names", ()))
        values["silent_days"] = trigger.get("days", values["silent_days"])
        if trigger["on"] == "fee_due":
            values |= {"fee_days_before": trigger["days_before"], "days_before": 0}
        values["days"] = ""
    return values | _limit_values(limits)


def _limit_values(limits: Limits) -> dict[str, Any]:
    kept = limits.model_dump(mode="json")
    canary = kept["canary"] or {}
    quiet = kept["quiet_hours"]
    return {
        "expires_hours": kept["expires_hours"],
        "quiet": {None: "", True: "yes", False: "no"}[quiet["apply"]],
        "quiet_from": (quiet["hours"] or ("", ""))[0],
        "quiet_to": (quiet["hours"] or ("", ""))[1],
        "quiet_holidays": "yes" if quiet["holidays"] else "",
        "caps": [(cap["messages"], cap["days"]) for cap in kept["caps"]],
        "canary_recipients": canary.get("recipients", ""),
        "canary_wait": canary.get("wait_minutes", 30),
        "canary_failure": canary.get("failure_percent", 5),
        "canary_complaint": canary.get("complaint_percent", 0.1),
        "canary_opt_out": canary.get("opt_out_percent", 2),
        "holdout_percent": kept["experiment"]["holdout_percent"],
        "shares": kept["experiment"]["shares"],
        "pause": {name: _shown(kept["pause"][name]) for name in (*PAUSES, "warn_complaint_percent", "minimum")},
    }


def read_schedule_form(form: Form, zone: ZoneInfo, arms: Sequence[str] = ("A",)) -> tuple[AnySchedule, Limits]:
    """What the form means; ``arms`` are the names of the campaign's variants. Raises Invalid, naming the field as
    ``field_of`` tells it."""
    return read_schedule(_schedule(form, zone)), read_limits(_limits(form, arms))


def _schedule(form: Form, zone: ZoneInfo) -> dict[str, Any]:
    mode = field(form, "mode", _ONE_LINE) or "now"
    made: dict[str, Any] = {"mode": mode}
    if mode in ("now", "at", "recurring") and (messages := _number(form, "drip_messages", "schedule.drip")) is not None:
        made["drip"] = {"messages": messages, "per": field(form, "drip_per", _ONE_LINE)}
    if mode in ("at", "local_time", "recurring"):
        made["late_minutes"] = _number(form, "late_minutes", "schedule.late_minutes") or 60
    match mode:
        case "at":
            made["at"] = _moment(field(form, "at", _ONE_LINE), zone)
        case "local_time":
            made |= {"day": field(form, "day", _ONE_LINE), "time": field(form, "time", _ONE_LINE)}
        case "recurring":
            made |= _recurring(form)
        case "triggered":
            made |= {"trigger": _trigger(form), "daily_cap": _number(form, "daily_cap", "schedule.daily_cap"),
                     "time": field(form, "time", _ONE_LINE) or "09:00"}  # fmt: skip
            made |= {name: text for name in ("starts_on", "ends_on") if (text := field(form, name, _ONE_LINE))}
    return made


def _recurring(form: Form) -> dict[str, Any]:
    every = field(form, "every", _ONE_LINE)
    days = [part.strip() for part in field(form, "days", _LONGEST).replace("，", ",").split(",") if part.strip()]
    if not all(part.removeprefix("-").isdecimal() for part in days):
        raise Invalid("schedule.days: Days of a month are 1 to 31; -1 is the last one.")
    return {
        "every": every,
        "interval": _number(form, "interval", "schedule.interval") or 1,
        "weekdays": fields(form, "weekdays") if every == "week" else [],
        "days": [int(part) for part in days] if every == "month" else [],
        "time": field(form, "time", _ONE_LINE),
        "timezone": field(form, "timezone", _ONE_LINE),
        "starts_on": field(form, "starts_on", _ONE_LINE),
        "ends_on": field(form, "ends_on", _ONE_LINE) or None,
        "most_recipients": _number(form, "most_recipients", "schedule.most_recipients"),
    }


def _trigger(form: Form) -> dict[str, Any]:
    on = field(form, "on", _ONE_LINE)
    match on:
        case "birthday":
            days_before = _number(form, "days_before", "schedule.trigger.days_before") or 0
            return {"on": on, "field": field(form, "field", _ONE_LINE), "days_before": days_before}
        case "holiday":
            names = [part.strip() for part in field(form, "names", 2_000).split(",") if part.strip()]
            return {"on": on, "country": field(form, "country", 2).upper(), "names": names}
        case "ticket_closed":
            after = _number(form, "after_minutes", "schedule.trigger.after_minutes") or 0
            return {"on": on, "after_minutes": after, "kinds": fields(form, "kinds")}
        case "purchase":
            return {"on": on, "after_days": _number(form, "after_days", "schedule.trigger.after_days") or 0}
        case "fee_due":
            return {"on": on, "days_before": _number(form, "fee_days_before", "schedule.trigger.days_before") or 0}
        case "no_contact":
            return {"on": on, "days": _number(form, "silent_days", "schedule.trigger.days") or 0}
    return {"on": on}


def _limits(form: Form, arms: Sequence[str]) -> dict[str, Any]:
    hours = [field(form, name, _ONE_LINE) for name in ("quiet_from", "quiet_to")]
    made: dict[str, Any] = {
        "expires_hours": _number(form, "expires_hours", "limits.expires_hours") or 24,
        "quiet_hours": {
            "apply": {"yes": True, "no": False}.get(field(form, "quiet", _ONE_LINE)),
            "hours": hours if any(hours) else None,
            "holidays": field(form, "quiet_holidays", _ONE_LINE) == "yes",
        },
        "caps": _caps(form),
        "experiment": {"holdout_percent": _percent(form, "holdout_percent", "limits.experiment.holdout_percent") or 0},
        "pause": {name: _percent(form, f"pause_{name}", "limits.pause") for name in PAUSES},
    }
    shares = {arm: _percent(form, f"share_{arm}", "limits.experiment.shares") for arm in arms}
    if len(shares) > 1 and any(share is not None for share in shares.values()):
        made["experiment"]["shares"] = {arm: share or 0 for arm, share in shares.items()}
    made["pause"]["warn_complaint_percent"] = _percent(form, "pause_warn_complaint_percent", "limits.pause")
    if (minimum := _number(form, "pause_minimum", "limits.pause")) is not None:
        made["pause"]["minimum"] = minimum
    if recipients := _number(form, "canary_recipients", "limits.canary"):
        made["canary"] = {"recipients": recipients, "wait_minutes": _number(form, "canary_wait", "limits.canary") or 0}
        for name in ("failure", "complaint", "opt_out"):
            if (percent := _percent(form, f"canary_{name}", "limits.canary")) is not None:
                made["canary"][f"{name}_percent"] = percent
    return made


def _caps(form: Form) -> list[dict[str, int]]:
    found = []
    for messages, days in zip(fields(form, "cap_messages"), fields(form, "cap_days"), strict=False):
        if messages.strip() or days.strip():
            if not (messages.strip().isdecimal() and days.strip().isdecimal()):
                raise Invalid("limits.caps: Both a number of messages and one of days.")
            found.append({"messages": int(messages), "days": int(days)})
    return found


def field_of(error: HotlineError) -> str:
    """The form's field that a refusal is about, "" for none of these."""
    place = error.detail.partition(": ")[0]
    while place:
        if place in _FIELDS:
            return _FIELDS[place]
        place = place.rpartition(".")[0]
    return ""


def choices(country: str = "") -> dict[str, Any]:
    """What the form offers to choose from; ``country`` is the one whose holidays are chosen already."""
    known = known_names(Holidays(country)) if country in countries() else ()
    return {
        "holidays": known,
        "modes": MODES, "pers": PERS, "every": EVERY, "weekdays": WEEKDAYS, "triggers": TRIGGERS, "quiet": QUIET,
        "pauses": PAUSES, "countries": list(countries()), "cap_rows": CAP_ROWS,
    }  # fmt: skip


def _moment(text: str, zone: ZoneInfo) -> str:
    """A time as a browser's field says it, on the company's clock."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        raise Invalid("schedule.at: Say on which day and when.") from None


def _number(form: Form, name: str, place: str) -> int | None:
    text = field(form, name, 12).strip()
    if not text:
        return None
    if not text.isdecimal():
        raise Invalid(f"{place}: A whole number.")
    return int(text)


def _percent(form: Form, name: str, place: str) -> float | None:
    text = field(form, name, 12).strip().rstrip("%").replace(",", ".").strip()
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise Invalid(f"{place}: A number, like 0.3.") from None


def _shown(value: float | None) -> str | float:
    return "" if value is None else value
