"""Callers with keys on a real Asterisk, through the shipped flow, to the queue, the ticket and the voicemail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import PBX, Office, service_settings
from tests.e2e.person import Body, soon
from tests.e2e.test_journey import ended
from tests.rig import sound
from tests.rig.acts import ZHANG
from tests.rig.asterisk import Asterisk
from tests.rig.ports import free_port
from tests.rig.stage import Stage
from tests.rig.telephone import Telephone, Way

KEY: Final = "0123456789abcdef"
#: What a caller dials: no queue of its own, so the flow decides.
HOTLINE: Final = "4100"
#: How loud speech is at least; silence on a line is below 20.
AUDIBLE: Final = 200

newest = pytest.mark.parametrize("asterisk", [22], indirect=True, ids=["asterisk22"])


@dataclass(frozen=True)
class Ports:
    """Where hotline answers a PBX: FastAGI, and the prompts by HTTP."""

    agi: int
    http: int


@pytest.fixture
def ports() -> Ports:
    """Known before anything starts, since the dialplan names them."""
    return Ports(free_port(), free_port())


@pytest.fixture(params=[22, 16], ids=["asterisk22", "asterisk16"])
def asterisk(request: pytest.FixtureRequest, ports: Ports) -> Iterator[Asterisk]:
    """An Asterisk whose dialplan asks hotline."""
    with Asterisk(request.param) as running:
        running.set(HOTLINE_AGI=f"agi://127.0.0.1:{ports.agi}/{PBX}/{KEY}/flow/main", HOTLINE_DEFAULT_SECONDS="20")
        yield running
        print(running.log()[-15_000:])


@pytest.fixture
def settings_of(company_url: str, tmp_path: Path, asterisk: Asterisk, ports: Ports) -> dict[str, str]:
    """The settings of a node with an IVR."""
    return {
        **service_settings(company_url, tmp_path, asterisk.ami_url),
        "HOTLINE_AGI_BIND": f"127.0.0.1:{ports.agi}",
        "HOTLINE_AGI_KEY": KEY,
        "HOTLINE_HTTP_BIND": f"127.0.0.1:{ports.http}",
    }


async def spoken_to(caller: Telephone, after: float = 0.0) -> float:
    """Wait until the caller hears somebody speak, later than ``after`` seconds of what they heard; how much they heard
    by then. Keys before the first word are lost on every PBX."""

    async def speaks() -> float | None:
        heard = caller.heard[int(after * sound.RATE) :]
        return len(caller.heard) / sound.RATE if len(heard) and sound.loudness(heard) > AUDIBLE else None

    return await soon(speaks, "the caller hears a prompt")


async def ticket_of(office: Office, call_id: str) -> Body:
    """The ticket of a call, once it is there."""

    async def look() -> Body | None:
        ticket: Body | None = (await office.admin.get(f"/calls/{call_id}")).get("ticket")
        return ticket

    return await soon(look, "the call has its ticket")


@pytest.mark.parametrize(
    ("asterisk", "by", "keys", "language", "kind"),
    [(22, "rfc4733", "12", "en", "complaint"), (16, "info", "23", "zh", "service_request")],
    indirect=["asterisk"],
)
async def test_what_was_chosen_is_on_the_pop_and_the_ticket(
    office: Office, stage: Stage, by: Way, keys: str, language: str, kind: str
) -> None:
    stage.phone("agent1", answer_after=1)
    async with stage.telephone(HOTLINE, ZHANG) as caller:
        await caller.answered()
        heard = await spoken_to(caller)
        await caller.press(keys[0], by=by)
        await office.admin.call(lambda call: (call["ivr"] or {}).get("language") == language, "the language is known")
        await spoken_to(caller, heard)
        await caller.press(keys[1], by=by)
        pop = await office["agent1"].hears("call.offered")
        assert (pop["ivr"]["language"], pop["ivr"]["kind"], pop["queue"]) == (language, kind, "support")
        assert pop["ticket_id"] is not None
        ticket = await ticket_of(office, pop["call_id"])
        assert ticket["kind"] == kind
        await office["agent1"].hears("call.answered")
        caller.hang_up()
    call = await office.admin.call(ended, "the call is over")
    assert (call["disposition"], call["ivr"]["outcome"]) == ("answered", "queued")
    assert len((await office.admin.get("/tickets"))["items"]) == 1


@newest
async def test_a_frozen_service_loses_no_caller(office: Office, stage: Stage) -> None:
    stage.phone("agent1", answer_after=0.5, hangup_after=1)
    async with stage.telephone(HOTLINE, ZHANG) as caller:
        await caller.answered()
        await office.admin.call(lambda call: call["ivr"] is not None, "the flow began")
        office.service.freeze()
        try:
            await caller.press("1")
            await caller.over(45)  # the agent has answered, and hung up
        finally:
            office.service.thaw()
    call = await office.admin.call(ended, "the call is over")
    assert (call["disposition"], call["agent"]) == ("answered", "agent1")
    assert len((await office.admin.get("/tickets"))["items"]) == 1


@newest
async def test_a_killed_service_gives_the_caller_to_the_queue_at_once(office: Office, stage: Stage) -> None:
    stage.phone("agent1", answer_after=1)
    async with stage.telephone(HOTLINE, ZHANG) as caller:
        await caller.answered()
        await office.admin.call(lambda call: call["ivr"] is not None, "the flow began")
        await office.service.kill()
        await office.restart()
        await office["agent1"].hears("call.answered")
        caller.hang_up()
    call = await office.admin.call(ended, "the call is over")
    assert (call["disposition"], call["agent"]) == ("answered", "agent1")
    assert len((await office.admin.get("/tickets"))["items"]) == 1


@newest
async def test_a_caller_who_hangs_up_in_the_menu(office: Office, stage: Stage) -> None:
    async with stage.telephone(HOTLINE, ZHANG) as caller:
        await caller.answered()
        await spoken_to(caller)
        await caller.press("1")
        await office.admin.call(lambda call: (call["ivr"] or {}).get("language") == "en", "the language is known")
        caller.hang_up()
    call = await office.admin.call(ended, "the call is over")
    assert call["disposition"] == "abandoned"

    async def left() -> bool:
        return bool((await office.admin.get(f"/calls/{call['id']}"))["ivr"]["outcome"] == "left")

    await soon(left, "the flow ended with the caller")
