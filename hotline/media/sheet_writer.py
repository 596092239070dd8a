"""Writes a table as CSV or XLSX into a sink, row by row: nothing of it is ever in a file that is not sealed.

The libraries for XLSX write the sheet into a file of their own first, readable for everybody who may read the disk; so
the few parts of a workbook with one sheet of texts are written here (ECMA-376, parts 1 and 2), in one pass.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Final, Protocol
from xml.sax.saxutils import escape

#: Rows of one sheet as spreadsheets know it, and characters of one cell.
MOST_ROWS: Final = 1_048_576
LONGEST_CELL: Final = 32_767

_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS: Final = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="hotline" sheetId="1" r:id="rId1"/>'
        "</sheets></workbook>"
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Type="{_OFFICE}/worksheet" '
        f'Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/>'
        "</Relationships>"
    ),
    # Style 1 is the headings', in bold; 49 is the format "text", so that no cell becomes a number when it is edited.
    "xl/styles.xml": (
        f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/>'
        '<sz val="11"/><name val="Calibri"/></font></fonts><fills count="1"><fill><patternFill patternType="none"/>'
        '</fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
        '<cellXfs count="2"><xf numFmtId="49" xfId="0" applyNumberFormat="1"/><xf numFmtId="49" fontId="1" xfId="0"/>'
        '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    ),
}
_SHEET: Final = (
    f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" '
    'activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
)


class TableWriter(Protocol):
    """Takes rows of texts; the first are the headings."""

    def rows(self, rows: Sequence[Sequence[str]]) -> None:
        """More rows."""
        ...

    def close(self) -> None:
        """The table is whole."""
        ...


class CsvWriter:
    """CSV in UTF-8 with a mark at its beginning, as spreadsheets want it."""

    def __init__(self, sink: Callable[[bytes], None]) -> None:
        self._sink = sink
        self._text = io.StringIO()
        self._text.write("\ufeff")
        self._out = csv.writer(self._text)

    def rows(self, rows: Sequence[Sequence[str]]) -> None:
        """More rows."""
        self._out.writerows(rows)
        self._sink(self._text.getvalue().encode("utf-8", "replace"))
        self._text.seek(0)
        self._text.truncate()

    def close(self) -> None:
        """Nothing is left."""


class XlsxWriter:
    """A workbook with one sheet of texts."""

    def __init__(self, sink: Callable[[bytes], None]) -> None:
        self._archive = zipfile.ZipFile(_Sink(sink), "w", zipfile.ZIP_DEFLATED, compresslevel=5)
        for name, text in _PARTS.items():
            self._archive.writestr(name, _HEAD + text)
        self._sheet = self._archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True)
        self._sheet.write((_HEAD + _SHEET).encode())
        self._row = 0

    def rows(self, rows: Sequence[Sequence[str]]) -> None:
        """More rows; those beyond what a sheet holds are the caller's to refuse."""
        parts: list[str] = []
        for row in rows:
            self._row += 1
            style = ' s="1"' if self._row == 1 else ""
            cells = "".join(
                f'<c{style} t="inlineStr"><is><t xml:space="preserve">{_cell(cell)}</t></is></c>' if cell else "<c/>"
                for cell in row
            )
            parts.append(f'<row r="{self._row}">{cells}</row>')
        self._sheet.write("".join(parts).encode())

    def close(self) -> None:
        """Write the end of the sheet and the archive's list."""
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()
        self._archive.close()


class _Sink(io.RawIOBase):
    """Lets ``zipfile`` write where there is no way back."""

    def __init__(self, sink: Callable[[bytes], None]) -> None:
        self._sink = sink

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        self._sink(bytes(data))
        return len(data)


def _cell(text: str) -> str:
    return escape(_UNWRITABLE.sub("", text)[:LONGEST_CELL])
