"""Callers of Twilio on their way to an agent: into the Asterisk's queue, or into hotline's own.

Everything that happens is a row first: who waits (``twilio_waiting``) and which legs there are (``twilio_leg``). What
Twilio asks or tells twice is answered the same, by any node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import structlog

from hotline.calls import twilio_story as story
from hotline.calls.story import CallQueued, CallUnqueued, Line, RingEnd, RingEnded
from hotline.calls.twilio_phones import twilio_phones
from hotline.calls.twilio_story import Form, LeftHow
from hotline.channels.twilio import agent_words as words
from hotline.channels.twilio import agents as twiml
from hotline.channels.twilio.agents import Speaking, Talk, Verbs
from hotline.crm import company
from hotline.crm.commands.twilio import twilio_legs as legs
from hotline.crm.commands.twilio import twilio_waiting as waits
from hotline.crm.commands.twilio.twilio_legs import TwilioLegRecord
from hotline.crm.commands.twilio.twilio_waiting import Waiting
from hotline.crm.queries.calls import pbx_commands
from hotline.crm.queries.twilio import twilio_calls
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, NotFound
from hotline.ivr.effects import Left
from hotline.pbx import dial
from hotline.pbx.errors import UnsafeValue
from hotline.workflows.calls.calls import apply
from hotline.workflows.calls.commands import TWILIO, commands_topic
from hotline.workflows.company import company as sections
from hotline.workflows.house import House

log = structlog.get_logger(__name__)

#: Seconds that an extension rings at most, and that the Asterisk has to answer.
LONGEST_RING: Final = 60
ANSWER_SECONDS: Final = 30
#: Seconds for the Asterisk's word on how a caller left its queue, which Twilio's may overtake.
WORD_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.1
#: What a waiting caller hears when the company has chosen nothing (web/webhooks/twilio_agents.py).
MUSIC: Final = "/webhooks/twilio/voice/music.wav"


@dataclass(frozen=True, slots=True)
class Handover:
    """A flow hands its caller over: to a queue (empty: the default one), for at most ``seconds``. ``step`` is the
    flow's, by which the way back is told from others. ``record``: the talk is recorded."""

    queue: str
    priority: int
    seconds: int
    step: int
    language: str | None = None
    announce_position: bool = False
    record: bool = False


def url(house: House, path: str, **query: object) -> str:
    """An address of ours, as Twilio is to call it."""
    given = {name: str(value) for name, value in query.items() if value is not None}
    return f"{house.settings.base_url}/webhooks/twilio{path}" + (f"?{urlencode(given)}" if given else "")


async def rules_of(house: House, uow: UnitOfWork | None = None) -> company.TwilioVoice:
    """The company's rules of calls by Twilio."""
    return await sections.get(house, company.TwilioVoice, uow)


def speaking(house: House, language: str | None) -> Speaking:
    """How somebody is spoken to."""
    voices = sections.known(house, company.TwilioIvr).voices
    return Speaking(language or house.settings.locale, {str(key): name for key, name in voices.items()})


def by_asterisk(house: House, rules: company.TwilioVoice) -> bool:
    """Whether callers wait at the Asterisk."""
    return bool(house.settings.twilio_sip_url) and rules.route != "direct"


async def wake(house: House) -> None:
    """Have whoever works for Twilio look at once; they look each second anyway."""
    try:
        await house.bus.publish(commands_topic(TWILIO), b"")
    except HotlineError as error:
        log.warning("bus.publish_failed", error=error.code)


# To a queue


