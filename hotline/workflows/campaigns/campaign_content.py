"""What a campaign consists of at the moment: its senders, its segment's version, the content of its variants.

Submitting freezes it; whoever is about to send compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hotline.campaigns.draft import WITHOUT_SENDER, missing
from hotline.campaigns.experiment import split
from hotline.campaigns.limits import read_limits
from hotline.campaigns.manifest import Difference, Frozen, FrozenArm, FrozenSegment, FrozenSender, present
from hotline.crm import company
from hotline.crm.queries.campaigns.campaigns import CampaignView, current_versions, read_choices, writers
from hotline.crm.queries.campaigns.segments import current_version
from hotline.crm.queries.campaigns.templates import read_versions
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, Invalid
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House


@dataclass(frozen=True, slots=True)
class Parts:
    """What is frozen of a campaign, beside its audience."""

    campaign: CampaignView
    sender: FrozenSender | None
    fallback_senders: tuple[FrozenSender, ...]
    segment: FrozenSegment
    arms: tuple[FrozenArm, ...]

    def frozen(
        self,
        *,
        links: Mapping[str, int],
        recipients: int,
        recipients_sha256: bytes,
        authors: Sequence[UUID],
        approvals: int,
        valid_days: int,
    ) -> Frozen:
        """The whole manifest."""
        campaign = self.campaign
        return Frozen(
            campaign_id=campaign.id, number=campaign.number, name=campaign.name, kind=campaign.kind,
            channel=campaign.channel, purpose=campaign.purpose, sender=self.sender,
            fallback_senders=self.fallback_senders, segment=self.segment, variants=self.arms, links=links,
            schedule=campaign.schedule, limits=campaign.limits, track_links=campaign.track_links,
            recipients=recipients, recipients_sha256=recipients_sha256, authors=authors, approvals=approvals,
            valid_days=valid_days,
        )  # fmt: skip


async def parts(house: House, uow: UnitOfWork, campaign: CampaignView) -> Parts:
    """What the campaign consists of now. Raises Invalid for what is missing, or may not be sent any more."""
    if problem := missing(campaign.channel, campaign.sender_id, campaign.segment_id, campaign.arms):
        raise problem
    if campaign.segment_id is None:
        raise Invalid("segment_id: choose the segment that gets it.")
    wanted = [each for each in (campaign.sender_id, *campaign.fallback_sender_ids) if each is not None]
    choices = await read_choices(uow, SYSTEM, wanted)
    for place, sender_id in enumerate(wanted):
        choice = choices.get(sender_id)
        field = "sender" if campaign.sender_id is not None and not place else "fallback_senders"
        if choice is None or choice.channel != campaign.channel:
            raise Invalid(f"{field}: this is not one of the company's for this channel.")
        if not choice.enabled:
            raise Invalid(f"{field}: {choice.address} is switched off.")
    senders = [choices[sender_id].frozen() for sender_id in wanted]
    sender = senders.pop(0) if campaign.sender_id is not None else await company_sender(house, uow, campaign.channel)
    split(read_limits(campaign.limits).experiment, [arm.variant for arm in campaign.arms])
    return Parts(campaign, sender, tuple(senders), await _segment(uow, campaign.segment_id), await _arms(uow, campaign))


async def company_sender(house: House, uow: UnitOfWork, channel: str) -> FrozenSender | None:
    """The company's own mail address where a campaign names no sender; None where there is none to name. Raises
    Invalid while the company has no address."""
    if channel in WITHOUT_SENDER:
        return None
    mail = await company_section(house, company.Mail, uow)
    if not mail.address:
        raise Invalid("sender: choose the address that it is sent from, or set the company's mail address.")
    name = mail.name or (await company_section(house, company.Company, uow)).name
    return FrozenSender(None, mail.address, name)


async def _segment(uow: UnitOfWork, segment_id: UUID) -> FrozenSegment:
    version = await current_version(uow, SYSTEM, segment_id)
    return FrozenSegment(segment_id, version.id, version.number, version.name, version.sha256, version.rules)


async def _arms(uow: UnitOfWork, campaign: CampaignView) -> tuple[FrozenArm, ...]:
    current = await current_versions(
        uow, SYSTEM, [arm.template_id for arm in campaign.arms if arm.template_id is not None]
    )
    ids: dict[str, UUID] = {}
    for arm in campaign.arms:
        found = arm.version_id if arm.template_id is None else current.get(arm.template_id)
        if found is None:
            raise Invalid(f"variants: the template of variant {arm.variant} is not in use any more.")
        ids[arm.variant] = found
    versions = await read_versions(uow, SYSTEM, list(set(ids.values())))
    found_arms = []
    for arm in campaign.arms:
        version = versions[ids[arm.variant]]
        if version.channel != campaign.channel:
            raise Invalid(f"variants: the template of variant {arm.variant} is for {version.channel}.")
        found_arms.append(FrozenArm(arm.variant, arm.template_id, version.id, version.sha256, version.content))
    return tuple(found_arms)


async def authors_of(uow: UnitOfWork, made: Parts) -> set[UUID]:
    """Who may never approve this: the author, whoever submits it, and all who ever wrote it, its segment or one of
    its templates."""
    campaign = made.campaign
    found = await writers(
        uow, SYSTEM, made.segment.id, [arm.template_id for arm in made.arms if arm.template_id is not None],
        [arm.version_id for arm in made.arms],
    )  # fmt: skip
    own = {campaign.author_id, uow.viewer.user_id, *campaign.editor_ids}
    return found | {each for each in own if each is not None}


async def drift(house: House, uow: UnitOfWork, campaign: CampaignView, content: Mapping[str, Any]) -> list[Difference]:
    """What is not as it was reviewed any more; something that is gone is a difference too."""
    try:
        made = await parts(house, uow, campaign)
    except HotlineError as error:
        if error.retry:
            raise
        return [Difference(error.detail.partition(":")[0], "", error.code)]
    now = made.frozen(links={}, recipients=0, recipients_sha256=b"", authors=(), approvals=0, valid_days=0).content()
    return present(content, now)
