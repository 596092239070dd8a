"""How alike names are, and that alike names find each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.customers.duplicates import ALIKE, LOOSE, WORTH, block_words, compare, name_likeness, search_words
from hotline.customers.names import stored_words

SAME = [
    ("John Smith", "Smith, John"),
    ("王小明", "Wang Xiaoming"),
    ("王小明", "XIAOMING WANG"),
    ("张伟", "Zhang Wei"),
    ("Müller, Anna", "Anna Mueller"),
    ("Siemens AG", "SIEMENS"),
    ("北京华为有限公司", "北京华为"),
    ("José García", "Jose Garcia"),
    ("Dr. Max Weber", "Max Weber"),
]
ALIKE_NAMES = [
    ("Jon Smith", "John Smith"),
    ("Katherine Johnson", "Catherine Johnson"),
    ("Michael Brown", "Brown Micheal"),
    ("Anna Maria Müller", "Anna Müller"),
    ("王小明", "王晓明"),
    ("Мария Иванова", "Maria Ivanova"),
]
OTHERS = [
    ("Zhang Wei", "Zhang Lei"),
    ("王伟", "王薇"),
    ("Peter Meier", "Paul Meier"),
    ("李娜", "王芳"),
    ("Acme Ltd.", "Apex Ltd."),
    ("Max", "Maximilian"),
    ("", "Anna"),
]


@pytest.mark.parametrize(("mine", "theirs"), SAME)
def test_the_same_in_another_spelling(mine: str, theirs: str) -> None:
    assert name_likeness(mine, theirs) == name_likeness(theirs, mine) == 100
    assert compare(mine, theirs).reasons == ("same_name",)


@pytest.mark.parametrize(("mine", "theirs"), ALIKE_NAMES)
def test_alike(mine: str, theirs: str) -> None:
    assert ALIKE <= name_likeness(mine, theirs) < 100
    assert compare(mine, theirs).score >= WORTH


@pytest.mark.parametrize(("mine", "theirs"), OTHERS)
def test_others(mine: str, theirs: str) -> None:
    assert name_likeness(mine, theirs) < ALIKE
    assert compare(mine, theirs).score == 0


# The last pair differs in its first letter, which no index of beginnings forgives; shared numbers find such pairs.
@pytest.mark.parametrize(("mine", "theirs"), [*SAME, *(pair for pair in ALIKE_NAMES if pair[0][0] != "K")])
def test_who_is_alike_finds_each_other(mine: str, theirs: str) -> None:
    """At least one way: words in Chinese are not stored by their sound, so the Chinese name finds the Latin one."""
    assert any(way <= stored_words(theirs) for way in search_words(mine)) or any(
        way <= stored_words(mine) for way in search_words(theirs)
    )


@pytest.mark.parametrize(("mine", "theirs"), [*SAME, *ALIKE_NAMES, ("Vandenberg", "van den Berg"), ("Meier", "Meyer")])
def test_who_is_alike_is_in_one_block(mine: str, theirs: str) -> None:
    """Whoever is the same in another spelling, or has one slip in them, in a tight one."""
    common = block_words(mine) & block_words(theirs)
    assert common
    if (mine, theirs) not in (("Michael Brown", "Brown Micheal"), ("王小明", "王晓明")):
        assert {block for block in common if not block.startswith(LOOSE)}


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("Andreas Schmidt", "Schmit Andres"),
        ("Jan Petersen", "Jann Pedersen"),
        ("Jonathan Reynolds", "Renolds Johnathan"),
        ("Katharina Müller", "Mueler Katarina"),
    ],
)
def test_two_slips_leave_how_a_name_sounds(mine: str, theirs: str) -> None:
    """Beginnings alone are shared with thousands, and such a block is too large to be looked through."""
    assert name_likeness(mine, theirs) >= ALIKE
    common = block_words(mine) & block_words(theirs)
    assert {block for block in common if block.startswith(f"{LOOSE}sound ")}


def test_the_same_words_are_looked_for_before_what_begins_so() -> None:
    for name, other in (("Anna Miller", "miller, ANNA"), ("王小明", "王小明"), ("Acme Tools Ltd.", "Tools Acme")):
        assert search_words(name)[0] <= stored_words(other)
    assert search_words("") == []


#: Of which neither umlauts (ae) nor forms of companies (llc) are made, which are no part of a name.
letters = st.text("bdfhjkmnop", min_size=3, max_size=12)


@given(st.lists(letters, min_size=1, max_size=3), st.data())
def test_a_slip_leaves_two_names_in_one_tight_block(words: list[str], data: st.DataObject) -> None:
    longest = max(words, key=len)
    at = data.draw(st.integers(0, len(longest) - 1))
    letter = data.draw(st.sampled_from(["", "z", "zx"]))
    slipped = longest[:at] + letter.replace("x", longest[at]) + longest[at + 1 :]
    other = [slipped if word == longest else word for word in words]
    if words.count(longest) == 1 and len(slipped) >= 3:
        tight = {block for block in block_words(" ".join(words)) if not block.startswith(LOOSE)}
        assert tight & block_words(" ".join(reversed(other))), other


def test_what_is_shared_weighs_more_than_the_name_alone() -> None:
    assert compare("Anna", "Anna").score < compare("Anna", "Anna", phone=True).score
    assert compare("Anna", "Peter", phone=True).score >= WORTH
    assert compare("Anna", "Peter", phone=True).score < compare("Anna", "Peter", email=True).score
    assert compare("Anna", "Anna", phone=True, same_kind=False).score < compare("Anna", "Anna", phone=True).score


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_two_names(mine: str, theirs: str) -> None:
    likeness = name_likeness(mine, theirs)
    assert 0 <= likeness <= 100
    assert likeness == name_likeness(theirs, mine)
    assert len(search_words(mine)) <= 60
    assert len(block_words(mine)) <= 140
