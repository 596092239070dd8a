"""Fills the demo's own database once: users, customers, what they agreed to, and the calls that they made before."""

from __future__ import annotations

import json
import secrets
from uuid import UUID

from hotline.cli.demo.past import add_call
from hotline.cli.demo.people import AGENTS, ASKED, CUSTOMERS, QUEUE, SHOWN_NUMBER, Agent, Person, interface
from hotline.crm.viewer import SYSTEM
from hotline.settings import Settings
from hotline.workflows.company.calendars import refresh_rules
from hotline.workflows.company.senders import create_sender
from hotline.workflows.consent import consents
from hotline.workflows.consent.consents import NewConsent
from hotline.workflows.customers import customers
from hotline.workflows.customers.customers import ContactPointInput
from hotline.workflows.house import House, open_house
from hotline.workflows.ivr.flows import follow_files, number_flows
from hotline.workflows.people import users

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
        await follow_files(house)
        await number_flows(house)
        await refresh_rules(house)
        agents = {agent.login: await _add_agent(house, agent, password) for agent in AGENTS}
        for person in CUSTOMERS:
            await _add_customer(house, person, agents)
        await create_sender(house, SYSTEM, {"channel": "voice", "address": SHOWN_NUMBER, "name": "PBX"})
    finally:
        await house.close()
    kept.touch(mode=0o600)
    kept.write_text(json.dumps({"password": password}), "utf-8")
    return password


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
    if person.agreed:
        for channel in ("sms", "email") if person.email else ("sms",):
            agreed = NewConsent(
                customer.id, channel, "marketing", "granted", wording=ASKED[person.locale], source="form"
            )
            await consents.record(house, SYSTEM, agreed)
    for past in sorted(person.calls, key=lambda call: -call.days):
        await add_call(house, person, customer.id, past, agents)
