"""Runs the campaigns: one process at a time looks each second at what is to begin, to be released, to be counted."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from hotline.errors import Unavailable
from hotline.workflows.campaigns.campaign_runner import Runner
from hotline.workflows.house import House
from hotline.workflows.leases import Lease, LeaseLost, acquire_lease, release_lease, renew_lease

log = structlog.get_logger(__name__)

#: The lease of whoever runs the campaigns.
NAME: Final = "campaigns"
#: Seconds between two looks.
LOOK_SECONDS: Final = 1.0
#: Who runs them has it for so long without a sign of life, and gives one so often.
LEASE: Final = timedelta(seconds=15)
RENEW_SECONDS: Final = 4.0
#: Seconds between two tries to get it, and until the next look while the database is away.
RETRY_SECONDS: Final = 2.0


async def run(house: House) -> None:
    """Run campaigns whenever nobody else does, until cancelled."""
    while True:
        try:
            lease = await acquire_lease(house, NAME, LEASE)
            if lease is not None:
                try:
                    await _hold(house, lease)
                finally:
                    await release_lease(house, lease)
        except LeaseLost:
            log.info("campaigns.lease_lost")
        except Unavailable as error:
            log.warning("campaigns.waiting", reason=error.code)
        await asyncio.sleep(RETRY_SECONDS)


async def _hold(house: House, lease: Lease) -> None:
    """Look until the lease is lost. It is kept beside the looks: freezing an audience takes longer than it lasts."""
    looking = house.spawn(_look(house, lease), "campaigns look")
    try:
        while True:
            await asyncio.wait([looking], timeout=RENEW_SECONDS)
            if looking.done():
                looking.result()
                return
            if await renew_lease(house, lease, LEASE) is None:
                raise LeaseLost
    finally:
        looking.cancel()
        await asyncio.wait([looking], timeout=RETRY_SECONDS)


async def _look(house: House, lease: Lease) -> None:
    runner = Runner(house)
    while True:
        if not await runner.look(lease):
            await asyncio.sleep(LOOK_SECONDS)
