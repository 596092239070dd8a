"""What the events of conversations and messages show their viewer. A conversation that nobody has is told to
everybody: it is read once for all who may see the same of it."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from hotline.crm.database import Database
from hotline.crm.keys import Keyring
from hotline.crm.queries.conversations import ConversationView, get_conversation
from hotline.crm.queries.messages import MessageView, get_message
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import NotFound
from hotline.events import Event

#: How long what was read serves other viewers, in seconds; and how many are kept.
FRESH: Final = 1.0
KEPT: Final = 256

Read = tuple[ConversationView, MessageView | None]


@dataclass(slots=True)
class _Entry:
    task: asyncio.Task[Read]
    since: float


_CACHES: WeakKeyDictionary[Database, OrderedDict[tuple[Any, ...], _Entry]] = WeakKeyDictionary()


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
    cache = _CACHES.setdefault(db, OrderedDict())
    own = viewer.may("customers.read") and viewer.scope_of("customers") != "all"
    # What a message's event tells raises no version of its conversation: it is read once for that event.
    about = event.data["conversation_id"] if event.type.startswith("conversation.") else event.id
    key = (about, viewer.masks, viewer.may("customers.read"), viewer.user_id if own else None)
    entry = cache.get(key)
    if entry is not None and entry.since > time.monotonic() - FRESH:
        read = await asyncio.shield(entry.task)
        if read[0].version >= int(event.data.get("version", 0)):
            return read
    task = asyncio.create_task(_load(db, keyring, viewer, event), name="conversation-read")
    cache[key] = entry = _Entry(task, time.monotonic())
    cache.move_to_end(key)
    while len(cache) > KEPT:
        cache.popitem(last=False)
    try:
        return await asyncio.shield(task)
    except BaseException:
        if cache.get(key) is entry:
            del cache[key]
        raise


async def _load(db: Database, keyring: Keyring, viewer: Viewer, event: Event) -> Read:
    permissions = SYSTEM.permissions if viewer.may("customers.read") else SYSTEM.permissions - {"customers.read"}
    reader = replace(SYSTEM, masks=viewer.masks, permissions=permissions)
    if viewer.may("customers.read") and viewer.scope_of("customers") != "all":
        # Who does not see every customer is shown by their own scope which one it is.
        reader = viewer
    conversation_id = UUID(event.data["conversation_id"])
    message = event.data.get("message_id")
    found = await get_conversation(db, keyring, reader, conversation_id)
    return found, None if message is None else await get_message(db, keyring, reader, UUID(message))
