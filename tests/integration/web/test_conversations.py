"""Conversations through the API: lists, taking and giving, answers of two at once, notes, tickets, customers, macros,
and what events tell of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.crm.viewer import SYSTEM
from hotline.workflows.company import senders
from hotline.workflows.conversations import conversations, messages
from hotline.workflows.conversations.messages import Inbound
from tests.integration.web.conftest import Api
from tests.integration.web.test_calls import take

EMMA = "+442079460158"
NOBODY = "+33612345678"
GREETING = {"name": "Greeting", "audience": "all", "texts": {"en": "Hello {customer.name}, {ticket.reference}."}}


@pytest.fixture
async def line(api: Api) -> UUID:
    """A number for SMS and one for WhatsApp; the SMS one's id."""
    made = await senders.create_sender(api.house, SYSTEM, {"channel": "sms", "address": "+14155550100"})
    await senders.create_sender(api.house, SYSTEM, {"channel": "whatsapp", "address": "+14155550100"})
    return made.id


async def arrives(api: Api, text: str, address: str = NOBODY, *, channel: str = "sms", hours: float = 0) -> str:
    """Somebody writes to the company; the conversation's id."""
    count = await api.house.db.fetchval("SELECT count(*) FROM message")
    sender = next(each for each in (await api.get("/senders"))["items"] if each["channel"] == channel)
    inbound = Inbound(
        channel=channel, address=address, body=text, at=api.house.clock() - timedelta(hours=hours),  # type: ignore[arg-type]
        provider_id=f"SM{count:032d}", provider_account="AC1", sender_id=UUID(sender["id"]), name="Emma ✨",
    )  # fmt: skip
    async with api.house.unit(SYSTEM) as uow:
        return str((await messages.receive(api.house, uow, inbound)).conversation_id)


async def test_it_is_found_taken_answered_put_aside_and_closed(api: Api, line: UUID) -> None:
    await api.token("agent")
    async with api.events(role="agent") as blocks:
        await take(blocks, "snapshot")
        talk = await arrives(api, "Where is my parcel 4711?")
        told = await take(blocks, "conversation.created")
        assert told["conversation"]["unanswered_since"] is not None
        arrived = await take(blocks, "message.received")
        assert (arrived["message"]["body"], arrived["conversation"]["id"]) == ("Where is my parcel 4711?", talk)
        found = await api.get("/conversations?box=unassigned&sort=waiting", role="agent")
        assert [each["id"] for each in found["items"]] == [talk]
        assert (found["items"][0]["latest"]["text"], found["items"][0]["state"]) == ("Where is my parcel 4711?", "open")
        boxes = {each["box"]: each for each in (await api.get("/conversations/boxes", role="agent"))["items"]}
        assert (boxes["unassigned"]["unanswered"], boxes["mine"]["open"]) == (1, 0)
        taken = await api.post(f"/conversations/{talk}/claim", None, role="agent", status=200)
        assert taken["assignee"] == "agent"
        body = {"body": "It leaves today."}
        sent = await api.post(f"/conversations/{talk}/messages", body, role="agent")
        assert (sent["state"], sent["user"], sent["segments"]) == ("queued", "agent", 1)
        assert (await take(blocks, "message.sent"))["message"]["body"]
    view = await api.get(f"/conversations/{talk}", role="agent")
    assert view["unanswered_since"] is None
    assert view["customer"] is not None, "the first reply makes a customer of who writes"
    until = (api.house.clock() + timedelta(hours=3)).isoformat()
    aside = await api.patch(f"/conversations/{talk}", {"state": "waiting", "waiting_until": until}, role="agent")
    assert aside["state"] == "waiting"
    assert await conversations.wake_waiting(api.house) == 0
    now = api.house.clock()
    api.house.clock = lambda: now + timedelta(hours=4)
    assert await conversations.wake_waiting(api.house) == 1
    closed = await api.patch(f"/conversations/{talk}", {"state": "closed"}, role="agent")
    assert (closed["state"], closed["waiting_until"]) == ("closed", None)
    stale = await api.ask("PATCH", f"/conversations/{talk}", {"state": "open", "version": 1}, role="agent")
    assert stale.status == 409
    assert [each["id"] for each in (await api.get("/conversations?state=closed&q=4711"))["items"]] == []
    assert [each["id"] for each in (await api.get(f"/conversations?state=any&q={view['reference']}"))["items"]] == [
        talk
    ]
    assert [each["id"] for each in (await api.get("/conversations?state=any&q=%2B33612345678"))["items"]] == [talk]


