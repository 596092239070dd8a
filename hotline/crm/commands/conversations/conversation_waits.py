"""Conversations that were put aside until an instant which has come."""

from __future__ import annotations

from uuid import UUID

from hotline.crm.unit_of_work import UnitOfWork


async def conversations_to_return(uow: UnitOfWork, most: int) -> list[UUID]:
    """Those whose time has come, locked; what another node holds is left out."""
    rows = await uow.fetch(
        """SELECT id FROM conversation WHERE state = 'waiting' AND waiting_until <= $1
           ORDER BY waiting_until, id LIMIT $2 FOR UPDATE SKIP LOCKED""",
        *(uow.now, most),
    )
    return [row["id"] for row in rows]
