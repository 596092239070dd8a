"""Files of campaigns that lie for a day: kept, joined to their job, taken, ended; each noted in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from hotline.crm.keys import PersonalKey, Wrapped
from hotline.crm.personal_keys import destroy_personal_key, keep_personal_key
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, NotFound

Kind = Literal["suppressions", "deliveries"]
TABLE: Final = "push_file"


async def add_push_file(
    uow: UnitOfWork,
    file_id: UUID,
    kind: Kind,
    key: PersonalKey,
    wrapped: Wrapped,
    *,
    name: str,
    format: str,
    language: str,
    chosen: Mapping[str, Any],
    expires_at: datetime,
    path: str | None = None,
    size: int | None = None,
) -> None:
    """Keep what somebody has brought, or wants to have, under a key of its own."""
    await keep_personal_key(uow, key, wrapped)
    await uow.execute(
        """INSERT INTO push_file (id, kind, created_by_id, key_id, name_cipher, format, language, chosen, path, bytes,
                                  created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)""",
        *(file_id, kind, uow.viewer.user_id, key.id),
        uow.keyring.encrypt(key, TABLE, "name_cipher", file_id, name),
        *(format, language, dict(chosen), path, size, uow.now, expires_at),
    )
    uow.audit(f"push_file:{'brought' if kind == 'suppressions' else 'asked'}", file_id, kind=kind, **chosen)


async def note_push_job(uow: UnitOfWork, file_id: UUID, job_id: UUID) -> None:
    """Join a file to the job that reads or writes it."""
    await uow.execute("UPDATE push_file SET job_id = $2 WHERE id = $1", file_id, job_id)


async def note_written(
    uow: UnitOfWork, file_id: UUID, *, path: str, size: int, rows: int, expires_at: datetime
) -> None:
    """The file is whole. Raises Conflict when it was ended meanwhile."""
    tag = await uow.execute(
        """UPDATE push_file SET path = $2, bytes = $3, rows = $4, expires_at = $5
           WHERE id = $1 AND deleted_at IS NULL""",
        *(file_id, path, size, rows, expires_at),
    )
    if tag == "UPDATE 0":
        raise Conflict("This export was deleted.")
    uow.audit("push_file:written", file_id, rows=rows, bytes=size)


async def note_taken(uow: UnitOfWork, file_id: UUID) -> None:
    """Somebody took the file."""
    uow.audit("push_file:downloaded", file_id)


async def end_push_file(uow: UnitOfWork, file_id: UUID) -> str | None:
    """End a file before its time; its path, to be removed after the commit. Raises NotFound."""
    row = await uow.fetchrow("SELECT id FROM push_file WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", file_id)
    if row is None:
        raise NotFound()
    paths = await _end(uow, [file_id])
    uow.audit("push_file:deleted", file_id)
    return paths[0] if paths else None


async def end_expired_files(uow: UnitOfWork, *, limit: int = 500) -> list[str]:
    """End what is past its time; the paths, to be removed after the commit."""
    rows = await uow.fetch(
        """SELECT id FROM push_file WHERE deleted_at IS NULL AND expires_at <= $1
           ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED""",
        *(uow.now, limit),
    )
    return await _end(uow, [row["id"] for row in rows])


async def forget_exports(uow: UnitOfWork) -> list[str]:
    """End every export that is still kept: somebody is erased, and nobody knows in which of them they are. A list that
    is being read goes on: it is there so that nobody is written to. The paths, to be removed after the commit."""
    rows = await uow.fetch("SELECT id FROM push_file WHERE kind = 'deliveries' AND deleted_at IS NULL FOR UPDATE")
    return await _end(uow, [row["id"] for row in rows])


async def _end(uow: UnitOfWork, ids: Sequence[UUID]) -> list[str]:
    rows = await uow.fetch(
        "UPDATE push_file SET deleted_at = $2 WHERE id = ANY($1::uuid[]) RETURNING path, key_id", list(ids), uow.now
    )
    for row in rows:
        await destroy_personal_key(uow, row["key_id"])
    return [row["path"] for row in rows if row["path"] is not None]
