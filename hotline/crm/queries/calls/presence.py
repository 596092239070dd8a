"""Who is signed in to which queue, which agents can take a call, and how the connections to the PBXs are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.viewer import Viewer
from hotline.errors import NotSignedIn

AgentState = Literal["free", "ringing", "busy", "paused", "away", "signed_out"]

# Asterisk's device states (include/asterisk/devicestate.h).
_BUSY = {2, 3, 7, 8}  # in use, busy, ringing while in use, on hold
_RINGING = {6}
_AWAY = {4, 5}  # invalid, unavailable

#: A connection whose holder has not said for this long that it lives is shown as down.
STALE = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class MemberView:
    """A user's place in one queue; ``signed_in`` False for a queue that they may sign in to and have not."""

    pbx: str
    queue: str
    interface: str
    member_name: str
    paused: bool
    pause_reason: str
    status: int
    in_call: bool
    calls_taken: int
    signed_in: bool
    updated_at: datetime | None
    #: When they signed in, paused or took calls again last.
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class AgentView:
    """A user with a phone, and whether they can take a call now."""

    id: UUID
    login: str
    name: str
    extension: str | None
    interfaces: tuple[str, ...]
    queues: tuple[str, ...]
    state: AgentState
    since: datetime | None
    members: tuple[MemberView, ...]


@dataclass(frozen=True, slots=True)
class PbxView:
    """The connection to one PBX, as the node that reads it said last."""

    id: str
    connected: bool
    version: str
    since: datetime
    lag_ms: float | None
    error: str
    node: str
    updated_at: datetime


_MEMBER = """queue_member.user_id, queue_member.pbx, queue_member.queue, queue_member.interface, member_name, paused,
    pause_reason, status, in_call, calls_taken, queue_member.updated_at, queue_member.since"""


async def own_presence(db: Reader, viewer: Viewer) -> list[MemberView]:
    """The viewer's queues: those they are signed in to, then those they may sign in to."""
    if viewer.user_id is None:
        raise NotSignedIn()
    rows = await db.fetch(
        f"SELECT {_MEMBER} FROM queue_member WHERE user_id = $1 ORDER BY pbx, queue, interface",  # noqa: S608
        viewer.user_id,
    )
    members = [_member(row) for row in rows]
    signed_in = {member.queue for member in members}
    others = await db.fetch(
        # Whoever has a phone at a PBX signs in there, others to hotline's own queues, whose phones Twilio rings.
        """SELECT unnest(queues) AS queue, coalesce((SELECT pbx FROM pbx_state ORDER BY (pbx = 'twilio') <>
               NOT EXISTS (SELECT 1 FROM unnest(interfaces) AS i WHERE i LIKE '%/%'), pbx LIMIT 1), '') AS pbx
           FROM users WHERE id = $1""",
        viewer.user_id,
    )
    members += [
        MemberView(row["pbx"], row["queue"], "", "", False, "", 0, False, 0, False, None)
        for row in others
        if row["queue"] not in signed_in
    ]
    return members


async def list_agents(db: Reader, viewer: Viewer) -> list[AgentView]:
    """Every enabled user who has a phone, by name."""
    viewer.require("users.read")
    users = await db.fetch(
        """SELECT id, login, name, extension, interfaces, queues FROM users
           WHERE disabled_at IS NULL AND cardinality(interfaces) > 0 ORDER BY lower(name), id"""
    )
    rows = await db.fetch(
        f"SELECT {_MEMBER} FROM queue_member WHERE user_id IS NOT NULL ORDER BY pbx, queue"  # noqa: S608
    )
    legs = await db.fetch(
        """SELECT user_id, bool_or(answered_at IS NOT NULL) AS talking, max(coalesce(answered_at, rang_at)) AS since
           FROM leg WHERE ended_at IS NULL AND user_id IS NOT NULL GROUP BY user_id"""
    )
    by_user: dict[UUID, list[Row]] = {}
    for row in rows:
        by_user.setdefault(row["user_id"], []).append(row)
    on_phone = {row["user_id"]: row for row in legs}
    agents = []
    for user in users:
        mine = by_user.get(user["id"], [])
        leg = on_phone.get(user["id"])
        state = agent_state(mine, None if leg is None else bool(leg["talking"]))
        moments = [row["updated_at"] for row in mine] + ([] if leg is None else [leg["since"]])
        agents.append(
            AgentView(
                id=user["id"],
                login=user["login"],
                name=user["name"],
                extension=user["extension"],
                interfaces=tuple(user["interfaces"]),
                queues=tuple(user["queues"]),
                state=state,
                since=max(moments, default=None),
                members=tuple(_member(row) for row in mine),
            )
        )
    return agents


def agent_state(members: Iterable[Row], talking: bool | None) -> AgentState:
    """An agent's state out of their memberships and open legs; ``talking`` is None without a leg."""
    rows = list(members)
    if talking or any(row["status"] in _BUSY or row["in_call"] for row in rows):
        return "busy"
    if talking is False or any(row["status"] in _RINGING for row in rows):
        return "ringing"
    if not rows:
        return "signed_out"
    if all(row["status"] in _AWAY for row in rows):
        return "away"
    if all(row["paused"] for row in rows):
        return "paused"
    return "free"


async def list_pbxs(db: Reader, viewer: Viewer) -> list[PbxView]:
    """Every PBX that was ever connected, by name. Everybody signed in may see whether the telephone works; the
    error and the node are for those who may see the system."""
    if viewer.user_id is None and viewer.kind != "system":
        raise NotSignedIn()
    rows = await db.fetch(
        """SELECT pbx, connected AND updated_at > clock_timestamp() - $1::interval AS connected,
                  connected AND updated_at <= clock_timestamp() - $1::interval AS silent,
                  version, since, lag_ms, error, node, updated_at
           FROM pbx_state ORDER BY pbx""",
        STALE,
    )
    detailed = viewer.may("system.read")
    return [
        PbxView(
            id=row["pbx"],
            connected=row["connected"],
            version=row["version"],
            since=row["updated_at"] if row["silent"] else row["since"],
            lag_ms=row["lag_ms"] if row["connected"] else None,
            error=(row["error"] or ("Nobody reads this PBX." if row["silent"] else "")) if detailed else "",
            node=row["node"] if detailed else "",
            updated_at=row["updated_at"],
        )
        for row in rows
    ]


def _member(row: Row) -> MemberView:
    return MemberView(
        pbx=row["pbx"],
        queue=row["queue"],
        interface=row["interface"],
        member_name=row["member_name"],
        paused=row["paused"],
        pause_reason=row["pause_reason"],
        status=row["status"],
        in_call=row["in_call"],
        calls_taken=row["calls_taken"],
        signed_in=True,
        updated_at=row["updated_at"],
        since=row["since"],
    )
