"""Callers of a Twilio number in a flow: each webhook is one step of their session, kept in the database meanwhile.

A step is known by its number (``Session.waited``), which stands in every address that Twilio is given: one input is
taken for each step, whoever brings it first, and whoever comes again hears the same. What is asked of the records and
of agents is asked before the unit of work that keeps the step and its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Final

import structlog

from hotline import phone
from hotline.calls import twilio_story as story
from hotline.channels.twilio.voice import Verb, Ways, answer, hung_up, recorded, render
from hotline.crm import company as sections
from hotline.crm.commands.upkeep.claims import claim, earlier_reply
from hotline.crm.queries.conversations.senders import find_sender
from hotline.crm.viewer import SYSTEM
from hotline.errors import Invalid, Unavailable
from hotline.ivr import engine
from hotline.ivr.effects import (
    Collect,
    Effect,
    Enqueue,
    Failed,
    HangUp,
    HungUp,
    Input,
    Left,
    LookUp,
    Prompt,
    RecordMessage,
    Say,
    TimedOut,
    Transfer,
)
from hotline.ivr.flow import FlowSet
from hotline.ivr.moves import GIVEN_UP_SECONDS
from hotline.ivr.session import Session, Step
from hotline.workflows.calls import recordings
from hotline.workflows.calls.calls import TWILIO
from hotline.workflows.company import company
from hotline.workflows.company.calendars import calendars_of
from hotline.workflows.house import House
from hotline.workflows.ivr import ivr
from hotline.workflows.ivr.ivr import Caller
from hotline.workflows.once import turn
from hotline.workflows.twilio import twilio_agents, twilio_calls, twilio_recordings
from hotline.workflows.twilio.twilio_agents import Handover
from hotline.workflows.twilio.twilio_sessions import Line, Taken, keep_at_once, load, remember, remembered, write
from hotline.workflows.twilio.twilio_speech import hearing, listening

log = structlog.get_logger(__name__)

#: Where Twilio goes on; the doors of ``web/webhooks`` are there.
RESUME: Final = "/webhooks/twilio/voice/resume"
RECORDINGS: Final = "/webhooks/twilio/recordings"
TRANSCRIPTS: Final = "/webhooks/twilio/transcripts"
MAIN: Final = "main"
#: Seconds for which the end of a call waits for its message, and between two looks for it.
MESSAGE_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 0.2

_DEFAULT: Final = Enqueue("", 0, GIVEN_UP_SECONDS)
_NOWHERE: Final = Ways("", "")

Form = Mapping[str, str]


def _silence(_: Prompt) -> None:
    """Nothing is said."""


# The doors


async def arrive(house: House, form: Form, keys: Sequence[str], at: datetime) -> str:
    """A call's first webhook: the document of the flow's first step. Raises Unavailable while the records are away."""
    sid = call_sid(form)
    keys = (*keys, _step_key(sid, "start"))
    async with turn(house, f"call {sid}"):
        await twilio_calls.arrived(house, form, at)
        known = await load(house, sid)
        if known is not None:
            return await _again(house, known, form, keys)
        flows = await _flow_of(house, form)
        caller = await _caller(house, form)
        step = engine.start(flows, caller.facts, calendars_of(house), house.clock())
        line = Line(sid, flows, step.session, house.clock())
        return await _go(house, line, step, caller, form, keys, before=None)


async def resume(house: House, form: Form, step: str, keys: Sequence[str]) -> str:
    """What came of the step whose number stands in the address: the document of the next one."""
    return await _take(house, form, step, keys, None)


async def has_begun(house: House, form: Form) -> bool:
    """Whether this call has a session."""
    return await ivr.find_session(house, TWILIO, call_sid(form)) is not None


async def left(house: House, form: Form, how: Left, step: str | int, keys: Sequence[str] = ()) -> str:
    """The caller came back from a queue or an extension that they were handed to at ``step``."""
    return await _take(house, form, str(step), keys, how)


async def gone(house: House, sid: str) -> str | None:
    """The caller hung up: the session is over. Its outcome (``voicemail``, ``queued`` …), None without a session."""
    await _message_kept(house, sid)
    async with turn(house, f"call {sid}"):
        line = await load(house, sid)
        if line is None:
            return None
        if not line.session.over:
            step = _resumed(house, line, HungUp())
            ended = replace(line, session=step.session)
            async with house.unit(SYSTEM) as uow:
                await write(house, uow, ended, line.session)
            line = ended
        return line.session.facts.outcome


async def _message_kept(house: House, sid: str) -> None:
    """Who hangs up to end a message sends two webhooks at once: that the call is over, and that there is a message.
    The message goes first, when it comes within MESSAGE_SECONDS."""
    until = monotonic() + MESSAGE_SECONDS
    while monotonic() < until:
        line = await load(house, sid)
        if line is None or line.session.over or line.session.waits != "record":
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def fallback(house: House, form: Form) -> str:
    """Where a caller goes while the records are away: to the default queue, without asking these; empty when there is
    none that can be reached so."""
    order = Handover(queue="", priority=0, seconds=GIVEN_UP_SECONDS, step=0)
    verbs = twilio_agents.without_records(house, story.call_sid(form) or "", order)
    return render([_DEFAULT], _silence, _NOWHERE, hand_over=verbs) if verbs else ""


async def _take(house: House, form: Form, step: str, keys: Sequence[str], how: Left | None) -> str:
    sid = call_sid(form)
    keys = (*keys, _step_key(sid, step))
    async with turn(house, f"call {sid}"):
        line = remembered(house, sid, step)
        if line is not None:
            try:
                return await _answered(house, line, form, step, keys, how)
            except Taken:
                log.debug("ivr.step_taken", pbx=TWILIO)
        return await _answered(house, await load(house, sid), form, step, keys, how)


async def _answered(
    house: House, line: Line | None, form: Form, step: str, keys: Sequence[str], how: Left | None
) -> str:
    talked = how is not None and how.how == "answered"
    if line is None:
        if how is None:
            return await _lost(house, call_sid(form), form)
        # Back from where who has no session went: they are not sent there again and again.
        return _bye() if talked else twilio_agents.nobody(house)
    waits = line.session.waits
    fits = str(line.session.waited) == step and not line.session.over
    if not fits or (waits in ("queue", "transfer")) != (how is not None):
        if not talked:
            return await _again(house, line, form, keys)
        # Handed over while the records were away: this session was passed by, and is over after the talk.
        if earlier := await earlier_reply(house.db, house.keyring, keys):
            return earlier
    before = line.session
    after = _resumed(house, line, how or _input(line, form)) if _answers(form, waits) else None
    if hung_up(form):
        # The caller left a message and hung up, or only hung up: nobody hears what would follow.
        line = line if after is None else replace(line, session=after.session)
        after = _resumed(house, line, HungUp())
    if after is None:
        raise Invalid("This is no answer to what was asked.")
    return await _go(house, replace(line, session=after.session), after, None, form, keys, before=before)


def _answers(form: Form, waits: str) -> bool:
    """Whether a webhook tells what came of a step: of a caller who is gone only a message does."""
    return not hung_up(form) or (waits == "record" and "RecordingDuration" in form)


def _input(line: Line, form: Form) -> Input:
    """What the caller answered."""
    wanted = engine.pending(line.flows, line.session)
    match wanted:
        case Collect():
            return answer(wanted, form)
        case RecordMessage():
            return recorded(form)
        case _:
            return TimedOut() if line.session.waits == "collect" else Failed("refused")


# The way through a step


async def _go(
    house: House,
    line: Line,
    step: Step,
    caller: Caller | None,
    form: Form,
    keys: Sequence[str],
    *,
    before: Session | None,
) -> str:
    """Perform a step and keep it with its document, which is the answer."""
    left_message = before is not None and before.waits == "record"
    said: list[Effect] = []
    while True:
        last = step.effects[-1] if step.effects else HangUp()
        said += step.effects[:-1]
        verbs: Sequence[Verb] = ()
        if isinstance(last, LookUp):
            caller = caller or await _caller(house, form)
            given, caller = await _look_up(house, line, last, caller)
        elif isinstance(last, Enqueue | Transfer):
            # What the caller chose is in the records before any phone rings.
            await _keep_before(house, line, before)
            before = line.session
            announced = _announced(house, line)
            answered = await _hand_over(house, line, last, record=announced is not None)
            if not isinstance(answered, Left):
                verbs = answered
                said += announced or ()
                break
            given = answered
        else:
            break
        step = _resumed(house, line, given)
        line = replace(line, session=step.session)
    document = await _document(house, line, [*said, last], verbs)
    if before is not None and await keep_at_once(house, line, before, keys, document):
        remember(house, line)
        return document
    async with house.unit(SYSTEM) as uow:
        earlier = await claim(uow, keys, document)
        if earlier is None:
            await write(house, uow, line, before)
            if left_message:
                await twilio_recordings.noticed(uow, form)
    if earlier is not None:
        return earlier or document
    remember(house, line)
    return document


async def _again(house: House, line: Line, form: Form, keys: Sequence[str]) -> str:
    """What was answered to this step before; when nothing was, what the session waits for now."""
    earlier = await earlier_reply(house.db, house.keyring, keys)
    if earlier:
        return earlier
    wanted: Effect | None = None if line.session.over else engine.pending(line.flows, line.session)
    verbs: Sequence[Verb] = ()
    if isinstance(wanted, Enqueue | Transfer):
        answered = await _hand_over(house, line, wanted, record=_announced(house, line) is not None)
        if isinstance(answered, Left):
            step = _resumed(house, line, answered)
            return await _go(
                house, replace(line, session=step.session), step, None, form, keys[-1:], before=line.session
            )
        verbs = answered
    return await _document(house, line, [wanted or HangUp()], verbs)


def _resumed(house: House, line: Line, given: Input) -> Step:
    session = house.flows.settled(line.session)
    return engine.resume(line.flows, session, given, calendars_of(house), house.clock())


async def _document(house: House, line: Line, effects: Sequence[Effect], verbs: Sequence[Verb]) -> str:
    base = house.settings.base_url
    section = company.known(house, sections.TwilioIvr)
    ways = Ways(
        f"{base}{RESUME}?n={line.session.waited}",
        f"{base}{RECORDINGS}",
        # Twilio writes down English only.
        f"{base}{TRANSCRIPTS}" if section.transcribe and line.language.startswith("en") else None,
    )
    hear = await hearing(house, effects)
    return render(effects, hear, ways, listening=listening(house, line.language), hand_over=verbs)


# Effects


async def _look_up(house: House, line: Line, effect: LookUp, caller: Caller) -> tuple[Input, Caller]:
    if caller.customer_id is None and line.session.customer_number is not None:
        # Found by the number that was keyed in some steps ago.
        known = await ivr.find_customer(house, line.session.customer_number)
        caller = replace(caller, customer_id=known.customer_id if known is not None else None)
    found, customer_id = await ivr.look_up(house, effect, caller)
    return found, replace(caller, customer_id=customer_id) if customer_id is not None else caller


async def _hand_over(house: House, line: Line, effect: Enqueue | Transfer, *, record: bool) -> Left | Sequence[Verb]:
    step = line.session.waited
    if isinstance(effect, Transfer):
        return await twilio_agents.transfer(
            house, line.call_sid, effect.to, effect.seconds, step, line.language, record
        )
    handover = Handover(
        queue=effect.queue,
        priority=effect.priority,
        seconds=max(1, effect.seconds),
        language=line.language,
        announce_position=effect.announce_position,
        record=record,
        step=step,
    )
    return await twilio_agents.hand_over(house, line.call_sid, handover)


def _announced(house: House, line: Line) -> tuple[Effect, ...] | None:
    """What is said before the talk is recorded; None when calls are not recorded."""
    section = company.known(house, sections.Recordings)
    if not section.record_calls:
        return None
    return (Say((recordings.announcement(house, line.language),), keep_keys=False),) if section.announce else ()


# Who, and which session


def call_sid(form: Form) -> str:
    """The call's id. Raises Invalid."""
    sid = story.call_sid(form)
    if sid is None:
        raise Invalid("CallSid: this is none.")
    return sid


