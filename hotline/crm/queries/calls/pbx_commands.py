"""Commands to the PBXs as their viewer may see them, and what a command needs to know of agents and calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline import phone
from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring
from hotline.crm.personal_keys import load_personal_keys
from hotline.crm.scopes import Arguments, people_seen
from hotline.crm.viewer import Viewer
from hotline.errors import Forbidden, NotFound


@dataclass(frozen=True, slots=True)
class CommandView:
    """One command. ``user_id`` and ``agent`` are whom it is about, ``requested_by`` who asked for it; ``error`` is a
    code and ``message`` the sentence to it."""

    id: UUID
    pbx: str
    action: str
    agent: str | None
    user_id: UUID | None
    requested_by: UUID | None
    call_id: UUID | None
    to: str | None
    queue: str | None
    reason: str | None
    state: str
    error: str | None
    message: str | None
    created_at: datetime
    sent_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime


_SELECT: Final = """SELECT c.*, u.login FROM pbx_command c LEFT JOIN users u ON u.id = c.user_id"""


async def get_command(db: Reader, keyring: Keyring, viewer: Viewer, command_id: UUID) -> CommandView:
    """One command of the viewer's or their team's, or anybody's for supervisors. Raises NotFound."""
    bind = Arguments(command_id)
    row = await db.fetchrow(f"{_SELECT} WHERE c.id = $1 AND {_seen(viewer, bind)}", *bind.values)
    if row is None:
        raise NotFound()
    return (await _views(db, keyring, viewer, [row]))[0]


async def list_commands(
    db: Reader, keyring: Keyring, viewer: Viewer, *, limit: int, after: UUID | None = None
) -> list[CommandView]:
    """Commands, the newest first: the viewer's own and their team's, everybody's for supervisors."""
    viewer.require("commands.send")
    bind = Arguments(limit, after)
    rows = await db.fetch(
        f"""{_SELECT} WHERE ($2::uuid IS NULL OR c.id < $2) AND {_seen(viewer, bind)}
            ORDER BY c.id DESC LIMIT $1""",
        *bind.values,
    )
    return await _views(db, keyring, viewer, rows)


def _seen(viewer: Viewer, bind: Arguments) -> str:
    """Whom a command is about, or who asked for it, is one whose calls the viewer sees. Calls of campaigns nobody asked
    for: their deliveries tell of them."""
    people = people_seen(viewer, "calls", bind)
    own = "c.action <> 'push'"
    return own if people is None else f"{own} AND (c.user_id {people} OR (c.data->>'requested_by')::uuid {people})"


async def _views(db: Reader, keyring: Keyring, viewer: Viewer, rows: Sequence[Row]) -> list[CommandView]:
    keys = await load_personal_keys(db, keyring, [row["key_id"] for row in rows if row["key_id"]])
    views = []
    for row in rows:
        data: Mapping[str, Any] = row["data"]
        to = data.get("to")
        if row["to_cipher"] is not None:
            key = keys.get(row["key_id"])
            number = (
                None if key is None else keyring.decrypt(key, "pbx_command", "to_cipher", row["id"], row["to_cipher"])
            )
            to = phone.mask(number) if number and "phone" in viewer.masks else number
        views.append(
            CommandView(
                id=row["id"],
                pbx=row["pbx"],
                action=row["action"],
                agent=row["login"],
                user_id=row["user_id"],
                requested_by=UUID(data["requested_by"]) if data.get("requested_by") else None,
                call_id=row["call_id"],
                to=to,
                queue=data.get("queue"),
                reason=data.get("reason"),
                state=row["state"],
                error=row["error_code"],
                message=row["error_text"],
                created_at=row["created_at"],
                sent_at=row["sent_at"],
                finished_at=row["finished_at"],
                expires_at=row["expires_at"],
            )
        )
    return views


# What a command needs to know: for hotline itself, so without masks, and for nobody else.


def _for_the_house(viewer: Viewer) -> None:
    if viewer.kind != "system":
        raise Forbidden()


@dataclass(frozen=True, slots=True)
class AgentPhone:
    """A user as the PBX knows them."""

    id: UUID
    login: str
    name: str
    extension: str | None
    interfaces: tuple[str, ...]
    queues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenLeg:
    """A phone that rings or talks in a call."""

    id: UUID
    user_id: UUID | None
    uniqueid: str
    interfaces: tuple[str, ...]
    answered: bool
    pbx: str


@dataclass(frozen=True, slots=True)
class CallTarget:
    """A call that is under way: where, whose it is, its open legs and the PBX's ids for it; ``recording`` is on, paused
    or None."""

    id: UUID
    pbx: str
    user_id: UUID | None
    ended: bool
    legs: tuple[OpenLeg, ...]
    ids: tuple[str, ...]
    recording: str | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """An agent's phone in a queue."""

    pbx: str
    queue: str
    interface: str


_AGENT: Final = "id, login, name, extension, interfaces, queues"


