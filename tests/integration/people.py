"""Viewers and users for tests of the records."""

from __future__ import annotations

from uuid import UUID

from hotline.crm.viewer import SHIPPED_ROLES, SYSTEM, Viewer, viewer_of
from hotline.ids import new_id
from hotline.workflows.house import House
from hotline.workflows.people.users import NewUser, create_user

PASSWORD = "a password of the tests"


def viewer_as(role: str, user_id: UUID | None = None) -> Viewer:
    """Somebody with a shipped role; without ``user_id`` nobody in the database."""
    return viewer_of(user_id or new_id(), frozenset(SHIPPED_ROLES[role]))


async def add_user(house: House, login: str, role: str = "agent", **fields: object) -> Viewer:
    """A user in the database, who can sign in with PASSWORD; answers their viewer."""
    data: NewUser = {"login": login, "name": login.title(), "role": role, **fields}  # type: ignore[typeddict-item]
    user = await create_user(house, SYSTEM, data)
    return viewer_as(role, user.id)
