"""Files of messages: their rows. ``workflows.conversations.message_files`` fetches, writes and removes what
lies on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from hotline.crm.keys import PersonalKey, Wrapped
from hotline.crm.personal_keys import create_personal_key, destroy_personal_key, keep_personal_key, load_personal_keys
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Invalid


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that is on the disk, sealed."""

    id: UUID
    key: PersonalKey = field(repr=False)
    wrapped: Wrapped = field(repr=False)
    name: str = field(repr=False)
    media_type: str
    size: int
    sha256: bytes
    path: str
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that was not taken in: ``reason`` is ``too_large``, ``program``, ``gone``, ``address``, ``no_room``."""

    name: str = field(repr=False)
    media_type: str
    reason: str
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class FileAt:
    """A file that is to be fetched from ``url``."""

    url: str = field(repr=False)
    media_type: str
    name: str = field(default="", repr=False)
    content_id: str | None = None


IncomingFile = KeptFile | RefusedFile | FileAt

_INSERT = """
INSERT INTO message_file (id, conversation_id, message_id, user_id, position, state, reason, key_id, name_cipher,
    source_cipher, media_type, content_id, bytes, sha256, path, fetch_at, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""


async def add_files(
    uow: UnitOfWork, conversation_id: UUID, message_id: UUID | None, files: Sequence[IncomingFile]
) -> bool:
    """Add files to a message, or, without one, beside the reply that the viewer writes; says whether any waits to be
    fetched."""
    for position, each in enumerate(files):
        if isinstance(each, KeptFile):
            await keep_personal_key(uow, each.key, each.wrapped)
            file_id, key, state, reason = each.id, each.key, "kept", None
        else:
            file_id, key = uow.new_id(), await create_personal_key(uow)
            state, reason = ("waiting", None) if isinstance(each, FileAt) else ("refused", each.reason)

        kept = each if isinstance(each, KeptFile) else None
        url = each.url if isinstance(each, FileAt) else ""
        await uow.execute(
            _INSERT, file_id, conversation_id, message_id, uow.viewer.user_id, position, state, reason, key.id,
            _sealed(uow, key, file_id, "name_cipher", each.name), _sealed(uow, key, file_id, "source_cipher", url),
            each.media_type[:100], (each.content_id or "")[:255] or None, kept.size if kept else None,
            kept.sha256 if kept else None, kept.path if kept else None, uow.now if url else None, uow.now,
        )  # fmt: skip
    return any(isinstance(each, FileAt) for each in files)


def _sealed(uow: UnitOfWork, key: PersonalKey, file_id: UUID, column: str, text: str) -> bytes | None:
    return uow.keyring.encrypt(key, "message_file", column, file_id, text) if text else None


async def take_files(uow: UnitOfWork, conversation_id: UUID, message_id: UUID, file_ids: Sequence[UUID]) -> int:
    """Give the files that the viewer put beside their reply to the message. Raises Invalid for others."""
    for position, file_id in enumerate(dict.fromkeys(file_ids)):
        tag = await uow.execute(
            """UPDATE message_file SET message_id = $3, position = $4 WHERE id = $1 AND conversation_id = $2
                 AND message_id IS NULL AND user_id IS NOT DISTINCT FROM $5 AND state = 'kept'""",
            *(file_id, conversation_id, message_id, position, uow.viewer.user_id),
        )
        if tag != "UPDATE 1":
            raise Invalid("files: there is no such file, or it was sent already.")
    return len(set(file_ids))


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A file that is to be fetched now, leased for a while."""

    id: UUID
    message_id: UUID
    conversation_id: UUID
    key: PersonalKey = field(repr=False)
    url: str = field(repr=False)
    name: str = field(repr=False)
    media_type: str
    attempts: int
    account_sid: str | None


async def lease_waiting(uow: UnitOfWork, until: datetime, limit: int) -> list[WaitingFile]:
    """Files that are due to be fetched, nobody else's until then. One whose key is destroyed is forgotten."""
    rows = await uow.fetch(
        """WITH due AS (SELECT id FROM message_file WHERE state = 'waiting' AND fetch_at <= $1
                        ORDER BY fetch_at, id LIMIT $3 FOR UPDATE SKIP LOCKED)
           UPDATE message_file f SET fetch_at = $2, attempts = f.attempts + 1 FROM due, message m
           WHERE f.id = due.id AND m.id = f.message_id
           RETURNING f.id, f.message_id, f.conversation_id, f.key_id, f.source_cipher, f.name_cipher, f.media_type,
                     f.attempts, m.provider_account""",
        *(uow.now, until, limit),
    )
    keys = await load_personal_keys(uow, uow.keyring, [row["key_id"] for row in rows])
    found = []
    for row in rows:
        key = keys.get(row["key_id"])
        if key is None or row["source_cipher"] is None:
            await uow.execute("DELETE FROM message_file WHERE id = $1", row["id"])
            continue
        opened = uow.keyring.decrypt
        name = row["name_cipher"]
        found.append(
            WaitingFile(
                row["id"], row["message_id"], row["conversation_id"], key,
                opened(key, "message_file", "source_cipher", row["id"], row["source_cipher"]),
                opened(key, "message_file", "name_cipher", row["id"], name) if name else "",
                row["media_type"], row["attempts"], row["provider_account"],
            )
        )  # fmt: skip
    return found


async def keep_fetched(
    uow: UnitOfWork, file: WaitingFile, *, name: str, media_type: str, size: int, sha256: bytes, path: str
) -> bool:
    """A file was fetched and lies on the disk; False when its row has gone meanwhile."""
    tag = await uow.execute(
        """UPDATE message_file SET state = 'kept', reason = NULL, name_cipher = $2, source_cipher = NULL,
               media_type = $3, bytes = $4, sha256 = $5, path = $6, fetch_at = NULL
           WHERE id = $1 AND state = 'waiting'
             AND EXISTS (SELECT 1 FROM personal_key k WHERE k.id = message_file.key_id AND k.wrapped IS NOT NULL)""",
        *(file.id, _sealed(uow, file.key, file.id, "name_cipher", name), media_type, size, sha256, path),
    )
    return tag == "UPDATE 1"


async def refuse_fetched(uow: UnitOfWork, file_id: UUID, reason: str) -> None:
    """A file will never be fetched; its source is forgotten."""
    await uow.execute(
        """UPDATE message_file SET state = 'refused', reason = $2, source_cipher = NULL, fetch_at = NULL
           WHERE id = $1 AND state = 'waiting'""",
        *(file_id, reason),
    )


async def put_off(uow: UnitOfWork, file_id: UUID, until: datetime) -> None:
    """A file is to be fetched later."""
    await uow.execute("UPDATE message_file SET fetch_at = $2 WHERE id = $1 AND state = 'waiting'", file_id, until)


async def forget_unsent(uow: UnitOfWork, before: datetime, *, limit: int) -> list[str]:
    """Delete files that lie beside replies which nobody sent; the paths of what lies on the disk."""
    rows = await uow.fetch(
        """DELETE FROM message_file WHERE id IN (
               SELECT id FROM message_file WHERE message_id IS NULL AND at < $1 ORDER BY at LIMIT $2
               FOR UPDATE SKIP LOCKED) RETURNING path, key_id""",
        *(before, limit),
    )
    for row in rows:
        await destroy_personal_key(uow, row["key_id"])
    return [row["path"] for row in rows if row["path"] is not None]
