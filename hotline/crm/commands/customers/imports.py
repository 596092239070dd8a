"""Imports: a file that was brought, how it is to be read, the rows that were refused, and their end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.import_seal import RefusedRow
from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.personal_keys import destroy_personal_key, keep_personal_key
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, NotFound

TABLE: Final = "customer_import"


async def add_import(
    uow: UnitOfWork,
    import_id: UUID,
    key: PersonalKey,
    wrapped: Wrapped,
    *,
    name: str,
    sample: Mapping[str, Any],
    format: str,
    size: int,
    path: str,
    reading: Mapping[str, Any],
    mapping: Sequence[str | None],
    options: Mapping[str, Any],
    rows_estimated: int | None,
) -> None:
    """Keep a file that has been received and looked at."""
    await keep_personal_key(uow, key, wrapped)
    await uow.execute(
        """INSERT INTO customer_import (id, created_by_id, key_id, name_cipher, sample_cipher, format, bytes, path,
                                        reading, mapping, options, rows_estimated, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)""",
        *(import_id, uow.viewer.user_id, key.id),
        uow.keyring.encrypt(key, TABLE, "name_cipher", import_id, name),
        _sample(uow.keyring, key, import_id, sample),
        *(format, size, path, dict(reading), list(mapping), dict(options), rows_estimated, uow.now),
    )
    uow.audit("import:received", import_id, bytes=size, format=format)


async def lock_import(uow: UnitOfWork, import_id: UUID, version: int | None = None) -> None:
    """Hold an import that can still be changed. Raises Conflict when it was started, ended or changed meanwhile."""
    row = await uow.fetchrow(
        "SELECT version, job_id, file_deleted_at FROM customer_import WHERE id = $1 FOR UPDATE", import_id
    )
    if row is None:
        raise NotFound()
    if row["job_id"] is not None:
        raise Conflict("This import was started already.")
    if row["file_deleted_at"] is not None:
        raise Conflict("The file of this import is gone; bring it again.")
    if version is not None and version != row["version"]:
        raise Conflict()


async def change_import(
    uow: UnitOfWork,
    import_id: UUID,
    key: PersonalKey,
    *,
    reading: Mapping[str, Any],
    mapping: Sequence[str | None],
    options: Mapping[str, Any],
    sample: Mapping[str, Any] | None,
    rows_estimated: int | None,
) -> None:
    """Keep another way of reading a locked import. What a trial run of before said no longer holds."""
    await uow.execute(
        """UPDATE customer_import SET reading = $2, mapping = $3, options = $4, check_job_id = NULL,
               sample_cipher = COALESCE($5, sample_cipher), rows_estimated = $6, version = version + 1 WHERE id = $1""",
        *(import_id, dict(reading), list(mapping), dict(options)),
        None if sample is None else _sample(uow.keyring, key, import_id, sample),
        rows_estimated,
    )


async def note_started(uow: UnitOfWork, import_id: UUID, job_id: UUID, *, trial: bool, duplicates: str) -> None:
    """Join a locked import to the job that works on it."""
    column = "check_job_id" if trial else "job_id"
    await uow.execute(
        f"UPDATE customer_import SET {column} = $2, version = version + 1 WHERE id = $1",  # noqa: S608
        import_id,
        job_id,
    )
    uow.audit("import:checked" if trial else "import:started", import_id, duplicates=duplicates, job_id=job_id)


async def keep_refused(
    uow: UnitOfWork, import_id: UUID, job_id: UUID, key: PersonalKey, rows: Sequence[RefusedRow]
) -> None:
    """Keep refused rows with their reasons and cells, sealed in one block."""
    if not rows:
        return
    block_id = uow.new_id()
    text = json.dumps(
        [[row.number, [list(asdict(reason).values()) for reason in row.reasons], row.cells] for row in rows],
        ensure_ascii=False,
        separators=(",", ":"),
    )
    await uow.execute(
        """INSERT INTO import_refusal (customer_import_id, job_id, block_id, rows, cipher, created_at)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        *(import_id, job_id, block_id, len(rows)),
        uow.keyring.encrypt(key, "import_refusal", "cipher", block_id, text),
        uow.now,
    )


