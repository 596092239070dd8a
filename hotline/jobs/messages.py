"""What messages need by themselves, on every node: files fetched, conversations that were put aside brought back, idle
ones closed; and on one of the nodes, what came while nobody listened, and what left though nobody saw it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from time import monotonic
from typing import Final

import structlog

from hotline.channels.errors import ChannelError
from hotline.errors import HotlineError, Unavailable
from hotline.workflows.conversations.conversations import wake_waiting
from hotline.workflows.conversations.idle_conversations import close_idle
from hotline.workflows.conversations.message_files import fetch_waiting, fetching_wanted, forget_unsent
from hotline.workflows.house import House
from hotline.workflows.leases import acquire_lease, release_lease
from hotline.workflows.pushes import push_unknown
from hotline.workflows.twilio.catch_up import catch_up

log = structlog.get_logger(__name__)

#: Seconds between two looks for files that wait when nothing wakes us, and for what comes back by itself.
FETCH_SECONDS: Final = 5.0
WAKE_SECONDS: Final = 15.0
#: Seconds between two looks at what a provider has and we lack, and between two cleanings.
CATCH_UP_SECONDS: Final = 180.0
#: The same while there is more than one look takes over.
MORE_SECONDS: Final = 1.0
CLEAN_SECONDS: Final = 600.0
#: Seconds between two looks for campaigns' messages of which nobody knows, while they are fresh: a process that dies in
#: the middle of a blast leaves some hundred.
DOUBT_SECONDS: Final = 15.0
#: Seconds until the next attempt while the database or the provider is away.
RETRY_SECONDS: Final = 5.0
AWAY_SECONDS: Final = 30.0
LEASE: Final = timedelta(minutes=5)


async def run(house: House) -> None:
    """Until cancelled."""
    await asyncio.gather(_files(house), _looks(house), _catch_up(house), _doubts(house))


async def _files(house: House) -> None:
    while True:
        try:
            if not await fetch_waiting(house):
                await fetching_wanted(house, FETCH_SECONDS)
        except Unavailable as error:
            log.warning("messages.waiting", reason=error.code)
            await asyncio.sleep(RETRY_SECONDS)
        except Exception:
            log.exception("messages.fetching_failed")
            await asyncio.sleep(AWAY_SECONDS)


async def _looks(house: House) -> None:
    cleaned = float("-inf")
    while True:
        try:
            await wake_waiting(house)
            if monotonic() - cleaned > CLEAN_SECONDS:
                await close_idle(house)
                await forget_unsent(house)
                cleaned = monotonic()
        except HotlineError as error:
            log.warning("messages.waiting", reason=error.code)
        except Exception:
            log.exception("messages.look_failed")
        await asyncio.sleep(WAKE_SECONDS)


async def _catch_up(house: House) -> None:
    if house.twilio is None:
        await asyncio.Event().wait()
    while True:
        pause = CATCH_UP_SECONDS
        try:
            lease = await acquire_lease(house, "twilio:catch-up", LEASE)
            if lease is not None:
                try:
                    if (await catch_up(house))["left"]:
                        pause = MORE_SECONDS
                finally:
                    await release_lease(house, lease)
        except (ChannelError, Unavailable) as error:
            log.warning("catch_up.waiting", reason=error.code)
            pause = AWAY_SECONDS
        except Exception:
            log.exception("catch_up.failed")
        await asyncio.sleep(pause)


async def _doubts(house: House) -> None:
    if house.twilio is None:
        await asyncio.Event().wait()
    while True:
        pause = DOUBT_SECONDS
        try:
            lease = await acquire_lease(house, "twilio:unknown", LEASE)
            if lease is not None:
                try:
                    while await push_unknown.resolve(house, push_unknown.FRESH):
                        pass
                finally:
                    await release_lease(house, lease)
        except (ChannelError, Unavailable) as error:
            log.warning("doubts.waiting", reason=error.code)
            pause = AWAY_SECONDS
        except Exception:
            log.exception("doubts.failed")
        await asyncio.sleep(pause)
