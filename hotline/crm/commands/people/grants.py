"""Writes of grants. They are never deleted: they say who could see what, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.commands.people.roles import tell_rights, within
from hotline.crm.commands.people.users import lock_user
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, Invalid, NotFound

#: Grants that may run at once for one person.
MOST_LIVE: Final = 20


async def give(
    uow: UnitOfWork,
    grant_id: UUID,
    *,
    user_id: UUID,
    role: str | None,
    permissions: Sequence[str],
    reason: str,
    expires_at: datetime,
) -> None:
    """Give rights until then: a role's, or these. Raises Invalid, Conflict, Forbidden for what one does not hold."""
    user = await lock_user(uow, user_id)
    if user.disabled:
        raise Conflict("This user may not sign in: enable them first.")
    given = tuple(permissions)
    if role is not None:
        of_role = await uow.fetchval("SELECT permissions FROM role WHERE name = $1 FOR SHARE", role)
        if of_role is None:
            raise Invalid("role: there is no such role.")
        given = tuple(of_role)
    within(uow, given)
    live = await uow.fetchval(
        "SELECT count(*) FROM role_grant WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2",
        *(user_id, uow.now),
    )
    if live >= MOST_LIVE:
        raise Conflict("This user has too many grants already: end one first, or give them another role.")
    await uow.execute(
        """INSERT INTO role_grant (id, user_id, role, permissions, reason, granted_by_id, granted_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        *(grant_id, user_id, role, list(permissions), reason, uow.viewer.user_id, uow.now, expires_at),
    )
    uow.audit("grant:given", grant_id, user_id=user_id, role=role, permissions=sorted(given), expires_at=expires_at)
    tell_rights(uow, [user_id])


async def revoke(uow: UnitOfWork, grant_id: UUID) -> None:
    """End a grant now; one that is over stays as it is. Raises NotFound, Forbidden."""
    row = await _lock(uow, grant_id)
    if row is None:
        return
    await uow.execute(
        "UPDATE role_grant SET revoked_at = $2, revoked_by_id = $3 WHERE id = $1",
        *(grant_id, uow.now, uow.viewer.user_id),
    )
    uow.audit("grant:revoked", grant_id, user_id=row)
    tell_rights(uow, [row])


async def restore(uow: UnitOfWork, grant_id: UUID) -> None:
    """Take back that a grant was ended, while its time runs. Raises NotFound, Conflict, Forbidden."""
    row = await uow.fetchrow(
        """SELECT g.user_id, g.expires_at, g.revoked_at, g.permissions || COALESCE(r.permissions, '{}') AS given
           FROM role_grant g LEFT JOIN role r ON r.name = g.role WHERE g.id = $1 FOR UPDATE OF g""",
        grant_id,
    )
    if row is None:
        raise NotFound("There is no such grant.")
    within(uow, row["given"])
    if row["expires_at"] <= uow.now:
        raise Conflict("The time of this grant is over: give a new one.")
    if row["revoked_at"] is None:
        return
    await uow.execute("UPDATE role_grant SET revoked_at = NULL, revoked_by_id = NULL WHERE id = $1", grant_id)
    uow.audit("grant:restored", grant_id, user_id=row["user_id"])
    tell_rights(uow, [row["user_id"]])


async def _lock(uow: UnitOfWork, grant_id: UUID) -> UUID | None:
    """Whose grant it is; None when it is over. Whoever may give rights may end any: less is never a danger."""
    row = await uow.fetchrow(
        "SELECT user_id, expires_at, revoked_at FROM role_grant WHERE id = $1 FOR UPDATE", grant_id
    )
    if row is None:
        raise NotFound("There is no such grant.")
    user_id: UUID = row["user_id"]
    return None if row["revoked_at"] is not None or row["expires_at"] <= uow.now else user_id
