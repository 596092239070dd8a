"""Writes of clocks, of SLA policies and business calendars, and of the versions that these make."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from hotline.calendars.spec import CalendarSpec
from hotline.crm.queries.company.calendars import Basis, read_basis
from hotline.crm.queries.tickets.sla import CLOCK_COLUMNS, clock_of
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.errors import Conflict, NotFound
from hotline.tickets.policies import PolicySpec
from hotline.tickets.sla import Clock

#: The clocks' columns with the types that unnest needs, in the order of ``_values``.
_TYPES: Final = {
    "id": "uuid",
    "ticket_id": "uuid",
    "what": "text",
    "state": "text",
    "policy_id": "uuid",
    "target_seconds": "int",
    "spent_us": "bigint",
    "started_at": "timestamptz",
    "since": "timestamptz",
    "due_at": "timestamptz",
    "marks": "jsonb",
    "next_at": "timestamptz",
    "warned_at": "timestamptz",
    "breached_at": "timestamptz",
    "met_at": "timestamptz",
    "escalated": "jsonb",
    "basis": "bigint",
}
_NAMES: Final = ", ".join(_TYPES)
_UNNEST: Final = ", ".join(f"${at}::{kind}[]" for at, kind in enumerate(_TYPES.values(), start=1))
# Arrays of different lengths cannot be unnested: they travel as jsonb, inside an object, since the driver takes a list
# of lists for an array of two dimensions.
_READ: Final = {name: f"new.{name}" for name in _TYPES} | {
    "marks": "new.marks->'of'",
    "escalated": "ARRAY(SELECT jsonb_array_elements_text(new.escalated->'of'))",
}
_CHANGING: Final = tuple(name for name in _TYPES if name not in ("id", "ticket_id", "what", "started_at"))
_INSERT: Final = f"""
INSERT INTO sla_clock ({_NAMES}, updated_at)
SELECT {", ".join(_READ.values())}, ${len(_TYPES) + 1} FROM unnest({_UNNEST}) AS new ({_NAMES})
ON CONFLICT (ticket_id, what) DO NOTHING
"""  # noqa: S608 - constants of this file
_UPDATE: Final = f"""
UPDATE sla_clock SET {", ".join(f"{name} = {_READ[name]}" for name in _CHANGING)}, updated_at = ${len(_TYPES) + 1}
FROM unnest({_UNNEST}) AS new ({_NAMES}) WHERE sla_clock.id = new.id
"""  # noqa: S608


async def insert_clocks(uow: UnitOfWork, clocks: Sequence[Clock]) -> bool:
    """Write the clocks of a new ticket; False, and nothing changed, when it has some already."""
    return await uow.execute(_INSERT, *_columns(clocks), uow.now) == f"INSERT 0 {len(clocks)}"


async def update_clocks(uow: UnitOfWork, clocks: Iterable[Clock]) -> None:
    """Write changed clocks, which were locked before."""
    if changed := list(clocks):
        await uow.execute(_UPDATE, *_columns(changed), uow.now)


async def lock_clocks(uow: UnitOfWork, ticket_id: UUID) -> list[Clock]:
    """A ticket's clocks, kept from others until this unit commits. Whoever changes a ticket locks it before."""
    rows = await uow.fetch(
        f"SELECT {CLOCK_COLUMNS} FROM sla_clock WHERE ticket_id = $1 ORDER BY what FOR UPDATE",  # noqa: S608
        ticket_id,
    )
    return [clock_of(row) for row in rows]


def _columns(clocks: Sequence[Clock]) -> list[list[Any]]:
    return [list(column) for column in zip(*(_values(clock) for clock in clocks), strict=True)]


def _values(clock: Clock) -> tuple[Any, ...]:
    return (
        clock.id,
        clock.ticket_id,
        clock.what,
        clock.state,
        clock.policy_id,
        None if clock.target is None else int(clock.target.total_seconds()),
        clock.spent // timedelta(microseconds=1),
        clock.started_at,
        clock.since,
        clock.due_at,
        {"of": [[key, at.isoformat()] for key, at in clock.marks]},
        clock.next_at,
        clock.warned_at,
        clock.breached_at,
        clock.met_at,
        {"of": list(clock.escalated)},
        clock.basis,
    )


# Versions


async def lock_basis(uow: UnitOfWork) -> Basis:
    """The newest version, kept from being followed by another one until this unit commits."""
    await uow.fetchval("SELECT pg_advisory_xact_lock(hashtext('hotline.sla_basis'))")
    return await read_basis(uow, SYSTEM)


async def next_basis(uow: UnitOfWork, before: Basis, fingerprint: dict[str, str]) -> int:
    """A new version holds from now on; the one before is kept as it was. Call it in the unit that changes a row."""
    await uow.execute("UPDATE sla_basis SET rules = $2 WHERE version = $1", before.version, before.kept)
    await uow.execute(
        "INSERT INTO sla_basis (version, since, fingerprint) VALUES ($1, $2, $3)",
        *(before.version + 1, uow.now, fingerprint),
    )
    return before.version + 1


async def sign_basis(uow: UnitOfWork, version: int, fingerprint: dict[str, str]) -> None:
    """Note by which sources a version was first computed."""
    await uow.execute("UPDATE sla_basis SET fingerprint = $2 WHERE version = $1", version, fingerprint)


