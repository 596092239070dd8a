"""What conversations have sent through the company's senders, for those who share their pace."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer


async def spent_by(db: Reader, viewer: Viewer, sender_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Segments (email: messages) that conversations sent through each of these senders so far. It only grows."""
    viewer.require("campaigns.read")
    rows = await db.fetch(
        "SELECT sender_id, spent FROM sender_pace WHERE sender_id = ANY($1::uuid[])", list(sender_ids)
    )
    return {row["sender_id"]: row["spent"] for row in rows}
