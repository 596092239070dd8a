"""Exports as who asked for them sees them, and the customers of which they are made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring
from hotline.crm.queries.customers.customer_filter import CustomerFilter, conditions
from hotline.crm.queries.customers.customer_views import SELECT
from hotline.crm.queries.ending_files import MOST, EndingFile, fields_of, file_of_job, key_of, own_file, selected
from hotline.crm.scopes import Arguments
from hotline.crm.viewer import Viewer

TABLE: Final = "customer_export"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportView(EndingFile):
    """An export of customers. ``chosen`` is what it was narrowed by."""

    fields: tuple[str, ...]
    chosen: Mapping[str, Any]


async def get_export(db: Reader, keyring: Keyring, viewer: Viewer, export_id: UUID) -> ExportView:
    """One of one's own exports. Raises NotFound."""
    return _view(keyring, await own_file(db, viewer, "customers.export", TABLE, export_id))


async def read_export(db: Reader, keyring: Keyring, viewer: Viewer, export_id: UUID) -> ExportView:
    """An export for the job that writes it. Raises NotFound."""
    return _view(keyring, await file_of_job(db, viewer, "customers.export", TABLE, export_id))


async def list_exports(
    db: Reader, keyring: Keyring, viewer: Viewer, *, limit: int, after: UUID | None = None
) -> list[ExportView]:
    """One's own exports, the newest first."""
    viewer.require("customers.export")
    rows = await db.fetch(
        f"""{selected(TABLE)} WHERE f.created_by_id IS NOT DISTINCT FROM $1 AND ($2::uuid IS NULL OR f.id < $2)
            ORDER BY f.id DESC LIMIT $3""",
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


def _where(viewer: Viewer, chosen: CustomerFilter, ids: Sequence[UUID] | None, bind: Arguments) -> str:
    parts = conditions(chosen, viewer, bind)
    if ids is not None:
        parts.append(f"c.id = ANY({bind(list(ids))}::uuid[])")
    # Who was erased is no customer any more.
    parts.append("EXISTS (SELECT FROM personal_key pk WHERE pk.id = c.key_id AND pk.wrapped IS NOT NULL)")
    return " AND ".join(parts)


def _view(keyring: Keyring, row: Row) -> ExportView:
    key = key_of(keyring, row)
    chosen = (
        json.loads(keyring.decrypt(key, TABLE, "filter_cipher", row["id"], row["filter_cipher"]))
        if key is not None
        else {}
    )
    return ExportView(fields=tuple(row["fields"]), chosen=chosen, **fields_of(row, key))
