"""When somebody works: by a calendar of the company, or by hours of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hotline.calendars.calendar import Calendar
from hotline.calendars.spec import CalendarSpec, Openings, Weekday


class WorkingHours(BaseModel):
    """``calendar``: the key of one of the company's; else ``weekly`` hours in ``timezone`` (None: the company's)."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    calendar: str | None = Field(None, max_length=40, examples=["opening_hours"])
    weekly: dict[Weekday, Openings] = Field(default_factory=dict, examples=[{"mon": [["09:00", "17:00"]]}])
    timezone: str | None = Field(None, max_length=64, examples=["Europe/Berlin"])

    @model_validator(mode="after")
    def _one_of_both(self) -> WorkingHours:
        if self.calendar and (self.weekly or self.timezone):
            raise ValueError("Either a calendar or weekly hours, not both.")
        if not self.calendar:
            self._spec()
        return self

    def _spec(self) -> CalendarSpec:
        # One calendar of the company's kind without holidays: the same openings, zones and rules.
        return CalendarSpec(names={"en": "-"}, timezone=self.timezone, hours=self.weekly)

    def stored(self) -> dict[str, Any]:
        """As it is kept."""
        if self.calendar:
            return {"calendar": self.calendar}
        return {"weekly": {day: list(map(list, openings)) for day, openings in self._spec().hours.items()}} | (
            {"timezone": self.timezone} if self.timezone else {}
        )

    def calendar_among(self, known: Mapping[str, Calendar], default: ZoneInfo) -> Calendar | None:
        """The calendar to ask; None when it is one that is gone."""
        return known.get(self.calendar) if self.calendar else self._spec().calendar("own", default)


def works_at(stored: Mapping[str, Any] | None, at: datetime, known: Mapping[str, Calendar], default: ZoneInfo) -> bool:
    """Whether somebody with these stored hours works at a moment; without any, always."""
    if not stored:
        return True
    try:
        calendar = WorkingHours.model_validate(dict(stored)).calendar_among(known, default)
    except ValidationError:
        return True
    return calendar is None or calendar.is_open(at)
