"""A business calendar as it is written down: in the database, in the API, in the settings page's form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from hotline.calendars.calendar import Calendar
from hotline.calendars.holidays import Holidays
from hotline.calendars.hours import WEEKDAYS, Opening, parse_opening
from hotline.calendars.zones import zone_names
from hotline.errors import Invalid

MOST_OPENINGS: Final = 8
MOST_EXCEPTIONS: Final = 1_000

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Locale = Literal["en", "zh"]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Written = Annotated[tuple[str, str], Field(description="Opens, closes: 09:00, 18:00; 22:00, 06:00 is past midnight.")]


def _normal(value: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """In order and in one spelling. ValueError for what is no opening."""
    try:
        return tuple(opening.texts for opening in _openings(value))
    except Invalid as error:
        raise ValueError(error.detail) from None


def _openings(value: tuple[tuple[str, str], ...]) -> tuple[Opening, ...]:
    return tuple(sorted(parse_opening(start, end) for start, end in value))


Openings = Annotated[tuple[Written, ...], Field(max_length=MOST_OPENINGS), AfterValidator(_normal)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class ExceptionSpec(_Model):
    """A date that is not as its weekday or its holiday says. No openings: closed."""

    date: date
    openings: Openings = ()
    reason: str = Field("", max_length=200)


class CalendarSpec(_Model):
    """When the company is open. No ``timezone``: that of the installation. No ``country``: no public holidays."""

    names: dict[Locale, Name] = Field(min_length=1)
    timezone: str | None = Field(None, max_length=64, examples=["Europe/Berlin"])
    hours: dict[Weekday, Openings] = Field(default_factory=dict, examples=[{"mon": [["09:00", "18:00"]]}])
    country: str | None = Field(None, max_length=2, examples=["CN"], description="Whose public holidays are closed.")
    subdivision: str | None = Field(None, max_length=16, examples=["BY"])
    categories: tuple[Annotated[str, Field(max_length=32)], ...] = Field((), max_length=10)
    make_up: bool = Field(False, description="Weekend days that the country works in place of others are open.")
    exceptions: tuple[ExceptionSpec, ...] = Field((), max_length=MOST_EXCEPTIONS)

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        if value and value not in zone_names():
            raise ValueError(f"There is no time zone {value!r}. Write it like Europe/Berlin.")
        return value or None

    @field_validator("country", "subdivision", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return value or None

    @field_validator("hours")
    @classmethod
    def _hours(cls, value: Mapping[Weekday, Openings]) -> dict[Weekday, Openings]:
        return {day: openings for day, openings in value.items() if openings}

    @field_validator("exceptions")
    @classmethod
    def _sorted(cls, value: tuple[ExceptionSpec, ...]) -> tuple[ExceptionSpec, ...]:
        ordered = tuple(sorted(value, key=lambda each: each.date))
        for first, second in pairwise(ordered):
            if first.date == second.date:
                raise ValueError(f"{first.date} stands here twice.")
        return ordered

    @model_validator(mode="after")
    def _holidays(self) -> CalendarSpec:
        if self.country is None and (self.subdivision or self.categories):
            raise ValueError("country: choose one for its holidays.")
        try:
            _ = self.holidays
        except Invalid as error:
            raise ValueError(error.detail) from None
        return self

    @property
    def holidays(self) -> Holidays | None:
        """Whose holidays are kept."""
        return None if self.country is None else Holidays(self.country, self.subdivision, self.categories)

    def calendar(self, key: str, default: ZoneInfo) -> Calendar:
        """The calendar itself; ``default`` is the installation's zone."""
        return Calendar(
            name=key,
            zone=ZoneInfo(self.timezone) if self.timezone else default,
            hours=tuple(_openings(self.hours.get(day, ())) for day in WEEKDAYS),
            holidays=self.holidays,
            make_up=self.make_up,
            exceptions={each.date: (_openings(each.openings), each.reason) for each in self.exceptions},
        )
