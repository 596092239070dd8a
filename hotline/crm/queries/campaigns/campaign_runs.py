"""How far campaigns are: which are at work, their runs, and the counts of their deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.figures import Figures
from hotline.crm.database import Reader, Row
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

#: Most campaigns that are at work at the same time.
MOST_AT_WORK: Final = 1_000
#: Most runs told of a campaign.
MOST_RUNS: Final = 200


@dataclass(frozen=True, slots=True)
class AtWork:
    """A campaign that is scheduled or running, and what was approved of it."""

    id: UUID
    state: str
    state_at: datetime
    started_at: datetime | None
    manifest_id: UUID
    approved_at: datetime


@dataclass(frozen=True, slots=True)
class RunView:
    """One time that a campaign runs; see ``crm.models.CampaignRun``."""

    id: UUID
    campaign_id: UUID
    manifest_id: UUID
    occurrence: int
    audience_id: UUID | None
    state: str
    reason: str | None
    planned_at: datetime
    began_at: datetime | None
    base_at: datetime | None
    base_position: int
    recipients: int
    next_position: int
    canary_done_at: datetime | None
    warned_at: datetime | None
    figures: Figures
    baseline: Figures
    counted_at: datetime | None
    ticked_at: datetime | None
    ended_at: datetime | None


RUN_COLUMNS: Final = (
    "id, campaign_id, manifest_id, occurrence, audience_id, state, reason, planned_at, began_at, base_at, "
    "base_position, recipients, next_position, canary_done_at, warned_at, figures, baseline, counted_at, ticked_at, "
    "ended_at"
)


def run_view(row: Row) -> RunView:
    """A row of RUN_COLUMNS."""
    kept = {**row, "figures": Figures.of_json(row["figures"]), "baseline": Figures.of_json(row["baseline"])}
    return RunView(**kept)


async def at_work(db: Reader, viewer: Viewer) -> list[AtWork]:
    """Every campaign that is to begin, or runs."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        """SELECT c.id, c.state, c.state_at, c.started_at, m.id AS manifest_id, m.approved_at
           FROM campaign c JOIN manifest m ON m.id = c.manifest_id
           WHERE c.state IN ('scheduled', 'running') AND m.state = 'approved' AND m.approved_at IS NOT NULL
           ORDER BY c.id LIMIT $1""",
        MOST_AT_WORK,
    )
    return [AtWork(**row) for row in rows]


async def going(db: Reader, viewer: Viewer) -> list[UUID]:
    """Every campaign that would begin or go on by itself."""
    viewer.require("campaigns.read")
    rows = await db.fetch("SELECT id FROM campaign WHERE state IN ('scheduled', 'running') ORDER BY id")
    return [row["id"] for row in rows]


async def content_of(db: Reader, viewer: Viewer, manifest_id: UUID) -> Mapping[str, Any]:
    """What was approved. Raises NotFound."""
    viewer.require("campaigns.read")
    content: Mapping[str, Any] | None = await db.fetchval("SELECT content FROM manifest WHERE id = $1", manifest_id)
    if content is None:
        raise NotFound("There is no such manifest.")
    return content


@dataclass(frozen=True, slots=True)
class Over:
    """A run that will not go on: its campaign was cancelled, or its manifest is approved no more."""

    run_id: UUID
    campaign_id: UUID
    manifest_id: UUID
    occurrence: int
    reason: str


async def runs_to_close(db: Reader, viewer: Viewer) -> list[Over]:
    """Runs that are open though they will not go on, some at a time."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        """SELECT r.id AS run_id, r.campaign_id, r.manifest_id, r.occurrence,
               CASE WHEN c.state = 'cancelled' THEN 'cancelled' ELSE m.state END AS reason
           FROM campaign_run r JOIN campaign c ON c.id = r.campaign_id JOIN manifest m ON m.id = r.manifest_id
           WHERE r.ended_at IS NULL AND (c.state = 'cancelled' OR m.state <> 'approved') ORDER BY r.id LIMIT 20"""
    )
    return [Over(**row) for row in rows]


async def list_runs(
    db: Reader, viewer: Viewer, campaign_id: UUID, *, limit: int = MOST_RUNS, after: UUID | None = None
) -> list[RunView]:
    """A page of a campaign's runs, the latest first."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        f"""SELECT {RUN_COLUMNS} FROM campaign_run WHERE campaign_id = $1 AND ($2::uuid IS NULL OR id < $2)
            ORDER BY id DESC LIMIT $3""",  # noqa: S608
        *(campaign_id, after, min(limit, MOST_RUNS + 1)),
    )
    return [run_view(row) for row in rows]


async def runs_of_manifest(
    db: Reader, viewer: Viewer, manifest_id: UUID, *, open_only: bool = False, since: datetime | None = None
) -> list[RunView]:
    """The runs of a manifest, the latest MOST_RUNS of them with the earliest first: all, those that are not over, or
    those planned from ``since`` on."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        f"""SELECT {RUN_COLUMNS} FROM campaign_run
            WHERE manifest_id = $1 AND (NOT $2 OR ended_at IS NULL) AND ($3::timestamptz IS NULL OR planned_at >= $3)
            ORDER BY planned_at DESC, id DESC LIMIT $4""",  # noqa: S608
        *(manifest_id, open_only, since, MOST_RUNS),
    )
    return [run_view(row) for row in reversed(rows)]


_COUNT: Final = """
SELECT count(*) FILTER (WHERE state = 'queued') AS queued,
    count(*) FILTER (WHERE state = 'sending') AS sending,
    count(*) FILTER (WHERE state = 'unknown') AS unknown,
    count(*) FILTER (WHERE state IN ('sent', 'temporary_failure')) AS sent,
    count(*) FILTER (WHERE state = 'delivered') AS delivered,
    count(*) FILTER (WHERE state = 'read') AS read,
    count(clicked_at) AS clicked,
    count(*) FILTER (WHERE state = 'permanent_failure') AS failed,
    count(*) FILTER (WHERE state = 'permanent_failure' AND reason = 'bounce') AS bounced,
    count(*) FILTER (WHERE state = 'suppressed' AND reason IS DISTINCT FROM 'holdout') AS suppressed,
    count(*) FILTER (WHERE state = 'suppressed' AND reason = 'holdout') AS held_out,
    count(*) FILTER (WHERE state = 'expired') AS expired,
    count(*) FILTER (WHERE opted_out_at IS NOT NULL AND reason = 'complaint') AS complained,
    count(*) FILTER (WHERE opted_out_at IS NOT NULL AND reason IS DISTINCT FROM 'complaint') AS opted_out
