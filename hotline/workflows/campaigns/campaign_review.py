"""Review: what is submitted is frozen and hashed, other people approve or reject exactly that, and whatever changes
afterwards takes the approval away.

Nothing leaves without ``prove``: it looks at the hash, the signatures of the approvals, their number and who gave them,
and holds what exists at the moment against what was approved.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.approval import (
    NotApproved,
    OtherContent,
    check_approver,
    enough,
    needed,
    people_of,
    reason_of,
)
from hotline.campaigns.schedule import Birthday, Triggered, read_schedule
from hotline.campaigns.states import Event, NotNow, after
from hotline.crm import company
from hotline.crm.audience_proof import digest as audience_digest
from hotline.crm.commands.campaigns.audience import freeze
from hotline.crm.commands.campaigns.campaign_states import AUDIENCE, move, move_row
from hotline.crm.commands.campaigns.campaigns import lock_campaign
from hotline.crm.commands.campaigns.manifests import create_manifest, fill_manifest, note_decision, set_expiry
from hotline.crm.commands.campaigns.templates import freeze_links
from hotline.crm.queries.campaigns.campaigns import CampaignView, few_customers, get_campaign
from hotline.crm.queries.campaigns.manifests import ManifestView, expired, get_manifest
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Forbidden, HotlineError
from hotline.workflows import background
from hotline.workflows.campaigns.campaign_content import authors_of, drift, parts
from hotline.workflows.campaigns.sealed_days import check_field
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House
from hotline.workflows.pushes.dispatch_gate import settle_gate

#: Audiences of more people are frozen in the background.
MOST_AT_ONCE: Final = 20_000
#: Seconds between two looks whether it is done.
_LOOK_SECONDS: Final = 0.2
#: The job that does it.
PREPARE: Final = "campaign_submit"
#: The hash of an audience that is found only when something happens to somebody.
NOBODY: Final = hashlib.sha256().digest()
#: Most reviews and approvals that are ended at once for their age.
MOST_EXPIRED: Final = 200


@dataclass(frozen=True, slots=True)
class Proven:
    """What may be sent: a manifest that was checked just now."""

    id: UUID
    content: Mapping[str, Any]
    sha256: bytes


async def submit(house: House, viewer: Viewer, campaign_id: UUID, expected_version: int | None = None) -> CampaignView:
    """Freeze a campaign for review: its content, its audience, both with their hashes. A large audience is frozen by a
    job; the campaign is in review from now on, and can be approved when that is done. Raises NotFound, NotNow, Invalid
    for what is missing, Conflict for another version."""
    viewer.require("campaigns.write")
    rules = await company_section(house, company.Campaigns)
    async with house.unit(viewer) as uow:
        row = await lock_campaign(uow, campaign_id)
        if expected_version is not None and row["version"] != expected_version:
            raise Conflict()
        after(row["state"], "submit")
        campaign = await get_campaign(uow, SYSTEM, campaign_id)
        await parts(house, uow, campaign)
        schedule = read_schedule(campaign.schedule)
        if isinstance(schedule, Triggered) and isinstance(schedule.trigger, Birthday):
            await check_field(house, viewer, schedule.trigger, uow)
        manifest_id = uow.new_id()
        await create_manifest(uow, manifest_id, campaign_id, uow.now + timedelta(days=rules.review_days))
        await move_row(uow, {**row, "manifest_id": manifest_id}, "submit")
        at_once = await _small(uow, campaign)
        if at_once:
            await _fill(house, uow, campaign, manifest_id)
        else:
            await background.start_in(uow, PREPARE, {"campaign_id": str(campaign_id), "manifest_id": str(manifest_id)})
        view = await get_campaign(uow, SYSTEM, campaign_id)
    if not at_once:
        background.wake(house)
    return view


async def prepared(house: House, campaign_id: UUID, seconds: float) -> CampaignView:
    """A campaign that was submitted, once its audience is frozen; after so many seconds as it is then. For programs,
    which would have to ask again and again."""
    deadline = monotonic() + seconds
    while True:
        campaign = await get_campaign(house.db, SYSTEM, campaign_id)
        if campaign.manifest_state != "preparing" or monotonic() >= deadline:
            return campaign
        await asyncio.sleep(_LOOK_SECONDS)


async def _small(uow: UnitOfWork, campaign: CampaignView) -> bool:
    """Whether there are so few customers at all that no audience can be large."""
    if campaign.kind == "triggered":
        return True
    return await few_customers(uow, SYSTEM, MOST_AT_ONCE)


async def _fill(house: House, uow: UnitOfWork, campaign: CampaignView, manifest_id: UUID) -> None:
    """Freeze audience and content into a manifest that is prepared."""
    rules = await company_section(house, company.Campaigns, uow)
    made = await parts(house, uow, campaign)
    count, sha256, excluded = 0, NOBODY, dict[str, int]()
    if campaign.kind != "triggered":
        frozen = await freeze(
            uow, manifest_id, made.segment.version_id, campaign.channel, campaign.purpose,
            zone=house.settings.timezone,
        )  # fmt: skip
        count, sha256 = frozen.count, frozen.sha256
        excluded = {str(reason): number for reason, number in frozen.excluded.items()}
    links = await freeze_links(uow, manifest_id, [arm.version_id for arm in made.arms])
    people = people_of(campaign.kind, campaign.schedule, count)
    content = made.frozen(
        links=links, recipients=count, recipients_sha256=sha256, authors=sorted(await authors_of(uow, made)),
        approvals=needed(campaign.channel, people, rules.two_above), valid_days=rules.valid_days(campaign.kind),
    ).content()  # fmt: skip
    await fill_manifest(uow, manifest_id, content, excluded)
    uow.emit("campaign.updated", AUDIENCE, campaign_id=campaign.id)


async def prepare(house: House, run: background.Run) -> Mapping[str, Any]:
    """The job: freeze a large audience. What was withdrawn or changed meanwhile is left alone; what cannot be frozen
    goes back to its author."""
    campaign_id, manifest_id = UUID(run.job.params["campaign_id"]), UUID(run.job.params["manifest_id"])
    try:
        async with house.long_unit(run.viewer) as uow:
            row = await lock_campaign(uow, campaign_id)
            if row["manifest_id"] != manifest_id or row["state"] != "in_review":
                return {"campaign_id": str(campaign_id), "stopped": True}
            if (await get_manifest(uow, uow.keyring, SYSTEM, manifest_id)).state == "preparing":
                await _fill(house, uow, await get_campaign(uow, SYSTEM, campaign_id), manifest_id)
            await run.advance(uow, cursor=None, done=1, total=1)
    except HotlineError as error:
        if error.retry:
            raise
        async with house.unit(SYSTEM) as uow:
            row = await lock_campaign(uow, campaign_id)
            if row["manifest_id"] == manifest_id and row["state"] == "in_review":
                await move_row(uow, row, "void", reason="not_prepared")
        raise
    return {"campaign_id": str(campaign_id)}


KIND: Final = background.Kind(run=prepare, right="campaigns.write")


async def approve(
    house: House, viewer: Viewer, campaign_id: UUID, *, sha256: str | None = None, reason: str = ""
) -> CampaignView:
    """Approve what is in review; the last approval that is needed makes the campaign approved, or scheduled when it
    begins by itself. ``sha256`` is the hash of what the reviewer looked at.

    Raises NotFound, NotNow, OwnWork for whoever wrote any of it, DecidedAlready, OtherContent, NotApproved when it is
    not as it was submitted any more.
    """
    viewer.require("campaigns.approve")
    reason = reason_of(reason)
    async with house.unit(viewer) as uow:
        campaign, manifest = await _in_review(uow, campaign_id, "approve")
        user_id = check_approver(viewer.user_id, manifest.content, _editors(campaign), manifest.approved_by)
        _same(sha256, manifest)
        changed = not manifest.intact or bool(await drift(house, uow, campaign, manifest.content))
        if changed:
            await move(uow, campaign_id, "void", reason="changed")
        else:
            await note_decision(uow, manifest.id, manifest.sha256, user_id, "approved", reason)
            if enough((*manifest.approved_by, user_id), manifest.content):
                event: Event = "approve" if campaign.schedule.get("mode", "now") == "now" else "plan"
                await move(uow, campaign_id, event)
                days = timedelta(days=int(manifest.content["valid_days"]))
                await set_expiry(uow, manifest.id, uow.now + days)
            else:
                uow.emit("campaign.updated", AUDIENCE, campaign_id=campaign_id)
        view = await get_campaign(uow, SYSTEM, campaign_id)
    if changed:
        raise NotApproved
    return view


async def reject(
    house: House, viewer: Viewer, campaign_id: UUID, *, reason: str, sha256: str | None = None
) -> CampaignView:
    """Reject what is in review, with a reason. Raises as ``approve``, and ReasonMissing."""
    viewer.require("campaigns.approve")
    reason = reason_of(reason, required=True)
    async with house.unit(viewer) as uow:
        campaign, manifest = await _in_review(uow, campaign_id, "reject")
        user_id = check_approver(viewer.user_id, manifest.content, _editors(campaign), ())
        _same(sha256, manifest)
        await note_decision(uow, manifest.id, manifest.sha256, user_id, "rejected", reason)
        await move(uow, campaign_id, "reject")
        return await get_campaign(uow, SYSTEM, campaign_id)


async def withdraw(house: House, viewer: Viewer, campaign_id: UUID, *, reason: str = "") -> CampaignView:
    """Take an approval or a submission back: a running campaign sends nothing more once this has answered. For
    reviewers, and for whoever may submit. Raises NotFound, Forbidden, NotNow."""
    if not (viewer.may("campaigns.approve") or viewer.may("campaigns.write")) or viewer.user_id is None:
        raise Forbidden()
    reason = reason_of(reason)
    async with house.unit(viewer) as uow:
        row = await lock_campaign(uow, campaign_id)
        after(row["state"], "withdraw")
        if row["manifest_id"] is not None:
            manifest = await get_manifest(uow, uow.keyring, SYSTEM, row["manifest_id"])
            await note_decision(uow, manifest.id, manifest.sha256, viewer.user_id, "withdrawn", reason)
        await move_row(uow, row, "withdraw", reason="withdrawn")
        view = await get_campaign(uow, SYSTEM, campaign_id)
    await settle_gate(house)
    return view


async def prove(house: House, uow: UnitOfWork, campaign_id: UUID) -> Proven | None:
    """What may be sent of a campaign at this moment. None: its approval did not hold and is void from this unit on;
    commit it, and send nothing."""
    row = await lock_campaign(uow, campaign_id)
    if row["manifest_id"] is None:
        return None
    manifest = await get_manifest(uow, uow.keyring, SYSTEM, row["manifest_id"])
    if manifest.state != "approved":
        return None
    if manifest.expires_at <= uow.now:
        await move_row(uow, row, "expire", reason="expired")
        return None
    campaign = await get_campaign(uow, SYSTEM, campaign_id)
    # The recipients are as they were frozen: a trigger refuses changes. Who is about to begin makes sure of it.
    begins = row["state"] in ("approved", "scheduled")
    if not manifest.signed or (begins and not await _whole(uow, manifest)):
        await move_row(uow, row, "void", reason="tampered")
        return None
    if await drift(house, uow, campaign, manifest.content):
        await move_row(uow, row, "void", reason="changed")
        return None
    return Proven(manifest.id, manifest.content, manifest.sha256)


async def _whole(uow: UnitOfWork, manifest: ManifestView) -> bool:
    """Whether the recipients are those that were approved."""
    frozen = manifest.content["recipients"]
    count, sha256 = await audience_digest(uow, manifest.id)
    return (count, sha256.hex()) == (frozen["count"], frozen["sha256"])


async def expire_due(house: House) -> int:
    """End the reviews and approvals that are past their time; how many."""
    ended = 0
    for campaign_id, manifest_id in await expired(house.db, SYSTEM, house.clock(), MOST_EXPIRED):
        async with house.unit(SYSTEM) as uow:
            row = await lock_campaign(uow, campaign_id)
            if row["manifest_id"] == manifest_id:
                await move_row(uow, row, "expire", reason="expired")
                ended += 1
    return ended


async def _in_review(uow: UnitOfWork, campaign_id: UUID, event: Event) -> tuple[CampaignView, ManifestView]:
    row = await lock_campaign(uow, campaign_id)
    after(row["state"], event)
    manifest = await get_manifest(uow, uow.keyring, SYSTEM, row["manifest_id"])
    if manifest.state == "preparing":
        raise NotNow("The recipients are still being counted; wait a moment.")
    if manifest.expires_at <= uow.now:
        raise NotApproved("The time for this review is over: submit it again.")
    return await get_campaign(uow, SYSTEM, campaign_id), manifest


def _same(sha256: str | None, manifest: ManifestView) -> None:
    if sha256 is not None and sha256.strip().lower() != manifest.sha256.hex():
        raise OtherContent


def _editors(campaign: CampaignView) -> set[UUID]:
    """Who wrote it, as far as that is known beside the manifest."""
    return {*campaign.editor_ids, *([campaign.author_id] if campaign.author_id else [])}
