"""Token buckets: how many messages may leave now, of what several processes send together.

With Redis they share one bucket for each name, measured by Redis's own clock. Without it, or while it is away, each
process keeps to its share: the rate divided by how many processes there are. Both ways the sum stays within the rate,
but for the moment in which another process has just come and the others do not know of it yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import floor
from time import monotonic
from typing import Any, Final, cast

import structlog

log = structlog.get_logger(__name__)

#: Seconds that Redis may take to answer, and until it is asked again after it did not.
TIMEOUT: Final = 0.5
RETRY_SECONDS: Final = 2.0
#: Buckets that one process remembers; those of destinations come and go.
MOST_BUCKETS: Final = 10_000

# Refilled by the time that went by, never beyond the burst, and never by a clock that was put back.
_TAKE: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local rate, burst, want, credit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local at = tonumber(kept[2]) or now
local tokens = math.min(burst, (tonumber(kept[1]) or burst) + math.max(0, now - at) * rate)
local granted = math.max(0, math.min(want, math.floor(tokens + credit)))
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens - granted), 'at', tostring(now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst + credit) / rate * 1000) + 60000)
return granted
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """``want`` tokens of a bucket that is refilled at ``per_second`` up to ``burst``. ``credit`` are those that may be
    taken before they are there: who asks without credit gets none until they are paid for."""

    name: str
    per_second: float
    burst: int
    want: int
    credit: float = 0.0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass
class LocalBuckets:
    """The buckets of one process, which begin full or ``empty``. ``clock`` tells seconds that only go forward."""

    clock: Callable[[], float] = monotonic
    empty: bool = False
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def take(self, wanted: Sequence[Wanted], share: float = 1.0) -> list[int]:
        """How many of each are granted, of a ``share`` of the rate."""
        now = self.clock()
        return [self._take(each, share, now) for each in wanted]

    def _take(self, wanted: Wanted, share: float, now: float) -> int:
        burst = max(1.0, wanted.burst * share)
        bucket = self._buckets.get(wanted.name)
        if bucket is None:
            if len(self._buckets) >= MOST_BUCKETS:
                self._buckets.clear()
            bucket = self._buckets[wanted.name] = _Bucket(0.0 if self.empty else burst, now)
        bucket.tokens = min(burst, bucket.tokens + max(0.0, now - bucket.at) * wanted.per_second * share)
        bucket.at = now
        granted = max(0, min(wanted.want, floor(bucket.tokens + wanted.credit * share)))
        bucket.tokens -= granted
        return granted


class SharedBuckets:
    """The buckets of several processes, in Redis; ``url`` empty: of this one alone. Close it when done."""

    def __init__(self, url: str, namespace: str) -> None:
        self._url = url
        self._prefix = f"hotline:{namespace}:rate:"
        self._local = LocalBuckets()
        self._client: Any = None
        self._script: Any = None
        self._away_until = float("-inf")
        #: Whether the last answer came from Redis.
        self.shared = False

    async def take(self, wanted: Sequence[Wanted], processes: int) -> list[int]:
        """How many of each are granted to this process, one of ``processes``. Never fails: without Redis, a share."""
        if not wanted:
            return []
        if self._url and monotonic() >= self._away_until:
            try:
                granted = await self._ask(wanted)
            except Exception as error:  # whatever the library raises: sending goes on by the share
                self._away_until = monotonic() + RETRY_SECONDS
                if self.shared or self._client is None:
                    log.warning("rates.redis_away", error=type(error).__name__)
                if self.shared:
                    # What there was in the shared bucket may be spent: nobody gets another burst for its end.
                    self._local = LocalBuckets(empty=True)
                self.shared = False
            else:
                self.shared = True
                return granted
        return self._local.take(wanted, 1.0 / max(1, processes))

    async def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _ask(self, wanted: Sequence[Wanted]) -> list[int]:
        import redis.asyncio
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        if self._client is None:
            self._client = redis.asyncio.Redis.from_url(
                self._url, socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
            )
            self._script = self._client.register_script(_TAKE)
        async with asyncio.timeout(TIMEOUT), self._client.pipeline(transaction=False) as pipeline:
            for each in wanted:
                await self._script(
                    keys=[self._prefix + each.name], args=[each.per_second, max(1, each.burst), each.want, each.credit],
                    client=pipeline,
                )  # fmt: skip
            answers = await cast(Awaitable[list[Any]], pipeline.execute())
        return [int(each) for each in answers]
