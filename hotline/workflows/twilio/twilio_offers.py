"""Agents whom Twilio rings for a waiting caller: they pick up, accept, are connected; or somebody else was faster.

Who accepts first has the caller: the row of who waits decides, whichever node hears of it. The phones that lost are
hung up, and their pops retracted, once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from hotline.calls import twilio_story as story
from hotline.calls.story import CallAnswered, CallQueued, Line, RingAnswered, RingEnded, RingKind, RingStarted
from hotline.calls.twilio_phones import is_number
from hotline.calls.twilio_story import Form
from hotline.channels.twilio import agent_words as words
from hotline.channels.twilio import agents as twiml
from hotline.channels.twilio.agents import Talk
from hotline.crm import company
from hotline.crm.commands.calls.presence import Member
from hotline.crm.commands.twilio import twilio_legs as legs
from hotline.crm.commands.twilio import twilio_waiting as waits
from hotline.crm.commands.twilio.twilio_legs import TwilioLegRecord
from hotline.crm.queries.twilio import twilio_calls as queries
from hotline.crm.queries.twilio.twilio_members import members_of
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.workflows.calls.calls import apply
from hotline.workflows.calls.commands import TWILIO
from hotline.workflows.calls.presence import mirror_members
from hotline.workflows.house import House
from hotline.workflows.twilio.twilio_agents import queue_name, ring_ends, rules_of, speaking, url, wake

log = structlog.get_logger(__name__)

#: Why an agent was paused who let several calls ring out.
MISSED: Final = "missed calls"


def rings(leg: TwilioLegRecord, call_id: UUID, at: datetime) -> RingStarted:
    """That an agent's phone rings."""
    kind: RingKind = "transfer" if leg.role == "transfer" else "outgoing" if leg.role == "dialler" else "offer"
    return RingStarted(call_id, at, leg.id, (leg.interface or story.TWILIO_TRUNK,), str(leg.id), leg.queue, kind)


async def hears(house: House, leg: TwilioLegRecord) -> twiml.Speaking:
    """How the agent of a leg is spoken to: in their own language."""
    locale = await queries.locale_of(house.db, SYSTEM, leg.user_id) if leg.user_id is not None else None
    return speaking(house, locale)


def must_accept(rules: company.TwilioVoice, phone: str) -> bool:
    """Whether a key is needed, since a voicemail may have answered."""
    return rules.accept_key == "all" or (rules.accept_key == "numbers" and is_number(phone))


async def picked_up(house: House, leg_id: UUID, form: Form) -> str:
    """An agent's phone was picked up, by them or by a voicemail: what it hears."""
    rules = await rules_of(house)
    async with house.unit(SYSTEM) as uow:
        leg = await lock_named(uow, leg_id, form)
        if leg is None:
            return twiml.hang_up()
        gone = leg.ended_at is not None or leg.retract_at is not None
        if not gone:
            await legs.note_progress(uow, leg.id, "answered", answered_at=uow.now)
    if gone:
        return twiml.say_and_hang_up(await hears(house, leg), words.GONE)
    if not must_accept(rules, leg.interface):
        return await accept(house, leg_id)
    brief = await queries.caller_brief(house.db, house.keyring, SYSTEM, leg.call_id)
    kind = brief.kind if rules.whisper else None
    return twiml.ask_to_accept(await hears(house, leg), url(house, "/voice/agent-key", leg=leg_id), kind)


async def key_pressed(house: House, leg_id: UUID, keys: str, form: Form) -> str:
    """The agent pressed a key: 1 takes the call, anything else gives it up."""
    if keys == "1":
        return await accept(house, leg_id)
    async with house.unit(SYSTEM) as uow:
        await lock_named(uow, leg_id, form)
    return twiml.hang_up()


async def accept(house: House, leg_id: UUID) -> str:
    """The agent takes the caller: connected, when nobody was faster and the caller is there. Asked twice, the same."""
    rules = await rules_of(house)
    async with house.unit(SYSTEM) as uow:
        leg = await queries.leg(uow, SYSTEM, leg_id)
        if leg is None or leg.waiting_id is None:
            return twiml.hang_up()
        waiting = await waits.lock_waiting(uow, leg.waiting_id)
        now = await legs.lock_leg(uow, leg_id)
        taken = (
            waiting is not None and now is not None and now.ended_at is None and now.retract_at is None
            and await waits.take(uow, waiting.id, leg_id)
        )  # fmt: skip
        others: list[TwilioLegRecord] = []
        if taken:
            await legs.note_progress(uow, leg_id, "answered", answered_at=uow.now, accepted_at=uow.now)
            others = await legs.retract_waiting(uow, leg.waiting_id, but=leg_id)
        at = uow.now
    if waiting is None or not taken:
        return twiml.say_and_hang_up(await hears(house, leg), words.GONE)
    call_id = waiting.call_id
    answered: list[Line] = [rings(leg, call_id, leg.created_at), RingAnswered(call_id, at, leg_id)]
    await apply(house, TWILIO, [*answered, *ring_ends(others, call_id, at, "answered_elsewhere")])
    await wake(house)
    brief = await queries.caller_brief(house.db, house.keyring, SYSTEM, call_id)
    return twiml.connect(
        await hears(house, leg),
        queue_name(waiting.id),
        Talk(url(house, "/voice/agent-done", leg=leg_id), url(house, "/recordings") if waiting.record else None),
        url(house, "/voice/bridging", w=waiting.id),
        brief.name if rules.whisper else None,
    )


