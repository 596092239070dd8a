"""Clicks on links in what was sent."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from hotline.crm.unit_of_work import UnitOfWork

_LINK: Final = """
SELECT d.manifest_id, t.url FROM delivery d
JOIN tracked_link t ON t.manifest_id = d.manifest_id AND t.n = $2
LEFT JOIN manifest m ON m.id = d.manifest_id
WHERE d.id = $1 AND (m.id IS NULL OR m.content -> 'links' -> t.url = to_jsonb(t.n))
"""
# Of a link that is clicked again only the first time is kept.
_NOTE: Final = """
WITH clicked AS (
    INSERT INTO link_click (delivery_id, manifest_id, n, at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (delivery_id, n) DO NOTHING
)
UPDATE delivery SET clicked_at = $4 WHERE id = $1 AND clicked_at IS NULL
"""


async def note_click(uow: UnitOfWork, delivery_id: UUID, n: int, *, counts: bool = True) -> str | None:
    """Where the ``n``-th link of a delivery leads, as its manifest was approved; None when it has none. Not ``counts``:
    a machine only looks."""
    row = await uow.fetchrow(_LINK, delivery_id, n)
    if row is None:
        return None
    if counts:
        await uow.execute(_NOTE, delivery_id, row["manifest_id"], n, uow.now)
    return str(row["url"])