async def test_two_answers_to_one_message_are_shown_to_who_had_not_seen_the_other(api: Api, line: UUID) -> None:
    talk = await arrives(api, "Hello?")
    await api.token("agent")
    [asked] = [one for one in (await api.get(f"/conversations/{talk}/messages"))["items"] if one["direction"] == "in"]
    path = f"/conversations/{talk}/messages"
    await api.post(path, {"body": "Good morning", "seen": asked["id"]})
    second = {"body": "Hello!", "seen": asked["id"]}
    refused = await api.ask("POST", path, second, role="supervisor")
    assert (refused.status, (await refused.json())["code"]) == (409, "answered_meanwhile")
    await api.post(path, second | {"force": True}, role="supervisor")
    # Sent again under one key, it is one message.
    headers = {"Idempotency-Key": "reply-1"}
    first = await (await api.ask("POST", path, {"body": "Once"}, headers=headers)).json()
    again = await (await api.ask("POST", path, {"body": "Once"}, headers=headers)).json()
    assert first["id"] == again["id"]
    # A note is nobody's answer.
    await api.post(path, {"body": "VIP", "note": True, "seen": asked["id"]}, role="supervisor")


async def test_only_supervisors_give_conversations_to_others(api: Api, line: UUID) -> None:
    talk = await arrives(api, "Hello?")
    await api.token("agent")
    await api.token("supervisor")
    await api.post(f"/conversations/{talk}/claim", None, role="supervisor", status=200)
    # Who has it is not the agent: they see it no more.
    assert (await api.ask("POST", f"/conversations/{talk}/claim", role="agent")).status == 404
    given = await api.patch(f"/conversations/{talk}", {"assignee": "agent"}, role="supervisor")
    assert given["assignee"] == "agent"
    refused = await api.ask("PATCH", f"/conversations/{talk}", {"assignee": "supervisor"}, role="agent")
    assert refused.status == 403
    released = await api.post(f"/conversations/{talk}/release", None, role="agent", status=200)
    assert (released["assignee"], released["claimed_at"]) == (None, None)


async def test_whom_an_answer_makes_a_customer_is_one_like_all_others(api: Api, line: UUID) -> None:
    talk = await arrives(api, "Hello?")
    await api.post(f"/conversations/{talk}/messages", {"body": "Hello Emma"})
    customer_id = (await api.get(f"/conversations/{talk}"))["customer_id"]
    assert (await api.get(f"/customers/{customer_id}"))["created_source"] == "message"
    assert [each["id"] for each in (await api.get("/customers"))["items"]] == [customer_id]


async def test_it_becomes_a_ticket_s_and_a_customer_s(api: Api, line: UUID) -> None:
    talk = await arrives(api, "Hello?")
    made = await api.post(f"/conversations/{talk}/customer", {"name": "Emma Clarke"})
    view = await api.get(f"/conversations/{talk}")
    assert (view["customer"]["id"], view["customer"]["name"]) == (made["id"], "Emma Clarke")
    customer = await api.get(f"/customers/{made['id']}")
    assert customer["contact_points"][0]["value"] == NOBODY
    assert (await api.ask("POST", f"/conversations/{talk}/customer", {})).status == 409
    ticket = await api.post(f"/conversations/{talk}/ticket", {"kind": "complaint", "subject": "Parcel"})
    assert ticket["customer_id"] == made["id"]
    assert (await api.get(f"/conversations/{talk}"))["ticket"]["reference"] == ticket["reference"]
    detached = await api.patch(f"/conversations/{talk}", {"ticket_id": None})
    assert detached["ticket"] is None
    found = (await api.get(f"/customers/{made['id']}/timeline"))["items"]
    [told] = [line["conversation"] for line in found if line["kind"] == "conversation"]
    assert (told["reference"], told["channel"], told["preview"]) == (view["reference"], "sms", "Hello?")


async def test_a_macro_is_filled_in_and_does_what_it_says(api: Api, line: UUID) -> None:
    talk = await arrives(api, "Hello?")
    await api.post(f"/conversations/{talk}/customer", {"name": "Emma"})
    body = GREETING | {"actions": {"kind": "complaint", "tags": ["parcel"], "state": "waiting", "assign": "me"}}
    macro = await api.post("/macros", body)
    filled = await api.get(f"/conversations/{talk}/macros/{macro['id']}")
    ticket = (await api.get(f"/conversations/{talk}"))["ticket"]
    assert (filled["text"], filled["missing"]) == (f"Hello Emma, {ticket['reference']}.", [])
    done = await api.post(f"/conversations/{talk}/macros/{macro['id']}", None, status=200)
    assert (done["skipped"], done["conversation"]["state"], done["conversation"]["assignee"]) == (
        {}, "waiting", "administrator",
    )  # fmt: skip
    assert (await api.get(f"/tickets/{ticket['id']}"))["kind"] == "complaint"
    customer = await api.get(f"/customers/{done['conversation']['customer_id']}")
    assert customer["tags"] == ["parcel"]
    assert (await api.get(f"/macros/{macro['id']}"))["used"] == 1


