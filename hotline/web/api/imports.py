"""Imports of customers: a file is sent, its columns are guessed and corrected, it is tried, and started."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from aiohttp import web
from pydantic import Field

from hotline.crm.queries.customers import imports as queries
from hotline.crm.queries.customers.imports import ImportView, JobState, MappingView
from hotline.web.api.user_bodies import Locale
from hotline.web.bodies import pieces
from hotline.web.desktop.customers.import_errors import write_errors
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Page, Paging, Reply, endpoint, id_cursor, paged
from hotline.workflows.customers import imports as workflow
from hotline.workflows.customers.imports import ImportChanges

Duplicates = Literal["skip", "update", "merge"]


class ImportReading(Output):
    """How the file is read. Of a workbook only `sheet` and `headings` count."""

    encoding: str = Field(examples=["utf-8", "gb18030", "windows-1252"])
    delimiter: str
    quote: str = Field(description="Around cells; empty: none.")
    headings: bool = Field(description="The first row names the columns.")
    sheet: int = Field(description="Of a workbook, from 0.")


class ImportOptions(Output):
    """What is done with the rows."""

    duplicates: Duplicates = Field(
        description="For rows whose customer is there: `skip` leaves the record, `update` lays the row over it, "
        "`merge` takes only what the record lacks. Contact points, addresses and tags are only ever added."
    )
    match: list[str] = Field(description="By which contact points a customer is recognised: phone, email, inapp.")
    region: str = Field(description="Country of numbers without one; empty: the installation's.")
    date_order: str = Field(description="ymd, dmy or mdy for every column; empty: as each column looks.")
    tags: list[str] = Field(description="Tags that every row gets.")


class ImportColumn(Output):
    """A column of the file."""

    index: int
    heading: str
    target: str | None = Field(description="name, phone, email …, `custom.<key>`; null: left out.")
    guessed_by: str = Field(description="heading, field, content, saved, or none.")
    samples: list[str] = Field(description="Its first cells, cut short.")


class ImportJob(Output):
    """The trial run, or the import itself; more of it is at /jobs/{id}."""

    id: UUID
    state: str = Field(description="queued, running, paused, done, failed, cancelled, undoing, undone.")
    done: int
    total: int | None
    failed: int
    result: dict[str, Any] = Field(
        description="Rows `created`, `updated`, `unchanged`, `skipped`, `refused`; `repeated` ones stand in the file "
        "before and are counted under what became of them; `reasons` counts refused rows by code. Of consent "
        "`consents_granted` and `consents_withdrawn` change what holds, `consents_older` are kept and change nothing. "
        "Once undone: `removed`, `reverted`, `kept`, `consents`."
    )
    error: str | None
    undo_until: datetime | None


class Import(Output):
    """A file that was sent, and what became of it."""

    id: UUID
    name: str
    format: Literal["csv", "xlsx"]
    bytes: int
    reading: ImportReading
    sheets: list[str] = Field(description="The sheets of a workbook.")
    columns: list[ImportColumn]
    mapping: list[str | None] = Field(description="The target of each column.")
    sample: list[list[str]] = Field(description="The first rows, cells cut short.")
    options: ImportOptions
    rows_estimated: int | None
    check: ImportJob | None = Field(description="The last trial run.")
    job: ImportJob | None = Field(description="The import.")
    created_by: str | None = Field(description="Login; null: the command line.")
    created_at: datetime
    file_deleted_at: datetime | None = Field(description="The file ends with its import, or a day after it was sent.")
    version: int


class NewImportQuery(Input):
    """What is sent."""

    name: str = Field("import.csv", max_length=300, description="The file's name.")


class ReadingChanges(Input):
    """Corrections of how the file is read; all but `headings` make new guesses of its columns."""

    encoding: str | None = Field(None, max_length=40)
    delimiter: str | None = Field(None, max_length=1)
    quote: str | None = Field(None, max_length=1)
    headings: bool | None = None
    sheet: int | None = Field(None, ge=0, le=1000)


class OptionChanges(Input):
    """Corrections of what is done with the rows."""

    duplicates: Duplicates | None = None
    match: list[Literal["phone", "email", "inapp"]] | None = Field(None, max_length=3)
    region: str | None = Field(None, max_length=2)
    date_order: Literal["", "ymd", "dmy", "mdy"] | None = None
    tags: list[str] | None = Field(None, max_length=25)


class ImportPatch(Input):
    """Corrections."""

    reading: ReadingChanges | None = None
    mapping: list[str | None] | None = Field(None, max_length=500, description="A target for each column, in order.")
    options: OptionChanges | None = None
    saved: str | None = Field(None, max_length=100, description="Lay the saved mapping of this name over the columns.")
    version: int | None = None


class ImportStart(Input):
    """How to start."""

    dry_run: bool = Field(False, description="Do everything but write.")
    duplicates: Duplicates | None = Field(None, description="Instead of the option.")


class ErrorsQuery(Input):
    """How the refused rows are wanted."""

    language: Locale | None = Field(None, description="Of the reasons; without one the viewer's.")


class ImportMapping(Output):
    """A mapping that was saved: headings, folded, and what their columns are."""

    name: str
    columns: dict[str, str | None]
    reading: ImportReading
    options: ImportOptions
    updated_at: datetime
    version: int


class MappingList(Output):
    """The saved mappings by name."""

    items: list[ImportMapping]
    next: str | None = None


class NewMapping(Input):
    """The import whose mapping is kept."""

    import_id: UUID


class ByName(Input):
    """A saved mapping by its name."""

    name: str = Field(max_length=100)


def render_import(view: ImportView) -> Import:
    """The import's body."""
    headings, rows = view.headings, view.rows
    return Import(
        id=view.id,
        name=view.name,
        format=view.format,
        bytes=view.bytes,
        reading=ImportReading.model_validate(view.reading),
        sheets=list(view.sheets),
        columns=[
            ImportColumn(
                index=at,
                heading=headings[at],
                target=target,
                guessed_by=view.guessed[at],
                samples=[row[at] for row in rows if at < len(row)][:5],
            )
            for at, target in enumerate(view.mapping)
        ],
        mapping=list(view.mapping),
        sample=[list(row) for row in rows],
        options=ImportOptions.model_validate(view.options),
        rows_estimated=view.rows_estimated,
        check=render_import_job(view.check),
        job=render_import_job(view.job),
        created_by=view.created_by_login,
        created_at=view.created_at,
        file_deleted_at=view.file_deleted_at,
        version=view.version,
    )


