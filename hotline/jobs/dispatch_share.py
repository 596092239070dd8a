"""How much of the machine dispatching takes while calls ring: a call's pop goes before a blast."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from time import monotonic, process_time
from typing import Final

from hotline.crm.queries.calls.calls import newest_call
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House

#: The part of all processors that the sending process uses at most while calls ring; the database takes about as much
#: for it. On a machine of sixteen and more this limits nothing: one process uses one. Groups stay as large as ever:
#: smaller ones mean more commits, for which pops wait longer than for the processor.
SHARE: Final = 1 / 16
#: How long after a call the desk counts as at work.
AT_WORK: Final = timedelta(minutes=1)
#: Seconds of its share that it may save up.
BURST_SECONDS: Final = 0.05
#: Seconds after which a group may begin whatever was used: also where the desk's own work counts
#: (HOTLINE_DISPATCH=here) campaigns go on.
LONGEST_WAIT: Final = 0.5


class Share:
    """``ringing`` is renewed by the dispatcher: whether calls rang lately. ``used`` tells the seconds of processor time
    of this process so far."""

    def __init__(
        self,
        processors: int | None = None,
        used: Callable[[], float] = process_time,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.ringing = False
        self._part = SHARE * (processors or os.cpu_count() or 1)
        self._used, self._now = used, now
        self._left, self._used_at, self._at = 0.0, used(), now()

    def wait(self) -> float:
        """Seconds until the next group may begin; 0: now."""
        now, used = self._now(), self._used()
        self._left += (now - self._at) * self._part - (used - self._used_at)
        self._left = min(self._left, self._part * BURST_SECONDS)
        self._at, self._used_at = now, used
        if not self.ringing:
            self._left = max(self._left, 0.0)
            return 0.0
        # What was used before calls rang, or for other things, is not paid for ever.
        self._left = max(self._left, -self._part * LONGEST_WAIT)
        return max(0.0, -self._left / self._part)


async def calls_rang(house: House) -> bool:
    """Whether a call came lately: the desk is at work."""
    newest = await newest_call(house.db, SYSTEM)
    return newest is not None and abs(house.clock() - newest) < AT_WORK
