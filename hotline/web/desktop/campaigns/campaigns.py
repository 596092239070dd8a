"""Campaigns: the list, one of them with what may be done, its history, and each step by a button."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from hotline.campaigns.consent import CHANNELS
from hotline.campaigns.states import ENDS, Event, possible, reference
from hotline.crm.company import Formats
from hotline.crm.queries.campaigns.campaigns import (
    CampaignView,
    count_by_state,
    get_campaign,
    list_campaigns,
    read_choices,
)
from hotline.crm.queries.campaigns.manifests import get_manifest, list_manifests
from hotline.crm.queries.campaigns.templates import read_versions
from hotline.crm.queries.upkeep.audit import list_audit
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Forbidden, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.campaigns import campaign_facts, campaign_words, template_words
from hotline.web.desktop.forms import field, form_of, refusal_words, uuid_of
from hotline.web.desktop.i18n import language_of, words
from hotline.web.desktop.numbers import Numbers
from hotline.web.desktop.render import calendar_of, html, see_other
from hotline.web.rights import needs
from hotline.workflows.campaigns import campaign_review as review
from hotline.workflows.campaigns import campaigns as workflow
from hotline.workflows.company import company
from hotline.workflows.house import House

PAGE: Final = 50
#: Audit entries of one campaign that its history shows.
ENTRIES: Final = 100

Step = Callable[[House, Viewer, UUID], Awaitable[CampaignView]]
#: What a button does: step → (event, one of these rights, the work).
STEPS: Final[Mapping[str, tuple[Event, tuple[str, ...], Step]]] = {
    "submit": ("submit", ("campaigns.write",), review.submit),
    "start": ("start", ("campaigns.run",), workflow.start),
    "pause": ("pause", ("campaigns.run",), workflow.pause),
    "resume": ("resume", ("campaigns.run",), workflow.resume),
    "cancel": ("cancel", ("campaigns.run",), workflow.cancel),
    "withdraw": ("withdraw", ("campaigns.approve", "campaigns.write"), review.withdraw),
}


def steps_of(viewer: Viewer, campaign: CampaignView) -> list[str]:
    """What the viewer may do with the campaign now."""
    return [
        step
        for step, (event, rights, _) in STEPS.items()
        if possible(campaign.state, event) and any(map(viewer.may, rights))
    ]


@needs("campaigns.read")
async def index(request: web.Request) -> web.StreamResponse:
    """The newest first; by what is to be done with them, by channel, by a part of the name."""
    house, viewer = house_of(request), signed_of(request).viewer
    tab = request.query.get("tab", "")
    tab = tab if tab in campaign_words.TABS else ""
    channel, text = request.query.get("channel", ""), request.query.get("q", "")[:100]
    after = request.query.get("after", "")
    found = await list_campaigns(
        house.db, viewer, limit=PAGE + 1, states=campaign_words.TABS[tab][1], text=text,
        channel=channel if channel in CHANNELS else None,
        after=int(after) if after.isascii() and after.isdecimal() and len(after) < 18 else None,
    )  # fmt: skip
    counts = await count_by_state(house.db, viewer)
    context = {
        "campaigns": found[:PAGE],
        "next": found[PAGE - 1].number if len(found) > PAGE else None,
        "tab": tab,
        "counts": {
            name: sum(counts.get(state, 0) for state in states) for name, (_, states) in campaign_words.TABS.items()
        },
        "any": bool(counts),
        "channel": channel,
        "q": text,
        **frame_words(),
        "done": request.query.get("done", ""),
    }
    return html(request, "campaign_list.html", context)


@needs("campaigns.read")
async def show(request: web.Request) -> web.StreamResponse:
    """One campaign: its state, what it sends, what may be done."""
    return await _show(request)


async def _show(request: web.Request, error: HotlineError | None = None) -> web.StreamResponse:
    house, viewer = house_of(request), signed_of(request).viewer
    campaign = await get_campaign(house.db, viewer, uuid_of(request))
    choices = await read_choices(house.db, viewer, [campaign.sender_id] if campaign.sender_id else [])
    manifest = None
    if campaign.manifest_id is not None:
        manifest = await get_manifest(house.db, house.keyring, viewer, campaign.manifest_id)
    versions = await read_versions(house.db, SYSTEM, [arm.version_id for arm in campaign.arms if arm.version_id])
    context = {
        "campaign": campaign,
        "manifest": manifest,
        "sender": choices.get(campaign.sender_id) if campaign.sender_id else None,
        "versions": versions,
        "steps": steps_of(viewer, campaign),
        "may_write": viewer.may("campaigns.write") and campaign.state not in ENDS,
        "reviews": await list_manifests(house.db, house.keyring, viewer, campaign.id),
        "pages": further_pages(request, campaign),
        "limits": campaign_facts.limits_of(speaker(request), campaign.schedule, campaign.limits),
        "problem": refusal_words(request, error) if error else "",
        **frame_words(),
        "done": request.query.get("done", ""),
    }
    return html(request, "campaign.html", context, status=error.status if error else 200)


def further_pages(request: web.Request, campaign: CampaignView) -> dict[str, str]:
    """The further pages of a campaign that are served."""
    served = {resource.canonical for resource in request.app.router.resources()}
    return {
        name: f"/campaigns/{campaign.id}/{name}"
        for name in ("results", "deliveries")
        if f"/campaigns/{{id}}/{name}" in served
    }


@needs("campaigns.read")
async def history(request: web.Request) -> web.StreamResponse:
    """Everything that was submitted and decided, and what the audit trail has of it."""
    house, viewer = house_of(request), signed_of(request).viewer
    campaign = await get_campaign(house.db, viewer, uuid_of(request))
    reviews = await list_manifests(house.db, house.keyring, viewer, campaign.id)
    entries = []
    if viewer.may("audit.read"):
        entries = await list_audit(house.db, viewer, subject_id=campaign.id, limit=ENTRIES)
    context = {
        "campaign": campaign,
        "reviews": reviews,
        "entries": entries,
        "pages": further_pages(request, campaign),
        **frame_words(),
    }
    return html(request, "campaign_history.html", context)


@needs("campaigns.read")
async def step(request: web.Request) -> web.StreamResponse:
    """One of STEPS; back to the campaign, with what was refused."""
    name = request.path.rpartition("/")[2]
    campaign_id, viewer = uuid_of(request), signed_of(request).viewer
    _, rights, work = STEPS[name]
    if not any(map(viewer.may, rights)):
        raise Forbidden()
    try:
        await work(house_of(request), viewer, campaign_id)
    except (Invalid, Conflict) as error:
        return await _show(request, error)
    return see_other(f"/campaigns/{campaign_id}?done={name}")


@needs("campaigns.write")
async def copy(request: web.Request) -> web.StreamResponse:
    """A draft like it, to be changed."""
    form = await form_of(request)
    viewer = signed_of(request).viewer
    try:
        made = await workflow.copy_campaign(house_of(request), viewer, uuid_of(request), field(form, "name", 300))
    except (Invalid, Conflict) as error:
        return await _show(request, error)
    return see_other(f"/campaigns/{made.id}/edit")


@needs("campaigns.write")
async def delete(request: web.Request) -> web.StreamResponse:
    """Removes a draft that was never submitted."""
    try:
        await workflow.delete_campaign(house_of(request), signed_of(request).viewer, uuid_of(request))
    except (Invalid, Conflict) as error:
        return await _show(request, error)
    return see_other("/campaigns?done=deleted")


def speaker(request: web.Request) -> campaign_facts.Speaker:
    """How facts of campaigns are told to who asks."""
    told, formats = words(language_of(request)), company.known(house_of(request), Formats)
    return campaign_facts.Speaker(
        told.gettext, told.ngettext, calendar_of(request), Numbers.of(language_of(request), formats)
    )


def frame_words() -> dict[str, Any]:
    """What every template of campaigns uses."""
    return {
        "words": campaign_words,
        "campaign_words": campaign_words,
        "channel_words": template_words.CHANNELS,
        "reference": reference,
        "moment_of": datetime.fromisoformat,
    }


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/campaigns", index)
    app.router.add_get("/campaigns/{id}", show)
    app.router.add_get("/campaigns/{id}/history", history)
    app.router.add_post("/campaigns/{id}/copy", copy)
    app.router.add_post("/campaigns/{id}/delete", delete)
    for name in STEPS:
        app.router.add_post(f"/campaigns/{{id}}/{name}", step)
