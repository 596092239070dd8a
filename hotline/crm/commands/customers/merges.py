"""Two customers become one: the one that stays takes over what the other has, and the other is kept as it was.

Who is merged away is frozen: their record, contact points, addresses and tags stay under them and nothing finds them
any more; the kept one has copies. What belongs to them (calls, tickets, notes, purchases, files) moves. All that it
takes to undo this is noted (``models.merging``); ``unmerge`` does it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from hotline import phone
from hotline.crm.commands.consent.consents import merge_consents
from hotline.crm.commands.customers.customer_parts import AddressData, ContactPointData, number_index
from hotline.crm.commands.customers.customer_state import differences, read_state
from hotline.crm.commands.customers.customers import AUDIENCE, CustomerRow, changed, lock_customer, write_fields
from hotline.crm.commands.customers.merge_rows import lock_rows, move_rows
from hotline.crm.database import Reader
from hotline.crm.keys import PersonalKey
from hotline.crm.unit_of_work import UnitOfWork
from hotline.customers.contact_points import ContactValue
from hotline.customers.merging import Together, same_point, together
from hotline.errors import Invalid

#: How long a merge can be undone.
UNDO_FOR: Final = timedelta(days=30)
#: Merges and their undoing take turns: their trees would meet each other half-way else. Any number nobody else uses.
_TURN: Final = 0x6D65726765


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge that was done. ``moved`` counts rows by kind; ``key`` is the kept customer's."""

    id: UUID
    kept_id: UUID
    gone_id: UUID
    moved: Mapping[str, int]
    key: PersonalKey


