"""Teams: made, changed, removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypedDict
from uuid import UUID

from hotline.crm.commands.people import teams as commands
from hotline.crm.queries.people.teams import MOST_MEMBERS, TeamView, get_team
from hotline.crm.viewer import Viewer
from hotline.customers.text import one_line
from hotline.errors import Invalid
from hotline.workflows.house import House
from hotline.workflows.people.user_fields import MOST_QUEUES, QUEUE

LONGEST_NAME: Final = 100


class TeamChanges(TypedDict, total=False):
    """What may change of a team; what is absent stays, lists are the whole list. ``members`` are logins."""

    name: str
    queues: Sequence[str]
    members: Sequence[str]


async def create_team(house: House, viewer: Viewer, data: TeamChanges) -> TeamView:
    """Make a team. Raises Forbidden, Invalid, or Conflict for a name that is taken."""
    viewer.require("teams.write")
    cleaned = _cleaned(data)
    async with house.unit(viewer) as uow:
        team_id = uow.new_id()
        await commands.create_team(
            uow,
            team_id,
            cleaned.get("name") or one_line("", "name", LONGEST_NAME, needed=True),
            cleaned.get("queues", ()),
            cleaned.get("members", ()),
        )
        return await get_team(uow, viewer, team_id)


async def change_team(
    house: House, viewer: Viewer, team_id: UUID, changes: TeamChanges, expected_version: int | None = None
) -> TeamView:
    """Change a team; what its members see changes at their next request. Raises as ``create_team``, and NotFound."""
    viewer.require("teams.write")
    cleaned = _cleaned(changes)
    async with house.unit(viewer) as uow:
        await commands.update_team(uow, team_id, expected_version, **cleaned)
        return await get_team(uow, viewer, team_id)


async def delete_team(house: House, viewer: Viewer, team_id: UUID) -> None:
    """Remove a team. Raises Forbidden, NotFound."""
    viewer.require("teams.write")
    async with house.unit(viewer) as uow:
        await commands.delete_team(uow, team_id)


def _cleaned(data: TeamChanges) -> TeamChanges:
    cleaned: TeamChanges = {}
    if "name" in data:
        cleaned["name"] = one_line(data["name"], "name", LONGEST_NAME, needed=True)
    if "queues" in data:
        if len(data["queues"]) > MOST_QUEUES:
            raise Invalid(f"queues: at most {MOST_QUEUES}.")
        for at, queue in enumerate(data["queues"]):
            if not QUEUE.fullmatch(queue):
                raise Invalid(f"queues[{at}]: the name of a queue, as the PBX has it, for example support.")
        cleaned["queues"] = list(dict.fromkeys(data["queues"]))
    if "members" in data:
        members = [login.strip().lower() for login in data["members"]]
        if len(members) > MOST_MEMBERS:
            raise Invalid(f"members: at most {MOST_MEMBERS}.")
        cleaned["members"] = list(dict.fromkeys(members))
    return cleaned
