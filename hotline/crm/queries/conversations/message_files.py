"""Files of messages, for who sees their conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.queries.conversations.conversations import require_conversation
from hotline.crm.queries.conversations.messages import MessageFileView
from hotline.crm.viewer import Viewer
from hotline.customers.file_types import lies
from hotline.errors import NotFound


@dataclass(frozen=True, slots=True)
class SealedMessageFile:
    """A file that is kept, with what opens it."""

    view: MessageFileView
    conversation_id: UUID
    path: str
    key: PersonalKey = field(repr=False)


_SELECT: Final = """
SELECT f.id, f.conversation_id, f.name_cipher, f.media_type, f.bytes, f.state, f.reason, f.content_id, f.path,
    f.user_id, f.message_id, k.id AS key_id, k.wrapped, k.master
FROM message_file f JOIN personal_key k ON k.id = f.key_id
"""


async def get_message_file(
    db: Reader, keyring: Keyring, viewer: Viewer, conversation_id: UUID, file_id: UUID
) -> SealedMessageFile:
    """A file of a conversation that the viewer sees, or one that they put beside their reply. Raises NotFound, also
    for one that was not taken in."""
    await require_conversation(db, viewer, conversation_id)
    row = await db.fetchrow(
        f"{_SELECT} WHERE f.id = $1 AND f.conversation_id = $2 AND f.deleted_at IS NULL",
        *(file_id, conversation_id),
    )
    if row is None or row["path"] is None or row["wrapped"] is None:
        raise NotFound("There is no such file.")
    if row["message_id"] is None and row["user_id"] != viewer.user_id:
        raise NotFound("There is no such file.")
    return _sealed(keyring, row)


async def get_any_file(db: Reader, keyring: Keyring, viewer: Viewer, file_id: UUID) -> SealedMessageFile:
    """A file by its id alone, for the provider that fetches what is sent. Raises NotFound."""
    viewer.require("conversations.read_all")
    row = await db.fetchrow(f"{_SELECT} WHERE f.id = $1 AND f.deleted_at IS NULL", file_id)
    if row is None or row["path"] is None or row["wrapped"] is None:
        raise NotFound("There is no such file.")
    return _sealed(keyring, row)


def _sealed(keyring: Keyring, row: Row) -> SealedMessageFile:
    key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
    cipher = row["name_cipher"]
    name = keyring.decrypt(key, "message_file", "name_cipher", row["id"], cipher) if cipher is not None else "file"
    view = MessageFileView(
        row["id"], name, row["media_type"], row["bytes"], row["state"], row["reason"], row["content_id"],
        lies(row["media_type"], name),
    )  # fmt: skip
    return SealedMessageFile(view, row["conversation_id"], row["path"], key)


async def bytes_kept(db: Reader, viewer: Viewer) -> int:
    """How many bytes the files of customers and of messages take."""
    viewer.require("conversations.read")
    found: int = await db.fetchval(
        """SELECT COALESCE((SELECT sum(bytes) FROM customer_file), 0)
                + COALESCE((SELECT sum(bytes) FROM message_file), 0)"""
    )
    return int(found)
