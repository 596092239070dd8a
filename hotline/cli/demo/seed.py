"""Fills the demo's own database once: users, customers, and the calls that they made before."""

from __future__ import annotations

import json
import secrets
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
from hotline.cli.demo.people import AGENTS, CUSTOMERS, LINE, QUEUE, Agent, PastCall, Person
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.settings import Settings
from hotline.workflows import calls, customers, users
from hotline.workflows.customers import ContactPointInput
from hotline.workflows.house import House, open_house

PBX = "demo"
_SIGN_IN = "sign-in.json"


async def seed(settings: Settings) -> str:
    """Makes sure that the demo's people are there; answers the password that all its users share."""
    kept = settings.data_dir / _SIGN_IN
    if kept.is_file():
        password: str = json.loads(kept.read_text("utf-8"))["password"]
        return password
    password = f"demo-{secrets.randbelow(10**6):06d}"
    house = await open_house(settings, migrate=True)
    try:
        agents = {agent.login: await _add_agent(house, agent, password) for agent in AGENTS}
        for person in CUSTOMERS:
            await _add_customer(house, person, agents)
    finally:
        await house.close()
    kept.touch(mode=0o600)
    kept.write_text(json.dumps({"password": password}), "utf-8")
    return password


def interface(extension: str) -> str:
    """The demo's phones are called as in the sample configuration: 1001 is PJSIP/agent1."""
    return f"PJSIP/agent{int(extension) - 1000}"


async def _add_agent(house: House, agent: Agent, password: str) -> UUID:
    user = await users.create_user(
        house,
        SYSTEM,
        {
            "login": agent.login,
            "name": agent.name,
            "role": agent.role,
            "locale": agent.locale,
            "password": password,
            "extension": agent.extension,
            "interfaces": [interface(agent.extension)] if agent.extension else [],
            "queues": [QUEUE] if agent.extension else [],
        },
    )
    return user.id


async def _add_customer(house: House, person: Person, agents: dict[str, UUID]) -> None:
    points: list[ContactPointInput] = [{"kind": "phone", "value": person.number, "label": ""}]
    if person.email:
        points.append({"kind": "email", "value": person.email, "label": ""})
    customer = await customers.create_customer(
        house,
        SYSTEM,
        {
            "kind": person.kind,
            "name": person.name,
            "locale": person.locale,
            "tier": person.tier,
            "tags": list(person.tags),
            "contact_points": points,
        },
    )
    for past in sorted(person.calls, key=lambda call: -call.days):
        await _add_call(house, person, customer.id, past, agents)


async def _add_call(house: House, person: Person, customer_id: UUID, past: PastCall, agents: dict[str, UUID]) -> None:
    """One call as the tracker would have told it then."""
    began = house.clock() - timedelta(days=past.days, minutes=past.minutes)
    then = replace(house, clock=lambda: began)
    call_id = house.new_id()
    agent = next((agent for agent in AGENTS if agent.login == past.agent), None)
    await calls.apply(then, PBX, _story(call_id, house.new_id(), person.number, began, past.seconds, agent))
    await calls.set_customer(then, SYSTEM, call_id, customer_id)
    if past.note and past.agent:
        writer = Viewer(agents[past.agent], "user", SYSTEM.permissions, "all")
        await customers.write_note(then, writer, house.new_id(), past.note, customer_id, call_id)


def _story(call_id: UUID, ring_id: UUID, number: str, at: datetime, talked: int, agent: Agent | None) -> Sequence[Line]:
    aliases = (Alias("uniqueid", f"{int(at.timestamp())}.{call_id.int % 1000}"),)
    queued, rang, answered = (at + timedelta(seconds=s) for s in (1, 2, 14))
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
        ended = at + timedelta(seconds=48)
        lines.append(CallUnqueued(call_id, ended, queue=QUEUE, reason="abandoned"))
        return [*lines, CallEnded(call_id, ended, disposition="abandoned", cause=16)]
    ended = answered + timedelta(seconds=talked)
    names = (interface(agent.extension),)
    age = 3600.0  # long over: nobody is rung for it now
    return [
        *lines,
        RingStarted(
            call_id, rang, ring_id=ring_id, interfaces=names, uniqueid=f"{aliases[0].value}1", queue=QUEUE, age=age
        ),
        RingAnswered(call_id, answered, ring_id=ring_id, age=age),
        CallAnswered(call_id, answered, ring_id=ring_id, age=age),
        RingEnded(call_id, ended, ring_id=ring_id, reason="completed", cause=16, age=age),
        CallEnded(call_id, ended, disposition="answered", cause=16, age=age),
    ]
