"""Calls by Twilio in the records: Twilio's webhooks told in the words of ``calls.story``.

Whoever tells something tells it again when Twilio repeats itself, and nothing happens twice. A caller's leg ends their
call, whatever became of an agent's.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import structlog

from hotline.calls import twilio_story as story
from hotline.calls.story import Line, RingEnded
from hotline.calls.twilio_story import Form
from hotline.crm.commands.twilio import twilio_legs as legs
from hotline.crm.commands.twilio.twilio_waiting import leave, lock_newest
from hotline.crm.queries.twilio.twilio_calls import call_so_far
from hotline.crm.viewer import SYSTEM
from hotline.errors import Invalid
from hotline.workflows.calls.calls import apply
from hotline.workflows.calls.commands import TWILIO
from hotline.workflows.house import House

log = structlog.get_logger(__name__)


def is_over(form: Form) -> bool:
    """Whether a status callback tells that its leg is over."""
    return story.progress(form) == "ended"


async def arrived(house: House, form: Form, at: datetime) -> UUID:
    """A caller's first voice webhook, or any later one: the id of their call, which is in the records from now on.

    Raises Invalid for a request without a CallSid, Unavailable while the records are away.
    """
    sid = story.call_sid(form)
    if sid is None:
        raise Invalid("CallSid: this is none.")
    async with house.unit(SYSTEM) as uow:
        leg = await legs.register_caller(uow, sid, form.get("AccountSid", ""))
    if leg.fresh or await call_so_far(house.db, SYSTEM, leg.call_id) is None:
        # A process that died in between left a leg without its call.
        await apply(house, TWILIO, [story.arrived(leg.call_id, form, at)])
    return leg.call_id


async def caller_progress(house: House, form: Form, at: datetime, *, outcome: str | None = None) -> bool:
    """A status callback of a caller's leg; says whether the call is over. ``outcome`` is the flow's word for how it
    ended for this caller (``voicemail`` …). A callback that overtook the first webhook makes the call."""
    progress = story.progress(form)
    if progress is None:
        return False
    call_id = await arrived(house, form, at)
    if progress != "ended":
        async with house.unit(SYSTEM) as uow:
            leg = await legs.lock_leg_of_sid(uow, form["CallSid"])
            if leg is not None:
                await legs.note_progress(uow, leg.id, "answered" if progress == "answered" else "ringing")
        return False
    await end_call(house, call_id, form, at, outcome=outcome)
    return True


async def end_call(house: House, call_id: UUID, form: Form, at: datetime, *, outcome: str | None = None) -> None:
    """The leg that a call hangs on is over, and the call with it: whoever waits no longer does, and phones that ring
    for it stop."""
    status = form.get("CallStatus", "completed")
    async with house.unit(SYSTEM) as uow:
        sid = form["CallSid"]
        # Who waits is locked before the legs, as everywhere.
        waiting = await lock_newest(uow, sid)
        if waiting is not None and waiting.left_at is None:
            await leave(uow, waiting.id, "answered" if waiting.bridged_at is not None else "gone")
        every = await legs.legs_of_call(uow, call_id)
        for leg in every:
            if leg.call_sid == sid:
                await legs.end_leg(uow, leg.id, status, story.moment(form, at))
        others = [leg for leg in every if leg.call_sid != sid and leg.ended_at is None]
        await legs.retract(uow, [leg.id for leg in others])
    call = await call_so_far(house.db, SYSTEM, call_id)
    if call is None:
        return
    how = story.disposition(
        status,
        direction=call.direction,
        # Who is being connected at this moment is told by another webhook.
        answered=call.answered_at is not None or call.left == "answered",
        voicemail=(outcome or call.outcome) == "voicemail",
        left=call.left,
    )
    ringing = [leg for leg in others if leg.role == "agent" and leg.accepted_at is None]
    lines: list[Line] = [RingEnded(call.id, at, leg.id, "cancelled") for leg in ringing]
    await apply(house, TWILIO, [*lines, story.ended(call.id, form, at, how)])
