"""A flow's effects as TwiML: the other performer of ``hotline.ivr.effects``, beside FastAGI.

One document performs one step: everything that waits for nothing, then the one effect that waits, whose answer comes
back to ``action``. What is said before a question is said inside of it, so that a key stops it, as on the PBX.
https://www.twilio.com/docs/voice/twiml
"""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias
from xml.sax.saxutils import escape

from twilio.twiml import TwiML
from twilio.twiml.voice_response import Gather, VoiceResponse

from hotline.channels.twilio.voices import Voice
from hotline.ivr.effects import (
    Collect,
    Effect,
    Enqueue,
    Failed,
    HangUp,
    Input,
    Pressed,
    Prompt,
    Recorded,
    RecordMessage,
    Say,
    Tell,
    TimedOut,
    Transfer,
)
from hotline.ivr.spoken import digits_said, hints, key_said
from hotline.ivr.texts import clean

#: Most bytes of a document (Twilio: 64 kB, error 11750), with room for what ends it.
LARGEST: Final = 56_000
#: Longest recording that Twilio makes, in seconds, and longest wait for a key.
_LONGEST_RECORDING: Final = 14_400
_LONGEST_WAIT: Final = 600
#: Characters that no XML document may hold (XML 1.0 §2.2).
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KEYS: Final = frozenset("0123456789*#")
#: Stands for the address where Twilio goes on; nobody can have said it.
_ACTION: Final = f"action:{secrets.token_hex(16)}"
_QUOTE: Final = {'"': "&quot;"}
#: What stands in ``Digits`` of a recording that ended because the caller hung up.
_HUNG_UP: Final = "hangup"
#: Keys that are read of one answer.
_MOST_KEYS: Final = 64


@dataclass(frozen=True, slots=True)
class Heard:
    """How a prompt is heard: the sound at ``url``, else ``text`` read by ``voice`` (None: Twilio's default)."""

    url: str | None = None
    text: str = ""
    voice: Voice | None = None


@dataclass(frozen=True, slots=True)
class Listening:
    """How callers are understood who speak instead of pressing a key: ``language`` by the recogniser's own name."""

    language: str


@dataclass(frozen=True, slots=True)
class Ways:
    """Where Twilio goes on: ``action`` with what came of this step; the callbacks with a recording that is ready and,
    where the company wants it, its text."""

    action: str
    recordings: str
    transcripts: str | None = None


#: A verb that somebody else writes: those that hand a caller over.
Verb: TypeAlias = TwiML
#: How a prompt is heard; None when there is nothing of it.
Hear = Callable[[Prompt], Heard | None]


def render(
    effects: Sequence[Effect],
    hear: Hear,
    ways: Ways,
    *,
    listening: Listening | None = None,
    hand_over: Sequence[Verb] = (),
) -> str:
    """A step as a document; ``hand_over`` are the verbs of an Enqueue or a Transfer. Raises ValueError for effects
    that are no step, and for a LookUp, which is performed before."""
    document = _Document(hear, ways)
    before: list[Prompt] = []
    for effect in effects:
        match effect:
            case Say(keep_keys=True):
                before += effect.prompts  # with the question that follows they are one
            case Say():
                document.say(before)
                document.say(list(effect.prompts))
            case Tell():
                pass
            case Collect():
                document.collect(effect, before, listening)
                return document.text
            case RecordMessage():
                document.say(before)
                document.record(effect)
                return document.text
            case Enqueue() | Transfer():
                document.say(before)
                for verb in hand_over:
                    document.response.append(verb)
                return document.text
            case HangUp():
                document.say(before)
                document.response.hangup()
                return document.text
            case _:
                raise ValueError("an effect that this door does not perform")
    raise ValueError("a step of a flow ended with nothing to wait for")


