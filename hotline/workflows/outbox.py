"""Numbers for the outbox's events, after their commit."""

from __future__ import annotations

import structlog

from hotline.crm import outbox
from hotline.errors import Unavailable
from hotline.events import TOPIC_NUMBERED
from hotline.workflows.house import House

log = structlog.get_logger(__name__)


async def number_events(house: House) -> int | None:
    """Number what has committed and tell every node; the greatest number, or None when nothing was new."""
    greatest = await outbox.number_committed(house.db)
    if greatest is not None:
        try:
            await house.bus.publish(TOPIC_NUMBERED, str(greatest).encode())
        except Unavailable:
            log.debug("bus.publish_failed", topic=TOPIC_NUMBERED)  # every node also looks by itself each second
    return greatest
