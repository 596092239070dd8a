"""The verbs of TwiML for calls, as the simulated Twilio carries them out (https://www.twilio.com/docs/voice/twiml)."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import urljoin

from defusedxml.ElementTree import fromstring

from hotline.simulator.twilio.line import GoOn, HangUp, Key, Line, Speech, Voicemail

#: Seconds that a spoken character takes, and sound whose length is not known.
_CHARACTER_SECONDS: Final = 0.06
_SOUND_SECONDS: Final = 3.0
_NO_DOCUMENT: Final = 12100
_NO_VERB: Final = 12200

Element = ElementTree.Element


async def perform(line: Line, document: str, base: str) -> None:
    """Carries out one document. Raises GoOn when another follows, HangUp at the end of the call."""
    if not document.strip():
        raise HangUp
    try:
        root = fromstring(document)
    except ElementTree.ParseError:
        line.twilio.hooks.errors.append((_NO_DOCUMENT, base))
        line.hear("say", "We are sorry, an application error has occurred. Goodbye.")
        raise HangUp from None
    if line.call.status in ("queued", "ringing") and (len(root) == 0 or root[0].tag != "Reject"):
        line.twilio.answered(line)
        await line.tell("in-progress", "answered")
    for verb in root:
        line.check()
        doer = VERBS.get(verb.tag)
        if doer is None:
            line.twilio.hooks.errors.append((_NO_VERB, verb.tag))
            continue
        await doer(line, verb, base)
    line.check()
    raise HangUp


async def say(line: Line, verb: Element, base: str) -> None:
    """Words."""
    text = " ".join("".join(verb.itertext()).split())
    for _ in range(_times(verb)):
        line.hear("say", text, verb.get("language", ""))
        await line.pass_time(len(text) * _CHARACTER_SECONDS)


async def play(line: Line, verb: Element, base: str) -> None:
    """Sound, or tones."""
    what = verb.get("digits") or urljoin(base, (verb.text or "").strip())
    for _ in range(_times(verb)):
        line.hear("play", what)
        seconds = await line.twilio.hooks.seconds_of(what) if line.twilio.pace and "/" in what else _SOUND_SECONDS
        await line.pass_time(seconds)


async def pause(line: Line, verb: Element, base: str) -> None:
    """Silence."""
    await line.pass_time(float(verb.get("length", "1")))


async def redirect(line: Line, verb: Element, base: str) -> None:
    """Another document."""
    raise GoOn(urljoin(base, (verb.text or "").strip()))


async def hangup(line: Line, verb: Element, base: str) -> None:
    """The end."""
    raise HangUp


async def reject(line: Line, verb: Element, base: str) -> None:
    """The call is not taken."""
    raise HangUp("busy" if verb.get("reason") == "busy" else "no-answer")


async def leave(line: Line, verb: Element, base: str) -> None:
    """Out of the queue; outside of one, nothing."""
    raise Leave


class Leave(Exception):
    """A waiting document ended with Leave."""


async def gather(line: Line, verb: Element, base: str) -> None:
    """A question, answered by keys or words."""
    line.doing = "gather"
    try:
        for inner in verb:
            if inner.tag in ("Say", "Play", "Pause") and not line._deeds:
                await VERBS[inner.tag](line, inner, base)
        keys, spoken = await _answer(line, verb)
    finally:
        line.doing = ""
    action = urljoin(base, verb.get("action") or base)
    if keys:
        finish = verb.get("finishOnKey", "#")
        params = {"Digits": keys.rstrip(finish) if finish and keys[-1] in finish else keys}
        if finish and keys[-1] in finish:
            params["FinishedOnKey"] = keys[-1]
        raise GoOn(action, params)
    if spoken:
        raise GoOn(action, {"SpeechResult": spoken, "Confidence": "0.91"})
    if verb.get("actionOnEmptyResult") == "true":
        raise GoOn(action, {"Digits": ""})


async def _answer(line: Line, verb: Element) -> tuple[str, str]:
    wanted = (verb.get("input") or "dtmf").split()
    most = int(verb.get("numDigits") or 0)
    finish = verb.get("finishOnKey", "#")
    timeout = verb.get("timeout", "5")
    seconds = 5.0 if timeout == "auto" else float(timeout)
    kinds = tuple(kind for name, kind in (("dtmf", Key), ("speech", Speech)) if name in wanted)
    keys = ""
    while True:
        deed = await line.deed(*kinds, seconds=seconds)
        if isinstance(deed, Speech):
            return "", deed.text
        if not isinstance(deed, Key):
            return keys, ""
        keys += deed.key
        if (most and len(keys) == most) or (finish and deed.key in finish):
            return keys, ""


async def record(line: Line, verb: Element, base: str) -> None:
    """A message after the tone."""
    line.doing = "record"
    if verb.get("playBeep") != "false":
        line.hear("beep", "")
    try:
        said = await line.deed(Voicemail, seconds=float(verb.get("maxLength") or 3600))
    finally:
        line.doing = ""
    if not isinstance(said, Voicemail):
        return  # nothing was said: the next verb
    stored = line.store(said.data, said.seconds, "RecordVerb", said.text)
    told = {
        "RecordingSid": stored.sid,
        "RecordingUrl": line.twilio.recording_url(stored),
        "RecordingDuration": str(stored.seconds),
    }
    line.twilio.spawn(_stored(line, verb.attrib, told, base))
    if said.end == "hangup":
        line.end()
        params = told | {"Digits": "hangup"}
        if verb.get("action"):
            line.call.status = "completed"
            await line.twilio.hooks.call(urljoin(base, verb.get("action", "")), line.params(**params), kind="voice")
        line.check()
    raise GoOn(urljoin(base, verb.get("action") or base), told | {"Digits": said.end})


async def _stored(line: Line, attributes: Mapping[str, str], told: Mapping[str, str], base: str) -> None:
    """Later: the recording is there, and its words."""
    if url := attributes.get("recordingStatusCallback"):
        await tell_recording(line, urljoin(base, url), told, "RecordVerb")
    if url := attributes.get("transcribeCallback"):
        text = line.twilio.recordings[told["RecordingSid"]].text
        params = line.params(
            TranscriptionSid=f"TR{told['RecordingSid'][2:]}",
            TranscriptionText=text,
            TranscriptionStatus="completed" if text else "failed",
            TranscriptionType="fast",
            RecordingSid=told["RecordingSid"],
            RecordingUrl=told["RecordingUrl"],
        )
        await line.twilio.hooks.call(urljoin(base, url), params)


async def tell_recording(line: Line, url: str, told: Mapping[str, str], source: str) -> None:
    """The callback of a recording (https://www.twilio.com/docs/voice/api/recording#recordingstatuscallback)."""
    params = dict(told) | {
        "AccountSid": line.call.account_sid,
        "CallSid": line.call.sid,
        "RecordingStatus": "completed",
        "RecordingChannels": "1",
        "RecordingSource": source,
        "ErrorCode": "0",
    }
    await line.twilio.hooks.call(url, params)


def _times(verb: Element) -> int:
    times = int(verb.get("loop") or 1)
    return 1 if times == 0 else min(times, 10)


Verb = Callable[[Line, Element, str], Awaitable[None]]


async def _dial(line: Line, verb: Element, base: str) -> None:
    from hotline.simulator.twilio.dialling import dial

    await dial(line, verb, base)


async def _enqueue(line: Line, verb: Element, base: str) -> None:
    from hotline.simulator.twilio.queueing import enqueue

    await enqueue(line, verb, base)


VERBS: Final[Mapping[str, Verb]] = {
    "Say": say,
    "Play": play,
    "Pause": pause,
    "Redirect": redirect,
    "Hangup": hangup,
    "Reject": reject,
    "Leave": leave,
    "Gather": gather,
    "Record": record,
    "Dial": _dial,
    "Enqueue": _enqueue,
}
