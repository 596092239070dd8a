"""How much of the machine dispatching takes while calls ring: a call's pop goes before a blast."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic, process_time
from typing import Final

from hotline.crm.queries.calls.calls import newest_open_call
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House

#: The part of all processors that the sending process uses at most while calls ring; the database takes about as much
#: for it. On a machine of 32 and more this limits nothing: one process uses one. Groups stay as large as ever:
#: smaller ones mean more commits, for which pops wait longer than for the processor.
SHARE: Final = 1 / 32
#: How long after a call the desk counts as at work.
AT_WORK: Final = timedelta(minutes=1)
#: Seconds of its share that it may save up.
BURST_SECONDS: Final = 0.05
#: Seconds after which a group may begin whatever was used. What a group costs, and that hundreds more were taken for
#: it, is paid for in full. Where the desk's own work counts (HOTLINE_DISPATCH=here), it is not waited for so long.
LONGEST_WAIT: Final = 5.0
LONGEST_WAIT_HERE: Final = 0.5
#: The limit of a container's processors: microseconds within a period, or ``max``; the period.
_LIMIT: Final = Path("/sys/fs/cgroup/cpu.max")


def processors(limit: Path = _LIMIT) -> float:
    """How many processors this machine, or container, has."""
    count = float(os.cpu_count() or 1)
    with suppress(OSError, ValueError):  # no such file: not Linux; "max": no limit
        most, period = limit.read_text().split()
        count = min(count, int(most) / int(period))
    return count


class Share:
    """``used`` tells the seconds of processor time of this process so far. ``here``: the desk's work is among them."""

    def __init__(
        self,
        count: float | None = None,
        used: Callable[[], float] = process_time,
        now: Callable[[], float] = monotonic,
        *,
        here: bool = False,
    ) -> None:
        self._ringing = False
        self._part = SHARE * (count or processors())
        self._longest = LONGEST_WAIT_HERE if here else LONGEST_WAIT
        self._used, self._now = used, now
        self._left, self._used_at, self._at = 0.0, used(), now()

    @property
    def ringing(self) -> bool:
        """Whether calls rang lately; renewed by the dispatcher."""
        return self._ringing

    @ringing.setter
    def ringing(self, ringing: bool) -> None:
        if ringing and not self._ringing:
            self._count()  # what was used before is not paid for
        self._ringing = ringing

    def wait(self) -> float:
        """Seconds until the next group may begin; 0: now."""
        self._count()
        return max(0.0, -self._left / self._part)

    def _count(self) -> None:
        now, used = self._now(), self._used()
        self._left += (now - self._at) * self._part - (used - self._used_at)
        least = -self._part * self._longest if self._ringing else 0.0
        self._left = max(least, min(self._left, self._part * BURST_SECONDS))
        self._at, self._used_at = now, used


class Desk:
    """Whether the desk is at work, for who looks now and then."""

    def __init__(self) -> None:
        self._newest: datetime | None = None

    async def rang(self, house: House) -> bool:
        """Whether a call came lately; one that was over before anybody looked is none."""
        now = house.clock()
        latest = now + AT_WORK  # nodes' clocks differ; what is later came before a clock was put back
        found = await newest_open_call(house.db, SYSTEM, latest)
        known = [each for each in (found, self._newest) if each is not None and each <= latest]
        self._newest = max(known, default=None)
        return self._newest is not None and now - self._newest < AT_WORK
