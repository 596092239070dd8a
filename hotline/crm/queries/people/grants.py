"""Grants: who was given which rights for a time, by whom and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.scopes import Arguments, all_of
from hotline.crm.viewer import Viewer
from hotline.errors import Forbidden, NotFound

State = Literal["live", "expired", "revoked"]

#: However many are asked for, a page holds no more than this.
MOST: Final = 201


@dataclass(frozen=True, slots=True)
class GrantView:
    """Rights for a time: a whole ``role``, or some ``permissions``. Users are named by login."""

    id: UUID
    user_id: UUID
    user: str
    user_name: str
    role: str | None
    permissions: tuple[str, ...]
    reason: str
    granted_by: str | None
    granted_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    state: State


_SELECT: Final = """
SELECT g.id, g.user_id, u.login AS user, u.name AS user_name, g.role, g.permissions, g.reason, b.login AS granted_by,
    g.granted_at, g.expires_at, g.revoked_at, w.login AS revoked_by,
    CASE WHEN g.revoked_at IS NOT NULL THEN 'revoked' WHEN g.expires_at <= $1 THEN 'expired' ELSE 'live' END AS state
FROM role_grant g JOIN users u ON u.id = g.user_id
LEFT JOIN users b ON b.id = g.granted_by_id LEFT JOIN users w ON w.id = g.revoked_by_id
"""


async def list_grants(
    db: Reader,
    viewer: Viewer,
    now: datetime,
    *,
    limit: int,
    after: UUID | None = None,
    user_id: UUID | None = None,
    live: bool | None = None,
) -> list[GrantView]:
    """Grants, the newest first. Everybody sees their own; others' are for who gives them."""
    if user_id is None or user_id != viewer.user_id:
        _may_see(viewer)
    bind = Arguments(now)
    conditions: list[str | None] = []
    if user_id is not None:
        conditions.append(f"g.user_id = {bind(user_id)}")
    if after is not None:
        conditions.append(f"g.id < {bind(after)}")
    if live is not None:
        conditions.append(f"(g.revoked_at IS NULL AND g.expires_at > $1) IS {'TRUE' if live else 'FALSE'}")
    sql = f"{_SELECT} WHERE {all_of(*conditions)} ORDER BY g.id DESC LIMIT {bind(max(0, min(limit, MOST)))}"
    return [_grant(row) for row in await db.fetch(sql, *bind.values)]


async def get_grant(db: Reader, viewer: Viewer, now: datetime, grant_id: UUID) -> GrantView:
    """One grant. Raises NotFound, also for who may not see it."""
    row = await db.fetchrow(f"{_SELECT} WHERE g.id = $2", now, grant_id)
    if row is None or (row["user_id"] != viewer.user_id and not _sees(viewer)):
        raise NotFound("There is no such grant.")
    return _grant(row)


def _sees(viewer: Viewer) -> bool:
    return viewer.may("roles.write") or viewer.may("users.write")


def _may_see(viewer: Viewer) -> None:
    if not _sees(viewer):
        raise Forbidden()


def _grant(row: Row) -> GrantView:
    fields: dict[str, Any] = dict(row)
    return GrantView(**{**fields, "permissions": tuple(row["permissions"])})
