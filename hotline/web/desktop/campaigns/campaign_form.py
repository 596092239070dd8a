"""The editor of a campaign: what is sent in each variant and language, to whom, from whom, when and how far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web
from multidict import MultiDict

from hotline.campaigns.consent import Channel
from hotline.campaigns.content import as_written, clean_locale
from hotline.campaigns.draft import MOST_ARMS
from hotline.campaigns.limits import read_limits
from hotline.campaigns.schedule import read_schedule
from hotline.campaigns.states import ENDS
from hotline.crm.queries.campaigns.campaigns import CampaignView, get_campaign, list_choices
from hotline.crm.queries.campaigns.segments import list_segments
from hotline.crm.queries.campaigns.templates import list_templates, read_versions
from hotline.crm.viewer import SYSTEM
from hotline.errors import Conflict, Forbidden, HotlineError, Invalid
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.campaigns.campaign_schedule import choices, field_of, read_schedule_form, schedule_values
from hotline.web.desktop.campaigns.campaigns import frame_words
from hotline.web.desktop.campaigns.template_forms import (
    MOST_LANGUAGES,
    USUAL,
    channel_from,
    locales_of,
    shown,
    typed_of,
)
from hotline.web.desktop.forms import Form, field, fields, form_of, problems, refusal_words, uuid_of, version_of
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import needs
from hotline.workflows.campaigns import campaigns as workflow
from hotline.workflows.campaigns.campaigns import LONGEST_NAME, CampaignInput

#: Segments and templates that the form offers.
OFFERED: Final = 200
_ARMS: Final = "ABCDEFGH"


@needs("campaigns.write")
async def new(request: web.Request) -> web.StreamResponse:
    """The form of a new campaign of a channel."""
    channel = channel_from(request.query.get("channel", ""))
    return await _page(request, None, channel, _empty(request, channel))


@needs("campaigns.write")
async def create(request: web.Request) -> web.StreamResponse:
    """Keeps the draft, or shows the form again with what is wrong; also after a button that adds a part of it."""
    form = await form_of(request)
    channel = channel_from(field(form, "channel", 20))
    typed = _typed(form, channel)
    if wish := field(form, "do", 20):
        return await _page(request, None, channel, *_more(request, form, typed, wish))
    try:
        made = await workflow.create_campaign(
            house_of(request), signed_of(request).viewer, {**_input(request, form, typed), "channel": channel}
        )
    except (Invalid, Conflict) as error:
        return await _page(request, None, channel, typed, _problems(request, error), status=error.status)
    return see_other(f"/campaigns/{made.id}?done=created")


@needs("campaigns.write")
async def edit(request: web.Request) -> web.StreamResponse:
    """A campaign to be changed."""
    house, viewer = house_of(request), signed_of(request).viewer
    campaign = await get_campaign(house.db, viewer, uuid_of(request))
    return await _page(request, campaign, campaign.channel, await _again(request, campaign))


@needs("campaigns.write")
async def update(request: web.Request) -> web.StreamResponse:
    """Changes the campaign, or shows the form again with what is wrong."""
    house, viewer = house_of(request), signed_of(request).viewer
    campaign = await get_campaign(house.db, viewer, uuid_of(request))
    form = await form_of(request)
    typed = _typed(form, campaign.channel)
    if wish := field(form, "do", 20):
        return await _page(request, campaign, campaign.channel, *_more(request, form, typed, wish))
    try:
        await workflow.update_campaign(house, viewer, campaign.id, _input(request, form, typed), version_of(form))
    except (Invalid, Conflict) as error:
        return await _page(request, campaign, campaign.channel, typed, _problems(request, error), status=error.status)
    return see_other(f"/campaigns/{campaign.id}?done=saved")


async def _page(
    request: web.Request,
    campaign: CampaignView | None,
    channel: Channel,
    typed: Mapping[str, Any],
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> web.Response:
    house, viewer = house_of(request), signed_of(request).viewer
    if campaign is not None and campaign.state in ENDS:
        raise Forbidden("This campaign is over.")
    segments = await list_segments(house.db, viewer, limit=OFFERED) if viewer.may("segments.read") else []
    templates = []
    if viewer.may("templates.read"):
        templates = await list_templates(house.db, viewer, limit=OFFERED, channel=channel)
    senders = await list_choices(house.db, viewer, channel)
    context = {
        "campaign": campaign,
        "channel": channel,
        "values": typed,
        "errors": errors or {},
        "returned": bool(errors),
        "segments": segments,
        "templates": templates,
        "senders": senders,
        # What is chosen and not offered any more stays chosen until somebody chooses anew.
        "offered": {
            *(str(each.id) for each in segments),
            *(str(each.id) for each in templates),
            *(str(each.id) for each in senders),
        },
        "offer": choices(typed["plan"].get("country", "")),
        "voids": campaign is not None and campaign.manifest_id is not None,
        "most_arms": MOST_ARMS,
        "longest": LONGEST_NAME,
        "examples": {"name": "{{ name }}", "default": '{{ name | default("customer") }}'},
        **frame_words(),
    }
    return html(request, "campaign_edit.html", context, status=status)


def _empty(request: web.Request, channel: Channel) -> dict[str, Any]:
    zone = house_of(request).settings.timezone
    return {
        "name": "", "purpose": "marketing", "sender": "", "fallback_senders": [],
        "segment": request.query.get("segment", "")[:40], "track_links": False,
        "arms": {"A": {"template": "", "locales": {each: {} for each in USUAL}}},
        "plan": schedule_values(read_schedule({}), read_limits({}), zone),
    }  # fmt: skip


async def _again(request: web.Request, campaign: CampaignView) -> dict[str, Any]:
    """The form of a campaign as it is."""
    house = house_of(request)
    versions = await read_versions(house.db, SYSTEM, [arm.version_id for arm in campaign.arms if arm.version_id])
    arms: dict[str, Any] = {}
    for arm in campaign.arms:
        version = versions.get(arm.version_id) if arm.version_id else None
        contents = {} if version is None else version.content["locales"]
        locales = {locale: shown(as_written(campaign.channel, each)) for locale, each in contents.items()}
        arms[arm.variant] = {
            "template": str(arm.template_id or ""),
            "locales": locales or {each: {} for each in USUAL},
        }
    limits, schedule = read_limits(dict(campaign.limits)), read_schedule(dict(campaign.schedule))
    return {
        "name": campaign.name,
        "purpose": campaign.purpose,
        "sender": str(campaign.sender_id or ""),
        "fallback_senders": [str(each) for each in campaign.fallback_sender_ids],
        "segment": str(campaign.segment_id or ""),
        "track_links": campaign.track_links,
        "arms": arms or {"A": {"template": "", "locales": {each: {} for each in USUAL}}},
        "plan": schedule_values(schedule, limits, house.settings.timezone),
    }


def _typed(form: Form, channel: Channel) -> dict[str, Any]:
    names = [name for name in dict.fromkeys(fields(form, "arm", 8)) if name.isalnum()][:MOST_ARMS] or ["A"]
    arms: dict[str, Any] = {}
    for name in names:
        prefix = f"{name}:"
        own = MultiDict((key.removeprefix(prefix), value) for key, value in form.items() if key.startswith(prefix))
        arms[name] = {
            "template": field(form, f"{prefix}template", 40),
            "locales": typed_of(own, channel)["locales"],
        }
    return {
        "name": field(form, "name", 2 * LONGEST_NAME),
        "purpose": field(form, "purpose", 16) or "marketing",
        "sender": field(form, "sender", 40),
        "fallback_senders": fields(form, "fallback_senders", 40),
        "segment": field(form, "segment", 40),
        "track_links": bool(form.get("track_links")),
        "arms": arms,
        "plan": _plan_again(form),
    }


def _plan_again(form: Form) -> dict[str, Any]:
    """The fields of the schedule as they were typed, over those of an empty form."""
    values = schedule_values(read_schedule({}), read_limits({}), ZoneInfo("UTC"))
    for name in values:
        if isinstance(values[name], tuple):
            values[name] = tuple(fields(form, name, 40))
        elif name in form and not isinstance(values[name], dict | list):
            values[name] = field(form, name, 4_000)
    values["caps"] = [
        pair for pair in zip(fields(form, "cap_messages"), fields(form, "cap_days"), strict=False) if any(pair)
    ]
    return values


def _more(request: web.Request, form: Form, typed: dict[str, Any], wish: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The form with another variant, without one, or with another language; and what is wrong with that."""
    arms: dict[str, Any] = typed["arms"]
    action, _, name = wish.partition(":")
    if action == "arm" and len(arms) < MOST_ARMS:
        free = next(letter for letter in _ARMS if letter not in arms)
        first = next(iter(arms.values()))
        arms[free] = {"template": "", "locales": {locale: {} for locale in first["locales"]}}
    elif action == "drop" and len(arms) > 1:
        arms.pop(name, None)
    elif action == "language" and name in arms:
        try:
            locale = clean_locale(field(form, f"{name}:language", 40).strip(), "language")
        except Invalid as error:
            return typed, {f"{name}:language": refusal_words(request, error)}
        if len(arms[name]["locales"]) < MOST_LANGUAGES:
            arms[name]["locales"].setdefault(locale, {})
    return typed, {}


