"""What is typed into a search is taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.customers import email_words
from hotline.customers.search_text import MOST_PARTS, parse
from hotline.errors import Invalid


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("wang 4711", [("name", "wang"), ("number", "4711")]),
        ("4711 wang", [("name", "wang"), ("number", "4711")]),
        ("anna  müller", [("name", "anna müller")]),
        ("+49 (30) 123-45 67", [("number", "+49 (30) 123-45 67")]),
        ("wang +49 170 1234567", [("name", "wang"), ("number", "+49 170 1234567")]),
        ("C10001", [("reference", "10001")]),
        ("c10001 anna", [("name", "anna"), ("reference", "10001")]),
        ("Anna@Example.COM", [("email", "anna@example.com")]),
        ("@example.com", [("email", "@example.com")]),
        ("anna.miller", [("word", "anna.miller")]),
        ("#VIP 王", [("name", "王"), ("tag", "VIP")]),
        ("４７１１", [("number", "4711")]),
        ("O'Brien-Smith", [("name", "O'Brien-Smith")]),
        ("", []),
        ("  - # @ ' ", []),
    ],
)
def test_parts(text: str, parts: list[tuple[str, str]]) -> None:
    assert [(part.kind, part.text) for part in parse(text)] == parts


def test_a_tag_of_several_words() -> None:
    parts = parse("#key account wang")
    assert next(part.tags for part in parts if part.kind == "tag") == ("key account wang", "key account", "key")
    for text, tags, found in (
        ("#key account wang", ["key account", "key"], [("name", "wang"), ("tag", "key account")]),
        ("#key account wang", ["key"], [("name", "account wang"), ("tag", "key")]),
        ("wang #Area 51 4711", ["Area 51"], [("name", "wang"), ("tag", "Area 51"), ("number", "4711")]),
        ("#a b #c d", ["a b", "c"], [("name", "d"), ("tag", "a b"), ("tag", "c")]),
    ):
        assert [(part.kind, part.text) for part in parse(text, tags)] == found


@given(st.text(max_size=200))
def test_whatever_is_typed_is_bounded(text: str) -> None:
    assert len(parse(text)) <= MOST_PARTS


def test_too_much_is_refused() -> None:
    with pytest.raises(Invalid, match="q: at most 200"):
        parse("a" * 201)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("miller@", True),
        ("anna.mil", True),
        ("miller@mail.example.com", True),
        ("@mail.example.com", True),
        ("@mail", True),
        ("mill", True),
        ("anna@gmail.com", False),
        ("anna_b", False),
        ("lotte", False),
    ],
)
def test_an_email_is_found_by_its_parts(text: str, found: bool) -> None:
    email = "anna.miller@mail.example.com"
    words = email_words.searched_words(text)
    assert (bool(words) and words <= email_words.stored_words(email) and email_words.holds(email, text)) is found
