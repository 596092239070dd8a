"""Exports as who asked for them sees them, and the customers of which they are made."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, PersonalKey, Wrapped
from hotline.crm.queries.customer_filter import CustomerFilter, conditions
from hotline.crm.queries.customer_views import SELECT
from hotline.crm.queries.imports import JobState, job_state
from hotline.crm.scopes import Arguments
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

MOST: Final = 201


@dataclass(frozen=True, slots=True)
class ExportView:
    """An export. ``chosen`` is what it was narrowed by; ``key`` opens its file, None when it has ended."""

    id: UUID
    format: str
    language: str
    fields: tuple[str, ...]
    chosen: Mapping[str, Any]
    path: str | None
    bytes: int | None
    rows: int | None
    created_by: UUID | None
    created_at: datetime
    expires_at: datetime
    deleted_at: datetime | None
    job: JobState | None
    key: PersonalKey | None


_SELECT: Final = """
SELECT e.*, k.wrapped, k.master,
    (SELECT jsonb_build_object('id', j.id, 'state', j.state, 'done', j.done, 'total', j.total, 'failed', j.failed,
        'rate', j.rate, 'result', j.result, 'error', j.error, 'undo_until', j.undo_until, 'undoing', j.undoing)
     FROM background_job j WHERE j.id = e.job_id) AS job
FROM customer_export e JOIN personal_key k ON k.id = e.key_id
"""


async def get_export(db: Reader, keyring: Keyring, viewer: Viewer, export_id: UUID) -> ExportView:
    """One of one's own exports. Raises NotFound; nobody sees another one's: it shows what that one may see."""
    viewer.require("customers.export")
    row = await db.fetchrow(
        f"{_SELECT} WHERE e.id = $1 AND e.created_by_id IS NOT DISTINCT FROM $2", export_id, viewer.user_id
    )
    if row is None:
        raise NotFound()
    return _view(keyring, row)


async def read_export(db: Reader, keyring: Keyring, viewer: Viewer, export_id: UUID) -> ExportView:
    """An export for the job that writes it, whose viewer is who asked for it, with their rights of now."""
    viewer.require("customers.export")
    row = await db.fetchrow(f"{_SELECT} WHERE e.id = $1", export_id)
    if row is None:
        raise NotFound()
    return _view(keyring, row)


async def list_exports(
    db: Reader, keyring: Keyring, viewer: Viewer, *, limit: int, after: UUID | None = None
) -> list[ExportView]:
    """One's own exports, the newest first."""
    viewer.require("customers.export")
    rows = await db.fetch(
        f"""{_SELECT} WHERE e.created_by_id IS NOT DISTINCT FROM $1 AND ($2::uuid IS NULL OR e.id < $2)
            ORDER BY e.id DESC LIMIT $3""",
        *(viewer.user_id, after, max(0, min(limit, MOST))),
    )
    return [_view(keyring, row) for row in rows]


async def count_customers(db: Reader, viewer: Viewer, chosen: CustomerFilter, ids: Sequence[UUID] | None) -> int:
    """How many customers an export of these would hold."""
    viewer.require("customers.read")
    bind = Arguments()
    found: int = await db.fetchval(
        f"SELECT count(*) FROM customer c WHERE {_where(viewer, chosen, ids, bind)}",  # noqa: S608
        *bind.values,
    )
    return found


async def customer_rows(
    db: Reader,
    viewer: Viewer,
    chosen: CustomerFilter,
    ids: Sequence[UUID] | None,
    *,
    after: UUID | None,
    limit: int,
) -> Sequence[Row]:
    """Rows for ``customer_view``, by id; as the viewer sees them once they are made views."""
    viewer.require("customers.read")
    bind = Arguments()
    where = _where(viewer, chosen, ids, bind)
    if after is not None:
        where += f" AND c.id > {bind(after)}"
    return await db.fetch(f"{SELECT} WHERE {where} ORDER BY c.id LIMIT {bind(limit)}", *bind.values)


async def kept_paths(db: Reader, viewer: Viewer, paths: Collection[str]) -> set[str]:
    """Those of the paths that belong to an export that is kept."""
    viewer.require("customers.export")
    rows = await db.fetch(
        "SELECT path FROM customer_export WHERE path = ANY($1::text[]) AND deleted_at IS NULL", list(paths)
    )
    return {row["path"] for row in rows}


def _where(viewer: Viewer, chosen: CustomerFilter, ids: Sequence[UUID] | None, bind: Arguments) -> str:
    parts = conditions(chosen, viewer, bind)
    if ids is not None:
        parts.append(f"c.id = ANY({bind(list(ids))}::uuid[])")
    # Who was erased is no customer any more.
    parts.append("EXISTS (SELECT FROM personal_key pk WHERE pk.id = c.key_id AND pk.wrapped IS NOT NULL)")
    return " AND ".join(parts)


def _view(keyring: Keyring, row: Row) -> ExportView:
    key = None if row["wrapped"] is None else keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
    chosen = (
        json.loads(keyring.decrypt(key, "customer_export", "filter_cipher", row["id"], row["filter_cipher"]))
        if key is not None
        else {}
    )
    return ExportView(
        id=row["id"],
        format=row["format"],
        language=row["language"],
        fields=tuple(row["fields"]),
        chosen=chosen,
        path=row["path"],
        bytes=row["bytes"],
        rows=row["rows"],
        created_by=row["created_by_id"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        deleted_at=row["deleted_at"],
        job=job_state(row["job"]),
        key=key,
    )
