"""Who gets nothing over a channel: found by the address's keyed index, whoever has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args
from uuid import UUID

from hotline.campaigns.consent import Channel, Purpose
from hotline.crm.database import Reader
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import NotFound

Reason = Literal["opt_out", "invalid", "bounce", "complaint", "agent"]
#: Who said so: the customer by a message, a call or a link, the provider when something was sent, a person, a file.
Source = Literal["message", "call", "link", "provider", "agent", "api", "import"]
#: What is held back: everything, or marketing alone.
Scope = Literal["all", "marketing"]

REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


async def suppress(
    uow: UnitOfWork,
    channel: Channel,
    address_index: bytes,
    reason: Reason,
    source: Source,
    *,
    purpose: Scope = "all",
    source_id: UUID | None = None,
    code: str | None = None,
    at: datetime | None = None,
) -> bool:
    """Let nothing more go to an address over a channel, or no more marketing; says whether that is new. What waits to
    leave, leaves no more: who sends looks here before each message. What customers, providers and people say goes
    through ``opt_outs.opt_out``, which notes what follows from it."""
    row = await uow.fetchrow(
        f"""{_ADD} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) {_KEPT_OR_WIDENED} RETURNING s.id""",
        *(uow.new_id(), channel, address_index, reason, purpose, source, source_id, code, uow.viewer.user_id),
        at or uow.now,
    )
    if row is not None:
        uow.audit("suppression:added", row["id"], channel=channel, reason=reason, purpose=purpose, source=source)
    return row is not None


@dataclass(frozen=True, slots=True)
class Held:
    """A line of a list of who gets nothing; ``at`` is when they said so."""

    channel: Channel
    address_index: bytes
    reason: Reason
    purpose: Scope
    at: datetime


async def suppress_many(uow: UnitOfWork, held: Sequence[Held], source: Source, source_id: UUID) -> int:
    """The same for a list, in one statement; how many are new. One audit entry stands for them all: its caller's."""
    each_once: dict[tuple[Channel, bytes, Reason], Held] = {}
    for line in held:
        place = (line.channel, line.address_index, line.reason)
        if place not in each_once or line.purpose == "all":
            each_once[place] = line
    held = list(each_once.values())
    rows = await uow.fetch(
        f"""{_ADD} SELECT g.id, g.channel, g.address_index, g.reason, g.purpose, $6, $7, NULL, $8, g.at
            FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::text[], $9::timestamptz[])
                AS g (id, channel, address_index, reason, purpose, at)
            ORDER BY g.channel, g.address_index, g.reason {_KEPT_OR_WIDENED} RETURNING s.id""",  # noqa: S608
        [uow.new_id() for _ in held],
        [each.channel for each in held],
        [each.address_index for each in held],
        [each.reason for each in held],
        [each.purpose for each in held],
        *(source, source_id, uow.viewer.user_id, [each.at for each in held]),
    )
    return len(rows)


_ADD: Final = """INSERT INTO suppression AS s (id, channel, address_index, reason, purpose, source, source_id, code,
    user_id, at)"""
# What holds already stays as it was said first, but nobody is let go by a second word that says less.
_KEPT_OR_WIDENED: Final = """ON CONFLICT (channel, address_index, reason) DO UPDATE SET source = excluded.source,
    source_id = excluded.source_id, code = excluded.code, user_id = excluded.user_id, at = excluded.at,
    purpose = excluded.purpose, lifted_at = NULL, lifted_by = NULL
    WHERE s.lifted_at IS NOT NULL OR (s.purpose = 'marketing' AND excluded.purpose = 'all')"""


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


async def narrow(uow: UnitOfWork, channel: Channel, address_index: bytes, reason: Reason) -> bool:
    """Let replies and notices go again to who wants no marketing; says whether they were held back."""
    row = await uow.fetchrow(
        """UPDATE suppression SET purpose = 'marketing'
           WHERE channel = $1 AND address_index = $2 AND reason = $3 AND lifted_at IS NULL AND purpose = 'all'
           RETURNING id""",
        *(channel, address_index, reason),
    )
    if row is not None:
        uow.audit("suppression:narrowed", row["id"], channel=channel, reason=reason)
    return row is not None


async def place_of(db: Reader, suppression_id: UUID) -> tuple[Channel, bytes]:
    """(channel, the address's index) of one. Raises NotFound."""
    row = await db.fetchrow("SELECT channel, address_index FROM suppression WHERE id = $1", suppression_id)
    if row is None:
        raise NotFound("There is no such suppression.")
    return row["channel"], row["address_index"]


async def reasons_of(
    db: Reader, channel: Channel, address_index: bytes, purpose: Purpose = "service"
) -> frozenset[Reason]:
    """Why nothing of this purpose goes to an address over a channel; empty where nothing is in the way. What people
    write to each other is service."""
    rows = await db.fetch(
        """SELECT reason FROM suppression WHERE channel = $1 AND address_index = $2 AND lifted_at IS NULL
             AND (purpose = 'all' OR purpose = $3)""",
        *(channel, address_index, purpose),
    )
    return frozenset(row["reason"] for row in rows)
