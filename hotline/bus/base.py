"""What every bus does. Three twins keep one contract (tests/integration/test_bus.py): memory, postgres, redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol

#: Most messages that wait for one subscriber; past it they are dropped and the subscriber is told to resync.
QUEUE_SIZE: Final = 1000

#: Most bytes of a payload: what PostgreSQL's NOTIFY carries, less room for the topic and the sender.
LARGEST_PAYLOAD: Final = 7500


@dataclass(frozen=True, slots=True)
class Message:
    """One nudge."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Resync:
    """Messages may have been missed: read the truth from the database. Always the first thing a subscriber gets."""


@dataclass(frozen=True, slots=True)
class BusHealth:
    """``kind``: memory, postgres or redis. ``error``: a code for what is wrong, empty when nothing is."""

    kind: str
    connected: bool
    error: str = ""


class Subscription:
    """An endless async iterator of what arrives. A slow reader loses messages and gets a ``Resync`` in their place."""

    def __init__(self, topics: frozenset[str], size: int = QUEUE_SIZE) -> None:
        self.topics = topics
        self._waiting: asyncio.Queue[Message | Resync] = asyncio.Queue(size + 1)
        self._size = size
        self.resync()

    def __aiter__(self) -> AsyncIterator[Message | Resync]:
        return self

    async def __anext__(self) -> Message | Resync:
        return await self._waiting.get()

    def offer(self, message: Message) -> None:
        """Queue a message of one of the topics; never waits."""
        if message.topic in self.topics:
            if self._waiting.qsize() >= self._size:
                self.resync()
            else:
                self._waiting.put_nowait(message)

    def clear(self) -> None:
        """Drop what waits, for who looks at the truth anyway."""
        while not self._waiting.empty():
            self._waiting.get_nowait()

    def resync(self) -> None:
        """Drop what waits, since the truth that will be read now is newer, and ask for a resync."""
        self.clear()
        self._waiting.put_nowait(Resync())


class Bus(Protocol):
    """Publish and subscribe between processes. Delivery is at most once; ``Resync`` says when it may have failed."""

    async def start(self) -> None:
        """Begin to connect. Never fails because the other side is away: it keeps trying."""
        ...

    async def close(self) -> None:
        """Stop; subscribers get nothing more."""
        ...

    async def publish(self, topic: str, payload: bytes) -> None:
        """Send to every subscriber of ``topic`` in every process, this one included.

        Raises Invalid above LARGEST_PAYLOAD and Unavailable when the other side is away; local subscribers have
        been served in that case.
        """
        ...

    def subscribe(self, *topics: str) -> AbstractAsyncContextManager[Subscription]:
        """Listen while the context is open."""
        ...

    def health(self) -> BusHealth:
        """How the connection is."""
        ...
