"""Pausing an agent in their queues for a wrap-up, as hotline itself, and letting them go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from hotline.crm import company
from hotline.crm.commands.calls import pbx_commands
from hotline.crm.commands.calls import wrap_ups as commands
from hotline.crm.commands.calls.calls import CallRecord
from hotline.crm.commands.calls.wrap_ups import REASON, Place
from hotline.crm.unit_of_work import UnitOfWork
from hotline.pbx import dial
from hotline.workflows.calls.commands import LIFETIME
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House


async def start_wrap_up(house: House, uow: UnitOfWork, call: CallRecord, user_id: UUID, ended_at: datetime) -> set[str]:
    """Begin an agent's wrap-up of a call that they talked in until ``ended_at``, and pause them for it as the company
    wants; the PBXs that are to be woken. Nothing when its time is over already: the records heard of it too late."""
    rules = await company_section(house, company.Tickets, uow)
    until = ended_at + timedelta(seconds=rules.wrap_up_seconds)
    if until <= uow.now:
        return set()
    # Of a call that came by Twilio the agent's phone may be the Asterisk's.
    mine = [leg for leg in call.legs.values() if leg.user_id == user_id and leg.answered_at is not None]
    talked = [leg.pbx for leg in mine if leg.pbx]
    pbx = talked[-1] if talked else call.pbx
    places = await commands.places_to_pause(uow, pbx, user_id) if rules.wrap_up_pause else []
    begun = await commands.start_wrap_up(uow, call.id, user_id, ended_at, until, pbx if places else None)
    if begun is None or not places:
        return set()
    return await order_pause(uow, user_id, places, paused=True, call_id=call.id)


async def order_pause(
    uow: UnitOfWork, user_id: UUID, places: Sequence[Place], *, paused: bool, call_id: UUID | None = None
) -> set[str]:
    """Ask each PBX to pause the agent at these places, or to end that; the PBXs that ``commands.wake`` is to wake."""
    for pbx in sorted({place.pbx for place in places}):
        members = [[place.queue, place.interface] for place in places if place.pbx == pbx]
        data = {"members": members, "requested_by": None, "agent": None}
        await pbx_commands.create_command(
            uow,
            command_id=uow.new_id(),
            pbx=pbx,
            action="pause" if paused else "unpause",
            user_id=user_id,
            call_id=call_id,
            number=None,
            data=data | {"reason": dial.reason(REASON)} if paused else data,
            lifetime=LIFETIME,
        )
    return {place.pbx for place in places}
