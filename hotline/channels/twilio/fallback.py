"""What a caller hears when hotline cannot say in time what comes next: they are asked to hold and nobody hangs up on
them for a good while.

Needs no database. https://www.twilio.com/docs/voice/twiml/redirect
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import VoiceResponse

#: Tries before a caller is asked to call again.
MOST_TRIES: Final = 20
#: Seconds between two tries.
PAUSE_SECONDS: Final = 4

_HOLD: Final[Mapping[str, tuple[str, str]]] = {
    "en": ("en-US", "Please hold the line."),
    "zh": ("cmn-CN", "请稍候。"),
}
_LATER: Final[Mapping[str, tuple[str, str]]] = {
    "en": ("en-US", "We are sorry, we cannot take your call at the moment. Please call again in a few minutes."),
    "zh": ("cmn-CN", "很抱歉,我们暂时无法接听您的电话,请过几分钟再拨。"),
}


def keep_caller(again: str, tries: int, *, locale: str) -> str:
    """The TwiML for the caller's ``tries``-th try; ``again`` is where Twilio asks next."""
    response = VoiceResponse()
    if tries > MOST_TRIES:
        _say(response, _LATER, locale)
        response.hangup()
    else:
        if tries % 4 == 1:
            _say(response, _HOLD, locale)
        response.pause(length=PAUSE_SECONDS)
        response.redirect(again, method="POST")
    return str(response)


def no_message() -> str:
    """The answer to a message that asks for none."""
    return str(MessagingResponse())


def _say(response: VoiceResponse, words: Mapping[str, tuple[str, str]], locale: str) -> None:
    language, text = words.get(locale, words["en"])
    response.say(text, language=language)
