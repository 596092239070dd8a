"""Triage: what a message is about, and by which words. The figures are measured on texts never used for weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hotline.cli import app
from hotline.tickets.triage import MOST_WORDS, features, known_features, triage
from hotline.tickets.triage_lexicon import lexicon, parse
from hotline.tickets.triage_text import read
from tests.material import real_file
from tests.unit.tickets.triage_fit import texts


def f1(rows: list[tuple[str, str]]) -> float:
    """Of complaints against all else."""
    told = [(kind == "complaint", triage(text).kind == "complaint") for kind, text in rows]
    right = sum(wanted and got for wanted, got in told)
    return 2 * right / (sum(wanted for wanted, _ in told) + sum(got for _, got in told))


@pytest.mark.parametrize(("name", "least"), [("held_english.txt", 0.85), ("held_chinese.txt", 0.8)])
def test_complaints_are_told_from_questions_in_texts_it_has_not_seen(name: str, least: float) -> None:
    rows = texts(name)
    assert len(rows) >= 80
    assert f1(rows) >= least
    assert sum(triage(text).kind == kind for kind, text in rows) / len(rows) >= least


def test_texts_of_other_people_are_told_apart_too() -> None:
    lines = real_file("text/intents.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    kinds = {"consultation": "consultation", "complaint": "complaint", "problem": "complaint"}
    assert f1([(kinds[row["label"]], row["text"]) for row in rows]) >= 0.7


def test_confidence_is_how_often_it_is_right() -> None:
    rows = [(kind, triage(text)) for name in ("held_english.txt", "held_chinese.txt") for kind, text in texts(name)]
    for low, high in ((0.0, 0.75), (0.75, 0.9), (0.9, 1.01)):
        band = [(kind == found.kind, found.confidence) for kind, found in rows if low <= found.confidence < high]
        assert len(band) > 30
        right = sum(ok for ok, _ in band) / len(band)
        assert right == pytest.approx(sum(sure for _, sure in band) / len(band), abs=0.12)


@pytest.mark.parametrize(
    ("text", "kind", "word"),
    [
        ("@acme worst service EVER, still no answer", "complaint", "worst"),
        ("@acme my parcel has not arrived", "complaint", "not arrived"),
        ("@acme waiting for 3 weeks now", "complaint", "waiting for"),
        ("@acme 3rd time the app is crashing!!", "complaint", "crashing"),
        ("great job @acme, lost my bag again 🙄", "complaint", "great job"),
        ("#acmefail #WorstServiceEver nobody answers the phone", "complaint", "worst"),
        ("@acme how do I change my address?", "consultation", "how do i"),
        ("does anyone know if @acme ships to Norway", "consultation", "does anyone"),
        ("@acme can u tell me when the shop opens pls", "consultation", "can you tell"),
        ("Please cancel my order, I picked the wrong slot", "service_request", "please cancel"),
        ("等了三天还没发货", "complaint", "等了"),
        ("等了三天還沒發貨，客服也沒人理", "complaint", "没人"),
        ("请问周日几点开门？", "consultation", "请问"),
        ("帮我把收货地址改一下", "service_request", "帮我"),
    ],
)  # fmt: skip
def test_the_words_that_decided_are_told(text: str, kind: str, word: str) -> None:
    found = triage(text)
    assert found.kind == kind
    assert word in [each.word for each in found.words if each.kind == kind]


@pytest.mark.parametrize(
    ("plain", "denied"),
    [
        ("I am happy with the new phone", "I am not happy with the new phone"),
        ("the delivery was great", "the delivery wasn't great"),
        ("客服很好，满意", "客服不好，不满意"),
    ],
)
def test_a_negation_turns_praise(plain: str, denied: str) -> None:
    assert triage(plain).kind == "consultation"
    assert triage(denied).kind == "complaint"


def test_a_negation_turns_trouble_and_not_beyond_its_reach() -> None:
    assert triage("no problem at all, thank you").kind == "consultation"
    assert "no_trouble" in features(read("there were no issues"), lexicon())
    assert "no_trouble" not in features(read("still not fixed the broken lift"), lexicon())
    assert "no_trouble" not in features(read("we do not know how rude they are"), lexicon())


def test_haste_is_read() -> None:
    assert read("I cant belive it, wont load sooo slow #BadService 3hrs").words == (
        "i can't belive it won't load so slow bad service 3 hours"
    )
    assert read("this does n't work").words == "this doesn't work"
    assert read("@a @b https://x.example/y <user> hi").words == "hi"
    assert read("ＶＥＲＹ　ＢＡＤ").words == "very bad"


def test_every_weight_belongs_to_something_that_can_be_found() -> None:
    words = lexicon()
    assert set(words.weights) <= known_features()
    assert {group.name for group in words.groups} <= set(words.weights)
    assert {group.negated for group in words.groups if group.negated} <= set(words.weights)


def test_priority_is_a_hint_with_its_words() -> None:
    urgent = triage("there is smoke coming out of the heater you sent")
    assert (urgent.priority, urgent.priority_words) == ("urgent", ("smoke coming",))
    assert triage("my account was hacked").priority == "high"
    assert triage("not an emergency, just wondering about opening hours").priority is None
    assert triage("燃气灶漏气了").priority == "urgent"


def test_one_language_alone_can_be_asked_for() -> None:
    assert next(each.word for each in triage("投诉 worst", "zh").words if each.kind == "complaint") == "投诉"
    assert "投诉" not in [each.word for each in triage("投诉 worst", "en").words]


@given(st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_text_has_an_answer(text: str) -> None:
    found = triage(text)
    assert 1 / 3 <= found.confidence <= 1
    assert len(found.words) <= MOST_WORDS


@pytest.mark.parametrize("piece", ["a ", "no ", "not ... ", "#a", "!?", "((((", "how ", "还", "aaaa", "\n", "why is "])
def test_long_texts_take_no_long_time(piece: str) -> None:
    # A bad pattern would take minutes: the time limit of the tests is the measure.
    assert triage(piece * 50_000).confidence > 0


def test_the_form_of_the_words() -> None:
    made = parse(
        "groups:\n  g:\n    negated: n\n    words: 'broke*, keep [a|b c], not ... here, after # days'\n"
        "weights:\n  bias: [-1, -1]\n  g: [3, 0]\n  n: [-2, 0]\npriorities: []\nspelled: {}\nacronyms: OK\n"
        "negates: not\nends_negation: but\nzh_negates: 不\n"
    )
    pattern = made.groups[0].pattern
    for text in (
        "broken",
        "it broke",
        "keep a",
        "keep b c",
        "not be here",
        "not here",
        "after three days",
        "after 2 days",
    ):
        assert pattern.search(text), text
    for text in ("unbroken", "keep c", "not . here", "not a b c d e here", "after days"):
        assert not pattern.search(text), text


def test_the_command_answers_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes(b"worst service\n\nhow do I pay?\r\n" + b"\xff\xfe broken\n" + b"x" * 100_000 + "\n投诉".encode())
    shown = CliRunner().invoke(app, ["triage", str(file)])
    assert shown.exit_code == 0, shown.output
    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [row["kind"] for row in rows][:3] == ["complaint", "consultation", "consultation"]
    assert (len(rows), rows[5]["kind"], rows[0]["words"]) == (6, "complaint", ["worst"])
    piped = CliRunner().invoke(app, ["triage"], input="worst service\n")
    assert json.loads(piped.stdout) == rows[0]
