"""Tokens of links: what they stand for, and that nobody else makes one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.campaigns import tokens

OLD, NEW = b"an old secret of the tests", b"a new secret of the tests"
DELIVERY = UUID("01890000-0000-7000-8000-0000000000ff")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(st.uuids(), st.integers(0, tokens.MOST_LINKS - 1))
def test_they_stand_for_what_they_were_made_of(of: UUID, n: int) -> None:
    assert tokens.read_unsubscribe([NEW], tokens.unsubscribe([NEW], of)) == of
    assert tokens.read_preferences([NEW], tokens.preferences([NEW], of)) == of
    assert tokens.read_click([NEW], tokens.click([NEW], of, n)) == (of, n)
    assert tokens.read_inapp([NEW], tokens.inapp([NEW], of, AT + timedelta(seconds=1)), AT) == of


def test_a_secret_can_be_replaced_while_old_links_go_on() -> None:
    before = tokens.unsubscribe([OLD], DELIVERY)
    after = tokens.unsubscribe([NEW, OLD], DELIVERY)
    assert before != after
    assert tokens.read_unsubscribe([NEW, OLD], before) == tokens.read_unsubscribe([NEW, OLD], after) == DELIVERY
    assert tokens.read_unsubscribe([NEW], before) is None
    assert tokens.read_unsubscribe([OLD], after) is None


def test_a_token_for_one_thing_is_none_for_another() -> None:
    made = tokens.unsubscribe([NEW], DELIVERY)
    assert tokens.read_preferences([NEW], "p" + made[1:]) is None
    assert tokens.read_click([NEW], "c" + made[1:]) is None
    assert tokens.read_unsubscribe([NEW], "u" + tokens.preferences([NEW], DELIVERY)[1:]) is None


@given(st.integers(0, 38), st.characters(min_codepoint=33, max_codepoint=126))
def test_rule_02_a_token_with_another_letter_is_none(place: int, letter: str) -> None:
    made = tokens.unsubscribe([NEW], DELIVERY)
    forged = made[:place] + letter + made[place + 1 :]
    assert (tokens.read_unsubscribe([NEW], forged) is None) == (forged != made)


@given(st.text(max_size=80))
def test_whatever_comes_is_read_without_an_error(text: str) -> None:
    assert tokens.read_unsubscribe([NEW], text) is None
    assert tokens.read_click([NEW], "c" + text) is None


@pytest.mark.parametrize("at", [AT, AT + timedelta(days=1)])
def test_the_app_s_token_ends(at: datetime) -> None:
    assert tokens.read_inapp([NEW], tokens.inapp([NEW], DELIVERY, AT), at) is None
