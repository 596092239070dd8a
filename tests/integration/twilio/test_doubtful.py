"""Which of the messages that a provider lists is which of ours that nobody knew of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hotline.channels.twilio.resources import SentMessage
from hotline.clock import utc_now
from hotline.crm.commands.twilio.catch_up import InDoubt
from hotline.ids import new_id
from hotline.workflows.conversations.outgoing import give_up_lost
from hotline.workflows.house import House
from hotline.workflows.twilio.catch_up import catch_up
from hotline.workflows.twilio.doubtful import pairs
from tests.fakes.twilio import NUMBER, FakeTwilio, TwilioDoor
from tests.integration.twilio.writing import ANNA, conversations, messages

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


def ours(minutes: float = 0, body: str = "Stopped.\nReply START.") -> InDoubt:
    return InDoubt(new_id(), "sms", 0, AT + timedelta(minutes=minutes), NUMBER, "auto:stop", ANNA, body)


def theirs(sid: str, minutes: float = 0, body: str = "Stopped. Reply START.") -> SentMessage:
    at = AT + timedelta(minutes=minutes)
    return SentMessage(sid, "AC1", "delivered", "outbound-reply", NUMBER, ANNA, body, None, 1, 0, at, None)


async def test_an_answer_in_twiml_whose_callback_never_comes_is_found_in_the_list(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    await catch_up(house)
    await twilio.messages.write(ANNA, NUMBER, "Where is my parcel?")
    house.clock = lambda: utc_now() + timedelta(minutes=5)
    assert await give_up_lost(house) == 1
    assert (await catch_up(house))["resolved"] == 1
    (conversation,) = await conversations(house)
    answer = next(each for each in await messages(house, conversation.id) if each.kind == "auto")
    assert answer.state == "delivered"
    assert await give_up_lost(house) == 0
    assert (await catch_up(house))["resolved"] == 0


def test_one_that_fits_one_alone_is_it() -> None:
    first, second = ours(), ours(body="Your ticket is T10001.")
    listed = [theirs("SM1"), theirs("SM2", 0.5, "Your ticket is T10001."), theirs("SM3", 30), theirs("SM4", -2)]
    assert {(mine.id, other.sid) for mine, other in pairs([first, second], listed)} == {
        (first.id, "SM1"), (second.id, "SM2"),
    }  # fmt: skip
    elsewhere = [replace(theirs("SM1"), to="+14155550199"), replace(theirs("SM2"), from_="+14155550198")]
    assert pairs([first], elsewhere) == []
    assert pairs([first], [theirs("SM1"), theirs("SM2")]) == []


def test_the_same_words_twice_are_told_apart_by_their_order_alone() -> None:
    late, early = ours(6), ours()
    listed = [theirs("SM2", 6.1), theirs("SM1", 6)]
    assert [(mine.id, other.sid) for mine, other in pairs([late, early], listed)] == [
        (early.id, "SM1"), (late.id, "SM2"),
    ]  # fmt: skip
    assert pairs([late, early], listed[:1]) == []
