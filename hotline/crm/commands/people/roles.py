"""Writes of roles. Nobody makes or changes a role that may do more than they may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hotline.crm.commands.people.users import keep_a_keeper, lock_users
from hotline.crm.queries.people.roles import MOST
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, Forbidden, NotFound
from hotline.events import EVERYONE, user_mark

#: Beyond this many users, everybody is told that rights changed.
_MOST_TOLD: Final = 200


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A role as a change begins: locked until the unit of work ends."""

    name: str
    names: Mapping[str, str]
    permissions: tuple[str, ...]
    built_in: bool
    require_totp: bool
    version: int


async def create_role(
    uow: UnitOfWork, name: str, names: Mapping[str, str], permissions: Sequence[str], *, require_totp: bool
) -> None:
    """Keep a role. Raises Conflict for a name that is taken or one role too many, Forbidden."""
    await lock_users(uow)
    within(uow, permissions)
    if await uow.fetchval("SELECT count(*) FROM role") >= MOST:
        raise Conflict("There are too many roles already: remove one first.")
    made = await uow.fetchval(
        """INSERT INTO role (name, names, permissions, require_totp, updated_at) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (name) DO NOTHING RETURNING name""",
        *(name, dict(names), list(permissions), require_totp, uow.now),
    )
    if made is None:
        raise Conflict("name: there is a role of this name already.")
    uow.audit("role:created", None, role=name, permissions=list(permissions), require_totp=require_totp)


async def lock_role(uow: UnitOfWork, name: str, expected_version: int | None = None) -> RoleRow:
    """The role to be changed. Raises NotFound; Conflict for another version; Forbidden when it may do more than the
    viewer."""
    await lock_users(uow)
    row = await uow.fetchrow(
        "SELECT name, names, permissions, built_in, require_totp, version FROM role WHERE name = $1 FOR UPDATE", name
    )
    if row is None:
        raise NotFound("There is no such role.")
    if expected_version is not None and row["version"] != expected_version:
        raise Conflict()
    within(uow, row["permissions"])
    return RoleRow(**{**row, "permissions": tuple(row["permissions"])})


async def update_role(uow: UnitOfWork, role: RoleRow, changes: Mapping[str, Any]) -> None:
    """Write what may change of a locked role. Raises Conflict when nobody could manage users any more."""
    names = changes.get("names", role.names)
    permissions = tuple(changes.get("permissions", role.permissions))
    require_totp = changes.get("require_totp", role.require_totp)
    if (names, permissions, require_totp) == (role.names, role.permissions, role.require_totp):
        return
    within(uow, permissions)
    await uow.execute(
        """UPDATE role SET names = $2, permissions = $3, require_totp = $4, version = version + 1, updated_at = $5
           WHERE name = $1""",
        *(role.name, dict(names), list(permissions), require_totp, uow.now),
    )
    await keep_a_keeper(uow)
    before, after = set(role.permissions), set(permissions)
    uow.audit(
        "role:changed", None, role=role.name, added=sorted(after - before), removed=sorted(before - after),
        require_totp=require_totp,
    )  # fmt: skip
    if before != after or require_totp != role.require_totp:
        await tell_holders(uow, role.name)


async def delete_role(uow: UnitOfWork, role: RoleRow) -> None:
    """Remove a locked role that nobody has. Grants of it that are over keep what they gave."""
    held = await uow.fetchval(
        """SELECT EXISTS (SELECT 1 FROM users WHERE role = $1)
           OR EXISTS (SELECT 1 FROM role_grant WHERE role = $1 AND revoked_at IS NULL AND expires_at > $2)""",
        *(role.name, uow.now),
    )
    if held:
        raise Conflict("Somebody has this role: give them another one first.")
    await uow.execute(
        "UPDATE role_grant SET role = NULL, permissions = $2 WHERE role = $1", role.name, list(role.permissions)
    )
    await uow.execute("DELETE FROM role WHERE name = $1", role.name)
    uow.audit("role:deleted", None, role=role.name, permissions=list(role.permissions))


def within(uow: UnitOfWork, permissions: Iterable[str]) -> None:
    """Raise Forbidden unless the viewer holds all of these: nobody gives what they do not have."""
    if not frozenset(permissions) <= uow.viewer.permissions:
        raise Forbidden("You cannot give or change rights that you do not have yourself; ask an administrator.")


async def tell_holders(uow: UnitOfWork, role: str) -> None:
    """Tell everybody who has the role, for good or for a time, that their rights changed."""
    rows = await uow.fetch(
        """SELECT id FROM users WHERE role = $1 AND disabled_at IS NULL
           UNION SELECT user_id FROM role_grant WHERE role = $1 AND revoked_at IS NULL AND expires_at > $2
           LIMIT $3""",
        *(role, uow.now, _MOST_TOLD + 1),
    )
    tell_rights(uow, [row["id"] for row in rows])


def tell_rights(uow: UnitOfWork, user_ids: Iterable[UUID]) -> None:
    """Tell users that their rights changed; their open streams are looked at again at once."""
    people = sorted(set(user_ids))
    marks = [EVERYONE] if len(people) > _MOST_TOLD else [user_mark(person) for person in people]
    if marks:
        uow.emit("rights.changed", marks)
