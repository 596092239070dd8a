"""The way back of an import: customers it made go, what it changed goes back, each only if nobody touched it since."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hotline.crm.commands.customers import customers
from hotline.crm.commands.customers.customer_parts import AddressData
from hotline.crm.commands.customers.customer_state import read_state
from hotline.crm.commands.customers.customers import ContactPointData
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, NotFound

#: What a customer whom an import made has by itself; anything else that names them keeps them.
OWN_TABLES: Final = frozenset(
    {
        "contact_point",
        "address",
        "customer_tag",
        "customer_change",
        "import_effect",
        "duplicate_pair",
        "consent",
        "consent_record",
    }
)


@dataclass(frozen=True, slots=True)
class Effect:
    """A customer whom the import made or changed, and the version that it made."""

    id: int
    customer_id: UUID
    kind: str
    version: int


async def effects(uow: UnitOfWork, import_id: UUID, before: int | None, limit: int) -> list[Effect]:
    """The import's effects, the last first."""
    rows = await uow.fetch(
        """SELECT id, customer_id, kind, version FROM import_effect
           WHERE customer_import_id = $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3""",
        *(import_id, before, limit),
    )
    return [Effect(**row) for row in rows]


async def references(uow: UnitOfWork) -> list[tuple[str, str]]:
    """Tables and columns that name a customer and are not part of a fresh one."""
    rows = await uow.fetch(
        """SELECT c.conrelid::regclass::text AS source, a.attname AS name
           FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
           WHERE c.contype = 'f' AND c.confrelid = 'customer'::regclass AND c.conparentid = 0"""
    )
    return sorted((row["source"], row["name"]) for row in rows if row["source"] not in OWN_TABLES)


async def remove_created(
    uow: UnitOfWork, import_id: UUID, created: Sequence[Effect], naming: Sequence[tuple[str, str]]
) -> set[UUID]:
    """Delete those customers whom nobody touched or named since, and who said nothing of consent but what the import
    told, with their keys; who they were."""
    if not created:
        return set()
    named = "".join(f" AND NOT EXISTS (SELECT FROM {table} r WHERE r.{column} = c.id)" for table, column in naming)
    rows = await uow.fetch(
        f"""DELETE FROM customer c USING unnest($1::uuid[], $2::int[]) AS e (id, version)
            WHERE c.id = e.id AND c.version = e.version AND NOT EXISTS (
                SELECT FROM consent_record r WHERE r.customer_id = c.id AND r.source_id IS DISTINCT FROM $3
            ){named} RETURNING c.id, c.key_id""",  # noqa: S608
        *([effect.customer_id for effect in created], [effect.version for effect in created], import_id),
    )
    await uow.execute("DELETE FROM personal_key WHERE id = ANY($1::uuid[])", [row["key_id"] for row in rows])
    return {row["id"] for row in rows}


async def revert_changed(uow: UnitOfWork, import_id: UUID, effect: Effect) -> bool:
    """Give a changed customer back what the import overwrote, and take what it added; False when there was nothing left
    to give back. What somebody changed since stays as they left it."""
    try:
        customer = await customers.lock_customer(uow, effect.customer_id)
    except (NotFound, Conflict):
        return False  # out of sight, merged or erased meanwhile
    rows = await uow.fetch(
        """SELECT id, field, from_cipher, to_cipher FROM customer_change
           WHERE customer_id = $1 AND source = 'import' AND source_id = $2 AND version = $3""",
        *(customer.id, import_id, effect.version),
    )
    state = await read_state(uow, customer.id)
    changes: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for row in rows:

        def opened(column: str, row: Mapping[str, Any] = row) -> Any:
            if row[column] is None:
                return None
            return json.loads(uow.keyring.decrypt(customer.key, "customer_change", column, row["id"], row[column]))

        was, became, name = opened("from_cipher"), opened("to_cipher"), row["field"]
        if name in ("contact_points", "addresses"):
            _without_added(changes, name, state, was or [], became or [])
        elif name == "tags":
            added = set(became or ()) - set(was or ())
            if added & set(state.get("tags") or ()):
                changes["tags"] = [tag for tag in state.get("tags") or () if tag not in added]
        elif state.get(name) == became:
            if name.startswith("custom."):
                custom[name.removeprefix("custom.")] = was
            elif name == "responsible" and not uow.viewer.may("customers.transfer"):
                continue  # a right of its own, which the importer needed only to take somebody's customer
            elif name == "responsible":
                changes["responsible_id"] = UUID(was) if was else None
            else:
                changes[name] = was
    if custom:
        changes["custom"] = custom
    if not changes:
        return False
    await customers.update_customer(uow, customer, changes, source="undo", source_id=import_id)
    return True


def _without_added(
    changes: dict[str, Any],
    name: str,
    state: Mapping[str, Any],
    was: Sequence[Mapping[str, Any]],
    became: Sequence[Mapping[str, Any]],
) -> None:
    added = {item["id"] for item in became} - {item["id"] for item in was}
    kept = [item for item in state.get(name) or () if item["id"] not in added]
    if len(kept) == len(state.get(name) or ()):
        return
    if name == "contact_points":
        changes[name] = [ContactPointData(None, None, item["label"], UUID(item["id"])) for item in kept]
    else:
        changes[name] = [AddressData(None, item["label"], item["country"], UUID(item["id"])) for item in kept]
