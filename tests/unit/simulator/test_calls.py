"""Calls of the simulated PBX: every recorded scene, and what persons may do beyond one scene."""

from __future__ import annotations

import asyncio
from collections import Counter
from importlib.resources import files
from itertools import pairwise

import pytest

from hotline.errors import Conflict, NotFound
from hotline.simulator.handsets import Simulator
from hotline.simulator.tape import Frame
from hotline.simulator.tree import load_tree
from hotline.simulator.world import caller_name
from tests.unit.simulator.ami import PHONES, Client, simulator
from tests.waiting import until

TAPES = files("hotline.simulator") / "tapes"
SCENES = sorted(
    tape.name
    for tape in TAPES.iterdir()
    if tape.name.endswith(".ami") and tape.name != "members.ami" and not tape.name.startswith(("script_", "announced"))
)
#: Parts of the tapes → the phones that play them here.
PLAYED_BY = {"agent": PHONES[0], "other": PHONES[1], "target": PHONES[2], "next": PHONES[3]}
#: These follow the queue's own state here, which differs from the recording's.
OWN = ("QueueMemberStatus", "DeviceStateChange")


async def quiet(sim: Simulator) -> None:
    """Returns when every call has played all that was asked of it."""
    await until(lambda: all(call.at_rest for call in sim.world.calls))


async def do(sim: Simulator, client: Client, act: str) -> None:
    """One act of a tape, done the way a person or the desk does it."""
    await quiet(sim)
    who, *verb = act.split(" ")
    call = sim.world.calls[0] if sim.world.calls else None
    match who, verb:
        case "caller", ["calls", *rest]:
            sim.call("+4915112345", "Anna", "9500", withheld=bool(rest))
        case "desk", ["dials"]:
            out = {"Channel": "PJSIP/1001", "Context": "hotline-out", "Exten": "+4915112345", "Timeout": "1"}
            if act_follows["desk dials"] != "agent is not there":
                out["Timeout"] = "30000"
            await client.ask("Originate", Priority="1", Async="true", ChannelId="command-1", **out)
        case "desk", ["hangs", "up", part]:
            assert call is not None
            assert (await client.ask("Hangup", Channel=channel(sim, part)))["Message"] == "Channel Hungup"
        case "desk", [verb_, part]:
            action = {"transfers": "BlindTransfer", "consults": "Atxfer", "redirects": "Redirect"}[verb_]
            to = "1004" if part == "target" else "1003"
            asked = await client.ask(
                action, Channel=channel(sim, part), Context="hotline-agents", Exten=to, Priority="1"
            )
            assert asked["Response"] == "Success"
        case "agent", ["is", *_]:
            await until(lambda: not sim.world.calls)
        case (("caller" | "callee"), _):
            assert call is not None
            sim.handset(call.key, " ".join(verb))
        case _:
            assert call is not None
            sim.phone(PLAYED_BY[who].extension, call.key, " ".join(verb))
    await quiet(sim)


def along(acts: list[str]) -> list[Frame]:
    """The frames of these acts, as loaded from the tapes."""
    state = load_tree().root
    frames: list[Frame] = []
    for act in acts:
        state = state.acts[act]
        frames += state.frames
    return frames


act_follows: dict[str, str] = {}


def channel(sim: Simulator, part: str) -> str:
    """The channel of a part in the only call."""
    call = sim.world.calls[0]
    if part == "caller":
        return call.values["caller.channel"]
    return sim.world.channels.of(PLAYED_BY[part].interface)[0].name


@pytest.mark.parametrize("scene", SCENES)
async def test_plays_what_the_real_one_said(scene: str) -> None:
    """The acts of a tape, done one after the other, bring the recorded events again."""
    text = (TAPES / scene).read_bytes().decode().replace("\r\n", "\n")
    acts = [line.removeprefix(";act: ") for line in text.split("\n") if line.startswith(";act: ")]
    act_follows.clear()
    act_follows.update(pairwise(acts))
    act_follows.setdefault("desk dials", "")
    sim = simulator(members=2)
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        for act in acts:
            await do(sim, client, act)
        await client.ask("Ping")
        heard = Counter(event["Event"] for event in client.heard if "Event" in event)
        recorded = Counter(frame.name for frame in along(acts))
        for name in (*OWN, "FullyBooted"):
            del heard[name], recorded[name]
        assert heard == recorded
        if acts[-1].endswith(("hangs up", "is not there")) and not any("consults" in act for act in acts):
            await until(lambda: not sim.world.calls)
            assert not len(sim.world.channels)


