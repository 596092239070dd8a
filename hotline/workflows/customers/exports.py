"""Exports of customers: asked for, written by a job into a file that ends (``ending_files``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.commands.customers.exports import add_export
from hotline.crm.commands.ending_files import note_job
from hotline.crm.database import Row
from hotline.crm.keys import Keyring
from hotline.crm.queries.customers import exports as queries
from hotline.crm.queries.customers.customer_filter import CustomerFilter
from hotline.crm.queries.customers.customer_search import found_ids
from hotline.crm.queries.customers.customer_views import CustomerView, customer_view
from hotline.crm.queries.customers.exports import TABLE, ExportView
from hotline.crm.viewer import Viewer
from hotline.customers import export_table
from hotline.customers.custom_fields import FieldSet, to_text
from hotline.customers.export_table import CUSTOM
from hotline.customers.table_cells import defused
from hotline.errors import Invalid
from hotline.media.sealed import SealedReader
from hotline.media.sheet_writer import MOST_ROWS, TableWriter
from hotline.workflows import background, ending_files
from hotline.workflows.background import Kind, Result, Run
from hotline.workflows.company import fields
from hotline.workflows.ending_files import WRITING, Format
from hotline.workflows.house import House
from hotline.workflows.sealed_files import in_thread

#: Customers that are read at once.
PAGE: Final = 500
#: Most customers that an export may name one by one.
MOST_IDS: Final = 10_000
EXPORT: Final = "export_customers"
_SEPARATOR: Final = "; "


@dataclass(frozen=True, slots=True)
class NewExport:
    """What is wanted. ``chosen`` are the filters of the list of customers, with ``q`` for a search (its 500 best);
    ``ids`` are single customers; without both it is everybody whom the asker sees."""

    format: Format = "csv"
    fields: Sequence[str] = ()
    chosen: Mapping[str, Any] = field(default_factory=dict)
    ids: Sequence[UUID] | None = None
    language: str = ""


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
        await add_export(
            uow, export_id,
            format=wanted.format,
            language=wanted.language or viewer.locale,
            fields=columns,
            chosen=kept,
            expires_at=uow.now + WRITING,
        )  # fmt: skip
        job_id = await background.start_in(uow, EXPORT, {"export_id": str(export_id)}, total)
        await note_job(uow, TABLE, export_id, job_id)
    background.wake(house)
    return await queries.get_export(house.db, house.keyring, viewer, export_id)


async def open_file(house: House, viewer: Viewer, export_id: UUID) -> tuple[ExportView, SealedReader]:
    """The file of an export, to be closed by the caller. Raises NotFound, and what ``open_table`` does."""
    view = await queries.get_export(house.db, house.keyring, viewer, export_id)
    return view, await ending_files.open_table(house, viewer, TABLE, view)


async def delete(house: House, viewer: Viewer, export_id: UUID) -> None:
    """End an export before its time. Raises NotFound."""
    view = await queries.get_export(house.db, house.keyring, viewer, export_id)
    await ending_files.end(house, viewer, TABLE, view.id)


async def run_export(house: House, run: Run) -> Result:
    """Write the file."""
    export_id = UUID(run.job.params["export_id"])
    view = await queries.read_export(house.db, house.keyring, run.viewer, export_id)
    known = await fields.load(house)
    chosen, _ = _filter(view.chosen.get("filter", {}))
    ids = [UUID(each) for each in view.chosen["ids"]] if "ids" in view.chosen else None

    async def write(table: TableWriter) -> int:
        headings = [export_table.heading(column, known, view.language) for column in view.fields]
        await in_thread(table.rows, [headings])
        after: UUID | None = None
        rows = 0
        while page := await queries.customer_rows(house.db, run.viewer, chosen, ids, after=after, limit=PAGE):
            after = page[-1]["id"]
            await in_thread(_put, table, house.keyring, run.viewer, page, view, known)
            rows += len(page)
            await ending_files.wrote(house, run, rows, len(page))
        return rows

    written = await ending_files.write_table(house, run, TABLE, view, write)
    return {"export_id": str(export_id), **written}


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
