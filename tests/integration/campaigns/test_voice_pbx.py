"""Campaigns by telephone through the company's PBX: what is heard, the key, machines, who does not pick up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from bench import blast
from hotline.crm.commands.pushes.outbound_stop import stop
from hotline.crm.viewer import SYSTEM
from hotline.jobs import dispatch
from hotline.jobs.dispatch import Dispatcher
from hotline.settings import DialFormat, Settings
from hotline.workflows.calls.commands import expire_commands
from hotline.workflows.house import House
from hotline.workflows.ivr.prompts import Spoken, caption, speak
from hotline.workflows.pushes import push_pbx
from tests.fakes.agi import Act, AgiCaller
from tests.fakes.ami import Headers
from tests.integration.agi import Exchange, exchange
from tests.waiting import until

AT_ANY_HOUR = {"quiet_hours": {"apply": False}}
MESSAGE = "Hello Person 0, our shop in Green Street opens on Monday."
OPT_OUT = "Press 9 to get no more such calls."
CONTENT = {
    "default": "en",
    "track_links": False,
    "locales": {
        "en": {
            "body": "Hello {{ customer.name }}, our shop in Green Street opens on Monday.",
            "opt_out": OPT_OUT,
            "opt_out_key": "9",
        }
    },
}


@dataclass
class Called:
    """The customers as the PBX calls them: each call is answered as ``responses`` say, then hung up."""

    lines: Exchange
    acts: list[Act] = field(default_factory=list)
    amd: str = "HUMAN"
    reason: str = ""
    cause: str = "16"
    #: Nobody's script runs: the dialplan lacks its context.
    deaf: bool = False
    callers: list[AgiCaller] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines.pbx.answers["Originate"] = self._originate

    def _originate(self, headers: Mapping[str, str]) -> list[Headers]:
        self.tasks.append(asyncio.create_task(self._ring(dict(headers))))
        return [[("Response", "Success"), ("Message", "Originate successfully queued")]]

    async def _ring(self, headers: dict[str, str]) -> None:
        pbx, unique = self.lines.pbx, headers["ChannelId"]
        if self.reason:
            pbx.event("Hangup", Uniqueid=unique, Channel="Local/1@out-1;1", Cause=self.cause)
            pbx.event("OriginateResponse", ActionID=headers["ActionID"], Response="Failure", Reason=self.reason)
            return
        pbx.event("OriginateResponse", ActionID=headers["ActionID"], Response="Success", Reason="4")
        if not self.deaf:
            caller = AgiCaller(self.lines.port, "Local/1@out-1;1", unique, acts=list(self.acts))
            self.callers.append(caller)
            delivery = headers["Variable"].removeprefix("HOTLINE_PUSH=")
            await caller.run(self.lines.path(f"push/{delivery}?flow=main&amd={self.amd}"))
        pbx.event("Hangup", Uniqueid=unique, Channel="Local/1@out-1;1", Cause="16")

    def words(self) -> list[str]:
        """What the last one heard."""
        told = [caption(self.lines.house, f"/{each.rpartition('/')[2]}") for each in self.callers[-1].heard]
        return [text for _, text in told if text] if all(told) else []  # type: ignore[misc]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What became of calls is looked for at once."""
    monkeypatch.setattr(push_pbx, "LOOK_SECONDS", 0.02)


@pytest.fixture
async def called(house: House, settings: Settings) -> AsyncIterator[Called]:
    async with exchange(house, settings, dial_out={"*": DialFormat("{e164}", "hotline-out")}) as lines:
        found = Called(lines)
        yield found
        await asyncio.gather(*found.tasks)


@asynccontextmanager
async def calling(called: Called) -> AsyncIterator[UUID]:
    """A campaign that calls one customer, while the context is open."""
    house = called.lines.house
    await connected(house)
    await blast.people(house, 1)
    campaign_id = await blast.campaign(house, "voice", CONTENT, limits=AT_ANY_HOUR)
    await house.db.execute("INSERT INTO push_rate (kind, name, per_second, burst) VALUES ('channel', 'voice', 100, 10)")
    task = house.spawn(Dispatcher(house, here=True).run(), "dispatch")
    try:
        yield campaign_id
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def connected(house: House) -> None:
    """Wait until the records know that the PBX is heard."""

    async def noted() -> bool:
        return bool(await house.db.fetchval("SELECT connected FROM pbx_state WHERE pbx = 'main'"))

    await until(noted)


