"""The bus inside one process: tests, tools, and the local half of the other two."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hotline.bus.base import LARGEST_PAYLOAD, QUEUE_SIZE, BusHealth, Message, Subscription
from hotline.errors import Invalid


class MemoryBus:
    """Delivers at once, to this process only."""

    kind = "memory"

    def __init__(self, *, queue_size: int = QUEUE_SIZE) -> None:
        self._queue_size = queue_size
        self._subscriptions: set[Subscription] = set()

    async def start(self) -> None:
        """Nothing to connect."""

    async def close(self) -> None:
        """Forget the subscribers."""
        self._subscriptions.clear()

    async def publish(self, topic: str, payload: bytes) -> None:
        """Hand the message to every subscriber of the topic."""
        check_message(topic, payload)
        self.deliver(Message(topic, payload))

    @asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncIterator[Subscription]:
        """Listen while the context is open."""
        subscription = Subscription(frozenset(topics), self._queue_size)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def deliver(self, message: Message) -> None:
        """Hand a message to the subscribers here."""
        for subscription in self._subscriptions:
            subscription.offer(message)

    def resync(self) -> None:
        """Tell every subscriber here that messages may have been missed."""
        for subscription in self._subscriptions:
            subscription.resync()

    def health(self) -> BusHealth:
        """Always well."""
        return BusHealth(self.kind, True)


def check_message(topic: str, payload: bytes) -> None:
    """Raise Invalid for what not every twin can carry, so that a topic that works here works between processes."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", topic):
        raise Invalid("A bus topic holds letters, digits, dots, hyphens and underscores.")
    if len(payload) > LARGEST_PAYLOAD:
        raise Invalid(f"A bus message holds at most {LARGEST_PAYLOAD} bytes; send ids, not content.")
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise Invalid("A bus message is UTF-8 text.") from None
    if "\0" in text:
        raise Invalid("A bus message holds no NUL.")
