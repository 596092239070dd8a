"""Campaigns: written, changed, started, paused, resumed, cancelled. Reviewing them is ``campaign_review``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict
from uuid import UUID

from hotline.campaigns.approval import NotApproved
from hotline.campaigns.consent import PURPOSES, Channel
from hotline.campaigns.draft import COMPANY_SENDER, MOST_FALLBACKS, WITHOUT_SENDER, Arm, by_arm
from hotline.campaigns.limits import Limits, read_limits
from hotline.campaigns.schedule import AnySchedule, kind_of, read_schedule
from hotline.campaigns.states import Event, channel_of
from hotline.crm.commands.campaigns import campaigns as commands
from hotline.crm.commands.campaigns.campaign_runs import prolong
from hotline.crm.commands.campaigns.campaign_states import move
from hotline.crm.commands.campaigns.templates import keep_anonymous
from hotline.crm.commands.upkeep.idempotency import Idempotency, claim
from hotline.crm.queries.campaigns.campaigns import CampaignView, SenderChoice, find_choice, get_campaign, read_choices
from hotline.crm.queries.campaigns.segments import current_version
from hotline.crm.queries.campaigns.templates import read_versions
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers.text import one_line
from hotline.errors import Invalid, NotFound
from hotline.workflows.campaigns.campaign_review import prove
from hotline.workflows.campaigns.template_content import version_of_variants
from hotline.workflows.house import House
from hotline.workflows.pushes.dispatch_gate import settle_gate

LONGEST_NAME: Final = 200
MOST_VARIANTS: Final = 40
#: What a variant may say beside its content.
_OF_ARM: Final = ("variant", "template_id")


class CampaignInput(TypedDict, total=False):
    """A campaign. ``sender`` and ``fallback_senders`` are ids or addresses; ``variants`` are contents by language, or
    a template's id, each with the name of its ``variant`` (A where there is one only)."""

    name: str
    channel: str
    purpose: str
    sender: str | UUID | None
    fallback_senders: Sequence[str | UUID]
    segment_id: UUID | None
    variants: Sequence[Mapping[str, Any]]
    schedule: AnySchedule | Mapping[str, Any]
    limits: Limits | Mapping[str, Any]
    track_links: bool


async def create_campaign(
    house: House, viewer: Viewer, data: CampaignInput, idempotency: Idempotency | None = None
) -> CampaignView:
    """Write a campaign down as a draft; ``name`` and ``channel`` at least. Raises Forbidden, Invalid."""
    viewer.require("campaigns.write")
    whole: CampaignInput = {
        "purpose": "marketing", "sender": None, "fallback_senders": (), "segment_id": None, "variants": (),
        "schedule": {}, "limits": {}, "track_links": False, **data,
    }  # fmt: skip
    async with house.unit(viewer) as uow:
        campaign_id = uow.new_id()
        if (earlier := await claim(uow, idempotency, campaign_id)) is not None:
            return await get_campaign(uow, SYSTEM, earlier)
        values = await _cleaned(uow, whole, None)
        await commands.create_campaign(uow, campaign_id, values)
        return await get_campaign(uow, SYSTEM, campaign_id)


async def update_campaign(
    house: House, viewer: Viewer, campaign_id: UUID, data: CampaignInput, expected_version: int | None = None
) -> CampaignView:
    """Change a campaign; a review or an approval of it is void then, and what runs sends nothing more once this has
    answered. Raises Forbidden, NotFound, Invalid, Conflict, NotNow for one that is over."""
    viewer.require("campaigns.write")
    async with house.unit(viewer) as uow:
        before = await get_campaign(uow, SYSTEM, campaign_id)
        await commands.update_campaign(uow, campaign_id, await _cleaned(uow, data, before), expected_version)
        view = await get_campaign(uow, SYSTEM, campaign_id)
    if before.state != view.state:
        await settle_gate(house)
    return view


