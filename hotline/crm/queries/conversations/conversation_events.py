"""What the events of conversations and messages show their viewer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Database
from hotline.crm.keys import Keyring
from hotline.crm.queries.conversations.conversations import ConversationView, get_conversation
from hotline.crm.queries.conversations.messages import MessageView, get_message
from hotline.crm.queries.event_reads import EventReads
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound
from hotline.events import Event

Read = tuple[ConversationView, MessageView | None]

_READS: Final = EventReads[Read]("conversation-read", lambda read: read[0].version)


async def render_conversation_event(
    db: Database, keyring: Keyring, viewer: Viewer, event: Event
) -> dict[str, Any] | None:
    """The event's data with the conversation, and the message that it is about; without them for who lost it. Its
    audience decides who gets it."""
    told = dict(event.data)
    if not viewer.may("conversations.read"):
        return None
    if event.type == "conversation.typing":
        return await _typing(db, told)
    if told.get("lost"):
        return told
    try:
        conversation, message = await _read(db, keyring, viewer, event)
    except NotFound:
        return None
    told["conversation"] = conversation_body(viewer, conversation)
    if message is not None:
        told["message"] = asdict(message)
    return told


def conversation_body(viewer: Viewer, conversation: ConversationView) -> Mapping[str, Any]:
    """A conversation as its events show it. Whether the ticket is the viewer's to see is for who opens it."""
    body = asdict(conversation)
    if body["ticket"] is not None:
        body["ticket"].pop("seen")
        if not viewer.may("tickets.read"):
            body["ticket"] = None
    return body


async def _typing(db: Database, told: dict[str, Any]) -> dict[str, Any] | None:
    """Who writes, by name; also to the one who does, whose other browsers may want to know."""
    name = await db.fetchval("SELECT name FROM users WHERE id = $1", UUID(told["user_id"]))
    return None if name is None else told | {"user_name": name}


async def _read(db: Database, keyring: Keyring, viewer: Viewer, event: Event) -> Read:
    async def load(reader: Viewer) -> Read:
        found = await get_conversation(db, keyring, reader, UUID(event.data["conversation_id"]))
        message = event.data.get("message_id")
        return found, None if message is None else await get_message(db, keyring, reader, UUID(message))

    # What a message's event tells raises no version of its conversation: it is read once for that event.
    about = event.data["conversation_id"] if event.type.startswith("conversation.") else event.id
    return await _READS.read(db, viewer, str(about), int(event.data.get("version", 0)), load)