async def find_agent(
    db: Reader, viewer: Viewer, *, user_id: UUID | None = None, login: str | None = None, extension: str | None = None
) -> AgentPhone | None:
    """An enabled user by id, login or extension."""
    _for_the_house(viewer)
    row = await db.fetchrow(
        f"""SELECT {_AGENT} FROM users WHERE disabled_at IS NULL
            AND (id = $1 OR login = lower($2) OR extension = $3) ORDER BY id LIMIT 1""",  # noqa: S608
        user_id,
        login,
        extension,
    )
    if row is None:
        return None
    return AgentPhone(
        row["id"], row["login"], row["name"], row["extension"], tuple(row["interfaces"]), tuple(row["queues"])
    )


async def find_call(db: Reader, viewer: Viewer, call_id: UUID) -> CallTarget:
    """A call, after any merge. Raises NotFound."""
    _for_the_house(viewer)
    row = await db.fetchrow(
        """WITH RECURSIVE c AS (
               SELECT id, pbx, user_id, ended_at, recording, merged_into_id, 0 AS depth FROM call WHERE id = $1
               UNION ALL
               SELECT n.id, n.pbx, n.user_id, n.ended_at, n.recording, n.merged_into_id, c.depth + 1
               FROM call n JOIN c ON n.id = c.merged_into_id WHERE c.depth < 20
           ) SELECT id, pbx, user_id, ended_at, recording FROM c WHERE merged_into_id IS NULL LIMIT 1""",
        call_id,
    )
    if row is None:
        raise NotFound("There is no such call.")
    legs = await db.fetch(
        """SELECT id, user_id, uniqueid, interface, interfaces, answered_at IS NOT NULL AS answered, pbx
           FROM leg WHERE call_id = $1 AND ended_at IS NULL ORDER BY answered_at DESC NULLS LAST, rang_at DESC""",
        row["id"],
    )
    ids = await db.fetch(
        "SELECT DISTINCT value FROM call_alias WHERE call_id IN (SELECT id FROM call WHERE id = $1"
        " OR merged_into_id = $1)",
        row["id"],
    )
    return CallTarget(
        id=row["id"],
        pbx=row["pbx"],
        user_id=row["user_id"],
        ended=row["ended_at"] is not None,
        legs=tuple(
            OpenLeg(
                leg["id"],
                leg["user_id"],
                leg["uniqueid"],
                tuple(dict.fromkeys((leg["interface"], *leg["interfaces"]))),
                leg["answered"],
                leg["pbx"],
            )
            for leg in legs
        ),
        ids=tuple(each["value"] for each in ids),
        recording=row["recording"],
    )


async def number_of(db: Reader, keyring: Keyring, viewer: Viewer, command_id: UUID) -> str | None:
    """Whom a command dials: an outside number, or a colleague's phone."""
    _for_the_house(viewer)
    row = await db.fetchrow("SELECT to_cipher, key_id, data FROM pbx_command WHERE id = $1", command_id)
    if row is None:
        return None
    if row["to_cipher"] is None or row["key_id"] is None:
        found: str | None = row["data"].get("target")
        return found
    key = (await load_personal_keys(db, keyring, [row["key_id"]])).get(row["key_id"])
    return None if key is None else keyring.decrypt(key, "pbx_command", "to_cipher", command_id, row["to_cipher"])


@dataclass(frozen=True, slots=True)
class TransferTarget:
    """Where a transfer goes: a queue, a colleague, or a number."""

    queue: str | None
    colleague_id: UUID | None


async def transfer_of(db: Reader, viewer: Viewer, command_id: UUID) -> TransferTarget | None:
    """Where an agent sent a call on by this command."""
    _for_the_house(viewer)
    row = await db.fetchrow(
        "SELECT data FROM pbx_command WHERE id = $1 AND action = 'blind_transfer' AND pbx = 'twilio'", command_id
    )
    if row is None:
        return None
    colleague = row["data"].get("colleague_id")
    return TransferTarget(row["data"].get("target_queue"), UUID(colleague) if colleague else None)


async def memberships(db: Reader, viewer: Viewer, user_id: UUID) -> list[Membership]:
    """The queues that an agent's phones are signed in to."""
    _for_the_house(viewer)
    rows = await db.fetch(
        "SELECT pbx, queue, interface FROM queue_member WHERE user_id = $1 ORDER BY pbx, queue, interface", user_id
    )
    return [Membership(row["pbx"], row["queue"], row["interface"]) for row in rows]


async def is_queue(db: Reader, viewer: Viewer, name: str) -> bool:
    """Whether some agent is or may be a member of a queue of this name."""
    _for_the_house(viewer)
    found: bool = await db.fetchval(
        """SELECT EXISTS (SELECT 1 FROM queue_member WHERE queue = $1)
               OR EXISTS (SELECT 1 FROM users WHERE $1 = ANY(queues) AND disabled_at IS NULL)""",
        name,
    )
    return found