class _Document:
    """One document while it is written."""

    def __init__(self, hear: Hear, ways: Ways) -> None:
        self.response = VoiceResponse()
        self._hear = hear
        self._ways = ways
        self._size = 0
        self._made: str | None = None

    @property
    def text(self) -> str:
        return str(self.response) if self._made is None else self._made

    def say(self, prompts: list[Prompt], into: VoiceResponse | Gather | None = None) -> None:
        """Let these be heard; empties the list."""
        for prompt in prompts:
            self._say(prompt, self.response if into is None else into)
        prompts.clear()

    def _say(self, prompt: Prompt, into: VoiceResponse | Gather) -> None:
        heard = self._within(prompt)
        if heard is not None:
            write(heard, into)

    def _within(self, prompt: Prompt) -> Heard | None:
        """How a prompt is heard, None beyond what a document may hold: of a flow that says more in one go the end is
        not heard."""
        heard = self._hear(prompt)
        if heard is None:
            return None
        self._size += len((heard.url or heard.text).encode("utf-8", "replace")) + 100
        return heard if self._size <= LARGEST else None

    def collect(self, effect: Collect, before: list[Prompt], listening: Listening | None) -> None:
        """A question: its prompts inside of it, and the way on when Twilio has heard nothing."""
        options: dict[str, Any] = {
            "input": "dtmf" if listening is None else "dtmf speech",
            "action": self._ways.action,
            "method": "POST",
            "timeout": _seconds(max(effect.first_seconds, effect.next_seconds if effect.most > 1 else 0)),
            "num_digits": effect.most,
            # Without a key that ends the input # is a key like the others.
            "finish_on_key": effect.finish if effect.most > 1 else "",
            # Else nothing would come back of silence, nor of the ending key alone.
            "action_on_empty_result": True,
        }
        if listening is not None:
            options |= {"language": listening.language, "speech_timeout": "auto"}
            if told := hints(effect.words):
                options["hints"] = _NO_XML.sub("", told)
        prompts = [*before, *effect.prompts]
        if not self.response.verbs and all(prompt.fixed for prompt in prompts):
            options["action"] = _ACTION
            heard = tuple(each for prompt in prompts if (each := self._within(prompt)) is not None)
            self._made = _question(heard, tuple(options.items())).replace(_ACTION, escape(self._ways.action, _QUOTE))
            return
        gather = self.response.gather(**options)
        self.say(prompts, gather)
        self.response.redirect(self._ways.action, method="POST")

    def record(self, effect: RecordMessage) -> None:
        """A message after a tone. Of one that is nothing but silence Twilio tells nobody and goes on here."""
        options: dict[str, Any] = {
            "action": self._ways.action,
            "method": "POST",
            "max_length": min(max(1, effect.most_seconds), _LONGEST_RECORDING),
            "timeout": _seconds(effect.silence_seconds) if effect.silence_seconds else _LONGEST_WAIT,
            "finish_on_key": effect.finish,
            "play_beep": True,
            "trim": "do-not-trim",
            "recording_status_callback": self._ways.recordings,
            "recording_status_callback_method": "POST",
            "recording_status_callback_event": "completed absent",
        }
        if self._ways.transcripts is not None:
            options |= {"transcribe": True, "transcribe_callback": self._ways.transcripts}
        self.response.record(**options)
        self.response.redirect(self._ways.action, method="POST")


def write(heard: Heard, into: VoiceResponse | Gather) -> None:
    """Let this be heard."""
    if heard.url is not None:
        into.play(heard.url)
    elif (text := _NO_XML.sub("", heard.text)).strip():
        voice = {} if heard.voice is None else {"voice": heard.voice.name, "language": heard.voice.language or None}
        into.say(text, **voice)


# Callers are asked the same few questions; only the address where Twilio goes on is another each time.
@lru_cache(maxsize=512)
def _question(heard: tuple[Heard, ...], options: tuple[tuple[str, Any], ...]) -> str:
    response = VoiceResponse()
    gather = response.gather(**dict(options))
    for each in heard:
        write(each, gather)
    response.redirect(_ACTION, method="POST")
    return str(response)


def answer(question: Collect, form: Mapping[str, str]) -> Input:
    """What came of a question: the keys that were pressed, else what was said. ``form`` is the webhook's."""
    digits = form.get("Digits", "")[:_MOST_KEYS]
    keys = "".join(key for key in digits if key in _KEYS)
    said = form.get("SpeechResult", "").strip()
    ended = bool(form.get("FinishedOnKey", ""))
    if said and not keys and not ended:
        return _understood(question, said)
    if ended or len(keys) >= max(question.least, 1):
        return Pressed(keys[: question.most])
    return TimedOut()


def _understood(question: Collect, said: str) -> Pressed:
    """What was said as keys; what means none of them is a wrong key."""
    if not question.words:
        return Pressed(digits_said(said)[:_MOST_KEYS])
    return Pressed(key_said(said, question.words) or "")


def recorded(form: Mapping[str, str]) -> Recorded | Failed:
    """What came of a RecordMessage; without a recording there was nothing but silence."""
    if "RecordingDuration" not in form:
        return Recorded(0.0)
    try:
        seconds = float(clean(form["RecordingDuration"]))
    except ValueError:
        return Failed("refused")
    return Recorded(seconds) if math.isfinite(seconds) and seconds >= 0 else Failed("refused")


def hung_up(form: Mapping[str, str]) -> bool:
    """Whether the caller is gone: they hung up while they left a message, or the call is over."""
    return form.get("Digits") == _HUNG_UP or form.get("CallStatus") in ("completed", "busy", "failed", "no-answer",
                                                                       "canceled")  # fmt: skip


def _seconds(seconds: float) -> int:
    return min(max(1, math.ceil(seconds)), _LONGEST_WAIT)
