"""Exports of customers: asked for, written by a job into a sealed file, downloaded, ended after a day.

A file holds what its asker may see, no more: scope and masks are theirs, and what is masked on the page is masked here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, get_args
from uuid import UUID

import structlog

from hotline.crm.commands import exports as commands
from hotline.crm.database import Row
from hotline.crm.keys import Keyring
from hotline.crm.queries import exports as queries
from hotline.crm.queries.customer_filter import CustomerFilter
from hotline.crm.queries.customer_search import found_ids
from hotline.crm.queries.customer_views import CustomerView, customer_view
from hotline.crm.queries.exports import ExportView
from hotline.crm.viewer import SYSTEM, Scope, Viewer
from hotline.customers import export_table
from hotline.customers.custom_fields import FieldSet, to_text
from hotline.customers.export_table import CUSTOM
from hotline.customers.table_cells import defused
from hotline.errors import Conflict, HotlineError, Invalid
from hotline.media.sealed import SealedReader, SealedWriter
from hotline.media.sheet_writer import MOST_ROWS, CsvWriter, TableWriter, XlsxWriter
from hotline.workflows import background, sealed_files
from hotline.workflows.background import Kind, Result, Run
from hotline.workflows.company import fields
from hotline.workflows.house import House
from hotline.workflows.sealed_files import in_thread

log = structlog.get_logger(__name__)

#: How long a file is kept, from when it is whole.
KEPT: Final = timedelta(hours=24)
#: Longest that its writing may take, after which what is left of it is removed.
WRITING: Final = timedelta(days=2)
#: Customers that are read at once.
PAGE: Final = 500
#: Most customers that an export may name one by one.
MOST_IDS: Final = 10_000
EXPORT: Final = "export_customers"
_SEPARATOR: Final = "; "

Format = Literal["csv", "xlsx"]


class ExportGone(HotlineError):
    """This export has ended; ask for another one."""

    code: ClassVar[str] = "export_gone"
    status: ClassVar[int] = 410


@dataclass(frozen=True, slots=True)
class NewExport:
    """What is wanted. ``chosen`` are the filters of the list of customers, with ``q`` for a search (its 500 best);
    ``ids`` are single customers; without both it is everybody whom the asker sees."""

    format: Format = "csv"
    fields: Sequence[str] = ()
    chosen: Mapping[str, Any] = field(default_factory=dict)
    ids: Sequence[UUID] | None = None
    language: str = ""


def folder(house: House) -> Path:
    """Where exports lie until they end."""
    return house.settings.data_dir / "exports"


async def start(house: House, viewer: Viewer, wanted: NewExport) -> ExportView:
    """Begin an export. Raises Invalid naming what is wrong."""
    viewer.require("customers.export")
    viewer.require("customers.read")
    known = await fields.load(house)
    columns = export_table.checked(wanted.fields, known)
    chosen, text = _filter(wanted.chosen)
    ids = None if wanted.ids is None else list(dict.fromkeys(wanted.ids))
    if ids is not None and len(ids) > MOST_IDS:
        raise Invalid(f"ids: a list of at most {MOST_IDS}.")
    if text:
        # The customers who fit now: a search is about those that were seen.
        fitting = await found_ids(house.db, house.keyring, viewer, text, chosen, region=house.settings.region)
        ids = fitting if ids is None else [each for each in ids if each in set(fitting)]
    total = await queries.count_customers(house.db, viewer, chosen, ids)
    if wanted.format == "xlsx" and total >= MOST_ROWS:
        raise Invalid(f"format: a sheet holds less than {MOST_ROWS} rows; take CSV.")
    export_id = house.new_id()
    kept: dict[str, Any] = {"filter": {key: value for key, value in wanted.chosen.items() if value}}
    if ids is not None:
        kept["ids"] = [str(each) for each in ids]
    async with house.unit(viewer) as uow:
        await commands.add_export(
            uow, export_id,
            format=wanted.format,
            language=wanted.language or viewer.locale,
            fields=columns,
            chosen=kept,
            expires_at=uow.now + WRITING,
        )  # fmt: skip
        job_id = await background.start_in(uow, EXPORT, {"export_id": str(export_id)}, total)
        await commands.note_job(uow, export_id, job_id)
    background.wake(house)
    return await queries.get_export(house.db, house.keyring, viewer, export_id)


async def open_file(house: House, viewer: Viewer, export_id: UUID) -> tuple[ExportView, SealedReader]:
    """The file of an export, to be closed by the caller; noted in the audit trail. Raises ExportGone, also when it
    holds more than the viewer may see by now, and Conflict while it is not written yet."""
    view = await queries.get_export(house.db, house.keyring, viewer, export_id)
    if view.deleted_at is not None or view.key is None or (view.path and view.expires_at <= house.clock()):
        raise ExportGone()
    written = _written(view)
    if view.path is None or written is None:
        raise Conflict("This export is not written yet.")
    if not _within(viewer, written):
        raise ExportGone()
    reader = await in_thread(SealedReader, folder(house) / view.path, view.key.secret, view.id)
    try:
        async with house.unit(viewer) as uow:
            await commands.note_download(uow, export_id)
    except BaseException:
        reader.close()
        raise
    return view, reader


def _written(view: ExportView) -> Mapping[str, Any] | None:
    """By which rights the file was written; None while it is not whole."""
    whole = view.path is not None and view.job is not None and "masks" in view.job.result
    return view.job.result if whole and view.job is not None else None


def _within(viewer: Viewer, written: Mapping[str, Any]) -> bool:
    """Whether the viewer sees all that these rights let into a file."""
    reach = get_args(Scope)
    widens = reach.index(written["scope"]) > reach.index(viewer.scope_of("customers"))
    return viewer.may("customers.read") and viewer.masks <= set(written["masks"]) and not widens


def state_of(view: ExportView, now: datetime) -> str:
    """What an export is at: its job's state, ``done`` while it can be downloaded, ``ended`` afterwards."""
    if view.deleted_at is not None or (view.path is not None and view.expires_at <= now):
        return "ended"
    if _written(view) is not None:
        return "done"
    return "failed" if view.job is None else view.job.state


