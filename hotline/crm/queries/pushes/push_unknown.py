"""Deliveries of which nobody knows whether they left."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from hotline.conversations.delivery import Delivery
from hotline.crm.database import Reader
from hotline.crm.keys import Keyring, Wrapped
from hotline.crm.viewer import Viewer


@dataclass(frozen=True, slots=True)
class UnknownPush:
    """One of them, with what tells it from others at its provider. ``sender`` is empty where a service chose it."""

    id: UUID
    channel: str
    attempt: int
    started_at: datetime
    account_sid: str | None
    sender: str
    to: str = field(repr=False)


async def unknown_pushes(
    db: Reader, viewer: Viewer, keyring: Keyring, since: datetime, *, most: int = 50
) -> list[UnknownPush]:
    """Some of those that went to Twilio since then, by lot: those that are not found are not in the way of others."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        """SELECT d.id, d.channel, d.attempts, d.updated_at, s.account_sid, s.address AS sender, p.id AS point_id,
               p.value_cipher, k.id AS key_id, k.wrapped, k.master,
               (SELECT max(a.started_at) FROM delivery_attempt a
                WHERE a.delivery_id = d.id AND a.attempt = d.attempts) AS started_at
           FROM delivery d LEFT JOIN sender s ON s.id = d.sender_id
           JOIN contact_point p ON p.id = d.contact_point_id JOIN customer c ON c.id = p.customer_id
           JOIN personal_key k ON k.id = c.key_id AND k.wrapped IS NOT NULL
           WHERE d.state = 'unknown' AND d.provider_id IS NULL AND d.channel IN ('sms', 'whatsapp')
             AND d.updated_at > $1 ORDER BY random() LIMIT $2""",
        *(since, most),
    )
    found = []
    for row in rows:
        key = keyring.unwrap(row["key_id"], Wrapped(row["master"], row["wrapped"]))
        to = keyring.decrypt(key, "contact_point", "value_cipher", row["point_id"], row["value_cipher"])
        started = row["started_at"] or row["updated_at"]
        found.append(
            UnknownPush(
                row["id"], row["channel"], row["attempts"], started, row["account_sid"], row["sender"] or "", to
            )
        )
    return found


async def may_go_on(db: Reader, viewer: Viewer, delivery_id: UUID, now: datetime) -> bool:
    """Whether a delivery is of what is approved of its campaign still."""
    viewer.require("campaigns.read")
    found: bool = await db.fetchval(
        """SELECT EXISTS (SELECT 1 FROM delivery d
               JOIN campaign c ON c.id = d.campaign_id AND c.manifest_id = d.manifest_id
               JOIN manifest m ON m.id = d.manifest_id AND m.state = 'approved' AND m.expires_at > $2
               WHERE d.id = $1 AND c.state IN ('running', 'paused', 'completed'))""",
        *(delivery_id, now),
    )
    return found


async def campaign_of(db: Reader, viewer: Viewer, delivery_id: UUID) -> UUID | None:
    """The campaign of a delivery; None for no such one."""
    viewer.require("campaigns.read")
    found: UUID | None = await db.fetchval("SELECT campaign_id FROM delivery WHERE id = $1", delivery_id)
    return found


async def pushes_at(
    db: Reader, viewer: Viewer, account_sid: str, provider_ids: list[str]
) -> dict[str, tuple[UUID, Delivery]]:
    """The deliveries that a provider's account has under these ids, with what became of them as far as we know."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        "SELECT provider_id, id, state FROM delivery WHERE account_sid = $1 AND provider_id = ANY($2::text[])",
        *(account_sid, provider_ids),
    )
    return {row["provider_id"]: (row["id"], row["state"]) for row in rows}


async def known_to_us(db: Reader, viewer: Viewer, sids: list[str]) -> frozenset[str]:
    """Which of a provider's ids are of messages or deliveries that we have."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        """SELECT provider_id FROM message WHERE provider_id = ANY($1::text[])
           UNION ALL
           SELECT provider_id FROM delivery WHERE account_sid IS NOT NULL AND provider_id = ANY($1::text[])""",
        sids,
    )
    return frozenset(row["provider_id"] for row in rows)
