"""The states of a ticket and what a disposition does, as tables."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from hotline.crm.viewer import SHIPPED_ROLES
from hotline.tickets.dispositions import EFFECTS, Disposition, effect
from hotline.tickets.states import MOVES, OPEN, State, may_move, next_states, reference
from hotline.tickets.views import SHIPPED

STATES = get_args(State)
AGENT, SUPERVISOR, MARKETER = (frozenset(SHIPPED_ROLES[role]) for role in ("agent", "supervisor", "marketer"))


def test_nothing_is_possible_that_the_table_does_not_name() -> None:
    for before, after in product(STATES, STATES):
        assert may_move(before, after, SUPERVISOR) is ((before, after) in MOVES)
        assert not may_move(before, after, MARKETER)
    assert not any(before == after for before, after in MOVES)


@pytest.mark.parametrize(
    ("state", "agent", "supervisor"),
    [
        ("new", {"open", "waiting", "resolved", "discarded"}, {"open", "waiting", "resolved", "discarded"}),
        ("open", {"waiting", "resolved", "discarded"}, {"waiting", "resolved", "discarded"}),
        ("waiting", {"open", "resolved"}, {"open", "resolved"}),
        ("resolved", {"open", "closed"}, {"open", "closed"}),
        ("closed", set(), {"open"}),
        ("discarded", {"open"}, {"open"}),
    ],
)
def test_who_may_do_what(state: State, agent: set[str], supervisor: set[str]) -> None:
    assert set(next_states(state, AGENT)) == agent
    assert set(next_states(state, SUPERVISOR)) == supervisor


def test_every_state_leads_to_an_end() -> None:
    for state in STATES:
        seen, todo = {state}, [state]
        while todo:
            here = todo.pop()
            for after in next_states(here, SUPERVISOR):
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
        assert seen & {"closed", "discarded"}


def test_dispositions_do_what_the_table_of_states_allows() -> None:
    assert set(EFFECTS) == set(get_args(Disposition))
    for disposition, state, own in product(EFFECTS, STATES, (True, False)):
        does = effect(disposition, state, own=own)
        if state not in OPEN:
            assert (does.state, does.callback) == (None, False)
        if does.state is not None and does.state != "discarded":
            assert may_move(state, does.state, AGENT)
        if not own:
            assert does.state != "discarded", "the wrong number was this call's only"
    assert effect("wrong_number", "open", own=True).state == "discarded"
    assert effect("callback", "new", own=True).callback
    assert effect(None, "open", own=True).state is None


def test_the_shipped_lists_ask_for_what_there_is() -> None:
    assert list(SHIPPED) == ["mine", "unassigned", "overdue", "callbacks", "waiting", "open", "recently_closed"]
    for view in SHIPPED.values():
        assert set(view.filters.states) <= set(STATES)


def test_a_number_as_people_say_it() -> None:
    assert reference(10001) == "T10001"