async def delete(house: House, viewer: Viewer, export_id: UUID) -> None:
    """End an export before its time."""
    view = await queries.get_export(house.db, house.keyring, viewer, export_id)
    async with house.unit(viewer) as uow:
        path = await commands.end_export(uow, view.id)
    await remove_files(house, [path] if path else [])


async def keep_exports(house: House) -> int:
    """End exports that are past their time, and remove what a crash left; how many files."""
    async with house.unit(SYSTEM) as uow:
        paths = await commands.end_expired(uow)
    await remove_files(house, paths)
    swept = await sealed_files.sweep(folder(house), lambda some: queries.kept_paths(house.db, SYSTEM, some))
    return len(paths) + swept


async def remove_files(house: House, paths: Sequence[str]) -> None:
    """Remove files of exports that ended."""
    for path in paths:
        await in_thread(sealed_files.remove, folder(house) / path)


async def run_export(house: House, run: Run) -> Result:
    """Write the file. One that a crash cut off is written anew: only a whole one has a row."""
    export_id = UUID(run.job.params["export_id"])
    view = await queries.read_export(house.db, house.keyring, run.viewer, export_id)
    if view.deleted_at is not None or view.key is None:
        raise ExportGone()
    known = await fields.load(house)
    chosen, _ = _filter(view.chosen.get("filter", {}))
    ids = [UUID(each) for each in view.chosen["ids"]] if "ids" in view.chosen else None
    if run.job.done:
        async with house.unit(SYSTEM) as uow:
            await run.advance(uow, cursor=None, done=-run.job.done)
    path = f"{export_id}-{run.job.token}{sealed_files.SUFFIX}"
    place = folder(house) / path
    part = place.with_name(place.name + sealed_files.PART)
    await in_thread(sealed_files.remove, part)
    writer = await in_thread(SealedWriter, part, view.key.secret, export_id)
    try:
        rows = await _write(house, run, view, known, chosen, ids, writer)
        await in_thread(sealed_files.finish, writer, part, place)
    except BaseException:
        with suppress(OSError):
            writer.abandon()
        raise
    async with house.unit(run.viewer) as uow:
        await commands.note_file(uow, export_id, path=path, size=writer.size, rows=rows, expires_at=uow.now + KEPT)
        await run.advance(uow, cursor={"rows": rows}, total=rows)
    reach = {"scope": run.viewer.scope_of("customers"), "masks": sorted(run.viewer.masks)}
    return {"rows": rows, "export_id": str(export_id), **reach}


