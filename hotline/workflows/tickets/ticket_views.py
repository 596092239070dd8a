"""Saving lists of tickets."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, get_args
from uuid import UUID

from hotline.crm.commands.tickets import ticket_views as commands
from hotline.crm.queries.tickets.ticket_views import SavedView, get_view
from hotline.crm.viewer import Viewer
from hotline.customers.text import one_line
from hotline.errors import Forbidden, Invalid
from hotline.tickets.states import Kind, Priority, State
from hotline.tickets.views import Filters, Sort
from hotline.workflows.house import House

LONGEST_NAME: Final = 100


async def save_view(
    house: House, viewer: Viewer, name: str, filters: Filters, sort: Sort = "deadline", *, shared: bool = False
) -> SavedView:
    """Keep a list under a name. A shared one is everybody's, and needs ``tickets.assign``."""
    viewer.require("tickets.read")
    _may_share(viewer, shared)
    cleaned = one_line(name, "name", LONGEST_NAME, needed=True)
    _check(filters, sort)
    async with house.unit(viewer) as uow:
        view_id = uow.new_id()
        await commands.insert_view(uow, view_id, None if shared else viewer.user_id, cleaned, filters, sort)
        uow.audit("ticket_view:created", view_id, shared=shared)
        return await get_view(uow, viewer, view_id)


async def change_view(
    house: House,
    viewer: Viewer,
    view_id: UUID,
    *,
    name: str | None = None,
    filters: Filters | None = None,
    sort: Sort | None = None,
    position: int | None = None,
) -> SavedView:
    """Change one of one's own lists, or a shared one with ``tickets.assign``."""
    async with house.unit(viewer) as uow:
        view = await get_view(uow, viewer, view_id)
        _may_share(viewer, view.shared)
        wanted = replace(
            view,
            name=one_line(name, "name", LONGEST_NAME, needed=True) if name is not None else view.name,
            filters=filters or view.filters,
            sort=sort or view.sort,
            position=view.position if position is None else position,
        )
        _check(wanted.filters, wanted.sort)
        await commands.update_view(uow, wanted)
        uow.audit("ticket_view:changed", view_id)
        return wanted


async def delete_view(house: House, viewer: Viewer, view_id: UUID) -> None:
    """Remove one of one's own lists, or a shared one with ``tickets.assign``."""
    async with house.unit(viewer) as uow:
        view = await get_view(uow, viewer, view_id)
        _may_share(viewer, view.shared)
        await commands.delete_view(uow, view_id)
        uow.audit("ticket_view:deleted", view_id)


def _may_share(viewer: Viewer, shared: bool) -> None:
    if shared and not viewer.may("tickets.assign"):
        raise Forbidden("Only supervisors change the lists that everybody has.")


def _check(filters: Filters, sort: str) -> None:
    for field, kind, values in (
        ("state", State, filters.states),
        ("kind", Kind, filters.kinds),
        ("priority", Priority, filters.priorities),
        ("sort", Sort, (sort,)),
    ):
        if not set(values) <= set(get_args(kind)):
            raise Invalid(f"{field}: one of {', '.join(get_args(kind))}")
