"""Several SMTP commands in one packet (RFC 2920), on a connection that aiosmtplib has opened, secured and signed in: it
waits for the answer to each command and takes no other, and a blast spends its time on the way to the relay and back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, NamedTuple

#: Most bytes of answers that were not asked for, or do not end.
LONGEST: Final = 65_536


class Answer(NamedTuple):
    """What the relay said to one command."""

    code: int
    text: str


class HungUp(ConnectionError):
    """The relay closed the connection, or talks nonsense."""


class Pipeline(asyncio.Protocol):
    """Takes a connection over; ``before`` is told when it is lost. One dialogue at a time."""

    def __init__(self, transport: asyncio.Transport, before: asyncio.BaseProtocol) -> None:
        self._transport = transport
        self._before = before
        self._buffer = b""
        self._lines: list[str] = []
        self._answers: deque[Answer] = deque()
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._lost = False
        self._can_write = asyncio.Event()
        self._can_write.set()
        transport.set_protocol(self)

    async def ask(self, data: bytes, answers: int) -> list[Answer]:
        """Send, and wait for so many answers. Raises HungUp."""
        if self._lost or self._transport.is_closing():
            raise HungUp
        self._answers.clear()
        self._wanted = answers
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        try:
            await waiter
        finally:
            self._waiter = None
        found = [self._answers.popleft() for _ in range(answers)]
        # A relay that answers a mail while it comes is read, though it is written on.
        await self._can_write.wait()
        return found

    def leave(self) -> None:
        """Say goodbye; nobody waits for the answer."""
        if not self._lost and not self._transport.is_closing():
            self._transport.write(b"QUIT\r\n")
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Lines of answers, in any pieces."""
        self._buffer += data
        if len(self._buffer) > LONGEST:
            self._fail()
            return
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            self._line(line)

    def _line(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()
        code = text[:3]
        if not (len(code) == 3 and code.isdecimal() and code.isascii()):
            self._fail()
            return
        self._lines.append(text[4:].strip())
        if text[3:4] == "-" and len(self._lines) < 100:
            return
        self._answers.append(Answer(int(code), "\n".join(self._lines)))
        self._lines = []
        if self._waiter is not None and len(self._answers) >= self._wanted and not self._waiter.done():
            self._waiter.set_result(None)

    def pause_writing(self) -> None:
        """The relay reads slowly."""
        self._can_write.clear()

    def resume_writing(self) -> None:
        """It goes on."""
        self._can_write.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits is told."""
        self._lost = True
        self._can_write.set()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(HungUp())
        self._before.connection_lost(exc)

    def _fail(self) -> None:
        self._buffer = b""
        self._transport.abort()
