"""Why rows of a list of who wants nothing were left out, in words; and the file of them."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from aiohttp import hdrs, web

from hotline.crm.queries.pushes.push_files import PushFileView
from hotline.customers.table_cells import defused
from hotline.web.desktop.i18n import LANGUAGES, words
from hotline.web.desktop.words import N_
from hotline.workflows.consent.suppression_import import RefusedLine

FAULTS: Final[dict[str, str]] = {
    "unreadable": N_("The row cannot be read: its quotes or its encoding are broken."),
    "no_address": N_("There is no address in it."),
    "not_an_address": N_("What stands there is no address of this channel."),
    "channel": N_("This channel is not known; sms, whatsapp, voice and email are."),
    "reason": N_("This reason is not known; opt_out, bounce, complaint, invalid and agent are."),
    "purpose": N_("This purpose is not known; all and marketing are."),
    "at": N_("This is no date; write it as 2026-03-31 or 2026-03-31T14:00:00Z."),
}


async def write_refused(
    request: web.Request, view: PushFileView, rows: AsyncGenerator[RefusedLine, None], language: str
) -> web.StreamResponse:
    """The rows as CSV in UTF-8 with a mark, as spreadsheets want it: the number, the reason, then the row's cells."""
    say = words(language if language in LANGUAGES else "en").gettext
    response = web.StreamResponse(
        headers={
            hdrs.CONTENT_TYPE: "text/csv; charset=utf-8",
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="errors-{view.id}.csv"',
            hdrs.CACHE_CONTROL: "private, no-store",
            "X-Content-Type-Options": "nosniff",
        }
    )
    text = io.StringIO()
    out = csv.writer(text)
    text.write("\ufeff")
    out.writerow([say(N_("Row")), say(N_("Why refused"))])
    await response.prepare(request)
    async with aclosing(rows):
        async for row in rows:
            out.writerow([str(row.number), say(FAULTS[row.fault]), *(defused(cell) for cell in row.cells)])
            if text.tell() > 1 << 16:
                await response.write(text.getvalue().encode("utf-8", "replace"))
                text.seek(0)
                text.truncate()
    await response.write(text.getvalue().encode("utf-8", "replace"))
    await response.write_eof()
    return response
