"""What came while nobody listened is taken over once; messages whose fate nobody knew are found."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hotline.channels.errors import ChannelError
from hotline.channels.twilio.messages import TwilioMessage
from hotline.clock import utc_now
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.simulator.twilio import Fault
from hotline.workflows.conversations.message_files import fetch_waiting
from hotline.workflows.conversations.messages import Received
from hotline.workflows.conversations.replies import NewReply, send
from hotline.workflows.house import House
from hotline.workflows.twilio.catch_up import catch_up
from hotline.workflows.twilio.twilio_messages import take
from tests.fakes.twilio import NUMBER, FakeTwilio, TwilioDoor
from tests.integration.twilio.writing import ANNA, conversations, count, messages, send_all

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


async def test_what_was_missed_is_taken_over_once(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> None:
    await twilio.messages.write(ANNA, NUMBER, "Before hotline was there", tell=False)
    assert await catch_up(house) == {}, "the first look only notes when it was"
    await twilio.messages.write(ANNA, NUMBER, "Somebody there?", tell=False)
    await twilio.messages.write(ANNA, NUMBER, "Look", [("image/png", PNG)], tell=False)
    heard = await twilio.messages.write(ANNA, NUMBER, "Heard")
    await twilio.messages.write(f"whatsapp:{ANNA}", f"whatsapp:{NUMBER}", "STOP", tell=False)
    house.clock = lambda: utc_now() + timedelta(minutes=5)
    twilio.fails(Fault(503))
    with pytest.raises(ChannelError):
        await catch_up(house)
    found = await catch_up(house)
    assert found["messages"] == 4
    assert (await catch_up(house))["messages"] == 0
    first, second = sorted(await conversations(house), key=lambda each: each.channel)
    bodies = [each.body for each in await messages(house, first.id) if each.direction == "in"]
    assert sorted(bodies) == ["Before hotline was there", "Heard", "Look", "Somebody there?"]
    assert await count(house, "message", f"provider_id = '{heard.sid}'") == 1
    assert (second.channel, second.state) == ("whatsapp", "closed")
    assert await count(house, "suppression") == 1
    # Its webhook comes after all: nothing new, and no answer a second time.
    await twilio.messages.tell(next(each for each in twilio.messages.all.values() if each.body == "Look"))
    assert await count(house, "message", "direction = 'in'") == 5
    while await fetch_waiting(house):
        pass
    files = [each.state for message in await messages(house, first.id) for each in message.files]
    assert files == ["kept"]


async def test_more_than_one_look_takes_over_comes_with_the_next_ones_in_its_order(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotline.workflows.twilio.catch_up.MOST", 3)
    monkeypatch.setattr("hotline.channels.twilio.client.MOST", 2)
    await catch_up(house)
    words = ["One", "STOP", "Two", "START", "Three", "Four", "Five", "STOP", "START"]
    for word in words:
        await twilio.messages.write(ANNA, NUMBER, word, tell=False)
    house.clock = lambda: utc_now() + timedelta(minutes=5)
    looks = []
    for fault in (None, Fault(503), None, None):
        if fault is not None:
            twilio.fails(fault)
            with pytest.raises(ChannelError):
                await catch_up(house)
            continue
        found = await catch_up(house)
        looks.append((found["messages"], found["left"]))
    assert looks == [(3, 6), (3, 3), (3, 0)]
    sids = [each.sid for each in twilio.messages.all.values() if each.direction == "inbound"]
    rows = await house.db.fetch("SELECT provider_id FROM message WHERE direction = 'in' ORDER BY id")
    assert [row["provider_id"] for row in rows] == sids, "in the order in which it was written"
    assert await count(house, "suppression", "lifted_at IS NULL") == 0, "START came after STOP"
    assert await catch_up(house) == {}


async def test_one_that_cannot_be_taken_over_keeps_nothing_back(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await catch_up(house) == {}
    await twilio.messages.write(ANNA, NUMBER, "Its picture was deleted at Twilio", [("image/png", PNG)], tell=False)
    await twilio.messages.write(ANNA, NUMBER, "Broken", tell=False)
    await twilio.messages.write(ANNA, NUMBER, "Somebody there?", tell=False)
    house.clock = lambda: utc_now() + timedelta(minutes=5)

    async def brittle(house: House, uow: UnitOfWork, message: TwilioMessage, *, at_once: bool) -> Received:
        assert message.body != "Broken"
        return await take(house, uow, message, at_once=at_once)

    monkeypatch.setattr("hotline.workflows.twilio.catch_up.take", brittle)
    twilio.fails(Fault(404, 20404, path="/Media"))
    found = await catch_up(house)
    assert (found["messages"], found["failed"]) == (2, 1)
    (conversation,) = await conversations(house)
    bodies = {each.body for each in await messages(house, conversation.id) if each.direction == "in"}
    assert bodies == {"Its picture was deleted at Twilio", "Somebody there?"}


async def test_the_fate_of_what_nobody_knew_is_found_in_the_list(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    await catch_up(house)
    await twilio.messages.write(ANNA, NUMBER, "Where is it?")
    (conversation,) = await conversations(house)
    twilio.hold("/messages/status")
    twilio.fails(Fault(500, done=True))
    lost = await send(house, SYSTEM, conversation.id, NewReply("On its way"))
    await send_all(house)
    twilio.fails(Fault(500))
    never = await send(house, SYSTEM, conversation.id, NewReply("Really"))
    await send_all(house)
    await twilio.wait_for(lambda: len(twilio.held) == 2)
    found = await catch_up(house)
    assert found["resolved"] == 1
    states = {each.id: each.state for each in await messages(house, conversation.id)}
    assert (states[lost.id], states[never.id]) == ("delivered", "unknown")
    assert len([each for each in twilio.messages.all.values() if each.body == "On its way"]) == 1


async def test_callers_who_reached_nobody_are_called_back(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    await catch_up(house)
    for number in twilio.numbers.values():
        number.webhooks.clear()  # nobody answers Twilio
    line = twilio.call(ANNA, NUMBER)
    await twilio.wait_for(line.over.is_set)
    house.clock = lambda: utc_now() + timedelta(minutes=5)
    twilio.fails(Fault(503, path="/Messages"))
    with pytest.raises(ChannelError):
        await catch_up(house)
    assert await count(house, "call") == 1, "one list that cannot be read keeps no other back"
    assert (await catch_up(house))["calls"] == 0
    call = await house.db.fetchrow("SELECT * FROM call")
    assert call is not None
    assert (call["pbx"], call["state"], call["direction"]) == ("twilio", "ended", "in")
