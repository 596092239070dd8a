"""Calls recorded on older Asterisks by another project, with the story that its own tests expect of each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hotline.calls.story import CallArrived, Line, RingStarted
from tests.material import real_file
from tests.unit.calls.tapes import events_of, play, timed
from tests.unit.calls.told import Told, fold

_ENDS = {"busy": "busy", "no-answer": "no_answer", "cancelled": "cancelled", "answered-elsewhere": "answered_elsewhere"}
_DISPOSITIONS = {
    "cancelled": "abandoned",
    "busy": "busy",
    "rejected": "busy",
    "no-answer": "no_answer",
    "failed": "failed",
}


def _expected() -> list[Any]:
    try:
        path = real_file("ami/expected.jsonl")
    except BaseException:  # without the material each of these tests says so by itself
        return [pytest.param({"fixture": "expected.jsonl", "expected": []}, id="material")]
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [pytest.param(row, id=row["fixture"].removesuffix(".json")) for row in rows]


def _call_of(calls: list[Told], caller: dict[str, str]) -> Told:
    (found,) = [call for call in calls if ("uniqueid", caller["uniqueid"]) in call.aliases and call.dialled]
    return found


def _rings_by_uniqueid(lines: list[Line]) -> dict[str, Any]:
    return {line.uniqueid: line.ring_id for line in lines if isinstance(line, RingStarted)}


@pytest.mark.parametrize("row", _expected())
@pytest.mark.parametrize("stamped", [False, True], ids=["as recorded", "stamped"])
def test_a_recorded_call_tells_its_story(row: dict[str, Any], stamped: bool) -> None:
    events = events_of(real_file(f"ami/calls/{row['fixture']}"))
    lines = play(timed(events) if stamped else events)
    calls, ring_ids = fold(lines), _rings_by_uniqueid(lines)
    rung: set[str] = set()
    up: set[str] = set()
    for step in row["expected"]:
        call = _call_of(calls, step["caller"])
        match step["type"]:
            case "on_b_dial":
                for target in step["targets"]:
                    ring = call.rings[ring_ids[target["uniqueid"]]]
                    assert target["channel"].rpartition("-")[0] in ring.interfaces
                    rung.add(target["uniqueid"])
            case "on_b_dial_end":
                for target in step["targets"]:
                    ring = call.rings[ring_ids[target["uniqueid"]]]
                    if step["reason"] == "answer":
                        assert ring.answered
                    else:
                        assert ring.end == _ENDS[step["reason"]]
            case "on_up":
                assert call.rings[ring_ids[step["target"]["uniqueid"]]].joined
                up.add(step["target"]["uniqueid"])
            case "on_hangup":
                if step["reason"] == "completed":
                    # "completed" also stands for a caller whom only the dialplan answered: nobody spoke with them.
                    spoke = any(ring.joined for ring in call.rings.values())
                    assert call.disposition == ("answered" if spoke else "abandoned")
                else:
                    assert call.disposition == _DISPOSITIONS[step["reason"]]
                assert call.end_seen
            case other:
                pytest.fail(f"the recording expects {other}, which this test does not know")
        assert (call.number, call.dialled) == (step["caller"]["num"], step["caller"]["exten"])
        assert call.name == (step["caller"]["name"] or None)
    assert set(ring_ids) == rung, "a phone that did not ring was told"
    joined = {ring_id for call in calls for ring_id, ring in call.rings.items() if ring.joined}
    assert joined == {ring_ids[uniqueid] for uniqueid in up}
    assert len([line for line in lines if isinstance(line, CallArrived)]) == len(calls)


def test_the_capture_of_a_real_22() -> None:
    """Trunk → AGI → ringall queue of two → answered by the second → the caller hung up."""
    (call,) = fold(play(events_of(real_file("ami/wire/asterisk22_ringall_call.bin"))))
    assert (call.interface, call.number, call.name) == ("PJSIP/trunk", "+8613800138000", "Zhang Wei")
    assert (call.dialled, call.withheld, call.queues, call.left) == ("4000", False, ["support"], [])
    answered, missed = call.ring("PJSIP/agent2"), call.ring("PJSIP/agent1")
    assert (answered.answered, answered.joined, answered.end) == (True, True, "completed")
    assert (missed.answered, missed.joined, missed.end) == (False, False, "answered_elsewhere")
    assert {answered.queue, missed.queue} == {"support"}
    assert (call.disposition, call.cause, call.end_seen) == ("answered", 16, True)
