"""Is a channel alive? A script speaks about customers, so it is run only for a channel that the PBX itself told of."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Protocol
from uuid import UUID

from hotline.errors import HotlineError
from hotline.workflows.house import House
from hotline.workflows.ivr.ivr import open_call_of, within

#: The manager's events and the script travel on two connections: how long one waits for the other.
PATIENCE: Final = 2.0
_LOOK_SECONDS: Final = 0.02
_ASK_SECONDS: Final = 0.25


class Sight(Protocol):
    """What this node sees of the PBXs."""

    def reads(self, pbx: str) -> bool:
        """Whether this node is the one that reads the PBX, and is connected to it."""
        ...

    def call_of(self, pbx: str, channel: str, uniqueid: str) -> UUID | None:
        """The call of a channel that is alive, as the PBX's manager told."""
        ...


async def living_call(house: House, sight: Sight, pbx: str, channel: str, uniqueid: str) -> UUID | None:
    """The call of a channel that the PBX's manager shows, or that the records have open; asked for up to PATIENCE."""
    if not uniqueid or not channel:
        return None
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    asked = -_ASK_SECONDS
    while True:
        call_id = sight.call_of(pbx, channel, uniqueid)
        if call_id is not None:
            return call_id
        now = loop.time()
        if not sight.reads(pbx) and now - asked >= _ASK_SECONDS:
            asked = now
            with suppress(HotlineError):
                call_id = await within(house, _ASK_SECONDS, open_call_of(house, pbx, uniqueid), "agi channel")
                if call_id is not None:
                    return call_id
        if now >= deadline:
            return None
        await asyncio.sleep(_LOOK_SECONDS)
