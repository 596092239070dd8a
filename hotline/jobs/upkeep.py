"""The upkeep job: at the start and then each hour, on every node; doing it twice changes nothing."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from hotline.errors import Unavailable
from hotline.workflows.house import House
from hotline.workflows.upkeep.upkeep import keep_house

log = structlog.get_logger(__name__)

EVERY_SECONDS: Final = 3600.0

#: Seconds until the next attempt while the database is away.
RETRY_SECONDS: Final = 10.0


async def run(house: House) -> None:
    """Keep the house until cancelled."""
    while True:
        pause = EVERY_SECONDS
        try:
            await keep_house(house)
        except Unavailable as error:
            log.warning("upkeep.waiting", reason=error.code)
            pause = RETRY_SECONDS
        except Exception:
            log.exception("upkeep.failed")
        await asyncio.sleep(pause)
