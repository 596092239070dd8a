"""Grants: rights for a time, with a reason, beside those of a person's role."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hotline.crm.commands.people import grants as commands
from hotline.crm.queries.people.grants import GrantView, get_grant
from hotline.crm.viewer import Viewer
from hotline.customers.text import one_line
from hotline.errors import Invalid
from hotline.workflows.house import House
from hotline.workflows.people.roles import check_permissions

LONGEST_REASON: Final = 300
#: What somebody needs for longer belongs into their role.
LONGEST: Final = timedelta(days=90)


async def give_grant(
    house: House,
    viewer: Viewer,
    *,
    user_id: UUID,
    role: str | None = None,
    permissions: Sequence[str] = (),
    reason: str,
    expires_at: datetime,
) -> GrantView:
    """Give a user the rights of a role, or some permissions, until ``expires_at``.

    Raises Forbidden, also for what the viewer does not hold; Invalid; NotFound; Conflict for a disabled user.
    """
    viewer.require("roles.write")
    why = one_line(reason, "reason", LONGEST_REASON, needed=True)
    if (role is None) == (not permissions):
        raise Invalid("role: give either a role or permissions.")
    held = _check(permissions)
    async with house.unit(viewer) as uow:
        if expires_at <= uow.now:
            raise Invalid("expires_at: this time is over already.")
        if expires_at > uow.now + LONGEST:
            raise Invalid(f"expires_at: at most {LONGEST.days} days; for longer, give another role.")
        grant_id = uow.new_id()
        await commands.give(
            uow, grant_id, user_id=user_id, role=role, permissions=held, reason=why, expires_at=expires_at
        )
        return await get_grant(uow, viewer, uow.now, grant_id)


async def revoke_grant(house: House, viewer: Viewer, grant_id: UUID) -> GrantView:
    """End a grant now. Raises Forbidden, NotFound."""
    viewer.require("roles.write")
    async with house.unit(viewer) as uow:
        await commands.revoke(uow, grant_id)
        return await get_grant(uow, viewer, uow.now, grant_id)


async def restore_grant(house: House, viewer: Viewer, grant_id: UUID) -> GrantView:
    """Take back that a grant was ended. Raises Forbidden, NotFound, and Conflict when its time is over."""
    viewer.require("roles.write")
    async with house.unit(viewer) as uow:
        await commands.restore(uow, grant_id)
        return await get_grant(uow, viewer, uow.now, grant_id)


def _check(permissions: Sequence[str]) -> tuple[str, ...]:
    """A grant adds to a role: ``customers.read_all`` alone is what it is mostly for."""
    reads = [f"{name.partition('.')[0]}.read" for name in permissions if name.endswith((".read_team", ".read_all"))]
    added = [name for name in reads if name not in permissions]
    return check_permissions([*permissions, *added])
