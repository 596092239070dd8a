"""Why rows of an import were refused, in words; and the file of refused rows."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator

from aiohttp import hdrs, web

from hotline.crm.import_seal import RefusedRow
from hotline.crm.queries.customers.imports import ImportView
from hotline.customers.import_reasons import UNNAMED, said
from hotline.customers.import_record import Reason
from hotline.customers.table_cells import defused
from hotline.errors import Invalid
from hotline.web.desktop.i18n import words
from hotline.web.desktop.words import N_
from hotline.web.desktop.words import reason as refusal


def in_words(reason: Reason, headings: tuple[str, ...], language: str) -> str:
    """A reason in a language, with its column's heading before it."""
    say = words(language).gettext

    def other(detail: str) -> str:
        _, text, values = refusal(Invalid(detail))
        return say(text).format_map(values) if values else say(text)

    return said(reason, headings, say, other)


def told(row: RefusedRow, headings: tuple[str, ...], language: str) -> str:
    """All reasons of a row."""
    return " ".join(in_words(reason, headings, language) for reason in row.reasons)


async def write_errors(
    request: web.Request, view: ImportView, rows: AsyncIterator[RefusedRow], language: str
) -> web.StreamResponse:
    """The refused rows as CSV in UTF-8 with a mark, as spreadsheets want it: the file's own columns, then the number of
    the row and why it was refused."""
    say = words(language).gettext
    response = web.StreamResponse(
        headers={
            hdrs.CONTENT_TYPE: "text/csv; charset=utf-8",
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="errors-{view.id}.csv"',
            hdrs.CACHE_CONTROL: "private, no-store",
            "X-Content-Type-Options": "nosniff",
        }
    )
    headings = [heading or say(UNNAMED).format(number=at + 1) for at, heading in enumerate(view.headings)]
    text = io.StringIO()
    out = csv.writer(text)
    text.write("\ufeff")
    out.writerow([defused(cell) for cell in (*headings, say(N_("Row")), say(N_("Why refused")))])
    await response.prepare(request)
    async for row in rows:
        cells = [*row.cells[: view.columns], *[""] * (view.columns - len(row.cells))]
        out.writerow([defused(cell) for cell in (*cells, str(row.number), told(row, view.headings, language))])
        if text.tell() > 1 << 16:
            await response.write(text.getvalue().encode("utf-8", "replace"))
            text.seek(0)
            text.truncate()
    await response.write(text.getvalue().encode("utf-8", "replace"))
    await response.write_eof()
    return response
