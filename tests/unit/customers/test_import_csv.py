"""Separated text as it comes: every broken row is told with its reason, and costs no other row."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.customers.import_csv import LONGEST_ROW, MOST_COLUMNS, Row, guess_delimiter, rows_of


def read(text: str, delimiter: str = ",", quote: str = '"') -> list[Row]:
    return list(rows_of(io.StringIO(text, newline=""), delimiter, quote))


def told(text: str, delimiter: str = ",", quote: str = '"') -> list[tuple[list[str], str]]:
    return [(row.cells, row.fault) for row in read(text, delimiter, quote)]


def test_rows() -> None:
    text = 'a,"b ""x"", c"\r\n\r\n"two\nlines",d\n,\nlast,e'
    assert told(text) == [(["a", 'b "x", c'], ""), (["two\nlines", "d"], ""), (["last", "e"], "")]
    assert [(row.number, row.line) for row in read(text)] == [(1, 1), (2, 3), (3, 6)]
    assert [row.open for row in read(text)] == [False, False, True]


def test_a_quote_that_never_closes_costs_its_own_row() -> None:
    rows = told('name,phone\n"Anna,1\nTom,2\nEmma,3\n')
    assert [fault for _, fault in rows] == ["", "quote", "", ""]
    assert [cells for cells, fault in rows if not fault] == [["name", "phone"], ["Tom", "2"], ["Emma", "3"]]


def test_a_quote_that_closes_much_later_costs_its_own_row() -> None:
    lines = "".join(f"Person {n},{n}\n" for n in range(2000))
    rows = told(f'name,phone\n"Anna,1\n{lines}"Zoe",2\n')
    assert [fault for _, fault in rows].count("quote") == 1
    assert len(rows) == 2003
    assert rows[-1] == (["Zoe", "2"], "")


def test_a_cell_of_ten_megabytes_is_one_refused_row() -> None:
    rows = told(f"a,b\n{'x' * 10_000_000},1\nc,d\n")
    assert [fault for _, fault in rows] == ["", "size", ""]
    assert sum(map(len, rows[1][0])) < LONGEST_ROW
    rows = told(f'a,b\n"{"x" * 10_000_000}",1\nc,d\n')
    assert [fault for _, fault in rows] == ["", "size", ""]


def test_nul_and_bytes_that_are_no_text() -> None:
    assert [row.fault for row in read("a,b\nx\0,1\ny\udc80,2\nz,3\n")] == ["", "nul", "encoding", ""]


def test_a_million_columns_are_not_kept_when_they_are_refused() -> None:
    rows = read(",".join(["x"] * 1_000_000) + "\na,b\n")
    assert rows[0].fault == "size"
    assert len(rows[0].cells) <= MOST_COLUMNS
    assert rows[1].cells == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b,c\n1,2,3\n", (",", '"')),
        ("a;b;c\n1,5;2;3\n", (";", '"')),
        ("a\tb\n1, 2\t3\n", ("\t", '"')),
        ("a|b|c\n1|2|3\n", ("|", '"')),
        ("sep=;\na;b\n", (";", '"')),
        ("name\nAnna\n", (",", '"')),
        ("'a','b','c'\n'1','2','3'\n'x','y','z'\n", (",", "'")),
    ],
)
def test_the_delimiter_is_guessed(text: str, expected: tuple[str, str]) -> None:
    assert guess_delimiter(text) == expected


@given(st.text(alphabet='ab,"\n\r;\0é', max_size=200))
def test_nothing_that_comes_breaks_the_reader(text: str) -> None:
    rows = read(text)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert all(row.fault in ("", "quote", "size", "nul", "encoding") for row in rows)
