"""The connections to the PBXs, and who is there to answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from hotline.crm.queries.calls import presence as queries
from hotline.crm.queries.calls.presence import AgentView, MemberView, PbxView
from hotline.web.endpoint import Ask, Endpoint, Output, endpoint


class Pbx(Output):
    """How the connection to one PBX is."""

    id: str
    connected: bool
    version: str
    since: datetime
    lag_ms: float | None
    error: str
    node: str
    updated_at: datetime


class PbxList(Output):
    """Every PBX."""

    items: list[Pbx]
    next: str | None = None


class Member(Output):
    """One's place in a queue, or in one that one could sign in to."""

    pbx: str
    queue: str
    interface: str
    paused: bool
    pause_reason: str
    status: int
    in_call: bool
    signed_in: bool
    since: datetime | None


class Presence(Output):
    """One's places in the queues. Changed by commands: sign_in, sign_out, pause."""

    items: list[Member]
    next: str | None = None


class Agent(Output):
    """A colleague, for transfers."""

    id: UUID
    login: str
    name: str
    extension: str | None
    interfaces: list[str]
    queues: list[str]
    state: Literal["free", "ringing", "busy", "paused", "away", "signed_out"]
    since: datetime | None


class AgentList(Output):
    """Everybody who has a phone."""

    items: list[Agent]
    next: str | None = None


def render_pbx(view: PbxView) -> Pbx:
    """The connection's body."""
    return Pbx.model_validate(view)


def render_member(view: MemberView) -> Member:
    """The body of one place in a queue."""
    return Member.model_validate(view)


def _agent(view: AgentView) -> Agent:
    return Agent.model_validate(view)


@endpoint("GET", "/pbxs", right="signed_in", summary="The connections to the PBXs")
async def list_pbxs(ask: Ask) -> PbxList:
    """`error` and `node` are empty for who may not read the system's health."""
    return PbxList(items=[render_pbx(view) for view in await queries.list_pbxs(ask.house.db, ask.viewer)])


@endpoint("GET", "/users/me/presence", right="own.presence", summary="One's own places in the queues")
async def own_presence(ask: Ask) -> Presence:
    found = await queries.own_presence(ask.house.db, ask.viewer)
    return Presence(items=[render_member(view) for view in found])


@endpoint("GET", "/agents", right="users.read", summary="Who is there to answer")
async def list_agents(ask: Ask) -> AgentList:
    return AgentList(items=[_agent(view) for view in await queries.list_agents(ask.house.db, ask.viewer)])


routes: list[Endpoint] = [list_pbxs, own_presence, list_agents]