async def test_numbers_names_and_interfaces_are_those_of_this_call() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        sim.call("+4915112345", "Änne \r\nAction: Hangup", "9500")
        called = await client.hears("AgentCalled")
        assert called["CallerIDNum"] == "+4915112345"
        assert called["CallerIDName"] == "Änne \\r\\nAction: Hangup"
        assert called["Interface"] == "PJSIP/1001"
        assert called["DestChannel"].startswith("PJSIP/1001-")
        assert called["Uniqueid"] == called["Linkedid"] == called["DestLinkedid"] != called["DestUniqueid"]
        for recorded in ("+8613800138000", "Zhang Wei", "+442079460158"):
            assert not [event for event in client.heard if recorded in " ".join(event.values())]


async def test_rings_every_free_member_and_takes_back_from_those_who_lost() -> None:
    sim = simulator(members=3)
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        key = sim.call("+4915112345", "Anna", "9500")
        await quiet(sim)
        assert [phone["calls"][0]["state"] for phone in sim.state()["phones"][:3]] == ["ringing"] * 3
        sim.phone("1002", key, "answers")
        await quiet(sim)
        states = [[call["state"] for call in phone["calls"]] for phone in sim.state()["phones"]]
        assert states == [[], ["talking"], [], []]
        await client.ask("Ping")
        lost = [event["Channel"] for event in client.events("Hangup") if event["Cause"] == "26"]
        assert {name.partition("-")[0] for name in lost} == {"PJSIP/1001", "PJSIP/1003"}


async def test_two_callers_at_once_and_the_second_waits_for_a_free_phone() -> None:
    sim = simulator(members=1)
    first, second = sim.call("+4915111111", "A", "9500"), sim.call("+4915122222", "B", "9500")
    await quiet(sim)
    sim.phone("1001", first, "answers")
    await quiet(sim)
    assert {call["id"]: call["state"] for call in sim.state()["calls"]} == {first: "talking", second: "waiting"}
    sim.handset(first, "hangs up")
    await quiet(sim)
    assert [call["state"] for call in sim.state()["calls"]] == ["ringing"]
    assert sim.state()["phones"][0]["calls"][0]["number"] == "+4915122222"


async def test_a_member_who_signs_in_rings_for_the_one_who_waits() -> None:
    sim = simulator(members=0)
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        sim.call("+4915112345", "Anna", "9500")
        await client.hears("QueueCallerJoin")
        await quiet(sim)
        assert not client.events("AgentCalled")
        await client.ask("QueueAdd", Queue="support", Interface="PJSIP/1002", MemberName="Agent 1002")
        assert (await client.hears("AgentCalled"))["Interface"] == "PJSIP/1002"


async def test_a_paused_member_does_not_ring() -> None:
    sim = simulator(members=2)
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        await client.ask("QueuePause", Interface="PJSIP/1001", Paused="true", Reason="Lunch")
        sim.call("+4915112345", "Anna", "9500")
        await client.hears("AgentCalled")
        await quiet(sim)
        assert [event["Interface"] for event in client.events("AgentCalled")] == ["PJSIP/1002"]
        await client.ask("QueueStatus")
        member = await client.hears(lambda e: e.get("Event") == "QueueMember" and e["Location"] == "PJSIP/1001")
        assert (member["Paused"], member["PausedReason"]) == ("1", "Lunch")


async def test_when_all_declined_the_queue_rings_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotline.simulator.world.RETRY_SECONDS", 0.01)
    sim = simulator(members=1)
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        key = sim.call("+4915112345", "Anna", "9500")
        await quiet(sim)
        sim.phone("1001", key, "declines")
        await until(lambda: len(client.events("AgentCalled")) == 2)
        assert {event["Cause"] for event in client.events("Hangup")} == {"17"}


async def test_an_impatient_caller_gives_up() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        sim.call("+4915112345", "Anna", "9500", patience=0.01)
        await client.hears("QueueCallerAbandon")
        await client.hears(lambda e: e.get("Event") == "Hangup" and e["Channel"].startswith("PJSIP/trunk-"))
        assert (await client.hears("QueueCallerJoin"))["Position"] == "1"


