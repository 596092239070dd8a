"""What the pages of people share: words of roles and levels, hours in few lines, sign-ins, figures of a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import ValidationError

from hotline.calendars.hours import WEEKDAYS
from hotline.calendars.shifts import WorkingHours, works_at
from hotline.crm.queries.calls.performance import Day, Person, get_performance, list_days
from hotline.crm.queries.people.users import UserView
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.i18n import zone_of
from hotline.web.desktop.render import say
from hotline.web.desktop.words import N_
from hotline.workflows.company.calendars import rules_of

LEVELS: Final[Mapping[int, str]] = {
    1: N_("beginning"),
    2: N_("with help"),
    3: N_("on their own"),
    4: N_("very good"),
    5: N_("teaches it"),
}
OUTCOMES: Final[Mapping[str, str]] = {
    "in": N_("signed in"),
    "wrong_password": N_("wrong password"),
    "wrong_code": N_("wrong code"),
    "locked": N_("locked"),
    "disabled": N_("may not sign in"),
}
METHODS: Final[Mapping[str, str]] = {
    "password": N_("password"),
    "totp": N_("password and code"),
    "recovery_code": N_("password and recovery code"),
}
DAYS: Final[Mapping[str, str]] = {
    "mon": N_("Mon"),
    "tue": N_("Tue"),
    "wed": N_("Wed"),
    "thu": N_("Thu"),
    "fri": N_("Fri"),
    "sat": N_("Sat"),
    "sun": N_("Sun"),
}

#: The times that can be chosen: key → (words, days before today, days).
SPANS: Final[Mapping[str, str]] = {
    "today": N_("Today"),
    "7": N_("7 days"),
    "30": N_("30 days"),
    "90": N_("90 days"),
}


@dataclass(frozen=True, slots=True)
class Span:
    """A time that ends now, whole days of the reader's zone."""

    key: str
    start: datetime
    end: datetime


def span_of(request: web.Request, default: str = "30") -> Span:
    """The time that the page's address asks for."""
    key = request.query.get("days", default)
    if key not in SPANS:
        key = default
    zone = zone_of(request)
    now = house_of(request).clock()
    today = now.astimezone(zone).date()
    first = today - timedelta(days=0 if key == "today" else int(key) - 1)
    return Span(key, datetime.combine(first, time.min, zone).astimezone(UTC), now)


@dataclass(frozen=True, slots=True)
class Chart:
    """Days as bars: (day, its height in percent of the greatest, what it says)."""

    bars: Sequence[tuple[date, float, Day]]
    most: int


async def performance(request: web.Request, user_id: Any, span: Span) -> tuple[Person, Chart]:
    """A person's figures and days."""
    house, viewer = house_of(request), signed_of(request).viewer
    person = await get_performance(house.db, viewer, user_id, span.start, span.end, span.end)
    days = await list_days(house.db, viewer, user_id, span.start, span.end, span.end, str(zone_of(request)))
    most = max((day.calls for day in days), default=0)
    return person, Chart([(day.day, 100 * day.calls / most if most else 0.0, day) for day in days], most)


async def works_now(request: web.Request, user: UserView) -> bool:
    """Whether the user works now, by their hours."""
    house = house_of(request)
    calendars = (await rules_of(house)).calendars if user.working_hours else {}
    return works_at(user.working_hours, house.clock(), calendars, house.settings.timezone)


def hours_lines(request: web.Request, hours: Mapping[str, Any] | None, names: Mapping[str, str]) -> list[str]:
    """Working hours in few lines; ``names`` are those of the calendars. Empty: always."""
    if not hours:
        return []
    if key := hours.get("calendar"):
        return [say(request, N_("as {calendar}"), calendar=names.get(key, key))]
    try:
        weekly = WorkingHours.model_validate(dict(hours)).weekly
    except ValidationError:
        return []
    lines: list[tuple[str, str, str]] = []
    for day in WEEKDAYS:
        openings = ", ".join(f"{start}–{end}" for start, end in weekly.get(day, ()))
        if not openings:
            continue
        follows = lines and lines[-1][2] == openings and WEEKDAYS.index(lines[-1][1]) + 1 == WEEKDAYS.index(day)
        if follows:
            lines[-1] = (lines[-1][0], day, openings)
        else:
            lines.append((day, day, openings))
    shown = []
    for first, last, openings in lines:
        named = (
            say(request, DAYS[first]) if first == last else f"{say(request, DAYS[first])}–{say(request, DAYS[last])}"
        )
        shown.append(f"{named} {openings}")
    if zone := hours.get("timezone"):
        shown.append(str(ZoneInfo(zone)))
    return shown