FROM delivery WHERE campaign_id = $1 AND occurrence = $2
"""


async def count(db: Reader, viewer: Viewer, campaign_id: UUID, occurrence: int) -> Figures:
    """The deliveries of one run by what became of them. It reads them all."""
    viewer.require("campaigns.read")
    row = await db.fetchrow(_COUNT, campaign_id, occurrence)
    return Figures() if row is None else Figures(**row)


async def waiting(db: Reader, viewer: Viewer, campaign_id: UUID, now: datetime, most: int) -> int:
    """How many released messages wait to be sent though they are due, ``most`` at most."""
    viewer.require("campaigns.read")
    found: int = await db.fetchval(
        """SELECT count(*) FROM (SELECT 1 FROM delivery WHERE campaign_id = $1 AND state = 'queued' AND due_at <= $2
           LIMIT $3) AS due""",
        *(campaign_id, now, most),
    )
    return found


async def anything_left(db: Reader, viewer: Viewer, campaign_id: UUID, occurrence: int) -> bool:
    """Whether something remains to be done on a run's deliveries."""
    viewer.require("campaigns.read")
    left: bool = await db.fetchval(
        """SELECT EXISTS (SELECT 1 FROM delivery WHERE campaign_id = $1 AND state IN ('queued', 'sending')
                          AND occurrence = $2)""",
        *(campaign_id, occurrence),
    )
    return left


@dataclass(frozen=True, slots=True)
class Chosen:
    """A recipient of an audience, and the contact point that gets it."""

    position: int
    customer_id: UUID
    contact_point_id: UUID | None


# One look at the index for each. An audience that was just frozen is unknown to the server's statistics: asked for the
# positions themselves it may read it all, by the index of its customers; only this order leaves it no choice.
_RECIPIENTS_AT: Final = """
SELECT r.position, r.customer_id, r.contact_point_id FROM unnest($2::int[]) AS wanted (position)
CROSS JOIN LATERAL (
    SELECT position, customer_id, contact_point_id FROM recipient
    WHERE manifest_id = $1 AND position >= wanted.position ORDER BY position LIMIT 1
) AS r WHERE r.position = wanted.position ORDER BY r.position
"""


async def recipients_at(db: Reader, viewer: Viewer, audience_id: UUID, positions: Sequence[int]) -> list[Chosen]:
    """The recipients at these positions."""
    viewer.require("campaigns.read")
    rows = await db.fetch(_RECIPIENTS_AT, audience_id, list(positions))
    return [Chosen(**row) for row in rows]


async def size_of(db: Reader, viewer: Viewer, audience_id: UUID) -> int:
    """How many recipients an audience has."""
    viewer.require("campaigns.read")
    found: int = await db.fetchval(
        "SELECT coalesce(max(position) + 1, 0) FROM recipient WHERE manifest_id = $1", audience_id
    )
    return found
