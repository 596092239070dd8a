"""Writes of tickets. A ticket is loaded, changed in memory and saved with one line of its history by one statement,
since calls make and change tickets on the way of the screen pop. Texts are sealed (``ticket_texts``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from hotline.crm.database import Row
from hotline.crm.records import ComparedRecord
from hotline.crm.scopes import Arguments, all_of, customers_seen
from hotline.crm.unit_of_work import UnitOfWork, plain
from hotline.errors import Conflict, Invalid
from hotline.events import permission_mark, queue_mark, user_mark
from hotline.tickets.states import OPEN, AttachedBy, DiscardedAs, Kind, KindBy, Priority, Source, State

#: Who sees tickets that somebody has, and those that nobody has.
SEES_ALL: Final = permission_mark("tickets.read_all")
SEES_UNASSIGNED: Final = permission_mark("tickets.read")


_CHANGING: Final = (
    "kind", "kind_by", "state", "provisional", "priority", "subject_cipher", "description_cipher", "key_id", "category",
    "customer_id", "assignee_id", "assigned_by", "queue", "tier", "service", "follows_id", "touched", "escalated",
    "first_response_due", "first_response_at", "resolution_due", "due_at", "waiting_since", "resolved_at", "closed_at",
    "callback_due", "callback_call_id", "callback_done_at", "disposition", "discarded_as", "custom",
    "custom_cipher",
)  # fmt: skip


@dataclass(slots=True)
class TicketRecord(ComparedRecord):
    """A ticket's row, without its personal data but for the sealed columns. ``saved`` are the values in the database,
    by which its history tells what changed."""

    CHANGING: ClassVar = _CHANGING

    id: UUID
    source: Source
    opened_at: datetime
    kind: Kind = "consultation"
    kind_by: KindBy = "default"
    state: State = "new"
    provisional: bool = False
    priority: Priority = "normal"
    subject_cipher: bytes | None = None
    description_cipher: bytes | None = None
    key_id: UUID | None = None
    category: str | None = None
    customer_id: UUID | None = None
    assignee_id: UUID | None = None
    assigned_by: str | None = None
    queue: str | None = None
    tier: str | None = None
    service: str | None = None
    call_id: UUID | None = None
    created_by_id: UUID | None = None
    follows_id: UUID | None = None
    touched: bool = False
    escalated: int = 0
    first_response_due: datetime | None = None
    first_response_at: datetime | None = None
    resolution_due: datetime | None = None
    due_at: datetime | None = None
    waiting_since: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    callback_due: datetime | None = None
    callback_call_id: UUID | None = None
    callback_done_at: datetime | None = None
    disposition: str | None = None
    discarded_as: DiscardedAs | None = None
    custom: dict[str, Any] = field(default_factory=dict)
    custom_cipher: bytes | None = None
    number: int = 0
    version: int = 1
    created_at: datetime | None = None
    saved: dict[str, Any] = field(default_factory=dict)


_FIXED: Final = ("id", "source", "opened_at", "call_id", "created_by_id")
_COLUMNS: Final = (*_FIXED, *_CHANGING, "number", "version", "created_at")
#: Columns whose changes the history does not tell: they follow others, or are sealed (``ticket_texts`` and
#: ``ticket_custom`` tell these).
_SILENT: Final = frozenset(
    {
        "kind_by", "assigned_by", "touched", "key_id", "subject_cipher", "description_cipher", "due_at", "tier",
        "waiting_since", "resolved_at", "closed_at", "callback_call_id", "custom", "custom_cipher",
    }
)  # fmt: skip
#: Columns whose changes are told, by name.
TOLD: Final = frozenset(_CHANGING) - _SILENT

_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM ticket"  # noqa: S608
_ENTRIES: Final = """
    INSERT INTO ticket_entry (id, ticket_id, at, user_id, kind, call_id, data, note_cipher)
    SELECT e.id, $1, e.at, e.user_id, e.kind, e.call_id, e.data, e.note_cipher
    FROM {source} jsonb_to_recordset($2::jsonb) AS e (id uuid, at timestamptz, user_id uuid, kind text, call_id uuid,
                                                      data jsonb, note_cipher bytea)
