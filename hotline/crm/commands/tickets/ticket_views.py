"""Writes of saved lists of tickets."""

from __future__ import annotations

from uuid import UUID

from hotline.crm.queries.tickets.ticket_views import MOST, SavedView, filters_to
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict
from hotline.tickets.views import Filters, Sort


async def insert_view(
    uow: UnitOfWork, view_id: UUID, user_id: UUID | None, name: str, filters: Filters, sort: Sort
) -> None:
    """Keep a list, at the end of those of ``user_id`` (None: of everybody's). Raises Conflict for one too many."""
    added = await uow.fetchval(
        """INSERT INTO ticket_view (id, user_id, name, filters, sort, position, created_at)
           SELECT $1, $2, $3, $4, $5, count(*), $6 FROM ticket_view WHERE user_id IS NOT DISTINCT FROM $2
           HAVING count(*) < $7 RETURNING id""",
        view_id, user_id, name, filters_to(filters), sort, uow.now, MOST // 2,
    )  # fmt: skip
    if added is None:
        raise Conflict("There are too many saved lists already: remove one first.")


async def update_view(uow: UnitOfWork, view: SavedView) -> None:
    """Write what may change of a list."""
    await uow.execute(
        "UPDATE ticket_view SET name = $2, filters = $3, sort = $4, position = $5 WHERE id = $1",
        view.id, view.name, filters_to(view.filters), view.sort, view.position,
    )  # fmt: skip


async def delete_view(uow: UnitOfWork, view_id: UUID) -> None:
    """Remove a list."""
    await uow.execute("DELETE FROM ticket_view WHERE id = $1", view_id)
