"""A name is found by parts of it, in any script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.customers import names


def found(name: str, text: str) -> bool:
    words = names.searched_words(text)
    return bool(words) and words <= names.stored_words(name) and names.matches(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Anna Müller", "anna"),
        ("Anna Müller", "MULLER"),
        ("Anna Müller", "mü"),
        ("Anna Müller", "mull an"),
        ("Weiß & Söhne GmbH", "weiss"),
        ("Łódź Ørsted", "lodz orsted"),
        ("José", "jose"),
        ("O'Brien-Smith", "brien"),
        ("O'Brien-Smith", "smith"),
        ("Konstantinopolskaja", "konstantinop"),
        ("王小明", "王"),
        ("王小明", "小明"),
        ("王小明", "王小明"),
        ("北京ABC公司", "abc"),
        ("北京ABC公司", "公司"),
        ("アンナ", "アンナ"),
        ("アンナ", "\uff71\uff9d\uff85"),  # half width
        ("김철수", "철수"),
        ("Анна Каренина", "карен"),
        ("J Smith", "j"),
        ("U2 Tours", "u2"),
    ],
)
def test_is_found(name: str, text: str) -> None:
    assert found(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Anna Müller", "nna"),
        ("Anna Müller", "anna schmidt"),
        ("Konstantinopolskaja", "konstantinovna"),
        ("王小明", "王明"),
        ("王小明", "明小"),
        ("Anna", ""),
        ("Anna", " - "),
        ("", "anna"),
    ],
)
def test_is_not_found(name: str, text: str) -> None:
    assert not found(name, text)


@given(st.text(max_size=60))
def test_every_name_is_found_by_itself(name: str) -> None:
    words = names.searched_words(name)
    assert words <= names.stored_words(name)
    assert names.matches(name, name)


def test_a_long_name_makes_a_bounded_number_of_words() -> None:
    assert len(names.stored_words(" ".join(f"word{n}abcdefgh" for n in range(500)))) <= 12 * 7
