"""The house's upkeep: room for the months ahead, and an end for what is older than ``HOTLINE_RETENTION_DAYS``."""

from __future__ import annotations

from datetime import timedelta

import structlog

from hotline.crm import outbox
from hotline.crm.commands.retention import forget_before
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House

log = structlog.get_logger(__name__)


async def keep_house(house: House) -> None:
    """Make the outbox's partitions of the months ahead; drop old ones; forget finished commands and ended sign-ins."""
    keep = timedelta(days=house.settings.retention_days)
    async with house.db.transaction() as client:
        made = await outbox.make_partitions(client._connection, house.clock())
    dropped = await outbox.drop_old(house.db, house.clock(), keep)
    async with house.unit(SYSTEM) as uow:
        forgotten = await forget_before(uow, uow.now - keep)
    if made or dropped or any(forgotten.values()):
        log.info("upkeep.done", made=made, dropped=dropped, **forgotten)
