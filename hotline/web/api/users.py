"""Users, roles, and what users say about themselves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hotline.crm.queries.people import users as queries
from hotline.crm.queries.people.users import UserView
from hotline.errors import Invalid
from hotline.web.api.user_bodies import (
    NULLABLE,
    Me,
    ProfileChange,
    User,
    UserChange,
    UserCreate,
    UserPath,
    UsersQuery,
    fields_of,
    user_body,
)
from hotline.web.auth import session_cookie_header
from hotline.web.endpoint import Ask, Endpoint, Page, Reply, endpoint, id_cursor, paged
from hotline.workflows.people import users as workflow


async def find_user(ask: Ask, named: str) -> UserView:
    """The user whose id or login that is."""
    try:
        return await queries.get_user(ask.house.db, ask.viewer, UUID(named), ask.house.keyring)
    except ValueError:
        return await queries.find_user_by_login(ask.house.db, ask.viewer, named, ask.house.keyring)


@endpoint("GET", "/users", right="users.read", summary="Users, the newest first")
async def list_users(ask: Ask, query: UsersQuery) -> Page[User]:
    found = await queries.list_users(
        ask.house.db,
        ask.viewer,
        limit=query.limit + 1,
        after=id_cursor(query.cursor),
        with_disabled=query.disabled is not False,
        keyring=ask.house.keyring,
    )
    return paged(found, query.limit, user_body, lambda user: str(user.id))


@endpoint("POST", "/users", right="users.write", summary="Add a user", status=201, fresh=True)
async def create_user(ask: Ask, body: UserCreate) -> User:
    fields: Any = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"password"})
    if body.password is not None:
        fields["password"] = body.password.get_secret_value()
    return user_body(await workflow.create_user(ask.house, ask.viewer, fields))


@endpoint("GET", "/users/me", right="signed_in", summary="The user of this token or session")
async def get_me(ask: Ask) -> Me:
    return _me(ask, await queries.get_user(ask.house.db, ask.viewer, _own_id(ask), ask.house.keyring))


@endpoint("PATCH", "/users/me", right="own.profile", summary="Change one's own language, preferences, password")
async def change_me(ask: Ask, body: ProfileChange) -> Reply[Me]:
    """A new password ends every other session; a browser's own gets a new cookie."""
    if (body.current_password is None) != (body.new_password is None):
        raise Invalid("current_password and new_password go together.")
    headers: dict[str, str] = {}
    if body.current_password is not None and body.new_password is not None:
        token = await workflow.change_own_password(
            ask.house,
            ask.viewer,
            body.current_password.get_secret_value(),
            body.new_password.get_secret_value(),
            ask.signed.id if ask.signed.kind == "session" else None,
        )
        if token is not None:
            headers["Set-Cookie"] = session_cookie_header(ask.request, token)
    changes: Any = body.model_dump(exclude_unset=True, exclude={"current_password", "new_password"})
    for name in ("locale", "preferences"):
        if name in changes and changes[name] is None:
            del changes[name]
    return Reply(_me(ask, await workflow.update_profile(ask.house, ask.viewer, changes)), headers=headers)


@endpoint("GET", "/users/{user}", right="signed_in", summary="One user")
async def get_user(ask: Ask, path: UserPath) -> User:
    """One's own record is always there; others' need users.read."""
    return user_body(await find_user(ask, path.user))


@endpoint("PATCH", "/users/{user}", right="users.write", summary="Change a user", fresh=True)
async def change_user(ask: Ask, path: UserPath, body: UserChange) -> User:
    """`disabled` ends the user's sessions and tokens; a new password ends the sessions."""
    view = await find_user(ask, path.user)
    expected = ask.expected_version(view.version, body.version)
    changes: Any = body.model_dump(exclude_unset=True, exclude={"version", "disabled", "password"})
    if nulls := [name for name, value in changes.items() if value is None and name not in NULLABLE]:
        raise Invalid(f"{nulls[0]}: must not be null.")
    if changes or body.disabled is None:
        view = await workflow.update_user(ask.house, ask.viewer, view.id, changes, expected)
        expected = None
    if body.disabled is not None:
        change = workflow.disable_user if body.disabled else workflow.enable_user
        view = await change(ask.house, ask.viewer, view.id, expected)
    if body.password is not None:
        await workflow.set_password(ask.house, ask.viewer, view.id, body.password.get_secret_value())
        view = await queries.get_user(ask.house.db, ask.viewer, view.id, ask.house.keyring)
    return user_body(view)


def _own_id(ask: Ask) -> UUID:
    user_id = ask.viewer.user_id
    if user_id is None:
        raise Invalid("This credential belongs to nobody.")
    return user_id


def _me(ask: Ask, view: UserView) -> Me:
    return Me(**fields_of(view), permissions=sorted(ask.viewer.permissions), preferences=dict(view.preferences))


routes: list[Endpoint] = [list_users, create_user, get_me, change_me, get_user, change_user]
