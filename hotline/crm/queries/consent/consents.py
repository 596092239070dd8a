"""Consent: what holds, and every record of it with its wording; of the customers whom the viewer sees."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, Wrapped
from hotline.crm.queries.customers.customers import require_customer
from hotline.crm.scopes import Arguments, all_of, customers_seen, customers_seen_each
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound

#: However many are asked for, a page holds no more than this.
MOST: Final = 201


@dataclass(frozen=True, slots=True)
class ConsentView:
    """What holds for a customer, a channel and a purpose, since when, and the record that says so."""

    id: UUID
    customer_id: UUID
    channel: str
    purpose: str
    state: str
    since: datetime
    source: str
    record_id: UUID


@dataclass(frozen=True, slots=True)
class ConsentRecordView:
    """One time that somebody agreed or took it back. ``user`` is the login of who wrote it down, ``origin`` how it was
    said as an imported file told; ``undone_at``: the import was undone, it counts no more."""

    id: UUID
    customer_id: UUID
    customer_number: int
    customer_name: str = field(repr=False)
    channel: str
    purpose: str
    action: str
    source: str
    source_id: UUID | None
    call_id: UUID | None
    user: str | None
    at: datetime
    wording: str = field(repr=False)
    proof: str = field(repr=False)
    ip: str = field(repr=False)
    origin: str = field(repr=False)
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class ConsentFilter:
    """Which of them; None: whatever."""

    customer_id: UUID | None = None
    channel: str | None = None
    purpose: str | None = None
    state: str | None = None
    source: str | None = None


async def list_consents(
    db: Reader, viewer: Viewer, chosen: ConsentFilter, *, limit: int, after: UUID | None = None
) -> list[ConsentView]:
    """What holds, the latest first. Raises NotFound for a customer whom the viewer does not see."""
    viewer.require("consents.read")
    bind = Arguments()
    conditions = await _conditions(db, viewer, chosen, bind, "state")
    if after is not None:
        conditions.append(f"(x.since, x.id) < (SELECT e.since, e.id FROM consent e WHERE e.id = {bind(after)})")  # noqa: S608
    rows = await db.fetch(
        f"""SELECT x.id, x.customer_id, x.channel, x.purpose, x.state, x.since, r.source, x.record_id
            FROM consent x JOIN consent_record r ON r.id = x.record_id JOIN customer c ON c.id = x.customer_id
            WHERE {" AND ".join(conditions)} ORDER BY x.since DESC, x.id DESC LIMIT {bind(_limit(limit))}""",  # noqa: S608
        *bind.values,
    )
    return [ConsentView(**dict(row)) for row in rows]


async def list_consent_records(
    db: Reader, keyring: Keyring, viewer: Viewer, chosen: ConsentFilter, *, limit: int, after: UUID | None = None
) -> list[ConsentRecordView]:
    """Every record with its wording, the latest first. Raises NotFound as above."""
    viewer.require("consents.read")
    bind = Arguments()
    conditions = await _conditions(db, viewer, chosen, bind, "action")
    if after is not None:
        conditions.append(f"(x.at, x.id) < (SELECT e.at, e.id FROM consent_record e WHERE e.id = {bind(after)})")  # noqa: S608
    rows = await db.fetch(
        f"{_RECORDS} WHERE {' AND '.join(conditions)} ORDER BY x.at DESC, x.id DESC LIMIT {bind(_limit(limit))}",
        *bind.values,
    )
    return [_record(keyring, row) for row in rows]


async def get_consent_record(db: Reader, keyring: Keyring, viewer: Viewer, record_id: UUID) -> ConsentRecordView:
    """One record. Raises NotFound."""
    viewer.require("consents.read")
    bind = Arguments(record_id)
    seen = all_of(customers_seen(viewer, bind))
    row = await db.fetchrow(f"{_RECORDS} WHERE x.id = $1 AND {seen}", *bind.values)
    if row is None:
        raise NotFound()
    return _record(keyring, row)


async def suppressed_channels(db: Reader, viewer: Viewer, seen_id: UUID) -> Mapping[str, str]:
    """channel → ``all`` or ``marketing``, of those over which one of a customer's addresses gets nothing; of a
    customer of whom the caller knows that the viewer sees them."""
    viewer.require("consents.read")
    rows = await db.fetch(
        """SELECT s.channel, bool_or(s.purpose = 'all') AS whole
           FROM contact_point p JOIN suppression s ON s.address_index = p.value_index AND s.lifted_at IS NULL
           WHERE p.customer_id = $1 GROUP BY s.channel""",
        seen_id,
    )
    return {row["channel"]: "all" if row["whole"] else "marketing" for row in rows}


_RECORDS: Final = """
SELECT x.id, x.customer_id, x.channel, x.purpose, x.action, x.source, x.source_id, x.call_id, u.login AS user, x.at,
    x.sealed, x.undone_at, k.id AS key_id, k.wrapped, k.master, c.number AS customer_number, c.name_cipher,
    n.id AS name_key_id, n.wrapped AS name_wrapped, n.master AS name_master
FROM consent_record x JOIN customer c ON c.id = x.customer_id
JOIN personal_key k ON k.id = COALESCE(x.key_id, c.key_id) JOIN personal_key n ON n.id = c.key_id
LEFT JOIN users u ON u.id = x.user_id
"""


async def _conditions(
    db: Reader, viewer: Viewer, chosen: ConsentFilter, bind: Arguments, state_column: str
) -> list[str]:
    conditions = ["true"]
    if chosen.customer_id is not None:
        conditions.append(f"x.customer_id = {bind(await require_customer(db, viewer, chosen.customer_id))}")
    else:
        viewer.require("customers.read")
        if (seen := customers_seen_each(viewer, bind, "c")) is not None:
            conditions.append(seen)
    for column, value in (("channel", chosen.channel), ("purpose", chosen.purpose), (state_column, chosen.state)):
        if value is not None:
            conditions.append(f"x.{column} = {bind(value)}")
    if chosen.source is not None:
        conditions.append(f"{'x' if state_column == 'action' else 'r'}.source = {bind(chosen.source)}")
    return conditions


def _limit(limit: int) -> int:
    return max(0, min(limit, MOST))


def _record(keyring: Keyring, row: Row) -> ConsentRecordView:
    details: Mapping[str, Any] = {}
    if row["sealed"] is not None and row["wrapped"] is not None:
        key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
        details = json.loads(keyring.decrypt(key, "consent_record", "sealed", row["id"], row["sealed"]))
    name = ""
    if row["name_wrapped"] is not None:
        key = keyring.unwrap(row["name_key_id"], Wrapped(row["name_master"], row["name_wrapped"]))
        name = keyring.decrypt(key, "customer", "name_cipher", row["customer_id"], row["name_cipher"])
    shown = {column: row[column] for column in _PLAIN}
    return ConsentRecordView(
        **shown,
        customer_name=name,
        wording=details.get("wording", ""),
        proof=details.get("proof", ""),
        ip=details.get("ip", ""),
        origin=details.get("origin", ""),
    )


_PLAIN: Final[Sequence[str]] = (
    *(
        "id",
        "customer_id",
        "customer_number",
        "channel",
        "purpose",
        "action",
        "source",
        "source_id",
        "call_id",
        "user",
        "at",
        "undone_at",
    ),
)
