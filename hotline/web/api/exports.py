"""Exports of customers: asked for, downloaded, ended."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from aiohttp import web
from pydantic import Field

from hotline.crm.queries.customers import exports as queries
from hotline.crm.queries.customers.exports import ExportView
from hotline.web import downloads
from hotline.web.api.imports import ImportJob, render_import_job
from hotline.web.api.user_bodies import Locale
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Page, Paging, endpoint, id_cursor, paged
from hotline.workflows.customers import exports as workflow
from hotline.workflows.customers.exports import NewExport
from hotline.workflows.ending_files import state_of

MEDIA_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ExportFilter(Input):
    """Which customers: the filters of their list."""

    q: str | None = Field(None, max_length=200, description="A search; its 500 best.")
    tag: str | None = Field(None, max_length=64)
    tier: str | None = Field(None, max_length=64)
    responsible: str | None = Field(None, max_length=64, description="me, none or a login.")
    classification: str | None = Field(None, max_length=64)
    kind: Literal["person", "organisation"] | None = None
    custom: dict[str, str] | None = Field(None, max_length=10)


class NewExportBody(Input):
    """What is wanted."""

    format: Literal["csv", "xlsx"] = "csv"
    fields: list[str] = Field(
        default_factory=list, max_length=200,
        description="Columns in their order: number, name, phone, `custom.<key>` …; none: all of them.",
    )  # fmt: skip
    filter: ExportFilter = Field(default_factory=ExportFilter)
    ids: list[UUID] | None = Field(None, max_length=10_000, description="Only these.")
    language: Locale | None = Field(None, description="Of the headings; without one the viewer's.")


class Export(Output):
    """A file of customers."""

    id: UUID
    format: Literal["csv", "xlsx"]
    fields: list[str]
    state: Literal["queued", "running", "paused", "done", "failed", "cancelled", "ended"] = Field(
        description="`done`: it can be downloaded; `ended`: its time is over."
    )
    rows: int | None
    bytes: int | None
    job: ImportJob | None
    created_at: datetime
    expires_at: datetime


def _render(view: ExportView, now: datetime) -> Export:
    return Export.model_validate(
        {
            "id": view.id,
            "format": view.format,
            "fields": list(view.fields),
            "state": state_of(view, now),
            "rows": view.rows,
            "bytes": view.bytes,
            "job": render_import_job(view.job),
            "created_at": view.created_at,
            "expires_at": view.expires_at,
        }
    )


@endpoint("POST", "/exports", right="customers.export", status=202, summary="Export customers to a file")
async def create_export(ask: Ask, body: NewExportBody) -> Export:
    """A job writes the file, sealed; it holds whom the asker sees, with what they may not see masked, and formulas in
    cells made harmless. In the audit trail."""
    wanted = NewExport(
        format=body.format,
        fields=body.fields,
        chosen=body.filter.model_dump(exclude_none=True),
        ids=body.ids,
        language=body.language or "",
    )
    return _render(await workflow.start(ask.house, ask.viewer, wanted), ask.house.clock())


@endpoint("GET", "/exports", right="customers.export", summary="One's own exports, the newest first")
async def list_exports(ask: Ask, query: Paging) -> Page[Export]:
    found = await queries.list_exports(
        ask.house.db, ask.house.keyring, ask.viewer, limit=query.limit + 1, after=id_cursor(query.cursor)
    )
    now = ask.house.clock()
    return paged(found, query.limit, lambda view: _render(view, now), lambda view: str(view.id))


@endpoint("GET", "/exports/{id}", right="customers.export", summary="One export")
async def get_export(ask: Ask, path: ById) -> Export:
    view = await queries.get_export(ask.house.db, ask.house.keyring, ask.viewer, path.id)
    return _render(view, ask.house.clock())


@endpoint(
    "GET", "/exports/{id}/file", right="customers.export", summary="The file of an export",
    media_type="*/*",
)  # fmt: skip
async def get_export_file(ask: Ask, path: ById) -> web.StreamResponse:
    """A day long; each download is in the audit trail."""
    view, reader = await workflow.open_file(ask.house, ask.viewer, path.id)
    name = f"customers-{view.created_at:%Y%m%d-%H%M}.{view.format}"
    return await downloads.send(ask.request, reader, downloads.headers(name, MEDIA_TYPES[view.format]))


@endpoint("DELETE", "/exports/{id}", right="customers.export", status=204, summary="End an export before its time")
async def delete_export(ask: Ask, path: ById) -> None:
    await workflow.delete(ask.house, ask.viewer, path.id)


routes: Final[list[Endpoint]] = [create_export, list_exports, get_export, get_export_file, delete_export]
