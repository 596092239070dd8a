"""Results of campaigns: counts, rates with their bounds, and exports of who got what."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from aiohttp import web
from pydantic import Field

from hotline.campaigns.compare import CONFIDENCE
from hotline.conversations.delivery import Delivery as State
from hotline.crm.queries.pushes.push_files import PushFileView, get_push_file, list_push_files
from hotline.web import downloads
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Page, Paging, endpoint, id_cursor, paged
from hotline.workflows.campaigns import ledger_export as exports
from hotline.workflows.campaigns import results as workflow
from hotline.workflows.ending_files import state_of

MEDIA_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class FunnelCounts(Output):
    """Deliveries by how far they came; each count holds those behind it."""

    total: int
    queued: int
    sending: int
    unknown: int = Field(description="With the provider or not, nobody knows: never sent again by itself.")
    sent: int = Field(description="All that left.")
    delivered: int
    read: int
    clicked: int = Field(description="By people.")
    scanned: int = Field(description="Whose links a program followed: link scanners, previews. No clicks.")
    failed: int
    bounced: int = Field(description="Of those that failed.")
    suppressed: int = Field(description="Held back when it was their turn.")
    held_out: int = Field(description="Got nothing on purpose, to compare with.")
    expired: int
    opted_out: int
    complained: int
    segments: int


class ReasonCount(Output):
    """Why deliveries went wrong or were held back."""

    state: str
    reason: str | None
    error_code: str | None
    count: int


class FollowedCounts(Output):
    """People who called or had a ticket within the days after they got it."""

    people: int
    called: int
    tickets: int
    either: int


class RateBounds(Output):
    """A share from 0 to 1, and the bounds between which the true one lies (Wilson)."""

    count: int
    of: int
    share: float
    low: float
    high: float


class DifferenceBounds(Output):
    """How much more often with `one` than with `other` (Newcombe); `unclear` where the bounds hold 0."""

    one: str
    other: str
    difference: float
    low: float
    high: float
    verdict: Literal["better", "worse", "unclear", "too_few"]


class Comparison(Output):
    """One thing that variants are compared by."""

    measure: Literal["delivered", "read", "clicked", "followed", "opted_out"]
    rates: dict[str, RateBounds]
    differences: list[DifferenceBounds]


class Results(Output):
    """What came of a campaign."""

    campaign_id: UUID
    state: str
    over: bool = Field(description="Nothing more is sent; until then comparisons change with every look.")
    occurrence: int | None
    recipients: int = Field(description="Of the runs that are told of.")
    whole: FunnelCounts
    channels: dict[str, FunnelCounts]
    variants: dict[str, FunnelCounts]
    reasons: list[ReasonCount]
    costs: dict[str, int] = Field(description="By currency, in minor units.")
    priced: int = Field(description="How many of those that left have a price already.")
    followed_days: int
    followed: dict[str, FollowedCounts] = Field(description="By variant; `holdout` got nothing.")
    confidence: float
    comparisons: list[Comparison]
    first_sent_at: datetime | None
    last_sent_at: datetime | None


class ResultsQuery(Input):
    """Of which time that it ran, and what counts as brought about."""

    occurrence: int | None = Field(None, ge=0)
    days: int = Field(workflow.USUAL_DAYS, ge=1, le=workflow.MOST_DAYS)


class LedgerExportBody(Input):
    """What the file is to hold."""

    format: Literal["csv", "xlsx"] = "csv"
    occurrence: int | None = Field(None, ge=0)
    states: list[State] = Field(default_factory=list, max_length=10)


class LedgerExport(Output):
    """A file of who got what."""

    id: UUID
    campaign_id: UUID
    format: Literal["csv", "xlsx"]
    state: Literal["queued", "running", "paused", "done", "failed", "cancelled", "ended"]
    rows: int | None
    bytes: int | None
    job_id: UUID | None
    created_at: datetime
    expires_at: datetime


def _render(found: workflow.Results) -> Results:
    counts = found.counts
    runs = [each for each in found.runs if found.occurrence in (None, each.occurrence)]
    return Results.model_validate(
        {
            "campaign_id": found.campaign.id,
            "state": found.campaign.state,
            "over": found.over,
            "occurrence": found.occurrence,
            "recipients": sum(each.recipients for each in runs),
            "whole": counts.whole,
            "channels": counts.by_channel,
            "variants": found.variants,
            "reasons": counts.reasons,
            "costs": counts.costs,
            "priced": counts.priced,
            "followed_days": found.days,
            "followed": found.followed,
            "confidence": CONFIDENCE,
            "comparisons": [
                {"measure": each.name, "rates": each.rates, "differences": each.differences} for each in found.measures
            ],
            "first_sent_at": counts.first_sent_at,
            "last_sent_at": counts.last_sent_at,
        }
    )


def _export(view: PushFileView, now: datetime) -> LedgerExport:
    values: dict[str, Any] = {
        "id": view.id,
        "campaign_id": view.chosen["campaign_id"],
        "format": view.format,
        "state": state_of(view, now),
        "rows": view.rows,
        "bytes": view.bytes,
        "job_id": None if view.job is None else view.job.id,
        "created_at": view.created_at,
        "expires_at": view.expires_at,
    }
    return LedgerExport.model_validate(values)


@endpoint("GET", "/campaigns/{id}/results", right="campaigns.read", summary="What came of a campaign")
async def campaign_results(ask: Ask, path: ById, query: ResultsQuery) -> Results:
    """Counted at most some seconds ago. Counts only: who they are is at /deliveries."""
    return _render(
        await workflow.get_results(ask.house, ask.viewer, path.id, occurrence=query.occurrence, days=query.days)
    )


@endpoint(
    "POST", "/campaigns/{id}/exports", right="campaigns.export", status=202, summary="Export who got what to a file"
)
async def create_ledger_export(ask: Ask, path: ById, body: LedgerExportBody) -> LedgerExport:
    """A job writes the file, sealed; it holds whom the asker sees, with what they may not see masked, and formulas in
    cells made harmless. In the audit trail."""
    wanted = exports.NewLedgerExport(path.id, body.format, body.occurrence, body.states)
    return _export(await exports.start(ask.house, ask.viewer, wanted), ask.house.clock())


@endpoint("GET", "/delivery-exports", right="campaigns.export", summary="One's own exports, the newest first")
async def ledger_exports(ask: Ask, query: Paging) -> Page[LedgerExport]:
    found = await list_push_files(
        ask.house.db, ask.house.keyring, ask.viewer, "deliveries", limit=query.limit + 1, after=id_cursor(query.cursor)
    )
    now = ask.house.clock()
    return paged(found, query.limit, lambda view: _export(view, now), lambda view: str(view.id))


@endpoint("GET", "/delivery-exports/{id}", right="campaigns.export", summary="One export")
async def ledger_export(ask: Ask, path: ById) -> LedgerExport:
    view = await get_push_file(ask.house.db, ask.house.keyring, ask.viewer, path.id, "deliveries")
    return _export(view, ask.house.clock())


@endpoint(
    "GET", "/delivery-exports/{id}/file", right="campaigns.export", summary="The file of an export", media_type="*/*"
)
async def ledger_export_file(ask: Ask, path: ById) -> web.StreamResponse:
    """A day long; each download is in the audit trail."""
    view, reader = await exports.open_file(ask.house, ask.viewer, path.id)
    name = f"{view.name}-{view.created_at:%Y%m%d-%H%M}.{view.format}"
    return await downloads.send(ask.request, reader, downloads.headers(name, MEDIA_TYPES[view.format]))


@endpoint(
    "DELETE", "/delivery-exports/{id}", right="campaigns.export", status=204, summary="End an export before its time"
)
async def delete_ledger_export(ask: Ask, path: ById) -> None:
    await exports.delete(ask.house, ask.viewer, path.id)


routes: Final[list[Endpoint]] = [
    campaign_results, create_ledger_export, ledger_exports, ledger_export, ledger_export_file, delete_ledger_export,
]  # fmt: skip
