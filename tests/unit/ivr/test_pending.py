"""What a session waits for is found again between two moments."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.calendars import Calendar
from hotline.ivr import effects as fx
from hotline.ivr import engine
from tests.unit.ivr.material import NOW, calendars, callers, flows, inputs


@pytest.mark.parametrize("name", ["main", "everything", "questions"])
@given(caller=callers, hours=calendars, given=st.lists(inputs, max_size=12))
def test_what_waits_is_the_same_when_it_is_asked_for_again(
    name: str, caller: fx.CallerFacts, hours: Mapping[str, Calendar], given: list[fx.Input]
) -> None:
    flow = flows(name)
    step = engine.start(flow, caller, hours, NOW)
    for each in given:
        step = engine.resume(flow, step.session, each, hours, NOW)
    last = step.effects[-1] if step.effects else None
    pending = engine.pending(flow, step.session)
    if isinstance(last, (fx.HangUp, fx.LookUp)) or last is None:
        assert pending is None
    elif isinstance(last, fx.Collect):
        assert isinstance(pending, fx.Collect)
        # What is said first after a wrong key belongs to the repeat.
        assert last.prompts[len(last.prompts) - len(pending.prompts) :] == pending.prompts
        assert (pending.least, pending.most, pending.finish, pending.words) == (
            last.least, last.most, last.finish, last.words
        )  # fmt: skip
    else:
        assert pending == last
