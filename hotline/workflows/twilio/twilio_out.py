"""Calls out by Twilio: the agent's phone first, then the customer's.

A command is one call, whatever is lost on the way: the leg's row is there before Twilio is asked, and Twilio's
callbacks name it. An answering machine is nobody reached.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from hotline import phone
from hotline.calls import names
from hotline.calls import twilio_story as story
from hotline.calls.story import (
    Alias,
    CallAnswered,
    CallArrived,
    CallEnded,
    Line,
    RingAnswered,
    RingEnded,
    RingStarted,
)
from hotline.calls.twilio_story import Form
from hotline.channels.errors import ChannelError, Unknown
from hotline.channels.twilio import agent_words as words
from hotline.channels.twilio import agents as twiml
from hotline.channels.twilio.agents import Talk
from hotline.channels.twilio.resources import PlacedCall
from hotline.crm.commands.calls.pbx_commands import CommandOrder
from hotline.crm.commands.twilio import twilio_legs as legs
from hotline.crm.commands.twilio.twilio_legs import TwilioLegRecord
from hotline.crm.queries.calls.pbx_commands import number_of
from hotline.crm.queries.twilio import twilio_calls as queries
from hotline.crm.viewer import SYSTEM
from hotline.workflows.calls.calls import apply
from hotline.workflows.calls.commands import TWILIO, finish_command
from hotline.workflows.house import House
from hotline.workflows.twilio.twilio_agents import rules_of, url
from hotline.workflows.twilio.twilio_offers import hears, lock_named, must_accept, rings
from hotline.workflows.twilio.twilio_router import own_number, place

log = structlog.get_logger(__name__)

RING_SECONDS: Final = 30
#: Seconds that a customer's phone rings.
CUSTOMER_SECONDS: Final = 45

#: Why an agent's phone was not picked up, by CallStatus: a code and a sentence.
_FAILURES: Final = {
    "busy": ("busy", "The agent's phone is busy."),
    "no-answer": ("no_answer", "The agent's phone was not picked up."),
    "canceled": ("no_answer", "The agent's phone was not picked up."),
    "completed": ("no_answer", "The agent's phone was not picked up."),
}
_FAILED: Final = ("unreachable", "The agent's phone cannot be reached.")


def call_of(command_id: UUID) -> UUID:
    """The id of a command's call."""
    return names.call_id(TWILIO, str(command_id))


async def originate(house: House, order: CommandOrder) -> None:
    """Ring the agent's phone for a click-to-dial. The command's row says what became of it."""
    call_id = call_of(order.id)
    async with house.unit(SYSTEM) as uow:
        if await legs.legs_of_command(uow, order.id):
            return  # another process did it, and died before it could say so
        leg = await legs.create_leg(
            uow,
            call_id=call_id,
            role="dialler",
            interface=order.data["phone"],
            user_id=order.user_id,
            command_id=order.id,
            ring_until=uow.now + timedelta(seconds=RING_SECONDS),
        )
    shown = await own_number(house, None, _country(house, order.number))
    outcome = await place(
        house,
        leg,
        shown=shown,
        seconds=RING_SECONDS,
        answer=url(house, "/voice/out", leg=leg.id),
        status=url(house, "/voice/out-status", leg=leg.id),
    )
    match outcome:
        case PlacedCall():
            await _arrived(house, leg, outcome.sid, house.clock())
        case Unknown():
            await finish_command(
                house, order.id, "unknown", error="no_answer", message="Twilio did not say whether it did it."
            )
        case ChannelError():
            await finish_command(house, order.id, "failed", error="refused", message=outcome.detail)


def _country(house: House, number: str | None) -> str | None:
    if number is None:
        return None
    try:
        return phone.parse(number, house.settings.region).country
    except phone.NotANumber:
        return None


