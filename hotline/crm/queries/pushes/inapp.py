"""What a customer's app shows. Asked by the customer, by a signed token: the viewer is hotline itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.keys import Keyring, Wrapped, WrongKey
from hotline.crm.viewer import Viewer

#: Messages of one page.
MOST: Final = 51
#: Unread ones are counted so far.
MOST_UNREAD: Final = 100


@dataclass(frozen=True, slots=True)
class InappView:
    """A message in the app."""

    id: UUID
    title: str = field(repr=False)
    body: str = field(repr=False)
    link: str | None = field(repr=False)
    at: datetime
    expires_at: datetime | None
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Device:
    """A browser or device that takes Web Push (https://www.w3.org/TR/push-api/#pushsubscription-interface)."""

    id: UUID
    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)


_SHOWN: Final = "m.customer_id = $1 AND m.dismissed_at IS NULL AND (m.expires_at IS NULL OR m.expires_at > $2)"
_KEY: Final = """JOIN customer c ON c.id = {alias}.customer_id AND c.erased_at IS NULL
    JOIN personal_key k ON k.id = COALESCE({alias}.key_id, c.key_id) AND k.wrapped IS NOT NULL"""
# One statement, so that the number fits the list whatever is put in or read meanwhile.
_LIST: Final = f"""
SELECT u.unread, m.* FROM (
    SELECT count(*) AS unread
    FROM (SELECT 1 FROM inapp_message m WHERE {_SHOWN} AND m.read_at IS NULL LIMIT $5) AS counted
) u LEFT JOIN (
    SELECT m.id, m.sealed, m.at, m.expires_at, m.read_at, k.id AS key_id, k.wrapped, k.master
    FROM inapp_message m {_KEY.format(alias="m")}
    WHERE {_SHOWN} AND ($4::uuid IS NULL OR (m.at, m.id) < (SELECT e.at, e.id FROM inapp_message e WHERE e.id = $4))
    ORDER BY m.at DESC, m.id DESC LIMIT $3
) m ON true
ORDER BY m.at DESC, m.id DESC
"""  # noqa: S608
_DEVICES: Final = f"""
SELECT s.id, s.sealed, k.id AS key_id, k.wrapped, k.master FROM push_subscription s {_KEY.format(alias="s")}
WHERE s.customer_id = $1 ORDER BY s.created_at DESC LIMIT 10
"""  # noqa: S608


async def customer_of(db: Reader, viewer: Viewer, customer_id: UUID) -> UUID | None:
    """The customer of a token, or the one that they were merged into; None when they were erased."""
    viewer.require("customers.read")
    found: UUID | None = await db.fetchval(
        """SELECT COALESCE(k.id, c.id) FROM customer c LEFT JOIN customer k ON k.id = c.merged_into_id
           WHERE c.id = $1 AND c.erased_at IS NULL AND k.erased_at IS NULL""",
        customer_id,
    )
    return found


async def list_messages(
    db: Reader,
    keyring: Keyring,
    viewer: Viewer,
    customer_id: UUID,
    now: datetime,
    *,
    limit: int,
    after: UUID | None = None,
) -> tuple[list[InappView], int]:
    """What the app shows, the newest first: neither put away nor expired; and how many of all of it were not read,
    counted up to MOST_UNREAD."""
    viewer.require("customers.read")
    rows = await db.fetch(_LIST, customer_id, now, max(0, min(limit, MOST)), after, MOST_UNREAD)
    found = [view for row in rows if row["id"] is not None and (view := _view(keyring, row)) is not None]
    return found, rows[0]["unread"]


async def devices_of(db: Reader, keyring: Keyring, viewer: Viewer, customer_id: UUID) -> list[Device]:
    """The devices that are told of a customer's messages."""
    viewer.require("customers.read")
    found = []
    for row in await db.fetch(_DEVICES, customer_id):
        words = _opened(keyring, "push_subscription", row)
        if words is not None:
            found.append(Device(row["id"], words["endpoint"], words["p256dh"], words["auth"]))
    return found


def _view(keyring: Keyring, row: Row) -> InappView | None:
    words = _opened(keyring, "inapp_message", row)
    if words is None:
        return None
    return InappView(
        id=row["id"], title=words.get("title", ""), body=words.get("body", ""), link=words.get("link") or None,
        at=row["at"], expires_at=row["expires_at"], read_at=row["read_at"],
    )  # fmt: skip


def _opened(keyring: Keyring, table: str, row: Row) -> Mapping[str, str] | None:
    key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
    try:
        words: dict[str, str] = json.loads(keyring.decrypt(key, table, "sealed", row["id"], row["sealed"]))
    except WrongKey:
        return None
    return words
