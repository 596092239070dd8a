"""Messages on their way out: taken to be sent, and what becomes of each noted. In batches, each by one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.conversations.delivery import Delivery
from hotline.conversations.states import Channel
from hotline.crm.commands.conversations.conversations import ALSO, ConversationRecord
from hotline.crm.commands.conversations.messages import tell_message
from hotline.crm.database import Row
from hotline.crm.records import MarkedRecord
from hotline.crm.unit_of_work import UnitOfWork, plain
from hotline.events import permission_mark


@dataclass(slots=True)
class DeliveryRecord(MarkedRecord):
    """A message that leaves, its row locked. ``outcome`` is what came of the try that runs, by a word; ``conversation``
    has only what says who is told of it."""

    id: UUID
    conversation: ConversationRecord = field(repr=False)
    kind: str
    state: Delivery
    at: datetime
    attempts: int
    provider_account: str | None
    provider_id: str | None
    error_code: str | None
    segments: int | None
    send_at: datetime | None
    leased_until: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    outcome: str | None = None
    changed: bool = False

    @property
    def channel(self) -> Channel:
        """The channel that it leaves by."""
        return self.conversation.channel

    @property
    def sender_id(self) -> UUID | None:
        """The company's number or address that it leaves from."""
        return self.conversation.sender_id

    @property
    def address_index(self) -> bytes | None:
        """The keyed index of where it goes."""
        return self.conversation.address_index


_CHANGING: Final = {
    "state": "text",
    "provider_account": "text",
    "provider_id": "text",
    "error_code": "text",
    "segments": "smallint",
    "send_at": "timestamptz",
    "leased_until": "timestamptz",
    "sent_at": "timestamptz",
    "delivered_at": "timestamptz",
    "read_at": "timestamptz",
}
_OF_CONVERSATION: Final = (
    "channel", "key_id", "sender_id", "customer_id", "address_index", "assignee_id", "created_by_id", "queue",
    "ticket_id", "version",
)  # fmt: skip
_SELECT: Final = f"""
SELECT m.id, m.conversation_id, m.kind, m.at, m.attempts, {", ".join(f"m.{name}" for name in _CHANGING)},
    {", ".join(f"v.{name}" for name in _OF_CONVERSATION)}, {ALSO}
FROM message m JOIN conversation v ON v.id = m.conversation_id
"""  # noqa: S608
_TYPED: Final = ", ".join(f"{name} {kind}" for name, kind in _CHANGING.items())
_UPDATE: Final = f"""
WITH told AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS t (id uuid, attempt smallint, outcome text, {_TYPED})
), tries AS (
    UPDATE message_attempt a SET ended_at = $2, outcome = told.outcome, error_code = told.error_code
    FROM told WHERE told.outcome IS NOT NULL AND a.message_id = told.id AND a.attempt = told.attempt
)
UPDATE message m SET {", ".join(f"{name} = told.{name}" for name in _CHANGING)} FROM told WHERE m.id = told.id
"""  # noqa: S608
# What most tries come to, in one go; what a callback was faster to tell of is left to be looked at. Locked in the order
# of the ids, too.
_ACCEPT: Final = f"""
WITH told AS (
    SELECT * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::smallint[])
        AS t (id, state, provider_account, provider_id, segments)
), locked AS (
    -- Not "provider_id IS NULL": its index would be walked through all that has none.
    SELECT id FROM message WHERE id = ANY($2) AND state = 'sending' AND COALESCE(provider_id, '') = ''
        AND direction = 'out' ORDER BY id FOR UPDATE
), taken AS (
    UPDATE message m SET state = told.state, provider_account = told.provider_account, provider_id = told.provider_id,
        segments = COALESCE(told.segments, m.segments), leased_until = NULL, error_code = NULL,
        sent_at = CASE WHEN told.state = 'sent' THEN COALESCE(m.sent_at, $1) ELSE m.sent_at END
    FROM locked JOIN told ON locked.id = told.id WHERE m.id = locked.id
    RETURNING m.id, m.conversation_id, m.kind, m.at, m.attempts, m.state
), tries AS (
    UPDATE message_attempt a SET ended_at = $1, outcome = 'accepted', error_code = NULL
    FROM taken WHERE a.message_id = taken.id AND a.attempt = taken.attempts
)
SELECT m.id, m.conversation_id, m.kind, m.at, m.state, {", ".join(f"v.{name}" for name in _OF_CONVERSATION)}, {ALSO}
FROM taken m JOIN conversation v ON v.id = m.conversation_id
"""  # noqa: S608
#: Those who may set the house up are told when a sender may send no more.
_ADMINISTRATORS: Final = (permission_mark("settings.write"), permission_mark("conversations.read"))


