"""Why rows of an import were refused, in words; and the file of refused rows."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Mapping
from typing import Final

from aiohttp import hdrs, web

from hotline.crm.import_seal import RefusedRow
from hotline.crm.queries.imports import ImportView
from hotline.customers.import_record import Reason
from hotline.customers.table_cells import defused
from hotline.errors import Invalid
from hotline.web.desktop.i18n import words
from hotline.web.desktop.words import N_
from hotline.web.desktop.words import reason as refusal

#: What is wrong with a row, by code. ``{detail}`` is a number or two.
REASONS: Final[Mapping[str, str]] = {
    "no_name": N_("No name stands in this row."),
    "phone": N_("This is not a telephone number."),
    "incomplete_phone": N_("This number is not complete; write it with its area code or as +country number."),
    "spoiled": N_("A spreadsheet rounded this number; make the column text before saving."),
    "email": N_("This is not an email address."),
    "inapp": N_("This is not an in-app address."),
    "formula": N_("This is a formula or its error; save the table with values."),
    "kind": N_("Expected person or organisation."),
    "locale": N_("This is not a language."),
    "country": N_("This country is not known; write it as two letters, for example CN."),
    "tier": N_("There is no such tier."),
    "classification": N_("There is no such classification."),
    "responsible": N_("There is no such user, or several of this name; write the login."),
    "required": N_("{detail} must be filled in for a new customer."),
    "tag": N_("There is no such tag, and your role may not make one."),
    "number": N_("This is not a customer number."),
    "unknown_number": N_("There is no customer of this number."),
    "too_long": N_("At most {detail} characters."),
    "too_much": N_("This row holds more than a record can."),
    "too_many_cells": N_("The row has more cells than the table has columns ({detail}): a delimiter stands in a text."),
    "too_few_cells": N_("The row has fewer cells than the table has columns ({detail}): it is broken or was cut."),
    "cut": N_("The file ends in the middle of this row ({detail} cells): it was only half written."),
    "quote": N_("A quote is opened here and never closed."),
    "size": N_("This row is far too long for a customer."),
    "encoding": N_("Some bytes here are no text in the file's encoding."),
    "nul": N_("This row holds NUL characters: the file is damaged here."),
    "ambiguous": N_("{detail} customers have the contact points of this row; nobody knows which one is meant."),
    "transfer": N_("Somebody else is responsible for this customer, and your role may not change that."),
    "erased": N_("This customer was erased or is gone."),
}
_COLUMN: Final = N_("{column}: {reason}")
_UNNAMED: Final = N_("Column {number}")


def in_words(reason: Reason, headings: tuple[str, ...], language: str) -> str:
    """A reason in a language, with its column's heading before it."""
    said = words(language)
    message = REASONS.get(reason.code)
    if message is None:
        _, text, values = refusal(Invalid(reason.detail))
        told = said.gettext(text).format_map(values) if values else said.gettext(text)
    else:
        told = said.gettext(message).replace("{detail}", reason.detail)
    if reason.column is None:
        return told
    heading = headings[reason.column] if reason.column < len(headings) else ""
    heading = heading or said.gettext(_UNNAMED).format(number=reason.column + 1)
    return said.gettext(_COLUMN).replace("{reason}", told, 1).replace("{column}", heading, 1)


def told(row: RefusedRow, headings: tuple[str, ...], language: str) -> str:
    """All reasons of a row."""
    return " ".join(in_words(reason, headings, language) for reason in row.reasons)


async def write_errors(
    request: web.Request, view: ImportView, rows: AsyncIterator[RefusedRow], language: str
) -> web.StreamResponse:
    """The refused rows as CSV in UTF-8 with a mark, as spreadsheets want it: the file's own columns, then the number of
    the row and why it was refused."""
    said = words(language)
    response = web.StreamResponse(
        headers={
            hdrs.CONTENT_TYPE: "text/csv; charset=utf-8",
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="errors-{view.id}.csv"',
            hdrs.CACHE_CONTROL: "private, no-store",
            "X-Content-Type-Options": "nosniff",
        }
    )
    headings = [heading or said.gettext(_UNNAMED).format(number=at + 1) for at, heading in enumerate(view.headings)]
    text = io.StringIO()
    out = csv.writer(text)
    text.write("\ufeff")
    out.writerow([defused(cell) for cell in (*headings, said.gettext(N_("Row")), said.gettext(N_("Why refused")))])
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
