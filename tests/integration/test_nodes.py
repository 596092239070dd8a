"""Two ``hotline serve`` on one database and one PBX: pops whichever node, and a node that dies in the middle."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from hotline.crm.viewer import SYSTEM
from hotline.simulator.call import Phone
from hotline.simulator.handsets import Simulator
from hotline.simulator.world import Plan
from hotline.workflows.customers import customers
from hotline.workflows.house import House
from hotline.workflows.people import users
from tests.conftest import SECRET
from tests.integration.served import PATIENCE, Served, serve
from tests.unit.web.twins import read_blocks
from tests.waiting import until

QUEUE, LINE = "support", "+4930555000"
AGENTS = [Phone("1001", "Anna", "PJSIP/1001"), Phone("1002", "Ben", "PJSIP/1002")]
CALLER = "+8613912340412"


@dataclass
class Listener:
    """What one agent's stream told, kept by a task of its own."""

    login: str
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, address: str, headers: dict[str, str]) -> None:
        async with ClientSession(headers=headers) as client, client.get(f"{address}/api/v1/events") as response:
            assert response.status == 200
            async for block in read_blocks(response):
                if block.kind:
                    self.told.append((block.kind, block.data))
                    self.changed.set()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [data for told, data in self.told if told == kind]

    async def until(self, condition: Callable[[Listener], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition(self):
                await self.changed.wait()
                self.changed.clear()


@dataclass
class Company:
    """A PBX with two phones, agents with tokens, and the settings that processes start with."""

    pbx: Simulator
    given: dict[str, str]
    headers: dict[str, dict[str, str]]

    @asynccontextmanager
    async def listening(self, one: Served, login: str) -> AsyncIterator[Listener]:
        listener = Listener(login)
        task = asyncio.create_task(listener.run(one.address, self.headers[login]))
        await listener.until(lambda listener: bool(listener.of("snapshot")))
        yield listener
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def api(self, one: Served, path: str, login: str = "boss") -> Any:
        async with (
            ClientSession(headers=self.headers[login]) as client,
            client.get(f"{one.address}/api/v1{path}") as response,
        ):
            assert response.status == 200, await response.text()
            return await response.json()

    async def until_read(self, one: Served) -> None:
        """Waits until somebody reads the PBX."""

        async def is_read() -> bool:
            return any(pbx["connected"] for pbx in (await self.api(one, "/pbxs"))["items"])

        await until(is_read)


@pytest.fixture
async def company(house: House, db_url: str, tmp_path: Path) -> AsyncIterator[Company]:
    headers = {}
    for login, role, phone in (
        ("anna", "agent", AGENTS[0]),
        ("ben", "agent", AGENTS[1]),
        ("boss", "administrator", None),
    ):
        new: Any = {"login": login, "name": login.title(), "role": role}
        if phone is not None:
            new |= {"interfaces": [phone.interface], "extension": phone.extension, "queues": [QUEUE]}
        user = await users.create_user(house, SYSTEM, new)
        _, secret = await users.create_token(house, SYSTEM, user.id, "test", ["all"])
        headers[login] = {"Authorization": f"Bearer {secret}"}
    await customers.create_customer(
        house, SYSTEM, {"name": "王小明", "contact_points": [{"kind": "phone", "value": CALLER}]}
    )
    pbx = Simulator(Plan(AGENTS, (QUEUE,), {LINE: QUEUE}), [(QUEUE, phone) for phone in AGENTS])
    await pbx.start()
    given = {
        "HOTLINE_DATABASE_URL": db_url,
        "HOTLINE_DATA_DIR": str(tmp_path / "data"),
        "HOTLINE_SECRET_KEY": SECRET,
        "HOTLINE_AMI_URLS": f"ami://{pbx.user}:{pbx.secret}@127.0.0.1:{pbx.port}/main",
    }
    yield Company(pbx, given, headers)
    await pbx.close()


async def test_each_agent_gets_the_pop_whichever_node_they_are_on(company: Company) -> None:
    async with serve(company.given) as one, serve(company.given) as two:
        await company.until_read(one)
        async with company.listening(one, "anna") as anna, company.listening(two, "ben") as ben:
            key = company.pbx.call(CALLER, "W", LINE)
            for agent in (anna, ben):
                await agent.until(lambda agent: bool(agent.of("call.offered")))
                (pop,) = agent.of("call.offered")
                assert pop["agent"] == agent.login
                assert pop["caller"]["number"] == CALLER
                assert [customer["name"] for customer in pop["customers"]] == ["王小明"]
                assert pop["queue"] == QUEUE
            company.pbx.phone("1001", key, "answers")
            await anna.until(lambda anna: bool(anna.of("call.answered")))
            await ben.until(lambda ben: bool(ben.of("call.retracted")))
            company.pbx.handset(key, "hangs up")
            await anna.until(lambda anna: bool(anna.of("call.ended")))
            for agent in (anna, ben):
                ids = [data["event_id"] for _, data in agent.told]
                assert len(ids) == len(set(ids)), "no event twice"
                assert len(agent.of("call.offered")) == 1


async def test_the_node_that_reads_the_pbx_is_killed_in_the_middle_of_a_call(company: Company) -> None:
    async with serve(company.given) as one:
        await company.until_read(one)  # this one has the lease
        async with serve(company.given) as two, company.listening(two, "anna") as anna:
            key = company.pbx.call(CALLER, "W", LINE)
            await anna.until(lambda anna: bool(anna.of("call.offered")))
            company.pbx.phone("1001", key, "answers")
            await anna.until(lambda anna: bool(anna.of("call.answered")))
            await one.stop(signal.SIGKILL)

            company.pbx.handset(key, "hangs up")
            await anna.until(lambda anna: bool(anna.of("call.ended")))
            (call,) = (await company.api(two, "/calls"))["items"]
            assert (call["state"], call["disposition"], call["agent"]) == ("ended", "answered", "anna")

            again = company.pbx.call("+4915112345678", "", LINE)
            await anna.until(lambda anna: len(anna.of("call.offered")) == 2)
            assert anna.of("call.offered")[1]["customers"] == []
            company.pbx.handset(again, "hangs up")
            await anna.until(lambda anna: len(anna.of("call.retracted")) >= 1)
            calls = (await company.api(two, "/calls"))["items"]
            assert len(calls) == 2, json.dumps(calls)
