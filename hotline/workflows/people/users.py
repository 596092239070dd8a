"""People who sign in: adding, changing and disabling them; their passwords, profile, sessions and API
tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypedDict
from uuid import UUID

from hotline.crm import passwords
from hotline.crm.commands.people import sessions
from hotline.crm.commands.people import users as commands
from hotline.crm.company import Security
from hotline.crm.queries.people.users import TokenView, UserView, get_user
from hotline.crm.viewer import PERMISSIONS, Viewer
from hotline.customers.json_fields import json_object
from hotline.customers.text import one_line
from hotline.errors import Forbidden, Invalid, NotFound
from hotline.workflows.company import company
from hotline.workflows.house import House
from hotline.workflows.people.personal_settings import checked
from hotline.workflows.people.sign_in import check_password
from hotline.workflows.people.user_fields import LOCALES, PROFILE_FIELDS, NewUser, UserChanges, cleaned, login_of

__all__ = ["LOCALES", "NewUser", "UserChanges"]

LONGEST_PREFERENCES: Final = 8_000


class Profile(TypedDict, total=False):
    """What users change about themselves."""

    locale: str
    preferences: Mapping[str, Any]
    email: str | None
    phone: str | None
    title: str | None


async def create_user(house: House, viewer: Viewer, data: NewUser) -> UserView:
    """Add a user. Raises Forbidden, Invalid, or Conflict for a login or an interface that is taken."""
    viewer.require("users.write")
    fields = await cleaned(house, data)
    login = fields.get("login") or login_of("")
    password = data.get("password")
    password_hash = (
        None if password is None else await passwords.hash_password(password, login, shortest=_shortest(house))
    )
    async with house.unit(viewer) as uow:
        user_id = await commands.create_user(
            uow,
            login=login,
            name=fields.get("name") or login,
            role=fields.get("role", "agent"),
            locale=fields.get("locale", house.settings.locale),
            password_hash=password_hash,
            extension=fields.get("extension"),
            interfaces=fields.get("interfaces", []),
            queues=fields.get("queues", []),
        )
        await commands.write_profile(uow, user_id, {name: fields[name] for name in PROFILE_FIELDS if name in fields})
        return await get_user(uow, viewer, user_id, house.keyring)


async def update_user(
    house: House,
    viewer: Viewer,
    user_id: UUID,
    changes: UserChanges,
    expected_version: int | None = None,
) -> UserView:
    """Change a user. Raises as ``create_user``, NotFound, and Conflict for a stale version or the last
    administrator."""
    viewer.require("users.write")
    fields = await cleaned(house, changes)
    async with house.unit(viewer) as uow:
        user = await commands.lock_user(uow, user_id, expected_version)
        await commands.update_user(uow, user, fields)
        return await get_user(uow, viewer, user_id, house.keyring)


async def disable_user(house: House, viewer: Viewer, user_id: UUID, expected_version: int | None = None) -> UserView:
    """Keep a user from signing in; their sessions and API tokens end at once, their history stays."""
    viewer.require("users.write")
    async with house.unit(viewer) as uow:
        user = await commands.lock_user(uow, user_id, expected_version)
        if not user.disabled:
            await commands.update_user(uow, user, {"disabled_at": uow.now})
            await commands.sign_out_everywhere(uow, user_id)
            await commands.revoke_tokens(uow, user_id)
        return await get_user(uow, viewer, user_id, house.keyring)


async def enable_user(house: House, viewer: Viewer, user_id: UUID, expected_version: int | None = None) -> UserView:
    """Let a disabled user sign in again. Raises Conflict when somebody else has one of their interfaces by
    now."""
    viewer.require("users.write")
    async with house.unit(viewer) as uow:
        user = await commands.lock_user(uow, user_id, expected_version)
        if user.disabled:
            await commands.update_user(uow, user, {"disabled_at": None, "left_at": None})
        return await get_user(uow, viewer, user_id, house.keyring)


async def set_password(house: House, viewer: Viewer, user_id: UUID, password: str) -> None:
    """Give a user a new password: their lock and their sessions end."""
    viewer.require("users.write")
    login = (await get_user(house.db, viewer, user_id)).login
    stored = await passwords.hash_password(password, login, shortest=_shortest(house))
    async with house.unit(viewer) as uow:
        user = await commands.lock_user(uow, user_id)
        await commands.update_user(uow, user, {"password_hash": stored, "failed_sign_ins": 0, "locked_until": None})
        await commands.sign_out_everywhere(uow, user_id)


async def change_own_password(
    house: House, viewer: Viewer, current: str, new: str, session_id: UUID | None = None
) -> str | None:
    """Change one's own password; every other session than ``session_id`` ends, and that one gets a new token, which is
    answered. Raises Invalid for a wrong one.

    Wrong passwords count as wrong sign-ins do, so that a borrowed browser is no way to try them all.
    """
    viewer.require("own.profile")
    user_id = _own(viewer)
    login = (await get_user(house.db, viewer, user_id)).login
    if await check_password(house, login, current) is None:
        raise Invalid("current: this is not your password.")
    stored = await passwords.hash_password(new, login, shortest=_shortest(house))
    async with house.unit(viewer) as uow:
        user = await commands.lock_user(uow, user_id)
        await commands.update_user(uow, user, {"password_hash": stored})
        await commands.sign_out_everywhere(uow, user_id, but=session_id)
        return None if session_id is None else await sessions.rotate_session(uow, session_id)


async def update_profile(house: House, viewer: Viewer, changes: Profile) -> UserView:
    """Change one's own language, how colleagues reach one, and preferences; these are merged key by key, None removes
    a key."""
    viewer.require("own.profile")
    user_id = _own(viewer)
    async with house.unit(viewer) as uow:
        user = await commands.lock_user(uow, user_id)
        before = await get_user(uow, viewer, user_id)
        told: UserChanges = {}
        for name in ("locale", "email", "phone", "title"):
            if name in changes:
                told[name] = changes[name]
        fields = await cleaned(house, told)
        if "preferences" in changes:
            checked(changes["preferences"])
            merged = {**before.preferences, **changes["preferences"]}
            kept = {key: value for key, value in merged.items() if value is not None}
            fields["preferences"] = json_object(kept, "preferences", LONGEST_PREFERENCES)
        await commands.update_user(uow, user, fields)
        return await get_user(uow, viewer, user_id, house.keyring)


async def create_token(
    house: House,
    viewer: Viewer,
    user_id: UUID,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
) -> tuple[TokenView, str]:
    """A new API token and its secret, which is never told again. ``scopes``: ``all`` or permissions.

    For oneself it needs ``tokens.write``, for others ``users.write`` too; it never allows more than the
    user's role, nor more than the viewer.
    """
    viewer.require("tokens.write")
    if user_id != viewer.user_id:
        viewer.require("users.write")
    wanted = list(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope != "all" and scope not in PERMISSIONS]
    if unknown or not wanted:
        raise Invalid("scopes: expected all, or some of " + ", ".join(PERMISSIONS) + ".")
    if viewer.kind == "token" and not set(PERMISSIONS if "all" in wanted else wanted) <= viewer.permissions:
        raise Forbidden("A token cannot make a token that may do more than itself.")
    label = one_line(name, "name", 100, needed=True)
    async with house.unit(viewer) as uow:
        if expires_at is not None and expires_at <= uow.now:
            raise Invalid("expires_at: this moment is over.")
        await commands.lock_user(uow, user_id)
        return await sessions.create_token(uow, user_id, label, wanted, expires_at)


async def revoke_token(house: House, viewer: Viewer, token_id: UUID) -> None:
    """End an API token: one's own, or anybody's with ``users.write``. Raises NotFound."""
    async with house.unit(viewer) as uow:
        await sessions.revoke_token(uow, token_id, _own_unless_writer(viewer))


async def revoke_session(house: House, viewer: Viewer, session_id: UUID) -> None:
    """Sign a browser out: one's own, or anybody's with ``users.write``. Raises NotFound."""
    async with house.unit(viewer) as uow:
        await sessions.revoke_session(uow, session_id, _own_unless_writer(viewer))


async def revoke_sessions(house: House, viewer: Viewer, user_id: UUID, *, but: UUID | None = None) -> None:
    """Sign a user out of every browser but ``but``: oneself, or anybody with ``users.write``. Raises Forbidden."""
    if user_id != viewer.user_id:
        viewer.require("users.write")
    async with house.unit(viewer) as uow:
        if user_id != viewer.user_id:
            await commands.lock_user(uow, user_id)
        await commands.sign_out_everywhere(uow, user_id, but=but)
        uow.audit("session:revoked_all", user_id)


def _own(viewer: Viewer) -> UUID:
    if viewer.user_id is None:
        raise NotFound()
    return viewer.user_id


def _own_unless_writer(viewer: Viewer) -> UUID | None:
    return None if viewer.may("users.write") else _own(viewer)


def _shortest(house: House) -> int:
    """Least characters of a password that is set now."""
    return company.known(house, Security).password_length
