"""Roles of the company's own: made of permissions, changed, removed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypedDict

from hotline.crm.commands.people import roles as commands
from hotline.crm.queries.people.roles import RoleView, get_role
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import PERMISSIONS, SCOPED, Viewer
from hotline.customers.text import one_line
from hotline.errors import Conflict, Invalid
from hotline.workflows.house import House
from hotline.workflows.people.user_fields import LOCALES

LONGEST_NAME: Final = 60

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


class RoleChanges(TypedDict, total=False):
    """What may change of a role; what is absent stays. Of a built-in one, only ``require_totp``."""

    names: Mapping[str, str]
    permissions: Sequence[str]
    require_totp: bool


async def create_role(
    house: House,
    viewer: Viewer,
    name: str,
    *,
    names: Mapping[str, str] | None = None,
    permissions: Sequence[str],
    require_totp: bool = False,
) -> RoleView:
    """Make a role; without ``names`` people read its ``name``. Raises Forbidden, also for permissions that the viewer
    does not hold; Invalid, Conflict."""
    viewer.require("roles.write")
    async with house.unit(viewer) as uow:
        await create_in(uow, name, names=names, permissions=permissions, require_totp=require_totp)
        return await get_role(uow, viewer, name)


async def create_in(
    uow: UnitOfWork,
    name: str,
    *,
    names: Mapping[str, str] | None = None,
    permissions: Sequence[str],
    require_totp: bool = False,
) -> None:
    """As ``create_role``, inside the caller's unit of work."""
    uow.viewer.require("roles.write")
    if not _NAME.fullmatch(name):
        raise Invalid("name: small letters, digits and _, beginning with a letter, at most 63.")
    cleaned, held = _names(names) if names else {}, check_permissions(permissions)
    await commands.create_role(uow, name, cleaned, held, require_totp=require_totp)


async def change_role(
    house: House, viewer: Viewer, name: str, changes: RoleChanges, expected_version: int | None = None
) -> RoleView:
    """Change a role; who has it may do so at their next request. Raises as ``create_role``, NotFound, and Conflict when
    nobody could manage users any more."""
    async with house.unit(viewer) as uow:
        await change_in(uow, name, changes, expected_version)
        return await get_role(uow, viewer, name)


async def change_in(uow: UnitOfWork, name: str, changes: RoleChanges, expected_version: int | None = None) -> None:
    """As ``change_role``, inside the caller's unit of work."""
    uow.viewer.require("roles.write")
    cleaned: dict[str, Any] = {}
    if "names" in changes:
        cleaned["names"] = _names(changes["names"])
    if "permissions" in changes:
        cleaned["permissions"] = check_permissions(changes["permissions"])
    if "require_totp" in changes:
        cleaned["require_totp"] = changes["require_totp"]
    role = await commands.lock_role(uow, name, expected_version)
    if role.built_in and cleaned.keys() - {"require_totp"}:
        raise Conflict("This role comes with hotline and stays as it is: make one of your own like it.")
    await commands.update_role(uow, role, cleaned)


async def delete_role(house: House, viewer: Viewer, name: str) -> None:
    """Remove a role that nobody has. Raises Conflict, NotFound, Forbidden."""
    viewer.require("roles.write")
    async with house.unit(viewer) as uow:
        role = await commands.lock_role(uow, name)
        if role.built_in:
            raise Conflict("This role comes with hotline and cannot be removed.")
        await commands.delete_role(uow, role)


def check_permissions(permissions: Iterable[str]) -> tuple[str, ...]:
    """The permissions, each once and in the order of the list of all. Raises Invalid for one that is unknown, and for
    one that does nothing without another."""
    wanted = set(permissions)
    for at, name in enumerate(permissions):
        if name not in PERMISSIONS:
            raise Invalid(f"permissions[{at}]: there is no permission {name[:60]!r}.")
    for kind in SCOPED:
        wider = {f"{kind}.read_team", f"{kind}.read_all"} & wanted
        if wider and f"{kind}.read" not in wanted:
            raise Invalid(f"permissions: {min(wider)} needs {kind}.read, too.")
    return tuple(name for name in PERMISSIONS if name in wanted)


def _names(names: Mapping[str, str]) -> dict[str, str]:
    if unknown := sorted(set(names) - set(LOCALES)):
        raise Invalid(f"names.{unknown[0][:20]}: languages are {', '.join(LOCALES)}.")
    cleaned = {each: one_line(names.get(each) or "", f"names.{each}", LONGEST_NAME) for each in LOCALES}
    if not any(cleaned.values()):
        raise Invalid("names: a role needs a name in one language at least.")
    return {each: text for each, text in cleaned.items() if text}
