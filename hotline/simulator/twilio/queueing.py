"""Enqueue and Dial Queue of the simulated Twilio (https://www.twilio.com/docs/voice/twiml/enqueue)."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from urllib.parse import urljoin
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from hotline.simulator.twilio.line import GoOn, HangUp, Line, SentOn, Taken
from hotline.simulator.twilio.records import new_sid

#: Most waiting documents that one call is taken through.
_MOST_ROUNDS: Final = 1_000


@dataclass
class Waiting:
    """Somebody who waits in a queue."""

    line: Line
    since: float = field(default_factory=monotonic)
    #: Who took them out.
    taken_by: Line | None = None
    result: str = ""


@dataclass
class Queue:
    """One queue by its name."""

    name: str
    members: list[Waiting] = field(default_factory=list)
    most: int = 100
    sid: str = field(default_factory=lambda: new_sid("QU"))


async def enqueue(line: Line, verb: Element, base: str) -> None:
    """Wait with music until somebody takes the call; then the action, or the next verb."""
    queue = line.twilio.queue((verb.text or "").strip())
    if len(queue.members) >= queue.most:
        _left(line, verb, base, queue, "queue-full", 0)
        return
    waiting = Waiting(line)
    queue.members.append(waiting)
    line.doing = "queue"
    line.twilio.changed()
    result = "hangup"
    try:
        result = await _wait(line, verb, base, queue, waiting)
    except GoOn:
        await _told(line, verb, base, queue, "redirected", waiting)
        raise
    except HangUp:
        line.call.status = "completed"
        await _told(line, verb, base, queue, "hangup", waiting)
        raise
    finally:
        line.doing = ""
        if waiting in queue.members:
            queue.members.remove(waiting)
    _left(line, verb, base, queue, result, int(monotonic() - waiting.since))


async def _wait(line: Line, verb: Element, base: str, queue: Queue, waiting: Waiting) -> str:
    """How it ended: bridged or leave."""
    url = urljoin(base, verb.get("waitUrl", "")) if verb.get("waitUrl") else ""
    if not url:
        line.hear("music", "")
        await line.until(lambda: waiting.taken_by is not None, 14_400)
        return await _bridged(line, waiting)
    line.taken = lambda: waiting.taken_by is not None
    try:
        return await _rounds(line, url, queue, waiting)
    except Taken:
        line.taken = None
        return await _bridged(line, waiting)
    finally:
        line.taken = None


async def _rounds(line: Line, url: str, queue: Queue, waiting: Waiting) -> str:
    """What they hear, round after round. Raises Taken."""
    from hotline.simulator.twilio.verbs import Leave, perform

    step, told = url, dict[str, str]()
    for _ in range(_MOST_ROUNDS):
        line.check()
        place = queue.members.index(waiting) + 1
        params = line.params(
            QueueSid=queue.sid,
            QueueTime=str(int(monotonic() - waiting.since)),
            QueuePosition=str(place),
            AvgQueueTime="0",
            CurrentQueueSize=str(len(queue.members)),
            **told,
        )
        told = {}
        found = await line.twilio.hooks.call(step, params, kind="voice")
        line.check()
        line.waits += 1
        document = found.body if found is not None else ""
        line.documents.append(document)
        try:
            await perform(line, document or "<Response><Pause/></Response>", step)
        except Leave:
            return "leave"
        except SentOn:
            raise
        except GoOn as following:
            step, told = following.url or url, following.params
            continue
        except HangUp:
            line.check()
            if "<Hangup" in document:
                raise
            step = url  # the end of a waiting document begins it anew
        if not line.twilio.pace:
            # Music without end: the next round when a test says that time has passed, or somebody takes the call.
            rounds = line.rounds
            await line.until(lambda seen=rounds: waiting.taken_by is not None or line.rounds > seen)  # type: ignore[misc]
    return "leave"


async def _bridged(line: Line, waiting: Waiting) -> str:
    other = waiting.taken_by
    assert other is not None
    line.doing = "bridged"
    line.twilio.changed()
    try:
        await line.until(lambda: line.bridged_to is None or other.over.is_set(), 14_400)
    finally:
        line.bridged_to = None
        if other.bridged_to is line:
            other.leave_bridge()
    return "bridged"


async def dequeue(line: Line, verb: Element, noun: Element, base: str) -> tuple[str, int, str]:
    """Take the first who waits; they talk until one of them hangs up."""
    seconds = float(verb.get("timeout") or 30)
    queue = line.twilio.queue((noun.text or "").strip())
    line.twilio.watch(line)
    try:
        found = await line.until(lambda: any(each.taken_by is None for each in queue.members), seconds)
        if not found:
            return "no-answer", 0, ""
        waiting = next(each for each in queue.members if each.taken_by is None)
        other = waiting.line
        if url := noun.get("url"):
            await _whispered(line, other, urljoin(base, url), queue, waiting)
        line.bridged_to, other.bridged_to = other, line
        line.doing = "bridged"
        waiting.taken_by = line
        other._woken()
        try:
            await line.until(lambda: other.over.is_set() or line.bridged_to is None, 14_400)
        finally:
            line.bridged_to = None
            other.leave_bridge()
            recorded(line, verb, base)
        return "completed", other.call.seconds, other.call.sid
    finally:
        line.twilio.unwatch(line)


def recorded(line: Line, verb: Element, base: str) -> None:
    """A talk is over: where its Dial wants that, there is a recording of it, of the leg that dialled."""
    from hotline.simulator.twilio.verbs import tell_recording

    if (verb.get("record") or "do-not-record") == "do-not-record":
        return
    stored = line.store(b"RIFF", max(line.call.seconds, 1), "DialVerb")
    if url := verb.get("recordingStatusCallback"):
        told = {
            "RecordingSid": stored.sid,
            "RecordingUrl": line.twilio.recording_url(stored),
            "RecordingDuration": str(stored.seconds),
        }
        line.twilio.spawn(tell_recording(line, urljoin(base, url), told, "DialVerb"))


async def _whispered(line: Line, other: Line, url: str, queue: Queue, waiting: Waiting) -> None:
    """What the one who waited hears before they are connected."""
    params = other.params(
        QueueSid=queue.sid,
        QueueTime=str(int(monotonic() - waiting.since)),
        DequeingCallSid=line.call.sid,
    )
    found = await line.twilio.hooks.call(url, params, kind="voice")
    if found is not None and found.body:
        other.documents.append(found.body)
        for verb in fromstring(found.body).iter("Say"):
            other.hear("say", (verb.text or "").strip(), verb.get("language", ""))


def _left(line: Line, verb: Element, base: str, queue: Queue, result: str, seconds: int) -> None:
    if verb.get("action"):
        raise GoOn(
            urljoin(base, verb.get("action", "")),
            {"QueueResult": result, "QueueSid": queue.sid, "QueueTime": str(seconds)},
        )


async def _told(line: Line, verb: Element, base: str, queue: Queue, result: str, waiting: Waiting) -> None:
    """The action hears of the end, and nobody what it answers."""
    if verb.get("action"):
        params = line.params(QueueResult=result, QueueSid=queue.sid, QueueTime=str(int(monotonic() - waiting.since)))
        await line.twilio.hooks.call(urljoin(base, verb.get("action", "")), params, kind="voice")
