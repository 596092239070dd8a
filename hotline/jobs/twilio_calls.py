"""Works for the calls by Twilio: phones rung and hung up, waits ended, commands carried out.

One node at a time does it, by the lease of the PBX "twilio", as each PBX has one reader; another goes on within
seconds, from the rows.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from typing import Final

import structlog

from hotline.errors import HotlineError, Unavailable
from hotline.workflows.calls.commands import TWILIO, commands_topic, expire_commands
from hotline.workflows.house import House
from hotline.workflows.leases import Lease, LeaseLost, acquire_lease, release_lease, renew_lease
from hotline.workflows.twilio.twilio_commands import settle, work_commands
from hotline.workflows.twilio.twilio_router import work
from hotline.workflows.twilio.twilio_silence import look_after_silent
from hotline.workflows.twilio.twilio_state import note_state

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=3)
#: Seconds between two rounds when nobody wakes it, and until the lease is asked for again.
POLL_SECONDS: Final = 1.0
#: Seconds between two looks at the account, and at legs of which nothing was heard.
STATE_SECONDS: Final = 5.0
SILENT_SECONDS: Final = 60.0


async def run(house: House) -> None:
    """Until cancelled. Does nothing where Twilio is not set up."""
    if house.twilio is None:
        await asyncio.Event().wait()
    woken = asyncio.Event()
    listening = house.spawn(_listen(house, woken), "twilio bus")
    try:
        while True:
            lease = None
            with suppress(Unavailable):
                lease = await acquire_lease(house, f"pbx:{TWILIO}", LEASE)
                if lease is None:
                    await expire_commands(house, TWILIO)
            if lease is None:
                await asyncio.sleep(POLL_SECONDS)
                continue
            log.info("lease.taken", pbx=TWILIO, token=lease.token)
            try:
                await _hold(house, lease, woken)
            finally:
                with suppress(HotlineError):
                    await release_lease(house, lease)
    finally:
        listening.cancel()


async def _listen(house: House, woken: asyncio.Event) -> None:
    async with house.bus.subscribe(commands_topic(TWILIO)) as subscription:
        async for _ in subscription:
            woken.set()


async def _hold(house: House, lease: Lease, woken: asyncio.Event) -> None:
    """Work while the lease is ours."""
    renewed_at = state_at = silent_at = float("-inf")
    settled = False
    while True:
        try:
            if monotonic() - renewed_at >= 0.8:
                held = await renew_lease(house, lease, LEASE)
                if held is None:
                    log.warning("lease.lost", pbx=TWILIO)
                    return
                lease, renewed_at = held, monotonic()
            if not settled:
                await settle(house)
                settled = True
            await work_commands(house, lease)
            await work(house, lease)
            if monotonic() - state_at >= STATE_SECONDS:
                state_at = monotonic()
                house.spawn(note_state(house), "twilio state")
            if monotonic() - silent_at >= SILENT_SECONDS:
                silent_at = monotonic()
                house.spawn(look_after_silent(house), "twilio silent legs")
        except LeaseLost:
            return
        except Unavailable:
            pass  # nobody can take the lease either while the records are away
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await woken.wait()
        woken.clear()
