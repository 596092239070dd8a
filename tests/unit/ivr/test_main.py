"""The shipped flow ``main``: what callers hear, what their ticket gets, where they end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from hotline.calendars import Calendar, Holidays, Opening
from hotline.ivr import effects as fx
from hotline.ivr import engine
from hotline.ivr.session import Step
from tests.unit.ivr.material import ALWAYS, NOW, flows, heard

MAIN = flows("main")
OPEN = {"opening_hours": ALWAYS}
P, SILENT = fx.Pressed, fx.TimedOut()


@dataclass
class Told:
    """A call as the caller hears it."""

    said: list[list[str]]
    effects: list[fx.Effect]
    step: Step

    @property
    def last(self) -> fx.Effect:
        return self.effects[-1]


def call(
    *inputs: fx.Input,
    caller: fx.CallerFacts | None = None,
    calendars: dict[str, Calendar] = OPEN,
    now: datetime = NOW,
) -> Told:
    step = engine.start(MAIN, caller or fx.CallerFacts(), calendars, now)
    said, effects = [heard(step.effects)], list(step.effects)
    for input in inputs:
        step = engine.resume(MAIN, step.session, input, calendars, now)
        said.append(heard(step.effects))
        effects.extend(step.effects)
    return Told(said, effects, step)


@pytest.mark.parametrize(
    ("key", "kind"), [("1", "consultation"), ("2", "complaint"), ("3", "service_request"), ("0", None)]
)
def test_a_key_for_the_language_and_one_for_what_it_is_about(key: str, kind: str | None) -> None:
    told = call(P("1"), P(key))
    assert told.said[0] == ["Welcome. For English, press 1.", "您好，中文服务请按2。"]
    assert told.said[1] == [
        "For advice, press 1. For a complaint, press 2. For a service request, press 3. To speak to an agent, press 0."
    ]
    assert told.last == fx.Enqueue("support", 0, 300, announce_position=False)
    facts = told.step.session.facts
    assert (facts.language, facts.kind, facts.queue, facts.outcome) == ("en", kind, "support", "queued")
    assert facts.path == ("language:1", f"menu:{key}")


def test_chinese_is_spoken_after_2_and_first_to_whose_record_says_so() -> None:
    told = call(P("2"), P("2"), caller=fx.CallerFacts(known=True, locale="zh"))
    assert told.said[0] == ["您好，中文服务请按2。", "Welcome. For English, press 1."]
    assert told.said[1] == ["咨询请按1，投诉请按2，业务办理请按3，人工服务请按0。"]
    assert told.said[2] == ["谢谢，正在为您转接，请稍候。"]
    assert told.step.session.facts.language == "zh"


def test_who_presses_nothing_or_the_wrong_key_is_asked_three_times_and_goes_on() -> None:
    told = call(SILENT, P("7"), SILENT, P("9"), SILENT, P("*"))
    assert told.said[1][0] == "We did not hear a choice."
    assert told.said[2][0] == "Sorry, that is not one of the choices."
    assert told.said[3] == [MAIN.root.file.prompts["how_can_we_help"]["en"]]
    assert isinstance(told.last, fx.Enqueue)
    assert told.step.session.facts.path == ()
    assert told.step.session.facts.language is None


def test_a_choice_is_told_at_once() -> None:
    told = call(P("1"), P("2"))
    assert told.effects.index(fx.Tell()) < len(told.effects) - 1
    assert isinstance(call(P("1"), P("2")).step.effects[0], fx.Tell)


def test_a_vip_hears_less_and_stands_in_front() -> None:
    told = call(P("1"), SILENT, caller=fx.CallerFacts(known=True, vip=True, priority=20))
    assert told.said[1] == [
        "Good to hear from you. Advice, 1. Complaint, 2. Service, 3. Or press 0 and we are with you."
    ]
    assert told.last == fx.Enqueue("support", 20, 300, announce_position=False)
    assert len(told.said[1][0]) < len(call(P("1")).said[1][0])


def test_a_withheld_number_is_asked_for_a_customer_number() -> None:
    withheld = fx.CallerFacts(withheld=True)
    told = call(P("1"), P("10001"), caller=withheld)
    assert isinstance(told.effects[-3], fx.Collect)
    assert told.last == fx.LookUp("customer_number", "10001", 2.0)
    found = fx.Found({"caller.known": "yes", "caller.vip": "yes", "caller.tier": "gold", "caller.priority": "20"})
    told = call(P("1"), P("10001"), found, P("2"), caller=withheld)
    assert told.last == fx.Enqueue("support", 20, 300, announce_position=False)
    assert told.step.session.facts.customer_number == "10001"
    assert "10001" not in str(told.step.session.to_json())
    assert "10001" in told.step.session.secrets().values()


@pytest.mark.parametrize(
    "answers",
    [
        [SILENT, SILENT],
        [P("")],
        [P("10001"), fx.Failed("away")],
        [P("77"), fx.Found({}), P("78"), fx.Found({})],
        [P("77"), fx.Found({}), SILENT],
        [P("77"), fx.Found({}), P("")],
    ],
)
def test_a_withheld_number_that_is_not_found_goes_on_as_unknown(answers: Sequence[fx.Input]) -> None:
    told = call(P("1"), *answers, P("3"), caller=fx.CallerFacts(withheld=True))
    assert told.last == fx.Enqueue("support", 0, 300, announce_position=False)
    assert told.step.session.facts.kind == "service_request"


OFFICE = Calendar(
    "opening_hours", ZoneInfo("Asia/Shanghai"), ((Opening(540, 1080),),) * 5 + ((),) * 2, Holidays("CN"),
    exceptions={datetime(2026, 11, 26).date(): ((), "works outing"),  # noqa: DTZ001
                datetime(2026, 11, 27).date(): ((Opening(600, 720),), "short day")},  # noqa: DTZ001
)  # fmt: skip


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-11-25T10:00+08:00", None),
        ("2026-11-25T03:00+08:00", "Our office is closed at the moment."),
        ("2026-11-29T12:00+08:00", "Our office is closed at the moment."),
        ("2026-10-01T12:00+08:00", "We are closed for the holiday today."),
        ("2026-11-26T12:00+08:00", "We are closed for the holiday today."),
        ("2026-11-27T11:00+08:00", None),
        ("2026-11-27T13:00+08:00", "Our office is closed at the moment."),
    ],
)
def test_outside_of_the_hours_callers_leave_a_message(at: str, said: str | None) -> None:
    told = call(P("1"), calendars={"opening_hours": OFFICE}, now=datetime.fromisoformat(at))
    if said is None:
        assert isinstance(told.last, fx.Collect)
        return
    assert told.said[1][0] == said
    assert told.last == fx.RecordMessage(120, 5, "#")
    recorded = engine.resume(MAIN, told.step.session, fx.Recorded(12.0), {}, NOW)
    assert recorded.effects[-1] == fx.HangUp()
    assert recorded.session.facts.outcome == "voicemail"


@pytest.mark.parametrize("how", ["timeout", "empty", "full", "failed"])
def test_when_nobody_answers_the_caller_leaves_a_message(how: str) -> None:
    told = call(P("1"), P("2"), fx.Left(how))  # type: ignore[arg-type]
    assert told.said[3][0] == "We are sorry, all our agents are still busy."
    assert isinstance(told.last, fx.RecordMessage)


def test_after_a_talk_it_is_over() -> None:
    told = call(P("1"), P("2"), fx.Left("answered"))
    assert told.step.session.over
    assert told.step.effects == (fx.HangUp(),)
    assert told.step.session.facts.outcome == "queued"


def test_no_message_is_no_voicemail() -> None:
    told = call(P("1"), P("2"), fx.Left("timeout"), fx.Recorded(0.4))
    assert told.said[-1] == ["Thank you for calling. Goodbye."]
    assert told.step.session.facts.outcome == "queued"


def test_hanging_up_in_the_menu() -> None:
    assert call(P("1"), fx.HungUp()).step.session.facts.outcome == "left"


def test_every_prompt_can_be_made_beforehand() -> None:
    prompts = MAIN.prompts()
    assert all(prompt.fixed for prompt in prompts)
    assert {prompt.language for prompt in prompts} == {"en", "zh"}
    assert {prompt.name for prompt in prompts} >= {
        "main.choose_language",
        "main.how_can_we_help",
        "main.ask_number.silent",
    }
    assert len({(prompt.name, prompt.language) for prompt in prompts}) == len(prompts)
