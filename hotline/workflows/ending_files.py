"""Files that lie for a day and end: tables that a job writes for somebody, lists that somebody brought.

A table holds what its asker may see, no more: scope and masks are theirs, and what is masked on the page is masked in
it. Who sees less by the time that they fetch it does not get it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, get_args
from uuid import UUID

from hotline.crm.commands import ending_files as commands
from hotline.crm.queries.ending_files import EndingFile, Table, kept_paths
from hotline.crm.viewer import SYSTEM, Scope, Viewer
from hotline.errors import Conflict, HotlineError
from hotline.media.sealed import SealedReader
from hotline.media.sheet_writer import CsvWriter, TableWriter, XlsxWriter
from hotline.workflows import sealed_files
from hotline.workflows.background import Run
from hotline.workflows.house import House
from hotline.workflows.sealed_files import in_thread

#: How long a file is kept, from when it is whole.
KEPT: Final = timedelta(hours=24)
#: Longest that its writing may take, after which what is left of it is removed.
WRITING: Final = timedelta(days=2)

Format = Literal["csv", "xlsx"]

_FOLDERS: Final[Mapping[Table, str]] = {"customer_export": "exports", "push_file": "pushes"}


class FileGone(HotlineError):
    """This file has ended."""

    code: ClassVar[str] = "export_gone"
    status: ClassVar[int] = 410


def folder(house: House, table: Table) -> Path:
    """Where they lie until they end."""
    return house.settings.data_dir / _FOLDERS[table]


def state_of(view: EndingFile, now: datetime) -> str:
    """What a table is at: its job's state, ``done`` while it can be downloaded, ``ended`` afterwards."""
    if view.deleted_at is not None or (view.path is not None and view.expires_at <= now):
        return "ended"
    if _reach(view) is not None:
        return "done"
    return "failed" if view.job is None else view.job.state


async def open_table(house: House, viewer: Viewer, table: Table, view: EndingFile) -> SealedReader:
    """The file, to be closed by the caller; noted in the audit trail. Raises FileGone, also when it holds more than the
    viewer may see by now, and Conflict while it is not written yet."""
    if view.deleted_at is not None or view.key is None or (view.path and view.expires_at <= house.clock()):
        raise FileGone()
    reach = _reach(view)
    if view.path is None or reach is None:
        raise Conflict("This export is not written yet.")
    if not _within(viewer, reach):
        raise FileGone()
    reader = await in_thread(SealedReader, folder(house, table) / view.path, view.key.secret, view.id)
    try:
        async with house.unit(viewer) as uow:
            await commands.note_download(uow, table, view.id)
    except BaseException:
        reader.close()
        raise
    return reader


async def write_table(
    house: House, run: Run, table: Table, view: EndingFile, write: Callable[[TableWriter], Awaitable[int]]
) -> dict[str, Any]:
    """Write the file of a job: ``write`` answers how many rows there are. One that a crash cut off is written anew:
    only a whole one has a row. Answers the job's result. Raises FileGone when it was ended meanwhile."""
    if view.deleted_at is not None or view.key is None:
        raise FileGone()
    if run.job.done:
        async with house.unit(SYSTEM) as uow:
            await run.advance(uow, cursor=None, done=-run.job.done)
    path = f"{view.id}-{run.job.token}{sealed_files.SUFFIX}"
    async with sealed_files.written(folder(house, table) / path, view.key, view.id) as writer:
        sheet = await in_thread(_sheet, view.format, writer.write)
        rows = await write(sheet)
        await in_thread(sheet.close)
    async with house.unit(run.viewer) as uow:
        await commands.note_whole(
            uow, table, view.id, path=path, size=writer.size, rows=rows, expires_at=uow.now + KEPT
        )
        await run.advance(uow, cursor={"rows": rows}, total=rows)
    return {"rows": rows, "scope": run.viewer.scope_of("customers"), "masks": sorted(run.viewer.masks)}


async def wrote(house: House, run: Run, rows: int, more: int) -> None:
    """So many rows are written by now, ``more`` of them since the last time."""
    async with house.unit(SYSTEM) as uow:
        await run.advance(uow, cursor={"rows": rows}, done=more)


async def end(house: House, viewer: Viewer, table: Table, file_id: UUID) -> None:
    """End a file before its time. Raises NotFound."""
    async with house.unit(viewer) as uow:
        path = await commands.end_file(uow, table, file_id)
    await _remove(house, table, [path] if path else [])


async def keep(house: House, table: Table) -> int:
    """End files that are past their time, and remove what a crash left; how many."""
    async with house.unit(SYSTEM) as uow:
        paths = await commands.end_expired(uow, table)
    await _remove(house, table, paths)
    swept = await sealed_files.sweep(folder(house, table), lambda some: kept_paths(house.db, SYSTEM, table, some))
    return len(paths) + swept


async def _remove(house: House, table: Table, paths: Sequence[str]) -> None:
    for path in paths:
        await in_thread(sealed_files.remove, folder(house, table) / path)


def _sheet(format: str, sink: Callable[[bytes], None]) -> TableWriter:
    return XlsxWriter(sink) if format == "xlsx" else CsvWriter(sink)


def _reach(view: EndingFile) -> Mapping[str, Any] | None:
    """By which rights the file was written; None while it is not whole."""
    if view.path is None or view.job is None or "masks" not in view.job.result:
        return None
    return view.job.result


def _within(viewer: Viewer, written: Mapping[str, Any]) -> bool:
    """Whether the viewer sees all that these rights let into a file."""
    reach = get_args(Scope)
    widens = reach.index(written["scope"]) > reach.index(viewer.scope_of("customers"))
    return viewer.may("customers.read") and viewer.masks <= set(written["masks"]) and not widens
