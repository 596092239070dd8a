"""Campaigns: written, submitted, reviewed, started, paused, withdrawn."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from hotline.campaigns.consent import Channel
from hotline.campaigns.states import State
from hotline.crm.queries.campaigns import campaigns as queries
from hotline.crm.queries.campaigns.campaigns import CampaignView
from hotline.crm.queries.campaigns.manifests import find_manifest, list_manifests
from hotline.web.api.campaign_bodies import (
    Campaign,
    CampaignChange,
    CampaignCreate,
    CampaignSender,
    CampaignSenders,
    Copy,
    Decision,
    Manifest,
    ManifestWhole,
    Rejection,
    Step,
    Withdrawal,
    render_campaign,
    render_campaigns,
    render_manifest,
    render_whole,
)
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Page, Paging, Reply, endpoint
from hotline.web.problems import FieldProblem, FieldsInvalid
from hotline.workflows.campaigns import campaign_review as review
from hotline.workflows.campaigns import campaigns as workflow

#: Seconds that a submission waits for its audience to be frozen.
PREPARED_SECONDS: Final = 20.0


class CampaignsQuery(Paging):
    """Which campaigns."""

    state: list[State] = Field(default_factory=list, max_length=9)
    channel: Channel | None = None
    segment_id: UUID | None = None
    q: str = Field("", max_length=200, description="A part of the name, or a number such as P10001.")


class SendersQuery(Input):
    """Of which channel."""

    channel: Channel


class ByNumber(ById):
    """A submission of a campaign."""

    number: Annotated[int, Field(ge=1, le=2**31 - 1)]


class Manifests(Output):
    """A campaign's submissions, the latest first."""

    items: list[Manifest]
    next: str | None = None


def _after(cursor: str | None) -> int | None:
    if not cursor:
        return None
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 18):
        raise FieldsInvalid([FieldProblem(field="query.cursor", detail="not a cursor of this list")])
    return int(cursor)


@endpoint("GET", "/campaigns", right="campaigns.read", summary="Campaigns, the newest first")
async def list_campaigns(ask: Ask, query: CampaignsQuery) -> Page[Campaign]:
    found = await queries.list_campaigns(
        ask.house.db, ask.viewer, limit=query.limit + 1, after=_after(query.cursor), states=query.state,
        channel=query.channel, segment_id=query.segment_id, text=query.q,
    )  # fmt: skip
    shown = found[: query.limit]
    following = str(shown[-1].number) if len(found) > query.limit else None
    return Page(items=await render_campaigns(ask, shown), next=following)


@endpoint("GET", "/campaigns/senders", right="campaigns.read", summary="Whom a campaign may be sent from")
async def list_senders(ask: Ask, query: SendersQuery) -> CampaignSenders:
    found = await queries.list_choices(ask.house.db, ask.viewer, query.channel)
    return CampaignSenders(items=[CampaignSender.model_validate(each) for each in found])


@endpoint("POST", "/campaigns", right="campaigns.write", summary="Write a campaign", status=201, idempotent=True)
async def create_campaign(ask: Ask, body: CampaignCreate) -> Reply[Campaign]:
    """A draft. Variants may be written here, or name a template."""
    made = await workflow.create_campaign(ask.house, ask.viewer, body.fields(), ask.idempotency())
    return Reply(await render_campaign(ask, made), headers={"Location": f"{ask.request.path}/{made.id}"})


@endpoint("GET", "/campaigns/{id}", right="campaigns.read", summary="One campaign")
async def get_campaign(ask: Ask, path: ById) -> Campaign:
    return await render_campaign(ask, await _view(ask, path.id))


@endpoint("PATCH", "/campaigns/{id}", right="campaigns.write", summary="Change a campaign")
async def change_campaign(ask: Ask, path: ById, body: CampaignChange) -> Campaign:
    """Any change makes a review or an approval void, and stops what runs before its next message."""
    expected = await _expected(ask, path.id, body.version)
    view = await workflow.update_campaign(ask.house, ask.viewer, path.id, body.fields(), expected)
    return await render_campaign(ask, view)


@endpoint("DELETE", "/campaigns/{id}", right="campaigns.write", summary="Remove a campaign", status=204)
async def delete_campaign(ask: Ask, path: ById) -> None:
    """One that was never submitted; 409 for any other."""
    await workflow.delete_campaign(ask.house, ask.viewer, path.id, await _expected(ask, path.id, None))


@endpoint("POST", "/campaigns/{id}/copy", right="campaigns.write", summary="Write one like it", status=201)
async def copy_campaign(ask: Ask, path: ById, body: Copy) -> Reply[Campaign]:
    made = await workflow.copy_campaign(ask.house, ask.viewer, path.id, body.name)
    location = ask.request.path.removesuffix(f"/{path.id}/copy")
    return Reply(await render_campaign(ask, made), headers={"Location": f"{location}/{made.id}"})


