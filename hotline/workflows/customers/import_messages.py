"""What passes between a process that imports and those that read the file for it: one task, then messages.

A message is its length, its kind, and plain values as ``marshal`` writes them: steps are most of what passes, and it
takes a tenth of the time that pickling their objects took. Both ends are this program, in the same Python.
"""

from __future__ import annotations

import marshal
import pickle
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

from hotline.crm.import_seal import Prepared, Sealing, prepared
from hotline.crm.keys import Keyring
from hotline.customers.import_reading import Reading
from hotline.customers.import_record import Plan

LENGTH: Final = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is to do. ``after``: the last row that is done already. ``share`` of ``shares``: which steps."""

    work: Literal["sample", "prepare"]
    path: Path
    secret: bytes = field(repr=False)
    owner: UUID
    format: str
    reading: Reading | None = None
    plan: Plan | None = None
    keyring: Keyring | None = field(default=None, repr=False)
    sealing: Sealing | None = field(default=None, repr=False)
    after: int = 0
    share: int = 0
    shares: int = 1


@dataclass(frozen=True, slots=True)
class Refused:
    """The file cannot be read, or not further; ``detail`` is for people."""

    detail: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The file is at its end; ``rows`` is the number of the last one."""

    rows: int


def written(message: object) -> bytes:
    """A worker's message as bytes."""
    if isinstance(message, Prepared):
        kind, data = b"P", marshal.dumps(message.packed())
    else:
        kind, data = b"O", pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(data) + 1) + kind + data


def read(data: bytes) -> object:
    """A worker's message out of its bytes, without the length before them."""
    if data[:1] == b"P":
        return prepared(marshal.loads(memoryview(data)[1:]))  # noqa: S302 - from the process that this one started
    return pickle.loads(memoryview(data)[1:])  # noqa: S301 - the same
