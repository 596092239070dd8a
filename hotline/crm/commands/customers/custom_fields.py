"""Changes to the company's own fields. They are checked in ``workflows.company.fields``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, Invalid, NotFound
from hotline.events import EVERYONE

_PLAIN: Final = ("names", "hints", "required", "private", "shown_in_pop", "position")
_OPTIONS: Final = ("choices", "currency", "minimum", "maximum")


async def create_field(
    uow: UnitOfWork, record: str, key: str, kind: str, columns: Mapping[str, Any], *, most: int
) -> UUID:
    """Add a field, last of all; its id. Keys are unique over all kinds of customers, and over tickets."""
    await uow.execute("LOCK TABLE custom_field IN SHARE ROW EXCLUSIVE MODE")
    row = await uow.fetchrow(
        """SELECT count(*) AS fields, COALESCE(max(position), 0) AS last,
               count(*) FILTER (WHERE key = $1 AND (record = 'ticket') = ($2 = 'ticket')) AS same FROM custom_field""",
        *(key, record),
    )
    if row is None or row["same"]:
        raise Conflict("key: another field has this key.")
    if row["fields"] >= most:
        raise Invalid(f"key: at most {most} fields, with those that were archived.")
    field_id = uow.new_id()
    await uow.execute(
        """INSERT INTO custom_field (id, record, key, names, hints, type, options, required, private, shown_in_pop,
                                     position, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)""",
        *(field_id, record, key, columns["names"], columns.get("hints", {}), kind, _options({}, columns)),
        *(columns.get("required", False), columns.get("private", False), columns.get("shown_in_pop", False)),
        *(columns.get("position", row["last"] + 1), uow.now),
    )
    _told(uow, "custom_field:created", field_id, record=record, key=key, type=kind)
    return field_id


async def update_field(
    uow: UnitOfWork, field_id: UUID, columns: Mapping[str, Any], expected_version: int | None = None
) -> None:
    """Write the given columns of a field."""
    row = await uow.fetchrow("SELECT version, options FROM custom_field WHERE id = $1 FOR UPDATE", field_id)
    if row is None:
        raise NotFound()
    if expected_version is not None and row["version"] != expected_version:
        raise Conflict("Somebody else changed this field meanwhile.")
    written: dict[str, Any] = {name: columns[name] for name in _PLAIN if name in columns}
    if any(name in columns for name in _OPTIONS):
        written["options"] = _options(row["options"], columns)
    if "archived" in columns:
        written["archived_at"] = uow.now if columns["archived"] else None
    if not written:
        return
    assignments = "".join(f", {name} = ${position}" for position, name in enumerate(written, start=3))
    await uow.execute(
        f"UPDATE custom_field SET version = version + 1, updated_at = $2{assignments} WHERE id = $1",  # noqa: S608
        *(field_id, uow.now, *written.values()),
    )
    _told(uow, "custom_field:updated", field_id, fields=sorted(columns))


async def order_fields(uow: UnitOfWork, ids: Sequence[UUID]) -> None:
    """Put these fields first, in this order."""
    await uow.execute(
        """UPDATE custom_field f SET position = COALESCE(wanted.place, $2 + f.position), updated_at = $3
           FROM custom_field o LEFT JOIN unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place) ON wanted.id = o.id
           WHERE f.id = o.id""",
        *(list(ids), len(ids), uow.now),
    )
    _told(uow, "custom_field:ordered", None, count=len(ids))


def _options(before: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    options = {**before, **{name: columns[name] for name in _OPTIONS if name in columns}}
    return {name: value for name, value in options.items() if value is not None}


def _told(uow: UnitOfWork, action: str, field_id: UUID | None, **data: Any) -> None:
    uow.audit(action, field_id, **data)
    uow.emit("settings.changed", (EVERYONE,), custom_fields=True)
