"""Writes of conversations. One is loaded and locked, changed in memory and saved as a whole, with its line on the
customer's timeline; what was written in it is in ``commands.conversations.messages``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from hotline.conversations.states import Channel, State
from hotline.crm.database import Row
from hotline.crm.keys import PersonalKey
from hotline.crm.personal_keys import create_personal_key, load_personal_key
from hotline.crm.records import ComparedRecord
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Conflict, NotFound
from hotline.events import permission_mark, queue_mark, user_mark

#: Who sees conversations that somebody has, and those that nobody has.
SEES_ALL: Final = permission_mark("conversations.read_all")
SEES_UNASSIGNED: Final = permission_mark("conversations.read")


_CHANGING: Final = (
    "state", "sender_id", "customer_id", "candidate_ids", "address_index", "address_cipher", "name_cipher", "country",
    "language", "subject_cipher", "assignee_id", "claimed_at", "queue", "ticket_id", "follows_id", "created_by_id",
    "last_in_at", "last_out_at", "last_at", "unanswered_since", "auto_answered_at", "waiting_until", "closed_at",
)  # fmt: skip


@dataclass(slots=True)
class ConversationRecord(ComparedRecord):
    """A conversation's row, its texts sealed under ``key_id``, a key of its own. ``saved`` are the values in the
    database; ``also`` are further users who see it: who has its ticket, who is responsible for its customer; the team
    of ``ticket_queue`` sees it, too."""

    CHANGING: ClassVar = _CHANGING

    id: UUID
    channel: Channel
    key_id: UUID
    last_at: datetime
    state: State = "open"
    sender_id: UUID | None = None
    customer_id: UUID | None = None
    candidate_ids: list[UUID] = field(default_factory=list)
    address_index: bytes | None = None
    address_cipher: bytes | None = None
    name_cipher: bytes | None = None
    country: str | None = None
    language: str | None = None
    subject_cipher: bytes | None = None
    assignee_id: UUID | None = None
    claimed_at: datetime | None = None
    queue: str | None = None
    ticket_id: UUID | None = None
    follows_id: UUID | None = None
    created_by_id: UUID | None = None
    last_in_at: datetime | None = None
    last_out_at: datetime | None = None
    unanswered_since: datetime | None = None
    auto_answered_at: datetime | None = None
    waiting_until: datetime | None = None
    closed_at: datetime | None = None
    number: int = 0
    version: int = 1
    also: tuple[UUID, ...] = ()
    ticket_queue: str | None = None
    saved: dict[str, Any] = field(default_factory=dict)


_FIXED: Final = ("channel", "key_id")
_COLUMNS: Final = ("id", *_FIXED, *_CHANGING, "number", "version")
#: Who sees a conversation beside its owner and its queue: by its ticket and by its customer.
ALSO: Final = """
ARRAY(SELECT t.assignee_id FROM ticket t WHERE t.id = v.ticket_id AND t.assignee_id IS NOT NULL
      UNION SELECT c.responsible_id FROM customer c
            WHERE c.id = v.customer_id AND c.responsible_id IS NOT NULL) AS also,
(SELECT t.queue FROM ticket t WHERE t.id = v.ticket_id) AS ticket_queue
"""
_SELECT: Final = f"SELECT {', '.join(f'v.{name}' for name in _COLUMNS)}, {ALSO} FROM conversation v"  # noqa: S608
_PLACES: Final = tuple(f"${n}" for n in range(3, 3 + len(_CHANGING)))
_INSERT: Final = f"""
INSERT INTO conversation (id, {", ".join(_CHANGING)}, {", ".join(_FIXED)}, created_at, updated_at)
VALUES ($1, {", ".join(_PLACES)}, ${3 + len(_CHANGING)}, ${4 + len(_CHANGING)}, $2, $2) RETURNING number
"""  # noqa: S608
_UPDATE: Final = f"""
UPDATE conversation SET {", ".join(f"{name} = {place}" for name, place in zip(_CHANGING, _PLACES, strict=True))},
    version = version + 1, updated_at = $2
