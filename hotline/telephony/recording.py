"""Whether calls are being recorded, as the PBX says: MixMonitorStart, MixMonitorStop and MixMonitorMute."""

from __future__ import annotations

from typing import Final

from hotline.calls.facts import AmiEvent
from hotline.telephony.last_word import LastWord
from hotline.workflows.house import House
from hotline.workflows.recordings import note_recording

RECORDING_EVENTS: Final = frozenset({"MixMonitorMute", "MixMonitorStart", "MixMonitorStop"})


def recording_mirror(house: House, pbx: str) -> LastWord[str | None]:
    """Takes RECORDING_EVENTS."""
    return LastWord(house, pbx, _state, _write)


def _state(event: AmiEvent) -> str | None:
    match event.name:
        case "MixMonitorStart":
            return "on"
        case "MixMonitorMute":
            return "paused" if event.get("State") == "1" else "on"
        case _:
            return None


async def _write(house: House, pbx: str, uniqueid: str, state: str | None) -> bool:
    return await note_recording(house, pbx, [uniqueid], state)
