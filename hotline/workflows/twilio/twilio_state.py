"""How the connection to Twilio is, beside those to the PBXs: asked for each minute, shown on the system page."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Final

from hotline.channels.errors import ChannelError
from hotline.errors import Unavailable
from hotline.workflows.calls.commands import TWILIO
from hotline.workflows.calls.presence import note_connection, note_lag
from hotline.workflows.house import House

#: Seconds between two questions to Twilio.
ASK_SECONDS: Final = 60.0


@dataclass(slots=True)
class _Asked:
    at: float = float("-inf")
    error: str = ""


async def note_state(house: House) -> None:
    """Write how the account is, as it was found lately; asks when that is a while ago."""
    twilio = house.twilio
    if twilio is None:
        return
    asked: _Asked = house.kept.setdefault(_Asked, _Asked())
    if monotonic() - asked.at >= ASK_SECONDS:
        asked.at = monotonic()
        try:
            status = await twilio.account_status()
            asked.error = "" if status == "active" else f"The account is {status}."
        except ChannelError as error:
            asked.error = error.detail
    try:
        await note_connection(house, TWILIO, connected=not asked.error, version="Twilio", error=asked.error)
        await note_lag(house, TWILIO, None)
    except Unavailable:
        return