def render_mapping(view: MappingView) -> ImportMapping:
    """The saved mapping's body."""
    return ImportMapping(
        name=view.name,
        columns=dict(view.columns),
        reading=ImportReading.model_validate(view.reading),
        options=ImportOptions.model_validate(view.options),
        updated_at=view.updated_at,
        version=view.version,
    )


def render_import_job(state: JobState | None) -> ImportJob | None:
    """The job's body beside its import or export."""
    if state is None:
        return None
    return ImportJob(
        id=state.id,
        state=state.state,
        done=state.done,
        total=state.total,
        failed=state.failed,
        result=dict(state.result),
        error=state.error,
        undo_until=state.undo_until,
    )


@endpoint("GET", "/imports", right="customers.import", summary="Imports, the newest first")
async def list_imports(ask: Ask, query: Paging) -> Page[Import]:
    """One's own; all of them for who sees every customer unmasked, as files do."""
    found = await queries.list_imports(
        ask.house.db, ask.house.keyring, ask.viewer, limit=query.limit + 1, after=id_cursor(query.cursor)
    )
    return paged(found, query.limit, render_import, lambda view: str(view.id))


@endpoint(
    "POST", "/imports", right="customers.import", status=201, summary="Send a file of customers",
    takes="application/octet-stream",
)  # fmt: skip
async def create_import(ask: Ask, query: NewImportQuery) -> Import:
    """The body is the file: CSV in any usual encoding and delimiter, or XLSX; 2 GB at most. It is kept sealed, and
    nothing is written before the import is started. A file that is no table is refused with the reason."""
    view = await workflow.receive(ask.house, ask.viewer, query.name, ask.request.content_length, pieces(ask.request))
    return render_import(view)


