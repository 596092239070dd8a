"""Exports of who got what: asked for, written by a job into a sealed file, downloaded, ended after a day.

A file holds what its asker may see, no more: scope and masks are theirs, and what is masked on the page is masked here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, get_args
from uuid import UUID

from hotline.conversations.delivery import DELIVERIES
from hotline.crm.commands import push_files as commands
from hotline.crm.queries.campaigns import get_campaign
from hotline.crm.queries.ledger import DeliveryView, LedgerFilter, list_deliveries
from hotline.crm.queries.push_files import PushFileView, get_push_file, read_push_file
from hotline.crm.viewer import SYSTEM, Scope, Viewer
from hotline.customers.table_cells import defused
from hotline.errors import Conflict, Invalid
from hotline.media.sealed import SealedReader, SealedWriter
from hotline.media.sheet_writer import MOST_ROWS, CsvWriter, TableWriter, XlsxWriter
from hotline.workflows import background, sealed_files
from hotline.workflows.background import Kind, Result, Run
from hotline.workflows.house import House
from hotline.workflows.pushes.push_files import KEPT, FileGone, folder, remove_files
from hotline.workflows.sealed_files import in_thread

EXPORT: Final = "export_deliveries"
#: Deliveries that are read at once.
PAGE: Final = 1_000
#: Longest that its writing may take, after which what is left of it is removed.
WRITING: Final = timedelta(days=2)

Format = Literal["csv", "xlsx"]

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
        await commands.add_push_file(
            uow, file_id, "deliveries", key, wrapped,
            name=f"P{campaign.number}", format=wanted.format, language=viewer.locale, chosen=chosen,
            expires_at=uow.now + WRITING,
        )  # fmt: skip
        job_id = await background.start_in(uow, EXPORT, {"file_id": str(file_id)}, campaign.recipients)
        await commands.note_push_job(uow, file_id, job_id)
    background.wake(house)
    return await get_push_file(house.db, house.keyring, viewer, file_id, "deliveries")


async def open_file(house: House, viewer: Viewer, file_id: UUID) -> tuple[PushFileView, SealedReader]:
    """The file, to be closed by the caller; noted in the audit trail. Raises FileGone, also when it holds more than the
    viewer may see by now, and Conflict while it is not written yet."""
    view = await get_push_file(house.db, house.keyring, viewer, file_id, "deliveries")
    if view.deleted_at is not None or view.key is None or (view.path and view.expires_at <= house.clock()):
        raise FileGone()
    if view.path is None or view.job is None or "masks" not in view.job.result:
        raise Conflict("This export is not written yet.")
    if not _within(viewer, view.job.result):
        raise FileGone()
    reader = await in_thread(SealedReader, folder(house) / view.path, view.key.secret, view.id)
    try:
        async with house.unit(viewer) as uow:
            await commands.note_taken(uow, file_id)
    except BaseException:
        reader.close()
        raise
    return view, reader


def state_of(view: PushFileView, now: datetime) -> str:
    """What an export is at: its job's state, ``done`` while it can be downloaded, ``ended`` afterwards."""
    if view.deleted_at is not None or (view.path is not None and view.expires_at <= now):
        return "ended"
    if view.job is None:
        return "failed"
    return "done" if view.path is not None and "masks" in view.job.result else view.job.state


async def delete(house: House, viewer: Viewer, file_id: UUID) -> None:
    """End an export before its time. Raises NotFound."""
    view = await get_push_file(house.db, house.keyring, viewer, file_id, "deliveries")
    async with house.unit(viewer) as uow:
        path = await commands.end_push_file(uow, view.id)
    await remove_files(house, [path] if path else [])


async def run_export(house: House, run: Run) -> Result:
    """Write the file. One that a crash cut off is written anew: only a whole one has a row."""
    file_id = UUID(run.job.params["file_id"])
    view = await read_push_file(house.db, house.keyring, run.viewer, file_id, "deliveries")
    if view.deleted_at is not None or view.key is None:
        raise FileGone()
    if run.job.done:
        async with house.unit(SYSTEM) as uow:
            await run.advance(uow, cursor=None, done=-run.job.done)
    path = f"{file_id}-{run.job.token}{sealed_files.SUFFIX}"
    place = folder(house) / path
    part = place.with_name(place.name + sealed_files.PART)
    await in_thread(sealed_files.remove, part)
    writer = await in_thread(SealedWriter, part, view.key.secret, file_id)
    try:
        rows = await _write(house, run, view, writer)
        await in_thread(sealed_files.finish, writer, part, place)
    except BaseException:
        with suppress(OSError):
            writer.abandon()
        raise
    async with house.unit(run.viewer) as uow:
        await commands.note_written(uow, file_id, path=path, size=writer.size, rows=rows, expires_at=uow.now + KEPT)
        await run.advance(uow, cursor={"rows": rows}, total=rows)
    reach = {"scope": run.viewer.scope_of("customers"), "masks": sorted(run.viewer.masks)}
    return {"rows": rows, "file_id": str(file_id), **reach}


async def _write(house: House, run: Run, view: PushFileView, writer: SealedWriter) -> int:
    table: TableWriter = XlsxWriter(writer.write) if view.format == "xlsx" else CsvWriter(writer.write)
    await in_thread(table.rows, [list(COLUMNS)])
    chosen = LedgerFilter(
        campaign_id=UUID(view.chosen["campaign_id"]),
        occurrence=view.chosen["occurrence"],
        states=tuple(view.chosen["states"]),
    )
    after: UUID | None = None
    rows = 0
    while page := await list_deliveries(house.db, house.keyring, run.viewer, chosen, limit=PAGE, after=after):
        after = page[-1].id
        rows += len(page)
        if view.format == "xlsx" and rows >= MOST_ROWS:
            raise Invalid(f"format: a sheet holds less than {MOST_ROWS} rows; take CSV.")
        await in_thread(table.rows, [[_cell(column(each)) for column in COLUMNS.values()] for each in page])
        async with house.unit(SYSTEM) as uow:
            await run.advance(uow, cursor={"rows": rows}, done=len(page))
    await in_thread(table.close)
    return rows


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(sep=" ", timespec="seconds")
    return defused(str(value))


def _within(viewer: Viewer, written: Mapping[str, Any]) -> bool:
    """Whether the viewer sees all that these rights let into a file."""
    reach = get_args(Scope)
    widens = reach.index(written["scope"]) > reach.index(viewer.scope_of("customers"))
    return viewer.may("customers.read") and viewer.masks <= set(written["masks"]) and not widens


KIND: Final = Kind(run_export, "campaigns.export")
