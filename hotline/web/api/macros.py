"""Macros: replies that stand ready, with what they do beside answering."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from hotline.conversations.macros import Audience, Channel, MacroAssign, MacroState
from hotline.crm.queries.conversations import macros as queries
from hotline.crm.queries.conversations.macros import MacroView
from hotline.tickets.states import Kind
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Reply, endpoint
from hotline.workflows.conversations import macros as workflow


class MacroActions(Output):
    """What a macro does beside answering; null and empty: nothing."""

    kind: Kind | None = Field(None, description="The kind that the ticket becomes.")
    tags: list[str] = Field(default_factory=list, description="Tags that the customer gets.")
    state: MacroState | None = Field(None, description="The state that the conversation gets.")
    assign: MacroAssign | None = Field(None, description="Who has the conversation then.")


class Macro(Output):
    """A reply template. A text may hold placeholders such as `{customer.name}`."""

    id: UUID
    name: str
    audience: Audience = Field(description="Whose it is: one's own, a team's, everybody's.")
    team_id: UUID | None
    team: str | None
    texts: dict[str, str] = Field(description="By language.")
    channels: list[Channel] = Field(description="Where it is offered; empty: everywhere.")
    actions: MacroActions
    template: str | None = Field(description="Id of an approved WhatsApp template (ContentSid), for closed windows.")
    variables: list[str] = Field(description="The placeholders for its {{1}}, {{2}} …")
    archived_at: datetime | None
    used: int = Field(description="How often it was sent.")
    used_at: datetime | None
    mine: bool = Field(description="Whether you may change it.")
    version: int
    created_at: datetime
    updated_at: datetime


class MacroList(Output):
    """All macros that you may use."""

    items: list[Macro]
    next: str | None = None


class MacroVersion(Output):
    """What a macro said from `at` on."""

    version: int
    name: str
    texts: dict[str, str]
    channels: list[Channel]
    actions: MacroActions
    template: str | None
    variables: list[str]
    by: str | None = Field(description="The name of who wrote it so.")
    at: datetime


class MacroVersions(Output):
    """The versions of a macro, the latest first."""

    items: list[MacroVersion]
    next: str | None = None


class MacrosQuery(Input):
    """Which macros."""

    channel: Channel | None = Field(None, description="Those that are offered in this channel.")
    archived: bool = False


class MacroActionsInput(Input):
    """What a macro does beside answering."""

    kind: Kind | None = None
    tags: list[str] = Field(default_factory=list, max_length=10)
    state: MacroState | None = None
    assign: MacroAssign | None = None


class MacroFields(Input):
    """A macro's own fields."""

    name: str = Field(min_length=1, max_length=100)
    texts: dict[str, str] = Field(default_factory=dict, max_length=2)
    channels: list[Channel] = Field(default_factory=list, max_length=3)
    actions: MacroActionsInput = Field(default_factory=MacroActionsInput)
    template: str = Field("", max_length=64)
    variables: list[str] = Field(default_factory=list, max_length=20)


class MacroCreate(MacroFields):
    """A macro to be made."""

    audience: Audience = "own"
    team_id: UUID | None = None


class MacroChange(Input):
    """What to change; what is absent stays."""

    name: str | None = Field(None, min_length=1, max_length=100)
    texts: dict[str, str] | None = Field(None, max_length=2)
    channels: list[Channel] | None = Field(None, max_length=3)
    actions: MacroActionsInput | None = None
    template: str | None = Field(None, max_length=64)
    variables: list[str] | None = Field(None, max_length=20)
    version: int | None = Field(None, description="The version that was read; a newer one there is a conflict.")


def render_macro(view: MacroView) -> Macro:
    """The macro's body."""
    return Macro.model_validate(view)


@endpoint("GET", "/macros", right="conversations.read", summary="Macros")
async def list_macros(ask: Ask, query: MacrosQuery) -> MacroList:
    """One's own, one's teams', everybody's."""
    found = await queries.list_macros(ask.house.db, ask.viewer, channel=query.channel, archived=query.archived)
    return MacroList(items=[render_macro(view) for view in found])


@endpoint("POST", "/macros", right="conversations.write", summary="Make a macro", status=201)
async def create_macro(ask: Ask, body: MacroCreate) -> Reply[Macro]:
    """Of a team or of everybody with `macros.write` only."""
    fields: Any = body.model_dump()
    made = await workflow.create_macro(ask.house, ask.viewer, fields)
    return Reply(render_macro(made), headers={"Location": f"{ask.request.path}/{made.id}"})


@endpoint("GET", "/macros/{id}", right="conversations.read", summary="One macro")
async def get_macro(ask: Ask, path: ById) -> Macro:
    return render_macro(await queries.get_macro(ask.house.db, ask.viewer, path.id))


@endpoint("PATCH", "/macros/{id}", right="conversations.write", summary="Change a macro")
async def change_macro(ask: Ask, path: ById, body: MacroChange) -> Macro:
    view = await queries.get_macro(ask.house.db, ask.viewer, path.id)
    changes: Any = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"version"})
    expected = ask.expected_version(view.version, body.version)
    return render_macro(await workflow.change_macro(ask.house, ask.viewer, path.id, changes, expected))


@endpoint("GET", "/macros/{id}/versions", right="conversations.read", summary="What a macro said before")
async def macro_versions(ask: Ask, path: ById) -> MacroVersions:
    found = await queries.list_macro_versions(ask.house.db, ask.viewer, path.id)
    return MacroVersions(items=[MacroVersion.model_validate(view) for view in found])


@endpoint("POST", "/macros/{id}/archive", right="conversations.write", summary="Take a macro out of use")
async def archive_macro(ask: Ask, path: ById) -> Macro:
    return render_macro(await workflow.archive_macro(ask.house, ask.viewer, path.id))


@endpoint("POST", "/macros/{id}/restore", right="conversations.write", summary="Bring an archived macro back")
async def restore_macro(ask: Ask, path: ById) -> Macro:
    return render_macro(await workflow.archive_macro(ask.house, ask.viewer, path.id, archived=False))


@endpoint("DELETE", "/macros/{id}", right="conversations.write", summary="Remove an archived macro", status=204)
async def delete_macro(ask: Ask, path: ById) -> None:
    """For good, with its versions."""
    await workflow.delete_macro(ask.house, ask.viewer, path.id)


routes: list[Endpoint] = [
    list_macros, create_macro, get_macro, change_macro, macro_versions, archive_macro, restore_macro, delete_macro,
]  # fmt: skip