async def merge_customers(
    uow: UnitOfWork,
    kept_id: UUID,
    gone_id: UUID,
    choices: Mapping[str, str],
    versions: tuple[int | None, int | None] = (None, None),
    merge_id: UUID | None = None,
) -> Merged:
    """Make ``gone_id`` a part of ``kept_id``. ``versions`` are those that the choices were made by, kept first.

    Raises NotFound, Invalid, or Conflict: changed meanwhile, merged already, erased.
    """
    if kept_id == gone_id:
        raise Invalid("other_id: this is the same customer.")
    await take_turn(uow)
    await lock_rows(uow, [gone_id])
    expected = {kept_id: versions[0], gone_id: versions[1]}
    # Whoever is about to name one of them, a call that just came in, is waited for, and waits.
    await uow.execute("SELECT 1 FROM customer WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", list(expected))
    locked = {each: await lock_customer(uow, each, expected[each]) for each in sorted(expected)}
    kept, gone = locked[kept_id], locked[gone_id]
    before, other = await read_state(uow, kept_id), await read_state(uow, gone_id)
    result = together(before, other, choices, transfer=uow.viewer.may("customers.transfer"))
    merge_id = merge_id or uow.new_id()
    await uow.execute(
        """INSERT INTO merge (id, kept_id, gone_id, by_id, at, undo_until, version)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        *(merge_id, kept_id, gone_id, uow.viewer.user_id, uow.now, uow.now + UNDO_FOR, kept.version + 1),
    )
    await _take_over(uow, merge_id, kept, before, result)
    after = await read_state(uow, kept_id)
    await _note_copies(uow, merge_id, before, after, result)
    moved = await move_rows(uow, merge_id, gone_id, gone.key.id, kept_id)
    await merge_consents(uow, merge_id, kept_id, gone_id)
    await uow.execute("UPDATE merge SET moved = $2 WHERE id = $1", merge_id, moved)
    # Who was merged into the one that goes now is found at the root, by one step.
    await uow.execute(
        """UPDATE customer SET merged_into_id = $2, version = version + (id = $1)::int, updated_at = $3
           WHERE id = $1 OR merged_into_id = $1""",
        *(gone_id, kept_id, uow.now),
    )
    if not await changed(uow, kept, differences(before, after), "merge", merge_id):
        await touch(uow, kept_id)
    uow.audit("customer:merged", kept_id, gone_id=gone_id, merge_id=merge_id, moved=moved)
    uow.emit("customer.merged", AUDIENCE, kept_id=kept_id, gone_id=gone_id, merge_id=merge_id)
    return Merged(merge_id, kept_id, gone_id, moved, kept.key)


async def sweep(uow: UnitOfWork, gone_id: UUID) -> int:
    """Move what came to a customer in the very moment in which they were merged away; how many rows."""
    # Waits for whoever writes such a row just now: a row that names a customer holds their record.
    row = await uow.fetchrow("SELECT key_id, merged_into_id FROM customer WHERE id = $1 FOR UPDATE", gone_id)
    merge_id = await uow.fetchval("SELECT id FROM merge WHERE gone_id = $1 AND undone_at IS NULL", gone_id)
    if row is None or row["merged_into_id"] is None or merge_id is None:
        return 0
    return sum((await move_rows(uow, merge_id, gone_id, row["key_id"], row["merged_into_id"])).values())


async def merged_lately(db: Reader, now: datetime, after: UUID | None, limit: int) -> list[tuple[UUID, UUID]]:
    """Merges of the last two days, in the order of their ids, each with whom it took away: what slipped through at
    their moment is found again within the hour."""
    rows = await db.fetch(
        """SELECT id, gone_id FROM merge WHERE undone_at IS NULL AND at > $1::timestamptz - interval '2 days'
             AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3""",
        *(now, after, limit),
    )
    return [(row["id"], row["gone_id"]) for row in rows]


async def forget_merges(uow: UnitOfWork, *, limit: int) -> int:
    """Forget what it would take to undo merges whose time is over, at most ``limit`` rows of each kind; that they were
    made stays known. How many rows."""
    gone = 0
    for table in ("merge_item", "merge_field"):
        tag = await uow.execute(
            f"""DELETE FROM {table} WHERE id IN (SELECT t.id FROM {table} t JOIN merge m ON m.id = t.merge_id
                                                 WHERE m.undo_until < $1 LIMIT $2)""",  # noqa: S608
            *(uow.now, limit),
        )
        gone += int(tag.split()[-1])
    return gone


async def root_of(uow: UnitOfWork, customer_id: UUID) -> UUID:
    """The customer, or whom they were merged into: who picks somebody from what was shown a moment ago means that."""
    found: UUID | None = await uow.fetchval(
        "SELECT COALESCE(merged_into_id, id) FROM customer WHERE id = $1", customer_id
    )
    return found or customer_id


async def take_turn(uow: UnitOfWork) -> None:
    """Wait for the merge or undoing that is under way, and keep others waiting until this unit ends."""
    await uow.execute("SELECT pg_advisory_xact_lock($1)", _TURN)


async def touch(uow: UnitOfWork, customer_id: UUID) -> None:
    """Tell that a customer's record shows something else, though none of its fields changed."""
    await uow.execute("UPDATE customer SET version = version + 1, updated_at = $2 WHERE id = $1", customer_id, uow.now)
    uow.emit("customer.updated", AUDIENCE, customer_id=customer_id)


def written(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a record as ``write_fields`` takes them: custom fields and preferences as objects."""
    fields: dict[str, Any] = {}
    for field, value in values.items():
        group, _, key = field.partition(".")
        if key:
            fields.setdefault(group, {})[key] = value
        elif field == "responsible":
            fields["responsible_id"] = UUID(value) if value is not None else None
        else:
            fields[field] = value
    return fields


async def _take_over(
    uow: UnitOfWork, merge_id: UUID, kept: CustomerRow, before: Mapping[str, Any], result: Together
) -> None:
    taken = [each for each in result.fields if each.changes]
    for each in taken:
        row_id = uow.new_id()
        await uow.execute(
            "INSERT INTO merge_field (id, merge_id, field, before_cipher, after_cipher) VALUES ($1, $2, $3, $4, $5)",
            *(row_id, merge_id, each.field),
            sealed(uow, kept, "before_cipher", row_id, each.kept),
            sealed(uow, kept, "after_cipher", row_id, each.value),
        )
    fields = written({each.field: each.value for each in taken})
    if result.contact_points:
        fields["contact_points"] = [
            *(
                ContactPointData(None, None, point["label"], UUID(point["id"]))
                for point in before.get("contact_points", ())
            ),
            *(_copied_point(point) for point in result.contact_points),
        ]
    if result.addresses:
        fields["addresses"] = [
            *(
                AddressData(None, each["label"], each["country"], UUID(each["id"]))
                for each in before.get("addresses", ())
            ),
            *(AddressData(each["text"], each["label"], each["country"]) for each in result.addresses),
        ]
    if result.tags:
        fields["tags"] = [*before.get("tags", ()), *result.tags]
    await write_fields(uow, kept, before, fields)


def _copied_point(point: Mapping[str, Any]) -> ContactPointData:
    kind, value = point["kind"], point["value"]
    suffixes = phone.suffixes(value) if kind in ("phone", "whatsapp") else ()
    return ContactPointData(kind, ContactValue(value, point["country"], suffixes), point["label"])


async def _note_copies(
    uow: UnitOfWork, merge_id: UUID, before: Mapping[str, Any], after: Mapping[str, Any], result: Together
) -> None:
    """Remember which rows of the kept customer are copies, and of what."""
    points = {same_point(point): point["id"] for point in after.get("contact_points", ())}
    items = [("contact_point", points[same_point(point)], point["id"]) for point in result.contact_points]
    old = {each["id"] for each in before.get("addresses", ())}
    # In the order in which they were written, which is that of the result.
    fresh = [each["id"] for each in after.get("addresses", ()) if each["id"] not in old]
    items += [("address", made, each["id"]) for made, each in zip(fresh, result.addresses, strict=True)]
    await uow.execute(
        """INSERT INTO merge_item (merge_id, kind, row_id, from_id)
           SELECT $1::uuid, kind, row_id, from_id FROM unnest($2::text[], $3::uuid[], $4::uuid[])
               AS item (kind, row_id, from_id)
           UNION ALL SELECT $1::uuid, 'tag', id, NULL FROM tag WHERE name = ANY($5::text[])""",
        *(merge_id, [item[0] for item in items], [UUID(item[1]) for item in items], [UUID(item[2]) for item in items]),
        list(result.tags),
    )


def sealed(uow: UnitOfWork, owner: CustomerRow, column: str, row_id: UUID, value: Any) -> bytes:
    """A value of a merge's field, sealed under the key of the customer whose field it is."""
    return uow.keyring.encrypt(owner.key, "merge_field", column, row_id, json.dumps(value, ensure_ascii=False))


def opened(uow: UnitOfWork, owner: CustomerRow, column: str, row_id: UUID, cipher: bytes) -> Any:
    """The value again."""
    return json.loads(uow.keyring.decrypt(owner.key, "merge_field", column, row_id, cipher))


def point_index(uow: UnitOfWork, point: Mapping[str, Any]) -> tuple[str, bytes]:
    """By what two contact points are the same: the kind, and the blind index of the value."""
    return point["kind"], number_index(uow.keyring, point["kind"], point["value"])
