"""Tables in monthly partitions: append-only, dropped by the month. Rows outside every month (a clock that is off) go to
the default partition and are moved when theirs is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg

from hotline.crm.database import Database, Row

#: Months beyond the present one for which a partition is ready.
MONTHS_AHEAD: Final = 2


@dataclass(frozen=True, slots=True)
class Monthly:
    """A table that is divided by the month of its column ``by``; its other partition is ``<table>_default``."""

    table: str
    by: str

    async def make(self, connection: asyncpg.Connection, now: datetime) -> list[str]:
        """Make the partitions of this month and the next ones; the names of the new ones."""
        made = []
        month = _month(now)
        for _ in range(MONTHS_AHEAD + 1):
            following = _month(month + timedelta(days=32))
            name = f"{self.table}_{month:%Y_%m}"
            if await connection.fetchval("SELECT to_regclass($1)", name) is None:
                await self._make(connection, name, month, following)
                made.append(name)
            month = following
        return made

    async def _make(self, connection: asyncpg.Connection, name: str, start: datetime, end: datetime) -> None:
        table = self.table
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            if await connection.fetchval("SELECT to_regclass($1)", name) is not None:
                return
            await connection.execute(f'CREATE TABLE "{name}" (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)')
            # Attaching fails while the default partition holds rows of this month.
            await connection.execute(
                f"""WITH moved AS (DELETE FROM {table}_default WHERE {self.by} >= $1 AND {self.by} < $2 RETURNING *)
                    INSERT INTO "{name}" SELECT * FROM moved""",  # noqa: S608
                start, end,
            )  # fmt: skip
            await connection.execute(
                f"""ALTER TABLE {table} ATTACH PARTITION "{name}"
                    FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"""
            )

    async def drop_old(self, db: Database, now: datetime, keep: timedelta) -> list[str]:
        """Drop the partitions that ended more than ``keep`` ago; their names."""
        rows: Sequence[Row] = await db.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::text::regclass", self.table
        )
        dropped = []
        for name in sorted(row["name"] for row in rows if row["name"] != f"{self.table}_default"):
            start = datetime.strptime(name, f"{self.table}_%Y_%m").replace(tzinfo=UTC)
            if _month(start + timedelta(days=32)) < now - keep:
                await db.execute(f'DROP TABLE IF EXISTS "{name}"')
                dropped.append(name)
        await db.execute(f"DELETE FROM {self.table}_default WHERE {self.by} < $1", now - keep)  # noqa: S608
        return dropped


def _month(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


#: Tries to send what campaigns release.
ATTEMPTS: Final = Monthly("delivery_attempt", "started_at")
OUTBOX: Final = Monthly("outbox", "at")
EVERY: Final = (OUTBOX, ATTEMPTS)


async def make_partitions(connection: asyncpg.Connection, now: datetime) -> list[str]:
    """Make the partitions that every such table needs now; the names of the new ones."""
    return [name for each in EVERY for name in await each.make(connection, now)]
