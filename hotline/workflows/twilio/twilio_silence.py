"""Legs at Twilio of which nothing was heard for long: callbacks are lost at times, so Twilio is asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from hotline.calls import twilio_story as story
from hotline.channels.errors import ChannelError
from hotline.crm.commands.twilio import twilio_legs as legs
from hotline.crm.commands.twilio.twilio_legs import TwilioLegRecord
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House
from hotline.workflows.twilio import twilio_voice
from hotline.workflows.twilio.twilio_calls import caller_progress
from hotline.workflows.twilio.twilio_offers import agent_progress
from hotline.workflows.twilio.twilio_out import customer_progress, dialler_progress

log = structlog.get_logger(__name__)

#: Legs of which nothing was heard for so long are asked about.
SILENT: Final = timedelta(minutes=10)


async def look_after_silent(house: House) -> int:
    """Ask Twilio about legs of which nothing was heard for long, since callbacks are lost at times; how many were
    over."""
    twilio = house.twilio
    if twilio is None:
        return 0
    async with house.unit(SYSTEM) as uow:
        silent = await legs.claim_silent(uow, SILENT)
        at = uow.now
    over = 0
    for leg in silent:
        if leg.call_sid is None:
            continue
        try:
            placed = await twilio.fetch_call(leg.call_sid, account_sid=leg.account_sid or None)
        except ChannelError as error:
            log.warning("twilio.not_asked", code=error.code, provider_code=error.provider_code)
            break  # the others are asked about later, too
        form = {"CallSid": leg.call_sid, "AccountSid": leg.account_sid, "CallStatus": "completed"}
        if placed is not None:
            form |= {"CallStatus": placed.status, "From": placed.from_, "To": placed.to}
        if story.progress(form) == "ended":
            over += 1
            await _tell_end(house, leg, form, (placed.ended_at if placed is not None else None) or at)
    return over


async def _tell_end(house: House, leg: TwilioLegRecord, form: dict[str, str], at: datetime) -> None:
    match leg.role:
        case "caller":
            outcome = await twilio_voice.gone(house, form["CallSid"])
            await caller_progress(house, form, at, outcome=outcome)
        case "agent" | "transfer":
            await agent_progress(house, leg.id, form, at)
        case "dialler":
            await dialler_progress(house, leg.id, form, at)
        case _:
            await customer_progress(house, leg.id, form, at)
