"""Taking messages that are due out of their queue, the try of each noted in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.conversations.states import Channel
from hotline.crm.commands.conversations.deliveries import lock_deliveries, save_deliveries
from hotline.crm.database import Row
from hotline.crm.keys import Keyring, Wrapped, WrongKey
from hotline.crm.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Opened:
    """What a message says, opened to be sent."""

    address: str = field(repr=False)
    subject: str = field(repr=False)
    body: str = field(repr=False)
    html: str | None = field(repr=False)
    variables: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that was taken to be sent. ``reasons`` say why its address gets nothing; ``opened`` is None when its
    key is destroyed."""

    id: UUID
    conversation_id: UUID
    channel: Channel
    kind: str
    attempt: int
    at: datetime
    template: str | None
    in_reply_to: UUID | None
    user_id: UUID | None
    sender_id: UUID | None
    sender: str
    account_sid: str | None
    service_sid: str | None
    customer_id: UUID | None
    language: str | None
    last_in_at: datetime | None
    segments: int | None
    reasons: frozenset[str]
    files: tuple[UUID, ...]
    opened: Opened | None = field(repr=False)


#: Answers that are their addressee's right, by their names.
RIGHTS: Final = ("auto:stop", "auto:help", "auto:start")

# The messages of one conversation, and of the one that it goes on from, leave one after the other: one that is on its
# way, or waits, comes first, also while it waits for another try. Only the answer to STOP and its like waits for none
# that waits. What a paused sender would send stays where it is.
_TAKE: Final = """
WITH due AS (
    SELECT m.id FROM message m JOIN conversation v ON v.id = m.conversation_id
    WHERE m.state = 'queued' AND m.send_at <= $1 AND v.channel = ANY($2::text[])
      AND NOT EXISTS (SELECT 1 FROM outbound_stop WHERE stopped_at IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM sender_pause p WHERE p.sender_id = v.sender_id
                      AND (p.until IS NULL OR p.until > $1))
      AND NOT EXISTS (SELECT 1 FROM message e WHERE e.conversation_id IN (m.conversation_id, v.follows_id)
                      AND e.id <> m.id
                      AND ((e.state = 'sending' AND e.leased_until > $1)
                           OR (e.state = 'queued' AND (e.at, e.id) < (m.at, m.id)
                               AND COALESCE(m.template, '') <> ALL($6::text[]))))
    ORDER BY m.send_at, m.id LIMIT $3 FOR UPDATE OF m SKIP LOCKED
), taken AS (
    UPDATE message m SET state = 'sending', attempts = m.attempts + 1, leased_until = $4
    FROM due WHERE m.id = due.id RETURNING m.*
), tries AS (
    INSERT INTO message_attempt (message_id, attempt, node, started_at)
    SELECT id, attempts, $5, $1 FROM taken
)
SELECT t.id, t.conversation_id, t.kind, t.attempts, t.at, t.template, t.in_reply_to, t.user_id, t.segments,
    t.body_cipher, t.html_cipher, t.sealed, v.channel, v.sender_id, v.customer_id, v.language, v.last_in_at,
    v.address_cipher, v.subject_cipher, s.address AS sender, s.account_sid, s.service_sid, k.id AS key_id,
    k.wrapped, k.master,
    ARRAY(SELECT x.reason FROM suppression x WHERE x.channel = v.channel AND x.address_index = v.address_index
          AND x.lifted_at IS NULL AND x.purpose = 'all') AS reasons,
    ARRAY(SELECT f.id FROM message_file f WHERE f.message_id = t.id AND f.state = 'kept' ORDER BY f.position) AS files
FROM taken t JOIN conversation v ON v.id = t.conversation_id
LEFT JOIN sender s ON s.id = v.sender_id
LEFT JOIN personal_key k ON k.id = v.key_id
ORDER BY t.send_at, t.id
"""


async def take_due(
    uow: UnitOfWork, channels: Sequence[str], leased_until: datetime, node: str, most: int
) -> list[Taken]:
    """Take messages of these channels that are due, the longest waiting first: they are ``sending`` from now on."""
    rows = await uow.fetch(_TAKE, uow.now, list(channels), most, leased_until, node, list(RIGHTS))
    return [_taken(uow.keyring, row) for row in rows]


def _taken(keyring: Keyring, row: Row) -> Taken:
    return Taken(
        id=row["id"], conversation_id=row["conversation_id"], channel=row["channel"], kind=row["kind"],
        attempt=row["attempts"], at=row["at"], template=row["template"], in_reply_to=row["in_reply_to"],
        user_id=row["user_id"], sender_id=row["sender_id"], sender=row["sender"] or "",
        account_sid=row["account_sid"], service_sid=row["service_sid"], customer_id=row["customer_id"],
        language=row["language"], last_in_at=row["last_in_at"], segments=row["segments"],
        reasons=frozenset(row["reasons"]), files=tuple(row["files"]), opened=_opened(keyring, row),
    )  # fmt: skip


def _opened(keyring: Keyring, row: Row) -> Opened | None:
    if row["wrapped"] is None or row["address_cipher"] is None:
        return None
    key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))

    def text(table: str, column: str, row_id: UUID) -> str:
        cipher = row[column]
        return "" if cipher is None else keyring.decrypt(key, table, column, row_id, cipher)

    try:
        sealed = text("message", "sealed", row["id"])
        variables = json.loads(sealed).get("variables", {}) if sealed else {}
        return Opened(
            address=text("conversation", "address_cipher", row["conversation_id"]),
            subject=text("conversation", "subject_cipher", row["conversation_id"]),
            body=text("message", "body_cipher", row["id"]),
            html=text("message", "html_cipher", row["id"]) or None,
            variables={str(name): str(value) for name, value in variables.items()},
        )
    except WrongKey:
        return None


async def suppress_taken(uow: UnitOfWork, message_ids: Sequence[UUID]) -> None:
    """Messages that were taken and whose addressee wants nothing any more, or is erased: they do not leave."""
    if not message_ids:
        return
    records = await lock_deliveries(uow, message_ids)
    for record in records:
        record.outcome = "suppressed"
        record.set(state="suppressed", leased_until=None)
    await save_deliveries(uow, records)


async def mark_lost(uow: UnitOfWork, before: datetime, *, most: int = 200) -> int:
    """Messages that are being sent and that nobody waits for any more become ``unknown``; how many. One that went in
    the answer to a webhook has no lease: it had until ``before``."""
    ids = await uow.fetch(
        """SELECT id FROM message WHERE state = 'sending' AND provider_id IS NULL
             AND COALESCE(leased_until, at + ($2::timestamptz - $1::timestamptz)) < $2
           ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED""",
        *(before, uow.now, most),
    )
    records = await lock_deliveries(uow, [row["id"] for row in ids])
    for record in records:
        record.outcome = "unknown"
        record.set(state="unknown", leased_until=None)
    return await save_deliveries(uow, records)


async def doubt_waiting(uow: UnitOfWork, *, most: int = 500) -> int:
    """Messages that waited to leave when a backup was made have most likely left since, and nobody knows which: they
    become ``unknown``, so that none is sent twice; how many, at most so many at a time."""
    ids = await uow.fetch(
        """SELECT id FROM message WHERE state IN ('queued', 'sending') AND provider_id IS NULL
           ORDER BY id LIMIT $1 FOR UPDATE""",
        most,
    )
    records = await lock_deliveries(uow, [row["id"] for row in ids])
    for record in records:
        record.outcome = "unknown"
        record.set(state="unknown", leased_until=None)
    return await save_deliveries(uow, records)
