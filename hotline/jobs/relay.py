"""The outbox relay: numbers events after their commit, on every node, without a leader.

It wakes when an event is published anywhere and looks each second besides, so that what a crashed process committed
but never published is numbered, and through its number delivered, all the same.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from hotline.bus import Subscription
from hotline.errors import Unavailable
from hotline.events import TOPIC_EVENTS
from hotline.workflows.house import House
from hotline.workflows.outbox import number_events

log = structlog.get_logger(__name__)

#: Seconds that events are collected before they are numbered together: live delivery does not wait for numbers.
GATHER_SECONDS: Final = 0.25

#: Seconds after which it looks without having been told.
LOOK_SECONDS: Final = 1.0


async def run(house: House) -> None:
    """Relay until cancelled. A database that is away is waited for."""
    async with house.bus.subscribe(TOPIC_EVENTS) as subscription:
        while True:
            try:
                await number_events(house)
            except Unavailable as error:
                log.warning("relay.waiting", reason=error.code)
            except Exception:
                log.exception("relay.failed")  # and goes on: events that get no number are events that get lost
            await _told_or_due(subscription)


async def _told_or_due(subscription: Subscription) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_SECONDS):
            await anext(subscription)
            await asyncio.sleep(GATHER_SECONDS)
            subscription.clear()
