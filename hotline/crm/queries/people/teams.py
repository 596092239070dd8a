"""Teams with their members."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

#: More teams than this are not kept, and no more members in one.
MOST: Final = 200
MOST_MEMBERS: Final = 1000


@dataclass(frozen=True, slots=True)
class TeamMemberView:
    """Somebody in a team."""

    id: UUID
    login: str
    name: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class TeamView:
    """A team. ``queues``: whose calls and tickets are the team's."""

    id: UUID
    name: str
    queues: tuple[str, ...]
    members: tuple[TeamMemberView, ...]
    version: int
    updated_at: datetime


_SELECT: Final = f"""
SELECT t.id, t.name, t.queues, t.version, t.updated_at,
    ARRAY(SELECT (u.id, u.login, u.name, u.disabled_at IS NOT NULL) FROM team_member m JOIN users u ON u.id = m.user_id
          WHERE m.team_id = t.id ORDER BY lower(u.name), u.id LIMIT {MOST_MEMBERS}) AS members
FROM team t
"""  # noqa: S608


async def list_teams(db: Reader, viewer: Viewer) -> list[TeamView]:
    """Every team, by name."""
    viewer.require("users.read")
    return [_team(row) for row in await db.fetch(f"{_SELECT} ORDER BY lower(t.name), t.id LIMIT {MOST}")]


async def get_team(db: Reader, viewer: Viewer, team_id: UUID) -> TeamView:
    """One team. Raises NotFound."""
    viewer.require("users.read")
    row = await db.fetchrow(f"{_SELECT} WHERE t.id = $1", team_id)
    if row is None:
        raise NotFound("There is no such team.")
    return _team(row)


def _team(row: Row) -> TeamView:
    return TeamView(
        id=row["id"],
        name=row["name"],
        queues=tuple(row["queues"]),
        members=tuple(TeamMemberView(*member) for member in row["members"]),
        version=row["version"],
        updated_at=row["updated_at"],
    )
