"""Whatever callers press, say or leave out, and whatever flows they are in: every session ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotline.ivr import effects as fx
from hotline.ivr import engine
from hotline.ivr.flow import Flow, FlowSet
from hotline.ivr.loader import load
from hotline.ivr.names import EXTENSION, MOST_VISITS, QUEUE
from hotline.ivr.nodes import FlowFile
from hotline.ivr.reading import read
from hotline.ivr.session import Session, Step
from tests.unit.ivr.material import (
    ENOUGH,
    NOW,
    WAITING,
    calendars,
    callers,
    documents,
    flows,
    inputs,
    source,
)

_SLOW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


def stands(step: Step, *, kept: bool) -> None:
    """What holds for every step; ``kept``: writing the session and reading it again is part of it."""
    *before, last = step.effects or (None,)
    assert not any(isinstance(effect, WAITING) for effect in before), "only the last effect waits"
    assert isinstance(last, WAITING)
    assert isinstance(last, fx.HangUp) == step.session.over
    assert bool(step.session.waits) != step.session.over
    assert len(step.effects) <= MOST_VISITS + 2
    if isinstance(last, fx.Enqueue):
        assert last.queue == "" or QUEUE.fullmatch(last.queue)
        assert 0 <= last.priority <= 1000
    if isinstance(last, fx.Transfer):
        assert EXTENSION.fullmatch(last.to)
    if kept:
        data = json.loads(json.dumps(step.session.to_json()))
        secrets = json.loads(json.dumps(step.session.secrets()))
        assert Session.from_json(data, secrets) == step.session
        Session.from_json(data)  # without the secrets it goes on too


def ends(found: FlowSet, data: st.DataObject) -> Session:
    """Follow a caller to the end, from any input to any input."""
    calendar = data.draw(calendars)
    step = engine.start(found, data.draw(callers), calendar, NOW)
    given_inputs = data.draw(st.lists(inputs, max_size=30))
    for number in range(ENOUGH):
        stands(step, kept=number < 20 or step.session.over)
        if step.session.over:
            return step.session
        input = given_inputs[number % len(given_inputs)] if given_inputs else fx.TimedOut()
        step = engine.resume(found, step.session, input, calendar, NOW)
    raise AssertionError("this caller never gets out")


@pytest.mark.parametrize("name", ["main", "everything", "questions"])
@given(data=st.data())
@_SLOW
def test_every_caller_of_our_flows_gets_out(name: str, data: st.DataObject) -> None:
    session = ends(flows(name), data)
    assert session.outcome in ("queued", "voicemail", "transferred", "hung_up")


@given(data=st.data())
@_SLOW
def test_every_caller_of_any_flow_gets_out_even_of_one_that_the_check_refuses(data: st.DataObject) -> None:
    called: Any = data.draw(documents("called"))
    document: Any = data.draw(documents(calls=("called", "test")))
    read_flows = {}
    for each in (called, document):
        kept = source(each)
        read_flows[each["flow"]] = Flow(
            each["flow"], FlowFile.model_validate(each), kept.content.decode(), read(kept.file, kept.content)
        )
    ends(FlowSet("test", read_flows), data)


@given(data=st.data())
@settings(_SLOW, max_examples=30)
def test_flows_that_pass_the_check_hand_nobody_to_the_default_queue_before_they_were_asked_often(
    data: st.DataObject,
) -> None:
    library = load([source(data.draw(documents("called"))), source(data.draw(documents(calls=("called",))))])
    if (found := library.sets.get("test")) is None:
        assert library.errors, "a flow is refused with a reason"
        return
    session = ends(found, data)
    if session.queue is None and session.outcome == "queued":
        assert session.waited > 250, "given up although the check found no circle"


@pytest.mark.parametrize("name", ["main", "everything", "questions"])
@given(data=st.data())
@_SLOW
def test_hanging_up_ends_it_at_any_point(name: str, data: st.DataObject) -> None:
    found = flows(name)
    calendar = data.draw(calendars)
    step = engine.start(found, data.draw(callers), calendar, NOW)
    for input in data.draw(st.lists(inputs, max_size=10)):
        if step.session.over:
            break
        step = engine.resume(found, step.session, input, calendar, NOW)
    gone = engine.resume(found, step.session, fx.HungUp(), calendar, NOW)
    assert gone.session.over
    assert gone.effects == ()
    again = engine.resume(found, gone.session, fx.Pressed("1"), calendar, NOW)
    assert again.session == gone.session
    assert again.effects == (fx.HangUp(),)


@given(data=st.data())
@_SLOW
def test_a_session_of_another_flow_goes_to_the_queue_and_ends(data: st.DataObject) -> None:
    other = engine.start(flows("everything"), fx.CallerFacts(), {}, NOW).session
    step = engine.resume(flows("main"), other, data.draw(inputs), {}, NOW)
    if not step.session.over:
        assert isinstance(step.effects[-1], fx.Enqueue)
        assert step.effects[-1].queue == ""
        assert engine.resume(flows("main"), step.session, fx.Left("answered"), {}, NOW).session.over
