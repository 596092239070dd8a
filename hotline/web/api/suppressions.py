"""Suppressions: who gets nothing over a channel, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.consent.suppressions import SuppressionView, list_suppressions
from hotline.web.api.conversations import Conversation, render_conversation
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Page, Paging, Reply, endpoint, id_cursor, paged
from hotline.workflows.consent import suppressions as workflow

Reason = Literal["opt_out", "invalid", "bounce", "complaint", "agent"]
Scope = Literal["all", "marketing"]
#: Those that have addresses.
Channel = Literal["sms", "whatsapp", "voice", "email"]


class Suppression(Output):
    """A reason for which an address gets nothing over a channel. The address itself is kept as a keyed index only."""

    id: UUID
    channel: Channel
    reason: Reason
    purpose: Scope = Field(description="What is held back: all, or marketing alone.")
    source: str = Field(description="Who said so: message, call, link, provider, agent, api, import.")
    code: str | None = Field(description="The provider's.")
    user: str | None = Field(description="Login.")
    at: datetime
    lifted_at: datetime | None
    lifted_by: str | None


class SuppressionsQuery(Paging):
    """Which of them."""

    channel: Channel | None = None
    address: str | None = Field(None, max_length=254, description="Those of one address; needs `channel`.")
    lifted: bool = Field(False, description="Also those that hold no more.")


class SuppressionCreate(Input):
    """An address that shall get nothing over a channel."""

    channel: Channel
    address: str = Field(min_length=3, max_length=254)
    reason: Reason = "agent"
    purpose: Scope = Field("all", description="With `marketing` replies and notices still go.")


class LiftOfConversation(Input):
    """Which reason holds no more."""

    reason: Reason


def _render(view: SuppressionView) -> Suppression:
    return Suppression.model_validate(view)


@endpoint("GET", "/suppressions", right="consents.read", summary="Who gets nothing, the latest first")
async def suppressions(ask: Ask, query: SuppressionsQuery) -> Page[Suppression]:
    index = None
    if query.address is not None:
        index = workflow.index_of(ask.house, query.channel or "", query.address)
    found = await list_suppressions(
        ask.house.db, ask.viewer, limit=query.limit + 1, after=id_cursor(query.cursor), channel=query.channel,
        address_index=index, lifted=query.lifted,
    )  # fmt: skip
    return paged(found, query.limit, _render, lambda view: str(view.id))


@endpoint("POST", "/suppressions", right="consents.write", summary="Let nothing go to an address", status=201)
async def add_suppression(ask: Ask, body: SuppressionCreate) -> Reply[Suppression]:
    """Once is enough: a second time answers the same."""
    made = await workflow.add(ask.house, ask.viewer, body.channel, body.address, body.reason, body.purpose)
    return Reply(_render(made), headers={"Location": f"{ask.request.path}/{made.id}"})


@endpoint("POST", "/suppressions/{id}/lift", right="consents.write", summary="Let messages go again")
async def lift_suppression(ask: Ask, path: ById) -> Suppression:
    """409 for `opt_out` and `complaint`: only the address's owner takes these back."""
    return _render(await workflow.lift(ask.house, ask.viewer, path.id))


@endpoint("POST", "/conversations/{id}/suppressions", right="conversations.write", summary="Stop messages to them")
async def stop_conversation(ask: Ask, path: ById) -> Conversation:
    """For who asked a colleague for it."""
    return render_conversation(await workflow.stop_conversation(ask.house, ask.viewer, path.id))


@endpoint(
    "POST",
    "/conversations/{id}/suppressions/lift",
    right="conversations.write",
    summary="Let messages go to them again",
)
async def lift_conversation(ask: Ask, path: ById, body: LiftOfConversation) -> Conversation:
    return render_conversation(await workflow.lift_conversation(ask.house, ask.viewer, path.id, body.reason))


routes: list[Endpoint] = [suppressions, add_suppression, lift_suppression, stop_conversation, lift_conversation]