def became(house: House, campaign_id: UUID, **states: int) -> Callable[[], Awaitable[Any]]:
    async def so() -> bool:
        return await blast.states(house, campaign_id) == states

    return so


async def test_the_pbx_calls_from_the_senders_number(called: Called) -> None:
    house = called.lines.house
    async with calling(called) as campaign_id:
        await until(became(house, campaign_id, delivered=1))
    (sent,) = called.lines.pbx.named("Originate")
    command = await house.db.fetchrow("SELECT *, pbx_command::text AS text FROM pbx_command")
    delivery = await house.db.fetchrow("SELECT id, provider_id, attempts, opted_out_at FROM delivery")
    assert command is not None
    assert delivery is not None
    number = blast.phone_of(0)
    assert sent == {
        "Action": "Originate",
        "ActionID": str(command["id"]),
        "Channel": f"Local/{number}@hotline-out/n",
        "Exten": "s",
        "Context": "hotline-push",
        "Priority": "1",
        "Timeout": "30000",
        "Async": "true",
        "ChannelId": str(command["id"]),
        "OtherChannelId": f"{command['id']};2",
        "Variable": f"HOTLINE_PUSH={delivery['id']}",
        "CallerID": f"<{blast.NUMBER}>",
    }
    assert (command["state"], delivery["provider_id"], delivery["attempts"]) == ("done", str(command["id"]), 1)
    assert delivery["opted_out_at"] is None
    # Neither who is called nor what is said stands there openly.
    assert number.removeprefix("+") not in command["text"]
    assert "Green" not in command["text"]
    assert called.words() == [OPT_OUT, MESSAGE]


async def test_rule_11_the_key_is_said_first_and_ends_it(called: Called) -> None:
    called.acts = ["9"]
    house = called.lines.house
    async with calling(called) as campaign_id:
        await until(became(house, campaign_id, delivered=1))
    await asyncio.gather(*called.tasks)
    assert called.words() == [OPT_OUT, MESSAGE, "Thank you. We will not call you about this any more. Goodbye."]
    row = await house.db.fetchrow("SELECT channel, reason, source FROM suppression")
    assert row is not None
    assert tuple(row) == ("voice", "opt_out", "call")
    assert await house.db.fetchval("SELECT opted_out_at FROM delivery") is not None
    assert await house.db.fetchval("SELECT state FROM consent WHERE channel = 'voice'") == "withdrawn"


@pytest.mark.parametrize("act", ["3", None])
async def test_another_key_and_a_hang_up_end_the_call_alone(called: Called, act: Act) -> None:
    called.acts = [act]
    async with calling(called) as campaign_id:
        await until(became(called.lines.house, campaign_id, delivered=1))
    assert await called.lines.house.db.fetchval("SELECT count(*) FROM suppression") == 0


async def test_a_machine_is_told_nothing(called: Called) -> None:
    called.amd = "MACHINE"
    async with calling(called) as campaign_id:
        await until(became(called.lines.house, campaign_id, permanent_failure=1))
    assert called.callers[0].heard == []
    assert await called.lines.house.db.fetchval("SELECT error_code FROM delivery") == "machine"


@pytest.mark.parametrize(("reason", "cause"), [("5", "17"), ("0", "17"), ("3", "16"), ("0", "19")])
async def test_who_does_not_pick_up_is_called_again_later(called: Called, reason: str, cause: str) -> None:
    called.reason, called.cause = reason, cause
    house = called.lines.house

    async def waits() -> bool:
        return bool(
            await house.db.fetchval(
                "SELECT state = 'queued' AND attempts = 1 AND due_at > now() + interval '10 minutes' FROM delivery"
            )
        )

    async def failed() -> bool:
        return bool(await house.db.fetchval("SELECT state = 'failed' FROM pbx_command"))

    async with calling(called):
        await until(waits)
        await until(failed)


