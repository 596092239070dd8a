"""The job that fetches recordings and their texts from Twilio."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from hotline.errors import Unavailable
from hotline.workflows.house import House
from hotline.workflows.twilio import twilio_recordings

log = structlog.get_logger(__name__)

#: Seconds between two looks, and the pause without a Twilio account.
LOOK_SECONDS: Final = 3.0
OFF_SECONDS: Final = 60.0


async def run(house: House) -> None:
    """Fetch until cancelled. A database that is away is waited for."""
    while True:
        done = 0
        try:
            done = await twilio_recordings.work(house)
        except Unavailable as error:
            log.debug("twilio_recordings.waiting", reason=error.code)
        except Exception:
            log.exception("twilio_recordings.failed")
        if not done:
            await asyncio.sleep(LOOK_SECONDS if house.twilio is not None else OFF_SECONDS)
