"""When a campaign's messages leave, as it is written down: in the campaign, its manifest, the API and the editor.

A schedule is one of five modes. Every default is spelled out in what is kept, since that is what a reviewer approves.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from hotline.calendars import WEEKDAYS, Holidays, parse_opening
from hotline.calendars.zones import zone_names
from hotline.clock import in_utc
from hotline.errors import Invalid

#: What a campaign is, by its schedule.
Kind = Literal["once", "recurring", "triggered"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Per = Literal["second", "minute", "hour", "day"]

SECONDS: Final[dict[Per, int]] = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
#: A campaign that could not begin within so many minutes of its time does not begin by itself any more.
LATE_MINUTES: Final = 60
_DAY_MINUTES: Final = 24 * 60
_LONGEST_MONTH: Final = 31
_MOST_NAMES: Final = 40


def _time(value: str) -> str:
    """One spelling of a time of day. ValueError for what is none."""
    try:
        return parse_opening(value, "24:00").texts[0]
    except Invalid as error:
        raise ValueError(error.detail) from None


#: A time of the day on somebody's wall clock.
TimeOfDay = Annotated[str, Field(max_length=5, examples=["09:00"]), AfterValidator(_time)]
Utc = Annotated[AwareDatetime, AfterValidator(in_utc)]
Late = Annotated[
    int,
    Field(ge=1, le=7 * _DAY_MINUTES, description="Minutes after its time after which it does not begin by itself."),
]


#: Years whose holidays are offered by name: movable ones are in some of them.
_YEARS: Final = range(2024, 2032)
#: Days of one name that are nearer to each other are one holiday. Feasts of the Islamic calendar may come twice a year.
_APART: Final = timedelta(days=15)
_INSTEAD: Final = ("(observed", "(substituted")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Drip(_Model):
    """At most so many messages in each second, minute, hour or day, evenly."""

    messages: int = Field(ge=1, le=1_000_000)
    per: Per = "minute"

    def offset(self, position: int) -> timedelta:
        """How long after the first message the one at ``position``, counted from 0, is due."""
        return timedelta(microseconds=position * SECONDS[self.per] * 1_000_000 // self.messages)


class Now(_Model):
    """As soon as it is started."""

    mode: Literal["now"] = "now"
    drip: Drip | None = None


class At(_Model):
    """At one instant."""

    mode: Literal["at"] = "at"
    at: Utc = Field(examples=["2030-05-01T09:00:00Z"])
    late_minutes: Late = LATE_MINUTES
    drip: Drip | None = None


class LocalTime(_Model):
    """On one day, when each recipient's own clock shows the time."""

    mode: Literal["local_time"] = "local_time"
    day: date
    time: TimeOfDay
    late_minutes: Late = LATE_MINUTES


