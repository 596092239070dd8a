"""One lane per call: its story lines go to the records in order, all that has piled up at once, one at a time.

A lane exists only while it has lines. While the records are away its lines wait (in the journal too), and are tried
again with growing pauses; nothing is given up but a line that the records refuse again and again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final
from uuid import UUID

import structlog

from hotline.calls.story import CallsMerged, Line
from hotline.errors import Conflict, Unavailable
from hotline.telephony import metrics
from hotline.workflows.house import House

log = structlog.get_logger(__name__)

Apply = Callable[[Sequence[Line]], Awaitable[None]]
Done = Callable[[Iterable[int]], None]
Entry = tuple[int, Line]

#: Lanes that write at the same time; each takes one connection of the pool.
AT_ONCE: Final = 6
#: Most lines of one call in one unit of work.
BATCH: Final = 50
#: How often a batch that is refused is tried before its lines are tried one by one, and then dropped.
TRIES: Final = 4


class _Lane:
    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self.idle = asyncio.Event()


class Lanes:
    """``apply`` commits a batch of one call; ``done`` is told the serials of what is committed or given up."""

    def __init__(self, house: House, pbx: str, apply: Apply, done: Done, *, first_pause: float = 0.1) -> None:
        self._house = house
        self._pbx = pbx
        self._apply = apply
        self._done = done
        self._first_pause = first_pause
        self._lanes: dict[UUID, _Lane] = {}
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self.waiting = 0

    def put(self, entries: Iterable[Entry]) -> None:
        """Take lines with their serials (0 for a line that is in no journal)."""
        for entry in entries:
            call_id = entry[1].call_id
            lane = self._lanes.get(call_id)
            if lane is None:
                lane = self._lanes[call_id] = _Lane()
                lane.entries.append(entry)
                task = self._house.spawn(self._run(call_id, lane), f"call {call_id}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                lane.entries.append(entry)
            self.waiting += 1
            self._empty.clear()

    async def drained(self) -> None:
        """Until every line that was put is committed or given up."""
        await self._empty.wait()

    def stop(self) -> None:
        """Stop writing; what was not committed stays in the journal."""
        for task in self._tasks:
            task.cancel()

    async def _run(self, call_id: UUID, lane: _Lane) -> None:
        while lane.entries:
            await self._wait_for_merged(call_id, lane)
            async with self._room:
                batch = self._batch(lane)
                await self._commit(batch)
            for _ in batch:
                lane.entries.popleft()
            self.waiting -= len(batch)
            self._done(serial for serial, _ in batch if serial)
        del self._lanes[call_id]
        lane.idle.set()
        if not self._lanes:
            self._empty.set()

    async def _wait_for_merged(self, call_id: UUID, lane: _Lane) -> None:
        """A call that becomes part of this one must have told all it had to tell."""
        line = lane.entries[0][1]
        if isinstance(line, CallsMerged) and line.gone != call_id:
            other = self._lanes.get(line.gone)
            if other is not None:
                await other.idle.wait()

    @staticmethod
    def _batch(lane: _Lane) -> list[Entry]:
        """Up to BATCH lines; a merge only as the first, since it may have to wait."""
        batch: list[Entry] = []
        for entry in lane.entries:
            if len(batch) == BATCH or (batch and isinstance(entry[1], CallsMerged)):
                break
            batch.append(entry)
        return batch

    async def _commit(self, batch: Sequence[Entry]) -> None:
        if await self._try([line for _, line in batch]):
            return
        for _, line in batch if len(batch) > 1 else ():
            if not await self._try([line]):
                self._drop(line)
        if len(batch) == 1:
            self._drop(batch[0][1])

    async def _try(self, lines: Sequence[Line]) -> bool:
        """Whether the records took the lines. While they are away this waits; a refusal is tried TRIES times."""
        pause, refusals = self._first_pause, 0
        while True:
            try:
                await self._apply(lines)
                return True
            except Unavailable:
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
            except Exception as error:
                # Conflict: two readers of one PBX at the same moment; anything else is a fault of ours.
                refusals += 1
                if not isinstance(error, Conflict):
                    log.error("story.refused", pbx=self._pbx, line=type(lines[0]).__name__, exc_info=error)
                if refusals == TRIES:
                    return False
                await asyncio.sleep(pause)

    def _drop(self, line: Line) -> None:
        metrics.DROPPED.labels(self._pbx).inc()
        log.error("story.dropped", pbx=self._pbx, call=str(line.call_id), line=type(line).__name__)
