"""Writes of the categories of tickets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hotline.crm.unit_of_work import UnitOfWork


async def write_categories(uow: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make the tree these ``rows``, one writer at a time. What is left out is archived: tickets name it."""
    await uow.execute("LOCK TABLE category IN SHARE ROW EXCLUSIVE MODE")
    await uow.execute(
        "UPDATE category SET archived = true WHERE NOT archived AND NOT slug = ANY($1::text[])",
        [row["slug"] for row in rows],
    )
    await uow.execute(
        """INSERT INTO category (slug, parent, kind, names, position, archived)
           SELECT slug, parent, kind, names, position, archived
           FROM jsonb_to_recordset($1::jsonb) AS c (slug text, parent text, kind text, names jsonb, position int,
                                                    archived bool)
           ON CONFLICT (slug) DO UPDATE SET parent = excluded.parent, kind = excluded.kind, names = excluded.names,
               position = excluded.position, archived = excluded.archived""",
        list(rows),
    )