async def test_macros_are_one_s_own_a_team_s_or_everybody_s(api: Api) -> None:
    await api.token("agent")
    assert (await api.ask("POST", "/macros", GREETING, role="agent")).status == 403
    own = await api.post("/macros", GREETING | {"audience": "own"}, role="agent")
    shared = await api.post("/macros", GREETING)
    assert {each["id"] for each in (await api.get("/macros", role="agent"))["items"]} == {own["id"], shared["id"]}
    assert {each["id"] for each in (await api.get("/macros"))["items"]} == {shared["id"]}
    assert (await api.ask("PATCH", f"/macros/{shared['id']}", {"name": "Taken"}, role="agent")).status == 403
    assert (await api.ask("POST", "/macros", GREETING)).status == 409, "the name is taken"
    wrong = await api.ask("POST", "/macros", GREETING | {"name": "Wrong", "texts": {"en": "Dear {costumer.name}"}})
    assert (wrong.status, "costumer.name" in await wrong.text()) == (422, True)
    changed = await api.patch(f"/macros/{shared['id']}", {"texts": {"en": "Hi", "zh": "您好"}, "version": 1})
    assert changed["version"] == 2
    said = (await api.get(f"/macros/{shared['id']}/versions"))["items"]
    assert [each["texts"]["en"] for each in said] == ["Hi", GREETING["texts"]["en"]]  # type: ignore[index]
    assert (await api.ask("DELETE", f"/macros/{shared['id']}")).status == 409
    await api.post(f"/macros/{shared['id']}/archive", None, status=200)
    assert [each["id"] for each in (await api.get("/macros?archived=true"))["items"]] == [shared["id"]]
    assert (await api.ask("DELETE", f"/macros/{shared['id']}")).status == 204


async def test_outside_the_window_only_a_template_leaves(api: Api, line: UUID) -> None:
    talk = await arrives(api, "Hello?", channel="whatsapp", hours=25)
    refused = await api.ask("POST", f"/conversations/{talk}/messages", {"body": "Hi"})
    assert (refused.status, (await refused.json())["code"]) == (409, "window_closed")
    template = "HX" + "0a" * 16
    body: dict[str, Any] = GREETING | {"name": "Still there?", "texts": {"en": "Hello {customer.name}"}}
    macro = await api.post("/macros", body | {"template": template, "variables": ["customer.name"]})
    await api.post(f"/conversations/{talk}/customer", {"name": "Emma"})
    filled = await api.get(f"/conversations/{talk}/macros/{macro['id']}")
    assert (filled["template"], filled["variables"]) == (template, {"1": "Emma"})
    sent = await api.post(
        f"/conversations/{talk}/messages",
        {"body": filled["text"], "template": filled["template"], "variables": filled["variables"]},
    )
    assert (sent["template"], sent["body"]) == (template, "Hello Emma")


async def test_who_wants_no_messages_gets_none(api: Api, line: UUID) -> None:
    talk = await arrives(api, "Please stop writing to me")
    view = await api.post(f"/conversations/{talk}/suppressions", None, status=200)
    assert view["suppressed"] == ["agent"]
    refused = await api.ask("POST", f"/conversations/{talk}/messages", {"body": "Hi"})
    assert (refused.status, (await refused.json())["code"]) == (409, "suppressed")
    [row] = (await api.get("/suppressions?channel=sms&address=%2B33612345678"))["items"]
    assert (row["reason"], row["user"]) == ("agent", "administrator")
    lifted = await api.post(f"/suppressions/{row['id']}/lift", None, status=200)
    assert lifted["lifted_at"] is not None
    assert (await api.get(f"/conversations/{talk}"))["suppressed"] == []
    stopped = await arrives(api, "STOP")
    assert (await api.get(f"/conversations/{stopped}"))["suppressed"] == ["opt_out"]
    theirs = await api.ask("POST", f"/conversations/{stopped}/suppressions/lift", {"reason": "opt_out"})
    assert theirs.status == 409, "only they can start them again"


async def test_who_writes_is_told_live_and_kept_nowhere(api: Api, line: UUID) -> None:
    talk = await arrives(api, "Hello?")
    async with api.events() as blocks:
        await take(blocks, "snapshot")
        await api.post(f"/conversations/{talk}/typing", {"typing": True}, role="supervisor", status=204)
        told = await take(blocks, "conversation.typing")
        assert (told["conversation_id"], told["user_name"], told["typing"]) == (talk, "Supervisor", True)
    assert await api.house.db.fetchval("SELECT count(*) FROM outbox WHERE type = 'conversation.typing'") == 0


async def test_senders_are_named_ordered_and_switched_off(api: Api, line: UUID) -> None:
    body = {"channel": "sms", "address": "+86 138 1234 5678", "name": "China", "queue": "support"}
    made = await api.post("/senders", body)
    assert (made["address"], made["country"]) == ("+8613812345678", "CN")
    assert (await api.ask("POST", "/senders", body)).status == 409
    ids = [each["id"] for each in (await api.get("/senders"))["items"]]
    assert (await api.ask("PUT", "/senders/order", {"ids": ids[::-1]})).status == 204
    assert (await api.ask("PUT", "/senders/order", {"ids": ids[:1]})).status == 409
    off = await api.patch(f"/senders/{made['id']}", {"enabled": False, "version": made["version"] + 1})
    assert off["enabled"] is False
    assert (await api.ask("PATCH", f"/senders/{made['id']}", {"flow": "nowhere"})).status == 422
