"""Writes of reply templates; each change keeps what it said before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from hotline.conversations.macros import Actions
from hotline.crm.queries.conversations.macros import MOST
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, Invalid, NotFound


async def create_macro(
    uow: UnitOfWork,
    macro_id: UUID,
    name: str,
    *,
    user_id: UUID | None,
    team_id: UUID | None,
    texts: Mapping[str, str],
    channels: Sequence[str],
    actions: Actions,
    template: str | None,
    variables: Sequence[str],
) -> None:
    """Keep a macro. Raises Conflict for a name that is taken among those beside it, Invalid for a team that is not
    there."""
    if team_id is not None and await uow.fetchval("SELECT 1 FROM team WHERE id = $1 FOR SHARE", team_id) is None:
        raise Invalid("team: there is no such team.")
    await _claim_name(uow, name, user_id, team_id, None)
    beside = await uow.fetchval(
        "SELECT count(*) FROM macro WHERE user_id IS NOT DISTINCT FROM $1 AND team_id IS NOT DISTINCT FROM $2",
        *(user_id, team_id),
    )
    if beside >= MOST:
        raise Conflict("There are too many macros already: remove one first.")
    await uow.execute(
        """INSERT INTO macro (id, name, user_id, team_id, texts, channels, actions, template, variables, created_at,
               updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)""",
        *(macro_id, name, user_id, team_id, dict(texts), list(channels), _kept(actions), template, list(variables)),
        uow.now,
    )
    await _keep_version(uow, macro_id)
    uow.audit("macro:created", macro_id, team_id=team_id, own=user_id is not None)


async def update_macro(
    uow: UnitOfWork,
    macro_id: UUID,
    expected_version: int | None,
    *,
    name: str | None = None,
    texts: Mapping[str, str] | None = None,
    channels: Sequence[str] | None = None,
    actions: Actions | None = None,
    template: str | None = None,
    variables: Sequence[str] | None = None,
) -> None:
    """Change a macro; what is None stays; an empty ``template`` takes it off. Raises NotFound, Conflict."""
    row = await uow.fetchrow("SELECT user_id, team_id, version FROM macro WHERE id = $1 FOR UPDATE", macro_id)
    if row is None:
        raise NotFound("There is no such macro.")
    if expected_version is not None and row["version"] != expected_version:
        raise Conflict()
    if name is not None:
        await _claim_name(uow, name, row["user_id"], row["team_id"], macro_id)
    await uow.execute(
        """UPDATE macro SET name = COALESCE($2, name), texts = COALESCE($3, texts),
               channels = COALESCE($4::text[], channels), actions = COALESCE($5, actions),
               template = CASE WHEN $7::text IS NULL THEN template ELSE NULLIF($7, '') END,
               variables = COALESCE($8::text[], variables), version = version + 1, updated_at = $6 WHERE id = $1""",
        *(macro_id, name, None if texts is None else dict(texts), None if channels is None else list(channels)),
        *(None if actions is None else _kept(actions), uow.now, template),
        None if variables is None else list(variables),
    )
    await _keep_version(uow, macro_id)
    given = {
        "name": name, "texts": texts, "channels": channels, "actions": actions, "template": template,
        "variables": variables,
    }  # fmt: skip
    changed = [field for field, value in given.items() if value is not None]
    uow.audit("macro:changed", macro_id, fields=changed)


async def archive_macro(uow: UnitOfWork, macro_id: UUID, *, archived: bool) -> None:
    """Take a macro out of use, or bring it back. Raises NotFound."""
    done = await uow.fetchval(
        """UPDATE macro SET archived_at = CASE WHEN $2 THEN COALESCE(archived_at, $3) END, version = version + 1,
               updated_at = $3 WHERE id = $1 RETURNING id""",
        *(macro_id, archived, uow.now),
    )
    if done is None:
        raise NotFound("There is no such macro.")
    uow.audit("macro:archived" if archived else "macro:restored", macro_id)


async def delete_macro(uow: UnitOfWork, macro_id: UUID) -> None:
    """Remove an archived macro with its versions. Raises NotFound, Conflict for one that is in use."""
    row = await uow.fetchrow("SELECT archived_at FROM macro WHERE id = $1 FOR UPDATE", macro_id)
    if row is None:
        raise NotFound("There is no such macro.")
    if row["archived_at"] is None:
        raise Conflict("This macro is in use: archive it first.")
    await uow.execute("DELETE FROM macro WHERE id = $1", macro_id)
    uow.audit("macro:deleted", macro_id)


async def count_use(uow: UnitOfWork, macro_id: UUID) -> None:
    """One more use, for the order in which macros are offered."""
    await uow.execute("UPDATE macro SET used = used + 1, used_at = $2 WHERE id = $1", macro_id, uow.now)


async def _claim_name(
    uow: UnitOfWork, name: str, user_id: UUID | None, team_id: UUID | None, macro_id: UUID | None
) -> None:
    # Held until the end: two macros beside each other must not take one name that differs in case only.
    await uow.execute("LOCK TABLE macro IN SHARE ROW EXCLUSIVE MODE")
    taken = await uow.fetchval(
        """SELECT 1 FROM macro WHERE lower(name) = lower($1) AND user_id IS NOT DISTINCT FROM $2
               AND team_id IS NOT DISTINCT FROM $3 AND ($4::uuid IS NULL OR id <> $4)""",
        *(name, user_id, team_id, macro_id),
    )
    if taken is not None:
        raise Conflict("name: there is a macro of this name already.")


async def _keep_version(uow: UnitOfWork, macro_id: UUID) -> None:
    await uow.execute(
        """INSERT INTO macro_version (macro_id, version, name, texts, channels, actions, template, variables, user_id,
               at)
           SELECT id, version, name, texts, channels, actions, template, variables, $2, $3 FROM macro WHERE id = $1""",
        *(macro_id, uow.viewer.user_id, uow.now),
    )


def _kept(actions: Actions) -> dict[str, Any]:
    return {name: list(value) if name == "tags" else value for name, value in asdict(actions).items() if value}
