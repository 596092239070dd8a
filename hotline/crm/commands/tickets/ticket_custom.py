"""Values of a ticket's custom fields, kept as a customer's are: what people write is sealed under the ticket's key."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from hotline.crm.commands.customers.custom_columns import custom_columns
from hotline.crm.commands.tickets.ticket_texts import ticket_key
from hotline.crm.commands.tickets.tickets import Entry, TicketRecord, new_entry
from hotline.crm.unit_of_work import UnitOfWork
from hotline.customers import custom_fields


async def set_custom(
    uow: UnitOfWork, ticket: TicketRecord, changes: Mapping[str, Any], private: Collection[str] = ()
) -> list[Entry]:
    """Change a locked ticket's values key by key, None takes one away; the line of its history that tells it. Of
    ``private`` keys it tells only that they changed: whoever sees the ticket reads its history."""
    if not changes or not (ticket.custom or ticket.custom_cipher or any(v is not None for v in changes.values())):
        return []
    key = await ticket_key(uow, ticket)
    before: dict[str, Any] = dict(ticket.custom)
    if ticket.custom_cipher is not None:
        before |= json.loads(uow.keyring.decrypt(key, "ticket", "custom_cipher", ticket.id, ticket.custom_cipher))
    after = custom_fields.changed(before, changes)
    told: dict[str, list[Any]] = {}
    for name in changes:
        was, now = before.get(name), after.get(name)
        if was != now:
            told[f"custom.{name}"] = [None, None] if name in private else [was, now]
    if not told:
        return []
    clear, cipher = await custom_columns(uow, key, "ticket", ticket.id, after)
    ticket.set(custom=clear, custom_cipher=cipher)
    entry = new_entry(uow, "changed", {"texts": sorted(told)})
    note = json.dumps(told, ensure_ascii=False)
    entry.note_cipher = uow.keyring.encrypt(key, "ticket_entry", "note_cipher", entry.id, note)
    return [entry]
