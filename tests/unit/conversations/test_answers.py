"""hotline's own answers, and when free text may be sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from hotline.conversations import window
from hotline.conversations.auto_answer import MOST_ANSWERS, WORDS, hours, language_for, may_answer, text_of
from hotline.conversations.segments import count

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
VALUES = {"ticket": "T10001", "company": "Northwind", "hours": "We are here.", "contact": "+1 500 555 0006. "}


def test_every_language_has_every_answer_filled_in() -> None:
    for language, words in WORDS.items():
        assert set(words) == set(WORDS["en"])
        for which in words:
            text = text_of(which, language, {}, VALUES)
            assert "{" not in text
            assert count(text).count <= 4
        assert "Northwind" in text_of("stop", language, {}, VALUES)
        assert "T10001" in text_of("received", language, {}, VALUES)
        assert "STOP" in text_of("help", language, {}, VALUES) or "TD" in text_of("help", language, {}, VALUES)


def test_the_companys_own_words_come_first() -> None:
    assert text_of("received", "en", {"en": "Hi: {ticket}{unknown}  ok", "zh": "x"}, VALUES) == "Hi: T10001 ok"


def test_languages() -> None:
    assert language_for("zh-CN") == language_for("de", "zh_TW") == "zh"
    assert language_for(None, "fr") == "en"


def test_hours() -> None:
    monday = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
    assert "Monday at 09:30" in hours("en", False, monday)
    assert "星期一 09:30" in hours("zh", False, monday)
    assert hours("en", None, None) != hours("en", True, None)


@given(some.booleans(), some.none() | some.integers(0, 200), some.integers(0, 200), some.integers(0, 9))
def test_a_machine_is_never_answered_and_no_conversation_twice(
    automatic: bool, answered: int | None, age: int, others: int
) -> None:
    before = None if answered is None else NOW - timedelta(hours=answered)
    interval = timedelta(hours=24)
    written = NOW - timedelta(hours=age)
    if may_answer(NOW, written, automatic=automatic, answered_before=before, to_person=others, interval=interval):
        assert not automatic
        assert others < MOST_ANSWERS
        assert age <= 24
        assert before is None or NOW - before >= interval


def test_rule_12_whatsapp_takes_free_text_for_a_day() -> None:
    assert window.is_open("sms", None, NOW)
    assert not window.is_open("whatsapp", None, NOW)
    assert window.is_open("whatsapp", NOW - timedelta(hours=23, minutes=59), NOW)
    assert not window.is_open("whatsapp", NOW - timedelta(hours=24), NOW)
    assert window.window_until("whatsapp", NOW) == NOW + timedelta(hours=24)
