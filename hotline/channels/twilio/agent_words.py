"""What callers who wait and agents who are rung by Twilio hear, beside the flows, by language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from twilio.twiml.voice_response import Gather, VoiceResponse

from hotline.channels.twilio.voices import voice_of

Texts = Mapping[str, str]

NEXT: Final[Texts] = {"en": "You are the next caller.", "zh": "您是下一位。"}
PLACE: Final[Texts] = {"en": "You are number {n} in the queue.", "zh": "您在队列中排第 {n} 位。"}
MANY: Final[Texts] = {"en": "Many callers are waiting before you.", "zh": "您前面有较多来电在等待。"}
OFFER_CALLBACK: Final[Texts] = {
    "en": "To be called back instead of waiting, press 1.",
    "zh": "如不想等待,请按 1,我们会给您回电。",
}
WILL_CALL_BACK: Final[Texts] = {
    "en": "Thank you. We will call you back at the number that you are calling from. Goodbye.",
    "zh": "谢谢,我们会拨打您的来电号码给您回电。再见。",
}
ACCEPT: Final[Texts] = {"en": "A call for you. Press 1 to take it.", "zh": "您有来电,请按 1 接听。"}
ACCEPT_KNOWN: Final[Texts] = {
    "en": "A call for you: {kind}. Press 1 to take it.",
    "zh": "您有来电:{kind}。请按 1 接听。",
}
CONNECTING: Final[Texts] = {"en": "{who}.", "zh": "{who}。"}
GONE: Final[Texts] = {
    "en": "The call was taken by somebody else, or the caller hung up. Goodbye.",
    "zh": "该来电已由他人接听或来电者已挂断。再见。",
}
UNREACHABLE: Final[Texts] = {
    "en": "The other side could not be reached. Goodbye.",
    "zh": "无法接通对方。再见。",
}
NOBODY: Final[Texts] = {
    "en": "We are sorry, nobody can take your call at the moment. Please call again later.",
    "zh": "很抱歉,目前无人可以接听您的电话,请稍后再拨。",
}
KINDS: Final[Mapping[str, Texts]] = {
    "consultation": {"en": "consultation", "zh": "咨询"},
    "complaint": {"en": "complaint", "zh": "投诉"},
    "service_request": {"en": "service request", "zh": "服务请求"},
}
#: Beyond this a caller hears that many are waiting, not how many.
MOST_POSITION: Final = 20


def text_of(texts: Texts, language: str, **values: str) -> str:
    """The words in a language, else in English, filled in."""
    found = texts.get(language) or texts.get(language.partition("-")[0]) or texts["en"]
    return found.format(**values)


def say(into: VoiceResponse | Gather, text: str, language: str, voices: Mapping[str, str]) -> None:
    """Let a text be read."""
    voice = voice_of(language, voices)
    into.say(text, **({} if voice is None else {"voice": voice.name, "language": voice.language or None}))


def position(n: int, language: str) -> str:
    """A caller's place, 1 being the next."""
    return text_of(NEXT if n <= 1 else MANY if n > MOST_POSITION else PLACE, language, n=str(n))
