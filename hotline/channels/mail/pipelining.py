"""Several SMTP commands in one packet (RFC 2920), on a connection that aiosmtplib has opened, secured and signed in: it
waits for the answer to each command and takes no other, and a blast spends its time on the way to the relay and back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, NamedTuple

#: Most bytes of answers that were not asked for, or do not end.
LONGEST: Final = 65_536
#: Most lines of one answer.
_MOST_LINES: Final = 100
_CODES: Final = {str(code).encode(): code for code in range(1000) if code >= 100}


class Answer(NamedTuple):
    """What the relay said to one command."""

    code: int
    said: bytes

    @property
    def text(self) -> str:
        """Its words, without the code."""
        return self.said.decode("utf-8", "replace")


class HungUp(ConnectionError):
    """The relay closed the connection, talks nonsense, or does not answer in time."""


class _Asked(NamedTuple):
    answers: int
    seconds: float
    waiter: asyncio.Future[list[Answer]]


class Pipeline(asyncio.Protocol):
    """Takes a connection over; ``before`` is told when it is lost. What is asked is answered in its order; a further
    thing may be asked meanwhile."""

    def __init__(self, transport: asyncio.Transport, before: asyncio.BaseProtocol) -> None:
        self._transport = transport
        self._before = before
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._lines: list[bytes] = []
        self._answers: list[Answer] = []
        self._asked: deque[_Asked] = deque()
        self._lost = False
        self._late = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._can_write = asyncio.Event()
        self._can_write.set()
        transport.set_protocol(self)

    @property
    def open(self) -> bool:
        """Whether it can be asked."""
        return not self._lost and not self._transport.is_closing()

    def ask(self, data: bytes, answers: int, seconds: float) -> asyncio.Future[list[Answer]]:
        """Send; the future has so many answers, or HungUp: each thing that is asked gets so many seconds from when its
        turn came. Raises HungUp. Who gives up on an answer must ``close``: what follows is out of step."""
        if not self.open:
            raise HungUp
        waiter: asyncio.Future[list[Answer]] = self._loop.create_future()
        if not self._asked:
            self._late = self._loop.time() + seconds
            if self._watch is None:
                self._watch = self._loop.call_at(self._late, self._look)
        self._asked.append(_Asked(answers, seconds, waiter))
        self._transport.write(data)
        return waiter

    async def drained(self) -> None:
        """Wait until the relay reads: one that answers a mail while it comes is written on no further."""
        if not self._can_write.is_set():
            await self._can_write.wait()

    def leave(self) -> None:
        """Say goodbye; nobody waits for the answer."""
        if self.open:
            self._transport.write(b"QUIT\r\n")
        self._transport.close()

    def close(self) -> None:
        """End it at once. Whoever waits is told."""
        self._buffer = b""
        self._transport.abort()
        self._hang_up()

    def data_received(self, data: bytes) -> None:
        """Lines of answers, in any pieces."""
        *lines, self._buffer = (self._buffer + data if self._buffer else data).split(b"\n")
        for line in lines:
            code = _CODES.get(line[:3])
            if code is None:
                self.close()
                return
            if self._lines or line[3:4] == b"-":
                self._lines.append(line[4:].strip())
                if line[3:4] == b"-":
                    if len(self._lines) >= _MOST_LINES:
                        self.close()
                        return
                    continue
                self._answers.append(Answer(code, b"\n".join(self._lines)))
                self._lines = []
            else:
                self._answers.append(Answer(code, line[4:].strip()))
            self._answered()
        if len(self._buffer) > LONGEST or len(self._answers) > _MOST_LINES:
            self.close()

    def _answered(self) -> None:
        if not self._asked:
            # Said without being asked: what it says before it hangs up (RFC 5321 3.8). It answers nothing.
            self._answers.clear()
            return
        if len(self._answers) < self._asked[0].answers:
            return
        asked = self._asked.popleft()
        found, self._answers = self._answers, []
        if not asked.waiter.done():
            asked.waiter.set_result(found)
        if self._asked:
            self._late = self._loop.time() + self._asked[0].seconds

    def _look(self) -> None:
        """A timer for each thing that is asked would cost as much as asking: one looks whether the time is over."""
        self._watch = None
        if not self._asked:
            return
        if self._loop.time() >= self._late:
            self.close()
        else:
            self._watch = self._loop.call_at(self._late, self._look)

    def pause_writing(self) -> None:
        """The relay reads slowly."""
        self._can_write.clear()

    def resume_writing(self) -> None:
        """It goes on."""
        self._can_write.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits is told."""
        self._hang_up()
        self._before.connection_lost(exc)

    def _hang_up(self) -> None:
        self._lost = True
        self._can_write.set()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        while self._asked:
            waiter = self._asked.popleft().waiter
            if not waiter.done():
                waiter.set_exception(HungUp())
                waiter.exception()  # nobody may wait for it any more
