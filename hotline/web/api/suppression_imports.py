"""Lists of who wants nothing: brought as a file, taken in by a job."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from aiohttp import web
from pydantic import Field

from hotline.crm.queries.pushes.push_files import PushFileView, get_push_file, list_push_files
from hotline.web.bodies import pieces
from hotline.web.desktop.consent.suppression_errors import write_refused
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Page, Paging, endpoint, id_cursor, paged
from hotline.workflows.consent import suppression_import as workflow


class SuppressionImport(Output):
    """A list that was brought, and what became of it."""

    id: UUID
    name: str
    channel: str
    reason: str
    purpose: str = Field(description="Empty: the usual one of each channel and reason.")
    job_id: UUID | None = Field(description="More of it is at /jobs/{id}.")
    state: str = Field(description="queued, running, paused, done, failed, cancelled.")
    done: int = Field(description="Rows read.")
    result: dict[str, Any] = Field(description="`new` addresses, `refused` rows, `faults`: refused rows by code.")
    created_at: datetime
    expires_at: datetime = Field(description="Until then the refused rows can be had.")


class NewSuppressionImport(Input):
    """What is sent. What a row says itself (columns `channel`, `reason`, `purpose`, `date`) goes before."""

    channel: Literal["sms", "whatsapp", "voice", "email"]
    reason: Literal["opt_out", "invalid", "bounce", "complaint", "agent"] = "opt_out"
    purpose: Literal["all", "marketing", ""] = Field(
        "", description="Empty: of an unsubscribed email address marketing, of everything else all."
    )
    name: str = Field("list.csv", max_length=300, description="The file's name.")


def render_suppression_import(view: PushFileView) -> SuppressionImport:
    """The list's body."""
    return SuppressionImport(
        id=view.id,
        name=view.name,
        channel=view.chosen["channel"],
        reason=view.chosen["reason"],
        purpose=view.chosen["purpose"],
        job_id=None if view.job is None else view.job.id,
        state="failed" if view.job is None else view.job.state,
        done=0 if view.job is None else view.job.done,
        result=dict(view.job.result) if view.job is not None else {},
        created_at=view.created_at,
        expires_at=view.expires_at,
    )


@endpoint(
    "POST", "/suppressions/imports", right="consents.write", status=202, summary="Bring a list of who wants nothing",
    takes="application/octet-stream",
)  # fmt: skip
async def create_suppression_import(ask: Ask, query: NewSuppressionImport) -> SuppressionImport:
    """The body is the file: CSV in any usual encoding and delimiter, with headings or without, 512 MB at most. A job
    takes it in; every address holds from the step that reads it on."""
    view = await workflow.receive(
        ask.house, ask.viewer, query.name, pieces(ask.request), channel=query.channel, reason=query.reason,
        purpose=query.purpose,
    )  # fmt: skip
    return render_suppression_import(view)


@endpoint("GET", "/suppressions/imports", right="consents.write", summary="One's own lists, the newest first")
async def suppression_imports(ask: Ask, query: Paging) -> Page[SuppressionImport]:
    found = await list_push_files(
        ask.house.db, ask.house.keyring, ask.viewer, "suppressions", limit=query.limit + 1,
        after=id_cursor(query.cursor),
    )  # fmt: skip
    return paged(found, query.limit, render_suppression_import, lambda view: str(view.id))


@endpoint("GET", "/suppressions/imports/{id}", right="consents.write", summary="One list")
async def suppression_import(ask: Ask, path: ById) -> SuppressionImport:
    view = await get_push_file(ask.house.db, ask.house.keyring, ask.viewer, path.id, "suppressions")
    return render_suppression_import(view)


@endpoint(
    "GET", "/suppressions/imports/{id}/errors", right="consents.write", summary="The rows that were left out, as CSV",
    media_type="text/csv",
)  # fmt: skip
async def suppression_import_errors(ask: Ask, path: ById) -> web.StreamResponse:
    """For a day, with the reason behind each."""
    view, rows = await workflow.refused(ask.house, ask.viewer, path.id)
    return await write_refused(ask.request, view, rows, ask.viewer.locale)


routes: Final[list[Endpoint]] = [
    create_suppression_import, suppression_imports, suppression_import, suppression_import_errors,
]  # fmt: skip
