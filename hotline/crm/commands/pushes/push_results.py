"""What became of deliveries, noted in batches; states go forward only (``hotline.conversations.delivery``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.conversations.delivery import Delivery
from hotline.crm.database import Database, Row
from hotline.crm.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Noted:
    """What came of one try. ``state`` ``queued``: it is tried again at ``due_at``, which is now where it is None."""

    id: UUID
    attempt: int
    started_at: datetime
    outcome: str
    state: Delivery
    error_code: str | None = None
    reason: str | None = None
    provider_id: str | None = None
    account_sid: str | None = None
    segments: int | None = None
    due_at: datetime | None = None


# A callback may have been faster than the answer to the request itself: what it told stays.
_NOTE: Final = """
WITH told AS (
    SELECT * FROM unnest($2::uuid[], $3::smallint[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::text[], $11::smallint[], $12::timestamptz[])
        AS t (id, attempt, started_at, outcome, state, error_code, reason, provider_id, account_sid, segments, due_at)
), tries AS (
    UPDATE delivery_attempt a SET ended_at = $1, outcome = t.outcome, error_code = t.error_code FROM told t
    WHERE a.delivery_id = t.id AND a.attempt = t.attempt AND a.started_at = t.started_at
)
UPDATE delivery d SET
    state = CASE WHEN d.state IN ('sending', 'unknown') THEN t.state ELSE d.state END,
    error_code = CASE WHEN d.state IN ('sending', 'unknown') THEN t.error_code ELSE d.error_code END,
    reason = CASE WHEN d.state IN ('sending', 'unknown') THEN t.reason ELSE d.reason END,
    due_at = CASE WHEN d.state IN ('sending', 'unknown') THEN COALESCE(t.due_at, d.due_at) ELSE d.due_at END,
    provider_id = COALESCE(d.provider_id, t.provider_id), account_sid = COALESCE(d.account_sid, t.account_sid),
    segments = COALESCE(t.segments, d.segments),
    sent_at = CASE WHEN t.state IN ('sent', 'delivered') THEN COALESCE(d.sent_at, $1) ELSE d.sent_at END,
    delivered_at = CASE WHEN t.state = 'delivered' THEN COALESCE(d.delivered_at, $1) ELSE d.delivered_at END,
    lease = NULL, leased_by = NULL, leased_until = NULL, updated_at = $1
FROM told t WHERE d.id = t.id AND d.attempts = t.attempt
"""


async def note(db: Database | UnitOfWork, results: Sequence[Noted], now: datetime) -> None:
    """Note what came of tries, by one statement. Those of which something newer is known stay as they are."""
    if not results:
        return
    ordered = sorted(results, key=lambda each: each.id)
    await db.execute(
        _NOTE, now, [each.id for each in ordered], [each.attempt for each in ordered],
        [each.started_at for each in ordered], [each.outcome for each in ordered], [each.state for each in ordered],
        [each.error_code for each in ordered], [each.reason for each in ordered],
        [each.provider_id for each in ordered], [each.account_sid for each in ordered],
        [each.segments for each in ordered], [each.due_at for each in ordered],
    )  # fmt: skip


async def note_withheld(uow: UnitOfWork, withheld: Sequence[tuple[UUID, UUID]]) -> None:
    """Deliveries that this process took, and perhaps began, and surely did not hand over: they wait again, and whoever
    takes them next decides anew. Each with the lease of its claim: what was claimed anew meanwhile, by whomever, may be
    on its way, and is theirs."""
    if not withheld:
        return
    await uow.execute(
        """WITH back AS (
               SELECT d.id, d.attempts, d.state FROM unnest($2::uuid[], $3::uuid[]) AS mine (id, lease)
               JOIN delivery d ON d.id = mine.id AND d.lease = mine.lease
               WHERE d.state IN ('queued', 'sending', 'unknown') ORDER BY d.id FOR UPDATE OF d
           ), tries AS (
               UPDATE delivery_attempt a SET ended_at = $1, outcome = 'withheld' FROM back
               WHERE a.delivery_id = back.id AND a.attempt = back.attempts AND back.state <> 'queued'
                 AND (a.outcome IS NULL OR a.outcome = 'unknown')
           )
           UPDATE delivery d SET state = 'queued', lease = NULL, leased_by = NULL, leased_until = NULL, updated_at = $1
           FROM back WHERE d.id = back.id""",
        uow.now, [delivery_id for delivery_id, _ in withheld], [lease for _, lease in withheld],
    )  # fmt: skip


async def doubt_due(uow: UnitOfWork, *, most: int = 5_000) -> int:
    """Deliveries that were due when a backup was made have most likely left since: they become ``unknown``, so that
    none is sent twice; how many, at most so many at a time."""
    told = await uow.execute(
        """UPDATE delivery SET state = 'unknown', lease = NULL, leased_by = NULL, leased_until = NULL, updated_at = $1
           WHERE id IN (SELECT id FROM delivery WHERE provider_id IS NULL
                          AND (state = 'sending' OR state = 'queued' AND due_at <= $1)
                        ORDER BY id LIMIT $2 FOR UPDATE)""",
        *(uow.now, most),
    )
    return int(told.rpartition(" ")[2])


# What providers tell later: one delivery at a time


@dataclass(slots=True)
class DeliveryRow:
    """One delivery, locked. ``address_index`` is the keyed index of where it went, while the customer has it."""

    id: UUID
    campaign_id: UUID
    customer_id: UUID
    channel: str
    state: Delivery
    attempts: int
    sender_id: UUID | None
    provider_id: str | None
    account_sid: str | None
    due_at: datetime
    expires_at: datetime | None
    released_at: datetime
    sent_at: datetime | None
    address_index: bytes | None = field(repr=False)


_ROW: Final = """
SELECT d.id, d.campaign_id, d.customer_id, d.channel, d.state, d.attempts, d.sender_id, d.provider_id, d.account_sid,
    d.due_at, d.expires_at, d.released_at, d.sent_at, p.value_index AS address_index
FROM delivery d LEFT JOIN contact_point p ON p.id = d.contact_point_id
"""


async def lock(uow: UnitOfWork, delivery_id: UUID) -> DeliveryRow | None:
    """One delivery, locked; None for no such one."""
    row = await uow.fetchrow(f"{_ROW} WHERE d.id = $1 FOR UPDATE OF d", delivery_id)
    return None if row is None else _row(row)


async def find(uow: UnitOfWork, account_sid: str, provider_id: str) -> UUID | None:
    """The delivery that a provider has under this id."""
    found: UUID | None = await uow.fetchval(
        "SELECT id FROM delivery WHERE account_sid = $1 AND provider_id = $2 LIMIT 1", account_sid, provider_id
    )
    return found


async def addresses_of(uow: UnitOfWork, delivery_ids: Sequence[UUID]) -> dict[UUID, DeliveryRow]:
    """Deliveries as they are, with where they went."""
    rows = await uow.fetch(f"{_ROW} WHERE d.id = ANY($1::uuid[])", list(delivery_ids))
    return {row["id"]: _row(row) for row in rows}


def _row(row: Row) -> DeliveryRow:
    return DeliveryRow(**{name: row[name] for name in DeliveryRow.__slots__})


_COLUMNS: Final = {
    "state": "text", "due_at": "timestamptz", "expires_at": "timestamptz", "provider_id": "text",
    "account_sid": "text", "error_code": "text",
    "reason": "text", "segments": "smallint", "sent_at": "timestamptz", "delivered_at": "timestamptz",
    "read_at": "timestamptz", "cost_minor": "bigint", "cost_currency": "text", "lease": "uuid",
    "leased_by": "text", "leased_until": "timestamptz",
}  # fmt: skip


async def change(uow: UnitOfWork, delivery_id: UUID, **columns: Any) -> None:
    """Change columns of one delivery."""
    unknown = columns.keys() - _COLUMNS.keys()
    if unknown:
        raise ValueError(f"no such columns: {', '.join(sorted(unknown))}")
    sets = ", ".join(f"{name} = ${at}::{_COLUMNS[name]}" for at, name in enumerate(columns, 3))
    await uow.execute(
        f"UPDATE delivery SET {sets}{', ' if sets else ''}updated_at = $2 WHERE id = $1",  # noqa: S608
        delivery_id,
        uow.now,
        *columns.values(),
    )
