"""Segments: whom campaigns are for."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from hotline.campaigns.consent import Channel, Purpose
from hotline.campaigns.segment_fields import FIELDS, custom_field
from hotline.crm.queries.campaigns import segments as queries
from hotline.crm.queries.campaigns.audience import Definition
from hotline.crm.queries.campaigns.segments import MOST_SAMPLED, SegmentVersionView, SegmentView
from hotline.crm.queries.customers.custom_fields import read_fields
from hotline.crm.queries.customers.customer_search import read_customers
from hotline.crm.queries.customers.customer_views import CustomerView
from hotline.crm.queries.upkeep.background import get_job
from hotline.web.api.jobs import Job, render_job
from hotline.web.endpoint import (
    Ask,
    ById,
    Endpoint,
    Input,
    Output,
    Page,
    Paging,
    Reply,
    endpoint,
    id_cursor,
    paged,
    place_cursor,
)
from hotline.workflows.campaigns import segment_counts
from hotline.workflows.campaigns import segments as workflow

Side = Literal["include", "exclude"]
_RULES = (
    'A tree of conditions: `{"all": […]}`, `{"any": […]}`, `{"not": …}` and '
    '`{"field": "tier", "op": "in", "value": ["gold"]}`; `{}` is everybody. `GET /segments/fields` tells what can be '
    "asked."
)


class Segment(Output):
    """Customers by rules, and by two lists: who is in and who is out whatever the rules say. Each change of these is a
    `version`; what was approved with an earlier one is void."""

    id: UUID
    name: str
    description: str
    version: int
    version_id: UUID
    rules: dict[str, Any] = Field(description=_RULES)
    include: int = Field(description="How many are on the list of who is in.")
    exclude: int
    sha256: str = Field(description="Of the rules and the lists.")
    archived: bool
    created_by: str | None = Field(description="Login.")
    changed_by: str | None = Field(description="Login of who made the current version.")
    created_at: datetime
    updated_at: datetime


class SegmentVersion(Output):
    """What a segment said from one change to the next."""

    id: UUID
    number: int
    rules: dict[str, Any]
    include: int
    exclude: int
    sha256: str
    user: str | None = Field(description="Login of who made it.")
    at: datetime


class SegmentCreate(Input):
    """A segment to be kept."""

    name: str = Field(min_length=1, max_length=workflow.LONGEST_NAME)
    description: str = Field("", max_length=workflow.LONGEST_DESCRIPTION)
    rules: dict[str, Any] = Field(default={}, description=_RULES)


class SegmentChange(Input):
    """What is to change; what is absent stays. `version` is the one that the change is made of."""

    name: str | None = Field(None, min_length=1, max_length=workflow.LONGEST_NAME)
    description: str | None = Field(None, max_length=workflow.LONGEST_DESCRIPTION)
    rules: dict[str, Any] | None = Field(None, description=_RULES)
    version: int | None = Field(None, ge=1)


class SegmentsQuery(Paging):
    """Which segments."""

    q: str = Field("", max_length=100, description="A part of the name.")
    archived: bool = Field(False, description="Archived ones, too.")


class FieldToAsk(Output):
    """Something that rules can ask. `records`: it is looked up in every customer's records, which takes longer."""

    name: str
    type: str
    group: str
    ops: list[str]
    choices: list[str] | None
    records: bool


class FieldsToAsk(Output):
    """All of them, the company's own fields included."""

    items: list[FieldToAsk]


class Sampled(Output):
    """A customer of a segment."""

    id: UUID
    number: str = Field(examples=["C10001"])
    name: str
    kind: str
    locale: str | None
    tier: str | None
    tags: list[str]


class Audience(Output):
    """What a segment comes to. `recipients` of its `count` customers would get something over the channel, the others
    would not, for the reasons that `excluded` counts. Several who share one address are seen when a campaign is
    submitted. `pending`: changes of customers that are not counted yet."""

    count: int
    recipients: int
    excluded: dict[str, int]
    sample: list[Sampled]
    pending: int


class AudienceQuery(Input):
    """For what. Without a channel only the lists exclude somebody."""

    channel: Channel | None = None
    purpose: Purpose = "marketing"
    sample: int = Field(10, ge=0, le=MOST_SAMPLED, description="Customers to show, drawn by lot.")
    seed: int = Field(0, ge=0, le=2**31, description="Another one draws others.")


class Preview(AudienceQuery):
    """Rules to be counted without keeping them; with `segment_id` that segment's lists hold, too."""

    rules: dict[str, Any] = Field(default={}, description=_RULES)
    segment_id: UUID | None = None