WHERE id = $1 RETURNING number
"""  # noqa: S608
_LINE: Final = """
INSERT INTO interaction (id, customer_id, kind, ticket_id, user_id, direction, at, data)
VALUES ($1, $2, 'conversation', NULL, $3, $4, $5, '{}')
ON CONFLICT (id) DO UPDATE SET customer_id = excluded.customer_id, user_id = excluded.user_id, at = excluded.at
"""
# What one address and one sender write each other takes turns, so that two messages that come at once never open two
# conversations: there is no row yet that they could both wait for.
_TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended(encode($1::bytea, 'hex') || $2, 17))"


async def take_turn(uow: UnitOfWork, address_index: bytes, channel: Channel) -> None:
    """Wait until nobody else receives from, or writes first to, this address, until the unit of work ends."""
    await uow.execute(_TURN, address_index, channel)


async def lock_conversation(
    uow: UnitOfWork, conversation_id: UUID, expected_version: int | None = None
) -> ConversationRecord:
    """A conversation to be changed, locked until the unit of work ends. Whether the viewer sees it, the caller has
    asked. Raises NotFound, and Conflict when it is another version by now."""
    row = await uow.fetchrow(f"{_SELECT} WHERE v.id = $1 FOR UPDATE OF v", conversation_id)
    if row is None:
        raise NotFound("There is no such conversation.")
    if expected_version is not None and row["version"] != expected_version:
        raise Conflict("Somebody else changed this conversation meanwhile.")
    return _record(row)


async def find_open(
    uow: UnitOfWork, address_index: bytes, channel: Channel, sender_id: UUID | None
) -> ConversationRecord | None:
    """The newest conversation of an address with one of the company's senders that is not closed, locked."""
    row = await uow.fetchrow(
        f"""{_SELECT} WHERE v.address_index = $1 AND v.channel = $2 AND v.sender_id IS NOT DISTINCT FROM $3
            AND v.state <> 'closed' ORDER BY v.last_at DESC, v.id DESC LIMIT 1 FOR UPDATE OF v""",
        *(address_index, channel, sender_id),
    )
    return None if row is None else _record(row)


async def find_last(
    uow: UnitOfWork, address_index: bytes, channel: Channel, sender_id: UUID | None
) -> ConversationRecord | None:
    """The newest conversation of an address with one of the company's senders, closed or not; not locked."""
    row = await uow.fetchrow(
        f"""{_SELECT} WHERE v.address_index = $1 AND v.channel = $2 AND v.sender_id IS NOT DISTINCT FROM $3
            ORDER BY v.last_at DESC, v.id DESC LIMIT 1""",
        *(address_index, channel, sender_id),
    )
    return None if row is None else _record(row)


async def lock_idle(uow: UnitOfWork, before: datetime, *, most: int) -> list[ConversationRecord]:
    """Conversations that are answered and silent since then, locked; not those that somebody is changing."""
    rows = await uow.fetch(
        f"""{_SELECT} WHERE v.state = 'open' AND v.unanswered_since IS NULL AND v.last_at < $1
            ORDER BY v.last_at LIMIT $2 FOR UPDATE OF v SKIP LOCKED""",
        *(before, most),
    )
    return [_record(row) for row in rows]


def _record(row: Row) -> ConversationRecord:
    found = ConversationRecord(**{name: row[name] for name in _COLUMNS})
    found.also, found.ticket_queue = tuple(row["also"]), row["ticket_queue"]
    found.candidate_ids = list(found.candidate_ids)
    found.note_saved()
    return found


async def new_conversation(
    uow: UnitOfWork,
    channel: Channel,
    address: str,
    *,
    address_index: bytes,
    sender_id: UUID | None,
    country: str | None = None,
    conversation_id: UUID | None = None,
) -> tuple[ConversationRecord, PersonalKey]:
    """A conversation that is not saved yet, under a fresh key of its own."""
    key = await create_personal_key(uow)
    new = ConversationRecord(
        id=conversation_id or uow.new_id(),
        channel=channel,
        key_id=key.id,
        last_at=uow.now,
        sender_id=sender_id,
        address_index=address_index,
        country=country,
    )
    new.address_cipher = seal(uow, key, new, "address_cipher", address)
    return new, key


async def key_of(uow: UnitOfWork, conversation: ConversationRecord) -> PersonalKey:
    """The key of a conversation. Raises Conflict when it was destroyed: its customer was erased."""
    key = await load_personal_key(uow, uow.keyring, conversation.key_id)
    if key is None:
        raise Conflict("This customer was erased, and what they wrote.")
    return key


def seal(uow: UnitOfWork, key: PersonalKey, conversation: ConversationRecord, column: str, text: str) -> bytes:
    """A text of a conversation, sealed for its column."""
    return uow.keyring.encrypt(key, "conversation", column, conversation.id, text)


