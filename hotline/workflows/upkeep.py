"""The house's upkeep: room for the months ahead, and an end for what is older than ``HOTLINE_RETENTION_DAYS``."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog

from hotline.crm import outbox
from hotline.crm.commands.background import forget_jobs
from hotline.crm.commands.merges import forget_merges, sweep_lately
from hotline.crm.commands.retention import forget_before
from hotline.crm.queries.presence import list_pbxs
from hotline.crm.viewer import SYSTEM
from hotline.workflows.calls import close_unseen
from hotline.workflows.customer_upkeep import keep_customers
from hotline.workflows.exports import keep_exports
from hotline.workflows.house import House
from hotline.workflows.imports import keep_imports
from hotline.workflows.ivr import close_sessions

#: Calls of a PBX that nobody has heard for so long, because it is gone or no longer in the settings, are over.
UNHEARD: Final = timedelta(days=1)

log = structlog.get_logger(__name__)


async def keep_house(house: House) -> None:
    """Make the outbox's partitions of the months ahead; drop old ones; forget finished commands and ended sign-ins.

    Files of imports and exports that are past their time go. Calls of a PBX that is no longer heard end when it was
    last heard, their end unseen.
    """
    keep = timedelta(days=house.settings.retention_days)
    async with house.db.transaction() as client:
        made = await outbox.make_partitions(client._connection, house.clock())
    dropped = await outbox.drop_old(house.db, house.clock(), keep)
    async with house.unit(SYSTEM) as uow:
        forgotten = await forget_before(uow, uow.now - keep)
        forgotten["jobs"] = await forget_jobs(uow, uow.now - keep)
        forgotten["merge_rows"] = await forget_merges(uow)
    async with house.unit(SYSTEM) as uow:
        forgotten["swept"] = await sweep_lately(uow)
    closed = 0
    for pbx in await list_pbxs(house.db, SYSTEM):
        if house.clock() - pbx.updated_at > UNHEARD:
            closed += await close_unseen(house, pbx.id, pbx.updated_at)
    sessions = await close_sessions(house)
    files = await keep_imports(house) + await keep_exports(house)
    forgotten |= await keep_customers(house)
    if made or dropped or closed or sessions or files or any(forgotten.values()):
        log.info(
            "upkeep.done",
            made=made,
            dropped=dropped,
            calls_closed=closed,
            sessions_closed=sessions,
            files_removed=files,
            **forgotten,
        )
