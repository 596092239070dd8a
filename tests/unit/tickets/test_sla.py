"""Clocks by tables: stories of tickets with hand-computed instants, in Berlin, Mon–Fri 9–18, Bavaria's holidays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.calendars import Calendar
from hotline.tickets.policies import Policy, Rules
from hotline.tickets.sla import DUE, WARN, Clock, TicketFacts, begin, deadlines, due, follow, told
from tests.unit.tickets.promises import at, calendar, local, policy, rules, ticket

ID = UUID(int=7)


def resolution(*seconds: int, **more: Any) -> Policy:
    return policy(resolution={"seconds": seconds[0], "warn": {"percent": 50}}, **more)


def story(made: Rules, *steps: tuple[str, str]) -> Clock:
    """A ticket's resolution clock over its states: the first step opens it."""
    opened = at(steps[0][0])
    clock = begin(ID, "resolution", ticket(opened, steps[0][1]), made)
    for when, state in steps[1:]:
        clock = follow(clock, ticket(at(when), state, opened_at=opened), made, made)
    return clock


#: resolution target in hours, the ticket's states, the clock's state, due, business hours spent
STORIES: list[tuple[float, list[tuple[str, str]], str, str | None, float]] = [
    (8, [("2026-06-01T10:00", "open")], "running", "2026-06-01T18:00", 0),
    (8, [("2026-06-01T12:00", "open")], "running", "2026-06-02T11:00", 0),
    (8, [("2026-06-01T20:00", "new")], "running", "2026-06-02T17:00", 0),
    # 4 June 2026 is Corpus Christi.
    (8, [("2026-06-03T15:00", "open")], "running", "2026-06-05T14:00", 0),
    # Over both clock changes: the night to Sunday 29 March, and to Sunday 25 October.
    (8, [("2026-03-27T16:00", "open")], "running", "2026-03-30T15:00", 0),
    (8, [("2026-10-23T16:00", "open")], "running", "2026-10-26T15:00", 0),
    # Easter: Friday 3 and Monday 6 April.
    (27, [("2026-03-27T16:00", "open")], "running", "2026-04-01T16:00", 0),
    (27, [("2026-04-01T16:00", "open")], "running", "2026-04-08T16:00", 0),
    # The turn of the year: 25 and 26 December, 1 and 6 January.
    (18, [("2026-12-30T17:00", "open")], "running", "2027-01-04T17:00", 0),
    # Waiting for the customer stands, and goes on where it stood.
    (8, [("2026-06-01T10:00", "open"), ("2026-06-01T12:00", "waiting")], "paused", None, 2),
    (
        8,
        [("2026-06-01T10:00", "open"), ("2026-06-01T12:00", "waiting"), ("2026-06-02T10:00", "open")],
        "running",
        "2026-06-02T16:00",
        2,
    ),
    (
        8,
        [("2026-06-01T10:00", "open"), ("2026-06-01T20:00", "waiting"), ("2026-06-02T03:00", "open")],
        "breached",  # all eight hours were used up before the customer was asked
        "2026-06-01T18:00",
        8,
    ),
    # Waiting over a clock change.
    (
        8,
        [("2026-03-27T16:00", "open"), ("2026-03-27T17:00", "waiting"), ("2026-03-30T09:30", "open")],
        "running",
        "2026-03-30T16:30",
        1,
    ),
    # Done in time, done late, and open again.
    (8, [("2026-06-01T10:00", "open"), ("2026-06-01T12:00", "resolved")], "met", "2026-06-01T18:00", 2),
    (8, [("2026-06-01T10:00", "open"), ("2026-06-02T09:30", "closed")], "breached", "2026-06-01T18:00", 8.5),
    (
        8,
        [("2026-06-01T10:00", "open"), ("2026-06-01T12:00", "resolved"), ("2026-06-03T09:00", "open")],
        "running",
        "2026-06-03T15:00",
        2,
    ),
    (
        8,
        [("2026-06-01T10:00", "open"), ("2026-06-01T12:00", "waiting"), ("2026-06-02T10:00", "resolved")],
        "met",
        None,
        2,
    ),
    # Dropped, and taken up again.
    (8, [("2026-06-01T10:00", "open"), ("2026-06-01T12:00", "discarded")], "met", None, 2),
    (
        8,
        [("2026-06-01T10:00", "open"), ("2026-06-01T12:00", "discarded"), ("2026-06-01T15:00", "open")],
        "running",
        "2026-06-02T12:00",
        2,
    ),
    # The same twice changes nothing; a clock that steps back counts nothing twice.
    (8, [("2026-06-01T10:00", "open"), ("2026-06-01T11:00", "open")], "running", "2026-06-01T18:00", 0),
    (
        8,
        [("2026-06-01T12:00", "open"), ("2026-06-01T10:00", "waiting"), ("2026-06-01T12:00", "open")],
        "running",
        "2026-06-02T11:00",
        0,
    ),
]


