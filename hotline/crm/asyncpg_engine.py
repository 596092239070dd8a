"""Tortoise's asyncpg client with hotline's pool: one connection string, JSON as Python values, no reset round trip.

Tortoise picks its migration dialect by the word ``asyncpg`` in this module's name.
"""

from __future__ import annotations

import json
from typing import Any, Final

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient

#: Seconds for one connection attempt; a server that is up answers in milliseconds.
CONNECT_TIMEOUT: Final = 5.0

#: Seconds for one statement; a half-open connection is noticed after that long.
COMMAND_TIMEOUT: Final = 20.0


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A pooled connection that needs no reset: nothing in hotline sets session state on the pool."""

    def get_reset_query(self) -> str:
        """Nothing: the default costs one round trip for each unit of work."""
        return ""


# jsonb in binary form (a version byte, then the text): COPY takes no other.
_JSONB_VERSION: Final = b"\x01"
#: Made once: ``json.dumps`` would make one for each value.
_WRITTEN: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _encode(value: Any) -> bytes:
    # Tortoise's JSONField hands over text, hand-written SQL hands over values.
    text = value if isinstance(value, str) else _WRITTEN(value)
    return _JSONB_VERSION + text.encode()


def _decode(data: bytes) -> Any:
    text = bytes(data)[1:]
    return {} if text == b"{}" else json.loads(text)  # most objects are empty, and reading one takes a while


# asyncpg looks an array's type up when a connection first meets it, which takes some milliseconds for each: in the way
# of a ring, on connections that only bursts of rings need. In one go they cost as much as one of them.
_MEET_TYPES: Final = """
SELECT NULL::uuid[], NULL::bigint[], NULL::int[], NULL::smallint[], NULL::bytea[], NULL::timestamptz[], NULL::jsonb[],
       NULL::bool[], ARRAY(SELECT (1, 'one') WHERE false)
"""


async def prepare_connection(connection: asyncpg.Connection) -> None:
    """Teach one connection that jsonb is Python values, and what arrays there are."""
    await connection.set_type_codec("jsonb", encoder=_encode, decoder=_decode, schema="pg_catalog", format="binary")
    await connection.fetchrow(_MEET_TYPES)


class HotlineClient(AsyncpgDBClient):
    """Opens the pool from ``dsn`` instead of single fields, so that every option of the address works."""

    def __init__(self, dsn: str, **credentials: Any) -> None:
        super().__init__(**credentials)
        self._dsn = dsn

    async def create_pool(self, **options: Any) -> asyncpg.Pool:
        """The pool of this process."""
        return await asyncpg.create_pool(
            self._dsn,
            min_size=options["min_size"],
            max_size=options["max_size"],
            connection_class=Connection,
            init=prepare_connection,
            timeout=CONNECT_TIMEOUT,
            command_timeout=COMMAND_TIMEOUT,
            # Connections stay, with their prepared statements: the first pop after a quiet hour is as quick as any.
            max_inactive_connection_lifetime=0,
            statement_cache_size=500,
            max_cached_statement_lifetime=0,
            server_settings={
                "application_name": "hotline",
                "timezone": "UTC",
                "jit": "off",
                # Firewalls forget connections that carry nothing.
                "tcp_keepalives_idle": "60",
            },
        )


client_class = HotlineClient
