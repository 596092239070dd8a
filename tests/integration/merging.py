"""Customers with everything that a merge moves, and pictures of them to compare."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hotline.crm.commands.customers.customer_state import state_of
from hotline.crm.personal_keys import load_personal_key
from hotline.crm.queries.customers.customer_views import SELECT, customer_view
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.ids import new_id
from hotline.workflows.customers.customers import create_customer, write_note
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets import create_ticket

NUMBERS = ("+8613912340412", "+8613800138000", "+4930123456", "+442079460958")


async def add_customer(house: House, name: str, **fields: Any) -> UUID:
    """A customer; ``phones`` are their numbers."""
    points = [{"kind": "phone", "value": number} for number in fields.pop("phones", ())]
    view = await create_customer(house, SYSTEM, {"name": name, "contact_points": points, **fields})  # type: ignore[typeddict-item]
    return view.id


async def add_belongings(house: House, customer_id: UUID, viewer: Viewer, name: str) -> None:
    """A note, a ticket, a past call, a purchase and a file."""
    await write_note(house, viewer, new_id(), f"note of {name}", customer_id=customer_id)
    await create_ticket(house, viewer, {"subject": f"ticket of {name}", "customer_id": customer_id})
    await add_call(house, customer_id)
    async with house.unit(SYSTEM) as uow:
        key_id = await uow.fetchval("SELECT key_id FROM customer WHERE id = $1", customer_id)
        key = await load_personal_key(uow, uow.keyring, key_id)
        assert key is not None
        purchase_id, file_id = uow.new_id(), uow.new_id()
        await uow.execute(
            """INSERT INTO purchase (id, customer_id, kind, at, title_cipher, source)
               VALUES ($1, $2, 'product', $3, $4, 'hand')""",
            *(purchase_id, customer_id, uow.now),
            uow.keyring.encrypt(key, "purchase", "title_cipher", purchase_id, f"purchase of {name}"),
        )
        await uow.execute(
            """INSERT INTO customer_file (id, customer_id, key_id, name_cipher, media_type, bytes, sha256, path, at)
               VALUES ($1, $2, $3, $4, 'text/plain', 1, '', $5, $6)""",
            *(file_id, customer_id, key_id),
            uow.keyring.encrypt(key, "customer_file", "name_cipher", file_id, f"file of {name}"),
            *(file_id.hex, uow.now),
        )


async def add_call(house: House, customer_id: UUID) -> UUID:
    """A past call of a customer, with its line of the timeline."""
    call_id = new_id()
    await house.db.execute(
        """INSERT INTO call (id, pbx, direction, state, customer_id, offered_at, ended_at)
           VALUES ($1, 'rig', 'in', 'ended', $2, now(), now())""",
        *(call_id, customer_id),
    )
    await house.db.execute(
        """INSERT INTO interaction (id, customer_id, kind, call_id, at, data)
           VALUES ($1, $2, 'call', $3, now(), '{}')""",
        *(new_id(), customer_id, call_id),
    )
    return call_id


async def relate(house: House, from_id: UUID, to_id: UUID) -> UUID:
    """A relation with a note."""
    relation_id = new_id()
    async with house.unit(SYSTEM) as uow:
        key_id = await uow.fetchval("SELECT key_id FROM customer WHERE id = $1", from_id)
        key = await load_personal_key(uow, uow.keyring, key_id)
        assert key is not None
        await uow.execute(
            """INSERT INTO customer_relation (id, from_customer_id, to_customer_id, kind, note_cipher)
               VALUES ($1, $2, $3, 'partner', $4)""",
            *(relation_id, from_id, to_id),
            uow.keyring.encrypt(key, "customer_relation", "note_cipher", relation_id, "a note"),
        )
    return relation_id


async def state(house: House, customer_id: UUID) -> dict[str, Any]:
    """The record's fields, also of one who was merged away."""
    row = await house.db.fetchrow(f"{SELECT} WHERE c.id = $1", customer_id)
    assert row is not None
    return state_of(customer_view(house.keyring, SYSTEM, row))


async def picture(house: House, customer_id: UUID) -> dict[str, Any]:
    """Everything about one customer, readable, but for versions and times of changes."""
    row = await house.db.fetchrow("SELECT * FROM customer WHERE id = $1", customer_id)
    assert row is not None
    shown: dict[str, Any] = {
        "state": await state(house, customer_id),
        "row": {
            name: value
            for name, value in dict(row).items()
            if not name.endswith("_cipher") and name not in ("version", "updated_at")
        },
    }
    for table, column, columns in (
        ("contact_point", "customer_id", "id, kind, value_index, suffix_tokens, label, country, position, created_at"),
        ("address", "customer_id", "id, label, country, position, created_at"),
        ("customer_tag", "customer_id", "tag_id"),
        ("call", "customer_id", "id, caller_key_id, candidate_ids"),
        ("ticket", "customer_id", "id, key_id, subject_cipher"),
        ("interaction", "customer_id", "id, kind, call_id, ticket_id, note_key_id, note_cipher"),
        ("purchase", "customer_id", "id, key_id, title_cipher"),
        ("customer_file", "customer_id", "id, key_id, name_cipher"),
        ("customer_relation", "from_customer_id", "id, to_customer_id, key_id, note_cipher"),
        ("customer_relation", "to_customer_id", "id, from_customer_id"),
    ):
        rows = await house.db.fetch(
            f"SELECT {columns} FROM {table} WHERE {column} = $1 ORDER BY 1",
            customer_id,
        )
        shown[f"{table}.{column}"] = [dict(each) for each in rows]
    return shown
