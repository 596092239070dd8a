"""Grants: rights for a time, beside those of a person's role."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.people import grants as queries
from hotline.crm.queries.people.grants import GrantView
from hotline.web.api.users import find_user
from hotline.web.endpoint import (
    Ask,
    ById,
    Endpoint,
    Input,
    Moment,
    Output,
    Page,
    Paging,
    Reply,
    endpoint,
    id_cursor,
    paged,
)
from hotline.workflows.people import grants as workflow


class Grant(Output):
    """Rights for a time: those of a whole `role`, or some `permissions`. Users are named by login."""

    id: UUID
    user_id: UUID
    user: str
    user_name: str
    role: str | None
    permissions: list[str]
    reason: str
    granted_by: str | None
    granted_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    state: Literal["live", "expired", "revoked"]


class GrantCreate(Input):
    """Rights to be given. Either `role` or `permissions`."""

    user: str = Field(min_length=1, max_length=150, description="Id or login.")
    role: str | None = Field(None, max_length=64)
    permissions: list[str] = Field(default_factory=list, max_length=200)
    reason: str = Field(min_length=1, max_length=300)
    expires_at: Moment = Field(description="At most 90 days from now.")


class GrantsQuery(Paging):
    """Which grants."""

    user: str | None = Field(None, max_length=150, description="Only this user's: id, login or `me`.")
    state: Literal["live", "over"] | None = Field(None, description="`live`: those that run; `over`: the others.")


def _render(view: GrantView) -> Grant:
    return Grant.model_validate(view)


@endpoint("GET", "/grants", right="signed_in", summary="Grants, the newest first")
async def list_grants(ask: Ask, query: GrantsQuery) -> Page[Grant]:
    """One's own; with roles.write or users.write everybody's."""
    everybody = ask.viewer.may("roles.write") or ask.viewer.may("users.write")
    user_id = None if everybody else ask.viewer.user_id
    if query.user is not None and query.user != "me":
        user_id = (await find_user(ask, query.user)).id
    elif query.user == "me":
        user_id = ask.viewer.user_id
    found = await queries.list_grants(
        ask.house.db, ask.viewer, ask.house.clock(), limit=query.limit + 1, after=id_cursor(query.cursor),
        user_id=user_id, live=None if query.state is None else query.state == "live",
    )  # fmt: skip
    return paged(found, query.limit, _render, lambda grant: str(grant.id))


@endpoint("POST", "/grants", right="roles.write", summary="Give rights for a time", status=201, fresh=True)
async def give_grant(ask: Ask, body: GrantCreate) -> Reply[Grant]:
    """Nobody gives a permission that they do not hold."""
    user = await find_user(ask, body.user)
    made = await workflow.give_grant(
        ask.house, ask.viewer, user_id=user.id, role=body.role, permissions=body.permissions, reason=body.reason,
        expires_at=body.expires_at,
    )  # fmt: skip
    return Reply(_render(made), headers={"Location": f"{ask.request.path}/{made.id}"})


@endpoint("GET", "/grants/{id}", right="signed_in", summary="One grant")
async def get_grant(ask: Ask, path: ById) -> Grant:
    return _render(await queries.get_grant(ask.house.db, ask.viewer, ask.house.clock(), path.id))


@endpoint("DELETE", "/grants/{id}", right="roles.write", summary="End a grant now")
async def revoke_grant(ask: Ask, path: ById) -> Grant:
    return _render(await workflow.revoke_grant(ask.house, ask.viewer, path.id))


@endpoint("POST", "/grants/{id}/restore", right="roles.write", summary="Take back that a grant was ended", fresh=True)
async def restore_grant(ask: Ask, path: ById) -> Grant:
    """While its time runs."""
    return _render(await workflow.restore_grant(ask.house, ask.viewer, path.id))


routes: list[Endpoint] = [list_grants, give_grant, get_grant, revoke_grant, restore_grant]
