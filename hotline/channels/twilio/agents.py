"""TwiML by which callers wait and come to an agent, and agents take calls and call out.

https://www.twilio.com/docs/voice/twiml: verbs Dial (nouns Sip, Number, Client, Queue), Enqueue, Leave, Gather, Play. A
caller of hotline's own queues waits in a Twilio queue of their own, so that an agent who accepts gets exactly them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from twilio.twiml import TwiML
from twilio.twiml.voice_response import Dial, Enqueue, VoiceResponse

from hotline.calls.twilio_phones import address
from hotline.channels.twilio import agent_words as words

#: The verbs that end a document, handing the caller over.
Verbs = tuple[TwiML, ...]

#: Longest that a SIP address with its headers may be for Twilio: 255 before, and 1,024 for the headers.
LONGEST_HEADERS: Final = 1_024
#: Seconds of music that is played in one go, and of the wait for a key when there is none.
_KEY_SECONDS: Final = 1
_ALL_EVENTS: Final = "initiated ringing answered completed"


@dataclass(frozen=True, slots=True)
class Speaking:
    """In which language, and by which voices the company chose."""

    language: str
    voices: Mapping[str, str] = field(default_factory=dict)

    def say(self, into: Any, texts: words.Texts, **values: str) -> None:
        """Let these words be heard."""
        words.say(into, words.text_of(texts, self.language, **values), self.language, self.voices)


@dataclass(frozen=True, slots=True)
class Talk:
    """What follows a conversation: ``action`` is asked for the caller's next document; with ``recordings`` the talk is
    recorded, and that address told when the recording is there."""

    action: str
    recordings: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Attributes of the verb Dial."""
        options: dict[str, Any] = {"action": self.action, "method": "POST"}
        if self.recordings is not None:
            options |= {
                "record": "record-from-answer-dual",
                "recording_status_callback": self.recordings,
                "recording_status_callback_method": "POST",
                "recording_status_callback_event": "completed absent",
            }
        return options


def sip_address(base: str, headers: Mapping[str, str]) -> str:
    """The Asterisk's address with headers that it gets in the INVITE; those that have no room are left out, the last
    ones first."""
    told: list[str] = []
    room = LONGEST_HEADERS
    for name, value in headers.items():
        pair = f"{name}={quote(value, safe='')}"
        if value and len(pair) < room:
            told.append(pair)
            room -= len(pair) + 1
    return f"{base}?{'&'.join(told)}" if told else base


def dial_asterisk(address_of_pbx: str, headers: Mapping[str, str], talk: Talk, *, seconds: int = 30) -> Verbs:
    """Send a caller on to the Asterisk, which answers at once and lets them wait."""
    dial = Dial(timeout=seconds, answer_on_bridge=True, **talk.options)
    dial.sip(sip_address(address_of_pbx, headers))
    return (dial,)


def enqueue(queue: str, action: str, wait: str) -> Verbs:
    """Let a caller wait in a Twilio queue; ``wait`` says what they hear meanwhile."""
    return (Enqueue(queue, action=action, method="POST", wait_url=wait, wait_url_method="POST"),)


def dial_phone(
    phone: str,
    talk: Talk,
    *,
    seconds: int,
    status_callback: str | None = None,
    url: str | None = None,
    caller_id: str | None = None,
    detect: str | None = None,
) -> Verbs:
    """Ring one phone: ``tel:``, ``sip:`` or ``client:``, or a bare number. ``url`` says what who answers hears before
    they are connected; ``detect`` is told whether a machine answered."""
    dial = Dial(timeout=seconds, answer_on_bridge=True, caller_id=caller_id, **talk.options)
    options: dict[str, Any] = {}
    if status_callback is not None:
        options |= {
            "status_callback": status_callback,
            "status_callback_method": "POST",
            "status_callback_event": _ALL_EVENTS,
        }
    if url is not None:
        options |= {"url": url, "method": "POST"}
    if phone.startswith("client:"):
        dial.client(phone.removeprefix("client:"), **options)
        return (dial,)
    if detect is not None:
        options |= {
            "machine_detection": "Enable",
            "amd_status_callback": detect,
            "amd_status_callback_method": "POST",
        }
    if phone.startswith(("sip:", "sips:")):
        dial.sip(phone, **options)
    else:
        dial.number(address(phone), **options)
    return (dial,)


def document(verbs: Verbs) -> str:
    """A document of these verbs alone."""
    response = VoiceResponse()
    for verb in verbs:
        response.append(verb)
    return str(response)


@dataclass(frozen=True, slots=True)
class Hold:
    """What a waiting caller hears in one round: their place when known, how they get called back, music."""

    speaking: Speaking
    music: str
    place: int | None = None
    key: str | None = None


def waiting(hold: Hold) -> str:
    """One round of waiting; Twilio asks again when it is over. Only the verbs that Twilio allows there."""
    response = VoiceResponse()
    into: Any = response
    if hold.key is not None:
        into = response.gather(
            input="dtmf", num_digits=1, timeout=_KEY_SECONDS, action=hold.key, method="POST", finish_on_key=""
        )
    if hold.place is not None:
        words.say(
            into, words.position(hold.place, hold.speaking.language), hold.speaking.language, hold.speaking.voices
        )
    if hold.key is not None:
        hold.speaking.say(into, words.OFFER_CALLBACK)
    into.play(hold.music)
    return str(response)


def leave() -> str:
    """Out of the queue: Twilio asks the Enqueue's action next."""
    response = VoiceResponse()
    response.leave()
    return str(response)


def say_and_hang_up(speaking: Speaking, texts: words.Texts) -> str:
    """Last words."""
    response = VoiceResponse()
    speaking.say(response, texts)
    response.hangup()
    return str(response)


def hang_up() -> str:
    """The end of a leg."""
    response = VoiceResponse()
    response.hangup()
    return str(response)


def ask_to_accept(speaking: Speaking, key: str, kind: str | None) -> str:
    """An agent's phone was picked up: by a person, if they press 1. Who calls is not said to a voicemail."""
    response = VoiceResponse()
    gather = response.gather(input="dtmf", num_digits=1, timeout=8, action=key, method="POST", finish_on_key="")
    if kind is not None and kind in words.KINDS:
        told = words.text_of(words.KINDS[kind], speaking.language)
        speaking.say(gather, words.ACCEPT_KNOWN, kind=told)
    else:
        speaking.say(gather, words.ACCEPT)
    response.hangup()
    return str(response)


def connect(speaking: Speaking, queue: str, talk: Talk, bridging: str, who: str | None) -> str:
    """Connect an agent with the caller who waits in ``queue``; the agent hears first who it is."""
    response = VoiceResponse()
    if who:
        speaking.say(response, words.CONNECTING, who=who)
    dial = response.dial(**talk.options)
    dial.queue(queue, url=bridging, method="POST")
    return str(response)
