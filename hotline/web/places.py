"""How many requests are worked on at once: the telephone's events need the database too, and come first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from hotline.errors import Unavailable

#: Database connections that requests leave to the telephone, the streams and the jobs.
SPARED: Final = 4
#: Seconds that a request waits for a place before it is told to come back.
PATIENCE: Final = 10.0


class Places:
    """``total`` places, of which one asker has half at most: an import waits behind itself, not before the others."""

    def __init__(self, connections: int, *, patience: float = PATIENCE) -> None:
        """``connections`` is the size of the database pool."""
        self.total = max(2, connections - SPARED)
        self._each = max(1, self.total // 2)
        self._all = asyncio.Semaphore(self.total)
        self._own: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()
        self._patience = patience

    @asynccontextmanager
    async def place(self, who: Hashable) -> AsyncIterator[None]:
        """A place for ``who`` while the context is open. Raises Unavailable when none comes free in time."""
        own = self._own.get(who)
        if own is None:
            own = self._own[who] = asyncio.Semaphore(self._each)
        try:
            async with asyncio.timeout(self._patience):
                await own.acquire()
                try:
                    await self._all.acquire()
                except BaseException:
                    own.release()
                    raise
        except TimeoutError:
            raise Unavailable("Too much is asked at once; try again soon.") from None
        try:
            yield
        finally:
            self._all.release()
            own.release()