@pytest.mark.parametrize("reason", ["0", "1"])
async def test_a_number_that_nobody_has_is_a_failure(called: Called, reason: str) -> None:
    called.reason, called.cause = reason, "1"
    async with calling(called) as campaign_id:
        await until(became(called.lines.house, campaign_id, permanent_failure=1))


async def test_a_call_in_which_nothing_was_said_is_a_failure(called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_pbx, "_TOLD_SECONDS", 0.1)
    called.deaf = True
    async with calling(called) as campaign_id:
        await until(became(called.lines.house, campaign_id, permanent_failure=1))


async def test_a_dispatch_process_that_died_leaves_the_receipt_to_the_desk(
    called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "STOP_SECONDS", 0.1)
    house = called.lines.house
    gate = asyncio.Event()
    answer = called.lines.pbx.answers["Originate"]

    async def later(headers: dict[str, str]) -> None:
        await gate.wait()
        answer(headers)

    called.lines.pbx.answers["Originate"] = lambda headers: (
        called.tasks.append(asyncio.create_task(later(dict(headers)))) or [[("Response", "Success")]]  # type: ignore[func-returns-value]
    )
    async with calling(called) as campaign_id:
        await called.lines.pbx.received("Originate")
    # Nobody waits for it any more.
    assert (await blast.states(house, campaign_id)).keys() <= {"sending", "unknown"}
    gate.set()
    await until(became(house, campaign_id, delivered=1))


async def test_nobody_is_called_by_a_command_of_yesterday(called: Called) -> None:
    house = called.lines.house
    async with calling(called) as campaign_id:
        await until(became(house, campaign_id, delivered=1))
    await house.db.execute("UPDATE pbx_command SET state = 'pending', finished_at = NULL, expires_at = now()")
    assert await expire_commands(house, "main") == 1
    assert len(called.lines.pbx.named("Originate")) == 1


async def test_rule_15_a_stop_holds_until_the_phone_rings(called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    house = called.lines.house

    async def slowly(*given: Any, **more: Any) -> list[Spoken]:
        async with house.unit(SYSTEM) as uow:
            await stop(uow, "while it was spoken")
        return await speak(*given, **more)

    monkeypatch.setattr(push_pbx, "speak", slowly)

    async def waits() -> bool:
        return bool(await house.db.fetchval("SELECT state = 'queued' AND attempts = 1 FROM delivery"))

    async with calling(called):
        await until(waits)
    assert called.lines.pbx.named("Originate") == []


async def test_a_script_of_another_channel_hears_nothing(called: Called) -> None:
    house = called.lines.house
    async with calling(called) as campaign_id:
        await until(became(house, campaign_id, delivered=1))
    delivery_id = await house.db.fetchval("SELECT id FROM delivery")
    for uniqueid in ("1795316655.100", str(house.new_id()), str(await house.db.fetchval("SELECT id FROM pbx_command"))):
        caller = AgiCaller(called.lines.port, "Local/1@out-1;1", uniqueid)
        await caller.run(called.lines.path(f"push/{delivery_id}"))
        assert caller.heard == []


async def test_a_campaign_waits_for_a_pbx(called: Called) -> None:
    house = called.lines.house
    await connected(house)
    await called.lines.pbx.stop()

    async def gone() -> bool:
        return not await house.db.fetchval("SELECT connected FROM pbx_state WHERE pbx = 'main'")

    await until(gone)
    await blast.people(house, 1)
    await blast.campaign(house, "voice", CONTENT, limits=AT_ANY_HOUR)
    task = house.spawn(Dispatcher(house, here=True).run(), "dispatch")

    async def waits() -> bool:
        return bool(
            await house.db.fetchval(
                "SELECT state = 'queued' AND attempts = 1 AND error_code = 'not_configured' FROM delivery"
            )
        )

    await until(waits)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await house.db.fetchval("SELECT count(*) FROM pbx_command") == 0
