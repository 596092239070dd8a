"""A name is found by parts of it, in any script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.customers import names


def found(name: str, text: str) -> bool:
    stored = names.stored_words(name)
    ways = [names.searched_words(text), *names.part_words(text)]
    return any(way and way <= stored for way in ways) and names.matches(name, text)


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
        ("J Smith", "j smi"),
        ("Anna Müller", "nna"),
        ("Anna Müller", "üll ann"),
        ("Wiesenthal", "thal"),
        ("王 小明", "王小明"),
        ("王小明", "王 小明"),
        ("北京市商业银行", "北京 银行"),
        ("U2 Tours", "u2"),
    ],
)
def test_is_found(name: str, text: str) -> None:
    assert found(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Anna Müller", "na"),
        ("Anna Müller", "anna schmidt"),
        ("Millenia", "illena"),
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
    assert names.searched_words(name) | names.whole_words(name) <= names.stored_words(name)
    assert names.fit(name, name) in (names.SAME, None)
    assert names.matches(name, name) or not names.searched_words(name)


@pytest.mark.parametrize(
    ("name", "text", "how"),
    [
        ("Anna Müller", "anna muller", names.SAME),
        ("Anna Müller", "muller", names.WHOLE),
        ("Anna Müller", "anna mu", names.BEGINNING),
        ("Anna Müller", "anna ull", names.PART),
        ("王小明", "王小明", names.SAME),
        ("王小明", "王", names.BEGINNING),
        ("王小明", "小明", names.PART),
        ("Anna Müller", "anna maier", None),
    ],
)
def test_how_well_a_name_fits(name: str, text: str, how: int | None) -> None:
    assert names.fit(name, text) == how


@given(st.text(max_size=60), st.text(max_size=20))
def test_what_fits_is_found(name: str, text: str) -> None:
    wanted = names.searched_words(text)
    by_letters = any(not word.startswith("=") for word in wanted)  # a letter alone finds whole words only
    if by_letters and names.fit(name, text) is not None and len(text.split()) <= names.MOST_PARTS:
        assert found(name, text)


def test_a_long_name_makes_a_bounded_number_of_words() -> None:
    assert len(names.stored_words(" ".join(f"word{n}abcdefgh" for n in range(500)))) <= 12 * (24 + 2)


@given(st.lists(st.text(max_size=8), max_size=5))
def test_words_fold_one_by_one_as_they_fold_together(words: list[str]) -> None:
    together = names.fold(" ".join(words))
    assert together == names._fold_word.__wrapped__(" ".join(words)) or together.isascii()
    assert together == " ".join(names.fold(word) for word in " ".join(words).split(" "))
