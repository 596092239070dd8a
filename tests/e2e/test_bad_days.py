"""Bad days on real servers: something dies in the middle of a call. One call stays one call, and gaps are shown."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from hotline.crm.embedded import EmbeddedPostgres
from hotline.telephony import supervisor
from tests.conftest import FAST
from tests.databases import create_database
from tests.e2e.conftest import (
    PBX,
    Company,
    Office,
    close_office,
    first_sign_in,
    newest,
    open_office,
    service_settings,
)
from tests.e2e.person import Body, soon
from tests.e2e.proxy import Proxy
from tests.e2e.service import Service
from tests.e2e.test_journey import ended, over
from tests.rig import config, sound
from tests.rig.acts import ZHANG, bridged
from tests.rig.ami import Ami
from tests.rig.asterisk import Asterisk
from tests.rig.stage import Stage
from tests.rig.telephone import CalledTelephone, Telephone


@asynccontextmanager
async def answered(office: Office, stage: Stage) -> AsyncIterator[tuple[Body, Telephone]]:
    """A call that agent1 has answered, and the caller's telephone."""
    stage.phone("agent1", answer_after=0.5)
    async with stage.telephone(config.FIRST_ONLY, ZHANG) as caller:
        await office["agent1"].hears("call.answered")
        (call,) = await office.admin.calls()
        yield call, caller


async def test_hotline_killed_and_back_before_the_call_is_over(office: Office, stage: Stage) -> None:
    async with answered(office, stage) as (call, caller):
        await office.service.kill()
        await office.restart()
        caller.hang_up()
        after = await office.admin.call(ended, "the call is over")
    assert (after["id"], after["disposition"], after["agent"]) == (call["id"], "answered", "agent1")
    assert after["end_seen"]
    assert after["gaps"]
    assert len(await office.admin.calls()) == 1
    assert len(office["agent1"].offers()) == 1


@newest
async def test_a_call_that_ended_while_hotline_was_dead_is_closed_as_unseen(
    office: Office, stage: Stage, ami: Ami
) -> None:
    async with answered(office, stage) as (call, caller):
        await office.service.kill()
        caller.hang_up()
        await asyncio.to_thread(ami.wait, "the call is over", lambda event: event["Event"] == "Hangup")
    await office.restart()
    after = await office.admin.call(ended, "the call is closed")
    assert (after["id"], after["disposition"], after["end_seen"]) == (call["id"], "answered", False)
    assert [leg["end_reason"] for leg in after["legs"]] == ["unseen"]
    assert len(await office.admin.calls()) == 1


@newest
async def test_a_phone_that_rang_and_stopped_while_hotline_was_dead_does_not_pop_again(
    office: Office, stage: Stage, ami: Ami
) -> None:
    stage.phone("agent1", "never")
    async with stage.telephone(config.FIRST_ONLY, ZHANG) as caller:
        pop = await office["agent1"].hears("call.offered")
        await office.service.kill()
        caller.hang_up()
        await asyncio.to_thread(ami.wait, "the call is over", lambda event: event["Event"] == "Hangup")
    await office.restart()
    await office["agent1"].hears("call.retracted", lambda data: data["ring_id"] == pop["ring_id"])
    assert len(office["agent1"].offers()) == 1
    after = await office.admin.call(ended, "the call is closed")
    assert after["end_seen"] is False


@newest
async def test_asterisk_killed_in_the_middle_of_a_call(office: Office, stage: Stage, asterisk: Asterisk) -> None:
    async with answered(office, stage) as (call, _):
        await asyncio.to_thread(asterisk.kill)
        stage.clear()
        await asyncio.to_thread(asterisk.start)
        after = await office.admin.call(ended, "the call is closed")
        assert (after["id"], after["end_seen"]) == (call["id"], False)

    stage.phone("agent1", answer_after=0.5)  # and the next one is a call of its own, though ids begin anew
    await over(stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=2))
    await office.admin.call(lambda each: ended(each) and each["id"] != call["id"], "the next call is over")
    assert [each["end_seen"] for each in await office.admin.calls()] == [True, False]


