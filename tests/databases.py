"""Databases for tests: copies of a template that are emptied and lent again.

Making a database of a hundred tables takes PostgreSQL a quarter of a second on a quiet machine, emptying one 40 ms. One
whose shape a test changed, or that grew large, is not lent again.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import uuid4

import asyncpg

from hotline.crm.embedded import EmbeddedPostgres

T = TypeVar("T")

#: What a statement meets when a test threw out everybody, or dropped the database, or when somebody who was thrown out
#: came again and is in the way.
_GONE: Final = (OSError, asyncpg.InterfaceError, asyncpg.PostgresError)

#: Bytes by which a database may have grown: what was deleted still lies in its tables.
MOST_GROWN: Final = 8_000_000

_SHAPE: Final = """
SELECT md5(string_agg(part, ',' ORDER BY part)) FROM (
    SELECT concat_ws(' ', relname, relkind, relnatts, relchecks, reltriggers) AS part FROM (
        SELECT relname, relkind, relnatts, relchecks,
            (SELECT string_agg(tgname, ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)
            AS reltriggers
        FROM pg_class c WHERE relnamespace = 'public'::regnamespace) AS relation
    UNION ALL SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast)'
    UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT setconfig::text FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS parts
"""
_SIZE: Final = "SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relkind IN ('r', 'i', 't')"
_TABLES: Final = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname"
)
_SEQUENCES: Final = "SELECT sequencename, last_value, start_value FROM pg_sequences WHERE schemaname = 'public'"
_END_OTHERS: Final = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True)
class _Pristine:
    """What a fresh copy is like. ``rows`` are the contents of the tables that are not empty, as COPY writes them."""

    shape: str
    size: int
    tables: tuple[str, ...]
    rows: dict[str, bytes]
    sequences: dict[str, tuple[Any, ...]]


class Databases:
    """Copies of ``template`` on ``server`` for the tests of one process, one after the other.

    To each it keeps one connection, in a thread since every test has an event loop of its own: PostgreSQL takes longer
    to learn a hundred tables than to empty them.
    """

    def __init__(self, server: EmbeddedPostgres, template: str) -> None:
        self._server = server
        self._template = template
        self._free: list[str] = []
        self._connections: dict[str, asyncpg.Connection] = {}
        self._pristine: _Pristine | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="databases", daemon=True)
        self._thread.start()

    async def lend(self) -> str:
        """The name of a database that is as the template."""
        return await self._beside(self._lend())

    async def take_back(self, name: str) -> None:
        """Make it as the template again; whoever is connected still is thrown out."""
        await self._beside(self._take_back(name))

    def close(self) -> None:
        """Close the connections; the databases go with the server."""
        asyncio.run_coroutine_threadsafe(self._forget(*self._connections), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _beside(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _lend(self) -> str:
        if self._free:
            return self._free.pop()
        name = f"test_{uuid4().hex}"
        await create_database(self._server, name, self._template)
        if self._pristine is None:
            self._pristine = await _read(await self._connection(name))
        return name

    async def _take_back(self, name: str) -> None:
        if await self._emptied(name):
            self._free.append(name)
        else:
            await self._forget(name)
            await drop_database(self._server, name)

    async def _emptied(self, name: str) -> bool:
        assert self._pristine is not None
        for _ in range(2):
            try:
                return await _make(await self._connection(name), self._pristine)
            except _GONE:
                await self._forget(name)
        return False

    async def _connection(self, name: str) -> asyncpg.Connection:
        if name not in self._connections:
            self._connections[name] = await asyncpg.connect(self._server.url(name))
        return self._connections[name]

    async def _forget(self, *names: str) -> None:
        for name in names:
            if (connection := self._connections.pop(name, None)) is not None:
                await connection.close()


async def _read(connection: asyncpg.Connection) -> _Pristine:
    tables = tuple(row["relname"] for row in await connection.fetch(_TABLES))
    rows = {}
    for table in await _filled(connection, tables):
        found = io.BytesIO()
        await connection.copy_from_table(table, output=found, format="binary")
        rows[table] = found.getvalue()
    sequences = {row["sequencename"]: tuple(row) for row in await connection.fetch(_SEQUENCES)}
    shape, size = await connection.fetchval(_SHAPE), await connection.fetchval(_SIZE)
    return _Pristine(shape, size, tables, rows, sequences)


async def _make(connection: asyncpg.Connection, pristine: _Pristine) -> bool:
    await connection.execute(_END_OTHERS)
    if await connection.fetchval(_SHAPE) != pristine.shape:
        return False
    if await connection.fetchval(_SIZE) > pristine.size + MOST_GROWN:
        return False
    async with connection.transaction():
        # References are not followed: every table is as it should be in the end.
        await connection.execute("SET LOCAL session_replication_role = replica")
        filled = await _filled(connection, pristine.tables)
        await connection.execute(";".join(f'DELETE FROM "{table}"' for table in filled))
        for table, rows in pristine.rows.items():
            await connection.copy_to_table(table, source=io.BytesIO(rows), format="binary")
        for row in await connection.fetch(_SEQUENCES):
            if tuple(row) != (before := pristine.sequences[row["sequencename"]]):
                name, last, start = before
                await connection.execute("SELECT setval($1, $2, $3)", name, last or start, last is not None)
    return True


async def _filled(connection: asyncpg.Connection, tables: tuple[str, ...]) -> list[str]:
    cases = ", ".join(f"""CASE WHEN EXISTS (SELECT FROM "{table}") THEN '{table}' END""" for table in tables)
    found: list[str] = await connection.fetchval(f"SELECT array_remove(ARRAY[{cases}], NULL)")
    return found


async def create_database(server: EmbeddedPostgres, name: str, template: str = "template0") -> str:
    """Make a database; its address."""
    admin = await asyncpg.connect(server.url("postgres"))
    try:
        # FILE_COPY asks for a checkpoint, which is cheap without fsync; WAL_LOG takes four times the processor.
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    finally:
        await admin.close()
    return server.url(name)


async def drop_database(server: EmbeddedPostgres, name: str) -> None:
    """Drop a database, whoever is connected."""
    admin = await asyncpg.connect(server.url("postgres"))
    try:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await admin.close()
