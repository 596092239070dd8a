"""The states of campaigns: a table, and what it must never allow."""

from __future__ import annotations

import pytest

from hotline.campaigns.states import APPROVED, ENDS, REVIEWED, STATES, Event, NotNow, after, possible

#: Who is approved, and by what one comes there.
_GOES_ON: tuple[Event, ...] = ("start", "begin", "resume")


@pytest.mark.parametrize(
    ("state", "event", "wanted"),
    [
        ("draft", "submit", "in_review"),
        ("rejected", "submit", "in_review"),
        ("in_review", "approve", "approved"),
        ("in_review", "plan", "scheduled"),
        ("in_review", "reject", "rejected"),
        ("approved", "start", "running"),
        ("scheduled", "begin", "running"),
        ("running", "pause", "paused"),
        ("paused", "resume", "running"),
        ("running", "complete", "completed"),
    ],
)
def test_the_way_of_a_campaign(state: str, event: Event, wanted: str) -> None:
    assert after(state, event) == wanted


@pytest.mark.parametrize("event", ["withdraw", "void", "expire", "change"])
def test_whatever_takes_an_approval_away_makes_a_draft(event: Event) -> None:
    for state in REVIEWED:
        assert after(state, event) == "draft"


def test_nothing_runs_that_was_not_approved() -> None:
    for state in STATES:
        for event in _GOES_ON:
            assert possible(state, event) <= (state in APPROVED)


def test_the_ends_are_ends() -> None:
    for state in ENDS:
        for event in ("submit", "start", "resume", "change", "withdraw", "cancel", "void"):
            with pytest.raises(NotNow):
                after(state, event)


def test_a_refusal_says_what_is_not_possible() -> None:
    with pytest.raises(NotNow, match="A campaign that is in review cannot be started"):
        after("in_review", "start")