async def hand_over(house: House, call_sid: str, order: Handover, *, action: str = "/voice/left") -> Left | Verbs:
    """Let a caller wait for an agent: the verbs that end their document, or why that cannot be. ``action`` is asked
    when they come back.

    Raises Unavailable while the records are away (then ``without_records``), NotFound for a caller whom nobody told of.
    """
    rules = await rules_of(house)
    asterisk = by_asterisk(house, rules)
    queue = order.queue or rules.default_queue
    async with house.unit(SYSTEM) as uow:
        caller = await twilio_calls.leg_of_sid(uow, SYSTEM, call_sid)
        if caller is None:
            raise NotFound("CallSid: nobody told of this caller.")
        _, call_id, account_sid = caller
        begun = await twilio_calls.waiting_of(uow, SYSTEM, call_sid, order.step)
        if not asterisk and begun is None and (refused := await _refused(uow, queue, call_sid, rules)) is not None:
            return Left(refused)
        seconds = max(1, min(order.seconds, rules.longest_wait_seconds))
        waiting = await waits.begin_waiting(
            uow,
            call_id=await twilio_calls.root_of(uow, SYSTEM, call_id),
            call_sid=call_sid,
            account_sid=account_sid,
            route="asterisk" if asterisk else "direct",
            step=order.step,
            queue=queue,
            priority=order.priority,
            language=order.language,
            announce=order.announce_position,
            record=order.record,
            until=uow.now + timedelta(seconds=seconds),
        )
    if waiting.route == "asterisk":
        return _to_asterisk(house, call_sid, waiting.call_id, order, queue, seconds, action)
    await apply(house, TWILIO, [CallQueued(waiting.call_id, waiting.joined_at, queue)])
    await wake(house)
    return twiml.enqueue(
        queue_name(waiting.id), url(house, action, n=waiting.step), url(house, "/voice/wait", w=waiting.id)
    )


async def _refused(uow: UnitOfWork, queue: str, call_sid: str, rules: company.TwilioVoice) -> LeftHow | None:
    """Why a queue of hotline's own takes nobody more."""
    state = await twilio_calls.queue_state(uow, SYSTEM, queue, but=call_sid)
    if state.waiting >= rules.most_waiting:
        return "full"
    return "empty" if state.agents == 0 and not rules.wait_without_agents else None


def queue_name(waiting_id: UUID) -> str:
    """The Twilio queue of one waiting caller."""
    return f"hotline-{waiting_id}"


def _to_asterisk(
    house: House,
    call_sid: str,
    call_id: UUID | None,
    order: Handover,
    queue: str,
    seconds: int,
    action: str = "/voice/left",
) -> Verbs:
    headers = {
        "X-Hotline-Call": str(call_id or ""),
        "X-Hotline-Sid": call_sid,
        "X-Hotline-Queue": _safe(queue),
        "X-Hotline-Priority": str(order.priority),
        "X-Hotline-Language": order.language or "",
        "X-Hotline-Seconds": str(seconds),
    }
    talk = _talk(house, order, action)
    return twiml.dial_asterisk(house.settings.twilio_sip_url, headers, talk, seconds=ANSWER_SECONDS)


def _safe(queue: str) -> str:
    """A queue's name for the dialplan; one that it could misread is none, so that its default is taken."""
    try:
        return dial.queue(queue)
    except UnsafeValue:
        return ""


def _talk(house: House, order: Handover, action: str = "/voice/left") -> Talk:
    return Talk(url(house, action, n=order.step), url(house, "/recordings") if order.record else None)


def without_records(house: House, call_sid: str, order: Handover) -> Verbs | None:
    """The way to an agent that asks no database, while it is away: the Asterisk's queue. None where there is no
    Asterisk; the caller is then asked to hold or to call later. What the call is in the records is found by its CallSid
    when they are back."""
    rules = sections.known(house, company.TwilioVoice)
    if not by_asterisk(house, rules):
        return None
    seconds = max(1, min(order.seconds, rules.longest_wait_seconds))
    return _to_asterisk(house, call_sid, None, order, order.queue or rules.default_queue, seconds)


# To an extension