@endpoint("POST", "/campaigns/{id}/submit", right="campaigns.write", summary="Submit for review", bare=True)
async def submit(ask: Ask, path: ById, body: Step) -> Campaign:
    """Freezes content and audience. Waits some seconds for a large audience; `manifest.state` is `preparing` when it
    takes longer, and `submitted` once it can be approved."""
    expected = await _expected(ask, path.id, body.version)
    await review.submit(ask.house, ask.viewer, path.id, expected)
    return await render_campaign(ask, await review.prepared(ask.house, path.id, PREPARED_SECONDS))


@endpoint("POST", "/campaigns/{id}/approve", right="campaigns.approve", summary="Approve what is in review", bare=True)
async def approve(ask: Ask, path: ById, body: Decision) -> Campaign:
    """403 for whoever wrote the campaign, its template or its segment; 409 when it is not as it was submitted."""
    view = await review.approve(ask.house, ask.viewer, path.id, sha256=body.sha256, reason=body.reason)
    return await render_campaign(ask, view)


@endpoint("POST", "/campaigns/{id}/reject", right="campaigns.approve", summary="Reject what is in review", bare=True)
async def reject(ask: Ask, path: ById, body: Rejection) -> Campaign:
    """Needs a reason."""
    view = await review.reject(ask.house, ask.viewer, path.id, sha256=body.sha256, reason=body.reason)
    return await render_campaign(ask, view)


@endpoint("POST", "/campaigns/{id}/withdraw", right="campaigns.read", summary="Take an approval back", bare=True)
async def withdraw(ask: Ask, path: ById, body: Withdrawal) -> Campaign:
    """Or a submission: for reviewers and for whoever may submit. No message begins once this has answered."""
    return await render_campaign(ask, await review.withdraw(ask.house, ask.viewer, path.id, reason=body.reason))


@endpoint("POST", "/campaigns/{id}/start", right="campaigns.run", summary="Start an approved campaign", bare=True)
async def start(ask: Ask, path: ById, body: Step) -> Campaign:
    """One with a time of its own is `scheduled` by its approval, and begins by itself."""
    expected = await _expected(ask, path.id, body.version)
    return await render_campaign(ask, await workflow.start(ask.house, ask.viewer, path.id, expected))


@endpoint("POST", "/campaigns/{id}/pause", right="campaigns.run", summary="Pause a campaign", bare=True)
async def pause(ask: Ask, path: ById, body: Step) -> Campaign:
    """No message begins once this has answered."""
    expected = await _expected(ask, path.id, body.version)
    return await render_campaign(ask, await workflow.pause(ask.house, ask.viewer, path.id, expected))


@endpoint("POST", "/campaigns/{id}/resume", right="campaigns.run", summary="Let a paused campaign go on", bare=True)
async def resume(ask: Ask, path: ById, body: Step) -> Campaign:
    expected = await _expected(ask, path.id, body.version)
    return await render_campaign(ask, await workflow.resume(ask.house, ask.viewer, path.id, expected))


@endpoint("POST", "/campaigns/{id}/cancel", right="campaigns.run", summary="End a campaign for good", bare=True)
async def cancel(ask: Ask, path: ById, body: Step) -> Campaign:
    """What was sent stays sent."""
    expected = await _expected(ask, path.id, body.version)
    return await render_campaign(ask, await workflow.cancel(ask.house, ask.viewer, path.id, expected))


@endpoint("GET", "/campaigns/{id}/manifests", right="campaigns.read", summary="What was submitted, and decided")
async def manifests(ask: Ask, path: ById) -> Manifests:
    await _view(ask, path.id)
    found = await list_manifests(ask.house.db, ask.house.keyring, ask.viewer, path.id)
    return Manifests(items=[render_manifest(each) for each in found])


@endpoint("GET", "/campaigns/{id}/manifests/{number}", right="campaigns.read", summary="One submission, whole")
async def manifest(ask: Ask, path: ByNumber) -> ManifestWhole:
    found = await find_manifest(ask.house.db, ask.house.keyring, ask.viewer, path.id, path.number)
    return render_whole(found)


async def _view(ask: Ask, campaign_id: UUID) -> CampaignView:
    return await queries.get_campaign(ask.house.db, ask.viewer, campaign_id)


async def _expected(ask: Ask, campaign_id: UUID, sent: int | None) -> int | None:
    """The version that a change is bound to; the campaign is read for If-Match alone."""
    if "If-Match" not in ask.request.headers:
        return sent
    return ask.expected_version((await _view(ask, campaign_id)).version, sent)


routes: list[Endpoint] = [
    list_campaigns, list_senders, create_campaign, get_campaign, change_campaign, delete_campaign, copy_campaign,
    submit, approve, reject, withdraw, start, pause, resume, cancel, manifests, manifest,
]  # fmt: skip
