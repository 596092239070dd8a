"""Commands to the PBX: dial, hang up, transfer, pause. A command is a row that is executed once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.calls import pbx_commands as queries
from hotline.crm.queries.calls.pbx_commands import CommandView
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
)
from hotline.workflows.calls import commands as workflow

Action = Literal[
    "originate",
    "hangup",
    "blind_transfer",
    "attended_transfer",
    "pause",
    "unpause",
    "sign_in",
    "sign_out",
    "pause_recording",
    "resume_recording",
]


class CommandCreate(Input):
    """What the PBX shall do."""

    action: Action
    agent: str | None = Field(None, max_length=150, description="Login; oneself when absent.")
    call_id: UUID | None = Field(None, description="For hangup and transfers.")
    to: str | None = Field(None, min_length=1, max_length=64, description="A number, an extension or a login.")
    queue: str | None = Field(None, max_length=100, description="For presence; all own queues when absent.")
    paused: bool | None = Field(None, description="For pause; `false` goes on.")
    reason: str | None = Field(None, max_length=100, description="For pause.")
    pbx: str | None = Field(None, max_length=64, description="Which PBX; needed only where several could be meant.")
    ticket_id: UUID | None = Field(
        None, description="For originate: call the ticket's customer back; `to` may then be absent."
    )


class Command(Output):
    """A command and what became of it."""

    id: UUID
    pbx: str
    action: Action
    agent: str | None = Field(description="Login.")
    call_id: UUID | None
    to: str | None
    queue: str | None
    reason: str | None
    state: Literal["pending", "sent", "done", "failed", "expired", "unknown"]
    error: str | None
    message: str | None
    created_at: datetime
    sent_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime


def _render(view: CommandView) -> Command:
    return Command.model_validate(view)


@endpoint("POST", "/commands", right="commands.send", summary="Ask the PBX for something", status=202, idempotent=True)
async def send_command(ask: Ask, body: CommandCreate) -> Reply[Command]:
    """Answers at once with the command's id. What became of it: `command.updated`, or its own address."""
    fields: Any = body.model_dump(exclude_unset=True, exclude_none=True)
    view = await workflow.send_command(ask.house, ask.viewer, fields, idempotency=ask.idempotency())
    return Reply(_render(view), headers={"Location": f"{ask.request.path}/{view.id}"})


@endpoint("GET", "/commands", right="commands.send", summary="Commands, the newest first")
async def list_commands(ask: Ask, query: Paging) -> Page[Command]:
    """One's own; everybody's with calls.read_all."""
    found = await queries.list_commands(
        ask.house.db, ask.house.keyring, ask.viewer, limit=query.limit + 1, after=id_cursor(query.cursor)
    )
    return paged(found, query.limit, _render, lambda view: str(view.id))


@endpoint("GET", "/commands/{id}", right="commands.send", summary="One command")
async def get_command(ask: Ask, path: ById) -> Command:
    return _render(await queries.get_command(ask.house.db, ask.house.keyring, ask.viewer, path.id))


routes: list[Endpoint] = [send_command, list_commands, get_command]
