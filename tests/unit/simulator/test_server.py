"""The AMI server answers as a real Asterisk 22 does; tests/unit/simulator/replies.ami is what one answered."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tests.unit.simulator.ami import Client, simulator

REPLIES = Path(__file__).parent / "replies.ami"
Block = list[tuple[str, str]]


def recorded() -> list[tuple[dict[str, str], list[Block]]]:
    """Each question of the recording with the frames that answered it."""
    questions = []
    for block in REPLIES.read_text().split(";ask: ")[1:]:
        asked, *frames = (part for part in block.replace("\r\n", "\n").split("\n\n") if part.strip())
        action, *headers = asked.split("\n")
        question = {"Action": action} | dict(_pair(line.removeprefix(";")) for line in headers)
        questions.append((question, [[_pair(line) for line in frame.strip("\n").split("\n")] for frame in frames]))
    return questions


def _pair(line: str) -> tuple[str, str]:
    key, _, value = line.partition(":")
    return key, value.strip()


def _name(question: dict[str, str]) -> str:
    return "-".join(re.sub(r"\W+", "_", value) for key, value in question.items() if key != "ActionID")


QUESTIONS = recorded()


@pytest.mark.parametrize(("question", "answer"), QUESTIONS, ids=[_name(question) for question, _ in QUESTIONS])
async def test_answers_with_the_same_headers_as_the_real_one(question: dict[str, str], answer: list[Block]) -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        if question["Action"] in ("QueuePause", "QueueRemove") and question.get("Interface") == "PJSIP/1004":
            await client.ask("QueueAdd", Queue="support", Interface="PJSIP/1004")
        if question["Action"] == "CoreShowChannels":
            sim.phone("1001", await ringing(client, sim), "answers")
            await client.hears("BridgeEnter")
        headers = {key: value for key, value in question.items() if key not in ("Action", "ActionID")}
        reply = await client.ask(question["Action"], **headers)
        expected = dict(answer[0])
        assert reply["Response"] == expected["Response"]
        if question["Action"] == "ListCommands":
            assert reply.items() - {("ActionID", reply["ActionID"])} <= expected.items()
        else:
            assert list(reply) == [key for key, _ in answer[0]]
            assert reply.get("Message") == expected.get("Message")
        own = [
            frame
            for frame in answer[1:]
            if dict(frame).get("Event") != "DeviceStateChange" or "ActionID" in dict(frame)
        ]
        for name in {dict(frame)["Event"] for frame in own}:
            real = [key for key, _ in next(frame for frame in own if dict(frame)["Event"] == name)]
            assert list(await client.hears(name)) == real


async def ringing(client: Client, sim: object) -> str:
    from hotline.simulator.handsets import Simulator

    assert isinstance(sim, Simulator)
    key = sim.call("+4915112345", "Anna", "9500")
    await client.hears(lambda event: event.get("ChannelStateDesc") == "Ringing")
    return key


async def test_greets_and_refuses_a_wrong_secret() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        assert client.greeting == "Asterisk Call Manager/11.0.0"
        reply = await client.ask("Login", Username=sim.user, Secret="wrong")
        assert (reply["Response"], reply["Message"]) == ("Error", "Authentication failed")
        await client.hears("(closed)")


async def test_says_nothing_before_the_login() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        assert (await client.ask("QueueStatus"))["Message"] == "Permission denied"
        await client.log_in(sim)
        assert not client.events("QueueParams")
        assert await client.hears("FullyBooted")


@pytest.mark.parametrize("secret", ["right", "wrong"])
async def test_login_with_a_challenge(secret: str) -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        challenge = (await client.ask("Challenge", AuthType="MD5"))["Challenge"]
        key = hashlib.md5((challenge + (sim.secret if secret == "right" else secret)).encode()).hexdigest()
        reply = await client.ask("Login", AuthType="MD5", Username=sim.user, Key=key)
        assert reply["Response"] == ("Success" if secret == "right" else "Error")


async def test_a_key_without_a_challenge_is_refused() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        key = hashlib.md5(sim.secret.encode()).hexdigest()
        assert (await client.ask("Login", AuthType="MD5", Username=sim.user, Key=key))["Response"] == "Error"


@pytest.mark.parametrize(
    "filters",
    [
        [{"MatchCriteria": "action(include),name(QueueCallerJoin),method(none)"}],
        [{"Filter": "^Event: \\(QueueCallerJoin\\|Nothing\\)"}],
        [{"MatchCriteria": "action(include),header(Event),method(exact)", "Filter": "QueueCallerJoin"}],
    ],
)
async def test_filters_let_only_through_what_they_include(filters: list[dict[str, str]]) -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        for words in filters:
            assert (await client.ask("Filter", Operation="Add", **words))["Response"] == "Success"
        key = sim.call("+4915112345", "Anna", "9500")
        await client.hears("QueueCallerJoin")
        sim.handset(key, "hangs up")
        while sim.world.calls:
            await client.ask("Ping")
        heard = {event["Event"] for event in client.heard if "Event" in event}
        assert heard == {"FullyBooted", "QueueCallerJoin"}


async def test_filters_keep_single_variables_and_drop_what_they_exclude() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        one = "action(include),name(VarSet),header(Variable),method(exact)"
        await client.ask("Filter", Operation="Add", MatchCriteria=one, Filter="HOTLINE_PRESENTATION")
        await client.ask("Filter", Operation="Add", MatchCriteria="action(include),name(Newchannel)")
        await client.ask("Filter", Operation="Add", Filter="!PJSIP/1001-")
        sim.call("+4915112345", "Anna", "9500")
        await client.hears(lambda event: event.get("Channel", "").startswith("PJSIP/1002-"))
        assert [event["Value"] for event in client.events("VarSet")] == ["allowed_not_screened"]
        assert [event["Channel"].partition("-")[0] for event in client.events("Newchannel")] == [
            "PJSIP/trunk",
            "PJSIP/1002",
        ]


async def test_a_session_hears_only_the_classes_of_its_mask() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim, Events="agent")
        sim.call("+4915112345", "Anna", "9500")
        await client.hears("AgentCalled")
        assert not client.events("Newchannel")
        await client.ask("Events", EventMask="off")
        heard = len(client.heard)
        await client.ask("QueuePause", Interface="PJSIP/1001", Paused="true")
        assert [event["Response"] for event in client.heard[heard:]] == ["Success"]


async def test_every_event_carries_its_time() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        sim.call("+4915112345", "Anna", "9500")
        await client.hears("AgentCalled")
        ping = await client.ask("Ping")
        times = [float(event["Timestamp"]) for event in client.heard if "Event" in event]
        assert times == sorted(times)
        assert times[-1] <= float(ping["Timestamp"])


async def test_two_clients_hear_the_same() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as one, Client(sim.port) as two:
        await one.log_in(sim)
        await two.log_in(sim)
        sim.call("+4915112345", "Anna", "9500")
        for client in (one, two):
            await client.hears("AgentCalled")
        assert one.events("Newchannel")[0] == two.events("Newchannel")[0]


async def test_drop_cuts_every_connection_and_takes_new_ones() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        await client.log_in(sim)
        sim.server.drop()
        await client.hears("(closed)")
    async with Client(sim.port) as client:
        assert (await client.log_in(sim))["Response"] == "Success"


async def test_garbage_is_survived() -> None:
    sim = simulator()
    await sim.start()
    async with Client(sim.port) as client:
        client.write(b"\xff\xfe\r\n\r\nAction\r\n\r\n" + b"x" * 100_000 + b"\r\n\r\n")
        await client.hears("(closed)")
    async with Client(sim.port) as client:
        assert (await client.log_in(sim))["Response"] == "Success"
