"""Lines of one call keep their order and wait for nobody but the records; calls do not wait for each other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest

from hotline.calls.story import CallAliased, CallHeld, CallsMerged, Line
from hotline.errors import Conflict, Invalid, Unavailable
from hotline.telephony.lanes import AT_ONCE, BATCH, TRIES, Lanes
from hotline.workflows.house import House

AT = datetime(2026, 3, 1, tzinfo=UTC)
A, B = UUID(int=1), UUID(int=2)


class Tasks:
    """The part of a house that lanes need."""

    def spawn(self, coroutine: Any, name: str) -> asyncio.Task[Any]:
        return asyncio.create_task(coroutine, name=name)


class Records:
    """Takes batches, one at a time for each gate that is opened."""

    def __init__(self) -> None:
        self.batches: list[list[Line]] = []
        self.done: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures: list[Exception] = []
        self.poison: Line | None = None
        self.writing = 0
        self.most = 0

    async def apply(self, lines: Sequence[Line]) -> None:
        self.writing += 1
        self.most = max(self.most, self.writing)
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
            if self.failures:
                raise self.failures.pop(0)
            if self.poison in lines:
                raise Invalid("never")
            self.batches.append(list(lines))
        finally:
            self.writing -= 1

    def acknowledge(self, serials: Iterable[int]) -> None:
        self.done += serials


def lanes_for(records: Records) -> Lanes:
    return Lanes(cast(House, Tasks()), "test", records.apply, records.acknowledge, first_pause=0.001)


def held(call: UUID, second: int) -> CallHeld:
    return CallHeld(call, AT.replace(second=second), None, True)


async def test_what_piles_up_for_a_call_is_one_batch_in_order() -> None:
    records = Records()
    lanes = lanes_for(records)
    records.gate.clear()
    lanes.put([(1, held(A, 0))])
    await asyncio.sleep(0)
    lanes.put((n + 1, held(A, n)) for n in range(1, 20))
    assert lanes.waiting == 20
    records.gate.set()
    await lanes.drained()
    assert [len(batch) for batch in records.batches] in ([1, 19], [20])
    assert [line for batch in records.batches for line in batch] == [held(A, n) for n in range(20)]
    assert records.done == list(range(1, 21))
    assert lanes.waiting == 0


async def test_a_batch_is_bounded_and_so_are_the_writers() -> None:
    records = Records()
    lanes = lanes_for(records)
    lanes.put((0, held(UUID(int=n % 20), n % 60)) for n in range(BATCH * 60))
    await lanes.drained()
    assert max(len(batch) for batch in records.batches) == BATCH
    assert records.most == AT_ONCE
    assert sum(len(batch) for batch in records.batches) == BATCH * 60
    assert all(len({line.call_id for line in batch}) == 1 for batch in records.batches)


async def test_a_call_that_becomes_part_of_another_tells_its_lines_first() -> None:
    records = Records()
    lanes = lanes_for(records)
    records.gate.clear()
    merge = CallsMerged(A, AT, B)
    lanes.put([(1, held(B, 1)), (2, held(A, 1)), (3, merge), (4, held(A, 2)), (5, CallAliased(B, AT, ()))])
    for _ in range(20):
        await asyncio.sleep(0)
    records.gate.set()
    await lanes.drained()
    told = [line for batch in records.batches for line in batch]
    assert told.index(merge) > max(told.index(held(B, 1)), told.index(CallAliased(B, AT, ())))
    assert told.index(held(A, 1)) < told.index(merge) < told.index(held(A, 2))


async def test_records_that_are_away_are_waited_for() -> None:
    records = Records()
    lanes = lanes_for(records)
    records.failures = [Unavailable() for _ in range(6)]
    lanes.put([(1, held(A, 1))])
    await lanes.drained()
    assert records.batches == [[held(A, 1)]]


async def test_a_refusal_that_passes_costs_nothing() -> None:
    records = Records()
    lanes = lanes_for(records)
    records.failures = [Conflict(), ValueError("odd")]
    lanes.put([(1, held(A, 1)), (2, held(A, 2))])
    await lanes.drained()
    assert records.batches == [[held(A, 1), held(A, 2)]]


async def test_a_line_that_is_refused_for_ever_costs_only_itself() -> None:
    records = Records()
    lanes = lanes_for(records)
    records.poison = held(A, 2)
    lanes.put([(1, held(A, 1)), (2, held(A, 2)), (3, held(A, 3))])
    await lanes.drained()
    assert records.batches == [[held(A, 1)], [held(A, 3)]]
    assert records.done == [1, 2, 3]
    assert TRIES > 1


async def test_stopping_leaves_what_is_not_committed() -> None:
    records = Records()
    lanes = lanes_for(records)
    records.gate.clear()
    lanes.put([(1, held(A, 1))])
    await asyncio.sleep(0)
    lanes.stop()
    records.gate.set()
    for _ in range(10):
        await asyncio.sleep(0)
    assert records.done == []
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(lanes.drained(), 0.01)
