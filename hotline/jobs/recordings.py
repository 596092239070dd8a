"""The recordings job: joins recordings to calls that are known only later, and each hour ends what is past its time."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

import structlog

from hotline.errors import Unavailable
from hotline.workflows.calls.recordings import announcement, keep_recordings, link_recordings
from hotline.workflows.house import House
from hotline.workflows.ivr.prompts import also_want

log = structlog.get_logger(__name__)

#: Seconds between two looks for calls, and between two rounds of retention.
LOOK_SECONDS: Final = 10.0
KEEP_SECONDS: Final = 3600.0


async def run(house: House) -> None:
    """Keep recordings until cancelled. A database that is away is waited for."""
    kept_at = float("-inf")
    while True:
        try:
            if monotonic() - kept_at > KEEP_SECONDS:
                done = await keep_recordings(house)
                kept_at = monotonic()
                if done.expired or done.orphans:
                    log.info("recordings.kept", expired=done.expired, orphans=done.orphans)
            else:
                await link_recordings(house)
            also_want(house, announcement(house, house.settings.locale))
        except Unavailable as error:
            log.debug("recordings.waiting", reason=error.code)
        except Exception:
            log.exception("recordings.failed")
        await asyncio.sleep(LOOK_SECONDS)
