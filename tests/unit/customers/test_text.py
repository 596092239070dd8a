"""Text from outside cannot break a line, a record or the reader's eye."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.customers import text as module
from hotline.customers.text import many_lines, one_line
from hotline.errors import Invalid


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  Anna\t Müller ", "Anna Müller"),
        ("Anna\r\nAction: Originate", "Anna Action: Originate"),
        ("An\0na", "Anna"),
        ("a\u2028b", "a b"),
        ("a\u202eb", "ab"),
        ("a\ud800b", "a\ufffdb"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("${EVAL(1)}", "${EVAL(1)}"),
        ("👩‍💻 می‌خواهم", "👩‍💻 می‌خواهم"),
    ],
)
def test_one_line(text: str, kept: str) -> None:
    assert one_line(text, "name", 200) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [("a\r\nb\rc\u2028d", "a\nb\nc\nd"), ("a\0\x07b\tc", "ab\tc"), ("\n a \n", "a"), ("a\x85b", "a\nb")],
)
def test_many_lines(text: str, kept: str) -> None:
    assert many_lines(text, "note", 200) == kept


@given(st.text(max_size=100))
def test_what_is_kept_can_be_stored_and_shown_on_a_line(text: str) -> None:
    line = one_line(text, "name", 200)
    assert line.isprintable() or not any(ord(letter) < 32 for letter in line)
    line.encode()
    assert "\0" not in many_lines(text, "note", 300)


def test_too_long_is_refused_with_the_field_named() -> None:
    with pytest.raises(Invalid, match=r"^name: at most 200 characters"):
        one_line("x" * 10_000, "name", 200)


def test_empty_is_refused_where_something_is_needed() -> None:
    with pytest.raises(Invalid, match=r"^name: "):
        one_line(" \0 ", "name", 200, needed=True)


@given(
    st.one_of(st.text(max_size=30), st.text(st.sampled_from("ab 王é\t\n\r\x85\u2028\u202e\u00a0\u200b\0"), max_size=12))
)
def test_clean_texts_take_no_other_way_than_others(text: str) -> None:
    readable = module._readable(text.replace("\0", ""))
    assert one_line(text, "name", 200) == module._SPACES.sub(" ", module._CONTROLS.sub(" ", readable)).strip()
    lines = re.sub("\r\n?|\x85|\u2028|\u2029", "\n", module._readable(text))
    assert many_lines(text, "note", 200) == module._CONTROLS_BUT_LINES.sub("", lines).strip()