def _input(request: web.Request, form: Form, typed: Mapping[str, Any]) -> CampaignInput:
    zone = house_of(request).settings.timezone
    schedule, limits = read_schedule_form(form, zone, list(typed["arms"]))
    return {
        "name": typed["name"],
        "purpose": typed["purpose"],
        "sender": typed["sender"] or None,
        "fallback_senders": typed["fallback_senders"],
        "segment_id": _id(typed["segment"]),
        "variants": _variants(typed["arms"]),
        "schedule": schedule,
        "limits": limits,
        "track_links": typed["track_links"],
    }


def _variants(arms: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, arm in arms.items():
        if arm["template"]:
            found.append({"variant": name, "template_id": _id(arm["template"])})
            continue
        try:
            written = locales_of(arm)
        except Invalid as error:
            raise Invalid(f"variants: {error.detail.partition(': ')[2]}") from None
        found += [{"variant": name, "locale": locale, **content} for locale, content in written.items()]
    return found


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Invalid("segment_id: there is no such segment.") from None


def _problems(request: web.Request, error: HotlineError) -> dict[str, str]:
    """The refusal under its field's name in the form: ``A:body-en``, ``segment``, a field of the schedule."""
    if name := field_of(error):
        return {name: refusal_words(request, error)}
    found = problems(request, error)
    place = error.detail.partition(": ")[0]
    if place == "segment_id":
        return {"segment": refusal_words(request, error)}
    if place.startswith("variants"):
        return {"variants": refusal_words(request, error)}
    return found


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/campaigns/new", new)
    app.router.add_post("/campaigns/new", create)
    app.router.add_get("/campaigns/{id}/edit", edit)
    app.router.add_post("/campaigns/{id}/edit", update)
