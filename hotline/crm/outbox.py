"""The outbox: events by number. Rows commit unnumbered; a relay numbers them after their commit.

Ids and serials are handed out before commits happen in another order, so replay by them loses events. Numbers are
given by whoever holds the lock on ``outbox_head``, until commit: who sees number N sees every number below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg

from hotline.crm.database import Database, Reader, Row
from hotline.events import Event

#: Months beyond the present one for which a partition is ready.
MONTHS_AHEAD: Final = 2

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


# Partitions, one per month of ``at``. Rows outside every month (a clock that is off) go to ``outbox_default``.


async def make_partitions(connection: asyncpg.Connection, now: datetime) -> list[str]:
    """Make the partitions of this month and the next ones; the names of the new ones."""
    made = []
    month = _month(now)
    for _ in range(MONTHS_AHEAD + 1):
        following = _month(month + timedelta(days=32))
        name = f"outbox_{month:%Y_%m}"
        if await connection.fetchval("SELECT to_regclass($1)", name) is None:
            await _make(connection, name, month, following)
            made.append(name)
        month = following
    return made


async def _make(connection: asyncpg.Connection, name: str, start: datetime, end: datetime) -> None:
    async with connection.transaction():
        await connection.execute("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
        if await connection.fetchval("SELECT to_regclass($1)", name) is not None:
            return
        await connection.execute(f'CREATE TABLE "{name}" (LIKE outbox INCLUDING DEFAULTS INCLUDING CONSTRAINTS)')
        # Attaching fails while the default partition holds rows of this month.
        await connection.execute(
            f"""WITH moved AS (DELETE FROM outbox_default WHERE at >= $1 AND at < $2 RETURNING *)
                INSERT INTO "{name}" SELECT * FROM moved""",  # noqa: S608
            start, end,
        )  # fmt: skip
        await connection.execute(
            f"""ALTER TABLE outbox ATTACH PARTITION "{name}"
                FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"""
        )


async def drop_old(db: Database, now: datetime, keep: timedelta) -> list[str]:
    """Drop the partitions that ended more than ``keep`` ago; their names. Numbers are never given out again."""
    rows: Sequence[Row] = await db.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'outbox'::regclass"
    )
    dropped = []
    for name in sorted(row["name"] for row in rows if row["name"] != "outbox_default"):
        start = datetime.strptime(name, "outbox_%Y_%m").replace(tzinfo=UTC)
        if _month(start + timedelta(days=32)) < now - keep:
            await db.execute(f'DROP TABLE IF EXISTS "{name}"')
            dropped.append(name)
    await db.execute("DELETE FROM outbox_default WHERE at < $1", now - keep)
    return dropped


def _month(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
