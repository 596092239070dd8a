"""Jobs in the background: what is under way and what was, how far it is, and the ways to stop it and take it back."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from aiohttp import web

from hotline.crm.queries.upkeep.background import JobView, get_job, list_jobs
from hotline.crm.viewer import Viewer
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import id_of, uuid_of
from hotline.web.desktop.render import html
from hotline.web.desktop.upkeep import job_words
from hotline.web.rights import signed_in
from hotline.workflows.background_kinds import KINDS

PAGE: Final = 30


@signed_in
async def index(request: web.Request) -> web.StreamResponse:
    """One's own jobs, the newest first; everybody's for who may read the system's health and asks for them."""
    house, viewer = house_of(request), signed_of(request).viewer
    everybody = viewer.may("system.read") and request.query.get("who") == "all"
    found = await list_jobs(
        house.db, viewer, limit=PAGE + 1, after=id_of(request.query.get("after", "")), everybody=everybody
    )
    context = {
        "jobs": [shown(job, viewer) for job in found[:PAGE]],
        "next": found[PAGE - 1].id if len(found) > PAGE else None,
        "everybody": everybody,
        "after": request.query.get("after", ""),
        "words": job_words,
    }
    return html(request, "jobs.html", context)


@signed_in
async def show(request: web.Request) -> web.StreamResponse:
    """One job."""
    return html(request, "job.html", await line_context(request, uuid_of(request)))


@signed_in
async def line(request: web.Request) -> web.StreamResponse:
    """How far a job is: the part of a page that asks for itself again while the job works."""
    return html(request, "job_line.html", await line_context(request, uuid_of(request)))


async def line_context(request: web.Request, job_id: UUID) -> dict[str, Any]:
    """What ``job_line.html`` shows."""
    viewer = signed_of(request).viewer
    return {"shown": shown(await get_job(house_of(request).db, viewer, job_id), viewer), "words": job_words}


def shown(job: JobView, viewer: Viewer) -> dict[str, Any]:
    """A job as its line shows it."""
    kind = KINDS.get(job.kind)
    name, icon = job_words.kind_of(job)
    return {
        "job": job,
        "name": name,
        "icon": icon,
        "state": job_words.state_of(job),
        "page": job_words.page_of(job),
        "open": job.state in ("queued", "running"),
        "may_undo": kind is not None and kind.undo is not None and viewer.may(kind.right),
        "portion": min(100, round(100 * job.done / job.total, 1)) if job.total else 0,
    }


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/jobs", index)
    app.router.add_get("/jobs/{id}", show)
    app.router.add_get("/jobs/{id}/line", line)
