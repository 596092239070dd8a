"""The outbox: events by number. Rows commit unnumbered; a relay numbers them after their commit.

Ids and serials are handed out before commits happen in another order, so replay by them loses events. Numbers are
given by whoever holds the lock on ``outbox_head``, until commit: who sees number N sees every number below it.
"""

from __future__ import annotations

from typing import Final

from hotline.crm.database import Database, Reader, Row
from hotline.events import Event

#: Most rows numbered in one transaction: the lock is held for milliseconds.
BATCH: Final = 1000


async def number_committed(db: Database) -> int | None:
    """Number what has committed since the last time; the greatest number, or None when there was nothing to do."""
    # The cheap look first: idle relays take no lock.
    if not await db.fetchval("SELECT EXISTS (SELECT 1 FROM outbox WHERE seq IS NULL)"):
        return None
    async with db.transaction() as client:
        connection = client._connection
        head: int = await connection.fetchval("SELECT seq FROM outbox_head WHERE id = 1 FOR UPDATE")
        # A statement of its own: its snapshot must be taken after the lock.
        numbered: int = await connection.fetchval(
            """WITH fresh AS (
                   SELECT id, at, row_number() OVER (ORDER BY id) AS place
                   FROM (SELECT id, at FROM outbox WHERE seq IS NULL ORDER BY id LIMIT $2) AS unnumbered
               ), numbered AS (
                   UPDATE outbox SET seq = $1 + fresh.place FROM fresh
                   WHERE outbox.id = fresh.id AND outbox.at = fresh.at RETURNING 1
               )
               SELECT count(*) FROM numbered""",
            head, BATCH,
        )  # fmt: skip
        if numbered:
            await connection.execute("UPDATE outbox_head SET seq = seq + $1 WHERE id = 1", numbered)
        return head + numbered


async def last_number(db: Reader) -> int:
    """The greatest number given out."""
    return int(await db.fetchval("SELECT seq FROM outbox_head WHERE id = 1") or 0)


async def first_kept(db: Reader) -> int:
    """The smallest number that can still be replayed; one more than the last when nothing is kept."""
    kept = await db.fetchval("SELECT min(seq) FROM outbox")
    return int(kept) if kept is not None else await last_number(db) + 1


async def events_after(db: Reader, seq: int, *, limit: int = 500) -> list[tuple[int, Event]]:
    """The next events after number ``seq``, in order. All of them: whoever reads filters by audience."""
    rows = await db.fetch(
        "SELECT seq, id, type, at, audience, data FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2",
        seq,
        limit,
    )
    return [(row["seq"], event_of(row)) for row in rows]


def event_of(row: Row) -> Event:
    """The event in one row of the outbox."""
    return Event(row["id"], row["type"], row["at"], tuple(row["audience"]), row["data"])
