"""The look at all campaigns that are to begin or run: what is due begins, runs move on, what is over is closed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from uuid import UUID

import structlog

from hotline.campaigns.approved import Approved, read_approved
from hotline.crm.commands.campaigns import campaign_runs as runs
from hotline.crm.leases import Lease, LeaseLost, check
from hotline.crm.queries.campaigns import campaign_runs as known
from hotline.crm.queries.campaigns.campaign_runs import AtWork
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, Unavailable
from hotline.workflows.campaigns import campaign_progress, release
from hotline.workflows.campaigns.campaign_progress import Counter
from hotline.workflows.campaigns.campaign_review import expire_due, prove
from hotline.workflows.campaigns.campaign_triggers import Looks
from hotline.workflows.house import House
from hotline.workflows.pushes.dispatch import wake_dispatch

log = structlog.get_logger(__name__)

#: Seconds between two proofs that an approval still holds. Whoever takes it away stops the sending at once; this finds
#: what was changed behind hotline's back.
PROVE_SECONDS: Final = 10.0
#: Seconds between two looks for approvals that are past their time.
EXPIRE_SECONDS: Final = 30.0
#: Pieces released of one campaign before the next one's turn.
PIECES: Final = 4
#: How long the runner rests after a piece, as a multiple of what that took: calls ring in this process.
REST_SHARE: Final = 2.0
LONGEST_REST: Final = 0.5
#: Seconds that a campaign rests whose step failed, and how often in a row that may happen before it is paused.
REST_SECONDS: Final = 15.0
MOST_FAILURES: Final = 10


@dataclass
class Runner:
    """What one process remembers between two looks; nothing of it is needed to go on after a crash."""

    house: House
    approved: dict[UUID, Approved] = field(default_factory=dict)
    proven: dict[UUID, float] = field(default_factory=dict)
    resting: dict[UUID, float] = field(default_factory=dict)
    failures: dict[UUID, int] = field(default_factory=dict)
    counter: Counter = field(default_factory=Counter)
    looks: Looks = field(default_factory=Looks)
    expired: float = float("-inf")

    async def look(self, lease: Lease) -> bool:
        """Move every campaign on; whether more is known to wait. Raises Unavailable, and LeaseLost when another process
        does this now."""
        if monotonic() - self.expired > EXPIRE_SECONDS:
            await expire_due(self.house)
            self.expired = monotonic()
        campaigns = await known.at_work(self.house.db, SYSTEM)
        self._forget(campaigns)
        more = False
        for campaign in campaigns:
            if self.resting.get(campaign.id, 0.0) > monotonic():
                continue
            try:
                more |= await self._move(lease, campaign)
                self.failures.pop(campaign.id, None)
            except (Unavailable, LeaseLost):
                raise
            except HotlineError as error:
                log.warning("campaign.not_moved", campaign_id=str(campaign.id), reason=error.code)
                await self._rest(lease, campaign)
            except Exception:
                # A campaign that fails over and over must not be in the way of the others.
                log.exception("campaign.failed", campaign_id=str(campaign.id))
                await self._rest(lease, campaign)
        return await self._close(lease) or more

    async def _rest(self, lease: Lease, campaign: AtWork) -> None:
        """Try again in a while; a running campaign that fails on and on is paused, for a person to look at."""
        self.resting[campaign.id] = monotonic() + REST_SECONDS
        self.failures[campaign.id] = self.failures.get(campaign.id, 0) + 1
        if self.failures[campaign.id] >= MOST_FAILURES and campaign.state == "running":
            await release.pause(self.house, lease, campaign.id, "error")
            del self.failures[campaign.id]

    async def _move(self, lease: Lease, campaign: AtWork) -> bool:
        approved = await self._approved(campaign)
        if campaign.state == "scheduled":
            return await release.begin(self.house, lease, campaign, approved)
        if not await self._holds(lease, campaign):
            return False
        more = await release.plan_runs(self.house, lease, campaign, approved, self.looks)
        released = False
        for run in await known.runs_of_manifest(self.house.db, SYSTEM, approved.id, open_only=True):
            for _ in range(PIECES):
                begun = monotonic()
                step = await release.step(self.house, lease, campaign, approved, run)
                if step != "on":
                    break
                released = True
                await asyncio.sleep(min(REST_SHARE * (monotonic() - begun), LONGEST_REST))
            more |= step != "wait"
        if released:
            await wake_dispatch(self.house)
        await campaign_progress.look(self.house, lease, self.counter, campaign, approved)
        return more

    async def _approved(self, campaign: AtWork) -> Approved:
        if campaign.manifest_id not in self.approved:
            content = await known.content_of(self.house.db, SYSTEM, campaign.manifest_id)
            self.approved[campaign.manifest_id] = read_approved(campaign.manifest_id, content)
        return self.approved[campaign.manifest_id]

    async def _holds(self, lease: Lease, campaign: AtWork) -> bool:
        """Whether the approval still holds; looked at when a manifest runs first, and now and then."""
        if monotonic() - self.proven.get(campaign.manifest_id, float("-inf")) < PROVE_SECONDS:
            return True
        async with self.house.unit(SYSTEM) as uow:
            await check(uow, lease)
            proven = await prove(self.house, uow, campaign.id)
        if proven is None or proven.id != campaign.manifest_id:
            return False
        self.proven[campaign.manifest_id] = monotonic()
        return True

    async def _close(self, lease: Lease) -> bool:
        """End the runs of campaigns that were cancelled, and of manifests that are approved no more; whether some are
        left."""
        left = False
        for over in await known.runs_to_close(self.house.db, SYSTEM):
            async with self.house.unit(SYSTEM) as uow:
                await check(uow, lease)
                ended = await runs.end_waiting(uow, over.manifest_id, over.campaign_id, over.reason)
                if ended < runs.MOST_ENDED:
                    figures = await known.count(uow, SYSTEM, over.campaign_id, over.occurrence)
                    await runs.save_run(
                        uow, over.run_id, state="cancelled", reason=over.reason, ended_at=uow.now, figures=figures
                    )
                else:
                    left = True
        return left

    def _forget(self, campaigns: list[AtWork]) -> None:
        manifests = {each.manifest_id for each in campaigns}
        for kept in (self.approved, self.proven):
            for gone in set(kept) - manifests:
                del kept[gone]
        at_work = {each.id for each in campaigns}
        for of_campaign in (self.resting, self.failures):
            for gone in set(of_campaign) - at_work:
                of_campaign.pop(gone, None)
