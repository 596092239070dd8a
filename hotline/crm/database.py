"""The database: one pool of connections to PostgreSQL, embedded or by address, and transactions on it.

Everything that reads takes a ``Reader``: the database itself, or a unit of work that wants to see its own writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

import asyncpg
import structlog
import tortoise.context
from asyncpg.pool import PoolAcquireContext
from tortoise import Tortoise
from tortoise.backends.asyncpg.client import TransactionWrapper
from tortoise.context import TortoiseContext

from hotline.crm.asyncpg_engine import CONNECT_TIMEOUT, HotlineClient, prepare_connection
from hotline.crm.embedded import EmbeddedPostgres
from hotline.crm.failures import translated
from hotline.errors import SettingError, Unavailable

log = structlog.get_logger(__name__)

EMBEDDED: Final = "embedded"
OLDEST_SERVER: Final = 160000

#: Seconds to wait for a free connection before the caller is told to come back.
ACQUIRE_TIMEOUT: Final = 10.0

#: Seconds between two looks at the embedded server's process.
SUPERVISE_SECONDS: Final = 1.0

Row = Mapping[str, Any]
_CONNECTION: Final = "default"
_THROUGH_BITMAPS: Final = (
    "SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL work_mem = '32MB'"
)
_NO_PROBES: Final = "SET LOCAL enable_indexscan = off"


class Reader(Protocol):
    """What a query needs: the database, or a unit of work."""

    async def fetch(self, sql: str, *args: Any) -> Sequence[Row]:
        """All rows."""
        ...

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        """The first row, or None."""
        ...

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        ...


def orm_config(dsn: str, pool_size: int = 10, warm: int = 1) -> dict[str, Any]:
    """Tortoise's configuration: one connection (a pool, ``warm`` of it opened at once), one app called ``crm``."""
    return {
        "connections": {
            _CONNECTION: {
                "engine": "hotline.crm.asyncpg_engine",
                "credentials": {"dsn": dsn, "minsize": min(warm, pool_size), "maxsize": pool_size},
            }
        },
        "apps": {
            "crm": {
                "models": ["hotline.crm.models"],
                "migrations": "hotline.crm.migrations",
                "default_connection": _CONNECTION,
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


class Database:
    """One pool. Every failure comes as an exception of ``hotline.errors``; ``Unavailable`` passes by itself."""

    def __init__(
        self, dsn: str, server: EmbeddedPostgres | None, context: TortoiseContext, client: HotlineClient
    ) -> None:
        self.dsn = dsn
        self._server = server
        self._context = context
        self._client = client
        self._supervisor: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls, url: str, *, data_dir: Path, migrate: bool = False, check: bool = True, pool_size: int = 10, warm: int = 1
    ) -> Database:
        """Connect to ``url``, or start the embedded server in ``data_dir`` when it is ``embedded``.

        With ``migrate`` the schema is brought up to date; else a schema that is not this version's is refused, unless
        ``check`` is off. ``warm`` connections are opened at once, the others when needed. Raises SettingError when the
        address cannot work and Unavailable when nobody answers there.
        """
        server = None
        if url == EMBEDDED:
            server = EmbeddedPostgres(data_dir / "postgres")
            await asyncio.to_thread(server.open)
            url = server.url()
        try:
            await _probe(url)
            database = await cls._connect(url, server, pool_size, warm)
        except BaseException:
            if server is not None:
                await asyncio.to_thread(server.close)
            raise
        try:
            # Imported here: migrations need a database to be defined first.
            from hotline.crm import migrate as migration

            if migrate:
                await migration.migrate(database)
            elif check:
                await migration.check(database)
        except BaseException:
            await database.close()
            raise
        if server is not None:
            database._supervisor = asyncio.create_task(database._supervise(server), name="postgresql-supervisor")
        return database

    @classmethod
    async def _connect(cls, dsn: str, server: EmbeddedPostgres | None, pool_size: int, warm: int) -> Database:
        # A context of its own, so that two databases in one process do not close each other's pool.
        outer = tortoise.context._current_context.set(None)
        try:
            context = await Tortoise.init(
                config=orm_config(dsn, pool_size, warm),
                # Tasks that were not started from here find the connection too; one database a process can have this.
                _enable_global_fallback=tortoise.context._global_context is None,
            )
            client = cast(HotlineClient, context.connections.get(_CONNECTION))
            with translated():
                await client.create_connection(with_db=True)
        finally:
            tortoise.context._current_context.reset(outer)
        return cls(dsn, server, context, client)

    async def close(self) -> None:
        """Close the pool; stop the embedded server when nobody else uses it."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            with suppress(asyncio.CancelledError):
                await self._supervisor
            self._supervisor = None
        await self._client.close()
        if tortoise.context._global_context is self._context:
            tortoise.context._global_context = None
        if self._server is not None:
            await asyncio.to_thread(self._server.close)

    async def fetch(self, sql: str, *args: Any) -> Sequence[Row]:
        """All rows of one statement, in a transaction of its own."""
        with translated():
            async with self._acquired() as connection:
                return cast(Sequence[Row], await connection.fetch(sql, *args))

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        """The first row of one statement, or None."""
        with translated():
            async with self._acquired() as connection:
                return cast("Row | None", await connection.fetchrow(sql, *args))

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        with translated():
            async with self._acquired() as connection:
                return await connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> str:
        """Run one statement; answers PostgreSQL's command tag."""
        with translated():
            async with self._acquired() as connection:
                return cast(str, await connection.execute(sql, *args))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[TransactionWrapper]:
        """One transaction, which models and hand-written SQL inside share. Inner ones are not for nesting.

        Not Tortoise's ``in_transaction``: when BEGIN fails on a lost connection, that one never gives it back.
        """
        with translated():
            connection = await self._acquired()
            try:
                async with self._bound(connection) as client:
                    yield client
            finally:
                await self._pool.release(connection)

    @asynccontextmanager
    async def searching(self, *, probes: bool = False) -> AsyncIterator[Reader]:
        """Reads that go through bitmaps of indexes alone, each planned by its own values; with ``probes`` also row by
        row through an index.

        For searches: words that are common each and rare together look common to the planner, which would then walk
        the whole table for the first few that have them all.
        """
        with translated():
            async with (
                self._acquired() as connection,
                connection.transaction(readonly=True),
            ):
                await connection.execute(_THROUGH_BITMAPS if probes else f"{_THROUGH_BITMAPS}; {_NO_PROBES}")
                yield connection

    @asynccontextmanager
    async def long_transaction(self) -> AsyncIterator[TransactionWrapper]:
        """A transaction on a connection of its own, without a limit of time: migrations, COPY."""
        with translated():
            connection = await self.connect()
            try:
                async with self._bound(connection) as client:
                    yield client
            finally:
                await connection.close()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Reader]:
        """Reads that all see the same moment, however many statements they take."""
        with translated():
            connection = await self.connect()
            try:
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    yield connection
            finally:
                await connection.close()

    async def connect(self) -> asyncpg.Connection:
        """A connection outside the pool, for who needs a session: LISTEN, COPY, advisory locks."""
        with translated():
            connection = await asyncpg.connect(self.dsn, timeout=CONNECT_TIMEOUT)
            try:
                await prepare_connection(connection)
            except BaseException:
                connection.terminate()  # whoever asked for it is gone and will not close it
                raise
            return connection

    @asynccontextmanager
    async def _bound(self, connection: asyncpg.Connection) -> AsyncIterator[TransactionWrapper]:
        client = TransactionWrapper(self._client)
        client._connection = connection
        context = tortoise.context._current_context.set(self._context)
        token = self._context.connections.set(_CONNECTION, client)
        cancelled = False
        try:
            async with connection.transaction():
                try:
                    yield client
                except asyncio.CancelledError:
                    cancelled = True
                    raise
        except Exception as error:
            if not cancelled:
                raise
            # PostgreSQL did not take the rollback in time: whoever was cancelled stays so, and this connection ends.
            # asyncpg may have ended it before, and then it is no longer ours to end.
            with suppress(asyncpg.InterfaceError):
                connection.terminate()
            raise asyncio.CancelledError from error
        finally:
            self._context.connections.reset(token)
            tortoise.context._current_context.reset(context)

    def _acquired(self) -> PoolAcquireContext:
        """A connection of the pool. A time-out costs as much as a short statement: it is for those who wait."""
        pool = self._pool
        return pool.acquire() if pool.get_idle_size() else pool.acquire(timeout=ACQUIRE_TIMEOUT)

    @property
    def _pool(self) -> asyncpg.Pool:
        if self._client._pool is None:
            raise Unavailable("The database is closed.")
        return self._client._pool

    async def _supervise(self, server: EmbeddedPostgres) -> None:
        while True:
            await asyncio.sleep(SUPERVISE_SECONDS)
            try:
                if not server.running():
                    await asyncio.to_thread(server.ensure_running)
            except Exception as error:
                log.error("postgresql.restart_failed", error=str(error))


async def _probe(dsn: str) -> None:
    """Connect once, so that a wrong address is one clear line and not a pool's traceback."""
    place = _place(dsn)
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        raise SettingError(f"HOTLINE_DATABASE_URL: {place} refuses this user or password") from None
    except asyncpg.InvalidCatalogNameError:
        raise SettingError(f"HOTLINE_DATABASE_URL: {place} has no database of that name") from None
    except (asyncpg.ClientConfigurationError, ValueError) as error:
        raise SettingError(f"HOTLINE_DATABASE_URL: {error}") from None
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unavailable(f"PostgreSQL at {place} does not answer: {type(error).__name__}") from error
    try:
        version = connection.get_server_version()
        if version.major * 10000 < OLDEST_SERVER:
            raise SettingError(f"HOTLINE_DATABASE_URL: {place} is PostgreSQL {version.major}; 16 or later is needed")
    finally:
        await connection.close()


def _place(dsn: str) -> str:
    """The server's name for a message: never the password."""
    parts = urlsplit(dsn)
    if parts.hostname:
        return f"{parts.hostname}:{parts.port or 5432}"
    return "the unix socket of the address"
