"""Deliveries: who got what of which campaign, one by one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from hotline.campaigns.consent import Channel
from hotline.conversations.delivery import Delivery as State
from hotline.crm.queries.campaigns.ledger import DeliveryView, LedgerFilter, get_delivery, list_deliveries
from hotline.web.endpoint import Ask, ById, Endpoint, Moment, Output, Page, Paging, endpoint, id_cursor, paged


class Delivery(Output):
    """A message of a campaign to one customer."""

    id: UUID
    campaign_id: UUID
    manifest_id: UUID = Field(description="What was approved.")
    occurrence: int = Field(description="Which time of a campaign that comes again; 0 for others.")
    customer_id: UUID
    customer: str = Field(description="The customer's number, C10001.")
    channel: Channel
    to: str = Field(description="The address, in part for who may not see it whole; empty: not known any more.")
    variant: str
    locale: str | None
    state: State
    reason: str | None = Field(description="Why nothing was sent, or what came of it: a code.")
    provider_id: str | None
    account: str | None = Field(description="The provider's account.")
    attempts: int
    error: str | None = Field(description="The provider's code, or the kind of failure.")
    segments: int | None
    cost: int | None = Field(description="In minor units of `currency`; null: the provider has not said.")
    currency: str | None
    due_at: datetime
    expires_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    clicked_at: datetime | None = Field(description="By a person.")
    scanned_at: datetime | None = Field(description="When a program first followed a link: no click.")
    opted_out_at: datetime | None
    at: datetime = Field(description="When it changed last.")


class DeliveriesQuery(Paging):
    """Which of them."""

    limit: int = Field(50, ge=1, le=1_000, description="Most items to answer.")
    campaign_id: UUID | None = None
    occurrence: int | None = Field(None, ge=0)
    customer_id: UUID | None = None
    channel: Channel | None = None
    state: list[State] = Field(default_factory=list, max_length=10, description="Several: any of them.")
    reason: str | None = Field(None, max_length=32)
    error: str | None = Field(None, max_length=32)
    provider_id: str | None = Field(None, max_length=255)
    clicked: bool = False
    opted_out: bool = False
    since: Moment | None = Field(None, description="Due at that time or later.")
    until: Moment | None = Field(None, description="Due before.")


def _render(view: DeliveryView) -> Delivery:
    return Delivery(
        id=view.id, campaign_id=view.campaign_id, manifest_id=view.manifest_id, occurrence=view.occurrence,
        customer_id=view.customer_id, customer=view.customer_reference, channel=view.channel,
        to=view.to, variant=view.variant, locale=view.locale, state=view.state,
        reason=view.reason, provider_id=view.provider_id, account=view.account_sid, attempts=view.attempts,
        error=view.error_code, segments=view.segments, cost=view.cost, currency=view.currency, due_at=view.due_at,
        expires_at=view.expires_at, sent_at=view.sent_at, delivered_at=view.delivered_at, read_at=view.read_at,
        clicked_at=view.clicked_at, scanned_at=view.scanned_at, opted_out_at=view.opted_out_at, at=view.updated_at,
    )  # fmt: skip


@endpoint("GET", "/deliveries", right="campaigns.read", summary="Who got what")
async def deliveries(ask: Ask, query: DeliveriesQuery) -> Page[Delivery]:
    """Of one campaign in the order of its recipients, else the latest first. Only of customers whom one sees."""
    chosen = LedgerFilter(
        campaign_id=query.campaign_id, occurrence=query.occurrence, customer_id=query.customer_id,
        channel=query.channel, states=tuple(query.state), reason=query.reason, error_code=query.error,
        provider_id=query.provider_id, clicked=query.clicked, opted_out=query.opted_out, since=query.since,
        until=query.until,
    )  # fmt: skip
    found = await list_deliveries(
        ask.house.db, ask.house.keyring, ask.viewer, chosen, limit=query.limit + 1, after=id_cursor(query.cursor)
    )
    return paged(found, query.limit, _render, lambda view: str(view.id))


@endpoint("GET", "/deliveries/{id}", right="campaigns.read", summary="One delivery")
async def delivery(ask: Ask, path: ById) -> Delivery:
    return _render(await get_delivery(ask.house.db, ask.house.keyring, ask.viewer, path.id))


routes: list[Endpoint] = [deliveries, delivery]