@pytest.fixture
async def wire(asterisk: Asterisk) -> AsyncIterator[Proxy]:
    """A wire to the manager that can be cut."""
    async with Proxy(asterisk.ports.ami) as proxy:
        yield proxy


@pytest.fixture
async def wired(
    wire: Proxy, company_url: str, company: Company, tmp_path: Path, asterisk: Asterisk
) -> AsyncIterator[Office]:
    """An office whose manager connection goes over the wire."""
    url = asterisk.ami_url.replace(f":{asterisk.ports.ami}", f":{wire.port}")
    async with aiohttp.ClientSession() as session:
        opened = await open_office(service_settings(company_url, tmp_path, url), company.token, tmp_path, session)
        yield opened
        await close_office(opened)


@newest
@pytest.mark.parametrize("said", [b"Event: BridgeEnter\r\nPriv", b"Event: Hangup\r\nPrivilege: call"])
async def test_the_manager_is_cut_in_the_middle_of_an_event(
    wired: Office, stage: Stage, wire: Proxy, said: bytes
) -> None:
    wire.cut_after(said)
    async with answered(wired, stage) as (_, caller):
        caller.hang_up()
        call = await wired.admin.call(ended, "the call is over")
    pop = await wired["agent1"].hears("call.offered")
    assert wire.cuts == 1
    assert (call["id"], call["disposition"], call["agent"]) == (pop["call_id"], "answered", "agent1")
    assert len(await wired.admin.calls()) == 1
    assert len(wired["agent1"].offers()) == 1
    await wired.connected()


@newest
async def test_the_manager_is_away_during_a_call_and_says_so(
    wired: Office, stage: Stage, wire: Proxy, ami: Ami
) -> None:
    async with answered(wired, stage) as (call, caller):
        wire.cut()

        async def noticed() -> bool:
            return not any(pbx["connected"] for pbx in (await wired.admin.get("/pbxs"))["items"])

        await soon(noticed, "the lost connection is shown")
        caller.hang_up()
        await asyncio.to_thread(ami.wait, "the call is over", lambda event: event["Event"] == "Hangup")
    wire.mend()
    after = await wired.admin.call(ended, "the call is closed")
    assert (after["id"], after["end_seen"]) == (call["id"], False)
    assert after["gaps"]


