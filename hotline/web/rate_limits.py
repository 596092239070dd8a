"""Token buckets in bounded memory: a static share per process, right without Redis and with any number of nodes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import monotonic


class Buckets:
    """A bucket per key: ``burst`` at once, refilled by ``rate`` a second. The least used keys are forgotten first.

    Forgetting a key fills its bucket, so ``keys`` bounds memory and not what a single caller may do in a burst.
    """

    def __init__(self, rate: float, burst: float, *, keys: int = 10_000, now: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._keys = keys
        self._now = now
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, key: Hashable) -> float:
        """Takes one; 0 when it was there, else how many seconds until one is."""
        level, now = self._level(key)
        if level < 1:
            self._keep(key, level, now)
            return (1 - level) / self._rate
        self._keep(key, level - 1, now)
        return 0.0

    def wait(self, key: Hashable) -> float:
        """How many seconds until one is there, without taking it."""
        level, _ = self._level(key)
        return 0.0 if level >= 1 else (1 - level) / self._rate

    def _level(self, key: Hashable) -> tuple[float, float]:
        now = self._now()
        level, at = self._levels.get(key, (self._burst, now))
        return min(self._burst, level + (now - at) * self._rate), now

    def _keep(self, key: Hashable, level: float, at: float) -> None:
        self._levels[key] = (level, at)
        self._levels.move_to_end(key)
        if len(self._levels) > self._keys:
            self._levels.popitem(last=False)
