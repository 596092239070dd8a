"""Calls that the demo's people made before: through the menu, to an agent, with the ticket that came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from hotline.calls.story import (
    Alias,
    CallAnswered,
    CallArrived,
    CallEnded,
    CallQueued,
    CallUnqueued,
    Line,
    RingAnswered,
    RingEnded,
    RingStarted,
)
from hotline.cli.demo.people import AGENTS, LINE, PBX, QUEUE, Agent, PastCall, Person, interface
from hotline.crm.queries.calls.calls import get_call
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.ivr import engine
from hotline.ivr.effects import CallerFacts, Collect, Enqueue, HungUp, Input, Left, LookUp, Pressed, TimedOut
from hotline.ivr.effects import Failed as NotDone
from hotline.workflows.calls import calls
from hotline.workflows.company.calendars import calendars_of
from hotline.workflows.customers import customers
from hotline.workflows.house import House
from hotline.workflows.ivr import ivr
from hotline.workflows.ivr.ivr_sessions import Held
from hotline.workflows.tickets import tickets
from hotline.workflows.tickets.tickets import TicketChanges

FLOW = "main"
#: The keys of the languages in the menu.
_LANGUAGES = {"en": "1", "zh": "2"}


async def add_call(house: House, person: Person, customer_id: UUID, past: PastCall, agents: dict[str, UUID]) -> None:
    """One call as the tracker and the menu would have told it then, its note, and its ticket as it became."""
    began = house.clock() - timedelta(days=past.days, minutes=past.minutes)
    then = replace(house, clock=lambda: began)
    call_id = house.new_id()
    agent = next((agent for agent in AGENTS if agent.login == past.agent), None)
    uniqueid = f"{int(began.timestamp())}.{call_id.int % 1000}"
    await _menu(then, person, uniqueid, past)
    await calls.apply(then, PBX, _story(call_id, uniqueid, house.new_id(), person.number, began, past.seconds, agent))
    await calls.set_customer(then, SYSTEM, call_id, customer_id)
    if past.agent is None:
        return
    afterwards = replace(house, clock=lambda: began + timedelta(seconds=past.seconds + 60))
    writer = Viewer(agents[past.agent], "user", SYSTEM.permissions)
    await customers.write_note(afterwards, writer, house.new_id(), past.note, customer_id, call_id)
    ticket_id = (await get_call(house.db, house.keyring, SYSTEM, call_id)).ticket_id
    if ticket_id is not None:
        changes: TicketChanges = {"subject": past.subject, "category": past.category}
        await tickets.change_ticket(afterwards, writer, ticket_id, changes)
        for state in _ways(past.state):
            await tickets.change_ticket(afterwards, writer, ticket_id, {"state": state})


def _ways(state: str) -> Sequence[str]:
    """The states on the way from an answered call's ticket to this one."""
    return {"open": (), "waiting": ("waiting",), "resolved": ("resolved",), "closed": ("resolved", "closed")}[state]


async def _menu(then: House, person: Person, uniqueid: str, past: PastCall) -> None:
    """What the caller did in the menu, kept as if it had been live; the flows page counts it."""
    flows = then.flows.get(FLOW)
    if flows is None:
        return
    caller = CallerFacts(known=True, vip=person.tier != "standard", locale=person.locale)
    calendars = calendars_of(then)
    keys = [_LANGUAGES[person.locale], past.key]
    step = engine.start(flows, caller, calendars, then.clock())
    while not step.session.over:
        step = engine.resume(
            flows, step.session, _input(step.effects[-1], keys, past.agent is not None), calendars, then.clock()
        )
    held = Held(PBX, uniqueid, flows, then.flows.settled(step.session), "over", then.clock())
    await ivr.save(then, held.record(), None)


def _input(effect: object, keys: list[str], answered: bool) -> Input:
    """What came of an effect."""
    match effect:
        case Collect():
            return Pressed(keys.pop(0)) if keys else TimedOut()
        case LookUp():
            return NotDone("away")
        case Enqueue():
            return Left("answered") if answered else HungUp()
        case _:
            return HungUp()


def _story(
    call_id: UUID, uniqueid: str, ring_id: UUID, number: str, at: datetime, talked: int, agent: Agent | None
) -> Sequence[Line]:
    aliases = (Alias("uniqueid", uniqueid),)
    queued, rang, answered = (at + timedelta(seconds=s) for s in (20, 21, 33))
    lines: list[Line] = [
        CallArrived(
            call_id,
            at,
            interface="PJSIP/trunk",
            number=number,
            name=None,
            withheld=False,
            dialled=LINE,
            aliases=aliases,
        ),
        CallQueued(call_id, queued, queue=QUEUE, position=1),
    ]
    if agent is None or agent.extension is None:
        ended = at + timedelta(seconds=68)
        lines.append(CallUnqueued(call_id, ended, queue=QUEUE, reason="abandoned"))
        return [*lines, CallEnded(call_id, ended, disposition="abandoned", cause=16)]
    ended = answered + timedelta(seconds=talked)
    names = (interface(agent.extension),)
    age = 3600.0  # long over: nobody is rung for it now
    return [
        *lines,
        RingStarted(call_id, rang, ring_id=ring_id, interfaces=names, uniqueid=f"{uniqueid}1", queue=QUEUE, age=age),
        RingAnswered(call_id, answered, ring_id=ring_id, age=age),
        CallAnswered(call_id, answered, ring_id=ring_id, age=age),
        RingEnded(call_id, ended, ring_id=ring_id, reason="completed", cause=16, age=age),
        CallEnded(call_id, ended, disposition="answered", cause=16, age=age),
    ]
