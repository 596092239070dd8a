"""What a reviewer sees of a submission: findings, changes since the last approval, messages of sampled recipients."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import Field

from hotline.campaigns.compliance import Severity
from hotline.crm.queries.campaigns.campaigns import get_campaign
from hotline.crm.queries.campaigns.manifests import ManifestView, find_manifest, list_manifests
from hotline.errors import NotFound
from hotline.web.api.campaign_bodies import Manifest, render_manifest
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, endpoint
from hotline.workflows.campaigns.campaign_looks import Sample, look_at
from hotline.workflows.campaigns.template_tests import send_submitted


class ReviewQuery(Input):
    """Which submission."""

    number: int | None = Field(None, ge=1, le=2**31 - 1, description="The latest where none is named.")


class ReviewFinding(Output):
    """Something to know before approving, or that was looked at and is fine."""

    code: str
    severity: Severity
    variant: str | None
    locale: str | None
    values: dict[str, Any]


class ReviewChange(Output):
    """One place that is not as in the submission that was approved last."""

    path: str = Field(examples=["variants.A.content.locales.en.body"])
    before: Any
    after: Any


class ReviewSample(Output):
    """The message of one recipient; the manifest's hash chose whose."""

    position: int
    customer_id: UUID
    customer: str | None = Field(description="Their name; null: erased, or not to be seen by you.")
    to: str = Field(description="Their address, as you may see it.")
    variant: str | None = Field(description="Null: held out, they get nothing.")
    locale: str | None
    subject: str | None
    body: str | None
    title: str | None
    link: str | None
    missing: list[str] = Field(description="Values that they lack: they get nothing.")


class ReviewExpected(Output):
    """What it is expected to cost and how long it takes; of what recurs each time, of what is triggered each day."""

    messages: int = Field(description="How many leave when nobody more is taken off.")
    parts: int | None = Field(description="Parts of SMS; null on other channels.")
    cost: Decimal | None = Field(description="Null: no price is written down.", examples=["28.33"])
    currency: str
    unpriced: int = Field(description="Messages without a price: the cost is too low by theirs.")
    seconds: float | None = Field(
        description="From the first message to the last; null: nothing slows them, or clocks and events say when."
    )
    exact: bool = Field(description="Every message was made: none of it is an estimate.")


class Review(Output):
    """All of it. Texts and samples are as what was submitted, whatever happened since."""

    manifest: Manifest
    findings: list[ReviewFinding]
    compared_to: int | None = Field(description="The number of the submission that was approved last.")
    changes: list[ReviewChange]
    samples: list[ReviewSample]
    looked_at: int = Field(description="Recipients whose messages were made to see what is missing.")
    expected: ReviewExpected | None = Field(description="Null while the recipients are counted.")


class ReviewTestBody(Input):
    """What is tried out of it."""

    number: int | None = Field(None, ge=1, le=2**31 - 1, description="The latest submission where none is named.")
    variant: str | None = Field(None, max_length=8, examples=["A"], description="The first one where none is named.")
    locale: str | None = Field(
        None, max_length=16, examples=["zh"], description="The one for every other language where none is named."
    )


class ReviewTest(Output):
    """A test that left."""

    to: str = Field(description="Your own address, masked.")
    provider_id: str
    missing: list[str] = Field(description="Values that stand in it by their names.")


@endpoint("GET", "/campaigns/{id}/review", right="campaigns.read", summary="What there is to see before approving")
async def review(ask: Ask, path: ById, query: ReviewQuery) -> Review:
    house, viewer = ask.house, ask.viewer
    campaign = await get_campaign(house.db, viewer, path.id)
    manifest = await _manifest(ask, path.id, query.number)
    look = await look_at(house, viewer, campaign, manifest)
    return Review(
        manifest=render_manifest(manifest),
        findings=[ReviewFinding.model_validate(each) for each in look.findings],
        compared_to=None if look.before is None else look.before.number,
        changes=[ReviewChange.model_validate(each) for each in look.changes],
        samples=[_sample(each) for each in look.samples],
        looked_at=look.looked.people,
        expected=None if look.expected is None else ReviewExpected.model_validate(look.expected),
    )


@endpoint("POST", "/campaigns/{id}/review/test", right="campaigns.read", summary="Send yourself what was submitted")
async def test_review(ask: Ask, path: ById, body: ReviewTestBody) -> ReviewTest:
    """To your own address and to nobody else, filled in with examples; for who may approve campaigns or write them."""
    manifest = await _manifest(ask, path.id, body.number)
    sent = await send_submitted(ask.house, ask.viewer, manifest, variant=body.variant, locale=body.locale)
    return ReviewTest(to=sent.to, provider_id=sent.provider_id, missing=list(sent.missing))


async def _manifest(ask: Ask, campaign_id: UUID, number: int | None) -> ManifestView:
    house, viewer = ask.house, ask.viewer
    if number is not None:
        return await find_manifest(house.db, house.keyring, viewer, campaign_id, number)
    found = await list_manifests(house.db, house.keyring, viewer, campaign_id)
    if not found:
        raise NotFound("This campaign was never submitted.")
    return found[0]


def _sample(each: Sample) -> ReviewSample:
    made = None if each.preview is None else each.preview.rendered
    return ReviewSample(
        position=each.position, customer_id=each.customer_id,
        customer=None if each.customer is None else each.customer.name, to=each.to, variant=each.variant,
        locale=None if each.preview is None else each.preview.locale,
        subject=None if made is None else made.subject, body=None if made is None else made.body,
        title=None if made is None else made.title, link=None if made is None else made.link,
        missing=[] if each.preview is None else list(each.preview.missing),
    )  # fmt: skip


routes: list[Endpoint] = [review, test_review]