async def transfer(
    house: House, call_sid: str, to: str, seconds: int, step: int, language: str | None, record: bool
) -> Left | Verbs:
    """Dial an extension for a flow: the Asterisk's, else that of a colleague with a phone at Twilio."""
    rules = await rules_of(house)
    order = Handover("", 0, min(max(1, seconds), LONGEST_RING), step, language, False, record)
    try:
        extension = dial.extension(to)
    except UnsafeValue:
        return Left("failed")
    asterisk = by_asterisk(house, rules)
    async with house.unit(SYSTEM) as uow:
        caller = await twilio_calls.leg_of_sid(uow, SYSTEM, call_sid)
        if caller is None:
            raise NotFound("CallSid: nobody told of this caller.")
        call_id, account_sid = await twilio_calls.root_of(uow, SYSTEM, caller[1]), caller[2]
        agent = None if asterisk else await pbx_commands.find_agent(uow, SYSTEM, extension=extension)
        phones = twilio_phones(agent.interfaces) if agent is not None else []
        if not asterisk and (agent is None or not phones):
            return Left("empty")
        waiting = await waits.begin_waiting(
            uow,
            call_id=call_id,
            call_sid=call_sid,
            account_sid=account_sid,
            route="exten",
            step=step,
            queue=extension,
            priority=0,
            language=language,
            announce=False,
            record=record,
            until=uow.now + timedelta(seconds=order.seconds),
        )
        leg = None
        if agent is not None and waiting.leg_id is None:
            leg = await legs.create_leg(
                uow,
                call_id=call_id,
                role="transfer",
                interface=phones[0],
                user_id=agent.id,
                account_sid=account_sid,
                waiting_id=waiting.id,
                ring_until=uow.now + timedelta(seconds=order.seconds),
            )
            await waits.ring_extension(uow, waiting.id, leg.id)
    if asterisk:
        headers = {
            "X-Hotline-Call": str(call_id),
            "X-Hotline-Sid": call_sid,
            "X-Hotline-Extension": extension,
            "X-Hotline-Language": language or "",
            "X-Hotline-Seconds": str(order.seconds),
        }
        return twiml.dial_asterisk(house.settings.twilio_sip_url, headers, _talk(house, order), seconds=ANSWER_SECONDS)
    leg_id = leg.id if leg is not None else waiting.leg_id
    return twiml.dial_phone(
        phones[0],
        _talk(house, order),
        seconds=order.seconds,
        status_callback=url(house, "/voice/agent-status", leg=leg_id),
    )


def nobody(house: House) -> str:
    """Last words for a caller for whom there is no further way."""
    return twiml.say_and_hang_up(speaking(house, None), words.NOBODY)


def ring_ends(ringing: Sequence[TwilioLegRecord], call_id: UUID, at: datetime, reason: RingEnd) -> list[Line]:
    """That these phones ring no more; one that has been taken up ends by itself."""
    return [
        RingEnded(call_id, at, leg.id, reason) for leg in ringing if leg.user_id is not None and leg.accepted_at is None
    ]


# While they wait


async def hold(house: House, waiting_id: UUID) -> str:
    """What a waiting caller hears in the next round: their place, the offer of a call back, music."""
    rules = await rules_of(house)
    async with house.unit(SYSTEM) as uow:
        waiting = await waits.lock_waiting(uow, waiting_id)
        if waiting is None or waiting.left_at is not None:
            return twiml.leave()
        if waiting.state == "waiting" and waiting.until <= uow.now:
            return twiml.leave()
        ahead = await twilio_calls.callers_ahead(uow, SYSTEM, waiting.id) if waiting.announce else None
        reachable = await twilio_calls.caller_is_known(uow, SYSTEM, waiting.call_id)
    return twiml.waiting(
        twiml.Hold(
            speaking(house, waiting.language),
            rules.music_url or f"{house.settings.base_url}{MUSIC}",
            place=None if ahead is None else ahead + 1,
            key=url(house, "/voice/wait-key", w=waiting_id) if rules.offer_callback and reachable else None,
        )
    )


