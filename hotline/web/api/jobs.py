"""Work in the background: how far it is, stopping it, taking it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.upkeep import background as queries
from hotline.crm.queries.upkeep.background import JobView
from hotline.web.endpoint import Ask, ById, Endpoint, Output, Page, Paging, endpoint, id_cursor, paged
from hotline.workflows import background as workflow
from hotline.workflows.background_kinds import KINDS

State = Literal["queued", "running", "paused", "done", "failed", "cancelled", "undone"]


class Job(Output):
    """A piece of work in the background."""

    id: UUID
    kind: str = Field(examples=["batch"])
    state: State
    undoing: bool = Field(description="It is on its way back.")
    done: int = Field(description="Items gone through.")
    total: int | None
    failed: int = Field(description="How many of these could not be done.")
    rate: float | None = Field(description="Items a second, while it runs.")
    seconds_left: int | None
    result: dict[str, Any] = Field(description="Ids, codes and counts; what it holds depends on the kind.")
    error: str | None = Field(description="Why it failed: the code of a problem.")
    created_by: str | None = Field(description="Login of who started it; null: hotline itself.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    undo_until: datetime | None = Field(description="Until when it can be undone; null: it cannot.")
    version: int


class JobsQuery(Paging):
    """Which jobs."""

    kind: str | None = Field(None, max_length=32)
    state: State | None = None
    everybody: bool = Field(False, description="Those of others too, for who may read the system's health.")


def render_job(view: JobView) -> Job:
    """The job's body."""
    return Job(
        id=view.id,
        kind=view.kind,
        state=view.state,
        undoing=view.undoing,
        done=view.done,
        total=view.total,
        failed=view.failed,
        rate=view.rate,
        seconds_left=view.seconds_left,
        result=dict(view.result),
        error=view.error,
        created_by=view.created_by_login,
        created_at=view.created_at,
        started_at=view.started_at,
        ended_at=view.ended_at,
        undo_until=view.undo_until,
        version=view.version,
    )


@endpoint("GET", "/jobs", right="signed_in", summary="One's own jobs, the newest first")
async def list_jobs(ask: Ask, query: JobsQuery) -> Page[Job]:
    found = await queries.list_jobs(
        ask.house.db,
        ask.viewer,
        limit=query.limit + 1,
        after=id_cursor(query.cursor),
        kind=query.kind,
        state=query.state,
        everybody=query.everybody,
    )
    return paged(found, query.limit, render_job, lambda view: str(view.id))


@endpoint("GET", "/jobs/{id}", right="signed_in", summary="How far a job is")
async def get_job(ask: Ask, path: ById) -> Job:
    return render_job(await queries.get_job(ask.house.db, ask.viewer, path.id))


@endpoint("POST", "/jobs/{id}/cancel", right="signed_in", summary="Stop a job")
async def cancel_job(ask: Ask, path: ById) -> Job:
    """What it did so far stays; where it can be undone, that is offered afterwards."""
    return render_job(await workflow.cancel(ask.house, ask.viewer, path.id, KINDS))


@endpoint("POST", "/jobs/{id}/pause", right="signed_in", summary="Let a job rest")
async def pause_job(ask: Ask, path: ById) -> Job:
    return render_job(await workflow.pause(ask.house, ask.viewer, path.id, KINDS))


@endpoint("POST", "/jobs/{id}/resume", right="signed_in", summary="Let a resting or failed job go on")
async def resume_job(ask: Ask, path: ById) -> Job:
    return render_job(await workflow.resume(ask.house, ask.viewer, path.id, KINDS))


@endpoint("POST", "/jobs/{id}/undo", right="signed_in", summary="Take back what a job did", status=202)
async def undo_job(ask: Ask, path: ById) -> Job:
    """By a job of the same id, whose state is `undone` at the end. What was changed since is kept."""
    return render_job(await workflow.undo(ask.house, ask.viewer, path.id, KINDS))


routes: list[Endpoint] = [list_jobs, get_job, cancel_job, pause_job, resume_job, undo_job]
