"""Writes of the company's own lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hotline.crm.unit_of_work import UnitOfWork


async def lock_lists(uow: UnitOfWork) -> None:
    """One writer at a time; who reads does not wait."""
    await uow.execute("LOCK TABLE list_entry IN SHARE ROW EXCLUSIVE MODE")


async def write_list(uow: UnitOfWork, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make a list these ``rows`` (``key, names, position, archived``), after ``lock_lists``. What is left out is
    archived: records name it. An entry that stays as it was keeps its version."""
    await uow.execute(
        """UPDATE list_entry SET archived_at = $3, version = version + 1
           WHERE list = $1 AND archived_at IS NULL AND NOT key = ANY($2::text[])""",
        *(name, [row["key"] for row in rows], uow.now),
    )
    await uow.execute(
        """INSERT INTO list_entry AS kept (list, key, names, position, archived_at)
           SELECT $1, key, names, position, CASE WHEN archived THEN $3::timestamptz END
           FROM jsonb_to_recordset($2::jsonb) AS entry (key text, names jsonb, position int, archived bool)
           ON CONFLICT (list, key) DO UPDATE SET names = excluded.names, position = excluded.position,
               archived_at = CASE WHEN excluded.archived_at IS NULL THEN NULL
                                  ELSE COALESCE(kept.archived_at, excluded.archived_at) END,
               version = kept.version + 1
           WHERE (kept.names, kept.position, kept.archived_at IS NULL)
               IS DISTINCT FROM (excluded.names, excluded.position, excluded.archived_at IS NULL)""",
        *(name, list(rows), uow.now),
    )
