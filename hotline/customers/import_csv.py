"""Rows out of separated text, however broken: each row, or why it is none; memory stays bounded whatever comes.

Python's ``csv`` reads the rows; here is what it lacks: rows of bounded size, a quote that never closes costs its own
row and not the rest of the file, and a file that ends in the middle of a row is told from one that is whole.
"""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

from hotline.customers.import_encoding import UNREADABLE

DELIMITERS: Final = (",", ";", "\t", "|")
QUOTES: Final = ('"', "'", "")
#: Characters of the largest row; a longer one is refused.
LONGEST_ROW: Final = 200_000
#: Lines that one row may take, for cells with line breaks.
MOST_LINES: Final = 500
#: Columns of the widest table.
MOST_COLUMNS: Final = 500
#: What is kept of a cell of a refused row.
KEPT_OF_CELL: Final = 2_000
_SAMPLE_ROWS: Final = 60

csv.field_size_limit(LONGEST_ROW)


class Lines(Protocol):
    """A text that gives its lines, of bounded length, with their ends."""

    def readline(self, size: int, /) -> str:
        """At most ``size`` characters of the next line; empty at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``number`` counts rows from 1, the headings included and blank lines not; ``line`` is where it begins.

    ``fault`` is empty or a code: ``size``, ``quote``, ``encoding``, ``nul``. ``open``: no line end follows; when the
    row also lacks cells, the file was only half written.
    """

    number: int
    line: int
    cells: list[str]
    fault: str = ""
    open: bool = False


class _Runaway(Exception):
    """A row that does not end."""


class _Feed:
    """Lines for the csv reader, remembered while one row takes them."""

    def __init__(self, source: Lines) -> None:
        self._source = source
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.size = 0
        self.ended = False
        #: Whether the last line given had a line end: if not, the file may have been cut there.
        self.whole = True
        self.line = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._source.readline(LONGEST_ROW)
        if not line:
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        self.size += len(line)
        self.whole = line[-1] in "\r\n"
        if self.size >= LONGEST_ROW or len(self.taken) > MOST_LINES:
            raise _Runaway
        return line

    def begin(self) -> None:
        self.line += len(self.taken)
        self.taken, self.size = [], 0

    def give_back(self) -> None:
        """All but the first line of the row are read again, as rows of their own."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
        self.ended = False

    def skip_line(self) -> None:
        """Read on to the end of a line that is too long, keeping nothing of it."""
        while not self.whole and (more := self._source.readline(LONGEST_ROW)):
            self.whole = more[-1] in "\r\n"


def rows_of(source: Lines, delimiter: str, quote: str) -> Iterator[Row]:
    """The rows of a text; blank lines are left out."""
    feed = _Feed(source)
    reader = _reader(feed, delimiter, quote)
    number = 0
    while True:
        feed.begin()
        fault = ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (_Runaway, csv.Error):
            cells, fault = _runaway(feed, delimiter, quote)
            reader = _reader(feed, delimiter, quote)
        else:
            if not cells or (len(feed.taken) == 1 and not any(cell.strip() for cell in cells)):
                continue
            if quote and feed.ended and sum(line.count(quote) for line in feed.taken) % 2:
                # The csv reader takes the end of the file for the end of the quote.
                feed.give_back()
                cells, fault = feed.taken[0].rstrip("\r\n").split(delimiter), "quote"
                reader = _reader(feed, delimiter, quote)
        number += 1
        if not fault:
            fault = _fault_of(feed)
        kept = cells if not fault else [cell[:KEPT_OF_CELL] for cell in cells[:MOST_COLUMNS]]
        yield Row(number, feed.line + 1, kept, fault, not feed.whole)


def guess_delimiter(text: str) -> tuple[str, str]:
    """The delimiter and the quote by which most rows of ``text`` have the same number of cells, more than one."""
    lines = text.splitlines(keepends=True)
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:
        return lines[0][4], '"'  # Excel's own hint
    best, found = (0.0, 0), (",", '"')
    for delimiter in DELIMITERS:
        widths = _widths(lines[: _SAMPLE_ROWS * 2], delimiter, '"')
        if not widths:
            continue
        width, count = Counter(widths).most_common(1)[0]
        if width > 1 and (round(count / len(widths), 1), width) > best:
            best, found = (round(count / len(widths), 1), width), (delimiter, '"')
    delimiter, quote = found
    if text.count('"') < 2 and text.count(f"'{delimiter}'") > 2:
        quote = "'"
    return delimiter, quote


def _widths(lines: list[str], delimiter: str, quote: str) -> list[int]:
    try:
        rows = [row for row in islice(_reader(iter(lines), delimiter, quote), _SAMPLE_ROWS) if row]
    except csv.Error:
        return []
    # The sample may end within a row.
    return [len(row) for row in (rows[:-1] if len(rows) > 2 else rows)]


def _reader(feed: Iterator[str], delimiter: str, quote: str) -> Iterator[list[str]]:
    if not quote:
        return csv.reader(feed, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(feed, delimiter=delimiter, quotechar=quote, skipinitialspace=delimiter != "\t")


def _runaway(feed: _Feed, delimiter: str, quote: str) -> tuple[list[str], str]:
    first = feed.taken[0] if feed.taken else ""
    if len(feed.taken) > 1:
        # Some quote was not closed, and what follows was taken for its text.
        feed.give_back()
        return first.rstrip("\r\n").split(delimiter), "quote" if quote and quote in first else "size"
    feed.skip_line()
    return first[: LONGEST_ROW // 10].split(delimiter), "size"


def _fault_of(feed: _Feed) -> str:
    for line in feed.taken:
        if UNREADABLE in line:
            return "encoding"
        if "\0" in line:
            return "nul"
    return ""
