"""How far running campaigns are: counted now and then, told to those who watch, and paused when the rates say so."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Final
from uuid import UUID

import structlog

from hotline.campaigns.approved import Approved
from hotline.campaigns.figures import Figures, Verdict, judge
from hotline.crm.commands.campaigns import campaign_runs as runs
from hotline.crm.commands.campaigns.campaign_states import AUDIENCE, move
from hotline.crm.leases import Lease, check
from hotline.crm.queries.campaigns import campaign_runs as known
from hotline.crm.queries.campaigns.campaign_runs import AtWork, RunView
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House

log = structlog.get_logger(__name__)

#: Seconds between two counts, at least; a count that takes long is made less often, so that it takes this share of
#: the time at most.
COUNT_SECONDS: Final = 1.0
COUNT_SHARE: Final = 0.05
#: Seconds between two counts of runs that are over: receipts, complaints and opt-outs come late.
LATE_COUNT_SECONDS: Final = 60.0
#: Runs whose deliveries count towards a campaign's rates.
COUNTED: Final = timedelta(days=7)


@dataclass
class Counter:
    """When each run was counted last, and how fast it goes. Of one process: another one begins anew."""

    next_at: dict[UUID, float] = field(default_factory=dict)
    before: dict[UUID, tuple[float, int]] = field(default_factory=dict)

    def due(self, run_id: UUID) -> bool:
        """Whether a run may be counted again."""
        return monotonic() >= self.next_at.get(run_id, 0.0)

    def counted(self, run: RunView, figures: Figures, took: float) -> float | None:
        """Note a count; how many messages a second were done since the one before, None when there was none."""
        now = monotonic()
        wait = LATE_COUNT_SECONDS if run.ended_at else COUNT_SECONDS
        self.next_at[run.id] = now + max(wait, took / COUNT_SHARE)
        done = figures.total - figures.left
        at, earlier = self.before.get(run.id, (None, 0))
        self.before[run.id] = (now, done)
        return None if at is None or now <= at else max(done - earlier, 0) / (now - at)

    def keep(self, run_ids: set[UUID]) -> None:
        """Forget every other run."""
        for known_ids in (self.next_at, self.before):
            for run_id in set(known_ids) - run_ids:
                known_ids.pop(run_id, None)


async def look(house: House, lease: Lease, counter: Counter, campaign: AtWork, approved: Approved) -> None:
    """Count the runs of a running campaign that are due to be counted, tell of those that went on, and pause it when
    its rates are out of bounds."""
    recent = await known.runs_of_manifest(house.db, SYSTEM, approved.id, since=house.clock() - COUNTED)
    total = Figures()
    for run in recent:
        figures = run.figures
        if run.state != "skipped" and counter.due(run.id):
            begun = monotonic()
            figures = await known.count(house.db, SYSTEM, campaign.id, run.occurrence)
            rate = counter.counted(run, figures, monotonic() - begun)
            if figures != run.figures:
                await _tell(house, lease, approved, run, figures, rate)
        total = total.plus(figures.since(run.baseline))
    verdict = judge(total, approved.limits.pause)
    if verdict.kind == "pause":
        await _pause(house, lease, approved, recent, verdict)
    elif verdict.kind == "warn" and not any(run.warned_at for run in recent):
        await _warn(house, lease, approved, recent, verdict)


async def _tell(
    house: House, lease: Lease, approved: Approved, run: RunView, figures: Figures, rate: float | None
) -> None:
    async with house.unit(SYSTEM) as uow:
        await check(uow, lease)
        await runs.save_run(uow, run.id, figures=figures, counted_at=uow.now)
        left = max(run.recipients - run.next_position, 0) + figures.left
        uow.emit(
            "campaign.progress", AUDIENCE,
            campaign_id=approved.campaign_id, manifest_id=approved.id, occurrence=run.occurrence, run=run.state,
            recipients=run.recipients, left=left, rate=None if rate is None else round(rate, 2),
            ends_at=_expected_end(uow.now, left, rate), **figures.as_json(),
        )  # fmt: skip


def _expected_end(now: datetime, left: int, rate: float | None) -> datetime | None:
    """When nothing is left at this rate; None where that cannot be told."""
    if not left or not rate:
        return None
    seconds = left / rate
    return now + timedelta(seconds=round(seconds)) if seconds < timedelta(days=90).total_seconds() else None


async def _pause(house: House, lease: Lease, approved: Approved, recent: list[RunView], verdict: Verdict) -> None:
    """Who resumes it has seen the rates: they count anew from here."""
    async with house.unit(SYSTEM) as uow:
        await check(uow, lease)
        if not await runs.hold_running(uow, approved.campaign_id):
            return
        await move(uow, approved.campaign_id, "pause", reason=verdict.reason, percent=verdict.percent)
        for run in recent:
            figures = await known.count(uow, SYSTEM, approved.campaign_id, run.occurrence)
            await runs.save_run(uow, run.id, figures=figures, baseline=figures, counted_at=uow.now)
    log.warning(
        "campaign.paused", campaign_id=str(approved.campaign_id), reason=verdict.reason, percent=verdict.percent
    )


async def _warn(house: House, lease: Lease, approved: Approved, recent: list[RunView], verdict: Verdict) -> None:
    async with house.unit(SYSTEM) as uow:
        await check(uow, lease)
        for run in recent:
            await runs.save_run(uow, run.id, warned_at=uow.now)
        uow.audit("campaign:warned", approved.campaign_id, reason=verdict.reason, percent=verdict.percent)
        uow.emit("campaign.updated", AUDIENCE, campaign_id=approved.campaign_id, warning=verdict.reason,
                 percent=verdict.percent)  # fmt: skip
    log.warning(
        "campaign.warned", campaign_id=str(approved.campaign_id), reason=verdict.reason, percent=verdict.percent
    )
