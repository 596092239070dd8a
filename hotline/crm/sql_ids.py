"""Ids made inside statements that write very many rows."""

from __future__ import annotations

from typing import Final

#: An expression for a new UUIDv7 (RFC 9562 5.7) of each row; PostgreSQL has one of its own from 18 on only. The first
#: 48 bits are milliseconds, and the version's bits are set in the place of a random UUID's.
UUID7: Final = (
    "encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING"
    " substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),"
    " 52, 1), 53, 1), 'hex')::uuid"
)
