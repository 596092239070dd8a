"""What came of a campaign: counted now and then, however many look at it, and compared as honestly as counts allow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from uuid import UUID

from hotline.campaigns.compare import Difference, Rate, differences, rate
from hotline.crm.queries import results as queries
from hotline.crm.queries.campaign_runs import RunView, list_runs
from hotline.crm.queries.campaigns import CampaignView, get_campaign
from hotline.crm.queries.ledger import variant_name, variant_names
from hotline.crm.queries.results import Counts, Followed, Funnel, Series
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
    over: bool


@dataclass(slots=True)
class _Kept:
    """What was counted of a campaign, and until when that stands."""

    until: float = 0.0
    results: Results | None = None
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
        kept.results = await _counted(house, viewer, campaign, occurrence, days)
        took = monotonic() - begun
        kept.until = monotonic() + max(FRESH_SECONDS, took / _SHARE)
        return kept.results


async def _counted(house: House, viewer: Viewer, campaign: CampaignView, occurrence: int | None, days: int) -> Results:
    runs = await list_runs(house.db, viewer, campaign.id)
    counts = await queries.count_results(house.db, viewer, campaign.id, occurrence)
    names = await _names(house, campaign, runs)
    followed: dict[str, Followed] = {}
    series = None
    if counts.first_sent_at is not None and counts.last_sent_at is not None:
        first, last = counts.first_sent_at, counts.last_sent_at
        some = await queries.count_followed(
            house.db, viewer, campaign.id, occurrence=occurrence, first=first, last=last, days=days
        )
        followed = {"holdout" if each.variant is None else variant_name(names, each.variant): each for each in some}
        series = await queries.count_series(
            house.db, viewer, campaign.id, occurrence=occurrence, first=first, last=last
        )
    variants = {
        variant_name(names, number): funnel
        for number, funnel in counts.by_variant.items()
        if funnel.total > funnel.held_out
    }
    return Results(
        campaign, runs, occurrence, days, counts, followed, variants, measures_of(variants, followed), series,
        over=campaign.state in ("completed", "cancelled"),
    )  # fmt: skip


async def _names(house: House, campaign: CampaignView, runs: Sequence[RunView]) -> tuple[str, ...]:
    """The variants' names, as what ran last has them."""
    manifest_id = runs[0].manifest_id if runs else campaign.manifest_id
    found = await variant_names(house.db, {manifest_id}) if manifest_id is not None else {}
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
