"""The outbox's upkeep: numbers for committed events, partitions for the months ahead, an end for old ones."""

from __future__ import annotations

from datetime import timedelta

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


async def keep_partitions(house: House) -> None:
    """Make the partitions of the months ahead and drop those past ``HOTLINE_RETENTION_DAYS``."""
    async with house.db.transaction() as client:
        made = await outbox.make_partitions(client._connection, house.clock())
    dropped = await outbox.drop_old(house.db, house.clock(), timedelta(days=house.settings.retention_days))
    if made or dropped:
        log.info("outbox.partitions", made=made, dropped=dropped)
