"""Changes to users. Texts arrive cleaned and passwords hashed; what only the database can tell is checked
here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hotline.crm.queries.people.effective import EFFECTIVE
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.user_keys import key_of_user, sealed
from hotline.errors import Conflict, Forbidden, Invalid, NotFound
from hotline.events import permission_mark, user_mark

#: Held while users change, so that two changes cannot both believe that another administrator remains, or
#: both claim one phone. The number is arbitrary, but the same in every version.
_USERS_LOCK: Final = 7_203_114_526
#: Who holds this may make others administrators; one enabled user must always hold it.
_KEEPER: Final = "users.write"
_SEALED: Final = frozenset({"email", "phone"})
#: What colleagues' screens show of a user.
_TOLD: Final = frozenset(
    {"name", "extension", "interfaces", "queues", "title", "email", "phone", "skills", "working_hours", "disabled_at"}
)


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user as a change begins: locked until the unit of work ends. ``permissions`` are those of their role."""

    id: UUID
    login: str
    role: str
    permissions: frozenset[str]
    interfaces: tuple[str, ...]
    disabled: bool
    version: int


async def create_user(
    uow: UnitOfWork,
    *,
    login: str,
    name: str,
    role: str,
    locale: str,
    password_hash: str | None,
    extension: str | None = None,
    interfaces: Sequence[str] = (),
    queues: Sequence[str] = (),
) -> UUID:
    """Add a user. Raises Conflict for a login or an interface that is taken, Invalid for an unknown role."""
    await lock_users(uow)
    await _grant(uow, role)
    await _claim_login(uow, login)
    await _claim_interfaces(uow, interfaces, None)
    user_id = uow.new_id()
    await uow.execute(
        """INSERT INTO users (id, login, name, role, locale, password_hash, extension, interfaces, queues,
                              created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)""",
        *(
            user_id,
            login,
            name,
            role,
            locale,
            password_hash,
            extension,
            list(interfaces),
            list(queues),
            uow.now,
        ),
    )
    uow.audit("user:created", user_id, role=role, interfaces=list(interfaces), queues=list(queues))
    return user_id


async def lock_user(uow: UnitOfWork, user_id: UUID, expected_version: int | None = None) -> UserRow:
    """The user to be changed. Raises NotFound; Conflict when somebody changed it after ``expected_version``;
    Forbidden when the user may do more than the viewer: whoever changes a user could become them."""
    await lock_users(uow)
    row = await uow.fetchrow(
        f"""SELECT u.id, u.login, u.role, u.interfaces, u.disabled_at, u.version, r.permissions AS of_role,
                {EFFECTIVE.format(now="$2")}
            FROM users u JOIN role r ON r.name = u.role WHERE u.id = $1 FOR UPDATE OF u""",  # noqa: S608
        user_id,
        uow.now,
    )
    if row is None:
        raise NotFound()
    if expected_version is not None and row["version"] != expected_version:
        raise Conflict()
    if user_id != uow.viewer.user_id and not frozenset(row["permissions"]) <= uow.viewer.permissions:
        raise Forbidden("This user may do more than you may; ask an administrator.")
    return UserRow(
        id=row["id"],
        login=row["login"],
        role=row["role"],
        permissions=frozenset(row["of_role"]),
        interfaces=tuple(row["interfaces"]),
        disabled=row["disabled_at"] is not None,
        version=row["version"],
    )


async def update_user(uow: UnitOfWork, user: UserRow, changes: dict[str, Any]) -> None:
    """Write changed columns of a locked user. Raises as ``create_user``, and Conflict for the last
    administrator."""
    if not changes:
        return
    if "role" in changes and changes["role"] != user.role:
        await _grant(uow, changes["role"])
    if "login" in changes and changes["login"] != user.login:
        await _claim_login(uow, changes["login"])
    interfaces = changes.get("interfaces", user.interfaces)
    enabled = not (user.disabled if "disabled_at" not in changes else changes["disabled_at"] is not None)
    if enabled and ("interfaces" in changes or user.disabled):
        await _claim_interfaces(uow, interfaces, user.id)
    names = list(written := await _sealed(uow, user.id, changes))
    assignments = ", ".join(f'"{name}" = ${position}' for position, name in enumerate(names, start=3))
    await uow.execute(
        f"UPDATE users SET version = version + 1, updated_at = $2, {assignments} WHERE id = $1",  # noqa: S608
        user.id,
        uow.now,
        *written.values(),
    )
    if _KEEPER in user.permissions and not user.disabled:
        await keep_a_keeper(uow)
    told = {name: changes[name] for name in ("role", "interfaces", "queues") if name in changes}
    fields = sorted("password" if name == "password_hash" else name for name in changes)
    uow.audit("user:updated", user.id, fields=fields, **told)
    if "role" in told:
        uow.emit("rights.changed", [user_mark(user.id)])
    if _TOLD & changes.keys():
        uow.emit("user.updated", [user_mark(user.id), permission_mark("users.read")], user_id=user.id, fields=fields)