async def forget_refused(uow: UnitOfWork, job_id: UUID) -> None:
    """Forget the refused rows of a job, before it begins anew."""
    await uow.execute("DELETE FROM import_refusal WHERE job_id = $1", job_id)


async def forget_refusals(uow: UnitOfWork, before: datetime | None = None) -> int:
    """Forget refused rows of all imports, or of those kept before a moment; how many blocks. Nobody knows of whom they
    are, so erasing anybody forgets them all."""
    tag = await uow.execute("DELETE FROM import_refusal WHERE $1::timestamptz IS NULL OR created_at < $1", before)
    return int(tag.split()[-1])


async def forget_file(uow: UnitOfWork, import_id: UUID, key: PersonalKey, sample: Mapping[str, Any]) -> str | None:
    """The file of an import ends: its path, to be removed after the commit; None when it is gone already. ``sample`` is
    what is still shown of it: no rows. The key stays for the name, and goes with the import."""
    path: str | None = await uow.fetchval(
        """UPDATE customer_import SET file_deleted_at = $2, sample_cipher = $3, version = version + 1
           WHERE id = $1 AND file_deleted_at IS NULL RETURNING path""",
        *(import_id, uow.now, _sample(uow.keyring, key, import_id, sample)),
    )
    return path


async def forget_imports(uow: UnitOfWork, before: datetime, *, limit: int = 5) -> int:
    """Forget imports that are long past, with what they noted of customers; how many."""
    rows = await uow.fetch(
        """DELETE FROM customer_import WHERE id IN (
               SELECT id FROM customer_import WHERE created_at < $1 AND file_deleted_at IS NOT NULL
               ORDER BY created_at LIMIT $2) RETURNING key_id""",
        *(before, limit),
    )
    for row in rows:
        await destroy_personal_key(uow, row["key_id"])
    return len(rows)


async def delete_import(uow: UnitOfWork, import_id: UUID) -> str | None:
    """Forget an import, its sealed rows and its key. What it wrote stays."""
    row = await uow.fetchrow(
        "DELETE FROM customer_import WHERE id = $1 RETURNING key_id, path, file_deleted_at", import_id
    )
    if row is None:
        raise NotFound()
    await destroy_personal_key(uow, row["key_id"])
    uow.audit("import:deleted", import_id)
    return None if row["file_deleted_at"] is not None else str(row["path"])


async def save_mapping(
    uow: UnitOfWork,
    name: str,
    columns: Mapping[str, str | None],
    reading: Mapping[str, Any],
    options: Mapping[str, Any],
) -> UUID:
    """Keep a mapping by its name; one of that name is replaced."""
    mapping_id: UUID = await uow.fetchval(
        """INSERT INTO import_mapping (id, name, columns, reading, options, created_by_id, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (name) DO UPDATE SET columns = excluded.columns, reading = excluded.reading,
               options = excluded.options, updated_at = excluded.updated_at, version = import_mapping.version + 1
           RETURNING id""",
        *(uow.new_id(), name, dict(columns), dict(reading), dict(options), uow.viewer.user_id, uow.now),
    )
    uow.audit("import_mapping:saved", mapping_id)
    return mapping_id


async def delete_mapping(uow: UnitOfWork, name: str) -> None:
    """Forget a saved mapping."""
    mapping_id = await uow.fetchval("DELETE FROM import_mapping WHERE name = $1 RETURNING id", name)
    if mapping_id is None:
        raise NotFound()
    uow.audit("import_mapping:deleted", mapping_id)


def _sample(keyring: Keyring, key: PersonalKey, import_id: UUID, sample: Mapping[str, Any]) -> bytes:
    return keyring.encrypt(key, TABLE, "sample_cipher", import_id, json.dumps(sample, ensure_ascii=False))
