"""Reads of mail: where a mail belongs, its thread, how an address fared, how far a mailbox was read."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.keys import Keyring
from hotline.crm.personal_keys import load_personal_key
from hotline.crm.viewer import Viewer

#: Messages of a conversation that a mail refers to.
THREAD: Final = 30


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation that a mail may belong to, and the message that it answers, if it names one."""

    conversation_id: UUID
    address_index: bytes | None
    message_id: UUID | None = None


async def place_of_conversation(db: Reader, viewer: Viewer, conversation_id: UUID) -> Place | None:
    """The conversation of an id."""
    _system(viewer)
    row = await db.fetchrow(
        "SELECT id, address_index FROM conversation WHERE id = $1 AND channel = 'email'", conversation_id
    )
    return None if row is None else Place(row["id"], row["address_index"])


async def places_of_messages(
    db: Reader, viewer: Viewer, ids: Collection[UUID], provider_ids: Collection[str], account: str
) -> list[Place]:
    """Where messages of these ids, or of these ids of the provider's, are; the newest first."""
    _system(viewer)
    rows = await db.fetch(
        """SELECT m.id, m.conversation_id, v.address_index
           FROM message m JOIN conversation v ON v.id = m.conversation_id
           WHERE v.channel = 'email'
             AND (m.id = ANY($1::uuid[]) OR (m.provider_account = $2 AND m.provider_id = ANY($3::text[])))
           ORDER BY m.at DESC, m.id DESC LIMIT 50""",
        *(list(ids), account, list(provider_ids)),
    )
    return [Place(row["conversation_id"], row["address_index"], row["id"]) for row in rows]


async def messages_since(db: Reader, viewer: Viewer, address_index: bytes, since: datetime) -> int:
    """How many mails came from an address."""
    _system(viewer)
    found: int = await db.fetchval(
        """SELECT count(*) FROM conversation v JOIN message m ON m.conversation_id = v.id
           WHERE v.address_index = $1 AND v.channel = 'email' AND m.direction = 'in' AND m.at >= $2""",
        *(address_index, since),
    )
    return found


@dataclass(frozen=True, slots=True)
class Earlier:
    """A message of a thread, opened. ``header_id`` is the Message-ID of one that came in; ``kind`` as it is kept."""

    id: UUID
    direction: str
    kind: str
    at: datetime
    body: str = field(repr=False)
    header_id: str = ""
    references: tuple[str, ...] = ()


async def thread_of(db: Reader, viewer: Viewer, keyring: Keyring, conversation_id: UUID) -> list[Earlier]:
    """The messages of a conversation that were sent or received, the newest first; empty when they were erased."""
    _system(viewer)
    key_id = await db.fetchval("SELECT key_id FROM conversation WHERE id = $1", conversation_id)
    key = await load_personal_key(db, keyring, key_id) if key_id is not None else None
    if key is None:
        return []
    rows = await db.fetch(
        """SELECT id, direction, kind, at, body_cipher, sealed FROM message
           WHERE conversation_id = $1 AND kind <> 'note' AND (direction = 'in' OR sent_at IS NOT NULL)
           ORDER BY at DESC, id DESC LIMIT $2""",
        *(conversation_id, THREAD),
    )
    found = []
    for row in rows:
        body = (
            keyring.decrypt(key, "message", "body_cipher", row["id"], row["body_cipher"]) if row["body_cipher"] else ""
        )
        extra = json.loads(keyring.decrypt(key, "message", "sealed", row["id"], row["sealed"])) if row["sealed"] else {}
        references: Sequence[str] = extra.get("references") or ()
        found.append(
            Earlier(
                row["id"], row["direction"], row["kind"], row["at"], body, extra.get("message_id") or "",
                tuple(references),
            )
        )  # fmt: skip
    return found


async def names_of(db: Reader, viewer: Viewer, keyring: Keyring, conversation_id: UUID) -> tuple[str, str]:
    """(the address of a conversation, the name beside it); empty when they were erased."""
    _system(viewer)
    row = await db.fetchrow(
        "SELECT key_id, address_cipher, name_cipher FROM conversation WHERE id = $1", conversation_id
    )
    key = await load_personal_key(db, keyring, row["key_id"]) if row is not None else None
    if row is None or key is None:
        return "", ""

    def opened(column: str) -> str:
        sealed = row[column]
        return keyring.decrypt(key, "conversation", column, conversation_id, sealed) if sealed else ""

    return opened("address_cipher"), opened("name_cipher")


async def mailbox_read(db: Reader, viewer: Viewer, mailbox: str) -> tuple[int, int] | None:
    """(UIDVALIDITY, the last id that was taken in) of a mailbox; None for one that was never read."""
    _system(viewer)
    row = await db.fetchrow("SELECT uid_validity, uid FROM mailbox WHERE id = $1", mailbox)
    return None if row is None else (row["uid_validity"], row["uid"])


def _system(viewer: Viewer) -> None:
    """Mail finds its conversation before anybody looks at it."""
    viewer.require("conversations.read_all")
