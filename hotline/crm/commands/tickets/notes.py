"""Notes: what a person writes about a customer or a call, sealed like everything personal."""

from __future__ import annotations

from uuid import UUID

from hotline.crm.commands.customers.customers import AUDIENCE, lock_customer
from hotline.crm.keys import PersonalKey
from hotline.crm.personal_keys import create_personal_key, load_personal_key, load_personal_keys
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, NotFound


async def write_note(uow: UnitOfWork, note_id: UUID, text: str, customer_id: UUID | None, call_id: UUID | None) -> None:
    """Keep a note under the id that its writer made: sent again it is the same note, with its text rewritten.

    A note about a call belongs to the call's customer too. Raises NotFound, or Conflict for another's note.
    """
    if call_id is not None:
        call = await uow.fetchrow("SELECT customer_id FROM call WHERE id = $1", call_id)
        if call is None:
            raise NotFound()
        customer_id = call["customer_id"] or customer_id
    before = await uow.fetchrow(
        """SELECT i.user_id, i.customer_id, i.kind, COALESCE(i.note_key_id, c.key_id) AS key_id
           FROM interaction i LEFT JOIN customer c ON c.id = i.customer_id WHERE i.id = $1 FOR UPDATE OF i""",
        note_id,
    )
    if before is not None:
        if before["user_id"] != uow.viewer.user_id or before["kind"] != "note":
            raise Conflict("Somebody else wrote this note.")
        key = await load_personal_key(uow, uow.keyring, before["key_id"])
        if key is None:
            raise Conflict("This customer was erased.")
        await uow.execute(
            "UPDATE interaction SET note_cipher = $2 WHERE id = $1", note_id, _sealed(uow, key, note_id, text)
        )
        customer_id = before["customer_id"]
    else:
        note_key_id = None
        if customer_id is not None:
            key = (await lock_customer(uow, customer_id)).key
        else:
            key = await create_personal_key(uow)
            note_key_id = key.id
        await uow.execute(
            """INSERT INTO interaction (id, customer_id, kind, call_id, user_id, at, data, note_cipher,
            note_key_id)
               VALUES ($1, $2, 'note', $3, $4, $5, '{}', $6, $7)""",
            *(note_id, customer_id, call_id, uow.viewer.user_id, uow.now),
            *(_sealed(uow, key, note_id, text), note_key_id),
        )
    uow.audit("note:written", note_id, customer_id=customer_id, call_id=call_id)
    if customer_id is not None:
        uow.emit("customer.updated", AUDIENCE, customer_id=customer_id)


async def move_notes(uow: UnitOfWork, call_id: UUID, customer_id: UUID) -> None:
    """Give a call's notes to the customer who was picked for it, sealed anew under that customer's key."""
    rows = await uow.fetch(
        """SELECT i.id, i.note_cipher, COALESCE(i.note_key_id, c.key_id) AS key_id
           FROM interaction i LEFT JOIN customer c ON c.id = i.customer_id
           WHERE i.call_id = $1 AND i.kind = 'note' AND i.customer_id IS DISTINCT FROM $2 FOR UPDATE OF i""",
        *(call_id, customer_id),
    )
    if not rows:
        return
    old = await load_personal_keys(uow, uow.keyring, [row["key_id"] for row in rows])
    new = (await lock_customer(uow, customer_id)).key
    for row in rows:
        if (key := old.get(row["key_id"])) is None:
            continue  # its customer was erased, and the note with them
        text = uow.keyring.decrypt(key, "interaction", "note_cipher", row["id"], row["note_cipher"])
        await uow.execute(
            "UPDATE interaction SET customer_id = $2, note_cipher = $3, note_key_id = NULL WHERE id = $1",
            *(row["id"], customer_id, _sealed(uow, new, row["id"], text)),
        )


def _sealed(uow: UnitOfWork, key: PersonalKey, note_id: UUID, text: str) -> bytes:
    return uow.keyring.encrypt(key, "interaction", "note_cipher", note_id, text)
