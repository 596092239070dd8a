"""Reply templates as their viewer may use them: their own, their teams', everybody's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.conversations.macros import Actions, Audience
from hotline.crm.database import Reader, Row
from hotline.crm.scopes import Arguments
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

#: More of one person, one team, or of everybody are not kept; nor more of one's versions shown.
MOST: Final = 200
MOST_VERSIONS: Final = 50


@dataclass(frozen=True, slots=True)
class MacroView:
    """A macro. ``team``: its name; ``mine``: whether the viewer may change it; ``used``: how often it was.
    ``template``: the id of an approved WhatsApp template, ``variables`` the placeholders for its numbered gaps."""

    id: UUID
    name: str
    audience: Audience
    team_id: UUID | None
    team: str | None
    texts: Mapping[str, str]
    channels: tuple[str, ...]
    actions: Actions
    template: str | None
    variables: tuple[str, ...]
    archived_at: datetime | None
    used: int
    used_at: datetime | None
    mine: bool
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class MacroVersionView:
    """What a macro said from ``at`` on; ``by`` is the name of who wrote it so."""

    version: int
    name: str
    texts: Mapping[str, str]
    channels: tuple[str, ...]
    actions: Actions
    template: str | None
    variables: tuple[str, ...]
    by: str | None
    at: datetime


_SELECT: Final = """
SELECT m.id, m.name, m.user_id, m.team_id, t.name AS team, m.texts, m.channels, m.actions, m.template, m.variables,
    m.archived_at, m.used, m.used_at, m.version, m.created_at, m.updated_at
FROM macro m LEFT JOIN team t ON t.id = m.team_id
"""


async def list_macros(
    db: Reader, viewer: Viewer, *, channel: str | None = None, archived: bool = False
) -> list[MacroView]:
    """Those that the viewer may use, their own first, then by name; those of a ``channel`` alone where one is given."""
    viewer.require("conversations.read")
    bind = Arguments()
    conditions = [_seen(viewer, bind), "m.archived_at IS NOT NULL" if archived else "m.archived_at IS NULL"]
    if channel is not None:
        conditions.append(f"(m.channels = '{{}}' OR {bind(channel)} = ANY(m.channels))")
    rows = await db.fetch(
        f"""{_SELECT} WHERE {" AND ".join(conditions)}
            ORDER BY m.user_id IS NULL, m.team_id IS NULL, lower(m.name), m.id LIMIT {bind(MOST * 3)}""",
        *bind.values,
    )
    return [_macro(viewer, row) for row in rows]


async def get_macro(db: Reader, viewer: Viewer, macro_id: UUID) -> MacroView:
    """One macro, archived or not. Raises NotFound for those that are not the viewer's to use."""
    viewer.require("conversations.read")
    bind = Arguments(macro_id)
    row = await db.fetchrow(f"{_SELECT} WHERE m.id = $1 AND {_seen(viewer, bind)}", *bind.values)
    if row is None:
        raise NotFound("There is no such macro.")
    return _macro(viewer, row)


async def list_macro_versions(db: Reader, viewer: Viewer, macro_id: UUID) -> list[MacroVersionView]:
    """What it said, the latest first. Raises NotFound as ``get_macro``."""
    await get_macro(db, viewer, macro_id)
    rows = await db.fetch(
        """SELECT v.version, v.name, v.texts, v.channels, v.actions, v.template, v.variables, v.at, u.name AS by
           FROM macro_version v LEFT JOIN users u ON u.id = v.user_id
           WHERE v.macro_id = $1 ORDER BY v.version DESC LIMIT $2""",
        *(macro_id, MOST_VERSIONS),
    )
    return [
        MacroVersionView(
            row["version"], row["name"], row["texts"], tuple(row["channels"]), actions_of(row["actions"]),
            row["template"], tuple(row["variables"]), row["by"], row["at"],
        )
        for row in rows
    ]  # fmt: skip


def _seen(viewer: Viewer, bind: Arguments) -> str:
    own = f"m.user_id = {bind(viewer.user_id)}::uuid"
    teams = "true" if viewer.may("macros.write") else f"m.team_id = ANY({bind(list(viewer.teams))}::uuid[])"
    return f"({own} OR (m.user_id IS NULL AND (m.team_id IS NULL OR {teams})))"


def _macro(viewer: Viewer, row: Row) -> MacroView:
    audience: Audience = "own" if row["user_id"] is not None else "team" if row["team_id"] is not None else "all"
    return MacroView(
        id=row["id"], name=row["name"], audience=audience, team_id=row["team_id"], team=row["team"],
        texts=row["texts"], channels=tuple(row["channels"]), actions=actions_of(row["actions"]),
        template=row["template"], variables=tuple(row["variables"]),
        archived_at=row["archived_at"], used=row["used"], used_at=row["used_at"],
        mine=viewer.may("conversations.write") and (audience == "own" or viewer.may("macros.write")),
        version=row["version"], created_at=row["created_at"], updated_at=row["updated_at"],
    )  # fmt: skip


def actions_of(data: Mapping[str, Any]) -> Actions:
    """The actions as they are kept."""
    return Actions(data.get("kind"), tuple(data.get("tags", ())), data.get("state"), data.get("assign"))
