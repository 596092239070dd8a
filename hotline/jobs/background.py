"""The workers: on every node, a few jobs at a time, so that a long import is not in the way of a small batch."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from hotline.errors import Unavailable
from hotline.workflows.background import alarm, work
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.house import House

log = structlog.get_logger(__name__)

#: Jobs that one process works on at once: each takes a connection of the pool while it writes.
WORKERS: Final = 2
#: Seconds between two looks, unless this process starts one.
LOOK_SECONDS: Final = 1.0
#: Seconds until the next attempt while the database is away.
RETRY_SECONDS: Final = 5.0


async def run(house: House) -> None:
    """Work until cancelled. A database that is away is waited for."""
    async with asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(_worker(house))


async def _worker(house: House) -> None:
    while True:
        pause = LOOK_SECONDS
        try:
            if await work(house, KINDS):
                continue
        except Unavailable as error:
            log.warning("background.waiting", reason=error.code)
            pause = RETRY_SECONDS
        except Exception:
            log.exception("background.failed")
            pause = RETRY_SECONDS
        bell = alarm(house)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await bell.wait()
        bell.clear()
