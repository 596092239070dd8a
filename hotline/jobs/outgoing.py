"""Sends what waits to leave: on every node, each message by one of them, several at once. Which function takes a
channel to its provider stands in ``SENDERS``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import Final
from uuid import UUID

import structlog

from hotline.channels.errors import ChannelError, TemporarilyRefused, Unknown
from hotline.errors import HotlineError, Unavailable
from hotline.workflows.conversations import outgoing
from hotline.workflows.conversations.outgoing import Outgoing, Send
from hotline.workflows.house import House
from hotline.workflows.mail import mail_out
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.twilio import twilio_sending

log = structlog.get_logger(__name__)

SENDERS: Final[Mapping[str, Send]] = {
    "sms": twilio_sending.send,
    "whatsapp": twilio_sending.send,
    "email": mail_out.send,
}

#: Messages on their way to providers at once.
AT_ONCE: Final = 32
#: Messages that are taken and not noted yet, at most: a process that dies leaves as many of which nobody knows whether
#: they left. Enough for those on their way, those that come next while a commit waits for the disk, and those whose
#: results are being written.
MOST_TAKEN: Final = 8 * AT_ONCE
#: Messages for which there must be room for a look to be worth it.
LEAST_TAKEN: Final = AT_ONCE
#: Groups of results that are written at once, so that one goes on while another waits for the disk; results that make a
#: group, and the seconds for which more are waited for while some are on their way: each group costs the same.
NOTES_AT_ONCE: Final = 2
LEAST_NOTED: Final = AT_ONCE
GATHER_SECONDS: Final = 0.05
#: Seconds between two looks when nothing wakes us: another process may have written.
LOOK_SECONDS: Final = 1.0
#: Seconds between two looks for tries that nobody waits for any more.
LOST_SECONDS: Final = 15.0
#: Seconds until the next attempt while the database is away.
RETRY_SECONDS: Final = 2.0
#: Seconds that what is on its way gets to end.
STOP_SECONDS: Final = 8.0
#: Seconds that a try has in all; a channel's own time-out is shorter. One that could not begin while its lease lasts so
#: long is not made: a person may have sent the message again meanwhile.
LONGEST_SECONDS: Final = 90.0


class Dispatch:
    """One process's sending. Nothing waits for another: messages are taken while others are on their way, and what came
    of those before is written."""

    def __init__(self, house: House, senders: Mapping[str, Send] = SENDERS, *, at_once: int = AT_ONCE) -> None:
        self._house = house
        self._at_once = at_once
        self._senders = dict(senders)
        self._moved = outgoing.sending_event(house)
        #: Taken, each with the moment until which it may be handed over; and what came of those that were.
        self._ready: deque[tuple[Outgoing, float]] = deque()
        self._results: dict[UUID, Accepted | ChannelError] = {}
        #: Results make a group, or no more of them come.
        self._enough = asyncio.Event()
        self._open = 0
        #: Whether there may be more than was taken last.
        self._more = False
        self._handing = 0
        self._noting = 0
        self._lost = float("-inf")

    @property
    def _room(self) -> int:
        return MOST_TAKEN - self._open

    @property
    def busy(self) -> bool:
        """Whether messages are taken of which it is not noted what came."""
        return self._open > 0

    async def take(self) -> int:
        """Take what is due, where there is room for a good number of messages: each look costs the same. They are
        handed over from now on; how many."""
        if monotonic() - self._lost > LOST_SECONDS:
            await outgoing.give_up_lost(self._house)
            self._lost = monotonic()
        room = self._room
        if room < LEAST_TAKEN:
            return 0
        begun = monotonic()
        taken = await outgoing.take(self._house, tuple(self._senders), room)
        until = begun + outgoing.LEASE.total_seconds() - LONGEST_SECONDS
        self._open += len(taken)
        self._more = len(taken) == room
        self._ready.extend((message, until) for message in taken)
        for _ in range(min(self._at_once - self._handing, len(self._ready))):
            self._handing += 1
            self._house.spawn(self._hand_over(), "outgoing")
        return len(taken)

    async def wait(self, seconds: float = LOOK_SECONDS) -> None:
        """Wait until something came back, or a message is wanted to leave; at most so long. Not at all when the last
        look left some that there is room for by now."""
        if self._more and self._room >= LEAST_TAKEN:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._moved.wait()
        self._moved.clear()

    async def drain(self) -> None:
        """Send all that is due now and wait until what came of it is noted."""
        # What is noted may let the next message of its conversation go: only a look at none with nothing open is last.
        while True:
            open_before = self._open
            if not await self.take() and not open_before:
                return
            if self.busy:
                await self.wait()

    async def stop(self) -> None:
        """Hand nothing more over: what was taken is given back, and what is on its way is waited for, for a while."""
        back = [message.id for message, _ in self._ready]
        self._ready.clear()
        self._more = False
        if back:
            await outgoing.give_back(self._house, back)
            self._open -= len(back)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                while self.busy:
                    await self.wait()

    async def _hand_over(self) -> None:
        """One of several: hand over one message after the other while there are any."""
        try:
            while self._ready:
                message, until = self._ready.popleft()
                late = monotonic() > until
                result = TemporarilyRefused("It waited too long.") if late else await self._tried(message)
                self._results[message.id] = result
                if len(self._results) >= LEAST_NOTED:
                    self._enough.set()
                if not self._noting or (self._noting < NOTES_AT_ONCE and self._enough.is_set()):
                    self._noting += 1
                    self._house.spawn(self._note(), "outgoing-results")
        finally:
            self._handing -= 1
            if not self._handing:
                self._enough.set()

    async def _note(self) -> None:
        """Write what came back, all of it together. It is kept until it is in the database: it must not be told for
        lost."""
        try:
            while self._results:
                await self._gathered()
                results, self._results = self._results, {}
                if not results:
                    break
                try:
                    await outgoing.note(self._house, results)
                except Exception as error:
                    self._results = results | self._results
                    _tell_waiting(error)
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                self._open -= len(results)
                self._moved.set()
        finally:
            self._noting -= 1

    async def _gathered(self) -> None:
        """Wait for a group of results, but never long, and not when no more of them come."""
        if self._handing and len(self._results) < LEAST_NOTED:
            self._enough.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_SECONDS):
                    await self._enough.wait()
        self._enough.clear()

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


async def run(house: House) -> None:
    """Send until cancelled. A database that is away is waited for; what was sent meanwhile is noted afterwards. What
    was not handed over by the end waits on."""
    dispatch = Dispatch(house)
    try:
        while True:
            try:
                await dispatch.take()
            except Exception as error:
                _tell_waiting(error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            await dispatch.wait()
    finally:
        try:
            await dispatch.stop()
        except Exception as error:
            _tell_waiting(error)


def _tell_waiting(error: Exception) -> None:
    if isinstance(error, Unavailable):
        log.warning("outgoing.waiting", reason=error.code)
    elif isinstance(error, HotlineError):
        log.error("outgoing.look_failed", reason=error.code)
    else:
        log.error("outgoing.look_failed", exc_info=error)
