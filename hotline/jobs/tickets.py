"""What happens to tickets and wrap-ups by the clock, on every node: rows are taken by one of them at a time."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

import structlog

from hotline.errors import Unavailable
from hotline.workflows.calls.wrap_ups import end_forgotten_pauses, end_wrap_ups
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets import close_resolved

log = structlog.get_logger(__name__)

EVERY_SECONDS: Final = 1.0
#: Seconds between two looks for pauses that outlived their wrap-up, and for tickets to be closed.
PAUSES_SECONDS: Final = 15.0
CLOSE_SECONDS: Final = 300.0
#: Seconds until the next attempt while the database is away.
RETRY_SECONDS: Final = 5.0


async def run(house: House) -> None:
    """Look after them until cancelled."""
    pauses = closes = 0.0
    while True:
        wait = EVERY_SECONDS
        try:
            await end_wrap_ups(house)
            now = monotonic()
            if now - pauses >= PAUSES_SECONDS:
                pauses = now
                await end_forgotten_pauses(house)
            if now - closes >= CLOSE_SECONDS and not await close_resolved(house):
                closes = now
        except Unavailable as error:
            log.warning("tickets.waiting", reason=error.code)
            wait = RETRY_SECONDS
        except Exception:
            log.exception("tickets.job_failed")
            wait = RETRY_SECONDS
        await asyncio.sleep(wait)