class ExplainQuery(Input):
    """Of whom, and for what."""

    customer_id: UUID
    channel: Channel | None = None
    purpose: Purpose = "marketing"


class Explanation(Output):
    """Why a customer is in a segment or not. `rules` is its tree, each part with `holds`; `listed` says on which list
    they are; `reason` why they would get nothing over the channel. `known` is false for who was merged or erased."""

    known: bool
    member: bool
    listed: Side | None
    rules: dict[str, Any] | None
    reason: str | None


class MembersQuery(Paging):
    """Which list."""

    side: Side


class Members(Input):
    """Customers to put on a list, and to take off it. Who is put on one is taken off the other."""

    side: Side
    add: list[UUID] = Field(default=[], max_length=workflow.MOST_AT_ONCE)
    remove: list[UUID] = Field(default=[], max_length=workflow.MOST_AT_ONCE)
    version: int | None = Field(None, ge=1, description="The one that the change is made of.")


class CountAsked(Input):
    """For what it is counted."""

    channel: Channel | None = None
    purpose: Purpose = "marketing"


def _render(view: SegmentView) -> Segment:
    current = view.current
    return Segment(
        id=view.id, name=view.name, description=view.description, version=view.version, version_id=current.id,
        rules=dict(current.rules), include=current.include, exclude=current.exclude, sha256=current.sha256.hex(),
        archived=view.archived, created_by=view.created_by, changed_by=current.user, created_at=view.created_at,
        updated_at=view.updated_at,
    )  # fmt: skip


def _render_version(view: SegmentVersionView) -> SegmentVersion:
    return SegmentVersion(
        id=view.id, number=view.number, rules=dict(view.rules), include=view.include, exclude=view.exclude,
        sha256=view.sha256.hex(), user=view.user, at=view.at,
    )  # fmt: skip


def _sampled(view: CustomerView) -> Sampled:
    return Sampled(
        id=view.id, number=view.reference, name=view.name, kind=view.kind, locale=view.locale,
        tier=None if view.tier is None else view.tier.key, tags=list(view.tags),
    )  # fmt: skip


@endpoint("GET", "/segments", right="segments.read", summary="Segments, the latest first")
async def segments(ask: Ask, query: SegmentsQuery) -> Page[Segment]:
    found = await queries.list_segments(
        ask.house.db, ask.viewer, limit=query.limit + 1, after=id_cursor(query.cursor), archived=query.archived,
        text=query.q,
    )  # fmt: skip
    return paged(found, query.limit, _render, lambda view: str(view.id))


@endpoint("POST", "/segments", right="segments.write", summary="Keep a segment", status=201, idempotent=True)
async def create_segment(ask: Ask, body: SegmentCreate) -> Reply[Segment]:
    made = await workflow.create_segment(
        ask.house, ask.viewer, body.name, body.rules, body.description, ask.idempotency()
    )
    return Reply(_render(made), headers={"Location": f"{ask.request.path}/{made.id}"})


@endpoint("GET", "/segments/fields", right="segments.read", summary="What rules can ask")
async def segment_fields(ask: Ask) -> FieldsToAsk:
    """Values of the company's own lists (tiers, tags, classifications, users, categories) are their keys or names."""
    own = (custom_field(each) for each in (await read_fields(ask.house.db, ask.viewer)).fields if not each.archived)
    fields = [*FIELDS.values(), *(each for each in own if each is not None)]
    return FieldsToAsk(
        items=[
            FieldToAsk(
                name=each.name, type=each.type, group=each.group, ops=list(each.questions),
                choices=None if each.choices is None else list(each.choices), records=each.records,
            )
            for each in fields
        ]
    )  # fmt: skip


@endpoint("POST", "/segments/preview", right="segments.read", summary="Count rules without keeping them")
async def preview_segment(ask: Ask, body: Preview) -> Audience:
    """Answers at once for rules on the facts of customers; others may take some seconds."""
    definition = Definition(await workflow.check(ask.house, ask.viewer, body.rules))
    if body.segment_id is not None:
        definition = Definition(
            definition.rule, (await workflow.definition_of(ask.house, ask.viewer, body.segment_id)).lists
        )
    return await _audience(ask, definition, body)


@endpoint("GET", "/segments/{id}", right="segments.read", summary="One segment")
async def get_segment(ask: Ask, path: ById) -> Segment:
    return _render(await queries.get_segment(ask.house.db, ask.viewer, path.id))


@endpoint("PATCH", "/segments/{id}", right="segments.write", summary="Change a segment")
async def change_segment(ask: Ask, path: ById, body: SegmentChange) -> Segment:
    """Other rules are another version: campaigns in review or approved that use the segment are drafts again."""
    current = await queries.get_segment(ask.house.db, ask.viewer, path.id)
    changed = await workflow.change_segment(
        ask.house, ask.viewer, path.id, name=body.name, description=body.description, rules=body.rules,
        expected_version=ask.expected_version(current.version, body.version),
    )  # fmt: skip
    return _render(changed)


