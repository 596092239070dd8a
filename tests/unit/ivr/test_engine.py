"""What each node does, by flows that hold little else."""

from __future__ import annotations

from typing import Any

import pytest

from hotline.errors import Invalid
from hotline.ivr import effects as fx
from hotline.ivr import engine
from hotline.ivr.flow import FlowSet
from hotline.ivr.names import MOST_WAITS
from hotline.ivr.session import Session, Step
from tests.unit.ivr.material import ALWAYS, NOW, flows, heard, one

P = fx.Pressed


def go(found: FlowSet, *inputs: fx.Input, caller: fx.CallerFacts | None = None) -> Step:
    step = engine.start(found, caller or fx.CallerFacts(), {"opening_hours": ALWAYS}, NOW)
    for input in inputs:
        step = engine.resume(found, step.session, input, {"opening_hours": ALWAYS}, NOW)
    return step


def flow(nodes: str, head: str = "") -> FlowSet:
    return one(f"flow: test\nlanguages: [en]\nstart: a\n{head}\nnodes:\n{nodes}")


def test_what_is_keyed_in_can_be_read_back_digit_by_digit_and_stays_secret() -> None:
    found = flow(
        "  a: {type: gather, say: {en: x}, into: number, least: 3, most: 5, next: b, otherwise: b}\n"
        "  b: {type: set, values: {copy: 'no ${number}'}, next: c}\n"
        "  c: {type: hang_up, say: {en: '${number:digits}, ${copy}, ${number}.'}}\n"
    )
    step = go(found, P("0123"))
    assert heard(step.effects) == ["0 1 2 3, no 0123, 0123."]
    assert not step.effects[0].prompts[0].fixed if isinstance(step.effects[0], fx.Say) else False
    assert "0123" not in str(step.session.to_json())
    assert step.session.secrets() == {"number": "0123", "copy": "no 0123"}


@pytest.mark.parametrize("keys", ["12", "123456", "12*", "1#3", "", "１２３"])
def test_a_number_that_does_not_fit_is_asked_for_again(keys: str) -> None:
    found = flow(
        "  a: {type: gather, say: {en: x}, into: n, least: 3, most: 5, wrong: {en: wrong}, next: b, otherwise: b}\n"
        "  b: {type: hang_up, say: {en: 'got ${n}'}}\n"
    )
    assert heard(go(found, P(keys)).effects) == ["wrong", "x"]
    assert heard(go(found, P(keys), P("123")).effects) == ["got 123"]


def test_a_flow_with_one_language_is_in_that_language() -> None:
    assert go(flow("  a: {type: hang_up}\n")).session.facts.language == "en"


def test_collect_has_the_times_of_the_node_or_of_the_flow() -> None:
    nodes = (
        "  a: {type: gather, say: {en: x}, into: n, next_seconds: 9, next: b, otherwise: b}\n"
        "  b: {type: menu, say: {en: y}, seconds: 2, keys: {1: c}, otherwise: c}\n  c: {type: hang_up}\n"
    )
    found = flow(nodes, "defaults: {seconds: 7, next_seconds: 3}")
    first = go(found).effects[-1]
    second = go(found, P("1")).effects[-1]
    assert isinstance(first, fx.Collect)
    assert isinstance(second, fx.Collect)
    assert (first.least, first.most, first.finish, first.first_seconds, first.next_seconds) == (1, 20, "#", 7, 9)
    assert (second.least, second.most, second.finish, second.first_seconds, second.next_seconds) == (1, 1, "", 2, 3)


def test_say_can_be_stopped_and_play_cannot() -> None:
    found = flow(
        "  a: {type: play, say: {en: notice}, next: b}\n  b: {type: say, say: {en: hello}, next: c}\n"
        "  c: {type: hang_up}\n"
    )
    play, say, _ = go(found).effects
    assert isinstance(play, fx.Say)
    assert isinstance(say, fx.Say)
    assert (play.keep_keys, say.keep_keys) == (False, True)


@pytest.mark.parametrize(
    ("case", "value", "holds"),
    [
        ("equals: a", "a", True), ("equals: a", "A", False), ("equals: 'no'", "no", True),
        ("differs: a", "b", True), ("differs: a", "a", False), ("differs: a", "", True),
        ("one_of: [a, b]", "b", True), ("one_of: [a, b]", "c", False),
        ("above: 10", "10.5", True), ("above: 10", "10", False), ("above: 10", "many", False),
        ("below: 10", "9", True), ("below: 10", "10", False), ("below: 10", "", False), ("below: 10", "nan", False),
        ("given: yes", "a", True), ("given: yes", "", False), ("given: no", "", True),
    ],
)  # fmt: skip
def test_comparisons(case: str, value: str, holds: bool) -> None:
    found = flow(
        f"  a: {{type: branch, cases: [{{variable: caller.tier, {case}, next: b}}], otherwise: c}}\n"
        "  b: {type: hang_up, say: {en: holds}}\n  c: {type: hang_up, say: {en: not}}\n"
    )
    step = go(found, caller=fx.CallerFacts(variables={"caller.tier": value}))
    assert heard(step.effects) == ["holds" if holds else "not"]