class Recurring(_Model):
    """Again and again, each time for those who are in the approved segment by then.

    ``days`` are days of the month, -1 its last; a month that lacks a day is left out.
    """

    mode: Literal["recurring"] = "recurring"
    every: Literal["day", "week", "month"]
    interval: int = Field(1, ge=1, le=365, description="Every so many days, weeks or months.")
    weekdays: tuple[Weekday, ...] = Field((), max_length=7)
    days: tuple[Annotated[int, Field(ge=-1, le=_LONGEST_MONTH)], ...] = Field((), max_length=_LONGEST_MONTH)
    time: TimeOfDay
    timezone: str = Field(max_length=64, examples=["Asia/Shanghai"])
    starts_on: date
    ends_on: date | None = None
    most_recipients: int = Field(ge=1, le=5_000_000, description="Most recipients of each time.")
    late_minutes: Late = LATE_MINUTES
    drip: Drip | None = None

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in zone_names():
            raise ValueError(f"There is no time zone {value!r}. Write it like Europe/Berlin.")
        return value

    @field_validator("weekdays")
    @classmethod
    def _in_order(cls, value: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
        return tuple(day for day in WEEKDAYS if day in value)

    @field_validator("days")
    @classmethod
    def _each_once(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if 0 in value:
            raise ValueError("Days of a month are 1 to 31; -1 is the last one.")
        return tuple(sorted(set(value), key=lambda day: (day < 0, day)))

    @model_validator(mode="after")
    def _days_of_its_kind(self) -> Recurring:
        if (self.every == "week") != bool(self.weekdays):
            raise ValueError("weekdays: name the days for every week, and for nothing else.")
        if (self.every == "month") != bool(self.days):
            raise ValueError("days: name the days for every month, and for nothing else.")
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise ValueError("ends_on: it ends before it begins.")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """Whose clock ``time`` is on."""
        return ZoneInfo(self.timezone)


class Birthday(_Model):
    """A day that a custom field holds (the customer's birthday, an anniversary), every year."""

    on: Literal["birthday"]
    field: str = Field("birthday", pattern=r"^[a-z][a-z0-9_]{0,63}$", description="Key of a custom field: a date.")
    days_before: int = Field(0, ge=0, le=60)


class Holiday(_Model):
    """A public holiday of a country. No ``names``: every one."""

    on: Literal["holiday"]
    country: str = Field(pattern="^[A-Z]{2}$", examples=["CN"])
    subdivision: str | None = Field(None, max_length=16)
    names: tuple[Annotated[str, Field(min_length=1, max_length=120)], ...] = Field((), max_length=_MOST_NAMES)

    @model_validator(mode="after")
    def _known(self) -> Holiday:
        try:
            known = self.holidays
        except Invalid as error:
            raise ValueError(error.detail) from None
        for name in self.names:
            if name not in known_names(known):
                raise ValueError(f"names: {self.country} has no holiday {name[:40]!r}.")
        return self

    def is_first_day(self, day: date) -> bool:
        """Whether a holiday that is meant begins on ``day``. One of several days is greeted once, on its first; what is
        observed on another day is not greeted again."""
        known = self.holidays
        return any(
            (not self.names or name in self.names) and day in _first_days(known, day.year, name)
            for name in _names(known, day.year)
        )

    @property
    def holidays(self) -> Holidays:
        """Whose holidays. Raises Invalid."""
        return Holidays(self.country, self.subdivision)


class TicketClosed(_Model):
    """Some time after a ticket was closed. No ``kinds``: tickets of every kind."""

    on: Literal["ticket_closed"]
    after_minutes: int = Field(60, ge=0, le=30 * _DAY_MINUTES)
    kinds: tuple[Literal["consultation", "complaint", "service_request"], ...] = Field((), max_length=3)


class Purchased(_Model):
    """Some days after a purchase. No ``kinds``: products and services."""

    on: Literal["purchase"]
    after_days: int = Field(1, ge=0, le=365)
    kinds: tuple[Literal["product", "service"], ...] = Field((), max_length=2)


class FeeDue(_Model):
    """Some days before a service that was bought ends and its fee is due again."""

    on: Literal["fee_due"]
    days_before: int = Field(7, ge=0, le=90)


class NoContact(_Model):
    """So many days after the last call, message, ticket or purchase; once for each silence."""

    on: Literal["no_contact"]
    days: int = Field(ge=1, le=1_000)


Trigger = Annotated[
    Birthday | Holiday | TicketClosed | Purchased | FeeDue | NoContact,
    Field(discriminator="on"),
]


class Triggered(_Model):
    """Whenever something happens to a customer of the approved segment, at most ``daily_cap`` a day.

    ``time`` is on the recipient's clock; what happens at a moment (a ticket is closed) goes by the moment instead.
    """

    mode: Literal["triggered"] = "triggered"
    trigger: Trigger
    time: TimeOfDay = "09:00"
    daily_cap: int = Field(ge=1, le=1_000_000, description="Most recipients of each day.")
    starts_on: date | None = None
    ends_on: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Triggered:
        if self.starts_on is not None and self.ends_on is not None and self.ends_on < self.starts_on:
            raise ValueError("ends_on: it ends before it begins.")
        return self

    def runs_on(self, day: date) -> bool:
        """Whether messages of this day are wanted."""
        return (self.starts_on is None or day >= self.starts_on) and (self.ends_on is None or day <= self.ends_on)


def _with_mode(value: Any) -> Any:
    if value is None:
        return {"mode": "now"}
    if isinstance(value, dict) and "mode" not in value:
        return {**value, "mode": "at" if value.get("at") else "now"}
    return value


AnySchedule = Now | At | LocalTime | Recurring | Triggered
Schedule = Annotated[
    AnySchedule,
    Field(discriminator="mode"),
    BeforeValidator(_with_mode),
]
_READ: Final[TypeAdapter[AnySchedule]] = TypeAdapter(Schedule)


def read_schedule(value: Any) -> AnySchedule:
    """The schedule that JSON holds. Raises Invalid, naming the field."""
    try:
        return _READ.validate_python(value)
    except ValidationError as error:
        raise Invalid(told(error, "schedule")) from None


def kind_of(schedule: AnySchedule) -> Kind:
    """What a campaign with this schedule is."""
    match schedule:
        case Recurring():
            return "recurring"
        case Triggered():
            return "triggered"
        case _:
            return "once"


def drip_of(schedule: AnySchedule) -> float | None:
    """How many messages of it may leave in a second; None: as many as there are."""
    drip = None if isinstance(schedule, Triggered | LocalTime) else schedule.drip
    return None if drip is None else drip.messages / SECONDS[drip.per]


def first_of(schedule: AnySchedule) -> datetime | None:
    """The instant that a schedule names; None where it begins when it is started, or on its recipients' clocks."""
    return schedule.at if isinstance(schedule, At) else None


def told(error: ValidationError, where: str) -> str:
    """The first thing that is wrong, for people: ``schedule.time: …``."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = list(first["loc"])
    if where == "schedule" and place:
        # The tags of the unions are no fields of what was written.
        del place[0]
        if len(place) > 1 and place[0] == "trigger":
            del place[1]
    message = first["msg"].removeprefix("Value error, ")
    return f"{'.'.join([where, *map(str, place)])}: {message}"


@lru_cache(maxsize=256)
def known_names(holidays: Holidays) -> tuple[str, ...]:
    """The names of a country's holidays in English, in the order of the year."""
    found: dict[str, None] = {}
    for year in _YEARS:
        found.update(dict.fromkeys(_names(holidays, year)))
    return tuple(found)


@lru_cache(maxsize=512)
def _names(holidays: Holidays, year: int) -> tuple[str, ...]:
    """Two holidays on one day are told as one name with a semicolon. Days off in place of others are no feasts."""
    days = sorted(holidays.year(year).items())
    names = (name for _, told in days for name in told.split("; "))
    return tuple(dict.fromkeys(name for name in names if not any(mark in name for mark in _INSTEAD)))


@lru_cache(maxsize=2_048)
def _first_days(holidays: Holidays, year: int, name: str) -> frozenset[date]:
    days = sorted(day for day, told in holidays.year(year).items() if name in told.split("; "))
    return frozenset(day for index, day in enumerate(days) if not index or day - days[index - 1] > _APART)