async def write_profile(uow: UnitOfWork, user_id: UUID, fields: dict[str, Any]) -> None:
    """Write what is kept about a user who was just made, beside the row itself."""
    if written := await _sealed(uow, user_id, fields):
        assignments = ", ".join(f'"{name}" = ${position}' for position, name in enumerate(written, start=2))
        await uow.execute(f"UPDATE users SET {assignments} WHERE id = $1", user_id, *written.values())  # noqa: S608


async def _sealed(uow: UnitOfWork, user_id: UUID, changes: dict[str, Any]) -> dict[str, Any]:
    """The columns to write: email and phone are sealed under the user's own key."""
    written = {name: value for name, value in changes.items() if name not in _SEALED}
    if len(written) < len(changes):
        key = await key_of_user(uow, user_id)
        for name in _SEALED & changes.keys():
            written[f"{name}_cipher"] = sealed(uow, key, f"{name}_cipher", user_id, changes[name])
    return written


async def sign_out_everywhere(uow: UnitOfWork, user_id: UUID, *, but: UUID | None = None) -> None:
    """End every session of a user, except the session ``but``."""
    await uow.execute(
        """UPDATE session SET revoked_at = $2
           WHERE user_id = $1 AND revoked_at IS NULL AND ($3::uuid IS NULL OR id <> $3)""",
        user_id,
        uow.now,
        but,
    )


async def revoke_tokens(uow: UnitOfWork, user_id: UUID) -> None:
    """End every API token of a user."""
    await uow.execute(
        "UPDATE api_token SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL", user_id, uow.now
    )


async def lock_users(uow: UnitOfWork) -> None:
    """Let nobody else change users or roles until this unit of work ends."""
    await uow.execute("SELECT pg_advisory_xact_lock($1)", _USERS_LOCK)


async def _grant(uow: UnitOfWork, role: str) -> None:
    permissions = await uow.fetchval("SELECT permissions FROM role WHERE name = $1", role)
    if permissions is None:
        raise Invalid("role: there is no such role.")
    if not frozenset(permissions) <= uow.viewer.permissions:
        raise Forbidden("This role may do more than you may; ask an administrator.")


async def _claim_login(uow: UnitOfWork, login: str) -> None:
    if await uow.fetchval("SELECT 1 FROM users WHERE login = $1", login):
        raise Conflict("login: another user has this login.")


async def _claim_interfaces(uow: UnitOfWork, interfaces: Sequence[str], user_id: UUID | None) -> None:
    if not interfaces:
        return
    taken = await uow.fetchrow(
        """SELECT u.login, i.name FROM users u CROSS JOIN LATERAL unnest(u.interfaces) AS i(name)
           WHERE u.interfaces && $1::text[] AND i.name = ANY($1::text[]) AND u.disabled_at IS NULL
             AND ($2::uuid IS NULL OR u.id <> $2) LIMIT 1""",
        list(interfaces),
        user_id,
    )
    if taken is not None:
        raise Conflict(f"interfaces: {taken['name']} belongs to {taken['login']} already.")


async def require_another_keeper(uow: UnitOfWork, user: UserRow) -> None:
    """Raise Conflict when a locked user is the only one who may manage users."""
    if _KEEPER in user.permissions and not user.disabled:
        await keep_a_keeper(uow, besides=user.id)


async def keep_a_keeper(uow: UnitOfWork, *, besides: UUID | None = None) -> None:
    """Raise Conflict unless somebody who can sign in may manage users by their role: a grant would end."""
    left = await uow.fetchval(
        """SELECT 1 FROM users u JOIN role r ON r.name = u.role
           WHERE u.disabled_at IS NULL AND $1 = ANY(r.permissions) AND u.id IS DISTINCT FROM $2 LIMIT 1""",
        *(_KEEPER, besides),
    )
    if left is None:
        raise Conflict("This is the last administrator; make another one first.")
