"""What customers write by SMS and WhatsApp, through the door: kept once, in the right place, with the right answer."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

from defusedxml.ElementTree import fromstring

from hotline.clock import utc_now
from hotline.conversations.auto_answer import MOST_ANSWERS
from hotline.crm import company
from hotline.crm.commands.consent.consents import grant
from hotline.crm.commands.consent.opt_outs import opt_out
from hotline.crm.viewer import SYSTEM
from hotline.workflows.company.company import put
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets import change_ticket
from tests.fakes.twilio import NUMBER, FakeTwilio, TwilioDoor
from tests.integration.twilio.writing import ANNA, conversations, count, customer, messages, send_all
from tests.material import real_file


def said(document: str) -> list[str]:
    """The messages that a document answers with."""
    return ["".join(each.itertext()) for each in fromstring(document).iter("Message")]


def sms(body: str, sid: str = "SM" + "1" * 32, from_: str = ANNA, **more: str) -> dict[str, str]:
    return {"MessageSid": sid, "From": from_, "To": NUMBER, "Body": body, "NumMedia": "0", **more}


async def test_a_customer_writes_and_has_a_ticket(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> None:
    anna = await customer(house, "Anna", ANNA)
    await twilio.messages.write(ANNA, NUMBER, "This is the third time my invoice is wrong. I want to complain!")
    (conversation,) = await conversations(house)
    assert (conversation.customer_id, conversation.state, conversation.channel) == (anna, "open", "sms")
    assert conversation.unanswered_since is not None
    ticket = await house.db.fetchrow("SELECT * FROM ticket")
    assert ticket is not None
    assert (ticket["kind"], ticket["kind_by"], ticket["source"]) == ("complaint", "triage", "sms")
    assert ticket["customer_id"] == anna
    assert ticket["first_response_due"] is not None
    (answer,) = twilio.messages.received
    assert f"T{ticket['number']}" in answer.body
    written = await messages(house, conversation.id)
    assert [(each.direction, each.kind) for each in written] == [("in", "message"), ("out", "auto")]
    assert written[0].extra["triage"]["kind"] == "complaint"
    assert written[0].extra["triage"]["words"]
    # The next one joins what there is, and is answered by nobody a second time.
    await twilio.messages.write(ANNA, NUMBER, "And nobody calls me back.")
    assert await count(house, "conversation") == await count(house, "ticket") == 1
    assert len(twilio.messages.received) == 1
    types = [row["type"] for row in await house.db.fetch("SELECT type FROM outbox ORDER BY at, id")]
    assert types.count("message.received") == 2
    assert types.count("conversation.created") == 1


async def test_what_says_nothing_belongs_to_what_is_open(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    await customer(house, "Anna", ANNA)
    await twilio.messages.write(ANNA, NUMBER, "I want to complain, this is the worst service ever!")
    for text in ("", "ok", "👍"):
        await twilio.messages.write(f"whatsapp:{ANNA}", f"whatsapp:{NUMBER}", text, [("image/png", b"x")])
    assert len(await conversations(house)) == 2
    assert await count(house, "ticket") == 1


async def test_twenty_at_once_are_one(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> None:
    answers = await asyncio.gather(
        *(twilio_door.post("/messages", sms("Hello?"), idempotency="token-1") for _ in range(10)),
        *(twilio_door.post("/messages/fallback", sms("Hello?"), idempotency=f"other-{n}") for n in range(10)),
    )
    documents = {await answer.text() for answer in answers}
    assert {answer.status for answer in answers} == {200}
    assert len(documents) == 1
    assert len(said(documents.pop())) == 1
    assert await count(house, "message", "direction = 'in'") == await count(house, "ticket") == 1
    assert await count(house, "message", "kind = 'auto'") == 1


async def test_two_first_messages_at_once_open_one_conversation(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    await asyncio.gather(
        *(twilio_door.post("/messages", sms(f"Part {n}", sid=f"SM{n:032}"), idempotency=f"t{n}") for n in range(6))
    )
    assert await count(house, "conversation") == await count(house, "ticket") == 1
    assert await count(house, "message", "direction = 'in'") == 6
    assert await count(house, "message", "kind = 'auto'") == 1


async def test_stop_is_answered_once_and_holds(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> None:
    for place, word in enumerate(("STOP", "退订", "opt out")):
        from_ = f"+1415555020{place}"
        first = await twilio_door.post("/messages", sms(word, f"SM{place}" + "1" * 31, from_))
        assert len(said(await first.text())) == 1
        again = await twilio_door.post("/messages", sms(word, f"SM{place}" + "2" * 31, from_))
        assert said(await again.text()) == []
        assert await count(house, "suppression", "reason = 'opt_out' AND lifted_at IS NULL") == 1
        lifted = await twilio_door.post("/messages", sms("START", f"SM{place}" + "3" * 31, from_))
        assert len(said(await lifted.text())) == 1
        assert await count(house, "suppression", "lifted_at IS NULL") == 0
    assert await count(house, "ticket") == 0
    assert {each.state for each in await conversations(house)} == {"closed"}


async def test_rule_08_yes_to_a_colleague_agrees_to_no_marketing(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    anna, index = await customer(house, "Anna", ANNA), house.keyring.contact_index("phone", ANNA)
    async with house.unit(SYSTEM) as uow:
        await grant(uow, anna, "sms", "marketing", source="form", wording="News, yes", at=uow.now - timedelta(days=1))
        await opt_out(uow, "sms", index, source="link", purpose="marketing")
    await twilio_door.post("/messages", sms("Yes"))
    assert await count(house, "consent", "state = 'granted'") == 0
    assert await count(house, "suppression", "lifted_at IS NULL AND purpose = 'marketing'") == 1
    await twilio_door.post("/messages", sms("START", "SM" + "9" * 32))
    assert await count(house, "consent", "state = 'granted' AND purpose = 'marketing'") == 1
    assert await count(house, "suppression", "lifted_at IS NULL") == 0


async def test_words_in_a_sentence_are_no_words(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> None:
    for place, body in enumerate(["don't start", "please stop calling me", "yes", "I need help", "stop it"]):
        await twilio_door.post("/messages", sms(body, sid=f"SM{place:032}"))
    assert await count(house, "suppression") == 0
    assert await count(house, "message", "direction = 'in'") == 5
    assert await count(house, "ticket") == 1


async def test_help_tells_who_and_how(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> None:
    await put(house, SYSTEM, company.Company(name="Northwind", phone="+1 500 555 0006", email="help@northwind.example"))
    (answer,) = said(await (await twilio_door.post("/messages", sms("HELP"))).text())
    for part in ("Northwind", "+1 500 555 0006", "help@northwind.example", "rates", "STOP"):
        assert part in answer
    assert await count(house, "ticket") == 0


async def test_what_twilio_answered_itself_is_not_answered_again(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    answer = await twilio_door.post("/messages", sms("STOP", OptOutType="STOP"))
    assert said(await answer.text()) == []
    assert await count(house, "suppression", "lifted_at IS NULL") == 1


async def test_a_shared_number_asks_the_agent(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> None:
    both = {await customer(house, name, ANNA) for name in ("Anna", "Bert")}
    await twilio_door.post("/messages", sms("Where is my parcel?"))
    (conversation,) = await conversations(house)
    assert conversation.customer_id is None
    assert {each.id for each in conversation.candidates} == both
    assert await house.db.fetchval("SELECT customer_id FROM ticket") is None


async def test_after_a_closed_ticket_comes_one_that_points_back(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    await twilio_door.post("/messages", sms("My router is broken"))
    old = await house.db.fetchval("SELECT id FROM ticket")
    await change_ticket(house, SYSTEM, old, {"state": "resolved"})
    await twilio_door.post("/messages", sms("Still broken", sid="SM" + "2" * 32))
    assert await house.db.fetchval("SELECT state FROM ticket WHERE id = $1", old) == "open", "soon enough: opened again"
    await change_ticket(house, SYSTEM, old, {"state": "resolved"})
    await change_ticket(house, SYSTEM, old, {"state": "closed"})
    await house.db.execute("UPDATE conversation SET state = 'closed', closed_at = now()")
    await twilio_door.post("/messages", sms("Broken again", sid="SM" + "3" * 32))
    assert await house.db.fetchval("SELECT state FROM ticket WHERE id = $1", old) == "closed"
    new = await house.db.fetchrow("SELECT * FROM ticket WHERE follows_id = $1", old)
    assert new is not None
    first, second = await conversations(house)
    assert await house.db.fetchval("SELECT follows_id FROM conversation WHERE id = $1", second.id) == first.id
    assert await house.db.fetchval("SELECT ticket_id FROM conversation WHERE id = $1", second.id) == new["id"]


async def test_two_machines_do_not_talk_for_ever(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> None:
    """A machine that answers everything is answered once, in whatever conversation it goes on."""
    for place in range(8):
        await twilio_door.post("/messages", sms(f"Thank you! We are away. ({place})", sid=f"SM{place:032}"))
        await house.db.execute("UPDATE conversation SET state = 'closed', closed_at = now()")
    assert await count(house, "message", "kind = 'auto'") == 1
    house.clock = lambda: utc_now() + timedelta(hours=25)
    await twilio_door.post("/messages", sms("A new day", sid="SM" + "9" * 32))
    assert await count(house, "message", "kind = 'auto'") == 2


async def test_each_conversation_is_answered_and_nobody_too_often(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    for place in range(5):
        await twilio_door.post("/messages", sms("Where is it?", sid=f"SM{place:032}", To=f"+1500555{place:04}"))
    assert (await count(house, "conversation"), await count(house, "ticket")) == (5, 5)
    assert await count(house, "message", "kind = 'auto'") == MOST_ANSWERS
    await customer(house, "Bert", "+14155550102")
    await twilio_door.post("/messages", sms("My router is broken", "SM" + "8" * 32, "+14155550102"))
    form = sms("Still broken", "SM" + "9" * 32, "whatsapp:+14155550102", To=f"whatsapp:{NUMBER}")
    assert said(await (await twilio_door.post("/messages", form)).text()) == [], "the same person, the same ticket"
    assert (await count(house, "conversation"), await count(house, "ticket")) == (7, 6)


async def test_answers_in_the_customers_language(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> None:
    await customer(house, "王芳", "+8613912340412", locale="zh-CN")
    for sid, from_, body in (("1", "+8613912340412", "hello"), ("2", "+8613912340413", "我的宽带坏了")):
        (answer,) = said(await (await twilio_door.post("/messages", sms(body, "SM" + sid * 32, from_))).text())
        assert "工单" in answer


async def test_a_place_a_button_and_a_name(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> None:
    await twilio_door.post(
        "/messages",
        {
            "MessageSid": "SM" + "4" * 32, "From": f"whatsapp:{ANNA}", "To": f"whatsapp:{NUMBER}", "Body": "",
            "MessageType": "location", "Latitude": "12.16", "Longitude": "75.26", "Label": "Home",
            "ProfileName": "Anna \u202e<b>", "NumMedia": "0",
        },
    )  # fmt: skip
    (conversation,) = await conversations(house)
    assert (conversation.channel, conversation.name) == ("whatsapp", "Anna <b>")
    (message, _) = await messages(house, conversation.id)
    assert message.extra["place"] == {"latitude": "12.16", "longitude": "75.26", "label": "Home"}


async def test_recorded_payloads(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> None:
    """Each from another address, for they all are of the same."""
    lines = map(json.loads, real_file("twilio/payloads.jsonl").read_text().splitlines())
    payloads: list[dict[str, Any]] = [each for each in lines if not each["kind"].endswith("status")]
    assert len(payloads) > 6
    for place, payload in enumerate(payloads):
        params = dict(payload["params"]) | {"AccountSid": twilio.account_sid, "SmsSid": f"SM{place:032}"}
        params["From"] = f"+1415555030{place}"
        answer = await twilio_door.post("/messages", params)
        assert answer.status == 200, payload["id"]
        conversation = (await conversations(house))[place]
        message = (await messages(house, conversation.id))[0]
        expected = payload["expected"]
        if expected.get("text"):
            assert message.body == expected["text"]
        if expected.get("attachments"):
            assert len(message.files) == expected["attachments"]
        assert bool(message.extra.get("place")) is bool(expected.get("location"))
        if payload["id"] == "chatwoot-profile-name":
            assert conversation.name == expected["contact_name"]


async def test_nothing_is_in_the_clear(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> None:
    await twilio_door.post("/messages", sms("my secret words", ProfileName="Zaphod"))
    for table in ("conversation", "message", "outbox", "audit_entry", "ticket", "webhook_claim"):
        rows = await house.db.fetch(f"SELECT t::text AS row FROM {table} t")
        text = "".join(row["row"] for row in rows)
        assert rows, table
        for word in ("secret words", "Zaphod", ANNA, "5550101"):
            assert word not in text, (table, word)
            assert word.encode().hex() not in text, (table, word)


async def test_a_message_without_anybody_is_answered_by_nothing(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    answer = await twilio_door.post("/messages", {"MessageSid": "SM" + "5" * 32, "Body": "?"})
    assert (answer.status, said(await answer.text())) == (200, [])
    assert await count(house, "message") == 0
    await send_all(house)