async def copy_campaign(house: House, viewer: Viewer, campaign_id: UUID, name: str) -> CampaignView:
    """A draft like another campaign. Raises Forbidden, NotFound, Invalid."""
    viewer.require("campaigns.write")
    async with house.unit(viewer) as uow:
        old = await get_campaign(uow, SYSTEM, campaign_id)
        values: dict[str, Any] = {each: getattr(old, each) for each in commands.CHANGEABLE if each != "variants"}
        values |= {"variants": old.arms, "name": one_line(name, "name", LONGEST_NAME, needed=True)}
        made = uow.new_id()
        await commands.create_campaign(uow, made, values)
        return await get_campaign(uow, SYSTEM, made)


async def delete_campaign(house: House, viewer: Viewer, campaign_id: UUID, expected_version: int | None = None) -> None:
    """Remove a campaign that was never submitted. Raises Forbidden, NotFound, Conflict."""
    viewer.require("campaigns.write")
    async with house.unit(viewer) as uow:
        await commands.delete_campaign(uow, campaign_id, expected_version)


async def start(house: House, viewer: Viewer, campaign_id: UUID, expected_version: int | None = None) -> CampaignView:
    """Start an approved campaign. One that begins by itself, or runs, is left as it is. Raises Forbidden, NotFound,
    NotNow, NotApproved when the approval does not hold any more."""
    return await _steer(house, viewer, campaign_id, "start", expected_version, idle=("scheduled", "running"))


async def pause(house: House, viewer: Viewer, campaign_id: UUID, expected_version: int | None = None) -> CampaignView:
    """Pause a campaign: it sends nothing more once this has answered. Raises Forbidden, NotFound, NotNow."""
    return await _steer(house, viewer, campaign_id, "pause", expected_version, idle=("paused",))


async def resume(house: House, viewer: Viewer, campaign_id: UUID, expected_version: int | None = None) -> CampaignView:
    """Let a paused campaign go on. Raises Forbidden, NotFound, NotNow, NotApproved."""
    return await _steer(house, viewer, campaign_id, "resume", expected_version, idle=("running",))


async def cancel(house: House, viewer: Viewer, campaign_id: UUID, expected_version: int | None = None) -> CampaignView:
    """End a campaign for good; what was sent stays sent. Raises Forbidden, NotFound, NotNow."""
    return await _steer(house, viewer, campaign_id, "cancel", expected_version, idle=("cancelled",))


async def _steer(
    house: House, viewer: Viewer, campaign_id: UUID, event: Event, expected: int | None, *, idle: Sequence[str]
) -> CampaignView:
    viewer.require("campaigns.run")
    refused = False
    # All that waits lives as much longer as it was paused: a million messages take a while.
    unit = house.long_unit if event == "resume" else house.unit
    async with unit(viewer) as uow:
        row = await commands.lock_campaign(uow, campaign_id)
        if row["state"] not in idle:
            commands.check(row, event, expected)
            refused = event in ("start", "resume") and await prove(house, uow, campaign_id) is None
            if not refused:
                if event == "resume":
                    await prolong(uow, campaign_id, uow.now - row["state_at"])
                await move(uow, campaign_id, event, reason="person" if event == "pause" else None)
        view = await get_campaign(uow, SYSTEM, campaign_id)
    if refused:
        raise NotApproved
    if event in ("pause", "cancel"):
        await settle_gate(house)
    return view