def unseal(uow: UnitOfWork, key: PersonalKey, conversation: ConversationRecord, column: str) -> str:
    """A text of a conversation; empty where there is none."""
    sealed: bytes | None = getattr(conversation, column)
    return "" if sealed is None else uow.keyring.decrypt(key, "conversation", column, conversation.id, sealed)


async def save_conversation(uow: UnitOfWork, conversation: ConversationRecord, marks: Iterable[str] = ()) -> bool:
    """Write what changed, its line on the timeline, and the event that tells it; says whether there was anything.

    Who had it and sees it no more is told so. ``marks`` are further people who are told.
    """
    if conversation.state == "closed":
        conversation.set(closed_at=conversation.closed_at or uow.now, unanswered_since=None, waiting_until=None)
    else:
        conversation.set(closed_at=None)
        if conversation.state != "waiting":
            conversation.set(waiting_until=None)
    differences = conversation.differences()
    if conversation.exists and not differences:
        return False
    fresh = not conversation.exists
    values = [getattr(conversation, name) for name in _CHANGING]
    if fresh:
        conversation.number = await uow.fetchval(
            _INSERT, conversation.id, uow.now, *values, conversation.channel, conversation.key_id
        )
    else:
        await uow.fetchval(_UPDATE, conversation.id, uow.now, *values)
        conversation.version += 1
    if fresh or {"ticket_id", "customer_id"} & differences.keys():
        row = await uow.fetchrow(f"SELECT {ALSO} FROM conversation v WHERE v.id = $1", conversation.id)  # noqa: S608
        if row is not None:
            conversation.also, conversation.ticket_queue = tuple(row["also"]), row["ticket_queue"]
    if fresh or {"customer_id", "last_at", "assignee_id"} & differences.keys():
        await _write_line(uow, conversation)
    owner = conversation.saved.get("assignee_id")
    conversation.note_saved()
    _tell(uow, conversation, fresh, owner, marks)
    return True


async def release_of(uow: UnitOfWork, user_id: UUID) -> int:
    """Give up every open conversation of somebody who leaves, so that anybody may take it; how many."""
    rows = await uow.fetch(
        """UPDATE conversation SET assignee_id = NULL, claimed_at = NULL, version = version + 1, updated_at = $2
           WHERE assignee_id = $1 AND state <> 'closed' RETURNING id, version""",
        *(user_id, uow.now),
    )
    for row in rows:
        uow.emit("conversation.updated", (SEES_UNASSIGNED, SEES_ALL), conversation_id=row["id"], version=row["version"])
    if rows:
        uow.audit("conversation:released", user_id, count=len(rows))
    return len(rows)


async def _write_line(uow: UnitOfWork, conversation: ConversationRecord) -> None:
    if conversation.customer_id is None:
        await uow.execute("DELETE FROM interaction WHERE id = $1 AND kind = 'conversation'", conversation.id)
        return
    direction = "out" if conversation.created_by_id is not None else "in"
    await uow.execute(
        _LINE, conversation.id, conversation.customer_id, conversation.assignee_id, direction, conversation.last_at
    )


def conversation_marks(conversation: ConversationRecord) -> tuple[str, ...]:
    """Who is told of a conversation: who has it, began it, has its ticket or its customer; its queue's team; who sees
    all; and everybody when it is nobody's."""
    users = (conversation.assignee_id, conversation.created_by_id, *conversation.also)
    marks = {user_mark(user) for user in users if user is not None}
    marks |= {queue_mark(queue) for queue in (conversation.queue, conversation.ticket_queue) if queue is not None}
    if conversation.assignee_id is None:
        marks.add(SEES_UNASSIGNED)
    return (*sorted(marks), SEES_ALL)


def _tell(
    uow: UnitOfWork, conversation: ConversationRecord, fresh: bool, owner: UUID | None, marks: Iterable[str]
) -> None:
    data: dict[str, Any] = {"conversation_id": conversation.id, "version": conversation.version}
    told = conversation_marks(conversation)
    if owner is not None and owner != conversation.assignee_id and user_mark(owner) not in told:
        # Before the others' event: who sees it for another reason is shown the conversation by that one.
        uow.emit("conversation.updated", [user_mark(owner)], **data, lost=True)
    uow.emit(f"conversation.{'created' if fresh else 'updated'}", (*told, *marks), **data)
