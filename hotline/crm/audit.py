"""The audit trail's chain and seals (DESIGN §3).

Entries commit with their change, unchained; within a second a sealer gives them positions 1, 2, 3 … and hashes, each
over the one before it. Each batch ends in a seal: the last hash, signed by the master key, so that nobody with the
database alone can write the chain anew. The newest seal is also written to a file outside the database, so that entries
and seals cut off together, or a database put back to an older state, are found too.

What is not found: an entry removed in the second before it is sealed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from hotline.crm.database import Database, Reader, Row
from hotline.crm.keys import Keyring

#: The hash before the first entry.
ORIGIN: Final = bytes(32)

#: Most entries sealed in one transaction.
BATCH: Final = 1000

#: Key of the advisory lock under which one sealer works.
LOCK: Final = 0x686F746C73656C

HEAD_FILE: Final = "audit-head.json"

_COLUMNS: Final = "id, at, actor_kind, actor_id, action, subject_id, data, position, hash"


@dataclass(frozen=True, slots=True)
class Seal:
    """The chain's head at one moment."""

    position: int
    hash: bytes
    at: datetime
    master: str
    mac: bytes

    @property
    def message(self) -> bytes:
        """What is signed."""
        return b"hotline audit seal\0%d\0%s" % (self.position, self.hash)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the trail, or with what it tells of (``position`` 0). ``kind``: changed, missing, truncated,
    forged or unreadable."""

    kind: str
    position: int
    text: str


@dataclass(slots=True)
class Report:
    """What ``verify`` saw. ``unsealed`` entries are newer than the last seal; ``manifests`` are of campaigns."""

    entries: int = 0
    seals: int = 0
    unsealed: int = 0
    manifests: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def chained(previous: bytes, entry: Row) -> bytes:
    """The hash of an entry after the one whose hash is ``previous``."""
    content = [
        entry["position"],
        str(entry["id"]),
        entry["at"].astimezone(UTC).isoformat(timespec="microseconds"),
        entry["actor_kind"],
        _text(entry["actor_id"]),
        entry["action"],
        _text(entry["subject_id"]),
        entry["data"],
    ]
    # Canonical: sorted keys, no spaces. The data is what PostgreSQL's jsonb gives back, at sealing as at verifying.
    encoded = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    return hashlib.sha256(previous + encoded).digest()


async def seal(db: Database, keyring: Keyring, now: datetime, *, limit: int = BATCH) -> Seal | None:
    """Chain and seal what has committed since the last time; None when there was nothing, or another sealer works."""
    # The cheap look first: idle sealers take no lock.
    if not await db.fetchval("SELECT EXISTS (SELECT 1 FROM audit_entry WHERE position IS NULL)"):
        return None
    async with db.transaction() as client:
        connection = client._connection
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK):
            return None
        last = await connection.fetchrow("SELECT position, hash FROM audit_seal ORDER BY position DESC LIMIT 1")
        position, head = (last["position"], last["hash"]) if last else (0, ORIGIN)
        entries = await connection.fetch(
            f"SELECT {_COLUMNS} FROM audit_entry WHERE position IS NULL ORDER BY id LIMIT $1",  # noqa: S608
            limit,
        )
        if not entries:
            return None
        positions: list[int] = []
        hashes: list[bytes] = []
        for entry in entries:
            position += 1
            head = chained(head, dict(entry) | {"position": position})
            positions.append(position)
            hashes.append(head)
        await connection.execute(
            """UPDATE audit_entry SET position = sealed.position, hash = sealed.hash
               FROM unnest($1::uuid[], $2::bigint[], $3::bytea[]) AS sealed (id, position, hash)
               WHERE audit_entry.id = sealed.id""",
            [entry["id"] for entry in entries],
            positions,
            hashes,
        )
        made = _sign(keyring, position, head, now)
        await connection.execute(
            "INSERT INTO audit_seal (position, hash, at, master, mac) VALUES ($1, $2, $3, $4, $5)",
            made.position,
            made.hash,
            made.at,
            made.master,
            made.mac,
        )
        return made


def _sign(keyring: Keyring, position: int, head: bytes, now: datetime) -> Seal:
    unsigned = Seal(position, head, now, "", b"")
    master, mac = keyring.sign(unsigned.message)
    return Seal(position, head, now, master, mac)


# The head outside the database


def keep_head(folder: Path, made: Seal) -> None:
    """Write the newest seal to ``folder``, whole or not at all."""
    text = json.dumps({"position": made.position, "hash": made.hash.hex(), "at": made.at.isoformat()})
    fresh = folder / f".{HEAD_FILE}.{os.getpid()}"
    fresh.write_text(text + "\n")
    fresh.replace(folder / HEAD_FILE)


def kept_head(folder: Path) -> tuple[int, bytes] | None:
    """Position and hash of the newest seal that ``folder`` knows, or None."""
    try:
        found = json.loads((folder / HEAD_FILE).read_text())
    except FileNotFoundError:
        return None
    return int(found["position"]), bytes.fromhex(found["hash"])


async def contradicts(db: Reader, head: tuple[int, bytes]) -> bool:
    """Whether the seals lack a head that was kept outside: they were cut off, or put back to an older state."""
    position, digest = head
    found: bytes | None = await db.fetchval("SELECT hash FROM audit_seal WHERE position = $1", position)
    return found != digest


# Verifying


async def verify(db: Reader, keyring: Keyring, heads: Sequence[tuple[int, bytes]] = ()) -> Report:
    """Walk the whole chain and name what was changed, is missing or was cut off.

    ``db`` must be one snapshot (``Database.snapshot``), or the sealer's work meanwhile looks like damage. ``heads`` are
    (position, hash) pairs known from outside the database: the kept head, a printed one.
    """
    report = Report()
    report.seals = await db.fetchval("SELECT count(*) FROM audit_seal")
    report.unsealed = await db.fetchval("SELECT count(*) FROM audit_entry WHERE position IS NULL")
    wanted = {position for position, _ in heads}
    last, hashes = await _walk(db, keyring, wanted, report)
    cut = await db.fetchval("SELECT coalesce(max(position), 0) FROM audit_seal WHERE position > $1", last)
    for position, digest in heads:
        if position > last:
            cut = max(cut, position)
        elif position in hashes and hashes[position] != digest:
            report.findings.append(
                Finding("forged", position, f"The chain up to entry {position} is not the one that was kept outside.")
            )
    if cut:
        text = f"The last entries are gone: sealed up to {cut}, there up to {last}."
        report.findings.append(Finding("truncated", last + 1, text))
    return report


async def _walk(db: Reader, keyring: Keyring, wanted: set[int], report: Report) -> tuple[int, dict[int, bytes]]:
    """Check entry after entry; answer the last position and the stored hashes at the ``wanted`` ones."""
    expected, last_seal = 1, 0
    head: bytes | None = ORIGIN
    kept: dict[int, bytes] = {}
    while True:
        entries = await db.fetch(
            f"SELECT {_COLUMNS} FROM audit_entry WHERE position >= $1 ORDER BY position LIMIT $2",  # noqa: S608
            expected,
            BATCH,
        )
        seals = await _seals(db, entries)
        for entry in entries:
            position = entry["position"]
            if position > expected:
                report.findings.append(_missing(expected, position - 1))
                # The chain cannot be followed across a hole: go on from what the next entry claims.
                head = None
            digest = entry["hash"]
            if head is not None and chained(head, entry) != digest:
                report.findings.append(Finding("changed", position, f"Entry {position} was changed."))
            report.entries += 1
            expected, head = position + 1, digest
            if position in wanted:
                kept[position] = digest
            if (sealed := seals.get(position)) is not None:
                _check_seal(keyring, sealed, digest, last_seal, report)
                last_seal = position
        if len(entries) < BATCH:
            break
    if expected - 1 > last_seal:
        text = f"Entries {last_seal + 1} to {expected - 1} are chained but not sealed: a seal was removed."
        report.findings.append(Finding("forged", last_seal + 1, text))
    return expected - 1, kept


async def _seals(db: Reader, entries: Sequence[Row]) -> dict[int, Seal]:
    """The seals that belong to some of ``entries``."""
    if not entries:
        return {}
    rows = await db.fetch(
        "SELECT * FROM audit_seal WHERE position BETWEEN $1 AND $2", entries[0]["position"], entries[-1]["position"]
    )
    return {row["position"]: Seal(**dict(row)) for row in rows}


def _check_seal(keyring: Keyring, sealed: Seal, digest: bytes, last_seal: int, report: Report) -> None:
    genuine = keyring.verify(sealed.master, sealed.message, sealed.mac)
    span = f"{last_seal + 1} to {sealed.position}"
    if genuine is None:
        text = f"The seal of entries {span} was made with a master key that HOTLINE_SECRET_KEY lacks."
        report.findings.append(Finding("unreadable", sealed.position, text))
    elif not genuine or sealed.hash != digest:
        text = f"Entries {span} do not bear their seal: one of them was rewritten, or the seal was."
        report.findings.append(Finding("forged", sealed.position, text))


def _missing(first: int, last: int) -> Finding:
    text = f"Entry {first} is missing." if first == last else f"Entries {first} to {last} are missing."
    return Finding("missing", first, text)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
