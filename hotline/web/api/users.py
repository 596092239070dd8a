"""Users, roles, and what users say about themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, SecretStr

from hotline.crm.queries import users as queries
from hotline.crm.queries.users import UserView
from hotline.errors import Invalid
from hotline.web.endpoint import Ask, Endpoint, Input, Output, Page, Paging, endpoint, id_cursor, paged
from hotline.workflows import users as workflow

Locale = Literal["en", "zh"]
Password = Annotated[SecretStr, Field(min_length=1, max_length=200)]


class User(Output):
    """Who signs in. `interfaces` are the exact names by which PBXs know their phones."""

    id: UUID
    login: str
    name: str
    role: str
    locale: str
    extension: str | None
    interfaces: list[str]
    queues: list[str]
    disabled: bool
    locked_until: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class Me(User):
    """The user of this token or session, and what they may do."""

    permissions: list[str]
    preferences: dict[str, Any]


class UserCreate(Input):
    """A user to be added."""

    login: str = Field(min_length=1, max_length=100)
    name: str | None = Field(None, max_length=200, description="Shown to others; the login when absent.")
    role: str = Field("agent", max_length=64)
    locale: Locale | None = None
    extension: str | None = Field(None, max_length=32)
    interfaces: list[str] = Field(default_factory=list, max_length=20, examples=[["PJSIP/agent1"]])
    queues: list[str] = Field(default_factory=list, max_length=100)
    password: Password | None = Field(None, description="Without one the user cannot sign in to the desk yet.")


class UserChange(Input):
    """What to change; what is absent stays. Lists replace the whole list."""

    login: str | None = Field(None, min_length=1, max_length=100)
    name: str | None = Field(None, min_length=1, max_length=200)
    role: str | None = Field(None, max_length=64)
    locale: Locale | None = None
    extension: str | None = Field(None, max_length=32)
    interfaces: list[str] | None = Field(None, max_length=20)
    queues: list[str] | None = Field(None, max_length=100)
    disabled: bool | None = None
    password: Password | None = None
    version: int | None = Field(None, description="The version that was read; a newer one there is a conflict.")


class ProfileChange(Input):
    """What users change about themselves."""

    locale: Locale | None = None
    preferences: dict[str, Any] | None = Field(None, description="Merged key by key; null removes a key.")
    current_password: Password | None = None
    new_password: Password | None = None


class UserPath(Input):
    """A user by id or login."""

    user: str = Field(min_length=1, max_length=150, description="Id or login.")


class UsersQuery(Paging):
    """Which users."""

    disabled: bool | None = Field(None, description="`false`: only those who may sign in.")


class Role(Output):
    """A named set of permissions."""

    name: str
    permissions: list[str]
    built_in: bool


class RoleList(Output):
    """Every role."""

    items: list[Role]
    next: str | None = None


def _render(view: UserView) -> User:
    return User(**_fields(view))


def _fields(view: UserView) -> dict[str, Any]:
    return {
        "id": view.id,
        "login": view.login,
        "name": view.name,
        "role": view.role,
        "locale": view.locale,
        "extension": view.extension,
        "interfaces": list(view.interfaces),
        "queues": list(view.queues),
        "disabled": view.disabled_at is not None,
        "locked_until": view.locked_until,
        "version": view.version,
        "created_at": view.created_at,
        "updated_at": view.updated_at,
    }


async def find_user(ask: Ask, named: str) -> UserView:
    """The user whose id or login that is."""
    try:
        return await queries.get_user(ask.house.db, ask.viewer, UUID(named))
    except ValueError:
        return await queries.find_user_by_login(ask.house.db, ask.viewer, named)


@endpoint("GET", "/users", right="users.read", summary="Users, the newest first")
async def list_users(ask: Ask, query: UsersQuery) -> Page[User]:
    found = await queries.list_users(
        ask.house.db,
        ask.viewer,
        limit=query.limit + 1,
        after=id_cursor(query.cursor),
        with_disabled=query.disabled is not False,
    )
    return paged(found, query.limit, _render, lambda user: str(user.id))


@endpoint("POST", "/users", right="users.write", summary="Add a user", status=201)
async def create_user(ask: Ask, body: UserCreate) -> User:
    fields: Any = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"password"})
    if body.password is not None:
        fields["password"] = body.password.get_secret_value()
    return _render(await workflow.create_user(ask.house, ask.viewer, fields))


@endpoint("GET", "/users/me", right="signed_in", summary="The user of this token or session")
async def get_me(ask: Ask) -> Me:
    return _me(ask, await queries.get_user(ask.house.db, ask.viewer, _own_id(ask)))


@endpoint("PATCH", "/users/me", right="own.profile", summary="Change one's own language, preferences, password")
async def change_me(ask: Ask, body: ProfileChange) -> Me:
    if (body.current_password is None) != (body.new_password is None):
        raise Invalid("current_password and new_password go together.")
    if body.current_password is not None and body.new_password is not None:
        await workflow.change_own_password(
            ask.house,
            ask.viewer,
            body.current_password.get_secret_value(),
            body.new_password.get_secret_value(),
            ask.signed.id if ask.signed.kind == "session" else None,
        )
    changes: Any = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"current_password", "new_password"})
    return _me(ask, await workflow.update_profile(ask.house, ask.viewer, changes))


@endpoint("GET", "/users/{user}", right="signed_in", summary="One user")
async def get_user(ask: Ask, path: UserPath) -> User:
    """One's own record is always there; others' need users.read."""
    return _render(await find_user(ask, path.user))


@endpoint("PATCH", "/users/{user}", right="users.write", summary="Change a user")
async def change_user(ask: Ask, path: UserPath, body: UserChange) -> User:
    """`disabled` ends the user's sessions and tokens; a new password ends the sessions."""
    view = await find_user(ask, path.user)
    expected = ask.expected_version(view.version, body.version)
    changes: Any = body.model_dump(exclude_unset=True, exclude={"version", "disabled", "password"})
    if nulls := [name for name, value in changes.items() if value is None and name != "extension"]:
        raise Invalid(f"{nulls[0]}: must not be null.")
    if changes or body.disabled is None:
        view = await workflow.update_user(ask.house, ask.viewer, view.id, changes, expected)
        expected = None
    if body.disabled is not None:
        change = workflow.disable_user if body.disabled else workflow.enable_user
        view = await change(ask.house, ask.viewer, view.id, expected)
    if body.password is not None:
        await workflow.set_password(ask.house, ask.viewer, view.id, body.password.get_secret_value())
        view = await queries.get_user(ask.house.db, ask.viewer, view.id)
    return _render(view)


@endpoint("GET", "/roles", right="users.read", summary="Roles and what they allow")
async def list_roles(ask: Ask) -> RoleList:
    found = await queries.list_roles(ask.house.db, ask.viewer)
    return RoleList(items=[Role(name=r.name, permissions=list(r.permissions), built_in=r.built_in) for r in found])


def _own_id(ask: Ask) -> UUID:
    user_id = ask.viewer.user_id
    if user_id is None:
        raise Invalid("This credential belongs to nobody.")
    return user_id


def _me(ask: Ask, view: UserView) -> Me:
    return Me(**_fields(view), permissions=sorted(ask.viewer.permissions), preferences=dict(view.preferences))


routes: list[Endpoint] = [list_users, create_user, get_me, change_me, get_user, change_user, list_roles]
