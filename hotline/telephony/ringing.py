"""A phone that was asked to ring, and why it was not picked up.

https://docs.asterisk.org/Latest_API/API_Documentation/AMI_Events/OriginateResponse/
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from hotline.calls.facts import AmiEvent

#: How long the Hangup that says why a phone was not picked up may come after the OriginateResponse.
CAUSE_SECONDS: Final = 0.5

#: OriginateResponse's Reason (main/manager.c, AST_CONTROL_*) where it says more than "failed"; chan_pjsip's says no
#: more than that, and the Hangup's cause (Q.850) does.
_NO_ANSWER: Final = ("no_answer", "The agent's phone was not picked up.")
_BUSY: Final = ("busy", "The agent's phone is busy.")
_UNREACHABLE: Final = ("unreachable", "The agent's phone cannot be reached.")
_REASONS: Final = {"1": _NO_ANSWER, "3": _NO_ANSWER, "5": _BUSY, "8": _UNREACHABLE}
_CAUSES: Final = {
    "17": _BUSY,
    "18": _NO_ANSWER,
    "19": _NO_ANSWER,
    "21": ("declined", "The call was declined at the agent's phone."),
    "3": _UNREACHABLE,
    "20": _UNREACHABLE,
    "27": _UNREACHABLE,
    "38": _UNREACHABLE,
}
#: Unallocated, changed, and incomplete numbers: calling again is of no use.
_NO_NUMBER: Final = frozenset({"1", "22", "28"})


@dataclass(slots=True)
class Ringing:
    """What the PBX said of it so far: the OriginateResponse, and the Hangup's cause (Q.850)."""

    answer: asyncio.Future[AmiEvent]
    cause: asyncio.Future[str]

    async def why(self, event: AmiEvent) -> tuple[str, str]:
        """Why the phone was not picked up: a code and a sentence."""
        if (known := _REASONS.get(event.get("Reason"))) is not None:
            return known
        return _CAUSES.get(await self._hung_up(), ("failed", "The agent's phone could not be rung."))

    async def no_such_number(self) -> bool:
        """Whether there is no such number. Of a Local channel the OriginateResponse says only that it hung up."""
        return await self._hung_up() in _NO_NUMBER

    async def _hung_up(self) -> str:
        try:
            async with asyncio.timeout(CAUSE_SECONDS):
                return await asyncio.shield(self.cause)
        except TimeoutError:
            return ""
