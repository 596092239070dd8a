"""The house's upkeep: room for the months ahead, and an end for what is older than ``HOTLINE_RETENTION_DAYS``."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, get_args

import structlog

from hotline.crm import partitions
from hotline.crm.commands.customers.merges import forget_merges, merged_lately, sweep
from hotline.crm.commands.upkeep.background import forget_jobs
from hotline.crm.commands.upkeep.claims import forget_claims
from hotline.crm.commands.upkeep.retention import forget_before
from hotline.crm.queries.calls.presence import list_pbxs
from hotline.crm.queries.ending_files import Table
from hotline.crm.viewer import SYSTEM
from hotline.workflows import ending_files
from hotline.workflows.calls.calls import close_unseen
from hotline.workflows.customers.customer_upkeep import keep_customers
from hotline.workflows.customers.duplicates import forget_ended
from hotline.workflows.customers.imports import keep_imports
from hotline.workflows.house import House
from hotline.workflows.ivr.ivr import close_sessions
from hotline.workflows.pushes.push_inapp import forget_old

#: Calls of a PBX that nobody has heard for so long, because it is gone or no longer in the settings, are over.
UNHEARD: Final = timedelta(days=1)

#: Twilio tells nothing again after minutes; a mail may come again later, and is known by its own id.
CLAIMED: Final = timedelta(days=1)

#: How long it is known when which message of a campaign was tried.
ATTEMPTS_KEPT: Final = timedelta(days=400)
#: Rows that one transaction deletes, and merges that are read at once.
_AT_ONCE: Final = 5_000

log = structlog.get_logger(__name__)


async def keep_house(house: House) -> None:
    """Make the partitions of the months ahead; drop old ones; forget finished commands and ended sign-ins.

    Files of imports and exports that are past their time go, and what a search for duplicates left that did not end.
    Calls of a PBX that is no longer heard end when it was last heard, their end unseen.
    """
    keep = timedelta(days=house.settings.retention_days)
    async with house.db.transaction() as client:
        made = await partitions.make_partitions(client._connection, house.clock())
    dropped = await partitions.OUTBOX.drop_old(house.db, house.clock(), keep)
    dropped += await partitions.ATTEMPTS.drop_old(house.db, house.clock(), max(keep, ATTEMPTS_KEPT))
    async with house.unit(SYSTEM) as uow:
        forgotten = await forget_before(uow, uow.now - keep)
        forgotten["jobs"] = await forget_jobs(uow, uow.now - keep)
        forgotten["webhooks"] = await forget_claims(uow, uow.now - CLAIMED)
    forgotten["merge_rows"] = await _forget_merges(house)
    forgotten["swept"] = await _sweep_lately(house)
    forgotten["inapp"] = await forget_old(house, limit=_AT_ONCE)
    forgotten["duplicate_search"] = await forget_ended(house)
    closed = 0
    for pbx in await list_pbxs(house.db, SYSTEM):
        if house.clock() - pbx.updated_at > UNHEARD:
            closed += await close_unseen(house, pbx.id, pbx.updated_at)
    sessions = await close_sessions(house)
    files = await keep_imports(house) + sum([await ending_files.keep(house, each) for each in get_args(Table)])
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


async def _forget_merges(house: House) -> int:
    gone = 0
    while True:
        async with house.unit(SYSTEM) as uow:
            some = await forget_merges(uow, limit=_AT_ONCE)
        gone += some
        if some < _AT_ONCE:
            return gone


async def _sweep_lately(house: House) -> int:
    """One merge at a time, so that nobody waits for more than two customers."""
    swept, after = 0, None
    while merges := await merged_lately(house.db, house.clock(), after, _AT_ONCE):
        for merge_id, gone_id in merges:
            async with house.unit(SYSTEM) as uow:
                swept += await sweep(uow, gone_id)
            after = merge_id
    return swept
