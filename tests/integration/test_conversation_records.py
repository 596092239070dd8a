"""Conversations in the records: merged, separated, told of, erased, forgotten, given up; messages in any order."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from hotline.clock import utc_now
from hotline.crm import company
from hotline.crm.commands.customers.erasure import reach_of
from hotline.crm.privacy.report import person_report
from hotline.crm.queries.conversations.conversations import get_conversation
from hotline.crm.queries.conversations.messages import list_messages
from hotline.crm.queries.customers.merges import merges_of
from hotline.crm.queries.tickets.tickets import get_ticket
from hotline.crm.viewer import SYSTEM
from hotline.errors import Invalid, NotFound
from hotline.workflows.company.company import put
from hotline.workflows.conversations import conversations
from hotline.workflows.conversations.idle_conversations import close_idle
from hotline.workflows.conversations.message_files import keep
from hotline.workflows.conversations.messages import Inbound, Received, receive
from hotline.workflows.conversations.replies import NewConversation, NewReply, begin, send
from hotline.workflows.customers.customer_files import folder
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.customers.erasure import erase
from hotline.workflows.customers.merging import merge_customers, undo_merge
from hotline.workflows.house import House
from hotline.workflows.people import leaving
from hotline.workflows.tickets.tickets import change_ticket
from hotline.workflows.upkeep.retention import apply_retention
from tests.integration.people import add_user

ANNA = "+14155550101"


async def wrote(house: House, body: str, provider_id: str, address: str = ANNA, **more: Any) -> Received:
    inbound = Inbound("sms", address, body, house.clock(), provider_id, "AC1", "+15005550006", **more)
    async with house.unit(SYSTEM) as uow:
        return await receive(house, uow, inbound)


async def customer(house: House, name: str, number: str) -> UUID:
    made = await create_customer(house, SYSTEM, {"name": name, "contact_points": [{"kind": "phone", "value": number}]})
    return made.id


async def owner(house: House, conversation_id: UUID) -> UUID | None:
    found = await get_conversation(house.db, house.keyring, SYSTEM, conversation_id)
    return found.customer_id


async def test_a_merge_moves_conversations_and_its_undoing_gives_them_back(house: House) -> None:
    anna, twin = await customer(house, "Anna", ANNA), await customer(house, "Anna", "+14155550102")
    first = await wrote(house, "From one", "SM1")
    second = await wrote(house, "From the other", "SM2", "+14155550102")
    await merge_customers(house, SYSTEM, anna, twin, {})
    assert await owner(house, second.conversation_id) == anna
    (message, _) = reversed(await list_messages(house.db, house.keyring, SYSTEM, second.conversation_id, limit=9))
    assert message.body == "From the other"
    assert await house.db.fetchval("SELECT count(*) FROM interaction WHERE customer_id = $1", anna) >= 2
    (merge,) = await merges_of(house.db, house.keyring, SYSTEM, anna)
    await undo_merge(house, SYSTEM, merge.id)
    assert await owner(house, second.conversation_id) == twin
    assert await owner(house, first.conversation_id) == anna


async def test_the_report_tells_and_the_erasure_takes_everything(house: House) -> None:
    anna = await customer(house, "Anna", ANNA)
    file = await keep(house, "photo.png", b"\x89PNG\r\n\x1a\n" + bytes(99))
    received = await wrote(house, "My secret words", "SM1", name="Anna A.", files=(file,))
    waiting = await send(house, SYSTEM, received.conversation_id, NewReply("An answer that waits"))
    await wrote(house, "STOP", "SM2")
    report = await person_report(house.db, house.keyring, SYSTEM, anna)
    text = str([section.lines for section in report.sections])
    for part in ("My secret words", "An answer that waits", "Anna A.", "photo.png", ANNA, "opt_out"):
        assert part in text, part
    assert [path for path in folder(house).rglob("*") if path.is_file()]
    number = await house.db.fetchval("SELECT number FROM customer WHERE id = $1", anna)
    await erase(house, SYSTEM, anna, reason="request", confirm=f"C{number}")
    reach = await reach_of(house.db, anna)
    assert received.conversation_id in reach.conversations
    row = await house.db.fetchrow("SELECT * FROM conversation WHERE id = $1", received.conversation_id)
    assert row is not None
    assert (row["state"], row["address_index"], row["address_cipher"], row["name_cipher"]) == (
        "closed",
        None,
        None,
        None,
    )
    assert await house.db.fetchval("SELECT state FROM message WHERE id = $1", waiting.id) == "suppressed"
    assert await house.db.fetchval("SELECT count(*) FROM message WHERE body_cipher IS NOT NULL") == 0
    assert await house.db.fetchval("SELECT wrapped FROM personal_key WHERE id = $1", row["key_id"]) is None
    assert [path for path in folder(house).rglob("*") if path.is_file()] == []
    # Nobody writes to them by mistake: that they wanted nothing is known still, of the number alone.
    assert await house.db.fetchval("SELECT count(*) FROM suppression WHERE lifted_at IS NULL") == 1
    again = await wrote(house, "Hello, who are you?", "SM3")
    assert again.conversation_id != received.conversation_id


async def test_who_was_erased_and_answers_an_old_mail_is_nobody_known(house: House) -> None:
    anna = await create_customer(
        house, SYSTEM, {"name": "Anna", "contact_points": [{"kind": "email", "value": "anna@x.example"}]}
    )
    mail = Inbound("email", "anna@x.example", "Hello", house.clock(), "m1", "email", "s@a.example")
    async with house.unit(SYSTEM) as uow:
        first = await receive(house, uow, mail)
    await erase(house, SYSTEM, anna.id, reason="request", confirm=f"C{anna.number}")
    again = replace(mail, provider_id="m2", conversation_id=first.conversation_id)
    async with house.unit(SYSTEM) as uow:
        second = await receive(house, uow, again)
    assert second.conversation_id != first.conversation_id
    assert await owner(house, second.conversation_id) is None
    ticket = await house.db.fetchval("SELECT customer_id FROM ticket WHERE id = $1", second.ticket_id)
    assert (ticket, second.ticket_id == first.ticket_id) == (None, False)


async def test_a_conversation_is_begun_with_customers_whom_one_sees(house: House) -> None:
    anna = await customer(house, "Anna", ANNA)
    await wrote(house, "Hello", "SM1", "+14155550199")  # so that there is a number to write from
    agent = await add_user(house, "anton")
    few = replace(agent, permissions=agent.permissions - {"customers.read_all"})
    with pytest.raises(NotFound):
        await begin(house, few, NewConversation("sms", "+14155550102", customer_id=anna))
    made = await begin(house, agent, NewConversation("sms", "+14155550102", customer_id=anna))
    assert await owner(house, made) == anna
    with pytest.raises(Invalid):
        await send(house, agent, made, NewReply("Dear {customer.name}, it is on its way."))


async def test_a_ticket_does_not_say_a_short_message_twice(house: House) -> None:
    two_lines = "Hello\nWhere is my parcel?"
    for place, (body, subject, description) in enumerate(
        [("Where is  my parcel?\n", "Where is my parcel?", ""), (two_lines, "Hello", two_lines)]
    ):
        received = await wrote(house, body, f"SM{place}", f"+1415555010{place}")
        assert received.ticket_id is not None
        ticket = await get_ticket(house.db, house.keyring, SYSTEM, received.ticket_id)
        assert (ticket.subject, ticket.description) == (subject, description)


async def test_messages_are_forgotten_in_time(house: House) -> None:
    file = await keep(house, "photo.png", b"\x89PNG\r\n\x1a\n" + bytes(99))
    old = await wrote(house, "Long ago", "SM1", files=(file,))
    await send(house, SYSTEM, old.conversation_id, NewReply("Done", state="closed"))
    await wrote(house, "Still open", "SM2", "+14155550102")
    await put(house, SYSTEM, company.Retention(messages_days=30))
    assert await apply_retention(house) == {}
    house.clock = lambda: utc_now() + timedelta(days=31)
    assert (await apply_retention(house))["messages"] == 2
    left = await house.db.fetch("SELECT conversation_id FROM message WHERE body_cipher IS NOT NULL")
    assert {row["conversation_id"] for row in left} & {old.conversation_id} == set()
    assert left
    assert [path for path in folder(house).rglob("*") if path.is_file()] == []


async def test_who_leaves_gives_conversations_up_and_idle_ones_are_closed(house: House) -> None:
    agent, boss = await add_user(house, "anton"), await add_user(house, "boss", "administrator")
    received = await wrote(house, "Hello", "SM1")
    await conversations.claim(house, agent, received.conversation_id)
    assert agent.user_id is not None
    await leaving.leave(house, boss, agent.user_id)
    view = await get_conversation(house.db, house.keyring, SYSTEM, received.conversation_id)
    assert view.assignee_id is None
    house.clock = lambda: utc_now() + timedelta(days=15)
    assert await close_idle(house) == 0, "nobody has answered yet"
    await send(house, SYSTEM, received.conversation_id, NewReply("Sorry for the wait"))
    house.clock = lambda: utc_now() + timedelta(days=30)
    assert await close_idle(house) == 1
    assert (await wrote(house, "Me again", "SM2")).new


async def test_an_agents_correction_of_triage_is_kept(house: House) -> None:
    agent = await add_user(house, "anton")
    received = await wrote(house, "This is outrageous, the worst service ever, I complain!", "SM1")
    ticket = await house.db.fetchrow("SELECT * FROM ticket")
    assert ticket is not None
    assert (ticket["kind"], ticket["kind_by"]) == ("complaint", "triage")
    await change_ticket(house, agent, ticket["id"], {"kind": "service_request"})
    await change_ticket(house, agent, ticket["id"], {"kind": "consultation"})
    (row,) = await house.db.fetch("SELECT * FROM triage_correction")
    assert (row["from_kind"], row["to_kind"], row["user_id"]) == ("complaint", "service_request", agent.user_id)
    assert row["message_id"] == received.message_id


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=some.integers(0, 2**32))
async def test_any_order_and_number_of_tellings(house: House, seed: int) -> None:
    """The same messages told twice, in any order, some at once: each is there once, in one conversation per address."""
    draw = random.Random(seed)
    addresses = [f"+1415{draw.randrange(10**7):07}" for _ in range(3)]
    told = [
        (f"SM{seed}-{place}", draw.choice(["Hello", "Where is it?", "It is broken", "HELP", "STOP", "START"]), address)
        for place, address in enumerate(draw.choices(addresses, k=8))
    ]
    every = [*told, *draw.sample(told, 5)]
    draw.shuffle(every)
    while every:
        some_at_once = [every.pop() for _ in range(min(len(every), draw.randint(1, 4)))]
        await asyncio.gather(*(wrote(house, body, sid, address) for sid, body, address in some_at_once))
    known = await house.db.fetch("SELECT provider_id FROM message WHERE provider_id LIKE $1", f"SM{seed}-%")
    assert sorted(row["provider_id"] for row in known) == sorted(sid for sid, _, _ in told)
    for address in {address for _, _, address in told}:
        index = house.keyring.contact_index("phone", address)
        found = "SELECT count(*) FROM conversation WHERE address_index = $1 AND state <> 'closed'"
        assert await house.db.fetchval(found, index) <= 1
        suppressed = "SELECT count(*) FROM suppression WHERE address_index = $1"
        assert await house.db.fetchval(suppressed, index) <= 1
