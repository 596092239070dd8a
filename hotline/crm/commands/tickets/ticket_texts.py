"""What people write about a ticket: subject, description and notes, sealed under its customer's key, or under a key of
the ticket's own while no customer is known."""

from __future__ import annotations

import json
from typing import Final
from uuid import UUID

from hotline.crm.commands.tickets.tickets import Entry, TicketRecord, new_entry
from hotline.crm.keys import PersonalKey
from hotline.crm.personal_keys import create_personal_key, load_personal_key
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict

TEXTS: Final = ("subject", "description")
_ERASED: Final = "This customer was erased, and what was written of them."


async def set_texts(uow: UnitOfWork, ticket: TicketRecord, **texts: str) -> list[Entry]:
    """Seal a locked ticket's new ``subject`` and ``description``; the line of its history that tells what changed."""
    key = await ticket_key(uow, ticket)
    told = {}
    for name, text in texts.items():
        before = _text(uow, ticket, key, name)
        if before != text:
            told[name] = [before, text]
            sealed = uow.keyring.encrypt(key, "ticket", f"{name}_cipher", ticket.id, text) if text else None
            ticket.set(**{f"{name}_cipher": sealed})
    if not told:
        return []
    entry = new_entry(uow, "changed", {"texts": sorted(told)})
    entry.note_cipher = _seal(uow, key, entry.id, json.dumps(told, ensure_ascii=False))
    return [entry]


async def write_note(uow: UnitOfWork, ticket: TicketRecord, note_id: UUID, text: str) -> Entry | None:
    """A note under the id that its writer made; sent again, its text is rewritten and there is no new line (None).

    Raises Conflict when the id is another's, or not a note of this ticket.
    """
    key = await ticket_key(uow, ticket)
    before = await uow.fetchrow("SELECT ticket_id, user_id, kind FROM ticket_entry WHERE id = $1 FOR UPDATE", note_id)
    sealed = _seal(uow, key, note_id, text)
    if before is None:
        entry = Entry(note_id, uow.now, uow.viewer.user_id, "note", {})
        entry.note_cipher = sealed
        return entry
    if (before["ticket_id"], before["user_id"], before["kind"]) != (ticket.id, uow.viewer.user_id, "note"):
        raise Conflict("Somebody else wrote this note.")
    await uow.execute("UPDATE ticket_entry SET note_cipher = $2 WHERE id = $1", note_id, sealed)
    return None


async def ticket_key(uow: UnitOfWork, ticket: TicketRecord) -> PersonalKey:
    """The key that seals a locked ticket's texts, made or borrowed from its customer when it has none yet."""
    if ticket.key_id is not None:
        key = await load_personal_key(uow, uow.keyring, ticket.key_id)
        if key is None:
            raise Conflict(_ERASED)
        return key
    key = (await _customer_key(uow, ticket.customer_id)) or await create_personal_key(uow)
    ticket.set(key_id=key.id)
    return key


async def move_texts(uow: UnitOfWork, ticket: TicketRecord, customer_id: UUID | None) -> None:
    """Give a locked ticket to another customer, or to nobody: all that was written is sealed anew under the new key."""
    if ticket.customer_id == customer_id:
        return
    ticket.set(customer_id=customer_id)
    if ticket.key_id is None:
        return
    old = await load_personal_key(uow, uow.keyring, ticket.key_id)
    if old is None:
        return  # the customer before was erased, and the texts with them
    new = (await _customer_key(uow, customer_id)) or await create_personal_key(uow)
    for name in TEXTS:
        if text := _text(uow, ticket, old, name):
            ticket.set(**{f"{name}_cipher": uow.keyring.encrypt(new, "ticket", f"{name}_cipher", ticket.id, text)})
    if ticket.custom_cipher is not None:
        values = uow.keyring.decrypt(old, "ticket", "custom_cipher", ticket.id, ticket.custom_cipher)
        ticket.set(custom_cipher=uow.keyring.encrypt(new, "ticket", "custom_cipher", ticket.id, values))
    await _reseal_entries(uow, ticket.id, ticket.id, old, new)
    ticket.set(key_id=new.id)


async def fold_texts(uow: UnitOfWork, kept: TicketRecord, gone: TicketRecord) -> None:
    """Move what was written of ``gone`` to ``kept``, both locked: two calls turned out to be one."""
    if gone.key_id is None:
        return
    old = await load_personal_key(uow, uow.keyring, gone.key_id)
    if old is None:
        return
    new = await ticket_key(uow, kept)
    for name in TEXTS:
        text = _text(uow, gone, old, name)
        if text and not _text(uow, kept, new, name):
            kept.set(**{f"{name}_cipher": uow.keyring.encrypt(new, "ticket", f"{name}_cipher", kept.id, text)})
    if gone.custom_cipher is not None and kept.custom_cipher is None:
        values = uow.keyring.decrypt(old, "ticket", "custom_cipher", gone.id, gone.custom_cipher)
        kept.set(
            custom=gone.custom,
            custom_cipher=uow.keyring.encrypt(new, "ticket", "custom_cipher", kept.id, values),
        )
    await _reseal_entries(uow, gone.id, kept.id, old, new)


async def _reseal_entries(
    uow: UnitOfWork, from_ticket: UUID, to_ticket: UUID, old: PersonalKey, new: PersonalKey
) -> None:
    rows = await uow.fetch(
        "SELECT id, note_cipher FROM ticket_entry WHERE ticket_id = $1 AND note_cipher IS NOT NULL FOR UPDATE",
        from_ticket,
    )
    for row in rows:
        text = uow.keyring.decrypt(old, "ticket_entry", "note_cipher", row["id"], row["note_cipher"])
        await uow.execute(
            "UPDATE ticket_entry SET ticket_id = $2, note_cipher = $3 WHERE id = $1",
            *(row["id"], to_ticket, _seal(uow, new, row["id"], text)),
        )


async def _customer_key(uow: UnitOfWork, customer_id: UUID | None) -> PersonalKey | None:
    """The customer's key, the customer not locked: whoever has a call's lock may wait for this ticket's."""
    if customer_id is None:
        return None
    key_id = await uow.fetchval(
        """SELECT key_id FROM customer WHERE id = COALESCE((SELECT merged_into_id FROM customer WHERE id = $1), $1)""",
        customer_id,
    )
    return await load_personal_key(uow, uow.keyring, key_id) if key_id is not None else None


def _text(uow: UnitOfWork, ticket: TicketRecord, key: PersonalKey, name: str) -> str:
    sealed: bytes | None = getattr(ticket, f"{name}_cipher")
    return uow.keyring.decrypt(key, "ticket", f"{name}_cipher", ticket.id, sealed) if sealed is not None else ""


def _seal(uow: UnitOfWork, key: PersonalKey, entry_id: UUID, text: str) -> bytes:
    return uow.keyring.encrypt(key, "ticket_entry", "note_cipher", entry_id, text)
