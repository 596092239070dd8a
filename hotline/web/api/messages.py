"""Messages of a conversation: read, written, their files."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from aiohttp import web
from pydantic import Field

from hotline.conversations.states import State
from hotline.crm.queries.conversations.messages import MessageFileView, MessageView, get_message, list_messages
from hotline.web import downloads
from hotline.web.api.files import FileQuery
from hotline.web.bodies import pieces
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Page, Paging, Reply, endpoint, id_cursor, paged
from hotline.workflows.conversations import message_files, replies
from hotline.workflows.conversations.replies import NewReply

Delivery = Literal[
    "received", "queued", "sending", "sent", "delivered", "read", "temporary_failure", "permanent_failure",
    "suppressed", "expired", "unknown",
]  # fmt: skip


class MessageFile(Output):
    """A file of a message. Its content is at `/conversations/{id}/files/{file_id}/content`, always as a download."""

    id: UUID
    name: str
    media_type: str = Field(description="What its content says it is, once it is kept.")
    bytes: int | None
    state: Literal["waiting", "kept", "refused"]
    reason: str | None = Field(description="Why it was refused.")
    content_id: str | None
    suspicious: bool = Field(description="Its name says another kind than its content.")


class Message(Output):
    """One message in or out, or a note among colleagues."""

    id: UUID
    conversation_id: UUID
    direction: Literal["in", "out"]
    kind: Literal["message", "note", "auto"] = Field(description="`auto`: hotline's own answer; a `note` never leaves.")
    state: Delivery | None = Field(description="What became of it; null for notes.")
    at: datetime
    user: str | None = Field(description="Login of who wrote it.")
    user_name: str | None
    body: str
    html: str | None
    extra: dict[str, Any] = Field(description="What its channel told beside it: a place, buttons, the whole text.")
    template: str | None
    encoding: Literal["gsm7", "ucs2"] | None
    segments: int | None = Field(description="Parts that it is sent in.")
    error_code: str | None = Field(description="The provider's.")
    in_reply_to: UUID | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    files: list[MessageFile]
    erased: bool


class MessageCreate(Input):
    """A reply, or a note among colleagues."""

    body: str = Field("", max_length=200_000)
    files: list[UUID] = Field(default_factory=list, max_length=10, description="Ids of files that were sent before.")
    template: str | None = Field(None, max_length=64, description="ContentSid of an approved template.")
    variables: dict[str, str] = Field(default_factory=dict, max_length=50, description="What fills its gaps.")
    subject: str | None = Field(None, max_length=1000, description="Of an email.")
    note: bool = False
    seen: UUID | None = Field(
        None, description="The newest message that its writer saw: 409 `answered_meanwhile` when a colleague answered."
    )
    force: bool = Field(False, description="Send it though a colleague answered meanwhile.")
    state: State | None = Field(None, description="What the conversation becomes by it.")


class ByMessage(Input):
    """A message."""

    id: UUID


class ByMessageFile(Input):
    """A file of a conversation."""

    id: UUID
    file_id: UUID


def render_message(view: MessageView) -> Message:
    """The message's body."""
    return Message.model_validate(view)


def _file(view: MessageFileView) -> MessageFile:
    return MessageFile.model_validate(view)


@endpoint(
    "GET", "/conversations/{id}/messages", right="conversations.read", summary="A conversation's messages, latest first"
)
async def messages(ask: Ask, path: ById, query: Paging) -> Page[Message]:
    found = await list_messages(
        ask.house.db, ask.house.keyring, ask.viewer, path.id, limit=query.limit + 1, before=id_cursor(query.cursor)
    )
    return paged(found, query.limit, render_message, lambda view: str(view.id))


@endpoint(
    "POST", "/conversations/{id}/messages", right="conversations.write", summary="Reply, or write a note", status=201,
    idempotent=True,
)  # fmt: skip
async def reply(ask: Ask, path: ById, body: MessageCreate) -> Reply[Message]:
    """It is queued and leaves by itself; `message.updated` tells what became of it. 409 `answered_meanwhile`,
    `window_closed` (WhatsApp, 24 hours), `suppressed` or `no_sender` say why it is not sent."""
    new = NewReply(**{**body.model_dump(), "files": tuple(body.files)})
    made = await replies.send(ask.house, ask.viewer, path.id, new, ask.idempotency())
    return Reply(render_message(made), headers={"Location": f"/api/v1/messages/{made.id}"})


@endpoint("GET", "/messages/{id}", right="conversations.read", summary="One message")
async def one_message(ask: Ask, path: ByMessage) -> Message:
    return render_message(await get_message(ask.house.db, ask.house.keyring, ask.viewer, path.id))


@endpoint("POST", "/messages/{id}/send", right="conversations.write", summary="Send a failed message again")
async def send_again(ask: Ask, path: ByMessage) -> Message:
    """Also one of which nobody knows whether it left: it may arrive twice then."""
    return render_message(await replies.send_again(ask.house, ask.viewer, path.id))


@endpoint(
    "POST", "/conversations/{id}/files", right="conversations.write", summary="Send a file for a reply", status=201,
    takes="application/octet-stream",
)  # fmt: skip
async def add_file(ask: Ask, path: ById, query: FileQuery) -> Reply[MessageFile]:
    """The body is the file as it is; what it is, its content says. It leaves with the reply that names it within a
    day. Too large is 413, a program 415, no room 507."""
    request = ask.request
    made = await message_files.add_file(
        ask.house, ask.viewer, path.id, query.name, request.content_length, pieces(request)
    )
    return Reply(_file(made), headers={"Location": f"{request.path}/{made.id}/content"})


@endpoint(
    "GET", "/conversations/{id}/files/{file_id}/content", right="conversations.read", summary="A file's content",
    media_type="*/*",
)  # fmt: skip
async def get_content(ask: Ask, path: ByMessageFile) -> web.StreamResponse:
    """Always a download; what would run in a browser is `application/octet-stream`. It is noted in the audit trail."""
    view, reader = await message_files.open_file(ask.house, ask.viewer, path.id, path.file_id)
    return await downloads.send(ask.request, reader, downloads.headers(view.name, view.media_type))


routes: list[Endpoint] = [messages, reply, one_message, send_again, add_file, get_content]
