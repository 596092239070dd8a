"""Legs at Twilio of which nothing was heard for long: callbacks are lost at times, so Twilio's own list is asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from hotline.calls import twilio_story as story
from hotline.channels.errors import ChannelError
from hotline.crm.commands import twilio_legs as legs
from hotline.crm.commands.twilio_legs import TwilioLegRecord
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House
from hotline.workflows.twilio_calls import caller_progress
from hotline.workflows.twilio_offers import agent_progress
from hotline.workflows.twilio_out import customer_progress, dialler_progress

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
        silent = [leg for leg in await legs.claim_silent(uow, SILENT) if leg.call_sid is not None]
        at = uow.now
    if not silent:
        return 0
    since = min(leg.created_at for leg in silent) - timedelta(minutes=1)
    over = 0
    for account in {leg.account_sid for leg in silent}:
        try:
            found = {each.sid: each for each in await twilio.list_calls(since, account_sid=account or None)}
        except ChannelError as error:
            log.warning("twilio.not_listed", code=error.code, provider_code=error.provider_code)
            continue
        for leg in silent:
            placed = found.get(leg.call_sid or "")
            if leg.account_sid != account or placed is None:
                continue
            form = {"CallSid": placed.sid, "AccountSid": placed.account_sid, "CallStatus": placed.status,
                    "From": placed.from_, "To": placed.to}  # fmt: skip
            if story.progress(form) != "ended":
                continue
            over += 1
            when = placed.ended_at or at
            await _tell_end(house, leg, form, when)
    return over


async def _tell_end(house: House, leg: TwilioLegRecord, form: dict[str, str], at: datetime) -> None:
    match leg.role:
        case "caller":
            await caller_progress(house, form, at)
        case "agent" | "transfer":
            await agent_progress(house, leg.id, form, at)
        case "dialler":
            await dialler_progress(house, leg.id, form, at)
        case _:
            await customer_progress(house, leg.id, form, at)