@pytest.mark.parametrize(("hours", "steps", "state", "due_at", "spent"), STORIES)
def test_stories(hours: float, steps: list[tuple[str, str]], state: str, due_at: str | None, spent: float) -> None:
    clock = story(rules(resolution(int(hours * 3600))), *steps)
    assert clock.shown(at(steps[-1][0])) == state
    assert local(clock.due_at) == due_at
    assert clock.spent == timedelta(hours=spent)


def test_what_is_to_be_told_and_in_which_order() -> None:
    made = rules(
        policy(
            resolution={"seconds": 8 * 3600, "warn": {"before_seconds": 3600}},
            escalations=[
                {"key": "late", "what": "resolution", "at": {"percent": 150}},
                {"key": "soon", "what": "resolution", "at": {"percent": 50}},
                {"key": "after", "what": "resolution", "at": {"before_seconds": -1800}},
            ],
        )
    )
    clock = begin(ID, "resolution", ticket(at("2026-06-01T10:00")), made)
    assert [(key.rpartition(":")[2], local(when)) for key, when in clock.marks] == [
        ("soon", "2026-06-01T14:00"),
        ("warn", "2026-06-01T17:00"),
        ("due", "2026-06-01T18:00"),
        ("after", "2026-06-02T09:30"),
        ("late", "2026-06-02T13:00"),
    ]
    assert due(clock, at("2026-06-01T13:59")) == []
    assert [key for key, _ in due(clock, at("2026-06-01T17:00"))][1:] == [WARN]
    for key, _ in clock.marks:
        clock = told(clock, key)
    assert clock.marks == ()
    assert clock.next_at is None
    assert (local(clock.warned_at), local(clock.breached_at)) == ("2026-06-01T17:00", "2026-06-01T18:00")
    assert len(clock.escalated) == 3
    # Nothing of it comes back, whatever happens to the ticket.
    for state, when in (("waiting", "2026-06-03T10:00"), ("open", "2026-06-03T11:00"), ("resolved", "2026-06-05T09:00"),
                        ("open", "2026-06-05T10:00")):  # fmt: skip
        clock = follow(clock, ticket(at(when), state, opened_at=at("2026-06-01T10:00")), made, made)
        assert clock.marks == ()
        assert clock.shown(at(when)) == "breached"


def first_response(clock: Clock, made: Rules, answered: str, seen: str) -> Clock:
    facts = ticket(at(seen), "open", opened_at=at("2026-06-01T10:00"), first_response_at=at(answered))
    return follow(clock, facts, made, made)


def test_the_first_answer_ends_the_first_clock_alone() -> None:
    made = rules()
    clock = begin(ID, "first_response", ticket(at("2026-06-01T10:00"), "new"), made)
    met = first_response(clock, made, "2026-06-01T10:59", "2026-06-01T10:59")
    assert (met.shown(at("2026-06-01T20:00")), met.spent) == ("met", timedelta(minutes=59))
    # The warning of 10:48 has come before the answer: it is still to be told; the deadline is not.
    assert [key for key, _ in met.marks] == [WARN]
    opened = ticket(at("2026-06-01T10:00"), "new")
    assert begin(ID, "resolution", opened, made).state == "running"
    # It stays answered, even when the ticket is opened again.
    again = follow(met, ticket(at("2026-06-02T10:00"), "open", opened_at=at("2026-06-01T10:00")), made, made)
    assert again == met


