"""Changes to relations between customers. Both sides' history tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from hotline.crm.commands.customers.customers import CustomerRow, changed, lock_customer
from hotline.crm.personal_keys import load_personal_key
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, Invalid, NotFound

#: Most relations of one customer, those that others have to them included.
MOST: Final = 200
_PLAIN: Final = ("kind", "role", "weight")


async def lock_pair(uow: UnitOfWork, first: UUID, second: UUID) -> tuple[CustomerRow, CustomerRow]:
    """Both customers, locked in the order of their ids, so that two who do it at once wait for each other in turn."""
    if first == second:
        raise Invalid("customer_id: a customer is not related to themselves.")
    locked = {each: await lock_customer(uow, each) for each in sorted((first, second))}
    return locked[first], locked[second]


async def add_relation(
    uow: UnitOfWork, start: CustomerRow, end: CustomerRow, *, kind: str, role: str | None, weight: int | None, note: str
) -> UUID:
    """``end`` is ``kind`` of ``start`` from now on. Raises Conflict when that is there already."""
    if await uow.fetchval(
        """SELECT 1 FROM customer_relation
           WHERE from_customer_id = $1 AND to_customer_id = $2 AND kind = $3 AND deleted_at IS NULL""",
        *(start.id, end.id, kind),
    ):
        raise Conflict("One like it exists already.")
    await _require_room(uow, start, end)
    relation_id = uow.new_id()
    cipher = uow.keyring.encrypt(start.key, "customer_relation", "note_cipher", relation_id, note) if note else None
    await uow.execute(
        """INSERT INTO customer_relation (id, from_customer_id, to_customer_id, kind, role, weight, note_cipher,
                                          created_by_id, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        *(relation_id, start.id, end.id, kind, role, weight, cipher, uow.viewer.user_id, uow.now),
    )
    after = {"id": str(relation_id), "kind": kind, "role": role, "weight": weight, "note": note or None}
    await _told(uow, start, end, None, after)
    return relation_id


async def update_relation(
    uow: UnitOfWork, relation_id: UUID, fields: Mapping[str, Any], *, deleted: bool | None = None
) -> None:
    """Write the given fields of a relation; ``deleted`` takes it away or gives it back."""
    found = await uow.fetchrow(
        "SELECT from_customer_id, to_customer_id FROM customer_relation WHERE id = $1", relation_id
    )
    if found is None:
        raise NotFound()
    start, end = await lock_pair(uow, found["from_customer_id"], found["to_customer_id"])
    row = await uow.fetchrow(
        """SELECT r.kind, r.role, r.weight, r.note_cipher, r.deleted_at, COALESCE(r.key_id, c.key_id) AS key_id
           FROM customer_relation r JOIN customer c ON c.id = r.from_customer_id WHERE r.id = $1 FOR UPDATE OF r""",
        relation_id,
    )
    if row is None or (row["deleted_at"] is not None) != (deleted is False):
        raise NotFound()
    if deleted is False:
        await _require_room(uow, start, end)
    key = await load_personal_key(uow, uow.keyring, row["key_id"])
    if key is None:
        raise Conflict("This customer was erased.")
    before: dict[str, Any] = {"id": str(relation_id), **{name: row[name] for name in _PLAIN}, "note": None}
    if row["note_cipher"] is not None:
        before["note"] = uow.keyring.decrypt(key, "customer_relation", "note_cipher", relation_id, row["note_cipher"])
    after = {**before, **{name: fields[name] for name in (*_PLAIN, "note") if name in fields}}
    note = after["note"] = after["note"] or None
    cipher = uow.keyring.encrypt(key, "customer_relation", "note_cipher", relation_id, note) if note else None
    await uow.execute(
        """UPDATE customer_relation SET kind = $2, role = $3, weight = $4, note_cipher = $5, deleted_at = $6,
               version = version + 1 WHERE id = $1""",
        *(relation_id, after["kind"], after["role"], after["weight"], cipher, uow.now if deleted else None),
    )
    await _told(uow, start, end, None if deleted is False else before, None if deleted else after)


async def _require_room(uow: UnitOfWork, *sides: CustomerRow) -> None:
    """Both customers are locked: nobody else adds a relation to one of them meanwhile."""
    for side in sides:
        count = await uow.fetchval(
            """SELECT (SELECT count(*) FROM customer_relation WHERE from_customer_id = $1 AND deleted_at IS NULL)
                    + (SELECT count(*) FROM customer_relation WHERE to_customer_id = $1 AND deleted_at IS NULL)""",
            side.id,
        )
        if count >= MOST:
            raise Invalid(f"customer_id: at most {MOST} relations.")


async def _told(
    uow: UnitOfWork, start: CustomerRow, end: CustomerRow, before: Mapping[str, Any] | None, after: Any
) -> None:
    for side, other, outward in ((start, end, True), (end, start, False)):
        values = [
            None if each is None else {**each, "customer_id": str(other.id), "outward": outward}
            for each in (before, after)
        ]
        await changed(uow, side, {"relations": (values[0], values[1])} if values[0] != values[1] else {})
