"""Dial of the simulated Twilio: numbers, clients, SIP addresses and queues (https://www.twilio.com/docs/voice/twiml/dial).

Everybody who is dialled rings at the ``phones`` of the simulated Twilio until somebody picks up, or declines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl, urljoin
from xml.etree.ElementTree import Element

from hotline.simulator.twilio.line import Answered, GoOn, HangUp, Line, NotAnswered
from hotline.simulator.twilio.queueing import dequeue, recorded
from hotline.simulator.twilio.records import Call

_NOUNS: Final = ("Number", "Client", "Sip")
_ENDS: Final = {"busy": "busy", "failed": "failed", "canceled": "canceled"}


async def dial(line: Line, verb: Element, base: str) -> None:
    """Connect the caller; then the action, or the next verb."""
    line.doing = "dial"
    queue = verb.find("Queue")
    try:
        if queue is not None:
            status, seconds, sid = await dequeue(line, verb, queue, base)
        else:
            status, seconds, sid = await _people(line, verb, base)
    except HangUp:
        await _told_at_end(line, verb, base)
        raise
    finally:
        line.doing = ""
    if not verb.get("action"):
        return
    params = {"DialCallStatus": status, "DialCallDuration": str(seconds)}
    if sid:
        params |= {"DialCallSid": sid}
    raise GoOn(urljoin(base, verb.get("action", "")), params)


async def _told_at_end(line: Line, verb: Element, base: str) -> None:
    """The caller hung up: the action hears of it, and nobody what it answers."""
    if not verb.get("action"):
        return
    line.call.status = "completed"
    last = next((child for child in reversed(line.children) if child.call.started_at is not None), None)
    params = {"DialCallStatus": "completed" if last is not None else "no-answer"}
    if last is not None:
        params |= {"DialCallSid": last.call.sid, "DialCallDuration": str(last.call.seconds)}
    await line.twilio.hooks.call(urljoin(base, verb.get("action", "")), line.params(**params), kind="voice")


async def _people(line: Line, verb: Element, base: str) -> tuple[str, int, str]:
    """Ring all of them; the first who picks up, and accepts where there is something to accept, is connected."""
    legs = _legs(line, verb, base)
    line.hear("ring", "")
    up: asyncio.Queue[Line | None] = asyncio.Queue()
    for leg, whisper in legs:
        line.children.append(leg)
        line.twilio.spawn(_ring(leg, whisper, up))
    answered: Line | None = None
    failed: list[str] = []
    seconds = float(verb.get("timeout") or 30)

    def somebody() -> bool:
        nonlocal answered
        while not up.empty():
            found = up.get_nowait()
            answered = answered or found
        failed[:] = [leg.call.status for leg, _ in legs if leg.over.is_set()]
        return answered is not None or len(failed) == len(legs)

    line.twilio.watch(line)
    try:
        await line.until(somebody, seconds)
        for leg, _ in legs:
            if leg is not answered and not leg.over.is_set():
                leg.end("no-answer" if answered is None else "canceled")
        if answered is None:
            return _failure(failed), 0, legs[-1][0].call.sid if legs else ""
        return await _talk(line, answered, verb, base)
    finally:
        line.twilio.unwatch(line)


async def _talk(line: Line, other: Line, verb: Element, base: str) -> tuple[str, int, str]:
    """Until one of them hangs up."""
    line.bridged_to, other.bridged_to = other, line
    line.doing = other.doing = "bridged"
    line.twilio.changed()
    try:
        await line.until(lambda: other.over.is_set() or other.bridged_to is not line, 14_400)
    finally:
        line.bridged_to = None
        recorded(line, verb, base)
        if other.bridged_to is line:
            other.leave_bridge()
    return "completed", other.call.seconds, other.call.sid


async def _ring(leg: Line, whisper: str, up: asyncio.Queue[Line | None]) -> None:
    """One telephone rings; when it is picked up, its own document comes first."""
    how = "completed"
    try:
        await leg.tell("initiated")
        leg.twilio.rings(leg)
        await leg.tell("ringing")
        deed = await leg.deed(Answered, NotAnswered)
        if not isinstance(deed, Answered):
            raise HangUp(deed.how if isinstance(deed, NotAnswered) else "no-answer")
        leg.twilio.answered(leg)
        await leg.tell("in-progress", "answered")
        if whisper:
            await _whispered(leg, whisper)
        leg.doing = "bridged"
        up.put_nowait(leg)
        leg.twilio.changed()
        # Until whoever is connected hangs up, or the leg itself does.
        await leg.until(lambda: leg.bridged_to is not None, 14_400)
        await leg.until(lambda: leg.bridged_to is None, 14_400)
    except HangUp as end:
        how = end.how if leg.call.started_at is None else "completed"
    except GoOn as sent:
        # It was sent elsewhere: whoever it talked with goes on without it.
        if leg.bridged_to is not None:
            leg.bridged_to.leave_bridge()
            leg.bridged_to = None
        await leg.run(sent.url, sent.document, sent.params)
        return
    await leg.finish(how)


async def _whispered(leg: Line, url: str) -> None:
    """Carries out the leg's own document; at its end they are connected."""
    from hotline.simulator.twilio.verbs import perform

    step = GoOn(url)
    while True:
        document = step.document or await leg._fetch(step.url, step.params)
        leg.documents.append(document)
        try:
            await perform(leg, document, step.url)
        except GoOn as following:
            step = following
            continue
        except HangUp:
            leg.check()  # hung up by the person
            if "<Hangup" in document:
                raise
            return


def _legs(line: Line, verb: Element, base: str) -> list[tuple[Line, str]]:
    from_ = verb.get("callerId") or line.call.from_
    nouns: Sequence[Element] = [noun for noun in verb if noun.tag in _NOUNS]
    if not nouns and (verb.text or "").strip():
        number = Element("Number")
        number.text = verb.text
        nouns = [number]
    legs = []
    for noun in nouns:
        address = (noun.text or "").strip()
        headers: dict[str, str] = {}
        if noun.tag == "Sip":
            address, _, query = address.partition("?")
            headers = dict(parse_qsl(query, keep_blank_values=True))
        to = f"client:{address}" if noun.tag == "Client" else address
        call = Call(line.call.account_sid, from_, to, "outbound-dial", parent_sid=line.call.sid)
        leg = Line(
            line.twilio,
            call,
            status_callback=urljoin(base, noun.get("statusCallback", "")) if noun.get("statusCallback") else "",
            events=(noun.get("statusCallbackEvent") or "completed").split(),
        )
        leg.headers = headers
        line.twilio.lines[call.sid] = leg
        legs.append((leg, urljoin(base, noun.get("url", "")) if noun.get("url") else ""))
    return legs


def _failure(states: Sequence[str]) -> str:
    for state in ("busy", "failed"):
        if states and all(each == state for each in states):
            return _ENDS[state]
    return "no-answer"
