"""Ids are UUIDv7 (RFC 9562 §5.7), made in Python so that a row's id is known before it is written."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import uuid_utils
from uuid_utils.compat import uuid7

NewId = Callable[[], UUID]


def new_id() -> UUID:
    """A fresh id, ordered by the time of its making."""
    return uuid7()


def new_text_id() -> str:
    """The same as text, for who makes very many: it takes a fifth of the time."""
    return str(uuid_utils.uuid7())
