"""The tapes are read whole, and nothing that was recorded is left in a template."""

from __future__ import annotations

from importlib.resources import files

import pytest

from hotline.simulator.tape import Cast, read_tape
from hotline.simulator.tree import State, find, load_tree

CAST = Cast({"PJSIP/1001": "agent"}, {"+861": "caller.number", "9500": "call.dialled"})
TAPE = """;act: caller calls

Event: Newchannel
Privilege: call,all
Timestamp: 100.000000
Channel: PJSIP/trunk-00000001
CallerIDNum: +861
Exten: 9500
Uniqueid: 100.1

Response: Success
Message: Done

Event: Newchannel
Privilege: call,all
Timestamp: 100.250000
Channel: PJSIP/1001-00000002
CallerIDNum: 1001
Exten: 19500
Uniqueid: 100.10

;act: caller hangs up

Event: Hangup
Privilege: call,all
Timestamp: 190.000000
Channel: PJSIP/trunk-00000001
Uniqueid: 100.1

Event: Hangup
Privilege: call,all
Timestamp: 250.000000
Channel: PJSIP/1001-00000002
Uniqueid: 100.10

"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_tape_becomes_a_template(newline: str) -> None:
    calls, ends = read_tape(TAPE.replace("\n", newline), CAST)
    assert (calls.act, ends.act) == ("caller calls", "caller hangs up")
    first, second = calls.frames
    assert dict(first.render(lambda token: f"<{token}>")) == {
        "Event": "Newchannel",
        "Privilege": "call,all",
        "Timestamp": "100.000000",
        "Channel": "<caller.channel>",
        "CallerIDNum": "<caller.number>",
        "Exten": "<call.dialled>",
        "Uniqueid": "<caller.uniqueid>",
    }
    shown = dict(second.render(lambda token: f"<{token}>"))
    assert (shown["Channel"], shown["CallerIDNum"], shown["Exten"]) == ("<agent.channel>", "<agent.extension>", "19500")
    assert second.parts == {"agent"}


def test_times_are_relative_and_long_silences_are_cut() -> None:
    calls, ends = read_tape(TAPE, CAST)
    assert [frame.delay for frame in calls.frames] == [0.0, 0.25]
    assert [frame.delay for frame in ends.frames] == [0.0, 1.0]


def states(state: State) -> list[State]:
    return [state, *(below for child in state.acts.values() for below in states(child))]


def test_every_tape_is_in_the_tree() -> None:
    tree = load_tree()
    for tape in (files("hotline.simulator") / "tapes").iterdir():
        if tape.name.endswith(".ami"):
            lines = tape.read_bytes().decode().replace("\r\n", "\n").split("\n")
            path = "/".join(line.removeprefix(";act: ") for line in lines if line.startswith(";act: "))
            assert tree.state(path).frames, tape.name


def test_no_recorded_id_is_left() -> None:
    recorded = ("PJSIP/trunk-", "PJSIP/100", "Agent 100", "+8613800138000", "Zhang Wei", "+442079460158", "support")
    for state in states(load_tree().root):
        for frame in state.frames:
            for key, value in frame.render(lambda token: "#"):
                assert not any(word in value for word in recorded), (state.path, frame.name, key, value)
                assert key not in ("Uniqueid", "Linkedid", "DestUniqueid", "BridgeUniqueid") or value == "#", (
                    key,
                    value,
                )


def test_a_state_goes_on_like_another_with_its_parts_renamed() -> None:
    tree = load_tree()
    twice = "caller calls/agent answers/desk transfers agent/target answers/desk transfers target/next answers"
    step = find(tree.state(twice), "next hangs up")
    assert step is not None
    assert step.renamed == {"next": "target", "bridge3": "bridge2"}
    assert step.state.path.endswith("target answers/target hangs up")
    assert find(tree.state(twice), "agent hangs up") is None
