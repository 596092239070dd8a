"""Files that lie for a day and end: tables that somebody asked for, lists that somebody brought."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.queries.customers.imports import JOB, JobState, job_state
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

Table = Literal["customer_export", "push_file"]

#: However many are asked for, a page holds no more than this.
MOST: Final = 201


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingFile:
    """A file that is sealed under a key of its own. ``path`` is None until it is whole, ``key`` once it has ended."""

    id: UUID
    format: str
    language: str
    path: str | None
    bytes: int | None
    rows: int | None
    created_by: UUID | None
    created_at: datetime
    expires_at: datetime
    deleted_at: datetime | None
    job: JobState | None
    key: PersonalKey | None


async def own_file(db: Reader, viewer: Viewer, right: str, table: Table, file_id: UUID) -> Row:
    """One's own file. Raises NotFound; nobody sees another one's: it shows what that one may see."""
    row = await file_of_job(db, viewer, right, table, file_id)
    if row["created_by_id"] != viewer.user_id:
        raise NotFound()
    return row


async def file_of_job(db: Reader, viewer: Viewer, right: str, table: Table, file_id: UUID) -> Row:
    """A file for its job, whose viewer is whose it is, with their rights of now. Raises NotFound."""
    viewer.require(right)
    row = await db.fetchrow(f"{selected(table)} WHERE f.id = $1", file_id)
    if row is None:
        raise NotFound()
    return row


async def kept_paths(db: Reader, viewer: Viewer, table: Table, paths: Collection[str]) -> set[str]:
    """Those of the paths that belong to a file that is kept."""
    viewer.require("system.read")
    rows = await db.fetch(
        f"SELECT path FROM {table} WHERE path = ANY($1::text[]) AND deleted_at IS NULL",  # noqa: S608
        list(paths),
    )
    return {row["path"] for row in rows}


def selected(table: Table) -> str:
    """Rows with their key and what their job is at; the file is ``f``."""
    return f"""SELECT f.*, k.wrapped, k.master, {JOB.format("f.job_id")} AS job
        FROM {table} f JOIN personal_key k ON k.id = f.key_id"""  # noqa: S608


def key_of(keyring: Keyring, row: Row) -> PersonalKey | None:
    """The key that opens the file, None once it has ended."""
    return None if row["wrapped"] is None else keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))


def fields_of(row: Row, key: PersonalKey | None) -> dict[str, Any]:
    """The fields of an ``EndingFile``."""
    same = ("id", "format", "language", "path", "bytes", "rows", "created_at", "expires_at", "deleted_at")
    return {name: row[name] for name in same} | {
        "created_by": row["created_by_id"],
        "job": job_state(row["job"]),
        "key": key,
    }
