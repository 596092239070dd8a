"""Writes of teams."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from hotline.crm.commands.people.roles import tell_rights
from hotline.crm.queries.people.teams import MOST
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, Invalid, NotFound


async def create_team(uow: UnitOfWork, team_id: UUID, name: str, queues: Sequence[str], members: Sequence[str]) -> None:
    """Keep a team with its members, given by login or id. Raises Conflict for a name that is taken, Invalid for
    somebody who is not there."""
    await _claim_name(uow, name, None)
    if await uow.fetchval("SELECT count(*) FROM team") >= MOST:
        raise Conflict("There are too many teams already: remove one first.")
    await uow.execute(
        "INSERT INTO team (id, name, queues, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
        *(team_id, name, list(queues), uow.now),
    )
    people = await _set_members(uow, team_id, members)
    uow.audit("team:created", team_id, queues=list(queues), members=people)
    tell_rights(uow, people)


async def update_team(
    uow: UnitOfWork,
    team_id: UUID,
    expected_version: int | None,
    *,
    name: str | None = None,
    queues: Sequence[str] | None = None,
    members: Sequence[str] | None = None,
) -> None:
    """Change a team; what is None stays, lists are the whole list. Raises NotFound, Conflict, Invalid."""
    before = await _lock(uow, team_id, expected_version)
    if name is not None:
        await _claim_name(uow, name, team_id)
    await uow.execute(
        """UPDATE team SET name = COALESCE($2, name), queues = COALESCE($3::text[], queues), version = version + 1,
               updated_at = $4 WHERE id = $1""",
        *(team_id, name, None if queues is None else list(queues), uow.now),
    )
    after = before if members is None else await _set_members(uow, team_id, members)
    told = {} if queues is None else {"queues": list(queues)}
    uow.audit(
        "team:changed", team_id, joined=sorted(set(after) - set(before)), left=sorted(set(before) - set(after)), **told
    )
    tell_rights(uow, {*before, *after})


async def delete_team(uow: UnitOfWork, team_id: UUID) -> None:
    """Remove a team; its members stay, and see what their role and other teams let them see. Raises NotFound."""
    members = await _lock(uow, team_id, None)
    await uow.execute("DELETE FROM team WHERE id = $1", team_id)
    uow.audit("team:deleted", team_id, members=members)
    tell_rights(uow, members)


async def _lock(uow: UnitOfWork, team_id: UUID, expected_version: int | None) -> list[UUID]:
    """The members of a team, which is locked."""
    version = await uow.fetchval("SELECT version FROM team WHERE id = $1 FOR UPDATE", team_id)
    if version is None:
        raise NotFound("There is no such team.")
    if expected_version is not None and version != expected_version:
        raise Conflict()
    rows = await uow.fetch("SELECT user_id FROM team_member WHERE team_id = $1 ORDER BY user_id", team_id)
    return [row["user_id"] for row in rows]


async def _claim_name(uow: UnitOfWork, name: str, team_id: UUID | None) -> None:
    # Held until the end: two teams must not take one name that differs in case only.
    await uow.execute("LOCK TABLE team IN SHARE ROW EXCLUSIVE MODE")
    taken = await uow.fetchval(
        "SELECT 1 FROM team WHERE lower(name) = lower($1) AND ($2::uuid IS NULL OR id <> $2)", name, team_id
    )
    if taken is not None:
        raise Conflict("name: there is a team of this name already.")


async def _set_members(uow: UnitOfWork, team_id: UUID, logins: Sequence[str]) -> list[UUID]:
    rows = await uow.fetch(
        "SELECT id, login FROM users WHERE login = ANY($1::text[]) OR id::text = ANY($1::text[]) ORDER BY id",
        list(logins),
    )
    known = {each for row in rows for each in (row["login"], str(row["id"]))}
    for at, login in enumerate(logins):
        if login not in known:
            raise Invalid(f"members[{at}]: there is no user {login!r}.")
    people: list[UUID] = [row["id"] for row in rows]
    await uow.execute("DELETE FROM team_member WHERE team_id = $1 AND NOT user_id = ANY($2::uuid[])", team_id, people)
    await uow.execute(
        """INSERT INTO team_member (team_id, user_id) SELECT $1, u FROM unnest($2::uuid[]) AS u
           ON CONFLICT (team_id, user_id) DO NOTHING""",
        *(team_id, people),
    )
    return people
