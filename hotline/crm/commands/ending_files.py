"""Files that lie for a day and end, with their job and their key; each step is noted in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.personal_keys import destroy_personal_key
from hotline.crm.queries.ending_files import Table
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, NotFound

#: What each is called in the audit trail.
_SUBJECTS: Final[Mapping[Table, str]] = {"customer_export": "export", "push_file": "push_file"}


async def note_job(uow: UnitOfWork, table: Table, file_id: UUID, job_id: UUID) -> None:
    """Join a file to the job that reads or writes it."""
    await uow.execute(f"UPDATE {table} SET job_id = $2 WHERE id = $1", file_id, job_id)  # noqa: S608


async def note_whole(
    uow: UnitOfWork, table: Table, file_id: UUID, *, path: str, size: int, rows: int, expires_at: datetime
) -> None:
    """The file is whole. Raises Conflict when it was ended meanwhile."""
    tag = await uow.execute(
        f"""UPDATE {table} SET path = $2, bytes = $3, rows = $4, expires_at = $5
            WHERE id = $1 AND deleted_at IS NULL""",  # noqa: S608
        *(file_id, path, size, rows, expires_at),
    )
    if tag == "UPDATE 0":
        raise Conflict("This export was deleted.")
    uow.audit(f"{_SUBJECTS[table]}:written", file_id, rows=rows, bytes=size)


async def note_download(uow: UnitOfWork, table: Table, file_id: UUID) -> None:
    """Somebody took the file."""
    uow.audit(f"{_SUBJECTS[table]}:downloaded", file_id)


async def end_file(uow: UnitOfWork, table: Table, file_id: UUID) -> str | None:
    """End a file before its time; its path, to be removed after the commit. Raises NotFound."""
    row = await uow.fetchrow(
        f"SELECT id FROM {table} WHERE id = $1 AND deleted_at IS NULL FOR UPDATE",  # noqa: S608
        file_id,
    )
    if row is None:
        raise NotFound()
    paths = await end_files(uow, table, [file_id])
    uow.audit(f"{_SUBJECTS[table]}:deleted", file_id)
    return paths[0] if paths else None


async def end_expired(uow: UnitOfWork, table: Table, *, limit: int = 500) -> list[str]:
    """End what is past its time; the paths, to be removed after the commit."""
    rows = await uow.fetch(
        f"""SELECT id FROM {table} WHERE deleted_at IS NULL AND expires_at <= $1
            ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED""",  # noqa: S608
        *(uow.now, limit),
    )
    return await end_files(uow, table, [row["id"] for row in rows])


async def end_files(uow: UnitOfWork, table: Table, ids: Sequence[UUID]) -> list[str]:
    """End files that are locked; the paths, to be removed after the commit."""
    rows = await uow.fetch(
        f"UPDATE {table} SET deleted_at = $2 WHERE id = ANY($1::uuid[]) RETURNING path, key_id",  # noqa: S608
        *(list(ids), uow.now),
    )
    for row in rows:
        await destroy_personal_key(uow, row["key_id"])
    return [row["path"] for row in rows if row["path"] is not None]
