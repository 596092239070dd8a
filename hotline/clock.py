"""The one source of the present moment; everything else takes ``now`` as an argument."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

Clock = Callable[[], datetime]

#: Times that somebody writes lie between these: far from where the calendar ends, which some zones would cross.
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """The present moment, timezone-aware, in UTC."""
    return datetime.now(UTC)


def in_utc(at: datetime) -> datetime:
    """A time that somebody wrote, in UTC; one without a zone is in UTC already. Raises ValueError for one that is not
    between EARLIEST and LATEST."""
    try:
        moment = at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except OverflowError:
        moment = None
    if moment is None or not EARLIEST <= moment < LATEST:
        raise ValueError(f"a time from {EARLIEST.year} to {LATEST.year - 1}")
    return moment
