"""What is to be done for callers who wait at Twilio: phones rung and hung up, waits that are over ended. One node does
it at a time, by the lease of the PBX "twilio"; after a kill another goes on from the rows.

A phone is asked for once: its row is committed before Twilio hears of it, and an outcome that nobody knows is waited
for, never tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from hotline.calls.story import CallUnqueued, RingEnded
from hotline.calls.twilio_phones import address
from hotline.calls.twilio_routing import Caller, FreeAgent, Ring, plan
from hotline.channels.errors import AddressRefused, ChannelError, PermanentlyRefused, TemporarilyRefused, Unknown
from hotline.channels.twilio.resources import PlacedCall
from hotline.crm.commands.twilio import twilio_legs as legs
from hotline.crm.commands.twilio import twilio_waiting as waits
from hotline.crm.commands.twilio.twilio_legs import TwilioLegRecord
from hotline.crm.commands.twilio.twilio_waiting import Waiting
from hotline.crm.leases import Lease, check
from hotline.crm.queries.conversations import senders
from hotline.crm.queries.twilio import twilio_calls as queries
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.workflows.calls.calls import apply
from hotline.workflows.calls.commands import TWILIO
from hotline.workflows.house import House
from hotline.workflows.twilio.twilio_agents import ring_ends, rules_of, url, wake
from hotline.workflows.twilio.twilio_offers import pause_missing, rings

log = structlog.get_logger(__name__)

EVENTS: Final = ("initiated", "ringing", "answered", "completed")
#: How long after its ringing a leg of which nobody knows anything is given up.
GRACE: Final = timedelta(seconds=20)


async def work(house: House, lease: Lease) -> None:
    """One round. Raises LeaseLost when another node does it now, Unavailable while the records are away."""
    await _end_waits(house, lease)
    for leg in await _offers(house, lease):
        house.spawn(ring(house, leg), "twilio ring")
    await hang_up_retracted(house)
    await _give_up_lost(house, lease)


# Phones to ring


async def _offers(house: House, lease: Lease) -> list[TwilioLegRecord]:
    """Decide whom to ring for whom, and write the legs."""
    rules = await rules_of(house)
    async with house.unit(SYSTEM) as uow:
        await check(uow, lease)
        waiting = {each.id: each for each in await waits.lock_direct(uow)}
        if not waiting:
            return []
        free: dict[str, list[FreeAgent]] = {}
        for each in await queries.agents_ready(uow, SYSTEM):
            agents = free.setdefault(each.queue, [])
            if all(agent.user_id != each.user_id for agent in agents):
                agents.append(FreeAgent(each.user_id, each.phone, each.idle_since, each.level))
        if not free:
            return []
        callers = [await _caller(uow, each) for each in waiting.values() if each.queue in free]
        made = []
        for planned in plan(callers, free, rules.strategy, uow.now):
            made.append(await _leg(uow, waiting[planned.caller], planned, rules.ring_seconds))
        return made


async def _caller(uow: UnitOfWork, waiting: Waiting) -> Caller:
    ringing: set[UUID] = set()
    tried: dict[UUID, tuple[int, datetime]] = {}
    for leg in await legs.legs_of_waiting(uow, waiting.id):
        if leg.user_id is None:
            continue
        if leg.ended_at is None:
            ringing.add(leg.user_id)
        else:
            times, last = tried.get(leg.user_id, (0, leg.ended_at))
            tried[leg.user_id] = times + 1, max(last, leg.ended_at)
    return Caller(waiting.id, waiting.queue, frozenset(ringing), tried)


async def _leg(uow: UnitOfWork, waiting: Waiting, planned: Ring, seconds: int) -> TwilioLegRecord:
    return await legs.create_leg(
        uow,
        call_id=waiting.call_id,
        role="agent",
        interface=planned.phone,
        user_id=planned.user_id,
        account_sid=waiting.account_sid,
        waiting_id=waiting.id,
        queue=waiting.queue,
        ring_until=uow.now + timedelta(seconds=seconds),
    )


async def ring(house: House, leg: TwilioLegRecord) -> None:
    """Have Twilio ring an agent's phone for a waiting caller, once."""
    dialled, _ = await queries.country_of(house.db, SYSTEM, leg.call_id)
    shown = await own_number(house, dialled, None)
    seconds = max(5, round((leg.ring_until - leg.created_at).total_seconds())) if leg.ring_until else 20
    outcome = await place(
        house,
        leg,
        shown=shown,
        seconds=seconds,
        answer=url(house, "/voice/agent", leg=leg.id),
        status=url(house, "/voice/agent-status", leg=leg.id),
    )
    if isinstance(outcome, AddressRefused) and leg.user_id is not None:
        await pause_missing(house, leg.user_id)  # else it would be tried again every few seconds