async def test_the_customer_follows_over_two_transfers() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        for act in ("caller calls", "agent answers", "desk transfers agent", "target answers", "desk transfers target"):
            await do(sim, client, act)
        await do(sim, client, "next answers")
        states = [[call["state"] for call in phone["calls"]] for phone in sim.state()["phones"]]
        assert states == [[], [], [], ["talking"]]
        last = sim.world.channels.of("PJSIP/1004")[0].name
        back = await client.ask("BlindTransfer", Channel=last, Context="hotline-agents", Exten="1002")
        assert back["Response"] == "Success"
        await quiet(sim)
        assert sim.state()["phones"][1]["calls"][0]["state"] == "ringing"


async def test_hanging_up_works_where_no_tape_tells_how() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        acts = ("caller calls", "agent answers", "desk consults agent", "target answers", "caller hangs up")
        for act in acts:
            await do(sim, client, act)
        assert sim.state()["phones"][0]["calls"]
        sim.phone("1001", sim.world.calls[0].key, "hangs up")
        await quiet(sim)
        assert not sim.world.calls
        assert not len(sim.world.channels)
        await client.ask("QueueStatus")
        assert (await client.hears("QueueMember"))["Status"] == "1"


async def test_the_snapshot_shows_what_was_told() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        await do(sim, client, "caller calls")
        await client.ask("CoreShowChannels")
        await client.hears("CoreShowChannelsComplete")
        shown = {event["Channel"].partition("-")[0]: event for event in client.events("CoreShowChannel")}
        assert shown["PJSIP/trunk"]["Application"] == "Queue"
        assert shown["PJSIP/1001"]["ChannelStateDesc"] == "Ringing"
        assert shown["PJSIP/1001"]["Linkedid"] == shown["PJSIP/trunk"]["Uniqueid"]
        await client.ask("QueueStatus", Queue="support")
        entry = await client.hears("QueueEntry")
        assert (entry["Channel"], entry["Position"]) == (shown["PJSIP/trunk"]["Channel"], "1")


async def test_click_to_dial_has_the_id_of_its_command() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        act_follows["desk dials"] = ""
        for act in ("desk dials", "agent answers", "callee answers"):
            await do(sim, client, act)
        assert (await client.hears("Newchannel"))["Uniqueid"] == "command-1"
        answer = await client.hears("OriginateResponse")
        assert (answer["Response"], answer["Uniqueid"]) == ("Success", "command-1")
        assert sim.state()["calls"][0]["state"] == "talking"


@pytest.mark.parametrize("exten", ["9999", "", "1001"])
async def test_a_transfer_to_nowhere_or_to_oneself_is_refused(exten: str) -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        for act in ("caller calls", "agent answers"):
            await do(sim, client, act)
        name = channel(sim, "agent")
        refused = await client.ask("BlindTransfer", Channel=name, Context="hotline-agents", Exten=exten)
        assert refused["Response"] == "Error"
        assert sim.state()["phones"][0]["calls"][0]["state"] == "talking"


async def test_acts_that_cannot_be_are_refused() -> None:
    sim = simulator()
    with pytest.raises(NotFound):
        sim.call("+4915112345", "Anna", "1")
    key = sim.call("+4915112345", "Anna", "9500")
    await quiet(sim)
    with pytest.raises(NotFound):
        sim.phone("7777", key, "answers")
    with pytest.raises(NotFound):
        sim.phone("1001", key, "explodes")
    with pytest.raises(Conflict):
        sim.phone("1004", key, "answers")
    with pytest.raises(NotFound):
        sim.handset("99", "hangs up")


@pytest.mark.parametrize("key", ["ringall", "attended", "blind", "abandoned"])
async def test_recorded_calls_play_to_their_end(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr("hotline.simulator.recordings.asyncio.sleep", lambda seconds: sleep(seconds / 500))
    sim = simulator(members=3)
    call = sim.play(key, "+4915112345", "Anna", "9500")
    assert call in [shown["id"] for shown in sim.state()["calls"]]
    await until(lambda: not sim.world.calls)
    told = [line["what"] for line in sim.state()["log"]]
    assert told.count("attended_transfer") == (key == "attended")
    assert told.count("blind_transfer") == (key == "blind")
    assert told.count("abandons") == (key == "abandoned")


async def test_a_recorded_call_needs_its_phones() -> None:
    sim = simulator(members=1)
    with pytest.raises(Conflict, match="2 free phones"):
        sim.play("attended", "+4915112345", "Anna", "9500")


def test_a_callers_name_is_escaped_and_cut() -> None:
    assert caller_name("a\r\nb\x00") == "a\\r\\nb\\x00"
    assert len(caller_name("x" * 10_000)) == 80
