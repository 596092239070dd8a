"""The reviewer's page: what will be sent to whom, what changed, what there is to know; approve or reject just that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aiohttp import web

from hotline.campaigns.schedule import first_of, read_schedule
from hotline.campaigns.states import possible
from hotline.crm.queries.campaigns.campaigns import CampaignView, get_campaign
from hotline.crm.queries.campaigns.manifests import ManifestView, find_manifest, list_manifests
from hotline.crm.viewer import Viewer
from hotline.errors import Conflict, Forbidden, HotlineError, Invalid, NotFound
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.campaigns import campaign_facts, campaign_words
from hotline.web.desktop.campaigns.campaigns import frame_words, further_pages, speaker
from hotline.web.desktop.campaigns.mail_frame import mail_frame
from hotline.web.desktop.forms import field, form_of, refusal_words, uuid_of
from hotline.web.desktop.i18n import language_of, words
from hotline.web.desktop.render import html, see_other
from hotline.web.rights import needs
from hotline.workflows.campaigns import campaign_review as workflow
from hotline.workflows.campaigns.campaign_looks import Look, look_at, sample_at
from hotline.workflows.campaigns.template_tests import TESTED


@needs("campaigns.read")
async def show(request: web.Request) -> web.StreamResponse:
    """What was submitted last, or the submission that ``number`` names."""
    return await _page(request)


async def _page(request: web.Request, error: HotlineError | None = None, typed: str = "") -> web.StreamResponse:
    house, viewer = house_of(request), signed_of(request).viewer
    campaign = await get_campaign(house.db, viewer, uuid_of(request))
    manifest = await _manifest(request, campaign)
    context: dict[str, Any] = {
        "campaign": campaign,
        "manifest": manifest,
        "pages": further_pages(request, campaign),
        "problem": refusal_words(request, error) if error else "",
        "typed": typed,
        **frame_words(),
    }
    if manifest is None or not manifest.sha256:
        return html(request, "campaign_review.html", context | {"seen": None}, status=error.status if error else 200)
    look = await look_at(house, viewer, campaign, manifest)
    translate, speak = words(language_of(request)).gettext, speaker(request)
    in_review = campaign.manifest_id == manifest.id and possible(campaign.state, "approve")
    decided = viewer.user_id in manifest.approved_by
    context |= {
        "seen": look,
        "findings": [(each, campaign_words.finding_words(each, translate)) for each in look.findings],
        "grave": sum(each.severity in ("stop", "warn") for each in look.findings),
        "fine": sum(each.severity == "ok" for each in look.findings),
        "changes": [
            (campaign_words.change_words(each, translate), each, campaign_facts.told(speak, each))
            for each in look.changes
        ],
        "cost": campaign_facts.cost_of(speak, look.expected),
        "takes": _takes(speak, look),
        "tests": _tests(viewer, manifest),
        "matched": manifest.recipients + sum(manifest.excluded.values()),
        "in_review": in_review,
        "own_work": str(viewer.user_id) in manifest.content["authors"] or viewer.user_id in campaign.editor_ids,
        "decided": decided,
        "may_decide": in_review and viewer.may("campaigns.approve") and manifest.state == "submitted",
    }
    return html(request, "campaign_review.html", context, status=error.status if error else 200)


def _takes(speak: campaign_facts.Speaker, look: Look) -> tuple[str, str]:
    """How long it takes, and when it ends, as far as that can be told."""
    seconds = look.expected.seconds if look.expected is not None else None
    if seconds is None:
        return "", ""
    begins = first_of(read_schedule(look.manifest.content["schedule"]))
    ends = begins + timedelta(seconds=seconds) if begins is not None else None
    return campaign_facts.how_long(speak, seconds), speak.calendar.moment(ends) if ends is not None else ""


def _tests(viewer: Viewer, manifest: ManifestView) -> list[tuple[str, str]]:
    """(variant, language) of what who looks may have sent to themselves."""
    content = manifest.content
    may = viewer.may("campaigns.approve") or viewer.may("campaigns.write")
    if not may or viewer.user_id is None or content["channel"] not in TESTED:
        return []
    return [(arm["variant"], locale) for arm in content["variants"] for locale in arm["content"]["locales"]]


async def _manifest(request: web.Request, campaign: CampaignView) -> ManifestView | None:
    house, viewer = house_of(request), signed_of(request).viewer
    if number := request.query.get("number", ""):
        return await find_manifest(house.db, house.keyring, viewer, campaign.id, _number(number))
    found = await list_manifests(house.db, house.keyring, viewer, campaign.id)
    return found[0] if found else None


def _number(text: str) -> int:
    """A part of the address as a number. Raises NotFound for anything else."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise NotFound()
    return int(text)


@needs("campaigns.read")
async def frame(request: web.Request) -> web.StreamResponse:
    """The mail of one of the sampled recipients, for the page's sandboxed frame."""
    house, viewer = house_of(request), signed_of(request).viewer
    campaign = await get_campaign(house.db, viewer, uuid_of(request))
    manifest = await find_manifest(house.db, house.keyring, viewer, campaign.id, _number(request.match_info["number"]))
    found = await sample_at(house, viewer, campaign, manifest, _number(request.match_info["position"]))
    if found is None or found.preview is None:
        raise NotFound()
    return mail_frame(found.preview.rendered.html or "")


@needs("campaigns.approve")
async def approve(request: web.Request) -> web.StreamResponse:
    """Approves the hash that the page showed."""
    form = await form_of(request)
    reason = field(form, "reason", 4_000)
    try:
        if field(form, "grave", 10) and field(form, "looked", 10) != "yes":
            raise Invalid("looked: look at the findings first.")
        await workflow.approve(
            house_of(request), signed_of(request).viewer, uuid_of(request), sha256=field(form, "sha256", 64),
            reason=reason,
        )  # fmt: skip
    except (Invalid, Conflict, Forbidden) as error:
        return await _page(request, error, reason)
    return see_other(f"/campaigns/{uuid_of(request)}?done=approve")


@needs("campaigns.approve")
async def reject(request: web.Request) -> web.StreamResponse:
    """Rejects it, with a reason."""
    form = await form_of(request)
    reason = field(form, "reason", 4_000)
    try:
        await workflow.reject(
            house_of(request), signed_of(request).viewer, uuid_of(request), sha256=field(form, "sha256", 64),
            reason=reason,
        )  # fmt: skip
    except (Invalid, Conflict, Forbidden) as error:
        return await _page(request, error, reason)
    return see_other(f"/campaigns/{uuid_of(request)}?done=reject")


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/campaigns/{id}/review", show)
    app.router.add_get("/campaigns/{id}/review/{number}/mail/{position}", frame)
    app.router.add_post("/campaigns/{id}/approve", approve)
    app.router.add_post("/campaigns/{id}/reject", reject)