def test_an_answer_after_the_deadline_is_told_as_a_breach() -> None:
    made = rules()
    clock = begin(ID, "first_response", ticket(at("2026-06-01T10:00"), "new"), made)
    late = first_response(clock, made, "2026-06-01T11:01", "2026-06-01T11:01")
    assert [key for key, _ in late.marks] == [WARN, DUE]
    assert late.shown(at("2026-06-01T11:01")) == "breached"
    assert local(told(late, DUE).breached_at) == "2026-06-01T11:00"


def test_an_answer_that_becomes_known_late_counts_when_it_was_given() -> None:
    """The database was away: the breach was told at 11:00, and at 11:30 it turns out that the answer came at 10:20."""
    made = rules()
    clock = begin(ID, "first_response", ticket(at("2026-06-01T10:00"), "new"), made)
    clock = told(told(clock, WARN), DUE)
    known = first_response(clock, made, "2026-06-01T10:20", "2026-06-01T11:30")
    assert known.shown(at("2026-06-01T12:00")) == "met"
    assert local(known.met_at) == "2026-06-01T10:20"


def test_a_ticket_that_is_written_down_late_has_its_true_instants() -> None:
    made = rules()
    facts = replace(ticket(at("2026-06-01T10:00")), at=at("2026-06-01T15:00"))
    clock = begin(ID, "first_response", facts, made)
    assert [(key, local(when)) for key, when in due(clock, facts.at)] == [
        (WARN, "2026-06-01T10:48"),
        (DUE, "2026-06-01T11:00"),
    ]


# Kind, tier and priority of a ticket change


def test_another_kind_is_another_promise_with_the_time_that_was_spent() -> None:
    made = rules(
        policy(1, kind="consultation", resolution={"seconds": 8 * 3600}),
        policy(2, kind="complaint", resolution={"seconds": 4 * 3600, "warn": {"percent": 50}}),
    )
    opened = ticket(at("2026-06-01T10:00"), kind="consultation")
    clock = begin(ID, "resolution", opened, made)
    complaint = replace(opened, kind="complaint", at=at("2026-06-01T11:00"))
    changed = follow(clock, complaint, made, made)
    assert (local(changed.due_at), local(changed.mark(WARN))) == ("2026-06-01T14:00", "2026-06-01T12:00")
    # Used up already under the new promise: over since when it would have been.
    late = follow(clock, replace(complaint, at=at("2026-06-01T17:00")), made, made)
    assert (local(late.due_at), late.shown(at("2026-06-01T17:00"))) == ("2026-06-01T14:00", "breached")
    assert [key for key, _ in due(late, at("2026-06-01T17:00"))] == [WARN, DUE]


def test_no_policy_is_no_promise() -> None:
    made = rules(policy(1, kind="complaint"))
    opened = ticket(at("2026-06-01T10:00"))
    clock = begin(ID, "resolution", opened, made)
    assert (clock.target, clock.due_at, clock.marks) == (None, None, ())
    complaint = follow(clock, replace(opened, kind="complaint", at=at("2026-06-01T12:00")), made, made)
    assert local(complaint.due_at) == "2026-06-02T11:00"
    assert follow(complaint, replace(opened, at=at("2026-06-01T13:00")), made, made).due_at is None


def test_a_calendar_without_hours_is_never_due() -> None:
    empty = Calendar("default", calendar().zone, ((),) * 7)
    clock = begin(ID, "resolution", ticket(at("2026-06-01T10:00")), rules(calendars=(empty,)))
    assert (clock.due_at, clock.marks, clock.shown(at("2030-01-01T00:00"))) == (None, (), "running")


def test_deadlines_are_what_the_ticket_says() -> None:
    opened = ticket(at("2026-06-01T10:00"))
    made = rules()
    found = deadlines({what: begin(ID, what, opened, made) for what in ("first_response", "resolution")})
    assert (local(found.first_response_due), local(found.resolution_due)) == ("2026-06-01T11:00", "2026-06-01T18:00")


# Rules change under an open ticket


