"""Calls of campaigns through a PBX, as who places and answers them needs them. Only hotline itself reads this."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hotline.crm.commands.pushes.push_claims import Claimed, read_claimed
from hotline.crm.database import Reader
from hotline.crm.queries.pushes.push_campaigns import Running
from hotline.crm.viewer import Viewer

#: What a call of a campaign is among the commands to the PBXs.
ACTION: Final = "push"


@dataclass(frozen=True, slots=True)
class PushCall:
    """A command that calls somebody for a delivery: which try of it, and how both stand."""

    id: UUID
    pbx: str
    delivery_id: UUID
    attempt: int
    state: str
    delivery_state: str
    newest: bool


@dataclass(frozen=True, slots=True)
class Begun:
    """A delivery whose try is under way, and what it was approved by; ``allowed``: it might begin now, too."""

    delivery: Claimed
    approved: Running
    allowed: bool


async def find_push_call(db: Reader, viewer: Viewer, command_id: UUID) -> PushCall | None:
    """The call of a campaign that this command is; None for any other command."""
    viewer.require("campaigns.read")
    row = await db.fetchrow(
        """SELECT c.id, c.pbx, c.state, d.id AS delivery_id, (c.data->>'attempt')::int AS attempt,
                  d.state AS delivery_state, d.attempts
           FROM pbx_command c JOIN delivery d ON d.id = (c.data->>'delivery_id')::uuid
           WHERE c.id = $1 AND c.action = 'push'""",
        command_id,
    )
    if row is None:
        return None
    return PushCall(
        row["id"], row["pbx"], row["delivery_id"], row["attempt"], row["state"], row["delivery_state"],
        row["attempt"] == row["attempts"],
    )  # fmt: skip


async def find_begun(db: Reader, viewer: Viewer, delivery_id: UUID, now: datetime) -> Begun | None:
    """A delivery that is being sent, as dispatching had it; None for one that is not."""
    viewer.require("campaigns.read")
    row = await db.fetchrow(
        """SELECT d.id, d.campaign_id, d.manifest_id, d.customer_id, d.contact_point_id, d.variant, d.attempts,
                  d.due_at, d.expires_at, d.facts, COALESCE(p.customer_id, o.merged_into_id, o.id) AS person_id,
                  w.locale AS language, w.key_id, k.wrapped, k.master, p.value_cipher AS address_cipher,
                  m.sha256, m.content ->> 'channel' AS channel,
                  c.state = 'running' AND c.manifest_id = m.id AND m.state = 'approved' AND m.expires_at > $2
                  AND NOT EXISTS (SELECT 1 FROM outbound_stop WHERE stopped_at IS NOT NULL) AS allowed
           FROM delivery d
           JOIN campaign c ON c.id = d.campaign_id
           JOIN manifest m ON m.id = d.manifest_id AND m.campaign_id = c.id
           JOIN customer o ON o.id = d.customer_id
           LEFT JOIN contact_point p ON p.id = d.contact_point_id
           JOIN customer w ON w.id = COALESCE(p.customer_id, o.merged_into_id, o.id)
           LEFT JOIN personal_key k ON k.id = w.key_id AND k.wrapped IS NOT NULL AND w.erased_at IS NULL
           WHERE d.id = $1 AND d.state IN ('sending', 'unknown')""",
        delivery_id,
        now,
    )
    if row is None:
        return None
    approved = Running(row["campaign_id"], row["manifest_id"], row["channel"], bytes(row["sha256"] or b""))
    return Begun(read_claimed(row), approved, row["allowed"])
