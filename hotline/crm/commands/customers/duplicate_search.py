"""The search for duplicates among all: who is in which block, who shares one, and the pairs that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from hotline.crm.unit_of_work import UnitOfWork
from hotline.customers.duplicates import Reason

#: Customers of a block; of one with more it says nothing: it is everybody's first name, or a switchboard.
MOST_OF_A_BLOCK: Final = 40
#: The same of a loose block, of whom hardly any two are alike.
MOST_OF_A_LOOSE_BLOCK: Final = 12
_TABLES: Final = ("duplicate_blocks", "duplicate_candidate")
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class FoundPair:
    """Two customers who may be one, ``low`` with the smaller id."""

    low: UUID
    high: UUID
    score: int
    reasons: Sequence[Reason]


async def forget_search(uow: UnitOfWork, *, limit: int) -> int:
    """Empty what a search left, at most ``limit`` rows of each kind; how many rows.

    No TRUNCATE: it would wait for a backup that reads these tables, and whoever is being erased for it.
    """
    gone = 0
    for table in _TABLES:
        tag = await uow.execute(
            f"DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} LIMIT $1))",  # noqa: S608
            limit,
        )
        gone += int(tag.split()[-1])
    return gone


async def forget_ended_search(uow: UnitOfWork, kind: str, *, limit: int) -> int:
    """The same where no job of this kind waits, rests or runs any more: one that was cancelled or failed. A failed one
    that is let go on begins anew."""
    # First, so that whoever lets it go on waits for this, or is seen below.
    await uow.execute(
        """UPDATE background_job SET cursor = NULL, done = 0, failed = 0
           WHERE kind = $1 AND state = 'failed' AND cursor IS NOT NULL""",
        kind,
    )
    gone = 0
    for table in _TABLES:
        # What a job puts in that begins in this moment is not seen by this statement.
        tag = await uow.execute(
            f"""DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} LIMIT $2)) AND NOT EXISTS (
                    SELECT 1 FROM background_job WHERE kind = $1 AND state IN ('queued', 'running', 'paused'))""",  # noqa: S608
            *(kind, limit),
        )
        gone += int(tag.split()[-1])
    return gone


async def keep_blocks(uow: UnitOfWork, blocks: Mapping[UUID, Sequence[int]]) -> None:
    """Keep in which blocks these customers are: of loose ones the number is odd."""
    # Arrays of different lengths are no array in PostgreSQL: each goes as its text.
    texts = [f"{{{','.join(map(str, each))}}}" for each in blocks.values()]
    await uow.execute(
        """INSERT INTO duplicate_blocks (id, blocks)
           SELECT id, blocks::bigint[] FROM unnest($1::uuid[], $2::text[]) AS made (id, blocks)
           ON CONFLICT (id) DO UPDATE SET blocks = excluded.blocks""",
        *(list(blocks), texts),
    )


async def keep_candidates(uow: UnitOfWork, part: int, parts: int) -> None:
    """Keep each two who share a block, of the ``part``-th of so many equal parts of all blocks."""
    width = 2**64 // parts
    first = _LOWEST + part * width
    last = _HIGHEST if part == parts - 1 else first + width - 1
    await uow.execute(
        """INSERT INTO duplicate_candidate (low_id, high_id)
           SELECT DISTINCT low.id, high.id
           FROM (SELECT array_agg(d.id ORDER BY d.id) AS ids
                 FROM duplicate_blocks d, unnest(d.blocks) AS block
                 WHERE block BETWEEN $1 AND $2 GROUP BY block
                 HAVING count(*) BETWEEN 2 AND CASE block & 1 WHEN 1 THEN $4::bigint ELSE $3::bigint END) AS several,
               unnest(several.ids) WITH ORDINALITY AS low (id, place),
               unnest(several.ids) WITH ORDINALITY AS high (id, place)
           WHERE low.place < high.place
           ON CONFLICT (low_id, high_id) DO NOTHING""",
        *(first, last, MOST_OF_A_BLOCK, MOST_OF_A_LOOSE_BLOCK),
    )


async def keep_pairs(uow: UnitOfWork, found: Iterable[FoundPair]) -> int:
    """Keep pairs with their scores and reasons; how many are new. What was dismissed stays so."""
    pairs = list(found)
    rows = await uow.fetch(
        """INSERT INTO duplicate_pair AS d (id, low_id, high_id, score, reasons, state, found_at)
           SELECT id, low_id, high_id, score, string_to_array(reasons, ' '), 'open', $6
           FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::text[])
               AS made (id, low_id, high_id, score, reasons)
           ON CONFLICT (low_id, high_id) DO UPDATE
           SET score = excluded.score, reasons = excluded.reasons, found_at = excluded.found_at
           WHERE d.state = 'open'
           RETURNING xmax = 0 AS fresh""",
        *([uow.new_id() for _ in pairs], [pair.low for pair in pairs], [pair.high for pair in pairs]),
        *([pair.score for pair in pairs], [" ".join(pair.reasons) for pair in pairs], uow.now),
    )
    return sum(row["fresh"] for row in rows)