def _step_key(sid: str, step: str) -> str:
    return f"twilio:voice:{sid}:{step[:20]}"


async def _caller(house: House, form: Form) -> Caller:
    """Who calls, as the flow treats them."""
    number = story.party(form.get("From", ""))
    dialled = story.party(form.get("To", "")) or ""
    return await ivr.greet(house, number, number is None, {"call.pbx": TWILIO, "call.dialled": dialled[:64]})


async def _flow_of(house: House, form: Form) -> FlowSet:
    """The flow of the number that was dialled, else the main one."""
    dialled = story.party(form.get("To", ""))
    try:
        address = phone.parse(dialled, house.settings.region).value if dialled else ""
    except phone.NotANumber:
        address = dialled or ""
    sender = await find_sender(house.db, SYSTEM, "voice", address) if address else None
    name = (sender.flow if sender is not None else None) or MAIN
    flows = house.flows.get(name) or house.flows.get(MAIN)
    if flows is None:
        raise Unavailable("There is no flow for this number; see `hotline flow check`.")
    if flows.name != name:
        log.warning("ivr.no_flow", pbx=TWILIO, flow=name)
    return flows


def _bye() -> str:
    return render([HangUp()], _silence, _NOWHERE)


async def _lost(house: House, sid: str, form: Form) -> str:
    """A step of a session that nobody has: the caller goes to the default queue."""
    log.warning("ivr.session_lost", pbx=TWILIO)
    await twilio_calls.arrived(house, form, house.clock())
    flows = await _flow_of(house, form)
    session = Session(flows.name, flows.version, flows.digest, waits="queue", outcome="queued")
    line = Line(sid, flows, session, house.clock())
    return await _again(house, line, form, (_step_key(sid, "lost"),))


# Kept


async def _keep_before(house: House, line: Line, before: Session | None) -> None:
    """Keep a session before its caller is handed over: once, whoever comes to it."""
    async with house.unit(SYSTEM) as uow:
        if await claim(uow, (f"{_step_key(line.call_sid, str(line.session.waited))}:kept",)) is None:
            await write(house, uow, line, before)
