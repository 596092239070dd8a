"""Calls, and saying which customer a call belongs to."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from hotline.crm.queries.calls import calls as queries
from hotline.crm.queries.calls.calls import CallView
from hotline.web.api.tickets import AttachedCall, CallTicket
from hotline.web.api.users import find_user
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Moment, Output, Page, Paging, endpoint, id_cursor, paged
from hotline.workflows.calls import calls as workflow

State = Literal["ringing", "waiting", "answered", "ended"]


class Caller(Output):
    """Who calls, or who is called on the way out. Masked for who may not read numbers."""

    number: str | None
    withheld: bool
    country: str | None
    name: str | None = Field(description="What the caller's line says of itself; anybody can write anything there.")
    display: str | None = Field(None, description="The number as people write it.")


class CallCustomer(Output):
    """A customer who has the caller's number, or who was picked."""

    id: UUID
    number: int
    reference: str
    kind: str
    name: str


class Leg(Output):
    """One phone that rang, and what came of it."""

    agent: str | None = Field(description="Login; null for a phone of nobody.")
    user_id: UUID | None
    interface: str
    interfaces: list[str]
    ring_id: UUID
    kind: str
    queue: str | None
    rang_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None


class Transfer(Output):
    """How the call moved. `from` and `to` are logins where known, else the extension that was dialled."""

    model_config = ConfigDict(frozen=True, from_attributes=True, serialize_by_alias=True)

    kind: Literal["blind", "attended"]
    from_: str | None = Field(validation_alias="from_", serialization_alias="from")
    to: str | None
    at: datetime


class Gap(Output):
    """hotline was blind from `since` to `until`: what happened then is not known."""

    since: datetime
    until: datetime


class Alias(Output):
    """A name that the PBX has for the call."""

    kind: str
    value: str


class Call(Output):
    """One conversation."""

    id: UUID
    pbx: str
    direction: Literal["in", "out"]
    caller: Caller
    dialled: str | None
    customer_id: UUID | None
    customers: list[CallCustomer] = Field(description="All who share the caller's number.")
    queue: str | None
    state: State
    disposition: Literal["answered", "abandoned", "no_answer", "busy", "failed", "voicemail"] | None
    agent: str | None = Field(description="Login of who has or had the call.")
    offered_at: datetime = Field(description="When the call arrived.")
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    end_seen: bool = Field(description="False: the call ended while nobody was connected to the PBX.")
    cause: int | None = Field(description="Hangup cause (Q.850).")
    legs: list[Leg]
    transfers: list[Transfer]
    gaps: list[Gap]
    ivr: dict[str, Any] | None
    dialler: str | None = Field(description="Login of who dialled it, on the way out.")
    held: bool = Field(description="Whether an agent keeps the other side on hold now.")
    held_since: datetime | None
    recording: Literal["on", "paused"] | None = Field(description="Whether the call is being recorded now.")
    ticket_id: UUID | None
    ticket: CallTicket | None = None
    aliases: list[Alias]
    version: int


class CallsQuery(Paging):
    """Which calls."""

    state: State | None = None
    customer_id: UUID | None = None
    agent: str | None = Field(None, max_length=150, description="Id or login.")
    queue: str | None = Field(None, max_length=100)
    pbx: str | None = Field(None, max_length=64)
    since: Moment | None = None
    until: Moment | None = None


class PickCustomer(Input):
    """Whose call it is; null takes the customer off it."""

    customer_id: UUID | None


def render_call(view: CallView) -> Call:
    """The call's body."""
    call = Call.model_validate(view)
    if call.ticket is None or view.attached is None:
        return call
    attached = AttachedCall.model_validate(view.attached)
    return call.model_copy(update={"ticket": call.ticket.model_copy(update={"attached": attached})})


@endpoint("GET", "/calls", right="calls.read", summary="Calls, the newest first")
async def list_calls(ask: Ask, query: CallsQuery) -> Page[Call]:
    """One's own; everybody's with calls.read_all."""
    filters: dict[str, Any] = query.model_dump(exclude_none=True, exclude={"limit", "cursor", "agent"})
    if query.agent is not None:
        filters["user_id"] = (await find_user(ask, query.agent)).id
    found = await queries.list_calls(
        ask.house.db,
        ask.house.keyring,
        ask.viewer,
        limit=query.limit + 1,
        after=id_cursor(query.cursor),
        **filters,
    )
    return paged(found, query.limit, render_call, lambda view: str(view.id))


@endpoint("GET", "/calls/{id}", right="calls.read", summary="One call")
async def get_call(ask: Ask, path: ById) -> Call:
    """Of a call that turned out to be part of another, that other."""
    return render_call(await queries.get_call(ask.house.db, ask.house.keyring, ask.viewer, path.id))


@endpoint("POST", "/calls/{id}/customer", right="calls.write", summary="Say whose call it is")
async def pick_customer(ask: Ask, path: ById, body: PickCustomer) -> Call:
    """For a number that several customers share, or that nobody had."""
    await workflow.set_customer(ask.house, ask.viewer, path.id, body.customer_id)
    return render_call(await queries.get_call(ask.house.db, ask.house.keyring, ask.viewer, path.id))


routes: list[Endpoint] = [list_calls, get_call, pick_customer]
