"""Tapes recorded from real Asterisks (tests/rig), each with the story that was acted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.calls.tapes import events_of, play
from tests.unit.calls.told import Ring, Told, fold

TAPES = Path(__file__).resolve().parents[2] / "tapes"
RECORDED = sorted(TAPES.glob("*/*.ami"))
PHONES = ("agent1", "agent2", "agent3")


def agent_of(ring: Ring) -> str | None:
    """The agent whose phone this is, by exact interface."""
    found = [agent for agent in PHONES if f"PJSIP/{agent}" in ring.interfaces]
    assert len(found) <= 1, ring
    return found[0] if found else None


def as_acted(call: Told) -> dict[str, Any]:
    """A told call in the words of the acted story."""
    rings = sorted((r for r in call.rings.values() if agent_of(r)), key=lambda r: r.at)
    by_id = {ring.ring_id: agent_of(ring) for ring in rings}
    dialler = next((a for a in PHONES if call.interface == f"PJSIP/{a}"), None)
    had_it = [agent_of(r) for r in rings if r.joined or r.kind == "outgoing"]
    extensions = {"1001": "agent1", "1002": "agent2", "1003": "agent3"}
    transfers = [
        {
            "kind": kind,
            "from": by_id.get(giver) if giver else None,
            "to": by_id.get(taker) if taker else extensions.get(to or ""),
        }
        for (kind, giver), (taker, to) in call.transfers.items()
    ]
    return {
        "direction": "out" if dialler else "in",
        "caller": call.dialled if dialler and "command" not in {k for k, _ in call.aliases} else call.number,
        "withheld": call.withheld,
        "queue": call.queues[-1] if call.queues else None,
        "rings": [{"agent": agent_of(r), "end": r.end} for r in rings],
        "agent": had_it[-1] if had_it else dialler if call.disposition == "answered" else None,
        "transfers": transfers,
        "left_queue": call.left[-1][1] if call.left else None,
        "disposition": call.disposition,
    }


@pytest.mark.parametrize("tape", RECORDED, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_tape_tells_what_was_acted(tape: Path) -> None:
    story = json.loads(tape.with_suffix(".json").read_text())
    events = events_of(tape)
    told = [as_acted(call) for call in fold(play(events))]
    rang = {e.get("Channel").rpartition("-")[0] for e in events if e.get("ChannelState") in ("5", "6")}
    for call in story["calls"]:  # a phone that was busy, or sent the call on, at once never rang
        call["rings"] = [ring for ring in call["rings"] if f"PJSIP/{ring['agent']}" in rang]
    for call in (*told, *story["calls"]):
        call["rings"].sort(key=lambda r: r["agent"])  # phones that ring together start in any order
    assert told == story["calls"]


def test_there_are_tapes_of_both_versions() -> None:
    assert {path.parent.name for path in RECORDED} >= {"asterisk22"}