async def lock_deliveries(uow: UnitOfWork, message_ids: Sequence[UUID]) -> list[DeliveryRecord]:
    """Messages out, locked, in the order of their ids: two who lock several never wait for each other in a circle."""
    rows = await uow.fetch(
        f"""{_SELECT} WHERE m.id = ANY($1::uuid[]) AND m.direction = 'out' AND m.state IS NOT NULL
            ORDER BY m.id FOR UPDATE OF m""",
        list(message_ids),
    )
    return [_record(row) for row in rows]


async def find_delivery(uow: UnitOfWork, account: str | None, provider_id: str) -> UUID | None:
    """The message out that a provider has under this id."""
    found: UUID | None = await uow.fetchval(
        """SELECT id FROM message WHERE provider_account IS NOT DISTINCT FROM $1 AND provider_id = $2
           AND direction = 'out'""",
        *(account, provider_id),
    )
    return found


async def may_tell(uow: UnitOfWork, sender_id: UUID | None, account: str | None) -> bool:
    """Whether a provider's account may tell of what leaves by a sender: not when the sender is another account's."""
    owner = await uow.fetchval("SELECT account_sid FROM sender WHERE id = $1", sender_id)
    return owner is None or owner == account


async def accept_deliveries(
    uow: UnitOfWork, accepted: Sequence[tuple[UUID, Delivery, str | None, str, int | None]]
) -> dict[UUID, Channel]:
    """Note that providers took messages that were being sent: of each its id, ``sending`` or ``sent``, the provider's
    account, its id there and its segments. Answers those that were noted, with their channels; of the others
    something was told already."""
    rows = await uow.fetch(_ACCEPT, uow.now, *map(list, zip(*accepted, strict=True))) if accepted else ()
    for row in rows:
        tell_message(uow, _conversation(row), row["id"], "updated", row["kind"], row["state"])
    return {row["id"]: row["channel"] for row in rows}


def _conversation(row: Row) -> ConversationRecord:
    conversation = ConversationRecord(
        id=row["conversation_id"], last_at=row["at"], **{name: row[name] for name in _OF_CONVERSATION}
    )
    conversation.also, conversation.ticket_queue = tuple(row["also"]), row["ticket_queue"]
    return conversation


def _record(row: Row) -> DeliveryRecord:
    return DeliveryRecord(
        id=row["id"], conversation=_conversation(row), kind=row["kind"], at=row["at"], attempts=row["attempts"],
        **{name: row[name] for name in _CHANGING},
    )  # fmt: skip


async def save_deliveries(uow: UnitOfWork, records: Sequence[DeliveryRecord]) -> int:
    """Write those that changed, and tell of them; how many."""
    changed = [each for each in records if each.changed or each.outcome is not None]
    if not changed:
        return 0
    lines = [
        {"id": str(each.id), "attempt": each.attempts, "outcome": each.outcome}
        | {name: plain(getattr(each, name)) for name in _CHANGING}
        for each in changed
    ]
    await uow.execute(_UPDATE, lines, uow.now)
    for each in changed:
        if each.changed:
            tell_message(uow, each.conversation, each.id, "updated", each.kind, each.state)
        each.changed, each.outcome = False, None
    return len(changed)


async def pause_sender(uow: UnitOfWork, sender_id: UUID, code: str, until: datetime | None) -> bool:
    """Let nothing leave through a sender until then; None: until a person lets it go on. Says whether it went on until
    now."""
    paused = await uow.fetchval(
        """INSERT INTO sender_pause AS p (sender_id, code, at, until) VALUES ($1, $2, $3, $4)
           ON CONFLICT (sender_id) DO UPDATE SET code = excluded.code, at = excluded.at, until = excluded.until
           WHERE p.until <= excluded.at RETURNING true""",
        *(sender_id, code[:32], uow.now, until),
    )
    if paused:
        uow.audit("sender:paused", sender_id, code=code, until=until)
        uow.emit("twilio.changed", _ADMINISTRATORS, sender_id=sender_id)
    return bool(paused)


async def resume_sender(uow: UnitOfWork, sender_id: UUID) -> bool:
    """Let messages leave through a sender again, now; says whether it was paused."""
    gone = await uow.fetchval("DELETE FROM sender_pause WHERE sender_id = $1 RETURNING true", sender_id)
    if gone:
        await uow.execute(
            """UPDATE message m SET send_at = $2 FROM conversation v
               WHERE v.id = m.conversation_id AND v.sender_id = $1 AND m.state = 'queued' AND m.send_at > $2""",
            *(sender_id, uow.now),
        )
        uow.audit("sender:resumed", sender_id)
        uow.emit("twilio.changed", _ADMINISTRATORS, sender_id=sender_id)
    return bool(gone)