def closed_on(day: str) -> Calendar:
    return replace(calendar(), exceptions={date.fromisoformat(day): ((), "works outing")}, _days={})


def change(clock: Clock, opened: TicketFacts, when: str, before: Rules, after: Rules) -> Clock:
    return follow(clock, replace(opened, at=at(when)), before, after)


def test_a_new_exception_moves_what_is_not_spent() -> None:
    """Monday 17:00, two hours: due Tuesday 10:00. Tuesday is closed: due Wednesday 10:00."""
    old, opened = rules(resolution(7200)), ticket(at("2026-06-08T17:00"))
    clock = begin(ID, "resolution", opened, old)
    assert local(clock.due_at) == "2026-06-09T10:00"
    new = rules(resolution(7200), version=2, calendars=(closed_on("2026-06-09"),))
    moved = change(clock, opened, "2026-06-08T20:00", old, new)
    assert (local(moved.due_at), moved.spent, moved.basis) == ("2026-06-10T10:00", timedelta(hours=1), 2)
    # Spent time stays spent, also when the day on which it was spent is closed afterwards.
    again = change(clock, opened, "2026-06-08T20:00", old, replace(new, calendars={"default": closed_on("2026-06-08")}))
    assert (local(again.due_at), again.spent) == ("2026-06-09T10:00", timedelta(hours=1))


def test_what_was_told_stays_told_and_the_rest_moves() -> None:
    old, opened = rules(resolution(4 * 3600)), ticket(at("2026-06-01T10:00"))
    clock = told(begin(ID, "resolution", opened, old), WARN)
    longer = rules(resolution(8 * 3600), version=2)
    moved = change(clock, opened, "2026-06-01T13:00", old, longer)
    assert (local(moved.due_at), [key for key, _ in moved.marks]) == ("2026-06-01T18:00", [DUE])
    breached = told(clock, DUE)
    stays = change(breached, opened, "2026-06-01T15:00", old, longer)
    assert (local(stays.due_at), stays.marks) == ("2026-06-01T14:00", ())
    assert stays.shown(at("2026-06-01T15:00")) == "breached"


def test_what_had_passed_before_the_change_is_told_though_nobody_came_by() -> None:
    """The node slept: the deadline of 14:00 passed under the old rules, and at 15:00 these were eased."""
    old, opened = rules(resolution(4 * 3600)), ticket(at("2026-06-01T10:00"))
    clock = begin(ID, "resolution", opened, old)
    moved = change(clock, opened, "2026-06-01T15:00", old, rules(resolution(8 * 3600), version=2))
    assert [(key, local(when)) for key, when in moved.marks] == [
        (WARN, "2026-06-01T12:00"),
        (DUE, "2026-06-01T14:00"),
    ]


def test_a_change_that_does_not_concern_a_ticket_moves_nothing() -> None:
    old = rules(resolution(8 * 3600), policy(2, kind="complaint"))
    new = rules(resolution(8 * 3600), policy(2, kind="complaint", resolution={"seconds": 60}), version=2)
    opened = ticket(at("2026-06-01T10:00"))
    clock = begin(ID, "resolution", opened, old)
    moved = change(clock, opened, "2026-06-01T13:20", old, new)
    assert (moved.due_at, moved.marks) == (clock.due_at, tuple(mark for mark in clock.marks))
    waiting = follow(clock, replace(opened, state="waiting", at=at("2026-06-01T12:00")), old, old)
    assert change(waiting, opened=replace(opened, state="waiting"), when="2026-06-01T13:00", before=old, after=new) == (
        replace(waiting, basis=2)
    )


def test_a_policy_that_is_gone_leaves_no_deadline_but_what_it_was() -> None:
    old, opened = rules(resolution(4 * 3600)), ticket(at("2026-06-01T10:00"))
    clock = begin(ID, "resolution", opened, old)
    none = Rules(2, (), old.calendars)
    assert change(clock, opened, "2026-06-01T11:00", old, none).due_at is None
    over = change(clock, opened, "2026-06-01T16:00", old, none)
    assert (local(over.due_at), over.shown(at("2026-06-01T16:00"))) == ("2026-06-01T14:00", "breached")
