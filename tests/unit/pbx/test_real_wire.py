"""The codec on real AMI streams: dialogues recorded by others, and one call of an Asterisk 22."""

from __future__ import annotations

import asyncio
import re

import pytest

from hotline.calls.facts import TRACKED_EVENTS, TRACKED_VARIABLES, AmiEvent
from hotline.pbx.codec import Splitter, event_name, parse_event
from hotline.pbx.wire import Accept, Reply, Wire
from tests.fakes.ami import FakePbx, fake_pbx
from tests.material import real_file

ALL = Accept.of(TRACKED_EVENTS, TRACKED_VARIABLES)


def dialogue(name: str) -> bytes:
    """What the server said in a recorded dialogue: the client's blocks left out, line ends as on the wire."""
    text = real_file(f"ami/wire/{name}.yaml").read_text(encoding="utf-8").replace("\n", "\r\n")
    blocks = [block.lstrip("\r\n ") for block in text.split("\r\n\r\n")]
    said = [block for block in blocks if block and not re.match(r"(Asterisk|action:)", block, re.IGNORECASE)]
    # The output of an old Command is one text with bare line feeds.
    for index, block in enumerate(said):
        if "Response: Follows" in block:
            head, *output = re.split(r"\r\n(?!\w+: )", block)
            said[index] = head + "\r\n" + "\n".join(output)
    return "".join(f"{block}\r\n\r\n" for block in said).encode()


async def ask(pbx: FakePbx, recorded: bytes, action: str) -> tuple[Reply, Wire]:
    """Send an action to a server that answers with the recording, under the action's id."""
    wire = await Wire.open("127.0.0.1", pbx.port, tls=None, accept=ALL, patience=5, limit=1 << 20)
    pbx.silent.add(action)
    waiting = asyncio.ensure_future(wire.request(action, silence=5))
    sent = await pbx.received(action)
    ours = f"\r\nActionID: {sent['ActionID']}\r\n".encode()
    for session in pbx.sessions:
        session.send(re.sub(rb"\r\nActionID: (?:action/|generated)[^\r]*\r\n", ours, recorded))
    return await waiting, wire


@pytest.mark.parametrize(
    ("name", "action", "success", "items", "expected"),
    [
        ("ping", "Ping", True, 0, ("Timestamp", "1409169929.412068")),
        ("login_failed", "Login", False, 0, ("Message", "Authentication failed")),
        ("login_md5", "Challenge", True, 0, ("Challenge", "145769581")),
        ("login_ok", "Login", True, 0, ("Message", "Authentication accepted")),
        ("logoff", "Logoff", True, 0, ("Response", "Goodbye")),
        ("originate_sync", "Originate", True, 0, ("Message", "Originate successfully queued")),
        ("originate_with_events", "Originate", True, 0, ("Message", "Originate successfully queued")),
        ("queue_add", "QueueAdd", True, 0, ("Message", "Added interface to queue")),
        ("queue_status", "QueueStatus", True, 7, ("Message", "Queue status will follow")),
        ("pjsip_show_endpoint", "PJSIPShowEndpoint", True, 5, ("EventList", "start")),
        ("asyncagi_channel_does_not_exist", "AGI", False, 0, ("Response", "Error")),
    ],
)
async def test_recorded_answers_complete_their_action(
    name: str, action: str, success: bool, items: int, expected: tuple[str, str]
) -> None:
    async with fake_pbx() as pbx:
        reply, wire = await ask(pbx, dialogue(name), action)
        assert reply.success is success
        assert len(reply.events) == items
        assert reply.headers[expected[0]] == expected[1]
        wire.close()


@pytest.mark.parametrize(
    ("name", "word"),
    [("command_core_show_version", "Asterisk 11.11.0"), ("rasterisk_command", "0 active calls")],
)
async def test_the_output_of_a_command_is_kept(name: str, word: str) -> None:
    async with fake_pbx() as pbx:
        reply, wire = await ask(pbx, dialogue(name), "Command")
        assert reply.success
        assert word in reply.output
        wire.close()


@pytest.mark.parametrize("name", ["agent_loggued_in", "agent_not_in_pause", "originate_with_events"])
def test_every_recorded_event_is_read(name: str) -> None:
    recorded = dialogue(name)
    names = re.findall(rb"^Event: ([^\r]*)\r$", recorded, re.MULTILINE)
    blocks = Splitter().feed(recorded)
    found = [event_name(block) for block in blocks]
    assert [each for each in found if each is not None] == names
    for block in blocks:
        if event_name(block) is not None:
            assert parse_event(block).fields.keys() >= {"Privilege"}


def test_the_call_of_an_asterisk_22_is_the_same_wherever_it_is_cut() -> None:
    stream = real_file("ami/wire/asterisk22_ringall_call.bin").read_bytes()
    whole = Splitter()
    blocks = whole.feed(stream)
    assert whole.greeting == "11.0.0"
    assert sum(event_name(block) is not None for block in blocks) == 128
    for edge in range(1, len(stream)):
        splitter = Splitter()
        pieces = splitter.feed(stream[:edge])
        pieces += splitter.feed(stream[edge:])
        assert pieces == blocks, edge


async def test_only_what_the_tracker_uses_is_decoded() -> None:
    stream = real_file("ami/wire/asterisk22_ringall_call.bin").read_bytes()
    _, _, events = stream.partition(b"Message: Authentication accepted\r\n\r\n")
    async with fake_pbx(greeting="Asterisk Call Manager/11.0.0\r\n") as pbx:
        reply, wire = await ask(pbx, b"Response: Success\r\nActionID: generated\r\n\r\n" + events, "Ping")
        assert reply.success
        seen: list[AmiEvent] = []
        pbx.sessions[0].send(b"Event: Hangup\r\nUniqueid: the end\r\n\r\n")
        while not seen or seen[-1].get("Uniqueid") != "the end":
            seen += await wire.events()
        assert {event.name for event in seen} <= TRACKED_EVENTS
        assert {event.get("Variable") for event in seen if event.name == "VarSet"} <= TRACKED_VARIABLES
        assert sum(event.name == "AgentCalled" for event in seen) == 2
        assert wire.counters.received == 130
        assert wire.counters.skipped + wire.counters.kept == 129
        assert wire.counters.broken == 0
        wire.close()