async def place(
    house: House, leg: TwilioLegRecord, *, shown: str | None, seconds: int, answer: str, status: str
) -> PlacedCall | ChannelError:
    """Ask Twilio for a leg whose row is written; what it said. After this the leg's own callbacks tell."""
    twilio = house.twilio
    outcome: PlacedCall | ChannelError
    try:
        if twilio is None or shown is None:
            raise PermanentlyRefused("There is no number of the company's to call from: add one to the senders.")
        outcome = await twilio.create_call(
            to=address(leg.interface),
            from_=shown,
            url=answer,
            status_callback=status,
            status_events=EVENTS,
            ring_seconds=seconds,
            account_sid=leg.account_sid or None,
        )
    except ChannelError as error:
        outcome = error
        log.warning("twilio.not_rung", code=error.code, provider_code=error.provider_code, leg=str(leg.id))
    async with house.unit(SYSTEM) as uow:
        match outcome:
            case PlacedCall():
                await legs.note_sid(uow, leg.id, outcome.sid, outcome.account_sid)
                await legs.note_progress(uow, leg.id, "sent")
            case Unknown():
                await legs.note_progress(uow, leg.id, "unknown")
            case TemporarilyRefused():
                await legs.end_leg(uow, leg.id, "refused", uow.now)
            case _:
                await legs.end_leg(uow, leg.id, "failed", uow.now)
        now = await queries.leg(uow, SYSTEM, leg.id)
        at = uow.now
    if leg.role == "agent" and now is not None and now.ended_at is None and now.retract_at is None:
        await apply(house, TWILIO, [rings(leg, leg.call_id, at)])
    elif now is not None and now.retract_at is not None:
        await wake(house)  # it was retracted before Twilio had said its name
    return outcome


async def own_number(house: House, dialled: str | None, country: str | None) -> str | None:
    """The company's number to call from: the one that the customer dialled, else the sender of their country."""
    if dialled is not None:
        found = await senders.find_sender(house.db, SYSTEM, "voice", dialled)
        if found is not None and found.enabled:
            return found.address
    default = await senders.default_sender(house.db, SYSTEM, "voice", country)
    return default.address if default is not None else dialled


# Phones to hang up


async def hang_up_retracted(house: House) -> None:
    """Hang up the phones that are to stop ringing; any node may."""
    twilio = house.twilio
    if twilio is None:
        return
    async with house.unit(SYSTEM) as uow:
        claimed = await legs.claim_retractions(uow)
    for leg in claimed:
        house.spawn(_hang_up(house, leg), "twilio hang up")


async def _hang_up(house: House, leg: TwilioLegRecord) -> None:
    try:
        await end(house, leg)
    except (TemporarilyRefused, Unknown):
        async with house.unit(SYSTEM) as uow:
            await legs.retract_again(uow, leg.id)
    except ChannelError as error:
        # Over by itself meanwhile, most likely; its callback tells, or the look at silent legs.
        log.info("twilio.not_hung_up", code=error.code, provider_code=error.provider_code, leg=str(leg.id))


async def end(house: House, leg: TwilioLegRecord) -> None:
    """End a leg at Twilio, ringing or talking. Raises a ChannelError."""
    if house.twilio is not None and leg.call_sid is not None:
        await house.twilio.update_call(leg.call_sid, status="completed", account_sid=leg.account_sid or None)


# Waits and legs that are over


async def _end_waits(house: House, lease: Lease) -> None:
    """Callers who have waited for as long as they shall go on in their flows; who is gone waits no more."""
    stopped: list[tuple[Waiting, Sequence[TwilioLegRecord]]] = []
    async with house.unit(SYSTEM) as uow:
        await check(uow, lease)
        for waiting_id in await waits.leave_ended(uow):
            await legs.retract_waiting(uow, waiting_id)
        for waiting in await waits.claim_overdue(uow):
            stopped.append((waiting, await legs.retract_waiting(uow, waiting.id)))
        at = uow.now
    for waiting, ringing in stopped:
        lines = ring_ends(ringing, waiting.call_id, at, "no_answer")
        await apply(house, TWILIO, [*lines, CallUnqueued(waiting.call_id, at, waiting.queue, "timeout")])
        house.spawn(_send_on(house, waiting), "twilio send on")


async def _send_on(house: House, waiting: Waiting) -> None:
    """Take a caller out of Twilio's queue, to where their flow goes on. Where this fails the next round of what they
    hear does it."""
    if house.twilio is None:
        return
    try:
        await house.twilio.update_call(
            waiting.call_sid, url=url(house, "/voice/left", n=waiting.step), account_sid=waiting.account_sid or None
        )
    except ChannelError as error:
        log.info("twilio.not_sent_on", code=error.code, provider_code=error.provider_code, waiting=str(waiting.id))


async def _give_up_lost(house: House, lease: Lease) -> None:
    async with house.unit(SYSTEM) as uow:
        await check(uow, lease)
        lost = await legs.claim_lost(uow, GRACE)
        at = uow.now
    for leg in lost:
        if leg.role == "agent":
            await apply(house, TWILIO, [RingEnded(leg.call_id, at, leg.id, "failed")])
