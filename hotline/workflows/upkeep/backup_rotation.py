"""Which backups in a folder stay: the newest ones, and the newest of each of the last days, weeks and months."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

SUFFIX: Final = ".hlbackup"
_NAME: Final = re.compile(r"hotline-(\d{8}T\d{6})Z(?:-\d+)?\.hlbackup")
_SHAPE: Final = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True)
class Keep:
    """How many stay of each kind; all of them 0: every backup stays."""

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0

    @property
    def everything(self) -> bool:
        """Whether nothing is ever removed."""
        return not (self.last or self.daily or self.weekly or self.monthly)


def file_name(now: datetime) -> str:
    """The name of a backup made at this moment."""
    return f"hotline-{now.astimezone(UTC):{_SHAPE}}Z{SUFFIX}"


def made_at(path: Path) -> datetime | None:
    """When a backup of ``file_name`` was made; None for any other file, which is nobody's to remove."""
    found = _NAME.fullmatch(path.name)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1], _SHAPE).replace(tzinfo=UTC)
    except ValueError:
        return None


def expired(paths: Iterable[Path], keep: Keep) -> list[Path]:
    """The backups that have served their time, oldest first. Never the newest one."""
    if keep.everything:
        return []
    newest_first = sorted(
        ((made, path) for path in paths if (made := made_at(path)) is not None), key=lambda one: one[0], reverse=True
    )
    kept = {path for _, path in newest_first[: max(1, keep.last)]}
    for most, period in ((keep.daily, _day), (keep.weekly, _week), (keep.monthly, _month)):
        seen: set[tuple[int, ...]] = set()
        for made, path in newest_first:
            if len(seen) == most:
                break
            if (which := period(made)) not in seen:
                seen.add(which)
                kept.add(path)
    return [path for _, path in reversed(newest_first) if path not in kept]


def _day(moment: datetime) -> tuple[int, ...]:
    return moment.year, moment.month, moment.day


def _week(moment: datetime) -> tuple[int, ...]:
    return tuple(moment.isocalendar()[:2])


def _month(moment: datetime) -> tuple[int, ...]:
    return moment.year, moment.month