async def forget_bases(uow: UnitOfWork) -> None:
    """Drop kept versions that no open clock was computed by."""
    await uow.execute(
        """DELETE FROM sla_basis WHERE rules IS NOT NULL AND version < (
               SELECT coalesce(min(basis), 9223372036854775807) FROM sla_clock WHERE state IN ('running', 'paused'))"""
    )


# Calendars


async def write_calendar(
    uow: UnitOfWork, key: str, spec: CalendarSpec, *, new: bool, expected_version: int | None = None
) -> UUID:
    """Add a calendar, or change it. Raises Conflict for a key that is taken or a version that is not the newest, and
    NotFound."""
    data = json.loads(spec.model_dump_json())
    row = await uow.fetchrow("SELECT id, version FROM business_calendar WHERE key = $1 FOR UPDATE", key)
    if new:
        if row is not None:
            raise Conflict("key: another calendar has this key.")
        calendar_id = uow.new_id()
        await uow.execute(
            "INSERT INTO business_calendar (id, key, names, hours, version, created_at, updated_at) "
            "VALUES ($1, $2, '{}', '{}', 0, $3, $3)",
            *(calendar_id, key, uow.now),
        )
    elif row is None:
        raise NotFound()
    elif expected_version is not None and row["version"] != expected_version:
        raise Conflict("Somebody else changed this calendar meanwhile.")
    else:
        calendar_id = row["id"]
    names = list(data)
    assignments = ", ".join(f"{name} = ${at}" for at, name in enumerate(names, start=3))
    await uow.execute(
        f"UPDATE business_calendar SET {assignments}, version = version + 1, updated_at = $2 WHERE id = $1",  # noqa: S608
        *(calendar_id, uow.now, *(data[name] for name in names)),
    )
    uow.audit("calendar:created" if new else "calendar:changed", calendar_id, key=key, **_told(data))
    return calendar_id


async def delete_calendar(uow: UnitOfWork, key: str) -> None:
    """Delete a calendar. Raises NotFound, and Conflict while a policy counts by it."""
    row = await uow.fetchrow("SELECT id FROM business_calendar WHERE key = $1 FOR UPDATE", key)
    if row is None:
        raise NotFound()
    if name := await uow.fetchval("SELECT name FROM sla_policy WHERE calendar_id = $1 LIMIT 1", row["id"]):
        raise Conflict(f"The policy {name} counts by this calendar.")
    await uow.execute("DELETE FROM business_calendar WHERE id = $1", row["id"])
    uow.audit("calendar:deleted", row["id"], key=key)


def _told(data: dict[str, Any]) -> dict[str, Any]:
    """For the audit entry: no free text."""
    dates = [{"date": each["date"], "openings": each["openings"]} for each in data["exceptions"][:100]]
    return {name: data[name] for name in ("timezone", "hours", "country", "subdivision", "make_up")} | {
        "exceptions": dates
    }


# Policies


async def write_policy(
    uow: UnitOfWork, policy_id: UUID | None, spec: PolicySpec, expected_version: int | None = None
) -> UUID:
    """Add a policy, or change it. Raises NotFound, and Conflict for a version that is not the newest, or when another
    enabled policy has the same conditions."""
    if policy_id is not None:
        version = await uow.fetchval("SELECT version FROM sla_policy WHERE id = $1 FOR UPDATE", policy_id)
        if version is None:
            raise NotFound()
        if expected_version is not None and version != expected_version:
            raise Conflict("Somebody else changed this policy meanwhile.")
    calendar_id = await uow.fetchval("SELECT id FROM business_calendar WHERE key = $1", spec.calendar)
    if calendar_id is None:
        raise Conflict("calendar: there is no such calendar.")
    conditions = (spec.kind, spec.tier or None, spec.service or None, spec.priority)
    if spec.enabled:
        twin = await uow.fetchval(
            """SELECT name FROM sla_policy WHERE enabled AND id IS DISTINCT FROM $5 AND kind IS NOT DISTINCT FROM $1
               AND tier IS NOT DISTINCT FROM $2 AND service IS NOT DISTINCT FROM $3
               AND priority IS NOT DISTINCT FROM $4""",
            *(*conditions, policy_id),
        )
        if twin is not None:
            raise Conflict(f"kind: the policy {twin} is for the same tickets.")
    data = json.loads(spec.model_dump_json(exclude_none=True))
    targets = {what: data[what] for what in ("first_response", "resolution") if what in data}
    values = (spec.name, *conditions, calendar_id, targets, data["escalations"], spec.enabled, uow.now)
    new = policy_id is None
    policy_id = policy_id or uow.new_id()
    await uow.execute(
        """INSERT INTO sla_policy (id, name, kind, tier, service, priority, calendar_id, targets, escalations, enabled,
                                   created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
           ON CONFLICT (id) DO UPDATE SET name = $2, kind = $3, tier = $4, service = $5, priority = $6,
               calendar_id = $7, targets = $8, escalations = $9, enabled = $10, updated_at = $11,
               version = sla_policy.version + 1""",
        *(policy_id, *values),
    )
    uow.audit("sla_policy:created" if new else "sla_policy:changed", policy_id, **data)
    return policy_id


async def delete_policy(uow: UnitOfWork, policy_id: UUID) -> None:
    """Delete a policy. Raises NotFound."""
    name = await uow.fetchval("DELETE FROM sla_policy WHERE id = $1 RETURNING name", policy_id)
    if name is None:
        raise NotFound()
    uow.audit("sla_policy:deleted", policy_id, name=name)
