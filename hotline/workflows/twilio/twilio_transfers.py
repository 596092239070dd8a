"""A call by Twilio that an agent sent on: to a colleague, a number, or another queue.

Twilio can send the other side on at once (blind). It cannot put an agent between two lines without a conference, so
there is no attended transfer.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from hotline.calls.twilio_phones import is_twilio_phone
from hotline.calls.twilio_story import Form
from hotline.channels.twilio import agents as twiml
from hotline.channels.twilio.agents import Talk
from hotline.crm.commands.twilio import twilio_legs as legs
from hotline.crm.commands.twilio import twilio_waiting as waits
from hotline.crm.queries.calls import pbx_commands
from hotline.crm.queries.twilio import twilio_calls as queries
from hotline.crm.viewer import SYSTEM
from hotline.ivr.effects import Left
from hotline.workflows.house import House
from hotline.workflows.twilio.twilio_agents import Handover, hand_over, nobody, rules_of, url
from hotline.workflows.twilio.twilio_router import own_number

RING_SECONDS: Final = 30
#: Times that somebody whom nobody took is put into a queue again.
MOST_QUEUES: Final = 3


async def sent_on(house: House, command_id: UUID, form: Form) -> str:
    """Where a side of a call goes that an agent sent on."""
    sid = form.get("CallSid", "")
    command = await pbx_commands.transfer_of(house.db, SYSTEM, command_id)
    moved = await queries.leg_of_sid(house.db, SYSTEM, sid)
    if command is None or moved is None:
        return twiml.hang_up()
    if command.queue is not None:
        return await _to_queue(house, sid, command.queue, form)
    target = await pbx_commands.number_of(house.db, house.keyring, SYSTEM, command_id)
    if target is None:
        return twiml.hang_up()
    step = await queries.next_own_step(house.db, SYSTEM, sid)
    phone = target if is_twilio_phone(target) else ""
    call_id = await queries.root_of(house.db, SYSTEM, moved[1])
    recorded = await queries.is_recorded(house.db, SYSTEM, sid)
    if (ringing := await queries.leg_of_transfer(house.db, SYSTEM, command_id)) is not None:
        return await _dial(house, call_id, target, *ringing, recorded=recorded)
    async with house.unit(SYSTEM) as uow:
        waiting = await waits.begin_waiting(
            uow, call_id=call_id, call_sid=sid, account_sid=moved[2], route="exten", step=step, queue="",
            priority=0, language=None, announce=False, record=recorded, until=uow.now + timedelta(seconds=RING_SECONDS),
        )  # fmt: skip
        leg_id = waiting.leg_id  # of a webhook that came at the same moment
        if leg_id is None:
            leg = await legs.create_leg(
                uow, call_id=call_id, role="transfer", interface=phone, user_id=command.colleague_id,
                account_sid=moved[2], waiting_id=waiting.id, command_id=command_id, ring_until=waiting.until,
            )  # fmt: skip
            await waits.ring_extension(uow, waiting.id, leg.id)
            leg_id = leg.id
    return await _dial(house, call_id, target, leg_id, step, recorded=recorded)


async def _dial(house: House, call_id: UUID, target: str, leg_id: UUID, step: int, *, recorded: bool) -> str:
    dialled, country = await queries.country_of(house.db, SYSTEM, call_id)
    return twiml.document(
        twiml.dial_phone(
            target,
            Talk(url(house, "/voice/moved", n=step), url(house, "/recordings") if recorded else None),
            seconds=RING_SECONDS,
            status_callback=url(house, "/voice/agent-status", leg=leg_id),
            caller_id=await own_number(house, dialled, country),
        )
    )


async def _to_queue(house: House, sid: str, queue: str, form: Form) -> str:
    """Into a queue, or with last words where that cannot be."""
    step = await queries.next_own_step(house.db, SYSTEM, sid)
    rules = await rules_of(house)
    if -step <= MOST_QUEUES:
        recorded = await queries.is_recorded(house.db, SYSTEM, sid)
        order = Handover(queue, 0, rules.longest_wait_seconds, step, announce_position=True, record=recorded)
        handed = await hand_over(house, sid, order, action="/voice/moved")
        if not isinstance(handed, Left):
            return twiml.document(handed)
    return nobody(house)


async def moved_back(house: House, form: Form, how: Left | None) -> str:
    """Somebody who was sent on comes back: whoever was not answered waits for the next agent in the call's queue."""
    sid = form.get("CallSid", "")
    leg = await queries.leg_of_sid(house.db, SYSTEM, sid)
    if how is None or how.how == "answered" or leg is None:
        return twiml.hang_up()
    call = await queries.call_so_far(house.db, SYSTEM, leg[1])
    if call is None or call.direction == "out":
        return nobody(house)
    return await _to_queue(house, sid, call.queue or "", form)
