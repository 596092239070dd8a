"""Ids are UUIDv7 (RFC 9562 §5.7), made in Python so that a row's id is known before it is written."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from uuid_utils.compat import uuid7

NewId = Callable[[], UUID]


def new_id() -> UUID:
    """A fresh id, ordered by the time of its making."""
    return uuid7()
