"""Pairs of customers who may be one: dismissed, taken up again, forgotten. ``duplicate_search`` keeps them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import NotFound


async def drop_older(uow: UnitOfWork, before: datetime, *, limit: int) -> int:
    """Forget open pairs that were last found before then, at most ``limit``: these two are no longer alike."""
    tag = await uow.execute(
        """DELETE FROM duplicate_pair WHERE id IN
               (SELECT id FROM duplicate_pair WHERE state = 'open' AND found_at < $1 LIMIT $2)""",
        *(before, limit),
    )
    return int(tag.split()[-1])


async def dismiss_pair(uow: UnitOfWork, one: UUID, other: UUID) -> UUID:
    """Say that two are not one, whether they were found or not; the pair's id. It stays said."""
    low, high = sorted((one, other))
    pair_id: UUID = await uow.fetchval(
        """INSERT INTO duplicate_pair AS d (id, low_id, high_id, score, reasons, state, found_at, dismissed_by_id,
                                            dismissed_at)
           VALUES ($1, $2, $3, 0, '{}', 'dismissed', $4, $5, $4)
           ON CONFLICT (low_id, high_id) DO UPDATE
           SET state = 'dismissed', dismissed_by_id = excluded.dismissed_by_id, dismissed_at = excluded.dismissed_at
           RETURNING d.id""",
        *(uow.new_id(), low, high, uow.now, uow.viewer.user_id),
    )
    uow.audit("duplicate:dismissed", pair_id, customer_ids=[low, high])
    return pair_id


async def reopen_pair(uow: UnitOfWork, pair_id: UUID) -> tuple[UUID, UUID]:
    """Take a dismissal back; a pair that nobody found goes. Answers the two customers. Raises NotFound."""
    row = await uow.fetchrow(
        """UPDATE duplicate_pair SET state = 'open', dismissed_by_id = NULL, dismissed_at = NULL
           WHERE id = $1 AND state = 'dismissed' RETURNING score, low_id, high_id""",
        pair_id,
    )
    if row is None:
        raise NotFound()
    if row["score"] == 0:
        await uow.execute("DELETE FROM duplicate_pair WHERE id = $1", pair_id)
    uow.audit("duplicate:reopened", pair_id)
    return row["low_id"], row["high_id"]