@pytest.fixture
def own_postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this test's own, that may be stopped. Not below pytest's folder, which only root may enter."""
    with tempfile.TemporaryDirectory(prefix="hotline-postgres-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder), options=FAST)
        server.open()
        yield server
        server.close()


@newest
async def test_postgresql_away_during_a_whole_call(
    own_postgres: EmbeddedPostgres, tmp_path: Path, asterisk: Asterisk, stage: Stage, ami: Ami
) -> None:
    url = await create_database(own_postgres, "office")
    async with aiohttp.ClientSession() as session:
        settings = service_settings(url, tmp_path, asterisk.ami_url)
        office = await open_office(settings, await first_sign_in(settings), tmp_path, session)
        zhang = await office.customer("Zhang Wei", ZHANG)
        await asyncio.to_thread(own_postgres.close)
        stage.phone("agent1", answer_after=0.5)
        async with stage.telephone(config.FIRST_ONLY, ZHANG) as caller:
            await asyncio.to_thread(bridged, ami, "agent1")
            caller.hang_up()
            await asyncio.to_thread(ami.wait, "the call is over", lambda event: event["Event"] == "Hangup")
        await asyncio.to_thread(own_postgres.open)
        call = await office.admin.call(ended, "the call is there")
        assert (call["disposition"], call["agent"], call["end_seen"]) == ("answered", "agent1", True)
        assert call["customer_id"] == zhang["id"]
        assert len(await office.admin.calls()) == 1
        await close_office(office)


@newest
async def test_a_browser_that_reloads_gets_what_is_now_and_what_it_missed(office: Office, stage: Stage) -> None:
    agent = office["agent1"]
    last_id = agent.heard[-1].id
    await agent.deaf()
    async with (
        CalledTelephone(stage.asterisk.ports.phones["agent1"]) as phone,
        stage.telephone(config.FIRST_ONLY, ZHANG) as caller,
    ):
        await phone.rings()
        pop = await office.admin.call(lambda call: bool(call["legs"]), "the phone rings")
        await agent.listen(last_id=last_id)
        offer = await agent.hears("call.offered")
        assert offer["call_id"] == pop["id"]
        snapshot = agent.told("snapshot")[-1]
        assert [ring["call_id"] for ring in snapshot["rings"]] == [pop["id"]]
        await phone.pick_up(sound.tone(440, 0.1))
        await agent.hears("call.answered")
        caller.hang_up()
        await agent.hears("call.ended")
    assert len(agent.offers()) == 1


HOSTILE = [
    "<script>alert(1)</script>",
    "${SHELL(touch owned)}",
    "'; DROP TABLE call; --",
    "名前" * 40,
    "a" * 4000,
]


@newest
async def test_a_callers_name_is_only_text(office: Office, stage: Stage) -> None:
    await office.without_wrap_up()
    stage.phone("agent1", answer_after=0.5)
    for count, name in enumerate(HOSTILE, 1):
        before = len(office["agent1"].heard)
        async with stage.telephone(config.FIRST_ONLY, ZHANG, name=name) as caller:
            await office["agent1"].hears("call.answered", after=before)
            caller.hang_up()

        async def all_over(count: int = count) -> bool:
            calls = await office.admin.calls()
            return len(calls) == count and all(ended(call) for call in calls)

        await soon(all_over, f"the call of {name[:20]} is over")
        assert name not in office.service.log()
    assert {call["disposition"] for call in await office.admin.calls()} == {"answered"}
    assert [pop["caller"]["number"] for pop in office["agent1"].offers()] == [ZHANG] * len(HOSTILE)


@newest
async def test_a_command_refuses_what_is_no_number(office: Office) -> None:
    for to in ("+49301\r\nAction: Originate", "1002,1)&System(id", "${EXTEN}", "112", "+49\x00301"):
        await office["agent1"].post("/commands", {"action": "originate", "to": to}, status=422)


def test_the_lease_is_over_and_asked_for_within_the_seconds_that_the_runbook_promises() -> None:
    assert supervisor.LEASE.total_seconds() + supervisor.ASK_SECONDS < 5


@newest
async def test_the_holder_of_the_lease_is_killed_and_the_other_node_goes_on(
    office: Office, stage: Stage, tmp_path: Path
) -> None:
    (tmp_path / "second").mkdir()
    second = Service({**office.service.settings, "HOTLINE_DATA_DIR": str(tmp_path / "second")}, tmp_path, "node2")
    second.settings["HOTLINE_NODE"] = "node2"
    await second.start()
    try:
        async with answered(office, stage) as (call, caller):
            holder = next(pbx["node"] for pbx in (await office.admin.get("/pbxs"))["items"] if pbx["id"] == PBX)
            nodes = {"node1": office.service, "node2": second}
            living = nodes["node2" if holder == "node1" else "node1"]
            await nodes[holder].kill()
            office.use(living)

            async def taken_over() -> bool:
                pbx = next(each for each in (await office.admin.get("/pbxs"))["items"] if each["id"] == PBX)
                return bool(pbx["connected"] and pbx["node"] != holder)

            await soon(taken_over, "the other node reads the PBX")
            caller.hang_up()
            after = await office.admin.call(ended, "the call is over")
        assert (after["id"], after["disposition"], after["end_seen"]) == (call["id"], "answered", True)
        assert len(await office.admin.calls()) == 1
        assert len(office["agent1"].offers()) == 1
    finally:
        await second.stop()


@newest
async def test_a_browser_at_another_node_gets_its_pops(office: Office, stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    second = Service({**office.service.settings, "HOTLINE_DATA_DIR": str(tmp_path / "second")}, tmp_path, "node2")
    second.settings["HOTLINE_NODE"] = "node2"
    await second.start()
    try:
        agent = office["agent1"]
        await agent.deaf()
        agent.url = second.url
        await agent.listen()
        stage.phone("agent1", answer_after=1)
        caller = stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=3)
        await agent.hears("call.offered")
        await over(caller)
        await agent.hears("call.ended")
        assert len(agent.offers()) == 1
    finally:
        await agent.deaf()
        await second.stop()