async def _arrived(house: House, leg: TwilioLegRecord, call_sid: str, at: datetime) -> None:
    """The call is under way: in the records, and at the agent's desk. Told again it changes nothing."""
    aliases = (Alias("command", str(leg.command_id)), Alias("uniqueid", call_sid))
    arrival = CallArrived(leg.call_id, leg.created_at, leg.interface, None, None, True, None, aliases)
    await apply(house, TWILIO, [arrival, rings(leg, leg.call_id, at)])


async def dialler_progress(house: House, leg_id: UUID, form: Form, at: datetime) -> None:
    """A status callback of the agent's leg of a call out: the call ends with it."""
    progress = story.progress(form)
    async with house.unit(SYSTEM) as uow:
        leg = await lock_named(uow, leg_id, form)
        if leg is None or leg.ended_at is not None or progress is None or leg.command_id is None:
            return
        if progress == "ended":
            await legs.end_leg(uow, leg_id, form["CallStatus"], story.moment(form, at))
            every = await legs.legs_of_command(uow, leg.command_id)
            await legs.retract(uow, [each.id for each in every if each.ended_at is None])
        else:
            state = {"queued": "sent", "ringing": "ringing", "answered": "answered"}[progress]
            await legs.note_progress(uow, leg_id, state, answered_at=at if progress == "answered" else None)
    await _arrived(house, leg, form["CallSid"], at)
    if progress != "ended":
        return
    customer = next((each for each in every if each.role == "customer"), None)
    picked_up = leg.answered_at is not None or customer is not None
    if not picked_up:
        code, message = _FAILURES.get(form["CallStatus"], _FAILED)
        await finish_command(house, leg.command_id, "failed", error=code, message=message)
    when = story.moment(form, at)
    if customer is not None and customer.answered_at is not None and customer.ended_at is None:
        await customer_progress(house, customer.id, {**form, "CallSid": customer.call_sid or ""}, at)
    machine = customer is not None and story.is_machine(customer.answered_by or "")
    reached = customer is not None and customer.answered_at is not None and not machine
    how = story.disposition(
        (customer.end_reason or "no-answer") if customer is not None else form["CallStatus"],
        direction="out",
        answered=reached,
        voicemail=machine,
        left=None,
    )
    reason = story.ring_end(form["CallStatus"], answered=picked_up, taken_elsewhere=False, caller_gone=False)
    lines: list[Line] = [RingEnded(leg.call_id, when, leg.id, reason), CallEnded(leg.call_id, when, how)]
    if customer is not None and customer.answered_at is not None and reached:
        lines = [_customer_rings(customer), *_reached(customer, customer.answered_at), *lines]
    await apply(house, TWILIO, lines)


async def picked_up(house: House, leg_id: UUID, form: Form, *, accepted: bool = False) -> str:
    """The agent's phone was picked up: the customer is dialled, after a key where a voicemail may have answered."""
    rules = await rules_of(house)
    async with house.unit(SYSTEM) as uow:
        leg = await lock_named(uow, leg_id, form)
        if leg is None or leg.ended_at is not None or leg.command_id is None:
            return twiml.hang_up()
        await legs.note_progress(uow, leg_id, "answered")
        customer = None
        if accepted or not must_accept(rules, leg.interface):
            await legs.note_progress(uow, leg_id, "answered", answered_at=uow.now, accepted_at=uow.now)
            every = await legs.legs_of_command(uow, leg.command_id)
            customer = next((each for each in every if each.role == "customer"), None)
            customer = customer or await legs.create_leg(
                uow,
                call_id=leg.call_id,
                role="customer",
                account_sid=leg.account_sid or form.get("AccountSid", ""),
                command_id=leg.command_id,
                ring_until=uow.now + timedelta(seconds=CUSTOMER_SECONDS),
            )
        at = uow.now
    await _arrived(house, leg, form["CallSid"], at)
    if customer is None:
        return twiml.ask_to_accept(await hears(house, leg), url(house, "/voice/out-key", leg=leg_id), None)
    await finish_command(house, leg.command_id, "done")
    await apply(house, TWILIO, [RingAnswered(leg.call_id, at, leg_id)])
    target = await number_of(house.db, house.keyring, SYSTEM, leg.command_id)
    if target is None:
        return twiml.say_and_hang_up(await hears(house, leg), words.UNREACHABLE)
    shown = await own_number(house, None, _country(house, target))
    detect = url(house, "/voice/customer-amd", leg=customer.id) if rules.detect_machines else None
    return twiml.document(
        twiml.dial_phone(
            target,
            Talk(url(house, "/voice/out-done", leg=leg_id)),
            seconds=CUSTOMER_SECONDS,
            status_callback=url(house, "/voice/customer-status", leg=customer.id),
            caller_id=shown,
            detect=detect if target.startswith("+") else None,
        )
    )


