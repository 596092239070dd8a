"""The records in a backup: every table as PostgreSQL's COPY writes it (text, which every version reads), all of one
moment; and the way back, into a schema of the steps that the backup had.

Loading drops the tables' foreign keys and indexes and makes them again at the end, all in the one transaction of the
load: whatever fails on the way, the database stays as it was.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
from tortoise.models import Model

from hotline.clock import utc_now
from hotline.crm import migrate, models, partitions
from hotline.crm.backup.sealed_stream import DamagedBackup
from hotline.crm.database import Database
from hotline.crm.failures import translated
from hotline.crm.keys import Wrapped
from hotline.errors import HotlineError, SettingError

#: Sequences that no column owns.
SEQUENCES: Final = ("customer_number_seq", "ticket_number_seq", "conversation_number_seq")
_STEPS_TABLE: Final = "tortoise_migrations"
_WEEK: Final = timedelta(days=7)
#: How often, and how far apart, it is looked whether somebody else is connected.
_LOOKS: Final = 10
_LOOK_SECONDS: Final = 0.1
#: What a restored installation must not wake up with: browsers' sign-ins, and leases of processes that are gone.
_LEFT_BEHIND: Final = ("session", "lease")


class NewerBackup(HotlineError):
    """This backup was made by a newer hotline."""

    code = "newer_backup"
    status = 422


class InUse(HotlineError):
    """Somebody else is connected to this database."""

    code = "in_use"
    status = 409


@dataclass(frozen=True, slots=True)
class Table:
    """One table with the columns that it has, in the order in which they are copied."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Records:
    """What the records are, beside their rows. ``numbers`` are where the sequences stand, ``since`` the oldest event
    of the outbox, ``index`` the wrapped index key, by which a reader sees whether the key ring fits."""

    steps: tuple[str, ...]
    tables: tuple[Table, ...]
    numbers: dict[str, int]
    server: int
    since: datetime | None
    index: Wrapped | None = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "steps": list(self.steps),
            "tables": [{"name": table.name, "columns": list(table.columns)} for table in self.tables],
            "numbers": self.numbers,
            "server": self.server,
            "since": self.since.isoformat() if self.since else None,
            "index": {"master": self.index.master, "sealed": self.index.sealed.hex()} if self.index else None,
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Records:
        """What ``to_json`` gave. Raises DamagedBackup."""
        try:
            index = found["index"]
            return cls(
                steps=tuple(found["steps"]),
                tables=tuple(Table(table["name"], tuple(table["columns"])) for table in found["tables"]),
                numbers={str(name): int(number) for name, number in found["numbers"].items()},
                server=int(found["server"]),
                since=datetime.fromisoformat(found["since"]) if found["since"] else None,
                index=Wrapped(index["master"], bytes.fromhex(index["sealed"])) if index else None,
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise DamagedBackup() from None


def known_tables() -> set[str]:
    """The tables of this version's models."""
    found = (each for _, each in inspect.getmembers(models, inspect.isclass) if issubclass(each, Model))
    return {model._meta.db_table for model in found}


# Out


class Dump:
    """The records at one moment, while they go on changing."""

    def __init__(self, connection: asyncpg.Connection, records: Records) -> None:
        self._connection = connection
        self.records = records

    async def copy(self, table: Table, take: Callable[[bytes], Awaitable[None]]) -> int:
        """Hand all rows of a table to ``take``, in pieces of any size; how many rows."""
        columns = ", ".join(f'"{name}"' for name in table.columns)
        with translated():
            told = await self._connection.copy_from_query(
                f'SELECT {columns} FROM "{table.name}"',  # noqa: S608 - names of the catalogue
                output=take,
                format="text",
            )
        return int(told.split()[-1])


@asynccontextmanager
async def dumping(db: Database) -> AsyncIterator[Dump]:
    """The records as they are now. Raises SettingError when there are none."""
    async with db.snapshot() as reader:
        connection: asyncpg.Connection = reader
        steps = tuple(await migrate.applied_steps(connection))
        if not steps:
            raise SettingError("HOTLINE_DATABASE_URL: this database has no records of hotline yet")
        if unknown := [step for step in steps if step not in migrate.known_steps()]:
            raise SettingError(migrate.NEWER.format(steps=", ".join(unknown)))
        tables = await _tables(connection)
        index = await connection.fetchrow("SELECT master, wrapped FROM shared_key WHERE name = 'index'")
        yield Dump(
            connection,
            Records(
                steps=steps,
                tables=tuple(tables),
                numbers=await _numbers(connection),
                server=connection.get_server_version().major,
                since=await connection.fetchval("SELECT min(at) FROM outbox"),
                index=Wrapped(index["master"], index["wrapped"]) if index else None,
            ),
        )


async def _tables(connection: asyncpg.Connection) -> list[Table]:
    rows = await connection.fetch(
        """SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
           FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
           WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
             AND NOT c.relispartition AND a.attgenerated = '' AND c.relname = ANY($1::text[])
           GROUP BY c.relname ORDER BY c.relname""",
        sorted(known_tables()),
    )
    return [Table(row["name"], tuple(row["columns"])) for row in rows]


async def _numbers(connection: asyncpg.Connection) -> dict[str, int]:
    """Where each sequence stands, by the table and column that owns it or by its own name.

    Sequences know no transaction: they may be ahead of the rows, which leaves a gap and nothing worse.
    """
    rows = await connection.fetch(
        """SELECT s.sequencename AS name, s.last_value FROM pg_sequences s
           WHERE s.schemaname = current_schema() AND s.last_value IS NOT NULL"""
    )
    return {row["name"]: row["last_value"] for row in rows}


# In


async def refuse_newer(records: Records) -> None:
    """Raise NewerBackup when this version does not know all of the backup's steps."""
    if unknown := [step for step in records.steps if step not in migrate.known_steps()]:
        raise NewerBackup(
            f"This backup was made by a newer hotline (it has {', '.join(unknown)}). Install that version or a later "
            "one, then restore."
        )


async def has_records(db: Database) -> bool:
    """Whether hotline was ever started on this database."""
    return await db.fetchval("SELECT to_regclass('shared_key')") is not None


async def is_empty(db: Database) -> bool:
    """Whether nobody has worked with this database yet: no users, customers, calls or tickets."""
    for table in ("users", "customer", "call", "ticket"):
        if await db.fetchval("SELECT to_regclass($1)", table) is not None and await db.fetchval(
            f"SELECT EXISTS (SELECT 1 FROM {table})"  # noqa: S608 - the names above
        ):
            return False
    return True


class Load:
    """A load under way: tables are filled one by one, then ``finish`` makes the schema whole."""

    def __init__(self, connection: asyncpg.Connection, client: Any, db: Database, records: Records) -> None:
        self._connection = connection
        self._client = client
        self._db = db
        self._records = records
        self._tables = {table.name: table for table in records.tables}
        self._later: list[str] = []

    async def begin(self) -> None:
        """Replace whatever tables of hotline are there by empty ones of the backup's steps."""
        await self._refuse_others()
        await self._drop()
        await migrate.migrate_on(self._client, self._db, upto=self._records.steps[-1])
        await self._make_room()
        found = {table.name: set(table.columns) for table in await _tables(self._connection)}
        for table in self._records.tables:
            if not set(table.columns) <= found.get(table.name, set()):
                raise DamagedBackup(f"The backup's table {table.name} is not the one of its version.")
        await self._set_aside()
        names = ", ".join(f'"{table.name}"' for table in self._records.tables)
        await self._connection.execute(f"TRUNCATE {names}")

    async def copy(self, name: str, source: AsyncIterator[bytes]) -> int:
        """Fill one table; how many rows. Raises DamagedBackup for rows that do not fit."""
        table = self._tables[name]
        try:
            told = await self._connection.copy_to_table(name, source=source, columns=list(table.columns), format="text")
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise DamagedBackup(f"The backup's table {name} cannot be read: {type(error).__name__}.") from error
        return int(told.split()[-1])

    async def finish(self) -> list[str]:
        """Foreign keys, indexes and numbers as they were, then the steps that the backup had not had; their names."""
        for table in _LEFT_BEHIND:
            if table in self._tables:
                await self._connection.execute(f'DELETE FROM "{table}"')  # noqa: S608
        for statement in self._later:
            await self._connection.execute(statement)
        for name, number in self._records.numbers.items():
            await self._connection.execute(
                "SELECT setval(oid::regclass, $2) FROM pg_class WHERE oid = to_regclass($1) AND relkind = 'S'",
                f'"{name}"', number,
            )  # fmt: skip
        return await migrate.migrate_on(self._client, self._db)

    async def _refuse_others(self) -> None:
        pool = await self._db.fetchval("SELECT pg_backend_pid()")
        others = 0
        for _ in range(_LOOKS):
            others = await self._connection.fetchval(
                """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                   AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND pid <> $1""",
                pool,
            )
            if not others:
                return
            # A connection that was just closed is still listed for a moment.
            await self._connection.execute("SELECT pg_stat_clear_snapshot()")
            await asyncio.sleep(_LOOK_SECONDS)
        raise InUse(f"{others} other connection(s) use this database: stop every hotline on it, then restore.")

    async def _drop(self) -> None:
        names = {*known_tables(), *self._tables, _STEPS_TABLE}
        there = await self._connection.fetch(
            """SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace
               AND relkind IN ('r', 'p') AND NOT relispartition AND relname = ANY($1::text[])""",
            sorted(names),
        )
        if there:
            await self._connection.execute(
                "DROP TABLE {} CASCADE".format(", ".join(f'"{row["relname"]}"' for row in there))
            )
        for name in SEQUENCES:
            await self._connection.execute(f"DROP SEQUENCE IF EXISTS {name}")

    async def _make_room(self) -> None:
        """The outbox's months of the backup: rows of other months would all go to one partition."""
        partitioned = await self._connection.fetchval(
            "SELECT relkind = 'p' FROM pg_class WHERE oid = 'outbox'::regclass"
        )
        month = self._records.since if partitioned else None
        while month is not None and month < utc_now():
            await partitions.OUTBOX.make(self._connection, month)
            month = (month.astimezone(UTC).replace(day=28) + _WEEK).replace(day=1)

    async def _set_aside(self) -> None:
        """Drop foreign keys and indexes, noting how to make them again, and let no trigger note what is put back."""
        keys = await self._connection.fetch(
            """SELECT conrelid::regclass::text AS place, conname AS name, pg_get_constraintdef(oid) AS made
               FROM pg_constraint WHERE contype = 'f' AND conparentid = 0
                 AND connamespace = current_schema()::regnamespace ORDER BY conname"""
        )
        indexes = await self._connection.fetch(
            """SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS made
               FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
               WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
                 AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid) ORDER BY 1"""
        )
        watched = await self._connection.fetch(
            """SELECT DISTINCT tgrelid::regclass::text AS place FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
               WHERE NOT tgisinternal AND tgparentid = 0 AND relnamespace = current_schema()::regnamespace ORDER BY 1"""
        )
        for key in keys:
            await self._connection.execute(f'ALTER TABLE {key["place"]} DROP CONSTRAINT "{key["name"]}"')
        for index in indexes:
            await self._connection.execute(f"DROP INDEX {index['name']}")
        for table in watched:
            await self._connection.execute(f"ALTER TABLE {table['place']} DISABLE TRIGGER USER")
        self._later = [index["made"] for index in indexes]
        self._later += [f'ALTER TABLE {key["place"]} ADD CONSTRAINT "{key["name"]}" {key["made"]}' for key in keys]
        self._later += [f"ALTER TABLE {table['place']} ENABLE TRIGGER USER" for table in watched]


@asynccontextmanager
async def loading(db: Database, records: Records) -> AsyncIterator[Load]:
    """One transaction in which the backup's records replace what is there. Raises InUse while others are connected."""
    async with db.long_transaction() as client:
        load = Load(client._connection, client, db, records)
        await load.begin()
        yield load
