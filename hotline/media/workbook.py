"""Rows out of an XLSX workbook that somebody sent, as texts; and how large it may be before it is not even opened.

A workbook is a ZIP of XML: what it claims to hold is bounded before it is unpacked (``zipfile`` never gives more than
was claimed), and entities are refused by defusedxml, which openpyxl uses where it is installed.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import IO, Any, Final
from xml.etree.ElementTree import ParseError

import defusedxml.common
import openpyxl
from openpyxl.workbook import Workbook

from hotline.errors import Invalid

#: Bytes of one sheet, of the texts that sheets share, and of everything else, unpacked.
LARGEST_SHEET: Final = 1 << 30
LARGEST_TEXTS: Final = 96 << 20
LARGEST_OTHER: Final = 32 << 20
MOST_PARTS: Final = 2_000
#: How often smaller than its text a part of more than RATIO_FROM bytes may be.
MOST_RATIO: Final = 150
RATIO_FROM: Final = 16 << 20
#: Rows of a sheet as Excel knows it; what names a later one is no sheet.
MOST_ROWS: Final = 1_048_576
#: Columns that are read.
MOST_COLUMNS: Final = 501

_ENTITIES: Final = "file: this workbook holds XML entities, which no table needs."
_DAMAGED: Final = "file: the sheet is damaged or breaks off."
_NOT_A_WORKBOOK: Final = "file: this is no XLSX workbook, or it is damaged or protected by a password."


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a workbook; ``rows`` is what it claims, None when it does not say."""

    name: str
    rows: int | None


def check_size(file: IO[bytes]) -> None:
    """Raise Invalid for a workbook that would unpack to more than any table needs: a bomb."""
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError):
        raise Invalid(_NOT_A_WORKBOOK) from None
    if len(parts) > MOST_PARTS:
        raise Invalid("file: this workbook has too many parts; save the sheet as CSV.")
    other = 0
    for part in parts:
        largest = LARGEST_SHEET
        if part.filename.endswith("sharedStrings.xml"):
            largest = LARGEST_TEXTS
        elif "worksheets/" not in part.filename:
            other += part.file_size
        if part.file_size > largest or other > LARGEST_OTHER:
            raise Invalid("file: this workbook is too large; save the sheet as CSV.")
        if part.file_size > RATIO_FROM and part.file_size > MOST_RATIO * max(1, part.compress_size):
            raise Invalid("file: this workbook unpacks to far more than a table holds.")
        if part.flag_bits & 0x1:
            raise Invalid("file: this workbook is protected by a password.")


class WorkbookReader:
    """A workbook that is open for reading, one row at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        check_size(file)
        file.seek(0)
        self._book = _opened(file)
        # Only sheets with cells: a chart alone on its sheet is none.
        self.sheets = tuple(
            Sheet(sheet.title[:200], sheet.max_row)
            for sheet in self._book.worksheets
            if sheet.sheet_state == "visible" or len(self._book.worksheets) == 1
        )
        if not self.sheets:
            raise Invalid("file: this workbook has no sheet with cells.")

    def close(self) -> None:
        """Give the file back."""
        self._book.close()

    def rows(self, sheet: str) -> Iterator[list[str]]:
        """The rows of a sheet as texts, empty ones included. Raises Invalid when the sheet breaks off."""
        if sheet not in self._book.sheetnames:
            raise Invalid("sheet: there is no such sheet.")
        table = self._book[sheet]
        # What a sheet claims to be its size is often wrong; a cell in the last column must not make wide rows of all.
        table.reset_dimensions()
        rows = table.iter_rows(values_only=True, max_row=MOST_ROWS, max_col=None)
        blank = 0
        try:
            for row in rows:
                cells = [_text(value) for value in islice(row, MOST_COLUMNS)]
                while cells and not cells[-1]:
                    cells.pop()
                if not cells:
                    blank += 1
                    continue
                # A sheet that only claims rows, up to the last one, ends with its last filled one.
                for _ in range(blank):
                    yield []
                blank = 0
                yield cells
        except Invalid:
            raise
        except (
            ParseError,
            zipfile.BadZipFile,
            ValueError,
            KeyError,
            IndexError,
            TypeError,
            EOFError,
            OSError,
        ) as error:
            raise Invalid(_ENTITIES if _is_of_entities(error) else _DAMAGED) from None


def _opened(file: IO[bytes]) -> Workbook:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles that it does not know; only texts are read
            return openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except MemoryError:
        raise Invalid("file: this workbook is too large; save the sheet as CSV.") from None
    except Exception as error:  # openpyxl raises whatever a damaged part leads it to
        raise Invalid(_ENTITIES if _is_of_entities(error) else _NOT_A_WORKBOOK) from None


def _is_of_entities(error: BaseException | None) -> bool:
    """Whether the refusal of entities lies under what openpyxl made of it."""
    while error is not None:
        if isinstance(error, defusedxml.common.DefusedXmlException):
            return True
        error = error.__cause__ or error.__context__
    return False


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, timedelta):
        return str(value)
    return str(value)
