"""The report about a person, to read and to take along: one page that needs nothing else, and an archive with their
files, made while it is sent."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from aiohttp import web
from babel import Locale, dates
from babel.numbers import get_currency_precision

from hotline.crm import company
from hotline.crm.privacy.report import PersonReport, ReportFile, Section
from hotline.errors import HotlineError
from hotline.web.context import house_of
from hotline.web.desktop.customers.report_words import FIELDS, SECTIONS, VALUES
from hotline.web.desktop.i18n import LANGUAGES, words
from hotline.web.desktop.render import environment
from hotline.workflows.company import company as settings_of
from hotline.workflows.customers.access_report import opened
from hotline.workflows.house import House

#: What is sent at once.
_CHUNK: Final = 256 << 10
_NEVER_KEPT: Final = {"Cache-Control": "private, no-store"}


@dataclass(frozen=True, slots=True)
class Told:
    """A section as the page shows it: lines of (name, value) pairs; a value may be such pairs again."""

    name: str
    lines: list[list[tuple[str, Any]]]
    cut: bool


def language_for(house: House, report: PersonReport, wanted: str | None) -> str:
    """The language asked for, else the person's, else the installation's."""
    own = (report.language or "").partition("-")[0]
    return wanted or (own if own in LANGUAGES else house.settings.locale)


async def document(request: web.Request, report: PersonReport, wanted: str | None) -> web.Response:
    """The report as a page to keep: it is a file, since it is not a page of the desk."""
    house = house_of(request)
    language = language_for(house, report, wanted)
    body = await asyncio.to_thread(page, house, report, language, await settings_of.get(house, company.Privacy))
    headers = {**_NEVER_KEPT, "Content-Disposition": f'attachment; filename="report-{report.customer_id}.html"'}
    return web.Response(text=body, content_type="text/html", charset="utf-8", headers=headers)


def page(house: House, report: PersonReport, language: str, privacy: company.Privacy) -> str:
    """The page in one language."""
    context = {
        "report": report,
        "reference": _reference(report),
        "sections": [_told(section, language, house) for section in report.sections],
        "made_at": _moment(house.clock(), language, house),
        "controller": privacy.controller,
        "contact": privacy.contact,
    }
    return environment(language).get_template("person_report.html").render(context)


async def archive(request: web.Request, report: PersonReport, wanted: str | None) -> web.StreamResponse:
    """The archive, sent piece by piece: nothing of it lies on the disk."""
    house = house_of(request)
    language = language_for(house, report, wanted)
    privacy = await settings_of.get(house, company.Privacy)
    response = web.StreamResponse(
        headers={
            **_NEVER_KEPT,
            "Content-Type": "application/zip",
            "Content-Disposition": f'attachment; filename="report-{report.customer_id}.zip"',
        }
    )
    readable = await asyncio.to_thread(page, house, report, language, privacy)
    await response.prepare(request)
    pieces = _zipped(house, report, readable)
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        await response.write(piece)
    await response.write_eof()
    return response


class _Sink(io.RawIOBase):
    """Where the archive is written: nothing can be sought in it, and what is there is taken away again."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        return len(data)

    def take(self, least: int = 1) -> bytes:
        if len(self._waiting) < least:
            return b""
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


def _zipped(house: House, report: PersonReport, readable: str) -> Iterator[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("report.html", readable)
        made.writestr("report.json", json.dumps(plain(report, house.clock()), ensure_ascii=False, indent=2))
        yield sink.take()
        missing = []
        for file in report.files:
            try:
                yield from _one(house, made, sink, file)
            except HotlineError as error:
                missing.append(f"{file.name}: {error.detail}")
        if missing:
            made.writestr("missing.txt", "\n".join(missing) + "\n")
    yield sink.take()


def _one(house: House, made: zipfile.ZipFile, sink: _Sink, file: ReportFile) -> Iterator[bytes]:
    # Opened before its entry begins: a file that is gone leaves no empty one.
    with opened(house, file) as pieces, made.open(file.name, "w", force_zip64=True) as entry:
        for piece in pieces:
            entry.write(piece)
            if ready := sink.take(_CHUNK):
                yield ready


def plain(report: PersonReport, made_at: datetime) -> dict[str, Any]:
    """The report as JSON values."""
    return {
        "customer_id": str(report.customer_id),
        "customers": [str(each) for each in report.customers],
        "made_at": made_at.isoformat(),
        "sections": [{"name": s.name, "lines": _json(s.lines), "cut": s.cut} for s in report.sections],
    }


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _json(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(each) for each in value]
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, (UUID, Decimal)) else value


def _reference(report: PersonReport) -> str:
    record = next((section for section in report.sections if section.name == "record"), None)
    return str(record.lines[0].get("number", "")) if record and record.lines else ""


def _told(section: Section, language: str, house: House) -> Told:
    say = words(language).gettext
    lines = [
        [(say(FIELDS.get(name, name)), _value(name, value, language, house)) for name, value in _readable(line).items()]
        for line in section.lines
    ]
    return Told(say(SECTIONS.get(section.name, section.name)), lines, section.cut)


def _readable(line: Mapping[str, Any]) -> Mapping[str, Any]:
    """Money as it is written, not in cents."""
    amount, currency = line.get("amount"), line.get("currency")
    if not isinstance(amount, int) or not isinstance(currency, str):
        return line
    places = get_currency_precision(currency)
    return {**line, "amount": f"{Decimal(amount).scaleb(-places):.{places}f}"}


def _value(name: str, value: Any, language: str, house: House) -> Any:
    """A value as a person reads it: text, or a list of pairs."""
    say = words(language).gettext
    if isinstance(value, datetime):
        return _moment(value, language, house)
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, str):
        return say(VALUES[name][value]) if value in VALUES.get(name, {}) else value
    if isinstance(value, Mapping):
        return [(say(FIELDS.get(key, key)), _value(key, each, language, house)) for key, each in value.items()]
    if isinstance(value, Sequence):
        return ", ".join(str(_value(name, each, language, house)) for each in value if each not in (None, ""))
    return "" if value is None else str(value)


def _moment(at: datetime, language: str, house: House) -> str:
    """With its year and its zone: the report is read elsewhere, years later."""
    local = at.astimezone(house.settings.timezone)
    locale = Locale("zh") if language == "zh" else Locale("en", "GB")
    pattern = "y年M月d日 HH:mm:ss z" if language == "zh" else "d MMMM y, HH:mm:ss z"
    return str(dates.format_datetime(local, pattern, locale=locale))