@endpoint("GET", "/imports/{id}", right="customers.import", summary="One import")
async def get_import(ask: Ask, path: ById) -> Import:
    return render_import(await queries.get_import(ask.house.db, ask.house.keyring, ask.viewer, path.id))


@endpoint("PATCH", "/imports/{id}", right="customers.import", summary="Correct how the file is read")
async def update_import(ask: Ask, path: ById, body: ImportPatch) -> Import:
    changes: ImportChanges = {}
    if body.reading is not None:
        changes["reading"] = body.reading.model_dump(exclude_none=True)
    if body.mapping is not None:
        changes["mapping"] = body.mapping
    if body.options is not None:
        changes["options"] = body.options.model_dump(exclude_none=True)
    if body.saved is not None:
        changes["saved"] = body.saved
    return render_import(await workflow.change(ask.house, ask.viewer, path.id, changes, body.version))


@endpoint("POST", "/imports/{id}/start", right="customers.import", status=202, summary="Try or start the import")
async def start_import(ask: Ask, path: ById, body: ImportStart) -> Reply[Import]:
    """Needs customers.write. The job goes on after a crash where it stopped; a started import can be undone for 30
    days at /jobs/{id}/undo."""
    view = await workflow.start(ask.house, ask.viewer, path.id, trial=body.dry_run, duplicates=body.duplicates)
    return Reply(render_import(view))


@endpoint("DELETE", "/imports/{id}", right="customers.import", status=204, summary="Forget an import")
async def delete_import(ask: Ask, path: ById) -> None:
    """Its file and refused rows go. What it wrote stays, and can no longer be undone."""
    await workflow.delete(ask.house, ask.viewer, path.id)


@endpoint(
    "GET", "/imports/{id}/errors.csv", right="customers.import", summary="The refused rows with their reasons",
    media_type="text/csv",
)  # fmt: skip
async def get_errors(ask: Ask, path: ById, query: ErrorsQuery) -> web.StreamResponse:
    """Of the import, or of its trial run before. The columns of the file, then the row's number and why it was refused:
    mend it and send it as another import. Kept for a day."""
    view, rows = await workflow.refused(ask.house, ask.viewer, path.id)
    return await write_errors(ask.request, view, rows, query.language or ask.viewer.locale)


@endpoint("GET", "/import-mappings", right="customers.import", summary="Saved mappings")
async def list_mappings(ask: Ask) -> MappingList:
    found = await queries.list_mappings(ask.house.db, ask.viewer)
    return MappingList(items=[render_mapping(view) for view in found])


@endpoint("PUT", "/import-mappings/{name}", right="customers.import", summary="Save an import's mapping by name")
async def put_mapping(ask: Ask, path: ByName, body: NewMapping) -> ImportMapping:
    """The next file with the very same headings is read by it without asking."""
    return render_mapping(await workflow.save_mapping(ask.house, ask.viewer, path.name, body.import_id))


@endpoint("DELETE", "/import-mappings/{name}", right="customers.import", status=204, summary="Forget a saved mapping")
async def delete_mapping(ask: Ask, path: ByName) -> None:
    await workflow.delete_mapping(ask.house, ask.viewer, path.name)


routes: Final[list[Endpoint]] = [
    list_imports, create_import, get_import, update_import, start_import, delete_import, get_errors, list_mappings,
    put_mapping, delete_mapping,
]  # fmt: skip