"""
_SAVED_ENTRIES: Final = _ENTRIES.format(source="saved,")
_PLACES: Final = tuple(f"${n}" for n in range(4, 4 + len(_CHANGING)))
_AFTER: Final = 4 + len(_CHANGING)
_INSERT: Final = f"""
WITH saved AS (
    INSERT INTO ticket (id, {", ".join(_CHANGING)}, source, opened_at, call_id, created_by_id, created_at, updated_at)
    VALUES ($1, {", ".join(_PLACES)}, {", ".join(f"${_AFTER + n}" for n in range(4))}, $3, $3) RETURNING number
), entries AS ({_SAVED_ENTRIES})
SELECT number FROM saved
"""  # noqa: S608
_UPDATE: Final = f"""
WITH saved AS (
    UPDATE ticket SET {", ".join(f"{name} = {place}" for name, place in zip(_CHANGING, _PLACES, strict=True))},
        version = version + 1, updated_at = $3
    WHERE id = $1 RETURNING number
), entries AS ({_SAVED_ENTRIES})
SELECT number FROM saved
"""  # noqa: S608
_JOINABLE: Final = f"""
WITH joined AS (
    {_SELECT} WHERE customer_id = $1 AND state IN ('new', 'open', 'waiting') AND NOT provisional
        AND ($2::text IS NULL OR kind = $2) AND opened_at >= $3 AND id IS DISTINCT FROM $4::uuid
    ORDER BY opened_at DESC, id DESC LIMIT 1 FOR UPDATE
)
SELECT (SELECT t.key FROM customer c JOIN tier t ON t.id = c.tier_id WHERE c.id = $1) AS tier_key, joined.*
FROM (SELECT 1) AS one LEFT JOIN joined ON true
"""  # noqa: S608


@dataclass(slots=True)
class Entry:
    """A line of the history that is to be written. ``data`` holds codes and ids; ``note_cipher`` is sealed."""

    id: UUID
    at: datetime
    user_id: UUID | None
    kind: str
    data: dict[str, Any]
    call_id: UUID | None = None
    note_cipher: bytes | None = None


async def lock_ticket(uow: UnitOfWork, ticket_id: UUID, *, skip_locked: bool = False) -> TicketRecord | None:
    """A ticket to be changed, locked until the unit of work ends; None when there is none. With ``skip_locked`` also
    when somebody else is changing it."""
    row = await uow.fetchrow(f"{_SELECT} WHERE id = $1 FOR UPDATE{' SKIP LOCKED' if skip_locked else ''}", ticket_id)
    return None if row is None else _record(row)


async def lock_opened(uow: UnitOfWork, call_id: UUID) -> TicketRecord | None:
    """The ticket that a call opened, locked; also one that was discarded since."""
    row = await uow.fetchrow(f"{_SELECT} WHERE call_id = $1 FOR UPDATE", call_id)
    return None if row is None else _record(row)


def _record(row: Row) -> TicketRecord:
    ticket = TicketRecord(**{name: row[name] for name in _COLUMNS})
    ticket.note_saved()
    return ticket


async def save_ticket(
    uow: UnitOfWork,
    ticket: TicketRecord,
    entries: Iterable[Entry] = (),
    *,
    call_id: UUID | None = None,
    marks: Iterable[str] = (),
) -> bool:
    """Write what changed, a line of the history that tells it, and ``entries``; says whether there was anything.

    Who had the ticket is told that it is theirs no more. ``marks`` are further people who are told; ``call_id`` is the
    call because of which it changed.
    """
    _derive(uow, ticket)
    differences = ticket.differences()
    lines = list(entries)
    if ticket.exists:
        told = {name: plain(list(pair)) for name, pair in differences.items() if name not in _SILENT}
        if told:
            lines.insert(0, new_entry(uow, "changed", told, call_id=call_id))
        if not differences and not lines:
            return False
    else:
        facts = {"source": ticket.source, "kind": ticket.kind, "state": ticket.state}
        lines.insert(0, new_entry(uow, "created", facts, call_id=call_id))
    owners = {ticket.saved.get("assignee_id")} - {ticket.assignee_id, None}
    values = [getattr(ticket, name) for name in _CHANGING]
    if ticket.exists and not differences:
        await uow.execute(_ENTRIES.format(source=""), ticket.id, [_line(line) for line in lines])
    else:
        fixed = () if ticket.exists else (ticket.source, ticket.opened_at, ticket.call_id, ticket.created_by_id)
        ticket.number = await uow.fetchval(
            _UPDATE if ticket.exists else _INSERT, ticket.id, [_line(line) for line in lines], uow.now, *values, *fixed
        )
    fresh = not ticket.exists
    discarded = ticket.state == "discarded" and ticket.saved.get("state") != "discarded"
    if fresh:
        ticket.created_at = uow.now
    elif differences:
        ticket.version += 1
    ticket.note_saved()
    _tell(uow, ticket, "created" if fresh else "discarded" if discarded else "updated", owners, marks, call_id)
    return True


def _derive(uow: UnitOfWork, ticket: TicketRecord) -> None:
    """The columns that follow from others."""
    before = ticket.saved.get("state")
    state = ticket.state
    if state != before:
        ticket.waiting_since = uow.now if state == "waiting" else None
        if state == "resolved" or (state == "closed" and ticket.resolved_at is None):
            ticket.resolved_at = uow.now
        elif state in OPEN or state == "discarded":
            ticket.resolved_at = None
        ticket.closed_at = uow.now if state == "closed" else None
        if state != "discarded":
            ticket.discarded_as = None
        if state not in OPEN and ticket.callback_done_at is None:
            ticket.callback_due = ticket.callback_call_id = None
    running = []
    if state in OPEN and state != "waiting":
        running = [ticket.first_response_due if ticket.first_response_at is None else None, ticket.resolution_due]
    ticket.due_at = min((each for each in running if each is not None), default=None)


def new_entry(
    uow: UnitOfWork,
    kind: str,
    data: Mapping[str, Any],
    *,
    call_id: UUID | None = None,
    at: datetime | None = None,
) -> Entry:
    """A line of the history, to be given to ``save_ticket``; by whoever acts in this unit of work."""
    return Entry(uow.new_id(), at or uow.now, uow.viewer.user_id, kind, plain(dict(data)), call_id)


def _line(entry: Entry) -> dict[str, Any]:
    sealed = None if entry.note_cipher is None else "\\x" + entry.note_cipher.hex()
    line: dict[str, Any] = plain(
        {"id": entry.id, "at": entry.at, "user_id": entry.user_id, "kind": entry.kind, "call_id": entry.call_id}
    )
    return line | {"data": entry.data, "note_cipher": sealed}


def ticket_marks(ticket: TicketRecord, users: Iterable[UUID | None] = ()) -> tuple[str, ...]:
    """Who is told of a ticket: its owner, ``users`` (those of its calls), its queue's team, who sees all, and everybody
    when it is nobody's. A provisional one is its call's: only those whose phones ring are told."""
    marks = {user_mark(user) for user in (ticket.assignee_id, *users) if user is not None}
    if ticket.queue is not None:
        marks.add(queue_mark(ticket.queue))
    if ticket.assignee_id is None and not ticket.provisional and ticket.state != "discarded":
        marks.add(SEES_UNASSIGNED)
    return (*sorted(marks), SEES_ALL)


def _tell(
    uow: UnitOfWork,
    ticket: TicketRecord,
    what: str,
    owners: Iterable[UUID | None],
    marks: Iterable[str],
    call_id: UUID | None,
) -> None:
    data: dict[str, Any] = {"ticket_id": ticket.id, "version": ticket.version}
    if call_id is not None:
        data["call_id"] = call_id
    if lost := {user_mark(user) for user in owners if user is not None} - set(marks):
        # Before the others' event: who sees it for another reason is shown the ticket by that one.
        uow.emit(f"ticket.{what}", sorted(lost), **data, lost=True)
    uow.emit(f"ticket.{what}", (*ticket_marks(ticket), *marks), **data)


async def find_joinable(
    uow: UnitOfWork, customer_id: UUID, kind: str | None, since: datetime | None, but: UUID | None = None
) -> tuple[str | None, TicketRecord | None]:
    """(the customer's tier, the newest open ticket of theirs that a call may join, locked).

    ``kind`` None: of any kind; ``since`` None: none is wanted, only the tier. ``but`` is left out.
    """
    row = await uow.fetchrow(_JOINABLE, customer_id, kind, since, but)
    if row is None:
        return None, None
    return row["tier_key"], _record(row) if row["id"] is not None else None


async def ticket_of_call(uow: UnitOfWork, call_id: UUID) -> tuple[UUID | None, AttachedBy]:
    """The ticket that a call's own row names, also of a call that became part of another; and how it came to it."""
    row = await uow.fetchrow("SELECT ticket_id, ticket_by FROM call WHERE id = $1", call_id)
    return (None, "opened") if row is None else (row["ticket_id"], row["ticket_by"] or "opened")


async def lock_long_resolved(uow: UnitOfWork, before: datetime, *, most: int = 100) -> list[TicketRecord]:
    """Tickets that were resolved before then and nobody objected, locked; not those that somebody is changing."""
    rows = await uow.fetch(
        f"{_SELECT} WHERE state = 'resolved' AND resolved_at < $1 ORDER BY resolved_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        *(before, most),
    )
    return [_record(row) for row in rows]


async def tier_of_customer(uow: UnitOfWork, customer_id: UUID) -> str | None:
    """The tier of a customer who gets a ticket by hand. Raises Invalid for one whom the viewer does not see, Conflict
    for one that was merged into another."""
    bind = Arguments(customer_id)
    row = await uow.fetchrow(
        f"""SELECT t.key, c.merged_into_id FROM customer c LEFT JOIN tier t ON t.id = c.tier_id
            WHERE c.id = $1 AND {all_of(customers_seen(uow.viewer, bind))}""",  # noqa: S608
        *bind.values,
    )
    if row is None:
        raise Invalid("customer_id: there is no such customer.")
    if row["merged_into_id"] is not None:
        raise Conflict("This customer was merged into another one; take that one.")
    tier: str | None = row["key"]
    return tier


async def changes_by_call(uow: UnitOfWork, ticket_id: UUID, call_id: UUID) -> list[dict[str, Any]]:
    """What a call changed on a ticket since it joined it last, the latest first: (before, after) by column."""
    rows = await uow.fetch(
        """SELECT kind, data FROM ticket_entry WHERE ticket_id = $1 AND call_id = $2
           AND kind IN ('changed', 'call', 'call_left') ORDER BY at DESC, id DESC LIMIT 200""",
        ticket_id, call_id,
    )  # fmt: skip
    found: list[dict[str, Any]] = []
    for row in rows:
        if row["kind"] != "changed":
            break
        found.append(row["data"])
    return found


async def write_ticket_line(uow: UnitOfWork, ticket: TicketRecord) -> None:
    """The ticket's line on its customer's timeline: written, moved to another customer, or taken off."""
    if ticket.customer_id is None or ticket.provisional or ticket.state == "discarded":
        await uow.execute("DELETE FROM interaction WHERE ticket_id = $1", ticket.id)
        return
    await uow.execute(
        """INSERT INTO interaction (id, customer_id, kind, ticket_id, user_id, at, data)
           VALUES ($1, $2, 'ticket', $3, $4, $5, '{}')
           ON CONFLICT (ticket_id) DO UPDATE SET customer_id = excluded.customer_id, user_id = excluded.user_id""",
        uow.new_id(), ticket.customer_id, ticket.id, ticket.created_by_id or ticket.assignee_id, ticket.opened_at,
    )  # fmt: skip
