"""Exports of who got what: asked for, written by a job into a file that ends (``ending_files``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, get_args
from uuid import UUID

from hotline.conversations.delivery import DELIVERIES
from hotline.crm.commands.ending_files import note_job
from hotline.crm.commands.pushes.push_files import add_push_file
from hotline.crm.queries.campaigns.campaigns import get_campaign
from hotline.crm.queries.campaigns.ledger import DeliveryView, LedgerFilter, list_deliveries
from hotline.crm.queries.pushes.push_files import TABLE, PushFileView, get_push_file, read_push_file
from hotline.crm.viewer import Viewer
from hotline.customers.table_cells import defused
from hotline.errors import Invalid
from hotline.media.sealed import SealedReader
from hotline.media.sheet_writer import MOST_ROWS, TableWriter
from hotline.workflows import background, ending_files
from hotline.workflows.background import Kind, Result, Run
from hotline.workflows.ending_files import WRITING, Format
from hotline.workflows.house import House
from hotline.workflows.sealed_files import in_thread

EXPORT: Final = "export_deliveries"
#: Deliveries that are read at once.
PAGE: Final = 1_000

#: The columns, in their order; their headings are the API's names.
COLUMNS: Final[Mapping[str, Callable[[DeliveryView], object]]] = {
    "id": lambda each: each.id,
    "campaign": lambda each: f"P{each.campaign_number}" if each.campaign_number is not None else "",
    "occurrence": lambda each: each.occurrence,
    "customer": lambda each: each.customer_reference,
    "name": lambda each: each.customer_name,
    "channel": lambda each: each.channel,
    "to": lambda each: each.to,
    "variant": lambda each: each.variant,
    "locale": lambda each: each.locale,
    "state": lambda each: each.state,
    "reason": lambda each: each.reason,
    "error": lambda each: each.error_code,
    "attempts": lambda each: each.attempts,
    "segments": lambda each: each.segments,
    "cost": lambda each: each.cost,
    "currency": lambda each: each.currency,
    "provider_id": lambda each: each.provider_id,
    "due_at": lambda each: each.due_at,
    "sent_at": lambda each: each.sent_at,
    "delivered_at": lambda each: each.delivered_at,
    "read_at": lambda each: each.read_at,
    "clicked_at": lambda each: each.clicked_at,
    "scanned_at": lambda each: each.scanned_at,
    "opted_out_at": lambda each: each.opted_out_at,
}


@dataclass(frozen=True, slots=True)
class NewLedgerExport:
    """What is wanted: deliveries of one campaign, of one time that it ran, those of some states."""

    campaign_id: UUID
    format: Format = "csv"
    occurrence: int | None = None
    states: Sequence[str] = field(default=())


async def start(house: House, viewer: Viewer, wanted: NewLedgerExport) -> PushFileView:
    """Begin an export. Raises Forbidden, NotFound, and Invalid naming what is wrong."""
    viewer.require("campaigns.export")
    viewer.require("customers.read")
    campaign = await get_campaign(house.db, viewer, wanted.campaign_id)
    if wanted.format not in get_args(Format):
        raise Invalid(f"format: one of {', '.join(get_args(Format))}")
    if not set(wanted.states) <= set(DELIVERIES):
        raise Invalid(f"states: some of {', '.join(DELIVERIES)}")
    file_id = house.new_id()
    key, wrapped = house.keyring.new_personal_key(house.new_id())
    chosen = {
        "campaign_id": str(campaign.id),
        "occurrence": wanted.occurrence,
        "states": list(dict.fromkeys(wanted.states)),
    }
    async with house.unit(viewer) as uow:
        await add_push_file(
            uow, file_id, "deliveries", key, wrapped,
            name=f"P{campaign.number}", format=wanted.format, language=viewer.locale, chosen=chosen,
            expires_at=uow.now + WRITING,
        )  # fmt: skip
        job_id = await background.start_in(uow, EXPORT, {"file_id": str(file_id)}, campaign.recipients)
        await note_job(uow, TABLE, file_id, job_id)
    background.wake(house)
    return await get_push_file(house.db, house.keyring, viewer, file_id, "deliveries")


async def open_file(house: House, viewer: Viewer, file_id: UUID) -> tuple[PushFileView, SealedReader]:
    """The file, to be closed by the caller. Raises NotFound, and what ``open_table`` does."""
    view = await get_push_file(house.db, house.keyring, viewer, file_id, "deliveries")
    return view, await ending_files.open_table(house, viewer, TABLE, view)


async def delete(house: House, viewer: Viewer, file_id: UUID) -> None:
    """End an export before its time. Raises NotFound."""
    view = await get_push_file(house.db, house.keyring, viewer, file_id, "deliveries")
    await ending_files.end(house, viewer, TABLE, view.id)


async def run_export(house: House, run: Run) -> Result:
    """Write the file."""
    file_id = UUID(run.job.params["file_id"])
    view = await read_push_file(house.db, house.keyring, run.viewer, file_id, "deliveries")
    chosen = LedgerFilter(
        campaign_id=UUID(view.chosen["campaign_id"]),
        occurrence=view.chosen["occurrence"],
        states=tuple(view.chosen["states"]),
    )

    async def write(table: TableWriter) -> int:
        await in_thread(table.rows, [list(COLUMNS)])
        after: UUID | None = None
        rows = 0
        while page := await list_deliveries(house.db, house.keyring, run.viewer, chosen, limit=PAGE, after=after):
            after = page[-1].id
            rows += len(page)
            if view.format == "xlsx" and rows >= MOST_ROWS:
                raise Invalid(f"format: a sheet holds less than {MOST_ROWS} rows; take CSV.")
            await in_thread(table.rows, [[_cell(column(each)) for column in COLUMNS.values()] for each in page])
            await ending_files.wrote(house, run, rows, len(page))
        return rows

    written = await ending_files.write_table(house, run, TABLE, view, write)
    return {"file_id": str(file_id), **written}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(sep=" ", timespec="seconds")
    return defused(str(value))


KIND: Final = Kind(run_export, "campaigns.export")
