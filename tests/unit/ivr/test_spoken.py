"""What callers say instead of pressing a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.ivr import effects as fx
from hotline.ivr import engine
from hotline.ivr.spoken import LONGEST_HINT, MOST_HINTS, digits_said, hints, key_said
from tests.unit.ivr.material import ALWAYS, NOW, flows, one

OPEN = {"opening_hours": ALWAYS}


def menu(language: str) -> fx.Collect:
    """The question of the shipped flow about what the call is for."""
    flow = flows("main")
    step = engine.start(flow, fx.CallerFacts(), OPEN, NOW)
    key = {"en": "1", "zh": "2"}[language]
    step = engine.resume(flow, step.session, fx.Pressed(key), OPEN, NOW)
    question = step.effects[-1]
    assert isinstance(question, fx.Collect)
    return question


@pytest.mark.parametrize(
    ("language", "said", "key"),
    [
        ("en", "I'd like to make a complaint, please.", "2"),
        ("en", "Advice", "1"),
        ("en", "service request", "3"),
        ("en", "can I talk to an agent", "0"),
        ("en", "Press two.", "2"),
        ("en", "3", "3"),
        ("en", "advice or a complaint", None),  # two keys: nobody may guess
        ("en", "nine", None),
        ("en", "uncomplaining", None),  # whole words only
        ("en", "", None),
        ("zh", "我要投诉你们", "2"),
        ("zh", "请按三", "3"),
        ("zh", "人工服务", None),  # 人工 is the agent's, 服务 the service's
        ("zh", "转人工", "0"),
        ("zh", "業務", None),
    ],
)
def test_a_sentence_means_a_key_or_none(language: str, said: str, key: str | None) -> None:
    assert key_said(said, menu(language).words) == key


def test_a_longer_word_goes_before_a_shorter_one_inside_it() -> None:
    words = {"1": ("service",), "2": ("customer service",)}
    assert key_said("customer service please", words) == "2"
    assert key_said("the service", words) == "1"


def test_star_and_hash_can_be_said() -> None:
    assert key_said("star", {"*": (), "#": ()}) == "*"
    assert key_said("井号键", {"*": (), "#": ()}) == "#"


@pytest.mark.parametrize(
    ("said", "digits"),
    [("one zero 0 oh 2", "10002"), ("10 001", "10001"), ("一二三", "123"), ("my number is 42.", "42"), ("no", "")],
)
def test_a_number_is_read_digit_by_digit(said: str, digits: str) -> None:
    assert digits_said(said) == digits


def test_a_flow_gives_words_of_its_own() -> None:
    flow = one("""
        flow: test
        languages: [en, zh]
        start: menu
        nodes:
          menu:
            type: menu
            say: {en: What is it?, zh: 什么事？}
            keys: {1: {next: bye, words: {en: [invoice, bill], zh: 发票}}, 2: bye}
            otherwise: bye
          bye: {type: hang_up}
    """)
    question = engine.start(flow, fx.CallerFacts(), {}, NOW).effects[-1]
    assert isinstance(question, fx.Collect)
    assert question.words == {"1": ("invoice", "bill"), "2": ()}


def test_words_that_nobody_wrote_make_no_other_content_of_a_flow() -> None:
    file = flows("main").root.file.model_dump(mode="json")
    assert "words" not in file["nodes"]["menu"]["keys"]["1"]


@given(said=st.text(), words=st.dictionaries(st.sampled_from("0123456789*#"), st.lists(st.text(), max_size=4)))
def test_anything_may_be_said(said: str, words: dict[str, list[str]]) -> None:
    assert key_said(said, words) in {None, *words}
    assert digits_said(said).isdecimal() or digits_said(said) == ""
    told = hints(words)
    assert all(len(hint) <= LONGEST_HINT for hint in told.split(", "))
    assert len(told.split(", ")) <= MOST_HINTS
