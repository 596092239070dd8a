"""What the IVR asks the records: who calls, whose customer number this is, how a caller's session stood, who waits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.calls.names import session_id
from hotline.crm.database import Reader
from hotline.crm.keys import Keyring
from hotline.crm.personal_keys import load_personal_key
from hotline.crm.viewer import Viewer

#: More customers than this with one number, and nobody is taken for one of them.
MOST_SHARING: Final = 20


@dataclass(frozen=True, slots=True)
class KnownCaller:
    """A customer, as far as a flow treats them: no name, no number."""

    customer_id: UUID
    locale: str | None
    tier: str | None
    priority: int


_CUSTOMER: Final = """
SELECT c.id, c.locale, t.key, COALESCE(t.queue_priority, 0)
FROM customer c JOIN personal_key k ON k.id = c.key_id LEFT JOIN tier t ON t.id = c.tier_id
WHERE k.wrapped IS NOT NULL AND c.id IN (SELECT COALESCE(m.merged_into_id, m.id) FROM customer m
"""


async def callers_by_number(db: Reader, viewer: Viewer, index: bytes) -> list[KnownCaller]:
    """The customers who have a telephone number, by its blind index; erased and merged ones are nobody."""
    viewer.require("customers.read")
    rows = await db.fetch(
        f"""{_CUSTOMER} JOIN contact_point p ON p.customer_id = m.id
            WHERE p.value_index = $1 AND p.kind IN ('phone', 'whatsapp') AND m.merged_into_id IS NULL LIMIT $2)""",
        index, MOST_SHARING,
    )  # fmt: skip
    return [KnownCaller(*row.values()) for row in rows]


async def caller_by_reference(db: Reader, viewer: Viewer, number: int) -> KnownCaller | None:
    """The customer with this customer number (C10001 is 10001)."""
    viewer.require("customers.read")
    row = await db.fetchrow(f"{_CUSTOMER} WHERE m.number = $1)", number)
    return KnownCaller(*row.values()) if row is not None else None


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A session as it was last written."""

    flow: str
    digest: str
    state: str
    session: Mapping[str, Any]
    secrets: Mapping[str, str]
    started_at: datetime


async def find_session(db: Reader, keyring: Keyring, viewer: Viewer, pbx: str, uniqueid: str) -> SavedSession | None:
    """The session of a channel. What was keyed in is left out when its key is gone."""
    viewer.require("calls.read_all")
    row_id = session_id(pbx, uniqueid)
    row = await db.fetchrow(
        "SELECT flow, digest, state, session, sealed, key_id, started_at FROM ivr_session WHERE id = $1", row_id
    )
    if row is None:
        return None
    secrets: dict[str, str] = {}
    if row["sealed"] is not None and row["key_id"] is not None:
        key = await load_personal_key(db, keyring, row["key_id"])
        if key is not None:
            secrets = json.loads(keyring.decrypt(key, "ivr_session", "sealed", row_id, row["sealed"]))
    return SavedSession(row["flow"], row["digest"], row["state"], row["session"], secrets, row["started_at"])


async def open_call_of(db: Reader, viewer: Viewer, pbx: str, uniqueid: str) -> UUID | None:
    """The call of a channel, when it is not over."""
    viewer.require("calls.read_all")
    found: UUID | None = await db.fetchval(
        """SELECT r.id FROM call_alias a JOIN call c ON c.id = a.call_id
           JOIN call r ON r.id = COALESCE(c.merged_into_id, c.id)
           WHERE a.pbx = $1 AND a.kind IN ('uniqueid', 'linkedid') AND a.value = $2 AND r.ended_at IS NULL LIMIT 1""",
        pbx, uniqueid,
    )  # fmt: skip
    return found


async def count_waiting(db: Reader, viewer: Viewer, pbx: str, queue: str) -> int:
    """How many callers wait in a queue; calls of the last day only, older ones are lost ones."""
    viewer.require("calls.read_all")
    count: int = await db.fetchval(
        """SELECT count(*) FROM call WHERE pbx = $1 AND queue = $2 AND state = 'waiting' AND ended_at IS NULL
             AND merged_into_id IS NULL AND offered_at > now() - interval '1 day'""",
        pbx, queue,
    )  # fmt: skip
    return count
