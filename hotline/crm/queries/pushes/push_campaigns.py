"""What dispatching reads: campaigns that run, what was approved of them, rates, senders that are paused. Read by
the process that sends, as the system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer

#: Campaigns that are served at a time; more than this run one after the other.
MOST: Final = 200

_RUNNING: Final = """
    FROM campaign c JOIN manifest m ON m.id = c.manifest_id AND m.campaign_id = c.id
    WHERE c.state = 'running' AND m.state = 'approved' AND m.expires_at > $1
      AND NOT EXISTS (SELECT 1 FROM outbound_stop WHERE stopped_at IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A campaign of which deliveries are due; ``sha256`` is what its approval is bound to."""

    campaign_id: UUID
    manifest_id: UUID
    channel: str
    sha256: bytes


async def running_campaigns(db: Reader, viewer: Viewer, now: datetime) -> list[Running]:
    """Campaigns with deliveries that are due, the longest running first."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        f"""SELECT c.id, c.manifest_id, m.content ->> 'channel' AS channel, m.sha256 {_RUNNING}
              AND EXISTS (SELECT 1 FROM delivery d WHERE d.campaign_id = c.id AND d.state = 'queued'
                          AND d.due_at <= $1 AND d.manifest_id = c.manifest_id)
            ORDER BY c.started_at, c.id LIMIT {MOST}""",  # noqa: S608
        now,
    )
    return [Running(row["id"], row["manifest_id"], row["channel"], bytes(row["sha256"] or b"")) for row in rows]


async def anything_due(db: Reader, viewer: Viewer, until: datetime) -> bool:
    """Whether a delivery may leave before ``until``, or is on its way: whether dispatching has something to do."""
    viewer.require("campaigns.read")
    return bool(
        await db.fetchval(
            f"""SELECT EXISTS (SELECT 1 {_RUNNING} AND EXISTS (
                    SELECT 1 FROM delivery d WHERE d.campaign_id = c.id AND d.state = 'queued' AND d.due_at <= $1))
                OR EXISTS (SELECT 1 FROM delivery d WHERE d.state = 'sending' AND d.provider_id IS NULL)""",  # noqa: S608
            until,
        )
    )


async def count_unknown(db: Reader, viewer: Viewer) -> int:
    """Of how many deliveries nobody knows whether they left."""
    viewer.require("campaigns.read")
    return int(await db.fetchval("SELECT count(*) FROM delivery WHERE state = 'unknown'"))


async def paused_senders(db: Reader, viewer: Viewer, sender_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Which of these may send nothing now: paused for a provider's code, switched off, or gone."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        """SELECT wanted.id FROM unnest($1::uuid[]) AS wanted (id) LEFT JOIN sender s ON s.id = wanted.id
           WHERE s.id IS NULL OR NOT s.enabled
              OR EXISTS (SELECT 1 FROM sender_pause p WHERE p.sender_id = wanted.id
                         AND (p.until IS NULL OR p.until > now()))""",
        list(sender_ids),
    )
    return frozenset(row["id"] for row in rows)


@dataclass(frozen=True, slots=True)
class Rate:
    """How many messages a second may leave, and how many at once."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates that are kept, by channel, sender (its id) and destination (a mail domain, a country)."""

    channel: Mapping[str, Rate] = field(default_factory=dict)
    sender: Mapping[str, Rate] = field(default_factory=dict)
    destination: Mapping[str, Rate] = field(default_factory=dict)


async def push_rates(db: Reader, viewer: Viewer) -> Rates:
    """All rates."""
    viewer.require("settings.read")
    rows = await db.fetch("SELECT kind, name, per_second, burst FROM push_rate ORDER BY kind, name LIMIT 10000")
    found: dict[str, dict[str, Rate]] = {"channel": {}, "sender": {}, "destination": {}}
    for row in rows:
        found.get(row["kind"], {})[row["name"]] = Rate(float(row["per_second"]), row["burst"])
    return Rates(**found)


async def state_of(db: Reader, viewer: Viewer, delivery_id: UUID) -> str | None:
    """How a delivery stands; None for no such one."""
    viewer.require("campaigns.read")
    found: str | None = await db.fetchval("SELECT state FROM delivery WHERE id = $1", delivery_id)
    return found
