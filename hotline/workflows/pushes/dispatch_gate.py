"""What stops messages holds before the next one, on every node: a process hands nothing over unless it has seen, at
most ``GATE_SECONDS`` ago, that it may. Who changed that waits as long before saying that it is done."""

from __future__ import annotations

import asyncio
from typing import Final

from hotline.crm.commands.pushes.push_claims import ALIVE, alive
from hotline.crm.unit_of_work import UnitOfWork
from hotline.errors import Unavailable
from hotline.workflows.house import House

#: Seconds for which a look at the database allows a message to begin, by each process's own steady clock.
GATE_SECONDS: Final = 0.25
#: Seconds more, for a process that was about to begin.
MARGIN_SECONDS: Final = 0.1


async def settle_gate(house: House) -> None:
    """Wait until no process can begin a message that was allowed before now. Call it after the commit of what allows no
    more, before answering whoever asked for it."""
    try:
        wanted = await alive(house.db, ALIVE) > 0
    except Unavailable:
        wanted = True
    if wanted:
        await asyncio.sleep(GATE_SECONDS + MARGIN_SECONDS)


async def settle_stopped(house: House, uow: UnitOfWork) -> None:
    """The same after a unit of work that took an approval away on the way: a changed template, segment or sender."""
    if any(event.type == "campaign.withdrawn" for event in uow.events):
        await settle_gate(house)
