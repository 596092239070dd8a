"""Writes of messages: what came in, what is to leave, and the files of both, sealed under their conversation's key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.conversations.states import Direction, Kind
from hotline.crm.commands.conversations.conversations import ConversationRecord, conversation_marks
from hotline.crm.keys import PersonalKey
from hotline.crm.unit_of_work import UnitOfWork

#: Longest text that is kept of a message; channels have limits of their own.
LONGEST: Final = 200_000


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message that is to be written. ``details`` is what else is known of it, personal things among them: a place,
    a template's variables."""

    id: UUID
    direction: Direction
    kind: Kind
    at: datetime
    state: str | None
    body: str = ""
    html: str | None = None
    user_id: UUID | None = None
    provider_account: str | None = None
    provider_id: str | None = None
    in_reply_to: UUID | None = None
    template: str | None = None
    encoding: str | None = None
    segments: int | None = None
    send_at: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


async def known_message(uow: UnitOfWork, account: str | None, provider_id: str | None) -> tuple[UUID, UUID] | None:
    """(message, conversation) of what a provider told of before; None for what is new."""
    if provider_id is None:
        return None
    row = await uow.fetchrow(
        "SELECT id, conversation_id FROM message WHERE provider_account IS NOT DISTINCT FROM $1 AND provider_id = $2",
        *(account, provider_id),
    )
    return None if row is None else (row["id"], row["conversation_id"])


async def write_message(uow: UnitOfWork, conversation: ConversationRecord, key: PersonalKey, new: NewMessage) -> None:
    """Add a message to a conversation that is saved, and tell it."""

    def sealed(column: str, text: str | None) -> bytes | None:
        return uow.keyring.encrypt(key, "message", column, new.id, text) if text else None

    details = json.dumps(new.details, ensure_ascii=False, default=str) if new.details else None
    await uow.execute(
        """INSERT INTO message (id, conversation_id, direction, kind, state, at, user_id, body_cipher, html_cipher,
               sealed, provider_account, provider_id, in_reply_to, template, encoding, segments, send_at, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)""",
        *(new.id, conversation.id, new.direction, new.kind, new.state, new.at, new.user_id),
        *(sealed("body_cipher", new.body[:LONGEST]), sealed("html_cipher", new.html), sealed("sealed", details)),
        *(new.provider_account, new.provider_id, new.in_reply_to, new.template, new.encoding, new.segments),
        *(new.send_at, uow.now),
    )
    tell_message(uow, conversation, new.id, "received" if new.direction == "in" else "sent", new.kind, new.state)


def tell_message(
    uow: UnitOfWork, conversation: ConversationRecord, message_id: UUID, what: str, kind: str, state: str | None
) -> None:
    """Tell those who see the conversation that a message was received, sent or updated."""
    uow.emit(
        f"message.{what}", conversation_marks(conversation), message_id=message_id,
        conversation_id=conversation.id, ticket_id=conversation.ticket_id, version=conversation.version, kind=kind,
        state=state,
    )  # fmt: skip
