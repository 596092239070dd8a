"""Rows in the binary format of COPY (PostgreSQL documentation, COPY, "Binary Format"): made in one process, only passed
on by another.

A row is the number of its fields, then each field: its length in bytes and its value, as the type's receive function
takes it. Each function here makes one field; ``row`` puts them together, ``stream`` makes what COPY reads.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

#: A field without a value.
NULL: Final = b"\xff\xff\xff\xff"
_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_BIGINT_OID: Final = 20
_EMPTY_ARRAY: Final = struct.pack(">iiiI", 12, 0, 0, _BIGINT_OID)
_INTEGER: Final = struct.Struct(">ii")
_BIGINT: Final = struct.Struct(">iq")


def data(value: bytes | None) -> bytes:
    """A bytea."""
    return NULL if value is None else len(value).to_bytes(4, "big") + value


def text(value: str | None) -> bytes:
    """A varchar or text."""
    return NULL if value is None else data(value.encode())


@lru_cache(maxsize=1_024)
def word(value: str | None) -> bytes:
    """The same for what comes again and again: a kind, a language, the name of a key."""
    return text(value)


def uuid(value: str | None) -> bytes:
    """A uuid, written with or without hyphens."""
    return NULL if value is None else b"\0\0\0\x10" + bytes.fromhex(value.replace("-", ""))


def integer(value: int) -> bytes:
    """An integer of 32 bits."""
    return _INTEGER.pack(4, value)


def moment(value: datetime) -> bytes:
    """A timestamptz: microseconds since 2000."""
    return _BIGINT.pack(8, (value - _EPOCH) // timedelta(microseconds=1))


def document(value: Mapping[str, Any]) -> bytes:
    """A jsonb."""
    return data(b"\x01" + json.dumps(value, ensure_ascii=False).encode()) if value else _EMPTY_DOCUMENT


def bigints(values: Sequence[int]) -> bytes:
    """A bigint[]."""
    if not values:
        return _EMPTY_ARRAY
    count = len(values)
    pairs = [part for value in values for part in (8, value)]
    return _array(count).pack(20 + 12 * count, 1, 0, _BIGINT_OID, count, 1, *pairs)


def row(fields: Sequence[bytes], further: int = 0) -> bytes:
    """A row; ``further`` fields are still to follow it."""
    return (len(fields) + further).to_bytes(2, "big") + b"".join(fields)


def stream(rows: Sequence[bytes], end: bytes = b"") -> bytes:
    """What COPY reads, of one row at least. ``end``: the last fields of every row."""
    return b"".join((_SIGNATURE, end.join(rows), end, _TRAILER))


@lru_cache(maxsize=256)
def _array(count: int) -> struct.Struct:
    return struct.Struct(">iiiIii" + "iq" * count)


_EMPTY_DOCUMENT: Final = data(b"\x01{}")