async def bridging(house: House, waiting_id: UUID) -> None:
    """The caller is about to be connected with the agent who accepted."""
    async with house.unit(SYSTEM) as uow:
        waiting = await waits.lock_waiting(uow, waiting_id)
        if waiting is None or waiting.leg_id is None:
            return
        await waits.bridged(uow, waiting_id)
        at = uow.now
    await apply(house, TWILIO, [CallAnswered(waiting.call_id, at, waiting.leg_id)])


async def agent_progress(house: House, leg_id: UUID, form: Form, at: datetime) -> None:
    """A status callback of an agent's leg, of one that was rung for a waiting caller or for an extension."""
    progress = story.progress(form)
    if progress is None:
        return
    lines: list[Line] = []
    async with house.unit(SYSTEM) as uow:
        leg = await queries.leg(uow, SYSTEM, leg_id)
        if leg is None:
            return
        waiting = await waits.lock_waiting(uow, leg.waiting_id) if leg.waiting_id is not None else None
        known = await lock_named(uow, leg_id, form)
        if known is None or known.ended_at is not None:
            return
        leg = known
        call_id = waiting.call_id if waiting is not None else leg.call_id
        lines.append(rings(leg, call_id, leg.created_at))
        match progress:
            case "queued":
                await legs.note_progress(uow, leg_id, "sent")
            case "ringing":
                await legs.note_progress(uow, leg_id, "ringing")
            case "answered":
                await legs.note_progress(uow, leg_id, "answered", answered_at=uow.now)
                if leg.role == "transfer":
                    lines += [RingAnswered(call_id, at, leg_id), CallAnswered(call_id, at, leg_id)]
                    if waiting is not None:
                        await waits.answered(uow, waiting.id)
            case "ended":
                lines += await _ended(uow, leg, waiting, call_id, form, at)
    await apply(house, TWILIO, lines)
    if progress == "ended":
        if leg.role == "agent" and leg.user_id is not None and leg.accepted_at is None and leg.retract_at is None:
            await pause_missing(house, leg.user_id)
        await wake(house)


async def _ended(
    uow: UnitOfWork, leg: TwilioLegRecord, waiting: waits.Waiting | None, call_id: UUID, form: Form, at: datetime
) -> list[Line]:
    status = form.get("CallStatus", "")
    talked = leg.accepted_at is not None or (leg.role == "transfer" and leg.answered_at is not None)
    taken = waiting is not None and waiting.leg_id not in (None, leg.id)
    reason = story.ring_end(status, answered=talked, taken_elsewhere=taken, caller_gone=leg.retract_at is not None)
    word = "no-answer" if reason == "no_answer" else status
    await legs.end_leg(uow, leg.id, word or "completed", story.moment(form, at))
    lines: list[Line] = [RingEnded(call_id, story.moment(form, at), leg.id, reason)]
    if waiting is not None and talked and leg.role == "agent" and await waits.put_back(uow, waiting.id, leg.id):
        # Connected with nobody: the caller is still waiting, and is told so.
        lines.append(CallQueued(call_id, at, waiting.queue))
    return lines


async def lock_named(uow: UnitOfWork, leg_id: UUID, form: Form) -> TwilioLegRecord | None:
    """The leg that a webhook is about, locked, with what it says of the leg's name at Twilio. None for another's."""
    leg = await legs.lock_leg(uow, leg_id)
    sid = story.call_sid(form)
    if leg is None or sid is None or leg.call_sid not in (None, sid):
        return None
    if leg.call_sid is None:
        await legs.note_sid(uow, leg_id, sid, form.get("AccountSid", ""))
    return leg


async def pause_missing(house: House, user_id: UUID) -> None:
    """Pause an agent who lets one call after the other ring out, or whom none can reach: they are not there."""
    rules = await rules_of(house)
    if not rules.pause_after_missed:
        return
    missed = await queries.missed_in_a_row(house.db, SYSTEM, user_id, most=rules.pause_after_missed)
    if missed < rules.pause_after_missed:
        return
    places = await members_of(house.db, SYSTEM, user_id)
    paused = [
        Member(each.queue, each.interface, each.member_name, paused=True, pause_reason=MISSED, status=each.status)
        for each in places
        if not each.paused
    ]
    if paused:
        await mirror_members(house, TWILIO, paused)
        log.info("twilio.agent_paused", user_id=str(user_id), missed=missed)
