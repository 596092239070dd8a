"""Roles: what comes with hotline, and the company's own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from hotline.crm.queries.people import roles as queries
from hotline.crm.queries.people.roles import RoleView
from hotline.web.endpoint import Ask, Endpoint, Input, Output, Reply, endpoint
from hotline.workflows.people import roles as workflow


class Role(Output):
    """A named set of permissions. `users`: how many have it."""

    name: str
    names: dict[str, str]
    permissions: list[str]
    built_in: bool
    require_totp: bool
    users: int
    version: int
    updated_at: datetime


class RoleList(Output):
    """Every role."""

    items: list[Role]
    next: str | None = None


class RoleCreate(Input):
    """A role to be made. `names`: what people read, by language; its `name` where there are none."""

    name: str = Field(max_length=63, pattern="^[a-z][a-z0-9_]*$", examples=["team_lead"])
    names: dict[str, str] = Field(default_factory=dict, max_length=10, examples=[{"en": "Team lead", "zh": "组长"}])
    permissions: list[str] = Field(max_length=200)
    require_totp: bool = False


class RoleChange(Input):
    """What to change; what is absent stays. Of a role that comes with hotline only `require_totp` may."""

    names: dict[str, str] | None = Field(None, max_length=10)
    permissions: list[str] | None = Field(None, max_length=200)
    require_totp: bool | None = None
    version: int | None = Field(None, description="The version that was read; a newer one there is a conflict.")


class RolePath(Input):
    """A role by its name."""

    name: str = Field(min_length=1, max_length=64)


def _render(view: RoleView) -> Role:
    return Role(
        name=view.name,
        names=dict(view.names),
        permissions=list(view.permissions),
        built_in=view.built_in,
        require_totp=view.require_totp,
        users=view.users,
        version=view.version,
        updated_at=view.updated_at,
    )


@endpoint("GET", "/roles", right="users.read", summary="Roles and what they allow")
async def list_roles(ask: Ask) -> RoleList:
    return RoleList(items=[_render(view) for view in await queries.list_roles(ask.house.db, ask.viewer)])


@endpoint("POST", "/roles", right="roles.write", summary="Make a role", status=201, fresh=True)
async def create_role(ask: Ask, body: RoleCreate) -> Reply[Role]:
    """Nobody gives a permission that they do not hold."""
    made = await workflow.create_role(
        ask.house, ask.viewer, body.name, names=body.names, permissions=body.permissions,
        require_totp=body.require_totp,
    )  # fmt: skip
    return Reply(_render(made), headers={"Location": f"{ask.request.path}/{made.name}"})


@endpoint("GET", "/roles/{name}", right="users.read", summary="One role")
async def get_role(ask: Ask, path: RolePath) -> Role:
    return _render(await queries.get_role(ask.house.db, ask.viewer, path.name))


@endpoint("PATCH", "/roles/{name}", right="roles.write", summary="Change a role", fresh=True)
async def change_role(ask: Ask, path: RolePath, body: RoleChange) -> Role:
    """Whoever has the role may do, and sees, what it says from their next request on."""
    view = await queries.get_role(ask.house.db, ask.viewer, path.name)
    changes: Any = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"version"})
    expected = ask.expected_version(view.version, body.version)
    return _render(await workflow.change_role(ask.house, ask.viewer, path.name, changes, expected))


@endpoint(
    "DELETE", "/roles/{name}", right="roles.write", summary="Remove a role that nobody has", status=204, fresh=True
)
async def delete_role(ask: Ask, path: RolePath) -> None:
    await workflow.delete_role(ask.house, ask.viewer, path.name)


routes: list[Endpoint] = [list_roles, create_role, get_role, change_role, delete_role]
