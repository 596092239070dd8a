"""Whether an agent keeps a caller on hold, as the PBX says: Hold and Unhold of the agent's phone."""

from __future__ import annotations

from typing import Final

from hotline.telephony.last_word import LastWord
from hotline.workflows.calls import note_hold
from hotline.workflows.house import House

HOLD_EVENTS: Final = frozenset({"Hold", "Unhold"})


def hold_mirror(house: House, pbx: str) -> LastWord[bool]:
    """Takes HOLD_EVENTS."""
    return LastWord(house, pbx, lambda event: event.name == "Hold", note_hold)
