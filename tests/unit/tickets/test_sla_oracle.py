"""Clocks against a naive oracle that walks minute by minute: is it open, and is the ticket being worked on?"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hotline.tickets.policies import Rules
from hotline.tickets.sla import DUE, WARN, begin, due, follow, told
from tests.unit.tickets.promises import at, calendar, policy, rules, ticket

MINUTE = timedelta(minutes=1)
#: Evenings before both clock changes of Berlin, a holiday, and a weekend; open at night, so that they matter.
STARTS = ("2026-03-28T21:30", "2026-10-24T21:30", "2026-04-02T22:00", "2026-06-05T16:00")
STATES = ("open", "waiting", "resolved", "discarded")


@st.composite
def stories(draw: st.DrawFn) -> tuple[datetime, list[tuple[datetime, str]], Rules, int]:
    start = at(draw(st.sampled_from(STARTS)))
    gaps = draw(st.lists(st.integers(0, 400), max_size=6))
    steps, when = [(start, "open")], start
    for gap in gaps:
        when += gap * MINUTE
        steps.append((when, draw(st.sampled_from(STATES))))
    target = draw(st.integers(1, 900))
    open_ = draw(st.sampled_from(["00:00-24:00", "22:00-06:00", "01:30-02:30", "09:00-18:00"]))
    made = rules(
        policy(resolution={"seconds": target * 60, "warn": {"percent": 50}}), calendars=(calendar("default", 7, open_),)
    )
    return start, steps, made, target


def oracle(steps: list[tuple[datetime, str]], made: Rules, until: datetime, target: float) -> datetime | None:
    """The end of the minute in which the target is used up; None when it is not by then."""
    spent, now = 0.0, steps[0][0]
    while now < until:
        state = next(state for when, state in reversed(steps) if when <= now)
        if state == "open" and made.calendars["default"].is_open(now):
            if spent + 1 >= target:
                return now + (target - spent) * MINUTE
            spent += 1
        now += MINUTE
    return None


@settings(max_examples=150, deadline=None)
@given(stories(), st.booleans())
def test_as_minute_by_minute(story: tuple[datetime, list[tuple[datetime, str]], Rules, int], busy: bool) -> None:
    start, steps, made, target = story
    clock = begin(UUID(int=7), "resolution", ticket(start), made)
    for when, state in steps[1:]:
        if busy:  # somebody looks all the time; what is told must be the same
            for key, _ in due(clock, when):
                clock = told(clock, key)
        clock = follow(clock, ticket(when, state, opened_at=start), made, made)
    last, state = steps[-1]
    breach = oracle(steps, made, last, target)
    warning = oracle(steps, made, last, target / 2)
    # Done in the very instant of the deadline is in time; the oracle knows no such instants.
    assume((breach, "resolved") not in steps)
    # A discarded ticket is told of nothing more.
    gone = [when for when, state in steps if state == "discarded"]
    if not gone:
        assert (clock.breached_at or next((at for key, at in due(clock, last) if key == DUE), None)) == breach
        assert (clock.warned_at or next((at for key, at in due(clock, last) if key == WARN), None)) == warning
    if state == "open" and breach is None and not gone:
        horizon = last + timedelta(days=12)
        assert clock.due_at == (oracle(steps, made, horizon, target) or clock.due_at)
        assert clock.due_at is not None
        assert clock.mark(DUE) == clock.due_at
    if state == "waiting" and breach is None and not gone:
        assert clock.due_at is None
