"""Who gets nothing over a channel: found by the address's keyed index, whoever has it."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, get_args
from uuid import UUID

from hotline.conversations.states import Channel
from hotline.crm.database import Reader
from hotline.crm.unit_of_work import UnitOfWork

Reason = Literal["opt_out", "invalid", "bounce", "complaint", "agent"]
#: Who said so: the customer by a message or a call, the provider when something was sent, a person, a file.
Source = Literal["message", "call", "provider", "agent", "api", "import"]

REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


async def suppress(
    uow: UnitOfWork,
    channel: Channel,
    address_index: bytes,
    reason: Reason,
    source: Source,
    *,
    source_id: UUID | None = None,
    code: str | None = None,
    at: datetime | None = None,
) -> bool:
    """Let nothing more go to an address over a channel; says whether that is new. What waits to leave, leaves no
    more: who sends looks here before each message."""
    row = await uow.fetchrow(
        """INSERT INTO suppression AS s (id, channel, address_index, reason, source, source_id, code, user_id, at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ON CONFLICT (channel, address_index, reason) DO UPDATE SET source = excluded.source,
               source_id = excluded.source_id, code = excluded.code, user_id = excluded.user_id, at = excluded.at,
               lifted_at = NULL, lifted_by = NULL
           WHERE s.lifted_at IS NOT NULL RETURNING s.id""",
        *(uow.new_id(), channel, address_index, reason, source, source_id, code, uow.viewer.user_id, at or uow.now),
    )
    if row is not None:
        uow.audit("suppression:added", row["id"], channel=channel, reason=reason, source=source)
    return row is not None


async def lift(uow: UnitOfWork, channel: Channel, address_index: bytes, reason: Reason, by: Source) -> bool:
    """Let messages go to an address again; says whether they were held back for this reason."""
    row = await uow.fetchrow(
        """UPDATE suppression SET lifted_at = $4, lifted_by = $5
           WHERE channel = $1 AND address_index = $2 AND reason = $3 AND lifted_at IS NULL RETURNING id""",
        *(channel, address_index, reason, uow.now, by),
    )
    if row is not None:
        uow.audit("suppression:lifted", row["id"], channel=channel, reason=reason, by=by)
    return row is not None


async def lift_one(uow: UnitOfWork, suppression_id: UUID, by: Source) -> None:
    """Let messages go again that one row held back."""
    row = await uow.fetchrow(
        """UPDATE suppression SET lifted_at = $2, lifted_by = $3 WHERE id = $1 AND lifted_at IS NULL
           RETURNING channel, reason""",
        *(suppression_id, uow.now, by),
    )
    if row is not None:
        uow.audit("suppression:lifted", suppression_id, channel=row["channel"], reason=row["reason"], by=by)


async def reasons_of(db: Reader, channel: Channel, address_index: bytes) -> frozenset[Reason]:
    """Why nothing goes to an address over a channel; empty where nothing is in the way."""
    rows = await db.fetch(
        "SELECT reason FROM suppression WHERE channel = $1 AND address_index = $2 AND lifted_at IS NULL",
        *(channel, address_index),
    )
    return frozenset(row["reason"] for row in rows)
