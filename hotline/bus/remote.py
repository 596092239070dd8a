"""What the two buses between processes share: keep a connection, send in the background, resync after a loss.

Local subscribers are served at once and directly; what comes back from the other side with our own mark is dropped.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import random
from typing import Final, NamedTuple
from uuid import uuid4

import structlog

from hotline.bus.base import QUEUE_SIZE, BusHealth, Message
from hotline.bus.memory import MemoryBus, check_message
from hotline.errors import Unavailable

log = structlog.get_logger(__name__)

#: Most messages that wait to be sent; past it the others are told to resync instead.
OUTGOING_SIZE: Final = 10_000

#: Most messages sent by one statement.
BATCH: Final = 200

#: Seconds between two signs of life on a connection that carries nothing else.
PING_SECONDS: Final = 5.0

#: Seconds until a connection attempt or a ping counts as failed.
TIMEOUT: Final = 5.0

#: Seconds between two attempts to connect: the first and the longest wait.
SHORTEST_WAIT: Final = 0.05
LONGEST_WAIT: Final = 2.0

_RESYNC: Final = "!"


class Envelope(NamedTuple):
    """A message on the wire: ``origin.number:topic:payload``; the topic ``!`` tells everybody to resync.

    The number keeps equal messages apart: PostgreSQL drops what is the same twice in one transaction.
    """

    origin: str
    number: int
    topic: str
    payload: str

    def __str__(self) -> str:
        return f"{self.origin}.{self.number}:{self.topic}:{self.payload}"

    @classmethod
    def parse(cls, text: str) -> Envelope:
        """Raises ValueError for what is no envelope."""
        sender, topic, payload = text.split(":", 2)
        origin, _, number = sender.partition(".")
        return cls(origin, int(number), topic, payload)


class RemoteBus(MemoryBus):
    """Subclasses keep one session: connect, subscribe, call ``_up``, then carry messages until the connection fails."""

    def __init__(self, *, queue_size: int = QUEUE_SIZE, ping_seconds: float = PING_SECONDS) -> None:
        super().__init__(queue_size=queue_size)
        self._origin = uuid4().hex[:12]
        self._outgoing: asyncio.Queue[str] = asyncio.Queue(OUTGOING_SIZE)
        self._ping_seconds = ping_seconds
        self._task: asyncio.Task[None] | None = None
        self._connected = False
        self._error = "connecting"
        self._attempts = 0
        self._unsent = False
        self._numbers = itertools.count(1)

    async def start(self) -> None:
        """Begin to connect, and keep at it."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"bus-{self.kind}", context=contextvars.Context())

    async def close(self) -> None:
        """Disconnect."""
        while self._task is not None and not self._task.done():
            # More than once: libraries' own waits on 3.11 can swallow a cancellation.
            self._task.cancel()
            await asyncio.wait([self._task], timeout=TIMEOUT)
        self._task = None
        self._connected, self._error = False, "closed"
        await super().close()

    async def publish(self, topic: str, payload: bytes) -> None:
        """Serve this process at once and queue the message for the others; does not wait for the other side."""
        check_message(topic, payload)
        self.deliver(Message(topic, payload))
        if not self._connected:
            self._unsent = True
            raise Unavailable(f"The bus ({self.kind}) is away; others see the change when they look.")
        try:
            self._outgoing.put_nowait(self._envelope(topic, payload.decode()))
        except asyncio.QueueFull:
            self._unsent = True
            raise Unavailable(f"The bus ({self.kind}) is too slow; others see the change when they look.") from None

    def health(self) -> BusHealth:
        """How the connection is."""
        return BusHealth(self.kind, self._connected, self._error)

    async def _session(self) -> None:
        """One connection, from connecting to its failure (an exception)."""
        raise NotImplementedError

    def _up(self) -> None:
        """The subscription stands: what was sent before it is lost to us, and what we could not send to the others."""
        unsent = self._unsent or not self._outgoing.empty()
        while not self._outgoing.empty():
            self._outgoing.get_nowait()
        if unsent:
            self._outgoing.put_nowait(self._envelope(_RESYNC, ""))
            self._unsent = False
        self._connected, self._error, self._attempts = True, "", 0
        self.resync()

    def _envelope(self, topic: str, payload: str) -> str:
        return str(Envelope(self._origin, next(self._numbers), topic, payload))

    def _received(self, text: str) -> None:
        try:
            envelope = Envelope.parse(text)
        except ValueError:
            log.warning("bus.unreadable", kind=self.kind, length=len(text))
            return
        if envelope.origin == self._origin:
            return
        if envelope.topic == _RESYNC:
            self.resync()
        else:
            self.deliver(Message(envelope.topic, envelope.payload.encode()))

    def _more(self, first: str) -> list[str]:
        """``first`` and what else waits to be sent."""
        batch = [first]
        while len(batch) < BATCH and not self._outgoing.empty():
            batch.append(self._outgoing.get_nowait())
        return batch

    async def _run(self) -> None:
        while True:
            try:
                await self._session()
            except Exception as error:
                reason = _reason(error)
            else:
                reason = "closed by the other side"
            if self._connected or self._attempts == 0:
                log.warning("bus.lost", kind=self.kind, reason=reason)
            self._connected, self._error = False, reason
            self._attempts += 1
            longest = min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** min(self._attempts, 10))
            await asyncio.sleep(random.uniform(SHORTEST_WAIT, longest))  # noqa: S311


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
