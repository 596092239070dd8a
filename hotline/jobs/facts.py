"""Facts of customers, read anew after changes: on every node, one of them at a time, and never for long, so that nobody
at a desk waits for it. Whoever counts a segment reads what is left first."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

import structlog

from hotline.errors import Unavailable
from hotline.workflows.campaigns.segments import bring_up_to_date
from hotline.workflows.house import House

log = structlog.get_logger(__name__)

#: Seconds between two looks while nothing changes.
LOOK_SECONDS: Final = 5.0
#: While much is to be read, for each second of reading so many of rest: an import needs the processors more.
REST: Final = 3.0
#: Seconds until the next attempt while the database is away.
RETRY_SECONDS: Final = 10.0


async def run(house: House) -> None:
    """Read what changed until cancelled."""
    while True:
        pause = LOOK_SECONDS
        began = monotonic()
        try:
            if await bring_up_to_date(house, steps=1):
                pause = REST * (monotonic() - began)
        except Unavailable as error:
            log.debug("facts.waiting", reason=error.code)
            pause = RETRY_SECONDS
        except Exception:
            log.exception("facts.failed")
            pause = RETRY_SECONDS
        await asyncio.sleep(pause)
