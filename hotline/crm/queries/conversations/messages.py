"""The messages of a conversation as its viewer may see them, with their files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.queries.conversations.conversations import require_conversation
from hotline.crm.viewer import Viewer
from hotline.customers import contact_points
from hotline.customers.file_types import lies
from hotline.errors import NotFound

#: However many are asked for, a page holds no more than this; nor one message more files.
MOST: Final = 201
MOST_FILES: Final = 50


@dataclass(frozen=True, slots=True)
class MessageFileView:
    """A file of a message. ``state``: waiting to be fetched, kept, or refused for ``reason``."""

    id: UUID
    name: str
    media_type: str
    bytes: int | None
    state: str
    reason: str | None
    content_id: str | None
    suspicious: bool


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message in or out, or a note among colleagues. ``user`` is a login. ``html``: it has a part in HTML.
    ``extra`` is what its channel told beside it: a place, buttons, a template's values."""

    id: UUID
    conversation_id: UUID
    direction: str
    kind: str
    state: str | None
    at: datetime
    user: str | None
    user_id: UUID | None
    user_name: str | None
    body: str
    html: str | None
    extra: Mapping[str, Any]
    template: str | None
    encoding: str | None
    segments: int | None
    error_code: str | None
    in_reply_to: UUID | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    files: tuple[MessageFileView, ...]
    erased: bool


_SELECT: Final = f"""
SELECT m.id, m.conversation_id, m.direction, m.kind, m.state, m.at, m.user_id, u.login AS user, u.name AS user_name,
    m.body_cipher, m.html_cipher, m.sealed, m.template, m.encoding, m.segments, m.error_code, m.in_reply_to,
    m.sent_at, m.delivered_at, m.read_at, k.id AS key_id, k.wrapped, k.master,
    ARRAY(SELECT (f.id, f.name_cipher, f.media_type, f.bytes, f.state, f.reason, f.content_id, fk.id, fk.wrapped,
                  fk.master)
          FROM message_file f LEFT JOIN personal_key fk ON fk.id = f.key_id
          WHERE f.message_id = m.id AND f.deleted_at IS NULL ORDER BY f.position, f.id LIMIT {MOST_FILES}) AS files
FROM message m JOIN conversation v ON v.id = m.conversation_id
LEFT JOIN personal_key k ON k.id = v.key_id
LEFT JOIN users u ON u.id = m.user_id
"""  # noqa: S608


async def list_messages(
    db: Reader, keyring: Keyring, viewer: Viewer, conversation_id: UUID, *, limit: int, before: UUID | None = None
) -> list[MessageView]:
    """A page of a conversation, the latest first, those before the message ``before``. Raises NotFound for one that
    the viewer does not see."""
    await require_conversation(db, viewer, conversation_id)
    rows = await db.fetch(
        f"""{_SELECT} WHERE m.conversation_id = $1
            AND ($2::uuid IS NULL OR (m.at, m.id) < (SELECT e.at, e.id FROM message e WHERE e.id = $2))
            ORDER BY m.at DESC, m.id DESC LIMIT $3""",  # noqa: S608
        *(conversation_id, before, max(0, min(limit, MOST))),
    )
    return [_message(keyring, viewer, row) for row in rows]


async def get_message(db: Reader, keyring: Keyring, viewer: Viewer, message_id: UUID) -> MessageView:
    """One message. Raises NotFound, also for one of a conversation that the viewer does not see."""
    row = await db.fetchrow(f"{_SELECT} WHERE m.id = $1", message_id)
    if row is None:
        raise NotFound("There is no such message.")
    await require_conversation(db, viewer, row["conversation_id"])
    return _message(keyring, viewer, row)


def _message(keyring: Keyring, viewer: Viewer, row: Row) -> MessageView:
    key = None if row["wrapped"] is None else keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))

    def text(column: str) -> str | None:
        cipher = row[column]
        return None if key is None or cipher is None else keyring.decrypt(key, "message", column, row["id"], cipher)

    copied: Mapping[str, Any] = {name: row[name] for name in _COPIED}
    return MessageView(
        **copied,
        body=text("body_cipher") or "",
        html=text("html_cipher"),
        extra=_extra(viewer, json.loads(text("sealed") or "{}")),
        files=tuple(_file(keyring, key, fields) for fields in row["files"]),
        erased=key is None,
    )


def _extra(viewer: Viewer, told: dict[str, Any]) -> dict[str, Any]:
    """What was told beside it, the address of who wrote in another's conversation masked as every other."""
    if "email" in viewer.masks and "from" in told:
        told["from"] = contact_points.mask("email", str(told["from"]))
    return told


_COPIED: Final = (
    "id", "conversation_id", "direction", "kind", "state", "at", "user", "user_id", "user_name", "template",
    "encoding", "segments", "error_code", "in_reply_to", "sent_at", "delivered_at", "read_at",
)  # fmt: skip


def _file(keyring: Keyring, conversation: PersonalKey | None, fields: Sequence[Any]) -> MessageFileView:
    file_id, cipher, media_type, size, state, reason, content_id, key_id, wrapped, master = fields
    name = ""
    # One that waits to be fetched has no key of its own yet.
    key = keyring.unwrap(key_id, Wrapped(master, wrapped)) if wrapped is not None else conversation
    if cipher is not None and key is not None and (key_id is None or wrapped is not None):
        name = keyring.decrypt(key, "message_file", "name_cipher", file_id, cipher)
    return MessageFileView(
        file_id,
        name,
        media_type,
        size,
        state,
        reason,
        content_id,
        suspicious=state == "kept" and lies(media_type, name),
    )
