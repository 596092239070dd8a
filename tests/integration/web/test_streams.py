"""Streams over the real outbox: commits in any order, clients that come and go, two processes on one database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hotline.crm.viewer import SYSTEM
from hotline.events import EVERYONE, Event
from hotline.jobs import relay
from hotline.web.sources import DatabaseOutbox, nudges
from hotline.web.stream import Hub, Limits
from hotline.workflows.house import House
from tests.unit.web.twins import MemoryScene, read_blocks, signed

LIMITS = Limits(poll=0.05, queue=32, page=16)
WRITERS = 100
EACH = 3


async def silence() -> AsyncIterator[Sequence[Event]]:
    """A bus that never says anything."""
    await asyncio.Event().wait()
    yield ()


@asynccontextmanager
async def node(house: House, *, with_bus: bool) -> AsyncIterator[tuple[Hub, TestClient[Any, Any]]]:
    """One process's streams."""
    who = signed()
    scene = MemoryScene(valid={who.id: who.viewer})
    hub = Hub(DatabaseOutbox(house.db), nudges(house.bus) if with_bus else silence(), scene, LIMITS)
    await hub.start()

    async def handle(request: web.Request) -> web.StreamResponse:
        return await hub.serve(request, who, last_id=int(request.headers["Last-Event-ID"]), watch=False)

    app = web.Application()
    app.router.add_get("/", handle)
    async with TestClient(TestServer(app)) as client:
        yield hub, client
        await hub.close()


@pytest.mark.parametrize("with_bus", [True, False], ids=["with a bus", "without any bus message"])
async def test_a_hundred_writers_each_event_reaches_each_client_once(house: House, with_bus: bool) -> None:
    """Clients are cut at random, come back with their last id, and to another process than before."""
    dice = random.Random(11)
    written: list[str] = []

    async def write() -> None:
        for _ in range(EACH):
            await asyncio.sleep(dice.random() * 0.1)
            async with house.unit(SYSTEM) as uow:
                event = uow.emit("call.updated", [EVERYONE])
                # The id is made here, the commit comes later: in another order than the ids.
                await asyncio.sleep(dice.random() * 0.03)
            written.append(str(event.id))

    async def read(nodes: Sequence[TestClient[Any, Any]], told: list[str], stop: asyncio.Event) -> None:
        last = "0"
        known: set[str] = set()
        while not (stop.is_set() and known.issuperset(written)):
            response = await dice.choice(nodes).get("/", headers={"Last-Event-ID": last})
            blocks = read_blocks(response)
            for number in range(dice.randrange(2, 60)):
                try:
                    # What is there is waited for, however busy the machine is; what comes then, for a while.
                    async with asyncio.timeout(0.5 if number else None):
                        block = await anext(blocks)
                except (TimeoutError, StopAsyncIteration):
                    break
                last = block.id
                if block.kind == "call.updated" and block.data["event_id"] not in known:
                    known.add(block.data["event_id"])
                    told.append(block.data["event_id"])
            response.close()

    relaying = house.spawn(relay.run(house), "relay")
    stop = asyncio.Event()
    told: list[list[str]] = [[] for _ in range(4)]
    async with (
        node(house, with_bus=with_bus) as (_, one),
        node(house, with_bus=with_bus) as (_, two),
        asyncio.timeout(90),
        asyncio.TaskGroup() as group,
    ):
        for each in told:
            group.create_task(read([one, two], each, stop))
        async with asyncio.TaskGroup() as writers:
            for _ in range(WRITERS):
                writers.create_task(write())
        stop.set()
    relaying.cancel()
    assert len(written) == WRITERS * EACH
    for each in told:
        assert sorted(each) == sorted(written)


async def test_an_event_is_live_before_it_has_a_number(house: House) -> None:
    """No relay runs: the bus alone brings it, right after the commit, and only if that commits."""
    async with node(house, with_bus=True) as (_, client):
        response = await client.get("/", headers={"Last-Event-ID": "0"})
        blocks = read_blocks(response)
        async with asyncio.timeout(30):
            assert (await anext(blocks)).kind == "snapshot"
            with suppress(ZeroDivisionError):
                async with house.unit(SYSTEM) as uow:
                    uow.emit("call.updated", [EVERYONE])
                    raise ZeroDivisionError
            async with house.unit(SYSTEM) as uow:
                event = uow.emit("call.updated", [EVERYONE])
            block = await anext(blocks)
        assert (block.data["event_id"], block.id) == (str(event.id), "0")
        response.close()
