"""Roles as those see them who may see users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hotline.crm.database import Reader, Row
from hotline.crm.viewer import SHIPPED_ROLES, Viewer
from hotline.errors import NotFound

#: More roles than this are not kept.
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role and what it allows. ``names`` are what people read, by language; none for the built-in ones, whose names
    hotline knows. ``users`` counts who has it and may sign in."""

    name: str
    names: Mapping[str, str]
    permissions: tuple[str, ...]
    built_in: bool
    require_totp: bool
    users: int
    version: int
    updated_at: datetime


_SELECT: Final = """
SELECT r.name, r.names, r.permissions, r.built_in, r.require_totp, r.version, r.updated_at,
    (SELECT count(*) FROM users u WHERE u.role = r.name AND u.disabled_at IS NULL) AS users
FROM role r
"""


async def list_roles(db: Reader, viewer: Viewer) -> list[RoleView]:
    """Every role: those that come with hotline, then the company's own by name."""
    viewer.require("users.read")
    order = list(SHIPPED_ROLES)
    rows = await db.fetch(
        f"{_SELECT} ORDER BY r.built_in DESC, array_position($1::text[], r.name::text), r.name LIMIT {MOST}", order
    )
    return [_role(row) for row in rows]


async def get_role(db: Reader, viewer: Viewer, name: str) -> RoleView:
    """One role. Raises NotFound."""
    viewer.require("users.read")
    row = await db.fetchrow(f"{_SELECT} WHERE r.name = $1", name)
    if row is None:
        raise NotFound("There is no such role.")
    return _role(row)


def _role(row: Row) -> RoleView:
    return RoleView(**{**row, "permissions": tuple(row["permissions"])})
