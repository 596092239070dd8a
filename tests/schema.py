"""Reading a PostgreSQL schema to compare two, and filling one with rows whatever its tables are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import asyncpg

from hotline.ids import new_id


@dataclass(frozen=True)
class Schema:
    """Columns, indexes and constraints as text, without the names that PostgreSQL or Tortoise made up."""

    columns: frozenset[str]
    indexes: frozenset[str]
    constraints: frozenset[str]

    def lacks(self, other: Schema) -> list[str]:
        """What ``other`` has and this one has not."""
        return sorted(
            (other.columns - self.columns) | (other.indexes - self.indexes) | (other.constraints - self.constraints)
        )


async def read_schema(connection: asyncpg.Connection) -> Schema:
    """The schema ``public``, partitions left out: they are as their parent."""
    columns = await connection.fetch(
        """SELECT c.relname AS tab, a.attname AS col, format_type(a.atttypid, a.atttypmod) AS type,
                  a.attnotnull AS required, pg_get_expr(d.adbin, d.adrelid) AS preset
           FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
           LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
             AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'tortoise_migrations'"""
    )
    indexes = await connection.fetch(
        """SELECT pg_get_indexdef(i.indexrelid) AS def
           FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
           WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND c.relname <> $1""",
        "tortoise_migrations",
    )
    constraints = await connection.fetch(
        """SELECT conrelid::regclass::text AS tab, pg_get_constraintdef(k.oid) AS def
           FROM pg_constraint k JOIN pg_class c ON c.oid = conrelid
           WHERE k.connamespace = 'public'::regnamespace AND NOT c.relispartition AND contype <> 'n'
             AND c.relname <> 'tortoise_migrations'"""
    )
    return Schema(
        columns=frozenset(
            f"column {r['tab']}.{r['col']} {r['type']}{' NOT NULL' if r['required'] else ''} DEFAULT {r['preset']}"
            for r in columns
        ),
        indexes=frozenset(_index(r["def"]) for r in indexes),
        constraints=frozenset(f"constraint {r['tab']}: {r['def']}" for r in constraints),
    )


def _index(definition: str) -> str:
    """Without its name; ``ON ONLY`` is how a partitioned table's index reads."""
    return re.sub(r"INDEX \S+ ON (ONLY )?", "INDEX ON ", definition)


async def populate(connection: asyncpg.Connection, rows: int = 2) -> dict[str, int]:
    """Put ``rows`` rows into every empty table, references included; table names with their number of rows."""
    tables = [
        r["relname"]
        for r in await connection.fetch(
            """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
               AND NOT relispartition AND relname <> 'tortoise_migrations'"""
        )
    ]
    references = await connection.fetch(
        """SELECT k.conrelid::regclass::text AS tab, a.attname AS col, k.confrelid::regclass::text AS target,
                  b.attname AS target_col
           FROM pg_constraint k
           JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
           JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
           WHERE k.contype = 'f'"""
    )
    targets = {(r["tab"].strip('"'), r["col"]): (r["target"], r["target_col"]) for r in references}
    done: set[str] = set()
    while len(done) < len(tables):
        ready = [
            table
            for table in tables
            if table not in done
            and all(t.strip('"') in done | {table} for (own, _), (t, _) in targets.items() if own == table)
        ]
        assert ready, "tables refer to each other in a circle"
        for table in ready:
            if not await connection.fetchval(f'SELECT EXISTS (SELECT 1 FROM "{table}")'):
                for number in range(rows):
                    await _insert(connection, table, targets, number)
            done.add(table)
    return {table: await connection.fetchval(f'SELECT count(*) FROM "{table}"') for table in tables}


async def _insert(
    connection: asyncpg.Connection, table: str, targets: dict[tuple[str, str], tuple[str, str]], number: int
) -> None:
    columns = await connection.fetch(
        """SELECT attname AS col, format_type(atttypid, NULL) AS type FROM pg_attribute
           WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped""",
        f'"{table}"',
    )
    values: dict[str, Any] = {}
    for column in columns:
        name = column["col"]
        if (target := targets.get((table, name))) is not None:
            found = await connection.fetch(f'SELECT "{target[1]}" FROM {target[0]} ORDER BY 1')
            values[name] = found[number % len(found)][0] if found else None
        else:
            values[name] = _value(column["type"], number)
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    await connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({places})', *values.values())


def _value(kind: str, number: int) -> Any:
    makers: dict[str, Callable[[], Any]] = {
        "uuid": new_id,
        "uuid[]": lambda: [new_id()],
        "text": lambda: f"text {number}",
        "character varying": lambda: f"v{number}",
        "text[]": lambda: [f"a{number}", "b"],
        "bytea": lambda: bytes([number, 255]),
        "bigint[]": lambda: [number, -(2**62)],
        "bigint": lambda: 500 + number,
        "integer": lambda: 500 + number,
        "smallint": lambda: 500 + number,
        "numeric": lambda: Decimal(500 + number),
        "boolean": lambda: number % 2 == 0,
        "double precision": lambda: number + 0.5,
        "jsonb": lambda: f'{{"n": {number}}}',
        "date": lambda: date(2026, 1 + number, 1),
        "timestamp with time zone": lambda: datetime(2026, 1 + number, 1, tzinfo=UTC),
    }
    return makers[kind]()


async def contents(connection: asyncpg.Connection) -> dict[str, list[str]]:
    """Every row of every table as JSON, to compare before and after."""
    tables = await connection.fetch(
        """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
           AND NOT relispartition AND relname <> 'tortoise_migrations'"""
    )
    return {
        r["relname"]: [
            row[0] for row in await connection.fetch(f'SELECT to_jsonb(t)::text FROM "{r["relname"]}" AS t ORDER BY 1')
        ]
        for r in tables
    }