async def _cleaned(uow: UnitOfWork, data: CampaignInput, before: CampaignView | None) -> dict[str, Any]:
    """What was sent as it is kept."""
    values: dict[str, Any] = {}
    if "name" in data:
        values["name"] = one_line(data["name"], "name", LONGEST_NAME, needed=True)
    channel = channel_of(data["channel"]) if before is None or "channel" in data else before.channel
    if "channel" in data:
        values["channel"] = channel
        if before is not None and before.channel != channel:
            # Another channel has other senders and other content.
            data = {"sender": None, "fallback_senders": (), "variants": (), **data}
    if "purpose" in data:
        if data["purpose"] not in PURPOSES:
            raise Invalid(f"purpose: one of {', '.join(PURPOSES)}.")
        values["purpose"] = data["purpose"]
    if "sender" in data:
        values["sender_id"] = await _sender(uow, channel, data["sender"], "sender")
    if "fallback_senders" in data:
        values["fallback_sender_ids"] = await _fallbacks(uow, channel, data["fallback_senders"])
    if "segment_id" in data:
        values["segment_id"] = data["segment_id"]
        if data["segment_id"] is not None:
            await _segment(uow, data["segment_id"])
    if "schedule" in data:
        schedule = data["schedule"]
        schedule = read_schedule(dict(schedule)) if isinstance(schedule, Mapping) else schedule
        values |= {"schedule": schedule.model_dump(mode="json"), "kind": kind_of(schedule)}
    if "limits" in data:
        limits = data["limits"]
        limits = read_limits(dict(limits)) if isinstance(limits, Mapping) else limits
        values["limits"] = limits.model_dump(mode="json")
    if "track_links" in data:
        values["track_links"] = data["track_links"]
    if "variants" in data:
        track = data.get("track_links", before.track_links if before else False)
        values["variants"] = await _arms(uow, channel, data["variants"], track)
    elif before is not None and data.get("track_links", before.track_links) != before.track_links:
        values["variants"] = await _tracked(uow, before, data["track_links"])
    return values


async def _sender(uow: UnitOfWork, channel: str, named: str | UUID | None, field: str) -> UUID | None:
    if named in (None, ""):
        return None
    if channel in WITHOUT_SENDER:
        raise Invalid(f"{field}: {channel} has none.")
    found = await _named(uow, channel, named)
    if found is None or found.channel != channel:
        hint = "; leave it out for the company's mail address" if channel in COMPANY_SENDER else ""
        raise Invalid(f"{field}: this is not one of the company's for {channel}{hint}.")
    return found.id


async def _named(uow: UnitOfWork, channel: str, named: str | UUID | None) -> SenderChoice | None:
    if isinstance(named, str):
        try:
            named = UUID(named)
        except ValueError:
            return await find_choice(uow, SYSTEM, channel, str(named).strip())
    return None if named is None else (await read_choices(uow, SYSTEM, [named])).get(named)


async def _fallbacks(uow: UnitOfWork, channel: str, named: Sequence[str | UUID]) -> list[UUID]:
    if len(named) > MOST_FALLBACKS:
        raise Invalid(f"fallback_senders: at most {MOST_FALLBACKS}.")
    found = [await _sender(uow, channel, each, "fallback_senders") for each in named]
    return list(dict.fromkeys(each for each in found if each is not None))


async def _segment(uow: UnitOfWork, segment_id: UUID) -> None:
    try:
        await current_version(uow, SYSTEM, segment_id)
    except NotFound:
        raise Invalid("segment_id: there is no such segment.") from None


async def _arms(
    uow: UnitOfWork, channel: Channel, variants: Sequence[Mapping[str, Any]], track_links: bool
) -> tuple[Arm, ...]:
    if len(variants) > MOST_VARIANTS:
        raise Invalid(f"variants: at most {MOST_VARIANTS}.")
    arms = []
    for name, members in by_arm(variants).items():
        if not name.isascii() or not name.isalnum() or len(name) > 8:
            raise Invalid(f"variants.{members[0][0]}.variant: letters and digits, at most 8.")
        template_id = members[0][1].get("template_id")
        if template_id:
            arms.append(Arm(name, template_id=UUID(str(template_id))))
            continue
        contents = [{key: value for key, value in each.items() if key not in _OF_ARM} for _, each in members]
        places = [f"variants.{place}" for place, _ in members]
        version_id = await version_of_variants(uow, channel, contents, track_links=track_links, places=places)
        arms.append(Arm(name, version_id=version_id))
    return tuple(arms)


async def _tracked(uow: UnitOfWork, before: CampaignView, track_links: bool) -> tuple[Arm, ...]:
    """The arms with the same content, their links tracked or not; templates say that for themselves."""
    own = [arm.version_id for arm in before.arms if arm.version_id is not None]
    versions = await read_versions(uow, SYSTEM, own)
    arms = []
    for arm in before.arms:
        if arm.version_id is not None:
            content = {**versions[arm.version_id].content, "track_links": track_links}
            arm = Arm(arm.variant, version_id=await keep_anonymous(uow, before.channel, content))
        arms.append(arm)
    return tuple(arms)