async def _write(
    house: House,
    run: Run,
    view: ExportView,
    known: FieldSet,
    chosen: CustomerFilter,
    ids: Sequence[UUID] | None,
    writer: SealedWriter,
) -> int:
    table: TableWriter = await in_thread(_table, view.format, writer.write)
    headings = [export_table.heading(column, known, view.language) for column in view.fields]
    await in_thread(table.rows, [headings])
    after: UUID | None = None
    rows = 0
    while page := await queries.customer_rows(house.db, run.viewer, chosen, ids, after=after, limit=PAGE):
        after = page[-1]["id"]
        await in_thread(_put, table, house.keyring, run.viewer, page, view, known)
        rows += len(page)
        async with house.unit(SYSTEM) as uow:
            await run.advance(uow, cursor={"rows": rows}, done=len(page))
    await in_thread(table.close)
    return rows


def _table(format: str, sink: Callable[[bytes], None]) -> TableWriter:
    return XlsxWriter(sink) if format == "xlsx" else CsvWriter(sink)


def _put(
    table: TableWriter, keyring: Keyring, viewer: Viewer, page: Sequence[Row], view: ExportView, known: FieldSet
) -> None:
    table.rows([_cells(customer_view(keyring, viewer, row), view.fields, known, view.language) for row in page])


def _cells(customer: CustomerView, columns: Sequence[str], known: FieldSet, language: str) -> list[str]:
    return [defused(_cell(customer, column, known, language)) for column in columns]


def _cell(customer: CustomerView, column: str, known: FieldSet, language: str) -> str:
    match column:
        case "number":
            return customer.reference
        case "phone" | "email" | "whatsapp" | "inapp":
            return _SEPARATOR.join(
                point.display if point.masked else point.value
                for point in customer.contact_points
                if point.kind == column
            )
        case "address":
            return _SEPARATOR.join(
                ", ".join((*address.text.splitlines(), *([address.country] if address.country else [])))
                for address in customer.addresses
                if not address.masked
            )
        case "tier":
            return "" if customer.tier is None else customer.tier.key
        case "responsible":
            return "" if customer.responsible is None else customer.responsible.login
        case "tags":
            return _SEPARATOR.join(customer.tags)
        case "created_at" | "updated_at":
            at: datetime = getattr(customer, column)
            return at.astimezone(UTC).isoformat(sep=" ", timespec="seconds")
        case "name" | "kind" | "locale" | "classification":
            return getattr(customer, column) or ""
    key = column.removeprefix(CUSTOM)
    value, described = customer.custom.get(key), known.get(key)
    if value is None:
        return ""
    return to_text(described, value, language) if described is not None else str(value)


def _filter(chosen: Mapping[str, Any]) -> tuple[CustomerFilter, str]:
    """The filter and the text to search for, out of what a list was narrowed by."""
    known = {key: value for key, value in chosen.items() if value}
    text = str(known.pop("q", ""))
    if unknown := [key for key in known if key not in CustomerFilter.__dataclass_fields__]:
        raise Invalid(f"filter.{unknown[0][:40]}: there is no such filter.")
    return CustomerFilter(**known), text


KINDS: Final = {EXPORT: Kind(run_export, "customers.export")}
