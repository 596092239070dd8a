"""The states of a campaign and of a manifest as tables: what is not in them cannot happen.

A campaign is sent only while its manifest is approved. Whatever takes the approval away (withdrawn, void by a change,
expired) makes the campaign a draft again, from wherever it was; what was sent stays sent and is not sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, cast, get_args

from hotline.campaigns.consent import CHANNELS, Channel
from hotline.errors import Conflict, Invalid

Kind = Literal["once", "recurring", "triggered"]
State = Literal[
    "draft", "in_review", "rejected", "approved", "scheduled", "running", "paused", "completed", "cancelled"
]
ManifestState = Literal["preparing", "submitted", "approved", "rejected", "withdrawn", "void", "expired"]
#: ``approve`` is the last approval that is needed; ``plan`` the same for one that begins by itself; ``void`` follows a
#: change to what was reviewed; ``begin`` and ``complete`` are hotline's own; ``reopen``: a message whose fate was
#: unknown is let go again under the same approval.
Event = Literal[
    "submit", "approve", "plan", "reject", "withdraw", "void", "expire", "change", "start", "begin", "pause", "resume",
    "complete", "reopen", "cancel",
]  # fmt: skip
Verdict = Literal["approved", "rejected", "withdrawn"]

STATES: Final[tuple[State, ...]] = get_args(State)
#: Nothing happens any more; but for ``reopen``.
ENDS: Final[frozenset[State]] = frozenset({"completed", "cancelled"})
#: A manifest is looked at, or is what is sent.
REVIEWED: Final[frozenset[State]] = frozenset({"in_review", "approved", "scheduled", "running", "paused"})
#: Everything that was approved and is not over.
APPROVED: Final[frozenset[State]] = REVIEWED - {"in_review"}

_TABLE: Final[Mapping[tuple[State, Event], State]] = {
    ("draft", "submit"): "in_review",
    ("rejected", "submit"): "in_review",
    ("draft", "change"): "draft",
    ("rejected", "change"): "draft",
    ("in_review", "approve"): "approved",
    ("in_review", "plan"): "scheduled",
    ("in_review", "reject"): "rejected",
    ("approved", "start"): "running",
    ("scheduled", "begin"): "running",
    ("scheduled", "pause"): "paused",
    ("running", "pause"): "paused",
    ("paused", "resume"): "running",
    ("running", "complete"): "completed",
    ("paused", "complete"): "completed",
    ("completed", "reopen"): "running",
    **{(state, event): "draft" for state in REVIEWED for event in ("withdraw", "void", "expire", "change")},
    **{(state, "cancel"): "cancelled" for state in STATES if state not in ENDS},
}

#: What becomes of the manifest when its campaign does something; it stays for everything else.
MANIFEST_AFTER: Final[Mapping[Event, ManifestState]] = {
    "approve": "approved",
    "plan": "approved",
    "reject": "rejected",
    "withdraw": "withdrawn",
    "cancel": "withdrawn",
    "void": "void",
    "change": "void",
    "expire": "expired",
}


class NotNow(Conflict):
    """This is not possible in the state that the campaign is in."""

    code = "not_now"


_DONE: Final[Mapping[Event, str]] = {
    "submit": "submitted",
    "approve": "approved",
    "plan": "approved",
    "reject": "rejected",
    "withdraw": "withdrawn",
    "void": "voided",
    "expire": "expired",
    "change": "changed",
    "start": "started",
    "begin": "begun",
    "pause": "paused",
    "resume": "resumed",
    "complete": "completed",
    "reopen": "reopened",
    "cancel": "cancelled",
}


def channel_of(text: str) -> Channel:
    """A channel by its name. Raises Invalid."""
    if text not in CHANNELS:
        raise Invalid(f"channel: one of {', '.join(CHANNELS)}.")
    return text


def after(state: str, event: Event) -> State:
    """The state after ``event``. Raises NotNow where the table has none."""
    found = _TABLE.get((cast(State, state), event))
    if found is None:
        raise NotNow(f"A campaign that is {state.replace('_', ' ')} cannot be {_DONE[event]}.")
    return found


def possible(state: str, event: Event) -> bool:
    """Whether ``event`` may happen in ``state``."""
    return (cast(State, state), event) in _TABLE


def done(event: Event) -> str:
    """The event as the audit trail says it, in the past tense."""
    return _DONE[event]


def reference(number: int) -> str:
    """A campaign's number as people say it."""
    return f"P{number}"
