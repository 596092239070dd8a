"""What the outside tells happens once, however often it is told (``crm.commands.upkeep.claims``)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hotline.crm.commands.upkeep.claims import claim, keep
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House

Work = Callable[[UnitOfWork], Awaitable[str]]


@dataclass
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class _Turns(dict[str, _Turn]):
    """Who is being worked for in this process, by the event's first key."""


async def once(house: House, keys: Sequence[str], work: Work) -> str:
    """Do ``work`` and answer what it answers, in one unit of work with the claim of the event by all of its ``keys``;
    what was answered before when the event came already.

    ``work`` must ask the database by the unit of work alone: one that waited for a second connection could wait for
    those that wait for it.
    """
    async with turn(house, keys[0]), house.unit(SYSTEM) as uow:
        earlier = await claim(uow, keys)
        if earlier is not None:
            return earlier
        reply = await work(uow)
        await keep(uow, keys, reply)
        return reply


@asynccontextmanager
async def turn(house: House, key: str) -> AsyncIterator[None]:
    """Duplicates in one process wait here, without a connection; those in others wait in the database."""
    turns: _Turns = house.kept.setdefault(_Turns, _Turns())
    turn = turns.setdefault(key, _Turn())
    turn.waiting += 1
    try:
        async with turn.lock:
            yield
    finally:
        turn.waiting -= 1
        if not turn.waiting:
            turns.pop(key, None)
