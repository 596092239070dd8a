"""The bus over Redis or Valkey pub/sub, for several machines.

Pub/sub forgets what nobody was there to hear, and redis-py reconnects without a word, losing messages: the only sign
is a second ``subscribe`` confirmation. It counts as a loss here, as does a missing answer to a ping.
"""

from __future__ import annotations

import asyncio
from typing import Any

import redis.asyncio
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from hotline.bus.base import QUEUE_SIZE
from hotline.bus.remote import PING_SECONDS, TIMEOUT, RemoteBus


class RedisBus(RemoteBus):
    """``namespace`` keeps installations apart that share a server: pub/sub ignores the number of the database."""

    kind = "redis"

    def __init__(
        self, url: str, namespace: str, *, queue_size: int = QUEUE_SIZE, ping_seconds: float = PING_SECONDS
    ) -> None:
        super().__init__(queue_size=queue_size, ping_seconds=ping_seconds)
        self._url = url
        self._channel = f"hotline:{namespace}"

    async def _session(self) -> None:
        client = redis.asyncio.Redis.from_url(
            self._url,
            decode_responses=True,
            socket_connect_timeout=TIMEOUT,
            socket_timeout=TIMEOUT,
            # Our own loop reconnects; the library's would hide the loss.
            retry=Retry(NoBackoff(), 0),
        )
        pubsub = client.pubsub()
        try:
            await pubsub.subscribe(self._channel)
            async with asyncio.TaskGroup() as tasks:
                subscribed, over = asyncio.Event(), asyncio.Event()
                tasks.create_task(self._receive(pubsub, subscribed, over))
                # Not wait_for(): on 3.11 it can swallow the cancellation by which close() ends this.
                async with asyncio.timeout(TIMEOUT):
                    await subscribed.wait()
                tasks.create_task(self._ping(pubsub, over))
                tasks.create_task(self._send(client, over))
        finally:
            await pubsub.aclose()  # type: ignore[no-untyped-call]
            await client.aclose()

    async def _receive(self, pubsub: PubSub, subscribed: asyncio.Event, over: asyncio.Event) -> None:
        """Ends the session by its exception; ``over`` tells the others, since the library's own waits on 3.11 can
        swallow the cancellation that the task group sends them."""
        try:
            while True:
                message: dict[str, Any] | None = await pubsub.get_message(timeout=3 * self._ping_seconds)
                if message is None:
                    raise TimeoutError("no answer to a ping")
                if message["type"] == "message":
                    self._received(message["data"])
                elif message["type"] == "subscribe":
                    self._up()
                    subscribed.set()
        finally:
            over.set()

    async def _ping(self, pubsub: PubSub, over: asyncio.Event) -> None:
        while not over.is_set():
            await asyncio.sleep(self._ping_seconds)
            await pubsub.ping()

    async def _send(self, client: redis.asyncio.Redis, over: asyncio.Event) -> None:
        while not over.is_set():
            batch = self._more(await self._outgoing.get())
            self._unsent = True
            pipeline = client.pipeline(transaction=False)
            for note in batch:
                pipeline.publish(self._channel, note)
            await pipeline.execute()
            self._unsent = False
