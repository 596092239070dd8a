"""``hotline flow try``: a flow walked in the terminal, with the engine that serves callers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal, TextIO
from zoneinfo import ZoneInfo

from hotline.calendars import Calendar, Holidays, Opening
from hotline.calendars.holidays import countries
from hotline.clock import utc_now
from hotline.errors import Invalid
from hotline.ivr import effects as fx
from hotline.ivr import engine
from hotline.ivr.flow import FlowSet

Caller = Literal["unknown", "known", "vip", "withheld"]
CALLERS: Final = ("unknown", "known", "vip", "withheld")

_LEFT: Final = ("answered", "timeout", "empty", "full", "failed")


def walk(
    flows: FlowSet,
    caller: Caller,
    at: str | None,
    language: str | None,
    zone: ZoneInfo,
    region: str,
    lines: TextIO,
    tell: Callable[[str], object],
) -> None:
    """Walk until the flow is over or ``lines`` end, which is the caller hanging up. Each wait takes one line."""
    now = _instant(at, zone)
    calendars = _calendars(flows, zone, region)
    tell(f"{flows.name}, {now.astimezone(zone):%A %Y-%m-%d %H:%M} in {zone.key}, caller {caller}")
    if calendars:
        told = f"Monday to Friday 9 to 18{f', closed on holidays of {region}' if region in countries() else ''}"
        tell(f"calendars here: {told} ({', '.join(sorted(calendars))})")
    step = engine.start(flows, _facts(caller, language), calendars, now)
    while True:
        for effect in step.effects:
            _tell(effect, tell)
        if step.session.over:
            break
        step = engine.resume(flows, step.session, _input(step.effects[-1], lines, tell), calendars, now)
    facts = step.session.facts
    tell(
        f"over: {facts.outcome}; language {facts.language or '–'}, kind {facts.kind or '–'}, queue {facts.queue or '–'}"
    )
    tell(f"path: {' '.join(facts.path) or '–'}")
    for name, answer in facts.variables.items():
        tell(f"{name}: {answer}")


def _instant(at: str | None, zone: ZoneInfo) -> datetime:
    if at is None:
        return utc_now()
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        raise Invalid("--at: write the time like 2026-12-25T03:00.") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)


def _calendars(flows: FlowSet, zone: ZoneInfo, region: str) -> dict[str, Calendar]:
    """The records' calendars are not read here: each has usual hours, ``always`` is always open."""
    day = (Opening(9 * 60, 18 * 60),)
    holidays = Holidays(region) if region in countries() else None
    usual = {name: Calendar(name, zone, (day,) * 5 + ((),) * 2, holidays) for name in flows.calendars}
    whole = ((Opening(0, 24 * 60),),) * 7
    return {name: Calendar(name, zone, whole) if name == "always" else one for name, one in usual.items()}


def _facts(caller: Caller, language: str | None) -> fx.CallerFacts:
    tiers: Mapping[Caller, tuple[str, int]] = {"known": ("standard", 0), "vip": ("gold", 20)}
    tier, priority = tiers.get(caller, ("", 0))
    return fx.CallerFacts(
        withheld=caller == "withheld",
        known=bool(tier),
        vip=caller == "vip",
        priority=priority,
        locale=language,
        variables={"caller.tier": tier} if tier else {},
    )


def _tell(effect: fx.Effect, tell: Callable[[str], object]) -> None:
    match effect:
        case fx.Say(prompts) | fx.Collect(prompts):
            for prompt in prompts:
                tell(f"  [{prompt.language}] {prompt.texts.get(prompt.language, '')}")
        case fx.HangUp():
            tell("  (hangs up)")
        case _:
            pass


def _input(effect: fx.Effect, lines: TextIO, tell: Callable[[str], object]) -> fx.Input:
    question = _question(effect)
    line = lines.readline()
    text = line.strip()
    tell(f"{question} > {text if line else '(the caller hangs up)'}")
    if not line:
        return fx.HungUp()
    match effect:
        case fx.Collect():
            return _keys(effect, text)
        case fx.LookUp():
            return _looked_up(effect, text)
        case fx.RecordMessage():
            return fx.Recorded(float(text)) if text.isascii() and text.isdecimal() else fx.Recorded(10.0)
        case _:
            return fx.Left(next((how for how in _LEFT if how == text), "answered"))


def _question(effect: fx.Effect) -> str:
    match effect:
        case fx.Collect(most=1):
            return f"key, nothing waits {effect.first_seconds:g} s"
        case fx.Collect():
            return f"{effect.least} to {effect.most} digits, nothing waits {effect.first_seconds:g} s"
        case fx.LookUp():
            value = f" {effect.value}" if effect.value else ""
            return f"look up {effect.what.replace('_', ' ')}{value}: found, missing or failed"
        case fx.RecordMessage():
            return f"seconds spoken, {effect.most_seconds} at most"
        case fx.Enqueue():
            place = ", hears the place in the queue" if effect.announce_position else ""
            queue = effect.queue or "(default)"
            return f"queue {queue}, priority {effect.priority}, {effect.seconds} s{place}: {', '.join(_LEFT)}"
        case fx.Transfer():
            return f"dials {effect.to}, {effect.seconds} s: {', '.join(_LEFT)}"
        case _:
            return ""


def _keys(effect: fx.Collect, text: str) -> fx.Input:
    keys = "".join(one for one in text if one in "0123456789*#")
    if not keys:
        return fx.TimedOut()
    ended = keys.find(effect.finish) if effect.finish else -1
    return fx.Pressed((keys if ended < 0 else keys[:ended])[: effect.most])


def _looked_up(effect: fx.LookUp, text: str) -> fx.Input:
    if text == "failed":
        return fx.Failed("away")
    if text == "missing":
        return fx.Found({})
    if effect.what == "open_ticket":
        return fx.Found({"ticket.open": "yes", "ticket.number": "10001", "ticket.kind": "complaint"})
    number = {"customer.number": effect.value} if effect.what == "customer_number" else {}
    return fx.Found({"caller.known": "yes", "caller.vip": "no", "caller.tier": "standard", **number})
