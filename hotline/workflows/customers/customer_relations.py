"""Relations between customers: made, changed, taken away and given back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict
from uuid import UUID

from hotline.crm.commands.customers import customer_relations as commands
from hotline.crm.queries.customers.customer_relations import RelationView, get_relation
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.viewer import Viewer
from hotline.customers.text import many_lines
from hotline.errors import Invalid
from hotline.workflows.company import lists
from hotline.workflows.customers.customers import reader_of
from hotline.workflows.house import House

LONGEST_NOTE: Final = 1_000


class RelationInput(TypedDict, total=False):
    """A relation: the other customer is ``kind`` of this one, or with ``outward`` false this one of the other."""

    customer_id: UUID
    kind: str
    outward: bool
    role: str | None
    weight: int | None
    note: str | None


async def add_relation(house: House, viewer: Viewer, customer_id: UUID, data: RelationInput) -> RelationView:
    """Relate two customers whom the viewer sees. Raises NotFound, Invalid, and Conflict for what is there already."""
    viewer.require("customers.write")
    fields = await _cleaned(house, data)
    kind = fields.get("kind", "contact")
    async with house.unit(viewer) as uow:
        own = await require_customer(uow, reader_of(viewer), customer_id)
        this, other = await commands.lock_pair(uow, own, data["customer_id"])
        start, end = (this, other) if data.get("outward", True) else (other, this)
        relation_id = await commands.add_relation(
            uow, start, end,
            kind=kind, role=fields.get("role"), weight=fields.get("weight"), note=fields.get("note") or "",
        )  # fmt: skip
        return await get_relation(uow, uow.keyring, reader_of(viewer), own, relation_id)


async def update_relation(
    house: House, viewer: Viewer, customer_id: UUID, relation_id: UUID, data: RelationInput
) -> RelationView:
    """Change a relation's kind, role, weight or note. Raises NotFound and Invalid."""
    viewer.require("customers.write")
    fields = await _cleaned(house, data)
    async with house.unit(viewer) as uow:
        await get_relation(uow, uow.keyring, viewer, customer_id, relation_id)
        await commands.update_relation(uow, relation_id, fields)
        return await get_relation(uow, uow.keyring, reader_of(viewer), customer_id, relation_id)


async def delete_relation(house: House, viewer: Viewer, customer_id: UUID, relation_id: UUID) -> None:
    """Take a relation away; ``restore_relation`` gives it back. Raises NotFound."""
    viewer.require("customers.write")
    async with house.unit(viewer) as uow:
        await get_relation(uow, uow.keyring, viewer, customer_id, relation_id)
        await commands.update_relation(uow, relation_id, {}, deleted=True)


async def restore_relation(house: House, viewer: Viewer, customer_id: UUID, relation_id: UUID) -> RelationView:
    """Give a relation back that was taken away. Raises NotFound."""
    viewer.require("customers.write")
    async with house.unit(viewer) as uow:
        # Locks both customers, so that one whom the viewer does not see is NotFound.
        await commands.update_relation(uow, relation_id, {}, deleted=False)
        return await get_relation(uow, uow.keyring, reader_of(viewer), customer_id, relation_id)


async def _cleaned(house: House, data: RelationInput) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    known = await lists.load(house)
    values: Mapping[str, Any] = data
    for name, source in (("kind", "relation"), ("role", "contact_role")):
        key = values.get(name)
        if name in data and (key or name == "kind"):
            if not isinstance(key, str) or known.get(source, key) is None:
                raise Invalid(f"{name}: the list {source} does not offer this.")
            fields[name] = key
        elif name in data:
            fields[name] = None
    if "weight" in data:
        weight = data["weight"]
        if weight is not None and not 0 <= weight <= 100:
            raise Invalid("weight: a number from 0 to 100.")
        fields["weight"] = weight
    if "note" in data:
        fields["note"] = many_lines(data["note"] or "", "note", LONGEST_NOTE)
    return fields
