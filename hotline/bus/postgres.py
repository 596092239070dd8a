"""The bus over PostgreSQL's LISTEN/NOTIFY: the default, nothing more to run. One connection per process."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import asyncpg

from hotline.bus.base import QUEUE_SIZE
from hotline.bus.remote import PING_SECONDS, TIMEOUT, RemoteBus

CHANNEL: Final = "hotline"


class PostgresBus(RemoteBus):
    """Needs a connection of its own: a pooled one forgets its LISTEN."""

    kind = "postgres"

    def __init__(self, dsn: str, *, queue_size: int = QUEUE_SIZE, ping_seconds: float = PING_SECONDS) -> None:
        super().__init__(queue_size=queue_size, ping_seconds=ping_seconds)
        self._dsn = dsn

    async def _session(self) -> None:
        connection = await asyncpg.connect(
            self._dsn, timeout=TIMEOUT, command_timeout=TIMEOUT, server_settings={"application_name": "hotline-bus"}
        )
        gone = asyncio.Event()
        connection.add_termination_listener(lambda _: gone.set())
        try:
            await connection.add_listener(CHANNEL, self._notified)
            self._up()
            await self._carry(connection, gone)
        finally:
            # Not close(): on a half-open connection that waits for an answer.
            connection.terminate()

    async def _carry(self, connection: asyncpg.Connection, gone: asyncio.Event) -> None:
        ended = asyncio.ensure_future(gone.wait())
        waiting: asyncio.Future[str] = asyncio.ensure_future(self._outgoing.get())
        try:
            while not gone.is_set():
                futures: set[asyncio.Future[Any]] = {ended, waiting}
                await asyncio.wait(futures, timeout=self._ping_seconds, return_when=asyncio.FIRST_COMPLETED)
                if waiting.done():
                    batch = self._more(waiting.result())
                    waiting = asyncio.ensure_future(self._outgoing.get())
                    # An error from here on loses the batch: the others are told to resync when we are back.
                    self._unsent = True
                    await connection.execute(
                        "SELECT pg_notify($1, note) FROM unnest($2::text[]) AS note", CHANNEL, batch
                    )
                    self._unsent = False
                elif not ended.done():
                    await connection.fetchval("SELECT 1")
        finally:
            ended.cancel()
            if waiting.done() and not waiting.cancelled():
                self._unsent = True
            waiting.cancel()

    def _notified(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        self._received(payload)
