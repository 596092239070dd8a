"""Opening hours of a day, as people write them: ``09:00–18:00``, or ``22:00–06:00`` into the next morning."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hotline.errors import Invalid

#: Keys of the days of a week, Monday first, as ``date.weekday()`` counts.
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

DAY_MINUTES: Final = 24 * 60

_TIME: Final = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """Open from ``start`` until just before ``end``, in minutes of the wall clock since the midnight that begins its
    day. An ``end`` beyond 24:00 lies in the next day; the whole opening belongs to the day on which it begins."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not (0 <= self.start < DAY_MINUTES and self.start < self.end <= self.start + DAY_MINUTES):
            raise ValueError(f"no opening: {self.start} to {self.end} minutes")

    @property
    def texts(self) -> tuple[str, str]:
        """As it is written: ``("22:00", "06:00")``."""
        end = self.end if self.end <= DAY_MINUTES else self.end - DAY_MINUTES
        return _written(self.start), _written(end)

    def __str__(self) -> str:
        return "–".join(self.texts)


def parse_opening(start: str, end: str) -> Opening:
    """The opening between two times of the day; an end that is not after the start is on the next day.

    Raises Invalid for anything else than times from 00:00 to 24:00, and for two equal ones, which could mean a whole
    day as well as nothing.
    """
    first, last = _minutes(start), _minutes(end)
    if first == last:
        raise Invalid(f"{start}–{end} is empty. Write 00:00–24:00 for the whole day.")
    if first == DAY_MINUTES:
        raise Invalid("An opening cannot begin at 24:00; begin it at 00:00 of the next day.")
    return Opening(first, last if last > first else last + DAY_MINUTES)


def _minutes(text: str) -> int:
    found = _TIME.fullmatch(text.strip())
    minutes = int(found[1]) * 60 + int(found[2]) if found else DAY_MINUTES + 1
    if minutes > DAY_MINUTES:
        raise Invalid(f"{text[:20]!r} is not a time. Write it like 09:00, up to 24:00.")
    return minutes


def _written(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
