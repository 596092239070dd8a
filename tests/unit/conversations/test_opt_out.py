"""Words that stop messages: rules 8 and 9 of messaging. The whole message is the word, or it is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hotline.conversations.opt_out import CONFIRM_WITHIN, HELP, START, STOP, may_be_said, may_confirm, word_of

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
EVERY = [(word, what) for what, table in (("stop", STOP), ("start", START), ("help", HELP)) for word in
         {each for some_words in table.values() for each in some_words}]  # fmt: skip


@pytest.mark.parametrize(
    "word",
    ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "opt out", "退订", "TD", "T", "R"],
)
def test_rule_8_every_word_of_the_rule_stops(word: str) -> None:
    found = word_of(word)
    assert found is not None
    assert found[0] == "stop"


@given(some.sampled_from(EVERY), some.sampled_from([str.upper, str.lower, str.title]), some.data())
def test_rule_8_case_spaces_and_punctuation_do_not_matter(
    entry: tuple[str, str], case: object, data: some.DataObject
) -> None:
    word, what = entry
    around = some.text(alphabet=" .!?,;:\n\t\"'()\u00a0\u200b", max_size=4)
    text = data.draw(around) + case(word) + data.draw(around)  # type: ignore[operator]
    found = word_of(text)
    assert found is not None
    assert found[0] == what


@given(
    some.sampled_from(EVERY), some.sampled_from(["please {}", "don't {}", "{} calling me", "I said {}, now", "x{}x1"])
)
def test_rule_8_a_word_in_a_sentence_is_none(entry: tuple[str, str], sentence: str) -> None:
    assert word_of(sentence.format(entry[0])) is None


@pytest.mark.parametrize("text", [None, "", "   ", "!!!", "🛑", "don't start", "STOP " * 30, "st", "the end of it"])
def test_other_messages(text: str | None) -> None:
    assert word_of(text) is None


def test_the_companys_own_words() -> None:
    assert word_of("Kündigen!", ["kuendigen", " kündigen "]) == ("stop", "en")
    assert word_of("anything", ["", " "]) is None


def test_what_is_also_said_to_each_other() -> None:
    assert may_be_said("Yes.")
    assert not may_be_said("START")


@given(some.integers(0, 10_000), some.none() | some.integers(0, 10_000))
def test_rule_9_one_confirmation_within_five_minutes(age: int, confirmed: int | None) -> None:
    before = None if confirmed is None else NOW - timedelta(seconds=confirmed)
    answered = may_confirm(NOW - timedelta(seconds=age), NOW, before)
    assert answered == (
        timedelta(seconds=age) <= CONFIRM_WITHIN
        and (confirmed is None or timedelta(seconds=confirmed) > CONFIRM_WITHIN)
    )
