"""The times that a campaign runs: what was planned, how far each is, and its counts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.campaigns.campaign_runs import RunView, list_runs
from hotline.crm.queries.campaigns.campaigns import get_campaign
from hotline.web.endpoint import Ask, ById, Endpoint, Output, Page, Paging, endpoint, id_cursor, paged


class RunFigures(Output):
    """Deliveries by what became of them; `bounced` are among `failed`, `complained` and `opted_out` among those that
    left."""

    queued: int
    sending: int
    unknown: int
    sent: int
    delivered: int
    read: int
    clicked: int
    failed: int
    bounced: int
    suppressed: int
    held_out: int
    expired: int
    complained: int
    opted_out: int


class Run(Output):
    """One time that a campaign runs. `occurrence` is 0 for one that runs once, else the number of its day."""

    id: UUID
    manifest_id: UUID
    occurrence: int
    state: Literal["waiting", "canary", "releasing", "released", "completed", "skipped", "cancelled"]
    reason: str | None = Field(description="Why it was left out or ended: too_late, before_approval, daily_cap …")
    planned_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    recipients: int
    released: int = Field(description="How many of the recipients have a delivery.")
    figures: RunFigures
    counted_at: datetime | None


def _render(run: RunView) -> Run:
    released = run.figures.total if run.state == "canary" else run.next_position
    kept = {name: getattr(run, name) for name in Run.model_fields if name not in ("released", "figures")}
    return Run.model_validate({**kept, "released": released, "figures": run.figures.as_json()})


@endpoint("GET", "/campaigns/{id}/runs", right="campaigns.read", summary="The times that a campaign runs")
async def campaign_runs(ask: Ask, path: ById, query: Paging) -> Page[Run]:
    """The latest first. Counts are those of the last look, some seconds ago."""
    await get_campaign(ask.house.db, ask.viewer, path.id)
    found = await list_runs(ask.house.db, ask.viewer, path.id, limit=query.limit + 1, after=id_cursor(query.cursor))
    return paged(found, query.limit, _render, lambda run: str(run.id))


routes: list[Endpoint] = [campaign_runs]