def test_asterisk_never_gets_what_a_record_or_a_caller_says() -> None:
    found = flow(
        "  a: {type: lookup, what: customer_number, value: '7', found: b, missing: b}\n"
        "  b: {type: enqueue, queue: 'q${customer.number}', unanswered: c}\n"
        "  c: {type: hang_up, say: {en: '${customer.number}'}}\n"
    )
    step = go(found, fx.Found({"customer.number": "${SHELL(reboot)}\r\nSET x"}))
    assert step.effects[-1] == fx.Enqueue("q", 0, 300, announce_position=False)
    said = heard(go(found, fx.Found({"customer.number": "${caller.vip}\r\n"}), fx.Left("timeout")).effects)
    assert said == ["$ {caller.vip}"], "what is filled in is not filled in again"


@pytest.mark.parametrize("queue", ["a b", "${SHELL(x)}", "a,b", "x" * 80, ""])
def test_a_queue_that_cannot_be_one_takes_the_way_failed(queue: str) -> None:
    found = flow(
        "  a: {type: enqueue, queue: '${queue}', unanswered: b, failed: c}\n"
        "  b: {type: hang_up}\n  c: {type: hang_up, say: {en: failed}}\n",
        "variables: {queue: support}",
    )
    step = engine.start(found, fx.CallerFacts(), {}, NOW)
    data = {**step.session.to_json(), "waits": "", "variables": {"queue": queue}}
    data["frames"] = [["test", "a"]]
    again = engine.resume(found, Session.from_json({**data, "waits": "queue"}), fx.Left("timeout"), {}, NOW)
    assert again.session.over
    from hotline.ivr.run import Run

    assert heard(Run(found, Session.from_json(data), {}, NOW).walk().effects) == ["failed"]


def test_a_survey_after_the_talk_keeps_its_answers() -> None:
    found = flows("everything")
    step = go(found, P("1"), fx.Found({}), P("*"), fx.Left("answered"))
    assert heard(step.effects) == ["How easy was it, 1 to 5?"]
    step = go(found, P("1"), fx.Found({}), P("*"), fx.Left("answered"), P("9"), P("4"), fx.TimedOut(), fx.TimedOut())
    assert step.session.facts.variables == {"survey.ease": "4"}
    assert step.session.facts.outcome == "queued"
    assert heard(step.effects) == ["Goodbye."]
    assert [trace for trace in step.session.trail if trace.flow == "questions"] == [
        ("questions", "ask", "next"),
        # ``return`` has no ways: the calling node is left instead.
    ]
    assert step.session.trail[-1] == ("everything", "survey", "next")


def test_a_choice_in_a_flow_that_was_called_names_that_flow() -> None:
    sub = (
        "flow: sub\nlanguages: [en]\nstart: m\nnodes:\n"
        "  m: {type: menu, say: {en: x}, keys: {1: r}, otherwise: r}\n  r: {type: return}\n"
    )
    text = (
        "flow: test\nlanguages: [en]\nstart: a\nnodes:\n  a: {type: flow, flow: sub, next: b}\n  b: {type: hang_up}\n"
    )
    found = one(text, sub=sub)
    assert go(found, P("1")).session.path == ("sub.m:1",)
    changed = one(text.replace("next: b}", "next: c}").replace("  b:", "  c:"), sub=sub)
    assert found.digest != changed.digest
    assert found.part("sub").digest == changed.part("sub").digest


def test_lookups_may_fail_and_then_the_flow_goes_on() -> None:
    found = flows("everything")
    assert isinstance(go(found, P("1"), fx.Failed("away")).effects[-1], fx.Collect)
    found_it = go(found, P("1"), fx.Found({"caller.known": "yes", "caller.priority": "99999"}))
    assert found_it.effects[-1] == fx.LookUp("open_ticket", "", 2.0)
    assert found_it.session.priority == 1000
    told = go(found, P("1"), fx.Found({"caller.known": "yes"}), fx.Found({"ticket.open": "yes", "ticket.number": "71"}))
    assert heard(told.effects)[0] == "Your ticket is 7 1."
    none = go(found, P("1"), fx.Found({"caller.known": "yes"}), fx.Found({"ticket.open": "no"}))
    assert heard(none.effects)[0] == "How can we help?"


def test_who_is_asked_for_ever_goes_to_the_default_queue() -> None:
    found = flow("  a: {type: menu, say: {en: x}, keys: {1: a, 2: b}, otherwise: b}\n  b: {type: hang_up}\n")
    step = go(found, *[P("1")] * (MOST_WAITS + 1))
    assert step.effects == (fx.Enqueue("", 0, 600, announce_position=False),)
    assert not step.session.over
    over = engine.resume(found, step.session, fx.Left("timeout"), {}, NOW)
    assert over.session.over
    assert over.effects == (fx.HangUp(),)


def test_a_talk_that_the_session_knows_nothing_of_ends_it() -> None:
    found = flows("main")
    step = engine.resume(found, engine.start(found, fx.CallerFacts(), {}, NOW).session, fx.Left("answered"), {}, NOW)
    assert step.session.over


@pytest.mark.parametrize(
    "change",
    [
        {"frames": "x"},
        {"frames": [["a"]]},
        {"waits": "nothing"},
        {"kind": "party"},
        {"extra": 1},
        {"variables": {"a": [1]}},
    ],
)
def test_what_is_no_session_is_refused(change: dict[str, Any]) -> None:
    data = engine.start(flows("main"), fx.CallerFacts(), {}, NOW).session.to_json()
    Session.from_json(data)
    with pytest.raises(Invalid):
        Session.from_json({**data, **change})
    with pytest.raises(Invalid):
        Session.from_json({})
