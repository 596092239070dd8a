"""Whether calls are being recorded, as the PBX says: MixMonitorStart, MixMonitorStop and MixMonitorMute."""

from __future__ import annotations

import asyncio
from typing import Final

from hotline.calls.facts import AmiEvent
from hotline.errors import Unavailable
from hotline.workflows.calls.recordings import note_recording
from hotline.workflows.house import House

RECORDING_EVENTS: Final = frozenset({"MixMonitorMute", "MixMonitorStart", "MixMonitorStop"})
_PAUSE: Final = 0.5
#: How often a call that the records do not know yet is looked for, and how many calls wait for that at once.
_ATTEMPTS: Final = 20
_MOST: Final = 1_000


class RecordingMirror:
    """``take`` events as they come; ``run`` writes the last word about each call, and waits while the records are
    away."""

    def __init__(self, house: House, pbx: str) -> None:
        self._house = house
        self._pbx = pbx
        self._dirty: dict[str, tuple[str | None, int]] = {}
        self._wake = asyncio.Event()

    def take(self, event: AmiEvent) -> None:
        """One of RECORDING_EVENTS."""
        match event.name:
            case "MixMonitorStart":
                state: str | None = "on"
            case "MixMonitorMute":
                state = "paused" if event.get("State") == "1" else "on"
            case _:
                state = None
        uniqueid = event.get("Uniqueid")
        if uniqueid and (uniqueid in self._dirty or len(self._dirty) < _MOST):
            self._dirty[uniqueid] = (state, 0)
            self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            dirty, self._dirty = self._dirty, {}
            for uniqueid, (state, attempts) in dirty.items():
                try:
                    known = await note_recording(self._house, self._pbx, [uniqueid], state)
                except Unavailable:
                    known, attempts = False, 0
                if not known and attempts < _ATTEMPTS and uniqueid not in self._dirty:
                    self._dirty[uniqueid] = (state, attempts + 1)
            if self._dirty:
                self._wake.set()
                await asyncio.sleep(_PAUSE)
