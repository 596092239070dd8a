"""A customer's timeline: what happened with them, the latest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, Wrapped
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound
from hotline.tickets.states import reference

MOST: Final = 201


@dataclass(frozen=True, slots=True)
class TimelineCall:
    """What the timeline says about a call. ``talk_seconds`` and ``wait_seconds`` are None while not known."""

    id: UUID
    state: str
    disposition: str | None
    queue: str | None
    withheld: bool
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    wait_seconds: int | None
    talk_seconds: int | None
    end_seen: bool


@dataclass(frozen=True, slots=True)
class TimelineTicket:
    """What the timeline says about a ticket: codes only, since it may be somebody else's."""

    id: UUID
    number: int
    reference: str
    kind: str
    state: str


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One line. ``note`` is what a person wrote, None for lines that hold no words."""

    id: UUID
    kind: str
    at: datetime
    direction: str | None
    user_id: UUID | None
    user_name: str | None
    call: TimelineCall | None
    note: str | None
    ticket: TimelineTicket | None = None


_SELECT: Final = """
SELECT i.id, i.kind, i.at, i.direction, i.user_id, u.name AS user_name, i.note_cipher,
    COALESCE(i.note_key_id, c.key_id) AS key_id, k.wrapped, k.master,
    l.id AS call_id, l.state, l.disposition, l.queue, l.caller_withheld, l.offered_at, l.answered_at,
    l.ended_at, l.end_seen, t.id AS ticket_id, t.number AS ticket_number, t.kind AS ticket_kind,
    t.state AS ticket_state
FROM interaction i
LEFT JOIN ticket t ON t.id = i.ticket_id
LEFT JOIN customer c ON c.id = i.customer_id
LEFT JOIN personal_key k ON i.note_cipher IS NOT NULL AND k.id = COALESCE(i.note_key_id, c.key_id)
LEFT JOIN users u ON u.id = i.user_id
LEFT JOIN call l ON l.id = i.call_id
"""
_OF_CUSTOMER: Final = """
WHERE i.customer_id = $1 AND ($2::text[] IS NULL OR i.kind = ANY($2))
  AND ($3::uuid IS NULL OR (i.at, i.id) < (SELECT e.at, e.id FROM interaction e WHERE e.id = $3))
ORDER BY i.at DESC, i.id DESC LIMIT $4
"""
_OF_CALL: Final = "WHERE i.call_id = $1 AND i.kind = 'note' ORDER BY i.at DESC, i.id DESC LIMIT $2"


async def list_timeline(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    customer_id: UUID,
    *,
    limit: int,
    after: UUID | None = None,
    kinds: Sequence[str] | None = None,
) -> list[TimelineItem]:
    """A page of a customer's timeline, of some ``kinds`` only where given. Raises NotFound for no such
    customer."""
    viewer.require("customers.read")
    found = await db.fetchval("SELECT COALESCE(merged_into_id, id) FROM customer WHERE id = $1", customer_id)
    if found is None:
        raise NotFound()
    rows = await db.fetch(
        _SELECT + _OF_CUSTOMER,
        *(found, list(kinds) if kinds else None, after, max(0, min(limit, MOST))),
    )
    return [_item(keyring, row) for row in rows]


async def list_call_notes(db: Reader, keyring: Keyring, viewer: Viewer, call_id: UUID) -> list[TimelineItem]:
    """The notes about one call, the latest first. Whether the viewer may see the call, the caller has
    asked."""
    viewer.require("calls.read")
    rows = await db.fetch(
        _SELECT + _OF_CALL,
        *(call_id, MOST),
    )
    return [_item(keyring, row) for row in rows]


def _item(keyring: Keyring, row: Row) -> TimelineItem:
    note = None
    if row["note_cipher"] is not None and row["wrapped"] is not None:
        key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
        note = keyring.decrypt(key, "interaction", "note_cipher", row["id"], row["note_cipher"])
    return TimelineItem(
        id=row["id"],
        kind=row["kind"],
        at=row["at"],
        direction=row["direction"],
        user_id=row["user_id"],
        user_name=row["user_name"],
        call=_call(row) if row["call_id"] is not None else None,
        note=note,
        ticket=_ticket(row) if row["ticket_id"] is not None else None,
    )


def _ticket(row: Row) -> TimelineTicket:
    number = row["ticket_number"]
    return TimelineTicket(row["ticket_id"], number, reference(number), row["ticket_kind"], row["ticket_state"])


def _call(row: Row) -> TimelineCall:
    waited_until = row["answered_at"] or row["ended_at"]
    return TimelineCall(
        id=row["call_id"],
        state=row["state"],
        disposition=row["disposition"],
        queue=row["queue"],
        withheld=row["caller_withheld"],
        offered_at=row["offered_at"],
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
        wait_seconds=_seconds(row["offered_at"], waited_until),
        talk_seconds=_seconds(row["answered_at"], row["ended_at"]),
        end_seen=row["end_seen"],
    )


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else max(0, round((end - start).total_seconds()))
