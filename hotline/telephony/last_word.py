"""The last word that the PBX says about a channel, written beside the story: what may be late, and of which only the
newest counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from hotline.calls.facts import AmiEvent
from hotline.errors import Unavailable
from hotline.workflows.house import House

T = TypeVar("T")

_PAUSE: Final = 0.5
#: How often a call that the records do not know yet is looked for, and how many calls wait for that at once.
_ATTEMPTS: Final = 20
_MOST: Final = 1_000


class LastWord(Generic[T]):
    """``take`` events as they come; ``run`` writes the last word about each channel, and waits while the records are
    away. ``read`` is what an event says; ``write`` answers False for a channel of no call that is known."""

    def __init__(
        self,
        house: House,
        pbx: str,
        read: Callable[[AmiEvent], T],
        write: Callable[[House, str, str, T], Awaitable[bool]],
    ) -> None:
        self._house = house
        self._pbx = pbx
        self._read = read
        self._write = write
        self._dirty: dict[str, tuple[T, int]] = {}
        self._wake = asyncio.Event()

    def take(self, event: AmiEvent) -> None:
        """An event about one channel."""
        uniqueid = event.get("Uniqueid")
        if uniqueid and (uniqueid in self._dirty or len(self._dirty) < _MOST):
            self._dirty[uniqueid] = (self._read(event), 0)
            self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            dirty, self._dirty = self._dirty, {}
            for uniqueid, (word, attempts) in dirty.items():
                try:
                    known = await self._write(self._house, self._pbx, uniqueid, word)
                except Unavailable:
                    known, attempts = False, 0
                if not known and attempts < _ATTEMPTS and uniqueid not in self._dirty:
                    self._dirty[uniqueid] = (word, attempts + 1)
            if self._dirty:
                self._wake.set()
                await asyncio.sleep(_PAUSE)
