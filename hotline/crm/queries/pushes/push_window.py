"""Whether somebody wrote lately: outside that time WhatsApp takes approved templates alone."""

from __future__ import annotations

from datetime import datetime

from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer


async def last_written(db: Reader, viewer: Viewer, channel: str, address_index: bytes) -> datetime | None:
    """When the last message from an address came over a channel; None: never."""
    viewer.require("campaigns.read")
    found: datetime | None = await db.fetchval(
        "SELECT max(last_in_at) FROM conversation WHERE address_index = $1 AND channel = $2", address_index, channel
    )
    return found
