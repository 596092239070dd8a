"""Users, roles, sessions and tokens as their viewer may see them. A user always sees their own record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.viewer import Viewer
from hotline.errors import Forbidden, NotFound

MOST_USERS: Final = 201


@dataclass(frozen=True, slots=True)
class UserView:
    """A user. ``interfaces`` are the exact names by which PBXs know their phones."""

    id: UUID
    login: str
    name: str
    role: str
    locale: str
    extension: str | None
    interfaces: tuple[str, ...]
    queues: tuple[str, ...]
    disabled_at: datetime | None
    locked_until: datetime | None
    preferences: Mapping[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role and what it allows."""

    name: str
    permissions: tuple[str, ...]
    built_in: bool


@dataclass(frozen=True, slots=True)
class SessionView:
    """A browser that is signed in."""

    id: UUID
    user_id: UUID
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    user_agent: str


@dataclass(frozen=True, slots=True)
class TokenView:
    """An API token; its secret is shown once, when it is made."""

    id: UUID
    user_id: UUID
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None


_COLUMNS: Final = """id, login, name, role, locale, extension, interfaces, queues, disabled_at, locked_until,
    preferences, version, created_at, updated_at"""


async def get_user(db: Reader, viewer: Viewer, user_id: UUID) -> UserView:
    """One user. Raises NotFound."""
    if user_id != viewer.user_id:
        viewer.require("users.read")
    row = await db.fetchrow(f"SELECT {_COLUMNS} FROM users WHERE id = $1", user_id)  # noqa: S608
    if row is None:
        raise NotFound()
    return _user(row)


async def find_user_by_login(db: Reader, viewer: Viewer, login: str) -> UserView:
    """The user who signs in as ``login``. Raises NotFound."""
    viewer.require("users.read")
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM users WHERE login = $1",  # noqa: S608
        login.strip().lower(),
    )
    if row is None:
        raise NotFound(f"There is no user {login.strip()!r}.")
    return _user(row)


async def list_users(
    db: Reader,
    viewer: Viewer,
    *,
    limit: int,
    after: UUID | None = None,
    with_disabled: bool = True,
) -> list[UserView]:
    """Users, the newest first."""
    viewer.require("users.read")
    rows = await db.fetch(
        f"""SELECT {_COLUMNS} FROM users
            WHERE ($2::uuid IS NULL OR id < $2) AND ($3 OR disabled_at IS NULL)
            ORDER BY id DESC LIMIT $1""",  # noqa: S608
        min(limit, MOST_USERS),
        after,
        with_disabled,
    )
    return [_user(row) for row in rows]


async def list_roles(db: Reader, viewer: Viewer) -> list[RoleView]:
    """Every role."""
    viewer.require("users.read")
    rows = await db.fetch("SELECT name, permissions, built_in FROM role ORDER BY built_in DESC, name")
    return [RoleView(row["name"], tuple(row["permissions"]), row["built_in"]) for row in rows]


async def list_sessions(db: Reader, viewer: Viewer, user_id: UUID, now: datetime) -> list[SessionView]:
    """The browsers in which a user is signed in, the last used first."""
    own_or_writer(viewer, user_id)
    rows = await db.fetch(
        """SELECT id, user_id, created_at, seen_at, expires_at, user_agent FROM session
           WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY seen_at DESC LIMIT 100""",
        user_id,
        now,
    )
    return [SessionView(**row) for row in rows]


async def list_tokens(db: Reader, viewer: Viewer, user_id: UUID) -> list[TokenView]:
    """A user's API tokens that are not revoked, the newest first."""
    own_or_writer(viewer, user_id)
    rows = await db.fetch(
        """SELECT id, user_id, name, scopes, created_at, used_at, expires_at FROM api_token
           WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id DESC LIMIT 100""",
        user_id,
    )
    return [token_view(row) for row in rows]


def token_view(row: Row) -> TokenView:
    """A row of ``api_token`` as it may be shown."""
    return TokenView(
        row["id"],
        row["user_id"],
        row["name"],
        tuple(row["scopes"]),
        row["created_at"],
        row["used_at"],
        row["expires_at"],
    )


def own_or_writer(viewer: Viewer, user_id: UUID) -> None:
    """Raise Forbidden unless it is the viewer's own, or they look after users."""
    if user_id != viewer.user_id and not viewer.may("users.write"):
        raise Forbidden()


def _user(row: Row) -> UserView:
    fields = dict(row)
    fields["interfaces"] = tuple(row["interfaces"])
    fields["queues"] = tuple(row["queues"])
    return UserView(**fields)
