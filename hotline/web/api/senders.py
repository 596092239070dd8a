"""Senders: the company's own numbers and addresses, where who reaches them goes, and which is a country's default."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.conversations import senders as queries
from hotline.crm.queries.conversations.senders import Channel, SenderView
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Reply, endpoint
from hotline.workflows.company import senders as workflow


class Sender(Output):
    """A number or address of one channel. The first enabled one of a country is its default."""

    id: UUID
    channel: Channel
    address: str = Field(description="E.164, or an email address.")
    name: str
    account_sid: str | None = Field(description="The Twilio account that owns it.")
    provider_sid: str | None
    service_sid: str | None = Field(description="The messaging service that it is in.")
    country: str | None = Field(description="Whom it is for: two letters.")
    capabilities: list[str]
    flow: str | None = Field(description="The flow that callers hear; null: the installation's.")
    queue: str | None = Field(description="The queue that its conversations and calls are of.")
    position: int
    enabled: bool
    paused: str | None = Field(description="The provider's code for which nothing leaves through it; null: it sends.")
    version: int


class SenderList(Output):
    """Every sender, in their order."""

    items: list[Sender]
    next: str | None = None


class SendersQuery(Input):
    """Which senders."""

    channel: Channel | None = None


class SenderCreate(Input):
    """A sender that the provider does not list: an email address, a number of another account."""

    channel: Channel
    address: str = Field(min_length=3, max_length=254)
    name: str = Field("", max_length=100)
    country: str | None = Field(None, min_length=2, max_length=2)
    flow: str | None = Field(None, max_length=64)
    queue: str | None = Field(None, max_length=80)
    account_sid: str | None = Field(None, max_length=34)


class SenderChange(Input):
    """What to change; what is absent stays."""

    name: str | None = Field(None, max_length=100)
    country: str | None = Field(None, min_length=2, max_length=2)
    flow: str | None = Field(None, max_length=64)
    queue: str | None = Field(None, max_length=80)
    enabled: bool | None = None
    version: int | None = Field(None, description="The version that was read; a newer one there is a conflict.")


class SenderOrder(Input):
    """Senders in the order that they shall have."""

    ids: list[UUID] = Field(min_length=1, max_length=1000)


def _render(view: SenderView) -> Sender:
    return Sender.model_validate(view)


@endpoint("GET", "/senders", right="conversations.read", summary="The company's numbers and addresses")
async def list_senders(ask: Ask, query: SendersQuery) -> SenderList:
    found = await queries.list_senders(ask.house.db, ask.viewer, channel=query.channel)
    return SenderList(items=[_render(view) for view in found])


@endpoint("POST", "/senders", right="settings.write", summary="Add a sender", status=201)
async def create_sender(ask: Ask, body: SenderCreate) -> Reply[Sender]:
    """`hotline twilio setup` adds the numbers of the account by itself."""
    fields: Any = body.model_dump()
    made = await workflow.create_sender(ask.house, ask.viewer, fields)
    return Reply(_render(made), headers={"Location": f"{ask.request.path}/{made.id}"})


@endpoint("GET", "/senders/{id}", right="conversations.read", summary="One sender")
async def get_sender(ask: Ask, path: ById) -> Sender:
    return _render(await queries.get_sender(ask.house.db, ask.viewer, path.id))


@endpoint("PATCH", "/senders/{id}", right="settings.write", summary="Change a sender")
async def change_sender(ask: Ask, path: ById, body: SenderChange) -> Sender:
    view = await queries.get_sender(ask.house.db, ask.viewer, path.id)
    changes: Any = body.model_dump(exclude_unset=True, exclude={"version"})
    expected = ask.expected_version(view.version, body.version)
    return _render(await workflow.change_sender(ask.house, ask.viewer, path.id, changes, expected))


@endpoint("POST", "/senders/{id}/resume", right="settings.write", summary="Let a paused sender send again")
async def resume_sender(ask: Ask, path: ById) -> Sender:
    """When what the provider's code complained of is mended: what waited leaves now."""
    return _render(await workflow.resume_sender(ask.house, ask.viewer, path.id))


@endpoint("PUT", "/senders/order", right="settings.write", summary="Put senders in an order", status=204)
async def order_senders(ask: Ask, body: SenderOrder) -> None:
    """The first of a country is the one from which customers there are written to and called."""
    await workflow.order_senders(ask.house, ask.viewer, body.ids)


routes: list[Endpoint] = [list_senders, create_sender, order_senders, get_sender, change_sender, resume_sender]
