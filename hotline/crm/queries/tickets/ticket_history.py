"""A ticket's history: every change of it, who made it and when, and what people wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, Wrapped
from hotline.crm.queries.tickets.tickets import require_ticket
from hotline.crm.viewer import Viewer

MOST: Final = 201


@dataclass(frozen=True, slots=True)
class EntryView:
    """One line. ``data`` of a change is {column: [before, after]}, texts included; ``note`` is what somebody wrote.
    ``user`` is a login, None for hotline itself."""

    id: UUID
    at: datetime
    user: str | None
    user_name: str | None
    kind: str
    data: Mapping[str, Any]
    note: str | None
    call_id: UUID | None


_ENTRIES: Final = """
SELECT e.id, e.at, u.login, u.name, e.kind, e.data, e.call_id, e.note_cipher, t.key_id, 'ticket_entry' AS place
FROM ticket_entry e JOIN ticket t ON t.id = e.ticket_id LEFT JOIN users u ON u.id = e.user_id
WHERE e.ticket_id = $1
"""
_CALL_NOTES: Final = """
UNION ALL
SELECT i.id, i.at, u.login, u.name, 'call_note', '{}'::jsonb, i.call_id, i.note_cipher,
    COALESCE(i.note_key_id, c.key_id), 'interaction'
FROM interaction i JOIN call l ON l.id = i.call_id LEFT JOIN customer c ON c.id = i.customer_id
LEFT JOIN users u ON u.id = i.user_id
WHERE l.ticket_id = $1 AND i.kind = 'note'
"""


async def list_entries(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    ticket_id: UUID,
    *,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
    call_notes: bool = False,
) -> list[EntryView]:
    """A page of the history, the latest first; with the notes about its calls too. Raises NotFound."""
    await require_ticket(db, viewer, ticket_id)
    lines = _ENTRIES + (_CALL_NOTES if call_notes else "")
    rows = await db.fetch(
        f"""SELECT line.*, k.wrapped, k.master FROM ({lines}) AS line LEFT JOIN personal_key k ON k.id = line.key_id
            WHERE $2::timestamptz IS NULL OR (line.at, line.id) < ($2, $3::uuid)
            ORDER BY line.at DESC, line.id DESC LIMIT $4""",  # noqa: S608
        *(ticket_id, *(after or (None, None)), max(0, min(limit, MOST))),
    )
    return [_entry(keyring, row) for row in rows]


def _entry(keyring: Keyring, row: Row) -> EntryView:
    data: dict[str, Any] = dict(row["data"])
    note = None
    if row["note_cipher"] is not None and row["wrapped"] is not None:
        key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
        note = keyring.decrypt(key, row["place"], "note_cipher", row["id"], row["note_cipher"])
    if (texts := data.pop("texts", None)) is not None:
        # Of a customer who was erased only that something was written is left.
        data |= json.loads(note) if note is not None else {name: [None, None] for name in texts}
        note = None
    return EntryView(row["id"], row["at"], row["login"], row["name"], row["kind"], data, note, row["call_id"])