async def key_pressed(house: House, waiting_id: UUID, keys: str) -> str:
    """A caller pressed a key while they waited: 1 has them called back, others change nothing."""
    rules = await rules_of(house)
    if keys != "1" or not rules.offer_callback:
        return await hold(house, waiting_id)
    async with house.unit(SYSTEM) as uow:
        waiting = await waits.lock_waiting(uow, waiting_id)
        if waiting is None:
            return twiml.leave()
        taken = waiting.state == "taken"  # an agent has just accepted: too late for a call back
        asked = None if taken else await waits.leave(uow, waiting_id, "callback")
        ringing = []
        if asked is not None:
            ringing = await legs.retract_waiting(uow, waiting_id)
            uow.audit("call:callback_asked", waiting.call_id)
        at = uow.now
    if asked is not None:
        stopped = ring_ends(ringing, waiting.call_id, at, "cancelled")
        await apply(house, TWILIO, [*stopped, CallUnqueued(waiting.call_id, at, waiting.queue, "withdrawn")])
        await wake(house)
    if taken:
        return await hold(house, waiting_id)
    return twiml.say_and_hang_up(speaking(house, waiting.language), words.WILL_CALL_BACK)


# The way back


async def came_back(house: House, form: Form, step: int) -> Left | None:
    """How the caller of this webhook left the queue or extension to which this step of their flow had sent them; None
    when they are gone, and nothing follows."""
    sid = story.call_sid(form) or ""
    waiting = await twilio_calls.waiting_of(house.db, SYSTEM, sid, step)
    if waiting is None:
        # The records were away when they were handed over.
        return Left(story.left_of_dial(form.get("DialCallStatus", "")))
    if form.get("QueueResult", "").startswith("redirected"):
        # Somebody sent them elsewhere: that document counts, and what this one is answered nobody hears.
        async with house.unit(SYSTEM) as uow:
            await waits.leave(uow, waiting.id, "answered" if waiting.bridged_at is not None else "timeout")
        return None
    if waiting.left_at is None and waiting.route != "direct" and waiting.how is None:
        waiting = await _word_of_asterisk(house, waiting, form)
    how: str | None = waiting.how
    if how is None:
        told = form.get("DialCallStatus")
        how = story.left_of_enqueue(form.get("QueueResult", "")) if told is None else _dialled(waiting, told)
        if waiting.route == "direct" and waiting.state == "taken" and how == "timeout":
            how = "answered"
    async with house.unit(SYSTEM) as uow:
        ended = await waits.leave(uow, waiting.id, how or "gone")
        ringing = []
        if ended is not None:
            but = waiting.leg_id if ended == "answered" else None
            ringing = await legs.retract_waiting(uow, waiting.id, but=but)
        at = uow.now
    if ended is not None:
        lines = ring_ends(ringing, waiting.call_id, at, "cancelled")
        if waiting.route == "direct" and ended != "answered":
            reason = {"timeout": "timeout", "empty": "leave_empty", "gone": "abandoned"}.get(ended, "withdrawn")
            lines.append(CallUnqueued(waiting.call_id, at, waiting.queue, reason))
        await apply(house, TWILIO, lines)
        await wake(house)
        how = ended
    return Left(_LEFT[how]) if how is not None and how in _LEFT else None


_LEFT: Final[Mapping[str, LeftHow]] = {
    "answered": "answered",
    "timeout": "timeout",
    "empty": "empty",
    "full": "full",
    "failed": "failed",
}


def _dialled(waiting: Waiting, status: str) -> LeftHow:
    """What Twilio's word means for a caller of whom the PBX said nothing. The Asterisk answers before it lets anybody
    wait, so ``completed`` says only that they were there."""
    if status in ("completed", "answered") and waiting.route == "asterisk":
        return "failed" if waiting.bridged_at is None else "answered"
    return story.left_of_dial(status)


async def _word_of_asterisk(house: House, waiting: Waiting, form: Form) -> Waiting:
    """The waiting as it is once the PBX has told how it ended: its events and Twilio's webhook race each other."""
    if form.get("DialCallStatus") not in ("completed", "answered"):
        return waiting
    loop = asyncio.get_running_loop()
    until = loop.time() + WORD_SECONDS
    found: Waiting | None = waiting
    while found is not None and found.how is None and loop.time() < until:
        await asyncio.sleep(_LOOK_SECONDS)
        found = await twilio_calls.waiting_of(house.db, SYSTEM, waiting.call_sid, waiting.step)
    return found or waiting
