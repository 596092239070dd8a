"""A flow's effects as TwiML, and what Twilio's answers mean for the flow."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.calendars import Calendar
from hotline.channels.twilio.voice import Heard, Listening, Ways, answer, hung_up, recorded, render
from hotline.channels.twilio.voices import VOICES, voice_of
from hotline.ivr import effects as fx
from hotline.ivr import engine
from tests.material import real_file
from tests.twiml import said, sound, verbs
from tests.unit.ivr.material import NOW, calendars, callers, flows, inputs

WAYS = Ways("https://h.example/webhooks/twilio/voice/resume?n=3", "https://h.example/recordings")
BUSY = Ways(WAYS.action, WAYS.recordings, "https://h.example/transcripts")


def prompt(text: str, name: str = "main.x", language: str = "en") -> fx.Prompt:
    return fx.Prompt(name, {language: text}, language)


def read(one: fx.Prompt) -> Heard:
    """Every prompt read by a voice."""
    return Heard(text=one.texts[one.language], voice=voice_of(one.language, {}))


def question(**more: object) -> fx.Collect:
    fields: dict[str, object] = {"least": 1, "most": 1, "finish": "", "first_seconds": 5.0, "next_seconds": 4.0}
    return fx.Collect((prompt("Press 1."),), **{**fields, **more})  # type: ignore[arg-type]


def test_what_is_said_before_a_question_is_inside_of_it_so_that_a_key_stops_it() -> None:
    first, rest = verbs(render([fx.Say((prompt("Hello."),)), fx.Tell(), question()], read, WAYS))
    assert (first.name, [each.text for each in first.inside]) == ("Gather", ["Hello.", "Press 1."])
    assert first.attributes == {
        "input": "dtmf", "action": WAYS.action, "method": "POST", "timeout": "5", "numDigits": "1",
        "finishOnKey": "", "actionOnEmptyResult": "true",
    }  # fmt: skip
    assert first.inside[0].attributes == {"voice": "Polly.Joanna-Neural", "language": "en-US"}
    assert (rest.name, rest.text) == ("Redirect", WAYS.action)


def test_the_same_question_goes_on_at_its_own_address_each_time() -> None:
    for action in ('https://h.example/resume?n=1&again="<2>"', "https://h.example/resume?n=2"):
        gather, rest = verbs(render([question()], read, Ways(action, WAYS.recordings)))
        assert (gather["action"], rest.text) == (action, action)


def test_a_question_with_what_only_one_caller_hears_is_written_for_them() -> None:
    for text in ("Your balance is 5 & 6.", "Your balance is <7>."):
        own = fx.Prompt("main.balance", {"en": text}, "en", fixed=False)
        gather, rest = verbs(render([fx.Say((own,)), question()], read, WAYS))
        assert [each.text for each in gather.inside] == [text, "Press 1."]
        assert (gather["action"], rest.text) == (WAYS.action, WAYS.action)


def test_what_everybody_must_hear_is_outside_of_the_question() -> None:
    notice = fx.Say((prompt("This call is recorded."),), keep_keys=False)
    names = [verb.name for verb in verbs(render([fx.Say((prompt("Hello."),)), notice, question()], read, WAYS))]
    assert names == ["Say", "Say", "Gather", "Redirect"]


def test_a_number_of_several_digits() -> None:
    gather, _ = verbs(render([question(least=3, most=12, finish="#", first_seconds=2.2)], read, WAYS))
    assert (gather["numDigits"], gather["finishOnKey"], gather["timeout"]) == ("12", "#", "4")


def test_a_recogniser_is_told_the_language_and_the_words() -> None:
    words = {"1": ("advice", "information"), "2": ("complaint",)}
    gather, _ = verbs(render([question(words=words)], read, WAYS, listening=Listening("en-GB")))
    assert (gather["input"], gather["language"], gather["speechTimeout"]) == ("dtmf speech", "en-GB", "auto")
    assert gather["hints"] == "advice, information, complaint"


def test_a_message_is_recorded_by_the_flow_s_rules() -> None:
    record, rest = verbs(render([fx.RecordMessage(120, 5, "*")], read, WAYS))
    assert record.attributes == {
        "action": WAYS.action, "method": "POST", "maxLength": "120", "timeout": "5", "finishOnKey": "*",
        "playBeep": "true", "trim": "do-not-trim", "recordingStatusCallback": WAYS.recordings,
        "recordingStatusCallbackMethod": "POST", "recordingStatusCallbackEvent": "completed absent",
    }  # fmt: skip
    assert rest.name == "Redirect"
    record, _ = verbs(render([fx.RecordMessage(120, 5)], read, BUSY))
    assert (record["transcribe"], record["transcribeCallback"]) == ("true", BUSY.transcripts)


def test_the_end_says_goodbye_first() -> None:
    assert [verb.name for verb in verbs(render([fx.Say((prompt("Bye."),)), fx.HangUp()], read, WAYS))] == [
        "Say",
        "Hangup",
    ]


def test_sounds_are_played_and_what_cannot_be_heard_is_left_out() -> None:
    def hear(one: fx.Prompt) -> Heard | None:
        return {"a": Heard("https://h.example/prompts/1.wav"), "b": None}.get(one.name)

    document = render([fx.Say((prompt("x", "a"), prompt("x", "b"))), fx.HangUp()], hear, WAYS)
    assert [(verb.name, verb.text) for verb in verbs(document)] == [
        ("Play", "https://h.example/prompts/1.wav"),
        ("Hangup", ""),
    ]


def test_texts_cannot_break_out_of_the_document() -> None:
    nasty = 'A & B <Hangup/> "q" \x00\x08\x1b ￾ 您好 😀'
    (say, _) = verbs(render([fx.Say((prompt(nasty),)), fx.HangUp()], read, WAYS))
    assert say.text == 'A & B <Hangup/> "q"   您好 😀'


def test_more_than_a_document_may_hold_is_not_said() -> None:
    long = tuple(prompt("字" * 1000) for _ in range(20))
    document = render([*(fx.Say(long) for _ in range(10)), question()], read, WAYS)
    assert len(sound(document).encode()) < 64_000
    assert verbs(document)[-2].name == "Gather"


@pytest.mark.parametrize("effects", [[], [fx.Tell()], [fx.LookUp("caller")]])
def test_what_is_no_step_is_refused(effects: list[fx.Effect]) -> None:
    with pytest.raises(ValueError, match=r"effect|step"):
        render(effects, read, WAYS)


# What Twilio says


@pytest.mark.parametrize(
    ("form", "given"),
    [
        ({"Digits": "1"}, fx.Pressed("1")),
        ({"Digits": "1", "FinishedOnKey": ""}, fx.Pressed("1")),
        ({"Digits": "#"}, fx.Pressed("#")),
        ({"Digits": ""}, fx.TimedOut()),
        ({}, fx.TimedOut()),
        ({"Digits": "hangup"}, fx.TimedOut()),
        ({"SpeechResult": "A complaint, please.", "Confidence": "0.9"}, fx.Pressed("2")),
        ({"SpeechResult": "one"}, fx.Pressed("1")),
        ({"SpeechResult": "mumble"}, fx.Pressed("")),
        ({"SpeechResult": "two", "Digits": "1"}, fx.Pressed("1")),
        ({"SpeechResult": "   "}, fx.TimedOut()),
        ({"Digits": "12345"}, fx.Pressed("1")),
        ({"Digits": "１"}, fx.TimedOut()),  # a digit of another script is no key
    ],
)
def test_an_answer_to_a_menu(form: Mapping[str, str], given: fx.Input) -> None:
    assert answer(question(words={"1": ("advice",), "2": ("complaint",)}), form) == given


@pytest.mark.parametrize(
    ("form", "given"),
    [
        ({"Digits": "12345", "FinishedOnKey": "#"}, fx.Pressed("12345")),
        ({"Digits": "12345"}, fx.Pressed("12345")),
        ({"Digits": "", "FinishedOnKey": "#"}, fx.Pressed("")),  # the ending key alone is an answer
        ({"Digits": "1", "FinishedOnKey": "#"}, fx.Pressed("1")),  # too few, but the caller says that it is all
        ({"Digits": "1", "FinishedOnKey": ""}, fx.TimedOut()),  # too few, and then nothing more
        ({"SpeechResult": "my number is one zero 0 0 1"}, fx.Pressed("10001")),
        ({"SpeechResult": "I don't know"}, fx.Pressed("")),
    ],
)
def test_an_answer_to_a_number(form: Mapping[str, str], given: fx.Input) -> None:
    assert answer(question(least=3, most=12, finish="#"), form) == given


@pytest.mark.parametrize(
    ("form", "given"),
    [
        ({"RecordingDuration": "12", "RecordingSid": "RE1"}, fx.Recorded(12.0)),
        ({"RecordingDuration": "0"}, fx.Recorded(0.0)),
        ({}, fx.Recorded(0.0)),
        ({"RecordingDuration": "nan"}, fx.Failed("refused")),
        ({"RecordingDuration": "-3"}, fx.Failed("refused")),
        ({"RecordingDuration": "x"}, fx.Failed("refused")),
    ],
)
def test_what_came_of_a_recording(form: Mapping[str, str], given: fx.Input) -> None:
    assert recorded(form) == given


def test_a_caller_who_is_gone() -> None:
    assert hung_up({"Digits": "hangup", "CallStatus": "in-progress"})
    assert hung_up({"CallStatus": "completed"})
    assert not hung_up({"Digits": "1", "CallStatus": "in-progress"})


@given(
    form=st.dictionaries(st.sampled_from(["Digits", "SpeechResult", "FinishedOnKey", "RecordingDuration"]), st.text())
)
def test_anything_may_come(form: dict[str, str]) -> None:
    for asked in (question(), question(least=2, most=9, finish="#"), question(words={"1": ("yes",)})):
        given = answer(asked, form)
        assert isinstance(given, fx.Pressed | fx.TimedOut)
        if isinstance(given, fx.Pressed):
            assert set(given.keys) <= set("0123456789*#")
    assert isinstance(recorded(form), fx.Recorded | fx.Failed)


# Whole flows


@pytest.mark.parametrize("name", ["main", "everything", "questions"])
@given(caller=callers, hours=calendars, given=st.lists(inputs, max_size=15), hears=st.booleans())
def test_every_step_of_every_flow_is_a_document_that_twilio_takes(
    name: str, caller: fx.CallerFacts, hours: Mapping[str, Calendar], given: list[fx.Input], hears: bool
) -> None:
    flow = flows(name)
    step = engine.start(flow, caller, hours, NOW)
    said_before: list[fx.Effect] = []
    for each in [*given, fx.HungUp()]:
        last = step.effects[-1] if step.effects else None
        if isinstance(last, fx.LookUp) or last is None:
            said_before += step.effects[:-1]
        else:
            listening = Listening("cmn-Hans-CN") if hears else None
            document = render([*said_before, *step.effects], read, BUSY, listening=listening)
            heard = [p for e in (*said_before, *step.effects) if isinstance(e, fx.Say | fx.Collect) for p in e.prompts]
            assert len(said(document)) == len([p for p in heard if p.texts[p.language].strip()])
            said_before = []
        step = engine.resume(flow, step.session, each, hours, NOW)


# Voices


def test_twilio_has_every_voice_and_language() -> None:
    grammar = json.loads(real_file("twilio/twiml_grammar.json").read_text())
    say, gather = grammar["voice/Say"]["attrs"], grammar["voice/Gather"]["attrs"]
    for voice in VOICES.values():
        assert voice.name in say["voice"]["enum"]
        assert voice.language in say["language"]["enum"]
        assert voice.hears in gather["language"]["enum"]


@pytest.mark.parametrize(
    ("language", "chosen", "name", "reads"),
    [
        ("en", {}, "Polly.Joanna-Neural", "en-US"),
        ("en-GB", {}, "Polly.Amy-Neural", "en-GB"),
        ("en-ZA", {}, "Polly.Joanna-Neural", "en-US"),
        ("zh", {}, "Polly.Zhiyu-Neural", "cmn-CN"),
        ("en", {"en": "Polly.Amy-Neural"}, "Polly.Amy-Neural", "en-GB"),
        ("en-GB", {"en": "Google.en-AU-Neural2-A"}, "Google.en-AU-Neural2-A", "en-AU"),
        ("en", {"en": "Polly.Matthew-Neural"}, "Polly.Matthew-Neural", "en-US"),
        ("en", {"en": "no voice!"}, "Polly.Joanna-Neural", "en-US"),
    ],
)
def test_the_company_s_voice_goes_before_the_usual_one(
    language: str, chosen: dict[str, str], name: str, reads: str
) -> None:
    voice = voice_of(language, chosen)
    assert voice is not None
    assert (voice.name, voice.language) == (name, reads)


def test_a_language_without_a_voice_is_left_to_twilio() -> None:
    assert voice_of("tlh", {}) is None
    document = render([fx.Say((prompt("Qapla'", language="tlh"),)), fx.HangUp()], read, WAYS)
    assert verbs(document)[0].attributes == {}
