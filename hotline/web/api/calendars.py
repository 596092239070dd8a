"""Business calendars."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from hotline.calendars.holidays import FIRST_YEAR, LAST_YEAR
from hotline.calendars.spec import CalendarSpec
from hotline.crm.queries.company.calendars import CalendarView, get_calendar, list_calendars
from hotline.web.endpoint import Ask, Endpoint, Input, Output, endpoint
from hotline.workflows.company import calendars as workflow

Key = Annotated[str, Field(min_length=1, max_length=40)]


class CalendarOut(CalendarSpec):
    """When the company is open. `key` is its name in flows and policies; `policies` count by it."""

    key: str
    policies: int
    version: int
    updated_at: datetime


class CalendarList(Output):
    """Every calendar."""

    items: list[CalendarOut]
    next: str | None = None


class CalendarCreate(CalendarSpec):
    """A calendar to be made. Its key never changes."""

    key: Key


class CalendarPath(Input):
    """A calendar by its key."""

    key: Key


class DaysQuery(Input):
    """Which days."""

    year: int = Field(ge=FIRST_YEAR, le=LAST_YEAR)


class DayOut(Output):
    """A date that is not as its weekday says: a holiday, an exception, or a weekend day that is worked."""

    date: date
    openings: list[tuple[str, str]]
    why: str
    reason: str


class DayList(Output):
    """The special days of a year."""

    items: list[DayOut]
    next: str | None = None


def render(view: CalendarView) -> CalendarOut:
    """A calendar as it is shown outside."""
    return CalendarOut.model_construct(
        **{name: getattr(view.spec, name) for name in CalendarSpec.model_fields},
        key=view.key,
        policies=view.policies,
        version=view.version,
        updated_at=view.updated_at,
    )


@endpoint("GET", "/calendars", right="settings.read", summary="Business calendars")
async def list_business_calendars(ask: Ask) -> CalendarList:
    return CalendarList(items=[render(view) for view in await list_calendars(ask.house.db, ask.viewer)])


@endpoint("POST", "/calendars", right="settings.write", summary="Make a calendar", status=201)
async def create_calendar(ask: Ask, body: CalendarCreate) -> CalendarOut:
    spec = CalendarSpec.model_validate(body.model_dump(exclude={"key"}))
    return render(await workflow.create_calendar(ask.house, ask.viewer, body.key, spec))


@endpoint("GET", "/calendars/{key}", right="settings.read", summary="One calendar")
async def get_business_calendar(ask: Ask, path: CalendarPath) -> CalendarOut:
    return render(await get_calendar(ask.house.db, ask.viewer, path.key))


@endpoint("PUT", "/calendars/{key}", right="settings.write", summary="Replace a calendar")
async def replace_calendar(ask: Ask, path: CalendarPath, body: CalendarSpec) -> CalendarOut:
    """Open deadlines are computed again; what was told stays told. `If-Match` binds it to a version."""
    view = await get_calendar(ask.house.db, ask.viewer, path.key)
    expected = ask.expected_version(view.version, None)
    return render(await workflow.update_calendar(ask.house, ask.viewer, path.key, body, expected))


@endpoint("DELETE", "/calendars/{key}", right="settings.write", summary="Delete a calendar", status=204)
async def delete_calendar(ask: Ask, path: CalendarPath) -> None:
    """Not the shipped ones, nor one that a policy counts by."""
    await workflow.delete_calendar(ask.house, ask.viewer, path.key)


@endpoint("GET", "/calendars/{key}/days", right="settings.read", summary="The special days of a year")
async def list_special_days(ask: Ask, path: CalendarPath, query: DaysQuery) -> DayList:
    """Holidays by their names in the user's language, exceptions, and weekend days that are worked."""
    view = await get_calendar(ask.house.db, ask.viewer, path.key)
    calendar = view.spec.calendar(view.key, ask.house.settings.timezone)
    found = [
        DayOut(date=day.date, openings=[each.texts for each in day.openings], why=day.why, reason=day.reason)
        for day in calendar.special_days(query.year, ask.viewer.locale)
    ]
    return DayList(items=found)


routes: list[Endpoint] = [
    list_business_calendars,
    create_calendar,
    get_business_calendar,
    replace_calendar,
    delete_calendar,
    list_special_days,
]
