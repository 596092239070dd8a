"""What agents write by SMS and WhatsApp: sent once, whatever happens, and what becomes of it told."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from hotline.channels.errors import NotConfigured
from hotline.clock import utc_now
from hotline.crm.queries.conversations.messages import get_message
from hotline.crm.queries.conversations.sender_pace import spent_by
from hotline.crm.queries.conversations.senders import get_sender
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.customers.contact_points import mask
from hotline.errors import Invalid
from hotline.jobs.outgoing import Dispatch
from hotline.simulator.twilio import Fault
from hotline.simulator.twilio.messages import Fate
from hotline.workflows.company.senders import resume_sender
from hotline.workflows.conversations.addressees import NoSender
from hotline.workflows.conversations.outgoing import Outgoing, give_up_lost, take
from hotline.workflows.conversations.replies import (
    AnsweredMeanwhile,
    NewConversation,
    NewReply,
    NotWanted,
    WindowIsClosed,
    begin,
    send,
    send_again,
)
from hotline.workflows.house import House
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.push_rates import KeptRate, set_rates
from hotline.workflows.twilio.catch_up import catch_up
from hotline.workflows.twilio.twilio_messages import status
from tests.fakes.twilio import NUMBER, FakeTwilio, TwilioDoor
from tests.integration.people import add_user
from tests.integration.twilio.writing import ANNA, conversations, count, customer, messages, send_all
from tests.waiting import until

WHATSAPP = f"whatsapp:{ANNA}"


@pytest.fixture
async def agent(house: House) -> Viewer:
    return await add_user(house, "anton")


async def asked(house: House, twilio: FakeTwilio, from_: str = ANNA, to: str = NUMBER) -> UUID:
    """Somebody wrote; the conversation."""
    await twilio.messages.write(from_, to, "Where is my parcel?")
    twilio.messages.received.clear()
    return (await conversations(house))[-1].id


async def state_of(house: House, message_id: UUID) -> tuple[str | None, str | None]:
    found = await get_message(house.db, house.keyring, SYSTEM, message_id)
    return found.state, found.error_code


async def told(house: House, twilio: FakeTwilio) -> None:
    await send_all(house)
    await twilio.quiet()


async def test_a_reply_leaves_and_arrives(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    conversation = await asked(house, twilio)
    reply = await send(house, agent, conversation, NewReply("It is on its way."))
    assert (reply.state, reply.segments, reply.encoding) == ("queued", 1, "gsm7")
    await told(house, twilio)
    assert await state_of(house, reply.id) == ("delivered", None)
    (got,) = twilio.messages.received
    assert (got.to, got.from_, got.body) == (ANNA, NUMBER, "It is on its way.")
    now = (await conversations(house))[0]
    assert now.unanswered_since is None
    assert now.assignee_id == agent.user_id
    assert now.customer_id is not None, "who was nobody is a customer now"
    made = await get_customer(house.db, house.keyring, SYSTEM, now.customer_id)
    assert (made.created_source, made.name) == ("message", mask("phone", ANNA)), "a name is seen by all"
    ticket = await house.db.fetchrow("SELECT * FROM ticket")
    assert ticket is not None
    assert (ticket["state"], ticket["assignee_id"], ticket["customer_id"]) == ("open", agent.user_id, now.customer_id)
    assert ticket["first_response_at"] is not None
    assert await count(house, "interaction", "kind = 'conversation'") == 1


async def test_callbacks_in_any_order_and_twice_end_the_same(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    conversation = await asked(house, twilio)
    twilio.messages.fates[ANNA] = Fate(("sent", "delivered", "read"))
    twilio.hold("/messages/status")
    reply = await send(house, agent, conversation, NewReply("Hello"))
    await send_all(house)
    await twilio.wait_for(lambda: len(twilio.held) == 3)
    held = list(twilio.held)
    await twilio.release(backwards=True)
    assert await state_of(house, reply.id) == ("read", None)
    twilio.held = held
    await twilio.release()
    assert await state_of(house, reply.id) == ("read", None)


async def test_what_another_account_tells_changes_nothing_and_takes_nothing_away(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    conversation = await asked(house, twilio)
    twilio.hold("/messages/status")
    reply = await send(house, agent, conversation, NewReply("Hello"))
    await send_all(house)
    before = await state_of(house, reply.id)
    sid = await house.db.fetchval("SELECT provider_id FROM message WHERE id = $1", reply.id)
    for word in ("sent", "delivered", "failed"):
        await status(house, {"MessageSid": sid, "MessageStatus": word}, {"m": str(reply.id)}, "AC" + "9" * 32, ())
    assert await state_of(house, reply.id) == before
    await twilio.wait_for(lambda: len(twilio.held) == 2)
    await twilio.release()
    assert await state_of(house, reply.id) == ("delivered", None)
    # Nor of one of which nobody knows its name there.
    twilio.fails(Fault(500))
    lost = await send(house, agent, conversation, NewReply("Hello?"))
    await send_all(house)
    form = {"MessageSid": "SM" + "7" * 32, "MessageStatus": "delivered"}
    await house.db.execute("UPDATE sender SET account_sid = $1", twilio.account_sid)
    await status(house, form, {"m": str(lost.id)}, "AC" + "9" * 32, ())
    assert (await state_of(house, lost.id))[0] == "unknown"
    await status(house, form, {"m": str(lost.id)}, twilio.account_sid, ())
    assert (await state_of(house, lost.id))[0] == "delivered"


async def test_two_agents_do_not_answer_the_same(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    conversation = await asked(house, twilio)
    seen = (await messages(house, conversation))[-1].id
    berta, boss = await add_user(house, "berta"), await add_user(house, "boss", "supervisor")
    first, second = await asyncio.gather(
        *(send(house, who, conversation, NewReply("Hi", seen=seen)) for who in (agent, berta)), return_exceptions=True
    )
    assert [type(each) for each in (first, second)].count(AnsweredMeanwhile) == 1
    with pytest.raises(AnsweredMeanwhile):
        await send(house, boss, conversation, NewReply("Hi", seen=seen))
    await send(house, boss, conversation, NewReply("Hi", seen=seen, force=True))
    key = ("key", b"fingerprint")
    same = [await send(house, boss, conversation, NewReply("Once"), key) for _ in range(2)]
    assert same[0].id == same[1].id


async def test_a_note_never_leaves(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer) -> None:
    conversation = await asked(house, twilio)
    note = await send(house, agent, conversation, NewReply("She is angry", note=True))
    assert (note.kind, note.state) == ("note", None)
    await told(house, twilio)
    assert twilio.messages.received == []


async def test_whatsapp_after_a_day_takes_a_template_only(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    conversation = await asked(house, twilio, WHATSAPP, f"whatsapp:{NUMBER}")
    reply = await send(house, agent, conversation, NewReply("In time"))
    await told(house, twilio)
    assert (await state_of(house, reply.id))[0] == "delivered"
    late = await send(house, agent, conversation, NewReply("Written in time, sent too late"))
    house.clock = lambda: utc_now() + timedelta(hours=24)
    with pytest.raises(WindowIsClosed):
        await send(house, agent, conversation, NewReply("Too late"))
    await told(house, twilio)
    assert await state_of(house, late.id) == ("permanent_failure", "63016")
    sid = "HX" + "a" * 32
    for wrong in (NewReply("x", template="HX1"), NewReply("x", template=sid, variables={"1": "  "})):
        with pytest.raises(Invalid):
            await send(house, agent, conversation, wrong)
    await send(house, agent, conversation, NewReply("Hello Anna", template=sid, variables={"1": "Anna"}))
    await told(house, twilio)
    sent = twilio.messages.received[-1]
    assert (sent.to, sent.body or "") == (WHATSAPP, "")


async def test_who_stopped_is_written_nothing(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    conversation = await asked(house, twilio)
    waiting = await send(house, agent, conversation, NewReply("One moment"))
    await twilio.messages.write(ANNA, NUMBER, "STOP")
    twilio.messages.received.clear()
    await told(house, twilio)
    assert (await state_of(house, waiting.id))[0] == "suppressed"
    assert twilio.messages.received == []
    for force in (False, True):
        with pytest.raises(NotWanted):
            await send(house, agent, conversation, NewReply("But", force=force))
    await twilio.messages.write(ANNA, NUMBER, "UNSTOP")
    await send(house, agent, conversation, NewReply("Welcome back"))
    await told(house, twilio)
    assert twilio.messages.received[-1].body == "Welcome back"


#: Code, what becomes of the message, why nothing more goes there, and whether nothing more leaves from the sender.
REFUSED = [
    (21610, "suppressed", "opt_out", 0),
    (21211, "permanent_failure", "invalid", 0),
    (21611, "queued", None, 0),
    (30007, "permanent_failure", None, 0),
    (63016, "permanent_failure", None, 0),
    (99999, "permanent_failure", None, 0),
    (30032, "queued", None, 1),
]


async def test_refused_at_once(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer) -> None:
    for place, (code, state, reason, paused) in enumerate(REFUSED):
        address = f"+1415555040{place}"
        conversation = await asked(house, twilio, address)
        twilio.messages.fates[address] = Fate(refused=code)
        reply = await send(house, agent, conversation, NewReply("Hello"))
        await told(house, twilio)
        assert await state_of(house, reply.id) == (state, str(code))
        index = house.keyring.contact_index("phone", address)
        assert await house.db.fetchval("SELECT reason FROM suppression WHERE address_index = $1", index) == reason
        assert await count(house, "sender_pause") == paused, code
    waiting = await send(house, agent, await asked(house, twilio), NewReply("Not from here"))
    await told(house, twilio)
    assert await state_of(house, waiting.id) == ("queued", None)
    sender = await house.db.fetchval("SELECT sender_id FROM sender_pause")
    assert (await get_sender(house.db, SYSTEM, sender)).paused == "30032"
    assert (await resume_sender(house, SYSTEM, sender)).paused is None
    await told(house, twilio)
    assert (await state_of(house, waiting.id))[0] == "delivered"


async def test_failed_on_the_way(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer) -> None:
    for place, (code, state, reason) in enumerate(
        [(30005, "permanent_failure", "invalid"), (21610, "suppressed", "opt_out"), (30003, "queued", None)]
    ):
        address = f"+1415555050{place}"
        conversation = await asked(house, twilio, address)
        twilio.messages.fates[address] = Fate(("sent", "undelivered"), code)
        reply = await send(house, agent, conversation, NewReply("Hello"))
        await told(house, twilio)
        assert await state_of(house, reply.id) == (state, str(code))
        index = house.keyring.contact_index("phone", address)
        assert await house.db.fetchval("SELECT reason FROM suppression WHERE address_index = $1", index) == reason
    for _ in range(5):  # a few times more, and then no more
        await house.db.execute("UPDATE message SET send_at = now() WHERE state = 'queued'")
        await told(house, twilio)
    assert (await state_of(house, reply.id))[0] == "expired"
    assert await house.db.fetchval("SELECT attempts FROM message WHERE id = $1", reply.id) == 3


async def test_slowed_down_it_waits_as_long_as_twilio_says(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    conversation = await asked(house, twilio)
    twilio.fails(Fault(429, 20429, retry_after=120))
    reply = await send(house, agent, conversation, NewReply("Hello"))
    await told(house, twilio)
    assert (await state_of(house, reply.id))[0] == "queued"
    due = await house.db.fetchval("SELECT send_at - now() FROM message WHERE id = $1", reply.id)
    assert timedelta(seconds=60) < due <= timedelta(seconds=120)
    await house.db.execute("UPDATE message SET send_at = now()  WHERE state = 'queued'")
    await told(house, twilio)
    assert (await state_of(house, reply.id))[0] == "delivered"
    assert len(twilio.messages.received) == 1


async def test_what_waits_for_another_try_is_not_overtaken(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    conversation = await asked(house, twilio)
    await catch_up(house)
    twilio.fails(Fault(429, 20429, retry_after=900))
    await send(house, agent, conversation, NewReply("First"))
    await told(house, twilio)
    for body in ("Second", "Third"):
        await send(house, agent, conversation, NewReply(body))
    await told(house, twilio)
    assert twilio.messages.received == []
    # What nobody may be kept waiting for waits for nobody.
    await twilio.messages.write(ANNA, NUMBER, "HELP", tell=False)
    house.clock = lambda: utc_now() + timedelta(minutes=2)
    await catch_up(house)
    await told(house, twilio)
    assert ["STOP" in each.body for each in twilio.messages.received] == [True]
    # Also in the conversation that goes on from it.
    await house.db.execute("UPDATE conversation SET state = 'closed', closed_at = now()")
    await asked(house, twilio)
    follower = (await conversations(house))[-1].id
    assert follower != conversation
    await send(house, agent, follower, NewReply("Fourth"))
    await told(house, twilio)
    assert twilio.messages.received == []
    house.clock = lambda: utc_now() + timedelta(minutes=20)
    await told(house, twilio)
    order = [each.body for each in twilio.messages.all.values() if each.direction == "outbound-api"]
    assert [body for body in order if "STOP" not in body] == ["First", "Second", "Third", "Fourth"]


async def test_a_sender_keeps_to_its_pace(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    await asked(house, twilio)
    sender = await house.db.fetchval("SELECT id FROM sender WHERE channel = 'sms'")
    await set_rates(house, SYSTEM, [KeptRate("sender", str(sender), 0.01, 4)])
    before = (await spent_by(house.db, SYSTEM, [sender]))[sender]
    for place in range(5):
        one = await begin(house, agent, NewConversation("sms", f"+1415555060{place}"))
        await send(house, agent, one, NewReply("Hello " + "long " * (40 if place == 0 else 0)))
    await asyncio.gather(*(Dispatch(house).drain() for _ in range(3)))
    await told(house, twilio)
    assert len(twilio.messages.received) == 3, "one of two segments, and two others"
    assert await spent_by(house.db, SYSTEM, [sender]) == {sender: before + 4}
    assert await count(house, "message", "state = 'queued' AND attempts = 0 AND send_at > now()") == 2
    assert await count(house, "message_attempt") == 3
    house.clock = lambda: utc_now() + timedelta(seconds=101)
    await told(house, twilio)
    assert len(twilio.messages.received) == 4
    house.clock = lambda: utc_now() + timedelta(hours=1)
    await told(house, twilio)
    assert len(twilio.messages.received) == 5


async def test_what_is_answered_at_once_is_of_its_senders_pace(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    conversation = await asked(house, twilio)
    sender = await house.db.fetchval("SELECT id FROM sender WHERE channel = 'sms'")
    segments = await house.db.fetchval("SELECT segments FROM message WHERE kind = 'auto'")
    assert await spent_by(house.db, SYSTEM, [sender]) == {sender: segments}, "the answer in the webhook's reply"
    await set_rates(house, SYSTEM, [KeptRate("sender", str(sender), 0.01, 4)])
    await house.db.execute("UPDATE sender_pace SET tokens = 1")
    await twilio.messages.write("+14155550777", NUMBER, "My parcel did not arrive.")
    assert await house.db.fetchval("SELECT tokens FROM sender_pace") < 1 - segments + 0.5
    await send(house, agent, conversation, NewReply("Hello"))
    await send_all(house)
    assert twilio.messages.received[-1].body != "Hello", "it waits until the answers are paid for"
    house.clock = lambda: utc_now() + timedelta(seconds=100 * (segments + 1))
    await told(house, twilio)
    assert twilio.messages.received[-1].body == "Hello"


@pytest.mark.parametrize("fault", [Fault(500, done=True), Fault(drops=True, done=True)], ids=["5xx", "dropped"])
async def test_accepted_without_an_answer_is_never_sent_twice(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer, fault: Fault
) -> None:
    conversation = await asked(house, twilio)
    twilio.hold("/messages/status")
    twilio.fails(fault)
    reply = await send(house, agent, conversation, NewReply("Hello"))
    await send_all(house)
    assert (await state_of(house, reply.id))[0] == "unknown"
    await send_all(house)
    await give_up_lost(house)
    await twilio.wait_for(lambda: len(twilio.held) == 2)
    await twilio.release()
    assert (await state_of(house, reply.id))[0] == "delivered", "the callback tells whose it is"
    assert len(twilio.messages.received) == 1


async def test_not_accepted_and_unknown_is_sent_again_by_a_person_alone(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    conversation = await asked(house, twilio)
    twilio.fails(Fault(503))
    reply = await send(house, agent, conversation, NewReply("Hello"))
    await told(house, twilio)
    house.clock = lambda: utc_now() + timedelta(hours=1)
    await told(house, twilio)
    assert (await state_of(house, reply.id))[0] == "unknown"
    assert twilio.messages.received == []
    await send_again(house, agent, reply.id)
    await told(house, twilio)
    assert (await state_of(house, reply.id))[0] == "delivered"
    assert len(twilio.messages.received) == 1


async def test_who_died_while_sending_leaves_it_unknown(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    conversation = await asked(house, twilio)
    reply = await send(house, agent, conversation, NewReply("Hello"))
    (taken,) = await take(house, ("sms",), 10)  # and here its process dies
    assert taken.body == "Hello"
    assert await take(house, ("sms",), 10) == [], "nobody else takes it"
    house.clock = lambda: utc_now() + timedelta(minutes=10)
    await give_up_lost(house)
    await told(house, twilio)
    assert (await state_of(house, reply.id))[0] == "unknown"
    assert twilio.messages.received == []


async def test_who_stops_gives_back_what_was_not_handed_over(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    await asked(house, twilio)
    for place in range(3):
        await send(
            house, agent, await begin(house, agent, NewConversation("sms", f"+1415555070{place}")), NewReply("Hi")
        )
    begun, answered = asyncio.Event(), asyncio.Event()

    async def slow(house: House, message: Outgoing) -> Accepted:
        begun.set()
        await answered.wait()
        return Accepted("SM" + "5" * 32, twilio.account_sid)

    async def given_back() -> bool:
        return await count(house, "message", "state = 'queued' AND attempts = 0 AND leased_until IS NULL") == 2

    dispatch = Dispatch(house, {"sms": slow}, at_once=1)
    assert await dispatch.take() == 3
    await begun.wait()
    stopping = house.spawn(dispatch.stop(), "stopping")
    await until(given_back)
    answered.set()
    await stopping
    assert await count(house, "message", "state = 'sent'") == await count(house, "message_attempt") == 1
    await told(house, twilio)
    assert len(twilio.messages.received) == 2


async def test_whose_turn_comes_when_its_lease_is_almost_over_waits_anew(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await asked(house, twilio)
    reply = await send(house, agent, conversation, NewReply("Hello"))
    monkeypatch.setattr("hotline.jobs.outgoing.LONGEST_SECONDS", 1_000.0)
    await told(house, twilio)
    assert (await state_of(house, reply.id))[0] == "queued"
    assert twilio.messages.received == []


async def test_several_nodes_send_each_message_once(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, agent: Viewer
) -> None:
    sender = await house.db.fetchval("SELECT id FROM sender WHERE channel = 'sms'")
    if sender is None:
        await asked(house, twilio)
    for place in range(12):
        one = await begin(house, agent, NewConversation("sms", f"+1415555{place:04}"))
        for part in ("a", "b", "c"):
            await send(house, agent, one, NewReply(f"{place}{part}"))
    await asyncio.gather(*(Dispatch(house).drain() for _ in range(4)))
    await send_all(house)
    await twilio.quiet()
    bodies = [each.body for each in twilio.messages.received]
    assert len(bodies) == 36 == len(set(bodies))
    order = [each for each in twilio.messages.all.values() if each.direction != "inbound"]
    for place in range(12):
        written = [each.body for each in order if each.body.startswith(str(place)) and each.body[:-1] == str(place)]
        assert written == sorted(written), "one after the other in a conversation"


async def test_where_nothing_can_be_sent_from(house: House, agent: Viewer) -> None:
    with pytest.raises(NoSender):
        await begin(house, agent, NewConversation("sms", ANNA))


async def test_without_twilio_it_waits(house: House, agent: Viewer) -> None:
    await house.db.execute("INSERT INTO sender (id, channel, address) VALUES ($1, 'sms', '+15005550006')", uuid4())
    anna = await customer(house, "Anna", ANNA)
    conversation = await begin(house, agent, NewConversation("sms", customer_id=anna))
    assert (await conversations(house))[0].customer_id == anna
    reply = await send(house, agent, conversation, NewReply("Hello"))
    await send_all(house)
    assert await state_of(house, reply.id) == ("queued", NotConfigured.code)
