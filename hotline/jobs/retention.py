"""The retention job: each hour, on whichever node comes first; doing it twice forgets nothing more."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from hotline.errors import Unavailable
from hotline.workflows.house import House
from hotline.workflows.upkeep.retention import apply_retention

log = structlog.get_logger(__name__)

EVERY_SECONDS: Final = 3600.0
#: Not in the first minute, when everybody signs in again.
FIRST_SECONDS: Final = 60.0
#: Seconds until the next attempt while the database is away.
RETRY_SECONDS: Final = 30.0


async def run(house: House) -> None:
    """Forget what is past its time until cancelled."""
    pause = FIRST_SECONDS
    while True:
        await asyncio.sleep(pause)
        pause = EVERY_SECONDS
        try:
            done = await apply_retention(house)
            if done:
                log.info("retention.done", **done)
        except Unavailable as error:
            log.debug("retention.waiting", reason=error.code)
            pause = RETRY_SECONDS
        except Exception:
            log.exception("retention.failed")