async def out_done(house: House, leg_id: UUID, form: Form) -> str:
    """The customer's part of a call out is over: what the agent hears."""
    if form.get("DialCallStatus") in ("completed", "answered"):
        return twiml.hang_up()
    leg = await queries.leg(house.db, SYSTEM, leg_id)
    return twiml.hang_up() if leg is None else twiml.say_and_hang_up(await hears(house, leg), words.UNREACHABLE)


async def customer_progress(house: House, leg_id: UUID, form: Form, at: datetime) -> None:
    """A status callback of the customer's leg. With the detection of machines on, who answered is told by it, or at the
    latest by the end."""
    rules = await rules_of(house)
    progress = story.progress(form)
    async with house.unit(SYSTEM) as uow:
        leg = await lock_named(uow, leg_id, form)
        if leg is None or leg.ended_at is not None or progress is None:
            return
        answered_at = leg.answered_at
        if progress == "ended":
            await legs.end_leg(uow, leg_id, form["CallStatus"], story.moment(form, at))
        else:
            answered_at = answered_at or (story.moment(form, at) if progress == "answered" else None)
            state = {"queued": "sent", "ringing": "ringing", "answered": "answered"}[progress]
            await legs.note_progress(uow, leg_id, state, answered_at=answered_at)
    lines: list[Line] = [_customer_rings(leg)]
    machine = story.is_machine(leg.answered_by or "")
    known = not rules.detect_machines or leg.answered_by is not None or progress == "ended"
    if answered_at is not None and not machine and known:
        lines += _reached(leg, answered_at)
    if progress == "ended":
        end = story.ring_end(form["CallStatus"], answered=answered_at is not None, taken_elsewhere=False,
                             caller_gone=leg.retract_at is not None)  # fmt: skip
        lines.append(RingEnded(leg.call_id, story.moment(form, at), leg.id, end))
    await apply(house, TWILIO, lines)
    call = await queries.call_so_far(house.db, SYSTEM, leg.call_id)
    if call is not None and call.ended_at is not None and call.answered_at is not None:
        # Its end overtook what is told here.
        await apply(house, TWILIO, [CallEnded(leg.call_id, call.ended_at, "answered")])


async def machine_told(house: House, leg_id: UUID, form: Form, at: datetime) -> None:
    """Twilio says whether a person answered (asynchronous answering-machine detection)."""
    told = form.get("AnsweredBy", "unknown")[:24]
    async with house.unit(SYSTEM) as uow:
        leg = await lock_named(uow, leg_id, form)
        if leg is None:
            return
        await legs.note_progress(uow, leg_id, "answered", answered_at=leg.answered_at or at, answered_by=told)
        if story.is_machine(told):
            uow.audit("call:machine_answered", leg.call_id)
    if not story.is_machine(leg.answered_by or told):
        await apply(house, TWILIO, [_customer_rings(leg), *_reached(leg, leg.answered_at or at)])


def _customer_rings(leg: TwilioLegRecord) -> RingStarted:
    return RingStarted(leg.call_id, leg.created_at, leg.id, (story.TWILIO_TRUNK,), str(leg.id))


def _reached(leg: TwilioLegRecord, at: datetime) -> list[Line]:
    return [RingAnswered(leg.call_id, at, leg.id), CallAnswered(leg.call_id, at, leg.id)]
