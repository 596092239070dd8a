"""How a file is read as a table, and what its first rows say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hotline.customers.import_csv import DELIMITERS, QUOTES
from hotline.customers.import_encoding import ENCODINGS
from hotline.customers.import_mapping import Order
from hotline.errors import Invalid

#: Rows that are looked at for guesses, and rows that are kept to be shown.
LOOKED_AT: Final = 200
SHOWN: Final = 10
#: Characters that are kept of a heading, and of a cell that is shown.
LONGEST_HEADING: Final = 100
LONGEST_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Reading:
    """``sheet`` counts from 0. ``headings``: the first row names the columns."""

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    headings: bool = True
    sheet: int = 0

    def json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "quote": self.quote,
            "headings": self.headings,
            "sheet": self.sheet,
        }


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of a table. ``headings`` are empty texts when the table has none; ``rows`` are shown, cut short.

    ``columns``: how wide the table is. ``by_column`` are the cells that guesses look at, column by column.
    """

    reading: Reading
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    orders: tuple[Order, ...]
    sheets: tuple[str, ...] = ()
    rows_estimated: int | None = None
    by_column: tuple[tuple[str, ...], ...] = field(default=(), repr=False)

    @property
    def columns(self) -> int:
        """How wide the table is."""
        return len(self.headings)


def reading_of(kept: Mapping[str, Any]) -> Reading:
    """A reading as it was kept."""
    return Reading(**{name: kept[name] for name in Reading.__dataclass_fields__ if name in kept})


def changed(reading: Reading, changes: Mapping[str, Any]) -> Reading:
    """The reading with somebody's corrections. Raises Invalid naming what is wrong."""
    for name, value in changes.items():
        if name not in Reading.__dataclass_fields__:
            raise Invalid(f"reading.{name[:40]}: there is no such setting.")
        offered: Mapping[str, tuple[str, ...]] = {"encoding": ENCODINGS, "delimiter": DELIMITERS, "quote": QUOTES}
        if name in offered and value not in offered[name]:
            raise Invalid(f"reading.{name}: expected one of {', '.join(map(repr, offered[name]))}.")
    return replace(reading, **changes)
