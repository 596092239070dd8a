"""How a ticket follows its calls: the rules as tables, and that neither order nor repetition of facts matters."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.tickets.automatic import CallFacts, Followed, Rules, follow, joins, opens, still_joined

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
DUE = START + timedelta(hours=1)
CALL, OTHER, ANNA, BOB, CARA, ZHANG, LI = (UUID(int=n) for n in range(1, 8))
RULES = Rules()


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def call(**more: Any) -> CallFacts:
    return CallFacts(CALL, "in", START, **more)


def after(
    ticket: Followed, before: CallFacts | None, now: CallFacts, by: Any = "opened", rules: Rules = RULES
) -> Followed:
    """The ticket as it is once it followed."""
    return replace(ticket, **follow(ticket, before, now, by, rules, DUE))


ANSWERED = call(rang=True, answered_at=at(5), agent=ANNA, agents=frozenset({ANNA}))
MISSED = call(rang=True, ended_at=at(30), disposition="abandoned")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (call(), False),
        (call(queued=True), False),
        (call(rang=True), True),
        (call(choice="complaint"), True),
        (call(answered_at=at(1)), True),
        (call(ended_at=at(1), disposition="abandoned"), False),
        (call(ended_at=at(1), disposition="abandoned", queued=True), True),
        (call(ended_at=at(1), disposition="voicemail"), True),
        (call(ended_at=at(1), disposition="no_answer", blind=True), True),
        (call(ended_at=at(1), disposition="abandoned", blind=True), True),
        (call(blind=True), False),
        (replace(call(rang=True, answered_at=at(1)), direction="out"), False),
    ],
)
def test_which_calls_have_a_ticket(facts: CallFacts, expected: bool) -> None:
    assert opens(facts) is expected


def test_what_a_call_may_join() -> None:
    known = call(customer_id=ZHANG, choice="complaint")
    assert joins(call(choice="complaint"), RULES) is None
    assert joins(known, Rules(attach_days=0)) is None
    assert joins(known, RULES) == (ZHANG, "complaint", START - timedelta(days=7))
    assert joins(call(customer_id=ZHANG), RULES) == (ZHANG, "consultation", START - timedelta(days=7))
    assert joins(known, Rules(attach_same_kind=False, attach_days=1)) == (ZHANG, None, START - timedelta(days=1))


@pytest.mark.parametrize(
    ("facts", "ticket", "same_kind", "expected"),
    [
        (call(customer_id=ZHANG), Followed(customer_id=ZHANG), True, True),
        (call(customer_id=LI), Followed(customer_id=ZHANG), True, False),
        (call(), Followed(customer_id=ZHANG), True, False),
        (call(customer_id=ZHANG, choice="complaint"), Followed(customer_id=ZHANG), True, False),
        (call(customer_id=ZHANG, choice="complaint"), Followed(customer_id=ZHANG), False, True),
        (call(customer_id=ZHANG, choice="complaint"), Followed(customer_id=ZHANG, kind_by="hand"), True, True),
    ],
)
def test_whether_a_call_still_belongs_to_what_it_joined(
    facts: CallFacts, ticket: Followed, same_kind: bool, expected: bool
) -> None:
    assert still_joined(facts, ticket, Rules(attach_same_kind=same_kind)) is expected


def test_an_answer_keeps_assigns_and_responds() -> None:
    kept = after(Followed(), None, ANSWERED)
    assert (kept.state, kept.provisional, kept.assignee_id, kept.assigned_by) == ("open", False, ANNA, "call")
    assert (kept.first_response_at, kept.callback_due) == (at(5), None)


@pytest.mark.parametrize("disposition", ["abandoned", "voicemail", "no_answer", "busy", "failed"])
def test_a_missed_call_is_kept_and_to_be_called_back(disposition: str) -> None:
    kept = after(Followed(), None, replace(MISSED, disposition=disposition))
    assert (kept.state, kept.provisional, kept.assignee_id, kept.first_response_at) == ("new", False, None, None)
    assert (kept.callback_due, kept.callback_call_id) == (DUE, CALL)


def test_an_answer_that_is_heard_of_late_takes_the_call_back_off() -> None:
    late = replace(MISSED, answered_at=at(8), agent=ANNA, agents=frozenset({ANNA}))
    ticket = after(after(Followed(), None, MISSED), MISSED, late)
    assert (ticket.state, ticket.assignee_id, ticket.callback_due, ticket.callback_call_id) == (
        "open",
        ANNA,
        None,
        None,
    )


def test_who_called_again_and_was_answered_needs_no_call_back() -> None:
    waiting = replace(after(Followed(), None, MISSED), callback_call_id=OTHER)
    ticket = after(waiting, None, ANSWERED, "rule")
    assert (ticket.callback_due, ticket.callback_done_at) == (DUE, at(5))


@pytest.mark.parametrize(
    ("seconds", "choice", "disposition", "discarded"),
    [
        (5, None, "abandoned", True),
        (5, "complaint", "abandoned", False),
        (5, None, "voicemail", False),
        (11, None, "abandoned", False),
    ],
)
def test_who_hangs_up_at_once_meant_somebody_else(seconds: int, choice: Any, disposition: str, discarded: bool) -> None:
    rules = Rules(discard_unanswered_seconds=10)
    facts = call(rang=True, ended_at=at(seconds), disposition=disposition, choice=choice)
    ticket = after(Followed(), None, facts, rules=rules)
    assert (ticket.state == "discarded", ticket.discarded_as == "rule") == (discarded, discarded)
    assert (after(Followed(), None, facts, "rule", rules).state == "discarded") is False, "another call's ticket stays"
    unheard = replace(facts, blind=True)
    assert after(Followed(), None, unheard, rules=rules).callback_due == DUE, "who knows what happened"
    late = replace(facts, answered_at=at(3), agent=ANNA, agents=frozenset({ANNA}))
    assert after(ticket, facts, late, rules=rules).state == "open"


def test_a_transfer_takes_the_ticket_along() -> None:
    theirs = after(Followed(), None, ANSWERED)
    moved = replace(ANSWERED, agent=BOB, agents=frozenset({ANNA, BOB}))
    assert after(theirs, ANSWERED, moved).assignee_id == BOB
    assert after(replace(theirs, assignee_id=CARA), ANSWERED, moved).assignee_id == CARA, "somebody else's stays"
    given = replace(theirs, assigned_by="hand")
    assert after(given, ANSWERED, moved).assignee_id == ANNA
    assert after(replace(given, assignee_id=None), ANSWERED, moved).assignee_id is None


def test_what_a_person_said_stands() -> None:
    said = Followed(kind="service_request", kind_by="hand", state="waiting", provisional=False, assigned_by="hand")
    chosen = replace(ANSWERED, choice="complaint", queue="sales")
    ticket = after(said, ANSWERED, chosen)
    assert (ticket.kind, ticket.state, ticket.queue) == ("service_request", "waiting", "sales")


@pytest.mark.parametrize("why", ["wrong_number", "hand", "merged", "joined"])
def test_what_was_discarded_stays_so(why: Any) -> None:
    gone = Followed(state="discarded", discarded_as=why)
    assert after(gone, None, ANSWERED).state == "discarded"
    assert after(gone, None, MISSED).callback_due is None


def test_a_call_that_joins_wakes_what_waits_and_leaves_the_rest() -> None:
    waiting = Followed(
        state="waiting", provisional=False, assignee_id=BOB, assigned_by="call", kind="complaint", kind_by="choice",
        customer_id=ZHANG, first_response_at=at(-99), queue="support",
    )  # fmt: skip
    joined = after(waiting, None, replace(ANSWERED, customer_id=ZHANG, queue="sales"), "rule")
    assert joined == replace(waiting, state="open")
    again = replace(joined, state="waiting")
    went_on = replace(ANSWERED, customer_id=ZHANG, ended_at=at(60), disposition="answered")
    assert after(again, ANSWERED, went_on, "rule") == again, "the agent said so during the call"


def test_a_call_back_does_what_is_due() -> None:
    waiting = after(Followed(), None, MISSED)
    out = replace(ANSWERED, id=OTHER, direction="out")
    tried = replace(out, answered_at=None, ended_at=at(9), disposition="no_answer")
    assert after(waiting, None, tried, "callback") == waiting
    done = after(waiting, None, out, "callback")
    assert (done.callback_done_at, done.first_response_at, done.state, done.assignee_id) == (at(5), at(5), "open", ANNA)


# Any order, any number of times

FACTS: dict[str, dict[str, Any]] = {
    "rang": {"rang": True},
    "queued": {"queued": True, "queue": "support"},
    "choice": {"choice": "complaint"},
    "customer": {"customer_id": ZHANG},
    "answered": {"answered_at": at(5)},
    "anna": {"agent": ANNA, "agents": frozenset({ANNA})},
    "ended": {"ended_at": at(60), "disposition": "abandoned"},
    "blind": {"blind": True},
}


def content(ticket: Followed) -> dict[str, Any]:
    return {field.name: getattr(ticket, field.name) for field in fields(ticket)}


@given(
    known=st.sets(st.sampled_from(sorted(FACTS))),
    order=st.permutations(sorted(FACTS)),
    repeats=st.lists(st.integers(1, 3), min_size=len(FACTS), max_size=len(FACTS)),
)
def test_the_same_facts_make_the_same_ticket(known: set[str], order: list[str], repeats: list[int]) -> None:
    if "anna" in known:
        known = known | {"answered"}
    facts, ticket, before = call(), Followed(), None
    for name, times in zip(order, repeats, strict=True):
        if name not in known or (name == "anna" and facts.answered_at is None):
            continue
        facts = replace(facts, **FACTS[name])
        for _ in range(times):
            ticket, before = after(ticket, before, facts), facts
    if "anna" in known:
        facts = replace(facts, **FACTS["anna"])
        ticket, before = after(ticket, before, facts), facts
    assert content(ticket) == content(after(Followed(), None, facts))
    assert follow(ticket, facts, facts, "opened", RULES, DUE) == {}


@given(moves=st.lists(st.sampled_from([ANNA, BOB, CARA]), min_size=1, max_size=6))
def test_the_ticket_ends_with_who_had_the_call_last(moves: list[UUID]) -> None:
    ticket, before = Followed(), None
    agents: frozenset[UUID] = frozenset()
    for agent in moves:
        agents |= {agent}
        now = replace(ANSWERED, agent=agent, agents=agents)
        ticket, before = after(ticket, before, now), now
    assert ticket.assignee_id == moves[-1]
