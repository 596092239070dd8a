"""Exports: asked for, written, downloaded, ended; each noted in the audit trail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.keys import PersonalKey
from hotline.crm.personal_keys import create_personal_key, destroy_personal_key
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, NotFound

TABLE: Final = "customer_export"


async def add_export(
    uow: UnitOfWork,
    export_id: UUID,
    *,
    format: str,
    language: str,
    fields: Sequence[str],
    chosen: Mapping[str, Any],
    expires_at: datetime,
) -> PersonalKey:
    """Keep what somebody wants exported, under a key of its own."""
    key = await create_personal_key(uow)
    await uow.execute(
        """INSERT INTO customer_export (id, created_by_id, key_id, format, language, fields, filter_cipher, created_at,
                                        expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        *(export_id, uow.viewer.user_id, key.id, format, language, list(fields)),
        uow.keyring.encrypt(key, TABLE, "filter_cipher", export_id, json.dumps(chosen, ensure_ascii=False)),
        *(uow.now, expires_at),
    )
    uow.audit("export:started", export_id, format=format, fields=list(fields), narrowed=sorted(chosen))
    return key


async def note_job(uow: UnitOfWork, export_id: UUID, job_id: UUID) -> None:
    """Join an export to the job that writes it."""
    await uow.execute("UPDATE customer_export SET job_id = $2 WHERE id = $1", export_id, job_id)


async def note_file(uow: UnitOfWork, export_id: UUID, *, path: str, size: int, rows: int, expires_at: datetime) -> None:
    """The file is whole. Raises Conflict when the export was deleted meanwhile."""
    tag = await uow.execute(
        """UPDATE customer_export SET path = $2, bytes = $3, rows = $4, expires_at = $5
           WHERE id = $1 AND deleted_at IS NULL""",
        *(export_id, path, size, rows, expires_at),
    )
    if tag == "UPDATE 0":
        raise Conflict("This export was deleted.")
    uow.audit("export:written", export_id, rows=rows, bytes=size)


async def note_download(uow: UnitOfWork, export_id: UUID) -> None:
    """Somebody took the file."""
    uow.audit("export:downloaded", export_id)


async def end_export(uow: UnitOfWork, export_id: UUID) -> str | None:
    """End an export before its time; the path of its file, to be removed after the commit. Raises NotFound."""
    row = await uow.fetchrow(
        "SELECT id FROM customer_export WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", export_id
    )
    if row is None:
        raise NotFound()
    paths = await _end(uow, [export_id])
    uow.audit("export:deleted", export_id)
    return paths[0] if paths else None


async def end_expired(uow: UnitOfWork, *, limit: int = 500) -> list[str]:
    """End what is past its time; the paths of their files, to be removed after the commit."""
    rows = await uow.fetch(
        """SELECT id FROM customer_export WHERE deleted_at IS NULL AND expires_at <= $1
           ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED""",
        *(uow.now, limit),
    )
    return await _end(uow, [row["id"] for row in rows])


async def forget_all(uow: UnitOfWork) -> list[str]:
    """End every export that is still kept: somebody is erased, and nobody knows in which of them they are. The paths of
    the files, to be removed after the commit."""
    rows = await uow.fetch("SELECT id FROM customer_export WHERE deleted_at IS NULL FOR UPDATE")
    return await _end(uow, [row["id"] for row in rows])


async def _end(uow: UnitOfWork, ids: Sequence[UUID]) -> list[str]:
    rows = await uow.fetch(
        "UPDATE customer_export SET deleted_at = $2 WHERE id = ANY($1::uuid[]) RETURNING path, key_id",
        list(ids),
        uow.now,
    )
    for row in rows:
        await destroy_personal_key(uow, row["key_id"])
    return [row["path"] for row in rows if row["path"] is not None]
