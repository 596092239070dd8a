"""The plugin that looks at every document (tests/house/twiml.py) sees the wrong ones."""

from __future__ import annotations

from twilio.twiml.voice_response import VoiceResponse

from tests.fakes.twilio import document_problems
from tests.house import twiml


def test_a_wrong_document_is_seen_and_a_right_one_is_not() -> None:
    right = VoiceResponse()
    right.say("Hello", language="en-US")
    str(right)
    assert twiml._problems == []
    wrong = VoiceResponse()
    wrong.say("Hello", loop="often")
    str(wrong)
    assert len(twiml._problems) == 1
    twiml._problems.clear()


def test_a_document_for_messages_is_none_for_calls() -> None:
    assert document_problems("<Response><Message>Hi</Message></Response>", "messaging") == []
    assert document_problems("<Response><Message>Hi</Message></Response>", "voice") != []
    assert document_problems("<Response><Redirect>/x</Redirect></Response>", "voice") == []
    assert document_problems("<Response/>", "messaging") == []
    assert document_problems("<Response><Say>", "voice") != []
