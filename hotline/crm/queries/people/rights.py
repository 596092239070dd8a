"""What somebody may do and see at this moment, and why: out of the same statements that decide it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.queries.people.effective import EFFECTIVE
from hotline.crm.queries.people.grants import GrantView, list_grants
from hotline.crm.scopes import Arguments, reasons
from hotline.crm.viewer import MASKS, PERMISSIONS, SCOPED, Scope, Scoped, Viewer, viewer_of
from hotline.errors import Forbidden, NotFound

#: Grants that run at once for one person; more are not read.
_MOST_GRANTS: Final = 100
_RECORDS: Final[Mapping[Scoped, str]] = {
    "customers": "SELECT COALESCE(merged_into_id, id) AS id, 'C' || number AS reference FROM customer WHERE id = $1",
    "calls": "SELECT COALESCE(merged_into_id, id) AS id, NULL AS reference FROM call WHERE id = $1",
    "tickets": "SELECT id, 'T' || number AS reference FROM ticket WHERE id = $1",
    "conversations": "SELECT id, 'M' || number AS reference FROM conversation WHERE id = $1",
}
_BY_NUMBER: Final[Mapping[Scoped, str]] = {
    "customers": "SELECT id FROM customer WHERE number = $1",
    "tickets": "SELECT id FROM ticket WHERE number = $1",
    "conversations": "SELECT id FROM conversation WHERE number = $1",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a permission comes from: the person's own ``role``, or a ``grant`` that runs ``until`` then."""

    kind: Literal["role", "grant"]
    role: str | None
    grant_id: UUID | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PermissionView:
    """A permission; no ``sources``: not held."""

    name: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class ScopeView:
    """How far records of a kind are seen, by which permission; ``scope`` None: none at all."""

    kind: Scoped
    scope: Scope | None
    permission: str | None


@dataclass(frozen=True, slots=True)
class TeamBrief:
    """A team that somebody is in."""

    id: UUID
    name: str
    queues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RightsView:
    """What somebody may do and see. ``masked`` says of each mask whether it stands, by the permission that lifts it."""

    user_id: UUID
    login: str
    name: str
    role: str
    disabled: bool
    teams: tuple[TeamBrief, ...]
    grants: tuple[GrantView, ...]
    permissions: tuple[PermissionView, ...]
    scopes: tuple[ScopeView, ...]
    masked: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a record is seen: in which ``scope``, and the way; ``all``: since they see every one."""

    scope: Scope
    reason: str


@dataclass(frozen=True, slots=True)
class RecordRights:
    """Whether somebody sees one record, and why. ``reference`` as people say it, where there is one."""

    kind: Scoped
    id: UUID
    reference: str | None
    seen: bool
    reasons: tuple[Reason, ...]


async def get_rights(db: Reader, viewer: Viewer, now: datetime, user_id: UUID) -> RightsView:
    """What a user may do and see. One's own are always there. Raises NotFound."""
    _may_look(viewer, user_id)
    row = await db.fetchrow(
        """SELECT u.login, u.name, u.role, u.disabled_at IS NOT NULL AS disabled, r.permissions,
               ARRAY(SELECT (t.id, t.name, t.queues) FROM team t JOIN team_member m ON m.team_id = t.id
                     WHERE m.user_id = u.id ORDER BY lower(t.name), t.id) AS teams
           FROM users u JOIN role r ON r.name = u.role WHERE u.id = $1""",
        user_id,
    )
    if row is None:
        raise NotFound("There is no such user.")
    granted = await _granted(db, viewer, now, user_id)
    held = [(Source("role", row["role"]), frozenset(row["permissions"])), *granted.values()]
    permissions = tuple(
        PermissionView(name, tuple(source for source, names in held if name in names)) for name in PERMISSIONS
    )
    person = viewer_of(user_id, frozenset(view.name for view in permissions if view.sources))
    return RightsView(
        user_id=user_id,
        login=row["login"],
        name=row["name"],
        role=row["role"],
        disabled=row["disabled"],
        teams=tuple(TeamBrief(team[0], team[1], tuple(team[2])) for team in row["teams"]),
        grants=tuple(granted),
        permissions=permissions,
        scopes=tuple(_scope(person, kind) for kind in SCOPED),
        masked={permission: mask in person.masks for permission, mask in MASKS.items()},
    )


async def explain(
    db: Reader, viewer: Viewer, now: datetime, user_id: UUID, kind: Scoped, record: UUID | int
) -> RecordRights:
    """Whether a user sees a record (by id, or by the number that people say), and why.

    Raises NotFound for a record that is not there, or that the viewer does not see themselves.
    """
    _may_look(viewer, user_id)
    row = await db.fetchrow(
        f"""SELECT u.id AS user_id, {EFFECTIVE.format(now="$2")}
            FROM users u JOIN role r ON r.name = u.role WHERE u.id = $1""",  # noqa: S608
        user_id,
        now,
    )
    if row is None:
        raise NotFound("There is no such user.")
    person = viewer_of(user_id, frozenset(row["permissions"]), teams=row["teams"])
    if isinstance(record, int):
        record = await db.fetchval(_BY_NUMBER[kind], record)
    found = None if record is None else await db.fetchrow(_RECORDS[kind], record)
    if found is None or not (viewer.may(f"{kind}.read") and await _why(db, viewer, kind, found["id"])):
        raise NotFound()
    why = await _why(db, person, kind, found["id"]) if person.may(f"{kind}.read") else ()
    return RecordRights(kind, found["id"], found["reference"], bool(why), why)


async def _why(db: Reader, person: Viewer, kind: Scoped, record_id: UUID) -> tuple[Reason, ...]:
    bind = Arguments(record_id)
    sql = reasons(person, kind, bind, "$1")
    if sql is None:
        return (Reason("all", "all"),)
    rows = await db.fetch(sql, *bind.values)
    own = {row["reason"] for row in rows if row["scope"] == "own"}
    return tuple(
        Reason(row["scope"], row["reason"]) for row in rows if row["scope"] == "own" or row["reason"] not in own
    )


async def _granted(
    db: Reader, viewer: Viewer, now: datetime, user_id: UUID
) -> dict[GrantView, tuple[Source, frozenset[str]]]:
    """The grants that run, each with what it gives."""
    grants = await list_grants(db, viewer, now, limit=_MOST_GRANTS, user_id=user_id, live=True)
    names = [grant.role for grant in grants if grant.role is not None]
    rows = await db.fetch("SELECT name, permissions FROM role WHERE name = ANY($1::text[])", names) if names else []
    of_role = {row["name"]: frozenset(row["permissions"]) for row in rows}
    return {
        grant: (
            Source("grant", grant.role, grant.id, grant.expires_at),
            frozenset(grant.permissions) | of_role.get(grant.role or "", frozenset()),
        )
        for grant in grants
    }


def _scope(person: Viewer, kind: Scoped) -> ScopeView:
    if not person.may(f"{kind}.read"):
        return ScopeView(kind, None, None)
    scope = person.scope_of(kind)
    return ScopeView(kind, scope, f"{kind}.read" if scope == "own" else f"{kind}.read_{scope}")


def _may_look(viewer: Viewer, user_id: UUID) -> None:
    if user_id != viewer.user_id and not viewer.may("roles.write") and not viewer.may("users.write"):
        raise Forbidden()
