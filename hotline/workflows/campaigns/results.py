"""What came of a campaign: counted now and then, however many look at it, and compared as honestly as counts allow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Final
from uuid import UUID

from hotline.campaigns.compare import Difference, Rate, differences, rate
from hotline.campaigns.figures import Figures
from hotline.campaigns.limits import read_limits
from hotline.crm.queries.campaigns import results as queries
from hotline.crm.queries.campaigns.campaign_runs import RunView, list_runs
from hotline.crm.queries.campaigns.campaigns import CampaignView, get_campaign
from hotline.crm.queries.campaigns.ledger import variant_name, variant_names
from hotline.crm.queries.campaigns.results import Counts, Followed, Funnel, Series
from hotline.crm.viewer import Viewer
from hotline.workflows.house import House

#: Seconds for which a count stands, at least; one that takes long stands longer, so that counting takes this share of
#: the time at most.
FRESH_SECONDS: Final = 1.0
_SHARE: Final = 0.1
#: Campaigns whose counts are remembered.
_MOST_KEPT: Final = 50
#: Days within which a call or a ticket counts as brought about.
USUAL_DAYS: Final = 7
MOST_DAYS: Final = 90

#: An end that is farther away is none that anybody plans by.
_LONGEST_SECONDS: Final = 90 * 86_400

#: What variants are compared by: whether more of it is better.
MEASURES: Final[Mapping[str, bool]] = {
    "delivered": True, "read": True, "clicked": True, "followed": True, "opted_out": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that variants are compared by: each one's rate of those who got it, and the differences. The part that
    was held out is ``holdout``; it is there for ``followed`` only."""

    name: str
    rates: Mapping[str, Rate]
    differences: Sequence[Difference]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: ``left`` of ``recipients`` are still to be done, at ``rate`` a second since the count before,
    until ``ends_at``; None where that cannot be told."""

    recipients: int
    done: int
    left: int
    rate: float | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bound:
    """A rate at which it pauses by itself: ``percent`` now of ``limit``, of ``of`` messages; None while there are too
    few."""

    name: str
    limit: float
    percent: float | None
    of: int


@dataclass(frozen=True, slots=True)
class Results:
    """All of it. ``measures`` are empty for a campaign of one variant without a holdout; ``over``: nothing more is
    sent, so that what is compared does not change with every look."""

    campaign: CampaignView
    runs: Sequence[RunView]
    occurrence: int | None
    days: int
    counts: Counts
    followed: Mapping[str, Followed]
    variants: Mapping[str, Funnel]
    measures: Sequence[Measure]
    series: Series | None
    progress: Progress
    bounds: Sequence[Bound]
    counted_at: datetime
    over: bool


@dataclass(slots=True)
class _Kept:
    """What was counted of a campaign, and until when that stands; ``before`` is how many were done when."""

    until: float = 0.0
    results: Results | None = None
    before: tuple[float, int] | None = None
    counting: asyncio.Lock = field(default_factory=asyncio.Lock)


async def get_results(
    house: House, viewer: Viewer, campaign_id: UUID, *, occurrence: int | None = None, days: int = USUAL_DAYS
) -> Results:
    """What came of a campaign, or of one time that it ran, at most some seconds old. Raises NotFound, Forbidden."""
    campaign = await get_campaign(house.db, viewer, campaign_id)
    days = min(max(days, 1), MOST_DAYS)
    remembered: dict[tuple[UUID, int | None, int], _Kept] = house.kept.setdefault(_Kept, {})
    kept = remembered.setdefault((campaign_id, occurrence, days), _Kept())
    while len(remembered) > _MOST_KEPT:
        remembered.pop(next(iter(remembered)))
    # Whoever comes while it is counted waits for that count, and counts nothing.
    async with kept.counting:
        if kept.results is not None and monotonic() < kept.until and kept.results.campaign == campaign:
            return kept.results
        begun = monotonic()
        kept.results = await _counted(house, viewer, campaign, occurrence, days, kept)
        took = monotonic() - begun
        kept.until = monotonic() + max(FRESH_SECONDS, took / _SHARE)
        return kept.results


async def _counted(
    house: House, viewer: Viewer, campaign: CampaignView, occurrence: int | None, days: int, kept: _Kept
) -> Results:
    runs = await list_runs(house.db, viewer, campaign.id)
    counts = await queries.count_results(house.db, viewer, campaign.id, occurrence)
    names = await _names(house, viewer, campaign, runs)
    followed: dict[str, Followed] = {}
    series = None
    if counts.first_sent_at is not None and counts.last_sent_at is not None:
        first, last = counts.first_sent_at, counts.last_sent_at
        some = await queries.count_followed(house.db, viewer, campaign.id, counts, occurrence=occurrence, days=days)
        followed = {"holdout" if each.variant is None else variant_name(names, each.variant): each for each in some}
        series = await queries.count_series(
            house.db, viewer, campaign.id, occurrence=occurrence, first=first, last=last
        )
    variants = {
        variant_name(names, number): funnel
        for number, funnel in counts.by_variant.items()
        if funnel.total > funnel.held_out
    }
    now = house.clock()
    told = [run for run in runs if occurrence in (None, run.occurrence)]
    return Results(
        campaign, runs, occurrence, days, counts, followed, variants, measures_of(variants, followed), series,
        _progress(counts.whole, told, campaign, kept, now), _bounds(told, campaign), now,
        over=campaign.state in ("completed", "cancelled"),
    )  # fmt: skip


def _progress(whole: Funnel, runs: Sequence[RunView], campaign: CampaignView, kept: _Kept, now: datetime) -> Progress:
    unreleased = sum(max(run.recipients - run.next_position, 0) for run in runs if run.ended_at is None)
    left = whole.queued + whole.sending + unreleased
    done = whole.total - whole.queued - whole.sending
    at, before = monotonic(), kept.before
    kept.before = (at, done)
    rate = None
    if before is not None and at > before[0] and campaign.state == "running":
        rate = max(0, done - before[1]) / (at - before[0])
    ends = now + timedelta(seconds=round(left / rate)) if left and rate and left / rate < _LONGEST_SECONDS else None
    return Progress(max(whole.total + unreleased, campaign.recipients or 0), done, left, rate, ends)


def _bounds(runs: Sequence[RunView], campaign: CampaignView) -> list[Bound]:
    """The rates that pause it, counted as its runner counts them: since it was last resumed."""
    rules = read_limits(campaign.limits).pause
    figures = Figures()
    for run in runs:
        figures = figures.plus(run.figures.since(run.baseline))
    found = []
    for name, count, of, limit in (
        ("failure_rate", figures.failed, figures.tried, rules.failure_percent),
        ("bounce_rate", figures.bounced, figures.tried, rules.bounce_percent),
        ("complaint_rate", figures.complained, figures.accepted, rules.complaint_percent),
        ("opt_out_rate", figures.opted_out, figures.accepted, rules.opt_out_percent),
    ):
        if limit is not None:
            found.append(Bound(name, limit, 100 * count / of if of >= rules.minimum else None, of))
    return found


async def _names(house: House, viewer: Viewer, campaign: CampaignView, runs: Sequence[RunView]) -> tuple[str, ...]:
    """The variants' names, as what ran last has them."""
    manifest_id = runs[0].manifest_id if runs else campaign.manifest_id
    found = await variant_names(house.db, viewer, {manifest_id}) if manifest_id is not None else {}
    return next(iter(found.values()), ())


def measures_of(variants: Mapping[str, Funnel], followed: Mapping[str, Followed]) -> list[Measure]:
    """What can be compared: two variants, or what was sent with what was held out."""
    made: list[Measure] = []
    for name, more_is_better in MEASURES.items():
        parts: dict[str, tuple[int, int]] = {}
        if name == "followed":
            parts = {each: (part.either, part.people) for each, part in followed.items()}
        else:
            parts = {each: (getattr(funnel, name), funnel.sent) for each, funnel in variants.items() if funnel.sent}
        if len(parts) < 2 or not any(count for count, _ in parts.values()):
            continue
        made.append(
            Measure(
                name,
                {each: rate(*part) for each, part in parts.items()},
                differences(parts, more_is_better=more_is_better),
            )
        )
    return made
