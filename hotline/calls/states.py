"""The states of a leg and of a call, as tables: what is not in a table changes nothing, so terminal states stick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

LegState = Literal["new", "ringing", "answered", "ended"]
LegFact = Literal["rang", "up", "over"]
CallState = Literal["ringing", "waiting", "answered", "ended"]
CallFact = Literal["queued", "unqueued", "answered", "ended"]

LEG: Final[Mapping[tuple[LegState, LegFact], LegState]] = {
    ("new", "rang"): "ringing",
    ("new", "up"): "answered",
    ("new", "over"): "ended",
    ("ringing", "up"): "answered",
    ("ringing", "over"): "ended",
    ("answered", "over"): "ended",
}

CALL: Final[Mapping[tuple[CallState, CallFact], CallState]] = {
    ("ringing", "queued"): "waiting",
    ("ringing", "answered"): "answered",
    ("ringing", "ended"): "ended",
    ("waiting", "unqueued"): "ringing",
    ("waiting", "answered"): "answered",
    ("waiting", "ended"): "ended",
    ("answered", "queued"): "waiting",  # the agent is done and the dialplan queues the caller again
    ("answered", "ended"): "ended",
}


def next_leg_state(state: LegState, fact: LegFact) -> LegState:
    """The leg's state after a fact."""
    return LEG.get((state, fact), state)


def next_call_state(state: CallState, fact: CallFact) -> CallState:
    """The call's state after a fact."""
    return CALL.get((state, fact), state)
