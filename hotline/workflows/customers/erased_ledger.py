"""Who was erased, outside the database: ids alone, so that a backup from before an erasure does not bring anybody
back. Each line is signed by the master key: nobody can have people erased by writing into a file.

The same lines lie in the data folder and, from each backup on, beside the backups.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog

from hotline.crm.keys import Keyring

log = structlog.get_logger(__name__)

LEDGER: Final = "erasures.jsonl"
_LONGEST_LINE: Final = 100_000


@dataclass(frozen=True, slots=True)
class Erased:
    """One erasure: the customer's id, and whom it reached."""

    customer_id: UUID
    at: datetime


def signed(keyring: Keyring, erased: Erased) -> str:
    """The line of one erasure."""
    master, mac = keyring.sign(_message(erased))
    return json.dumps(
        {"customer": str(erased.customer_id), "at": erased.at.isoformat(), "master": master, "mac": mac.hex()}
    )


def note(folder: Path, lines: Iterable[str]) -> None:
    """Add lines that are not there yet. Blocking."""
    path = folder / LEDGER
    known = set(_lines(path))
    fresh = [line for line in lines if line not in known]
    if not fresh:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("".join(f"{line}\n" for line in fresh))
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, keyring: Keyring) -> list[Erased]:
    """The erasures of a file; none when there is no such file. Lines that this key ring did not sign do not count."""
    found: list[Erased] = []
    strangers = 0
    for line in _lines(path):
        try:
            entry = json.loads(line)
            erased = Erased(UUID(entry["customer"]), datetime.fromisoformat(entry["at"]))
            genuine = keyring.verify(str(entry["master"]), _message(erased), bytes.fromhex(entry["mac"]))
        except (ValueError, KeyError, TypeError):
            genuine = None
        if genuine:
            found.append(erased)
        else:
            strangers += 1
    if strangers:
        log.warning("erasures.unsigned", lines=strangers, advice="written by another installation, or altered")
    return found


def _lines(path: Path) -> list[str]:
    try:
        with path.open() as file:
            return [line.strip() for line in file if line.strip() and len(line) < _LONGEST_LINE]
    except FileNotFoundError:
        return []


def _message(erased: Erased) -> bytes:
    return f"hotline erased\0{erased.customer_id}\0{erased.at.isoformat()}".encode()
