"""Teams: who works together, and which queues are theirs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from hotline.crm.queries.people import teams as queries
from hotline.crm.queries.people.teams import TeamView
from hotline.web.endpoint import Ask, ById, Endpoint, Input, Output, Reply, endpoint
from hotline.workflows.people import teams as workflow


class TeamMember(Output):
    """Somebody in a team."""

    id: UUID
    login: str
    name: str
    disabled: bool


class Team(Output):
    """A team. Who may see their teams' records sees those of its members, and the calls and tickets of its queues."""

    id: UUID
    name: str
    queues: list[str]
    members: list[TeamMember]
    version: int
    updated_at: datetime


class TeamList(Output):
    """Every team."""

    items: list[Team]
    next: str | None = None


class TeamCreate(Input):
    """A team to be made. `members` are logins, or ids."""

    name: str = Field(min_length=1, max_length=100)
    queues: list[str] = Field(default_factory=list, max_length=100)
    members: list[str] = Field(default_factory=list, max_length=1000)


class TeamChange(Input):
    """What to change; what is absent stays, lists are the whole list."""

    name: str | None = Field(None, min_length=1, max_length=100)
    queues: list[str] | None = Field(None, max_length=100)
    members: list[str] | None = Field(None, max_length=1000)
    version: int | None = Field(None, description="The version that was read; a newer one there is a conflict.")


def _render(view: TeamView) -> Team:
    return Team(
        id=view.id,
        name=view.name,
        queues=list(view.queues),
        members=[TeamMember.model_validate(member) for member in view.members],
        version=view.version,
        updated_at=view.updated_at,
    )


@endpoint("GET", "/teams", right="users.read", summary="Teams")
async def list_teams(ask: Ask) -> TeamList:
    return TeamList(items=[_render(view) for view in await queries.list_teams(ask.house.db, ask.viewer)])


@endpoint("POST", "/teams", right="teams.write", summary="Make a team", status=201)
async def create_team(ask: Ask, body: TeamCreate) -> Reply[Team]:
    fields: Any = body.model_dump()
    made = await workflow.create_team(ask.house, ask.viewer, fields)
    return Reply(_render(made), headers={"Location": f"{ask.request.path}/{made.id}"})


@endpoint("GET", "/teams/{id}", right="users.read", summary="One team")
async def get_team(ask: Ask, path: ById) -> Team:
    return _render(await queries.get_team(ask.house.db, ask.viewer, path.id))


@endpoint("PATCH", "/teams/{id}", right="teams.write", summary="Change a team")
async def change_team(ask: Ask, path: ById, body: TeamChange) -> Team:
    view = await queries.get_team(ask.house.db, ask.viewer, path.id)
    changes: Any = body.model_dump(exclude_unset=True, exclude_none=True, exclude={"version"})
    expected = ask.expected_version(view.version, body.version)
    return _render(await workflow.change_team(ask.house, ask.viewer, path.id, changes, expected))


@endpoint("DELETE", "/teams/{id}", right="teams.write", summary="Remove a team", status=204)
async def delete_team(ask: Ask, path: ById) -> None:
    """Its members stay; what they saw through it they see no more."""
    await workflow.delete_team(ask.house, ask.viewer, path.id)


routes: list[Endpoint] = [list_teams, create_team, get_team, change_team, delete_team]
