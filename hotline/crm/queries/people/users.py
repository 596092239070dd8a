"""Users, roles, sessions and tokens as their viewer may see them. A user always sees their own record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, PersonalKey
from hotline.crm.personal_keys import load_personal_keys
from hotline.crm.viewer import Viewer
from hotline.errors import Forbidden, NotFound

MOST_USERS: Final = 201
_SEALED: Final = ("key_id", "email_cipher", "phone_cipher")


@dataclass(frozen=True, slots=True)
class Skill:
    """What somebody is good at: an entry of the list ``skill``, from 1 (beginning) to 5 (teaches it)."""

    key: str
    level: int


@dataclass(frozen=True, slots=True)
class UserView:
    """A user. ``interfaces`` are the exact names by which PBXs know their phones.

    ``email`` and ``phone`` are None where nobody asked for them with a keyring. ``working_hours`` are ``{"calendar"}``
    or ``{"weekly", "timezone"}``.
    """

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
    title: str | None = None
    skills: tuple[Skill, ...] = ()
    working_hours: Mapping[str, Any] | None = None
    left_at: datetime | None = None
    second_factor: bool = False
    teams: tuple[str, ...] = ()
    email: str | None = None
    phone: str | None = None


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
    network: str = ""
    second_factor: bool = False


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
    preferences, version, created_at, updated_at, title, skills, working_hours, left_at,
    totp_since IS NOT NULL AS second_factor, key_id, email_cipher, phone_cipher,
    ARRAY(SELECT t.name FROM team_member m JOIN team t ON t.id = m.team_id WHERE m.user_id = users.id
          ORDER BY t.name) AS teams"""


async def get_user(db: Reader, viewer: Viewer, user_id: UUID, keyring: Keyring | None = None) -> UserView:
    """One user. Raises NotFound."""
    if user_id != viewer.user_id:
        viewer.require("users.read")
    rows = await db.fetch(f"SELECT {_COLUMNS} FROM users WHERE id = $1", user_id)  # noqa: S608
    if not rows:
        raise NotFound()
    return (await _views(db, rows, keyring))[0]


async def find_user_by_login(db: Reader, viewer: Viewer, login: str, keyring: Keyring | None = None) -> UserView:
    """The user who signs in as ``login``. Raises NotFound."""
    viewer.require("users.read")
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM users WHERE login = $1",  # noqa: S608
        login.strip().lower(),
    )
    if not rows:
        raise NotFound(f"There is no user {login.strip()!r}.")
    return (await _views(db, rows, keyring))[0]


async def list_users(
    db: Reader,
    viewer: Viewer,
    *,
    limit: int,
    after: UUID | None = None,
    with_disabled: bool = True,
    keyring: Keyring | None = None,
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
    return await _views(db, rows, keyring)


async def list_roles(db: Reader, viewer: Viewer) -> list[RoleView]:
    """Every role."""
    viewer.require("users.read")
    rows = await db.fetch("SELECT name, permissions, built_in FROM role ORDER BY built_in DESC, name")
    return [RoleView(row["name"], tuple(row["permissions"]), row["built_in"]) for row in rows]


async def list_sessions(db: Reader, viewer: Viewer, user_id: UUID, now: datetime) -> list[SessionView]:
    """The browsers in which a user is signed in, the last used first."""
    own_or_writer(viewer, user_id)
    rows = await db.fetch(
        """SELECT id, user_id, created_at, seen_at, expires_at, user_agent, network, second_factor FROM session
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


async def _views(db: Reader, rows: Sequence[Row], keyring: Keyring | None) -> list[UserView]:
    keys: dict[UUID, PersonalKey] = {}
    if keyring is not None and (wanted := [row["key_id"] for row in rows if row["key_id"]]):
        keys = await load_personal_keys(db, keyring, wanted)

    def opened(row: Row, column: str) -> str | None:
        key = keys.get(row["key_id"])
        if keyring is None or key is None or row[column] is None:
            return None
        return keyring.decrypt(key, "users", column, row["id"], row[column])

    return [_user(row, opened(row, "email_cipher"), opened(row, "phone_cipher")) for row in rows]


def _user(row: Row, email: str | None, phone: str | None) -> UserView:
    fields = {name: value for name, value in dict(row).items() if name not in _SEALED}
    fields["interfaces"] = tuple(row["interfaces"])
    fields["queues"] = tuple(row["queues"])
    fields["teams"] = tuple(row["teams"])
    fields["skills"] = tuple(Skill(each["key"], each["level"]) for each in row["skills"])
    return UserView(**fields, email=email, phone=phone)
