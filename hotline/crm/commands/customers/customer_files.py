"""Files of customers: their rows. ``workflows.customers.customer_files`` writes and removes what lies on the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hotline.crm.commands.customers.customers import CustomerRow, changed
from hotline.crm.keys import PersonalKey, Wrapped
from hotline.crm.personal_keys import destroy_personal_key, keep_personal_key
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import NotFound


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is on the disk, sealed."""

    id: UUID
    name: str
    media_type: str
    size: int
    sha256: bytes
    path: str


async def add_file(uow: UnitOfWork, customer: CustomerRow, new: NewFile, key: PersonalKey, wrapped: Wrapped) -> None:
    """Add a file to a locked customer."""
    await keep_personal_key(uow, key, wrapped)
    await uow.execute(
        """INSERT INTO customer_file (id, customer_id, key_id, name_cipher, media_type, bytes, sha256, path,
                                      uploaded_by_id, at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        *(new.id, customer.id, key.id, uow.keyring.encrypt(key, "customer_file", "name_cipher", new.id, new.name)),
        *(new.media_type, new.size, new.sha256, new.path, uow.viewer.user_id, uow.now),
    )
    await _put_line(uow, customer.id, new.id, uow.now)
    await changed(uow, customer, {"files": (None, _plain(new.id, new.name, new.media_type, new.size))})
    uow.audit("customer_file:added", new.id, customer_id=customer.id, media_type=new.media_type, bytes=new.size)


async def set_deleted(
    uow: UnitOfWork, customer: CustomerRow, file_id: UUID, name: str | None, *, deleted: bool
) -> None:
    """Take a file of a locked customer away, or give it back. Raises NotFound."""
    row = await uow.fetchrow(
        """UPDATE customer_file SET deleted_at = $3 WHERE id = $1 AND customer_id = $2
             AND (deleted_at IS NULL) = ($3::timestamptz IS NOT NULL) RETURNING media_type, bytes, at""",
        *(file_id, customer.id, uow.now if deleted else None),
    )
    if row is None:
        raise NotFound()
    if deleted:
        await uow.execute("DELETE FROM interaction WHERE id = $1", file_id)
    else:
        await _put_line(uow, customer.id, file_id, row["at"])
    plain = _plain(file_id, name, row["media_type"], row["bytes"])
    await changed(uow, customer, {"files": (plain, None) if deleted else (None, plain)})
    uow.audit("customer_file:deleted" if deleted else "customer_file:restored", file_id, customer_id=customer.id)


async def audit_access(uow: UnitOfWork, file_id: UUID, customer_id: UUID) -> None:
    """Note that somebody got a file."""
    uow.audit("customer_file:downloaded", file_id, customer_id=customer_id)


async def forget_deleted(uow: UnitOfWork, before: datetime, *, limit: int) -> list[str]:
    """Destroy the keys of files that were deleted before then, and their rows; the paths of what lies on the disk."""
    rows = await uow.fetch(
        """DELETE FROM customer_file WHERE id IN
               (SELECT id FROM customer_file WHERE deleted_at < $1 ORDER BY deleted_at LIMIT $2 FOR UPDATE SKIP LOCKED)
           RETURNING path, key_id""",
        *(before, limit),
    )
    for row in rows:
        await destroy_personal_key(uow, row["key_id"])
    return [row["path"] for row in rows]


async def forget_taken_away(uow: UnitOfWork, before: datetime, *, limit: int) -> int:
    """Delete relations and purchases that were taken away before then for good, at most ``limit`` of each; how many."""
    gone = 0
    for table in ("customer_relation", "purchase"):
        tag = await uow.execute(
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE deleted_at < $1 LIMIT $2)",  # noqa: S608
            *(before, limit),
        )
        gone += int(tag.rsplit(" ", 1)[-1])
    return gone


async def _put_line(uow: UnitOfWork, customer_id: UUID, file_id: UUID, at: datetime) -> None:
    await uow.execute(
        """INSERT INTO interaction (id, customer_id, kind, user_id, at, data) VALUES ($1, $2, 'file', $3, $4, '{}')
           ON CONFLICT (id) DO NOTHING""",
        *(file_id, customer_id, uow.viewer.user_id, at),
    )


def _plain(file_id: UUID, name: str | None, media_type: str, size: int) -> Mapping[str, Any]:
    """What the history keeps of a file."""
    return {"id": str(file_id), "name": name, "media_type": media_type, "bytes": size}
