"""What passes between a process that imports and those that read the file for it: one task, then messages.

A message is its length and a pickle; both ends are this program.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

from hotline.crm.import_seal import Sealing
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