@endpoint("DELETE", "/segments/{id}", right="segments.write", summary="Archive a segment", status=204)
async def archive_segment(ask: Ask, path: ById) -> None:
    """It is offered no more; campaigns that used it still name it, and its versions stay."""
    current = await queries.get_segment(ask.house.db, ask.viewer, path.id)
    await workflow.archive_segment(ask.house, ask.viewer, path.id, ask.expected_version(current.version, None))


@endpoint("GET", "/segments/{id}/versions", right="segments.read", summary="A segment's versions, the latest first")
async def segment_versions(ask: Ask, path: ById, query: Paging) -> Page[SegmentVersion]:
    before = place_cursor(query.cursor) or None
    await queries.get_segment(ask.house.db, ask.viewer, path.id)
    found = await queries.list_versions(ask.house.db, ask.viewer, path.id, limit=query.limit + 1, before=before)
    return paged(found, query.limit, _render_version, lambda view: str(view.number))


@endpoint("GET", "/segments/{id}/audience", right="segments.read", summary="What a segment comes to")
async def segment_audience(ask: Ask, path: ById, query: AudienceQuery) -> Audience:
    return await _audience(ask, await workflow.definition_of(ask.house, ask.viewer, path.id), query)


@endpoint(
    "POST", "/segments/{id}/count", right="segments.read", summary="Count a segment in the background", status=202
)
async def count_segment(ask: Ask, path: ById, body: CountAsked) -> Job:
    """For rules that take long. The job's `result` has `matched`, `recipients` and `excluded`."""
    job_id = await segment_counts.start(ask.house, ask.viewer, path.id, body.channel, body.purpose)
    return render_job(await get_job(ask.house.db, ask.viewer, job_id))


@endpoint("GET", "/segments/{id}/explain", right="segments.read", summary="Why a customer is in a segment or not")
async def explain_segment(ask: Ask, path: ById, query: ExplainQuery) -> Explanation:
    definition = await workflow.definition_of(ask.house, ask.viewer, path.id)
    found = await workflow.explained(ask.house, ask.viewer, definition, query.customer_id, query.channel, query.purpose)
    return Explanation(
        known=found.known, member=found.member, listed=found.listed,
        rules=None if found.parts is None else dict(found.parts), reason=found.reason,
    )  # fmt: skip


@endpoint("GET", "/segments/{id}/members", right="segments.read", summary="Who is on one of a segment's lists")
async def segment_members(ask: Ask, path: ById, query: MembersQuery) -> Page[Sampled]:
    await queries.get_segment(ask.house.db, ask.viewer, path.id)
    ids = await queries.list_members(
        ask.house.db, ask.viewer, path.id, query.side, limit=query.limit + 1, after=id_cursor(query.cursor)
    )
    shown = await read_customers(ask.house.db, ask.house.keyring, ask.viewer, ids[: query.limit])
    following = str(ids[query.limit - 1]) if len(ids) > query.limit else None
    return Page[Sampled](items=[_sampled(view) for view in shown], next=following)


@endpoint("POST", "/segments/{id}/members", right="segments.write", summary="Change one of a segment's lists")
async def change_segment_members(ask: Ask, path: ById, body: Members) -> Segment:
    """Answers the segment with its new version; the same when nothing differs."""
    current = await queries.get_segment(ask.house.db, ask.viewer, path.id)
    changed = await workflow.change_members(
        ask.house, ask.viewer, path.id, body.side, add=body.add, remove=body.remove,
        expected_version=ask.expected_version(current.version, body.version),
    )  # fmt: skip
    return _render(changed)


async def _audience(ask: Ask, definition: Definition, query: AudienceQuery) -> Audience:
    found = await workflow.ask(
        ask.house, ask.viewer, definition, query.channel, query.purpose, samples=query.sample, seed=query.seed
    )
    counted = found.breakdown
    return Audience(
        count=counted.matched, recipients=counted.recipients, excluded={**counted.excluded},
        sample=[_sampled(view) for view in found.sample], pending=found.pending,
    )  # fmt: skip


routes: tuple[Endpoint, ...] = (
    segments,
    create_segment,
    # Before the segments' ids.
    segment_fields,
    preview_segment,
    get_segment,
    change_segment,
    archive_segment,
    segment_versions,
    segment_audience,
    count_segment,
    explain_segment,
    segment_members,
    change_segment_members,
)
