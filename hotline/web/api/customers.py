"""Customers with their contact points, addresses and timeline."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.customers import customers as queries
from hotline.crm.queries.customers.customer_filter import MOST_CUSTOM, CustomerFilter
from hotline.crm.queries.customers.customer_search import search_customers
from hotline.crm.queries.customers.timeline import TimelineItem, list_timeline
from hotline.web.api.customer_bodies import (
    Customer,
    CustomerChange,
    CustomerCreate,
    Kind,
    changes_of,
    render_customer,
    source_of,
)
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
from hotline.workflows.customers import customers as workflow


class CustomersQuery(Paging):
    """Which customers."""

    q: str | None = Field(
        None,
        max_length=200,
        description="What a person types: part of a name, a number or its last 4 or more digits, an email or a part of "
        "one, C10001, #tag; several of these at once: `wang 4711`.",
    )
    tag: str | None = Field(None, max_length=64)
    tier: str | None = Field(None, max_length=64, description="A tier's key, or `none`.")
    responsible: str | None = Field(None, max_length=150, description="`me`, `none` or a login.")
    classification: str | None = Field(None, max_length=40, description="A key of the list, or `none`.")
    kind: Kind | None = None
    custom: list[str] = Field(
        default_factory=list,
        max_length=MOST_CUSTOM,
        description="`key:value` of a custom field that is kept readable (numbers, choices, dates, yes or no).",
    )

    def filter(self) -> CustomerFilter:
        """What is chosen beside the text."""
        pairs = dict(text.partition(":")[::2] for text in self.custom)
        return CustomerFilter(self.tag, self.tier, self.responsible, self.classification, self.kind, pairs)


class LookupQuery(Input):
    """Whose number."""

    phone: str = Field(min_length=1, max_length=64)


class CustomerList(Output):
    """Every customer who has the number."""

    items: list[Customer]
    next: str | None = None


class TimelineQuery(Paging):
    """Which lines."""

    kind: list[str] = Field(default_factory=list, max_length=20, description="Only these kinds, for example `call`.")


class TimelineCall(Output):
    """A call, as the timeline tells it."""

    id: UUID
    state: str
    disposition: str | None
    queue: str | None
    withheld: bool
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    wait_seconds: int | None
    talk_seconds: int | None
    end_seen: bool
    seen: bool = Field(description="Whether the viewer sees the call itself, too.")


class TimelineTicket(Output):
    """A ticket on the timeline."""

    id: UUID
    number: int
    reference: str
    kind: str
    state: str
    seen: bool = Field(description="Whether the viewer sees the ticket itself, too.")


class TimelinePurchase(Output):
    """A purchase on the timeline."""

    id: UUID
    kind: str
    title: str
    amount: int | None = Field(description="In minor units.")
    currency: str | None
    state: str | None


class TimelineFile(Output):
    """A file on the timeline."""

    id: UUID
    name: str
    media_type: str
    bytes: int


class TimelineConversation(Output):
    """A conversation on the timeline, at its latest message."""

    id: UUID
    number: int
    reference: str
    channel: str
    state: str
    unanswered: bool
    messages: int
    preview: str | None = Field(description="How the latest message begins, where you see the conversation.")
    seen: bool = Field(description="Whether the viewer sees the conversation itself, too.")


class TimelinePush(Output):
    """A message of a campaign; `name` is empty for who does not see campaigns."""

    campaign_id: UUID
    number: int | None
    name: str
    channel: str
    state: str
    clicked: bool
    opted_out: bool


class TimelineConsent(Output):
    """Consent that was given or taken back."""

    channel: str
    purpose: str
    action: str
    source: str


class TimelineEntry(Output):
    """One line of the timeline."""

    id: UUID
    kind: str
    at: datetime
    direction: str | None
    user_id: UUID | None
    user_name: str | None
    call: TimelineCall | None
    ticket: TimelineTicket | None = None
    purchase: TimelinePurchase | None = None
    file: TimelineFile | None = None
    conversation: TimelineConversation | None = None
    push: TimelinePush | None = None
    consent: TimelineConsent | None = None
    note: str | None


def _entry(item: TimelineItem) -> TimelineEntry:
    return TimelineEntry.model_validate(item)


@endpoint(
    "GET", "/customers", right="customers.read", summary="Customers, the newest first, or a search, the best first"
)
async def list_customers(ask: Ask, query: CustomersQuery) -> Page[Customer]:
    """The newest first; found ones the best first: at most 500 are compared and told, page by page."""
    db, keyring, viewer = ask.house.db, ask.house.keyring, ask.viewer
    chosen = query.filter()
    if query.q:
        place, region = place_cursor(query.cursor), ask.house.settings.region
        some: Any = {"limit": query.limit + 1, "after": place, "chosen": chosen, "region": region}
        found = await search_customers(db, keyring, viewer, query.q, **some)
        following = str(place + query.limit) if len(found) > query.limit else None
        return Page[Any](items=[render_customer(view) for view in found[: query.limit]], next=following)
    after = id_cursor(query.cursor)
    found = await queries.list_customers(db, keyring, viewer, limit=query.limit + 1, after=after, chosen=chosen)
    return paged(found, query.limit, render_customer, lambda view: str(view.id))


@endpoint("GET", "/customers/lookup", right="customers.read", summary="Every customer who has a phone number")
async def lookup(ask: Ask, query: LookupQuery) -> CustomerList:
    """Several customers may share a number; none is guessed."""
    found = await queries.lookup(
        ask.house.db, ask.house.keyring, ask.viewer, query.phone, region=ask.house.settings.region
    )
    return CustomerList(items=[render_customer(view) for view in found])


@endpoint("POST", "/customers", right="customers.write", summary="Make a customer", status=201, idempotent=True)
async def create_customer(ask: Ask, body: CustomerCreate) -> Reply[Customer]:
    fields: Any = {name: value for name, value in changes_of(body).items() if value is not None}
    view = await workflow.create_customer(
        ask.house, ask.viewer, fields, ask.idempotency(), complete=True, source=source_of(ask)
    )
    return Reply(render_customer(view), headers={"Location": f"{ask.request.path}/{view.id}"})


@endpoint("GET", "/customers/{id}", right="customers.read", summary="One customer")
async def get_customer(ask: Ask, path: ById) -> Customer:
    """Of a customer who was merged into another, that other."""
    return render_customer(await queries.get_customer(ask.house.db, ask.house.keyring, ask.viewer, path.id))


@endpoint("PATCH", "/customers/{id}", right="customers.write", summary="Change a customer")
async def change_customer(ask: Ask, path: ById, body: CustomerChange) -> Customer:
    """With `version`, changes of two people are put together field by field; where both changed the same, the problem's
    `conflicts` name the field, both values, who and when, and nothing is written. `If-Match` is strict: any other
    version is 412."""
    view = await queries.get_customer(ask.house.db, ask.house.keyring, ask.viewer, path.id)
    changes: Any = changes_of(body)
    strict = ask.expected_version(view.version, None)
    changed = await workflow.update_customer(
        ask.house, ask.viewer, view.id, changes, strict, base_version=body.version, source=source_of(ask)
    )
    return render_customer(changed)


@endpoint("GET", "/customers/{id}/timeline", right="customers.read", summary="What happened, the latest first")
async def timeline(ask: Ask, path: ById, query: TimelineQuery) -> Page[TimelineEntry]:
    found = await list_timeline(
        ask.house.db,
        ask.house.keyring,
        ask.viewer,
        path.id,
        limit=query.limit + 1,
        after=id_cursor(query.cursor),
        kinds=query.kind or None,
    )
    return paged(found, query.limit, _entry, lambda item: str(item.id))


routes: list[Endpoint] = [
    list_customers,
    lookup,
    create_customer,
    get_customer,
    change_customer,
    timeline,
]
