"""Whatever the order within a moment, however often, the story ends the same."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.calls.facts import TRACKED_EVENTS, TRACKED_VARIABLES, AmiEvent
from hotline.calls.tracker import Tracker
from tests.material import real_file
from tests.unit.calls.tapes import START, events_of, play, timed
from tests.unit.calls.told import fold

TAPES = sorted((Path(__file__).resolve().parents[2] / "tapes").glob("*/*.ami"))
UPSTREAM = (
    "simple__ab_a_cancel", "simple__ab_callgroup", "simple__ab_callgroup_no_answer", "simple__ab_dnd",
    "simple__ab_reject", "simple__ab_success_a_hangup", "simple__ab_success_b_hangup", "simple__ab_success_o3",
    "simple__ab_success_twoclients",
)  # fmt: skip


def relevant(events: Sequence[AmiEvent]) -> list[AmiEvent]:
    """What the wire lets through, stamped."""
    kept = [e for e in events if e.name in TRACKED_EVENTS]
    return list(timed(e for e in kept if e.name != "VarSet" or e.get("Variable") in TRACKED_VARIABLES))


def final(events: Sequence[AmiEvent]) -> Any:
    """What is left of the story in the end."""
    told = []
    for call in fold(play(events)):
        rings = {
            ring.ring_id: (frozenset(ring.interfaces), ring.kind, ring.queue, ring.answered, ring.joined, ring.end)
            for ring in call.rings.values()
        }
        told.append((
            str(call.call_id), call.interface, call.number, call.name, call.withheld, call.dialled,
            {value for _, value in call.aliases},
            set(call.queues), dict(call.left), rings, call.transfers, call.held, call.disposition, call.end_seen,
        ))  # fmt: skip
    return sorted(told, key=lambda t: t[0])


def disorder(events: Sequence[AmiEvent], seed: int, window: int, doubles: float) -> list[AmiEvent]:
    """The events moved by up to ``window`` places, some of them twice."""
    chance = random.Random(seed)
    placed = [(index + chance.uniform(0, window), event) for index, event in enumerate(events)]
    placed += [(place + chance.uniform(0, 3 * window), e) for place, e in placed if chance.random() < doubles]
    return [event for _, event in sorted(placed, key=lambda p: p[0])]


@pytest.mark.parametrize("tape", TAPES, ids=lambda p: f"{p.parent.name}/{p.stem}")
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), window=st.integers(1, 6), doubles=st.sampled_from([0.0, 0.3, 1.0]))
def test_a_tape_in_any_order_ends_the_same(tape: Path, seed: int, window: int, doubles: float) -> None:
    events = relevant(events_of(tape))
    assert final(disorder(events, seed, window, doubles)) == final(events)


@pytest.mark.parametrize("name", UPSTREAM)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), window=st.integers(1, 6), doubles=st.sampled_from([0.0, 0.3, 1.0]))
def test_an_older_recording_in_any_order_ends_the_same(name: str, seed: int, window: int, doubles: float) -> None:
    events = relevant(events_of(real_file(f"ami/calls/{name}.json")))
    assert final(disorder(events, seed, window, doubles)) == final(events)


@pytest.mark.parametrize("name", UPSTREAM)
def test_each_event_twice_without_timestamps(name: str) -> None:
    events = events_of(real_file(f"ami/calls/{name}.json"))
    assert final([e for event in events for e in (event, event)]) == final(events)
    assert final([*events, *events]) == final(events), "a recording played again tells nothing new"


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(TRACKED_EVENTS)),
            st.dictionaries(
                st.sampled_from([
                    "Channel", "Uniqueid", "Linkedid", "ChannelState", "DestChannel", "DestUniqueid", "DestLinkedid",
                    "DestChannelState", "Cause", "BridgeUniqueid", "Queue", "Interface", "DialStatus", "Newname",
                    "Variable", "Value", "TransfererChannel", "TransfererUniqueid", "TransfereeChannel", "Position",
                    "TransfereeUniqueid", "OrigTransfererChannel", "OrigTransfererUniqueid", "CallerIDNum",
                    "LocalOneChannel", "LocalOneUniqueid", "LocalTwoChannel", "LocalTwoUniqueid", "TargetChannel",
                ]),
                st.sampled_from(["", "5", "6", "0", "PJSIP/1-1", "PJSIP/2-1", "Local/1@q-1;1", "Local/1@q-1;2", "1.1",
                                 "1.2", "1.3", "ANSWER", "CANCEL", "q", "QUEUESTATUS", "TIMEOUT", "PJSIP/1-1<ZOMBIE>"]),
            ),
        ),
        max_size=60,
    )
)  # fmt: skip
def test_no_sequence_of_events_breaks_it(raw: list[tuple[str, dict[str, str]]]) -> None:
    """Nonsense in any order raises nothing, tells ends once lives are over, and is forgotten in the end."""
    tracker = Tracker("pbx")
    events = list(timed(AmiEvent(name, fields) for name, fields in raw))
    play(events, tracker)
    tracker.sweep(START + timedelta(days=2))
    assert tracker.held == 0
