"""The telephone as one part of a process: started and stopped by ``hotline.app``."""

from __future__ import annotations

import asyncio
from typing import Any

from hotline.pbx.connection import Patience
from hotline.telephony.reader import Records
from hotline.telephony.supervisor import Supervisor
from hotline.workflows.calls import apply, open_calls
from hotline.workflows.house import House

__all__ = ["Telephony"]


class Telephony:
    """Every PBX of HOTLINE_AMI_URLS. Several nodes may run it: each PBX is read by one of them."""

    def __init__(self, house: House, *, records: Records | None = None, patience: Patience | None = None) -> None:
        records = records or Records(apply, open_calls)
        self._house = house
        self.supervisors = [
            Supervisor(house, address, records, patience=patience) for address in house.settings.ami_urls
        ]
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin; returns at once."""
        for supervisor in self.supervisors:
            self._tasks.append(self._house.spawn(supervisor.run(), "telephony"))

    async def stop(self) -> None:
        """Let go of every PBX, so that another node takes over without waiting."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def health(self) -> list[dict[str, Any]]:
        """What this node has to do with each PBX."""
        return [supervisor.health() for supervisor in self.supervisors]
