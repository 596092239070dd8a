"""Handing over what one user has to another: which records, and what was given, so that it can be given back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.unit_of_work import UnitOfWork

Kind = Literal["customer", "ticket", "conversation"]


@dataclass(frozen=True, slots=True)
class Item:
    """A record that was given; ``id`` orders them."""

    id: int
    kind: Kind
    record_id: UUID


_OF_USER: Final[Mapping[Kind, str]] = {
    "customer": "customer WHERE responsible_id = $1 AND merged_into_id IS NULL AND erased_at IS NULL",
    "ticket": "ticket WHERE assignee_id = $1 AND state IN ('new', 'open', 'waiting')",
    "conversation": "conversation WHERE assignee_id = $1 AND state <> 'closed'",
}


async def count_records(db: Reader, kind: Kind, user_id: UUID) -> int:
    """For how many customers somebody is responsible, how many open tickets or conversations are theirs."""
    found: int = await db.fetchval(f"SELECT count(*) FROM {_OF_USER[kind]}", user_id)  # noqa: S608
    return found


async def next_records(uow: UnitOfWork, kind: Kind, user_id: UUID, after: UUID | None, most: int) -> list[UUID]:
    """The next records of somebody, in the order of their ids."""
    rows = await uow.fetch(
        f"SELECT id FROM {_OF_USER[kind]} AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3",  # noqa: S608
        *(user_id, after, most),
    )
    return [row["id"] for row in rows]


async def note_given(uow: UnitOfWork, job_id: UUID, kind: Kind, record_ids: list[UUID]) -> None:
    """Remember what a job gave."""
    await uow.execute(
        """INSERT INTO handover_item (job_id, kind, record_id) SELECT $1, $2, unnest($3::uuid[])
           ON CONFLICT (job_id, kind, record_id) DO NOTHING""",
        *(job_id, kind, record_ids),
    )


async def next_given(uow: UnitOfWork, job_id: UUID, after: int, most: int) -> list[Item]:
    """What a job gave and nobody gave back yet."""
    rows = await uow.fetch(
        """SELECT id, kind, record_id FROM handover_item
           WHERE job_id = $1 AND id > $2 AND undone_at IS NULL ORDER BY id LIMIT $3""",
        *(job_id, after, most),
    )
    return [Item(row["id"], row["kind"], row["record_id"]) for row in rows]


async def note_returned(uow: UnitOfWork, job_id: UUID, ids: list[int]) -> None:
    """Remember what was given back."""
    await uow.execute(
        "UPDATE handover_item SET undone_at = $3 WHERE job_id = $1 AND id = ANY($2::bigint[])", job_id, ids, uow.now
    )


async def responsible_of(uow: UnitOfWork, customer_id: UUID) -> UUID | None:
    """Who is responsible for a locked customer."""
    found: UUID | None = await uow.fetchval("SELECT responsible_id FROM customer WHERE id = $1", customer_id)
    return found


async def last_handover(db: Reader, user_id: UUID) -> UUID | None:
    """The newest job that handed over what this user had."""
    found: UUID | None = await db.fetchval(
        """SELECT id FROM background_job WHERE kind = 'hand_over' AND params ->> 'from_user_id' = $1
           ORDER BY id DESC LIMIT 1""",
        str(user_id),
    )
    return found
