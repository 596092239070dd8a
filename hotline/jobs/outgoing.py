"""Sends what waits to leave: on every node, each message by one of them, several at once. Which function takes a
channel to its provider stands in ``SENDERS``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import Final
from uuid import UUID

import structlog

from hotline.channels.errors import ChannelError, TemporarilyRefused, Unknown
from hotline.errors import HotlineError, Unavailable
from hotline.workflows import mail_out, outgoing, twilio_sending
from hotline.workflows.deliveries import Accepted
from hotline.workflows.house import House
from hotline.workflows.outgoing import Outgoing, Send

log = structlog.get_logger(__name__)

SENDERS: Final[Mapping[str, Send]] = {
    "sms": twilio_sending.send,
    "whatsapp": twilio_sending.send,
    "email": mail_out.send,
}

#: Messages on their way to providers at once; and most that are taken, the next ones among them. A process that dies
#: leaves as many at most of which nobody knows whether they left.
AT_ONCE: Final = 32
MOST_TAKEN: Final = 128
#: Seconds between two looks when nothing wakes us: another process may have written.
LOOK_SECONDS: Final = 1.0
#: Seconds between two looks for tries that nobody waits for any more.
LOST_SECONDS: Final = 15.0
#: Seconds until the next attempt while the database is away.
RETRY_SECONDS: Final = 2.0
#: Seconds that a try has in all; a channel's own time-out is shorter. One that could not begin while its lease lasts so
#: long is not made: a person may have sent the message again meanwhile.
LONGEST_SECONDS: Final = 90.0


class Dispatch:
    """One process's sending. What came back is noted, and what comes next is taken, while others are on their way."""

    def __init__(self, house: House, senders: Mapping[str, Send] = SENDERS) -> None:
        self._house = house
        self._senders = dict(senders)
        self._running: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._done: dict[UUID, Accepted | ChannelError] = {}
        self._changed = asyncio.Event()
        self._lost = float("-inf")

    async def once(self) -> int:
        """Note what has come back, and take what is due where there is room; how many messages either was. One that is
        noted may let the next one of its conversation go: look again until it is none."""
        if monotonic() - self._lost > LOST_SECONDS:
            await outgoing.give_up_lost(self._house)
            self._lost = monotonic()
        noted, taken = await asyncio.gather(self._note(), self._take())
        return noted + taken

    async def drain(self) -> None:
        """Send all that is due now and wait until what came of it is noted."""
        while await self.once() or self.busy:
            await self.settled()

    async def settled(self, seconds: float = LOOK_SECONDS) -> None:
        """Wait until something came back, at most so long."""
        if self._running and not self._done:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()

    @property
    def busy(self) -> bool:
        """Whether messages are on their way."""
        return bool(self._running or self._done)

    async def _take(self) -> int:
        """A good number at a time: each look costs the same."""
        room = MOST_TAKEN - len(self._running)
        if room < AT_ONCE:
            return 0
        begun = monotonic()
        taken = await outgoing.take(self._house, tuple(self._senders), room)
        until = begun + outgoing.LEASE.total_seconds() - LONGEST_SECONDS
        for message in taken:
            task = self._house.spawn(self._send(message, until), "outgoing")
            self._running.add(task)
            task.add_done_callback(self._over)
        return len(taken)

    async def _note(self) -> int:
        """What came back is noted together. It is kept until it is in the database: it must not be told for lost."""
        results = dict(self._done)
        if results:
            await outgoing.note(self._house, results)
        for message_id in results:
            self._done.pop(message_id, None)
        return len(results)

    async def _send(self, message: Outgoing, until: float) -> None:
        async with self._places:
            late = monotonic() > until
            self._done[message.id] = TemporarilyRefused("It waited too long.") if late else await self._tried(message)
            self._changed.set()

    async def _tried(self, message: Outgoing) -> Accepted | ChannelError:
        result: Accepted | ChannelError
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                return await self._senders[message.channel](self._house, message)
        except ChannelError as error:
            result = error
        except TimeoutError:
            result = Unknown("It took too long.")
        except Exception:
            # It may have been handed over before this went wrong.
            log.exception("outgoing.failed", message=str(message.id))
            result = Unknown()
        log.warning(
            "outgoing.not_sent", message=str(message.id), reason=result.code, code=result.provider_code,
            attempt=message.attempt,
        )  # fmt: skip
        return result

    def _over(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._changed.set()


async def run(house: House) -> None:
    """Send until cancelled. A database that is away is waited for; what was sent meanwhile is noted afterwards."""
    dispatch = Dispatch(house)
    while True:
        try:
            done = await dispatch.once()
        except Unavailable as error:
            log.warning("outgoing.waiting", reason=error.code)
            await asyncio.sleep(RETRY_SECONDS)
            continue
        except HotlineError as error:
            log.error("outgoing.look_failed", reason=error.code)
            await asyncio.sleep(RETRY_SECONDS)
            continue
        except Exception:
            log.exception("outgoing.look_failed")
            await asyncio.sleep(RETRY_SECONDS)
            continue
        if dispatch.busy:
            await dispatch.settled()
        elif not done:
            await outgoing.sending_wanted(house, LOOK_SECONDS)
