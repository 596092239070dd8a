"""Writes of mail: how addresses fared, how far mailboxes were read, why a message did not arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from hotline.crm.unit_of_work import UnitOfWork

#: Failures in a row that are counted; it is a sign, no statistic.
_MOST_COUNTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Fared:
    """Failures of an address since it last wrote."""

    hard_bounces: int
    soft_bounces: int


async def count_bounce(uow: UnitOfWork, address_index: bytes, *, hard: bool, status: str) -> Fared:
    """Mail to an address failed."""
    row = await uow.fetchrow(
        """INSERT INTO mail_address AS a (id, address_index, hard_bounces, soft_bounces, bounced_at, status)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (address_index) DO UPDATE SET
               hard_bounces = least(a.hard_bounces + excluded.hard_bounces, $7),
               soft_bounces = least(a.soft_bounces + excluded.soft_bounces, $7),
               bounced_at = excluded.bounced_at, status = excluded.status
           RETURNING hard_bounces, soft_bounces""",
        *(uow.new_id(), address_index, int(hard), int(not hard), uow.now, status[:16] or None, _MOST_COUNTED),
    )
    return Fared(row["hard_bounces"], row["soft_bounces"]) if row is not None else Fared(0, 0)


async def forget_bounces(uow: UnitOfWork, address_index: bytes) -> bool:
    """Mail came from an address, or arrived there: what failed before is over."""
    tag = await uow.execute(
        """UPDATE mail_address SET hard_bounces = 0, soft_bounces = 0
           WHERE address_index = $1 AND (hard_bounces > 0 OR soft_bounces > 0)""",
        address_index,
    )
    return tag == "UPDATE 1"


async def provider_id_of(uow: UnitOfWork, message_id: UUID) -> str:
    """A message's id at its provider. One whose relay fell silent has none: a report proves that it left, and its own
    id stands for it."""
    found: str | None = await uow.fetchval("SELECT provider_id FROM message WHERE id = $1", message_id)
    return found or str(message_id)


async def note_status(uow: UnitOfWork, message_id: UUID, status: str) -> None:
    """Why a message did not arrive, by its code (RFC 3463)."""
    await uow.execute("UPDATE message SET error_code = $2 WHERE id = $1 AND direction = 'out'", message_id, status[:32])


async def read_up_to(uow: UnitOfWork, mailbox: str, uid_validity: int, uid: int, *, passed: bool = False) -> None:
    """A mailbox is read as far as ``uid``; ``passed``: that mail could not be taken in."""
    await uow.execute(
        """INSERT INTO mailbox AS b (id, uid_validity, uid, passed, at) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (id) DO UPDATE SET uid_validity = excluded.uid_validity, at = excluded.at,
               uid = CASE WHEN b.uid_validity = excluded.uid_validity THEN greatest(b.uid, excluded.uid)
                          ELSE excluded.uid END,
               passed = b.passed + excluded.passed""",
        *(mailbox, uid_validity, uid, int(passed), uow.now),
    )
