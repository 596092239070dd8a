"""Checks of one PBX, each with what was found and the exact line to change (``hotline doctor``, docs/runbook.md)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from hotline.calls.facts import TRACKED_VARIABLES, AmiEvent, Snapshot
from hotline.calls.intake import PUSH_CONTEXT
from hotline.errors import HotlineError
from hotline.ids import new_id
from hotline.pbx.connection import Connection, Patience
from hotline.pbx.errors import ConnectionLost, LoginRefused, NoAnswer
from hotline.pbx.filters import ami_major
from hotline.pbx.wire import Accept, Reply
from hotline.settings import PbxAddress, Settings
from hotline.telephony.channels import take_snapshot
from hotline.telephony.doctor_ivr import examine_dialplan
from hotline.telephony.doctor_recordings import examine_recordings
from hotline.telephony.findings import Finding, Verdict
from hotline.telephony.reader import EVENTS
from hotline.workflows.calls.commands import QUEUE_CONTEXT

PROBE: Final = "HOTLINE_DOCTOR"
OLDEST: Final = 16
_OLDEST_AMI: Final = 5  # AMI 5 came with Asterisk 16
_WORST_CLOCK: Final = 60.0

#: What hotline does, and the ``write`` permission that each needs.
ACTIONS: Final = {
    "Originate": "originate",
    "Hangup": "call",
    "BlindTransfer": "call",
    "Atxfer": "call",
    "QueueAdd": "agent",
    "QueueRemove": "agent",
    "QueuePause": "agent",
    "CoreShowChannels": "reporting",
    "Filter": "system",
}
#: Where the shipped dialplan takes callers whom Twilio sends on.
TWILIO_CONTEXT: Final = "hotline-twilio"
_MANAGER: Final = "/etc/asterisk/manager.conf"


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """A user's login, interfaces and queues, as far as a PBX is concerned."""

    login: str
    interfaces: tuple[str, ...]
    queues: tuple[str, ...]


async def examine_pbx(
    settings: Settings, address: PbxAddress, agents: Sequence[KnownAgent], patience: Patience | None = None
) -> AsyncIterator[Finding]:
    """Every check of one PBX; when it cannot be reached, that alone."""
    accept = Accept.of(EVENTS, {*TRACKED_VARIABLES, PROBE})
    try:
        connection = await Connection.open(address, accept, patience, ca_file=settings.ami_ca_file)
    except LoginRefused as error:
        yield Finding("login", "wrong", error.detail, _login_advice(address))
        return
    except HotlineError as error:
        yield Finding("reach", "wrong", error.detail, _reach_advice(address))
        return
    try:
        yield Finding("login", "ok", f"logged in to {address.host}:{address.port} as {address.user}")
        yield await _version(connection)
        yield _clock(connection)
        allowed = await _ask(connection, "ListCommands")
        yield _permissions(address, allowed)
        yield await _timestamps(connection, address)
        filters = await connection.set_filters(EVENTS, TRACKED_VARIABLES)
        if filters.kind == "none":
            advice = (f"{_MANAGER}, section [{address.user}]:", "write = system,call,agent,originate,reporting")
            yield Finding("filters", "warning", f"events are not filtered by the PBX: {filters.problem}", advice)
        else:
            yield Finding("filters", "ok", f"{filters.kind} filters")
        snapshot = await take_snapshot(connection)
        if not snapshot.complete:
            advice = (f"{_MANAGER}, section [{address.user}]:", "write = system,call,agent,originate,reporting")
            yield Finding("snapshot", "wrong", "the PBX does not list its channels and queues", advice)
        for finding in _queues(snapshot, agents):
            yield finding
        async for finding in _contexts(connection, settings, allowed):
            yield finding
        shown = await _settings_shown(connection, allowed)
        async for finding in examine_dialplan(settings, address, shown):
            yield finding

        async def evaluate(expression: str) -> str | None:
            reply = await _ask(connection, "Getvar", ("Variable", expression))
            return reply.headers.get("Value") if reply is not None and reply.success else None

        yield await examine_recordings(address, shown, evaluate)
        yield await _features(connection, allowed)
    except ConnectionLost:
        yield Finding("reach", "wrong", "the PBX closed the connection in the middle", _reach_advice(address))
    finally:
        connection.close()


def _login_advice(address: PbxAddress) -> tuple[str, ...]:
    return (
        f"{_MANAGER}, as in HOTLINE_AMI_URLS; then asterisk -rx 'manager reload':",
        f"[{address.user}]",
        "secret = THE SECRET OF HOTLINE_AMI_URLS",
        "permit = THIS MACHINE'S ADDRESS/255.255.255.255",
    )


def _reach_advice(address: PbxAddress) -> tuple[str, ...]:
    port = "tlsbindaddr" if address.tls else "bindaddr"
    return (
        f"{_MANAGER}, section [general]; then asterisk -rx 'manager reload':",
        "enabled = yes",
        f"{port} = {address.host}" + (f":{address.port}" if address.tls else ""),
        *(
            (f"port = {address.port}",)
            if not address.tls
            else ("tlsenable = yes", "tlscertfile = /etc/asterisk/keys/asterisk.pem")
        ),
    )


async def _ask(connection: Connection, action: str, *headers: tuple[str, str]) -> Reply | None:
    try:
        return await connection.request(action, *headers, silence=connection.patience.probe)
    except NoAnswer:
        return None


async def _version(connection: Connection) -> Finding:
    reply = await _ask(connection, "CoreSettings")
    text = "" if reply is None else reply.headers.get("AsteriskVersion", "")
    number = text.removeprefix("certified/").partition(".")[0].partition("-")[0]
    advice = (f"Asterisk {OLDEST} or later is needed; 22 is best.",)
    if number.isdigit():
        verdict: Verdict = "ok" if int(number) >= OLDEST else "wrong"
        return Finding("version", verdict, f"Asterisk {text}", advice if verdict == "wrong" else ())
    ami = ami_major(connection.wire.greeting)
    if ami >= _OLDEST_AMI:
        return Finding("version", "ok", f"AMI {connection.wire.greeting}")
    found = f"AMI {connection.wire.greeting}" if connection.wire.greeting else "the PBX does not say its version"
    return Finding("version", "wrong" if ami else "unknown", found, advice)


def _clock(connection: Connection) -> Finding:
    if not connection.pings:
        return Finding("ping", "warning", "Ping is not answered: a half-open connection will be noticed late")
    offset = connection.wire.clock_offset
    if abs(offset) > _WORST_CLOCK:
        advice = ("on the PBX:", "timedatectl set-ntp true")
        return Finding("clock", "warning", f"the PBX's clock is {offset:+.0f} s off ours; calls are corrected", advice)
    return Finding("clock", "ok", f"the PBX's clock is {offset:+.3f} s off ours")


def _permissions(address: PbxAddress, allowed: Reply | None) -> Finding:
    """ListCommands names exactly the actions that this user may use."""
    if allowed is None or not allowed.success:
        return Finding("permissions", "unknown", "the PBX does not list what this user may do")
    missing = [action for action in ACTIONS if action not in allowed.headers]
    if not missing:
        return Finding("permissions", "ok", "may do all that hotline needs")
    return Finding(
        "permissions",
        "wrong",
        f"may not use {', '.join(missing)}",
        (
            f"{_MANAGER}, section [{address.user}]; then asterisk -rx 'manager reload':",
            "write = system,call,agent,originate,reporting",
        ),
    )


async def _timestamps(connection: Connection, address: PbxAddress) -> Finding:
    """A global variable is set, and its VarSet looked at: does it come at all, and with a Timestamp?"""
    value = new_id().hex
    reply = await _ask(connection, "Setvar", ("Variable", PROBE), ("Value", value))
    if reply is None or not reply.success:
        return Finding("events", "unknown", "Setvar is not allowed, so the flow of events could not be tried")
    event = await _await_probe(connection, value)
    await _ask(connection, "Setvar", ("Variable", PROBE), ("Value", ""))
    if event is None:
        return Finding(
            "events",
            "wrong",
            "events of the class 'dialplan' do not arrive",
            (
                f"{_MANAGER}, section [{address.user}]; then asterisk -rx 'manager reload':",
                "read = system,call,agent,dialplan,reporting",
            ),
        )
    if event.at is None:
        return Finding(
            "timestampevents",
            "wrong",
            "events have no Timestamp: late ones cannot be told from fresh ones",
            (f"{_MANAGER}, section [general]; then asterisk -rx 'manager reload':", "timestampevents = yes"),
        )
    return Finding("timestampevents", "ok", "events arrive with a Timestamp")


async def _await_probe(connection: Connection, value: str) -> AmiEvent | None:
    try:
        async with asyncio.timeout(connection.patience.probe):
            while True:
                for event in await connection.events():
                    if event.get("Variable") == PROBE and event.get("Value") == value:
                        return event
    except TimeoutError:
        return None


def _queues(snapshot: Snapshot, agents: Sequence[KnownAgent]) -> list[Finding]:
    """Does every agent have a phone that some queue knows by exactly this name?"""
    names = {
        name
        for member in snapshot.members
        for name in (
            member.get("Location") or member.get("Interface"),
            member.get("StateInterface"),
            member.get("Name"),
        )
        if name
    }
    queues = sorted({member.get("Queue") for member in snapshot.members})
    findings = [
        Finding("queues", "ok", f"{len(snapshot.members)} members in {len(queues)} queues: {', '.join(queues)}")
        if queues
        else Finding(
            "queues",
            "warning",
            "no queue has a member yet",
            ("agents sign in from the desk, or in /etc/asterisk/queues.conf:", "member => PJSIP/agent1"),
        )
    ]
    for agent in agents:
        findings += _agent(agent, names)
    strangers = sorted(
        {
            member.get("Location") or member.get("Interface")
            for member in snapshot.members
            if not _known(member, {interface for agent in agents for interface in agent.interfaces})
        }
    )
    if strangers:
        shown = ", ".join(strangers[:5]) + (" …" if len(strangers) > 5 else "")
        findings.append(
            Finding(
                "members",
                "warning",
                f"members that belong to no user, so their rings pop nowhere: {shown}",
                (f"give it to a user: Users → the user → Interfaces: {strangers[0]}",),
            )
        )
    return findings


def _known(member: AmiEvent, interfaces: Collection[str]) -> bool:
    names = (member.get("Location") or member.get("Interface"), member.get("StateInterface"), member.get("Name"))
    return any(name in interfaces for name in names)


def _agent(agent: KnownAgent, names: set[str]) -> list[Finding]:
    if not agent.interfaces or any(interface in names for interface in agent.interfaces):
        return []
    near = [name for name in names if any(_near(name, interface) for interface in agent.interfaces)]
    if near:
        return [
            Finding(
                "agent",
                "wrong",
                f"{agent.login} has {agent.interfaces[0]}, the queue says {near[0]}",
                (f"the name must be exactly the queue's: Users → {agent.login} → Interfaces: {near[0]}",),
            )
        ]
    return [
        Finding(
            "agent",
            "warning",
            f"{agent.login}'s {', '.join(agent.interfaces)} is a member of no queue now",
            (f"sign in from the desk, or in queues.conf: member => {agent.interfaces[0]}",),
        )
    ]


def _near(name: str, interface: str) -> bool:
    """The same but for the case, the technology or the dialplan context."""

    def bare(text: str) -> str:
        return text.partition("/")[2].partition("@")[0].lower()

    return bool(bare(name)) and bare(name) == bare(interface)


async def _contexts(connection: Connection, settings: Settings, allowed: Reply | None) -> AsyncIterator[Finding]:
    """The dialplan's contexts into which hotline dials."""
    if allowed is None or "ShowDialPlan" not in allowed.headers:
        yield Finding("dialplan", "unknown", "the PBX does not show its dialplan to this user")
        return
    pbx = connection.address.name
    out = settings.dial_out.get(pbx) or settings.dial_out["*"]
    inside = settings.dial_internal.get(pbx) or settings.dial_internal["*"]
    wanted = {
        out.context: ("outside numbers", "wrong"),
        inside.context: ("colleagues' extensions", "wrong"),
        QUEUE_CONTEXT: ("transfers to a queue", "warning"),
    }
    if settings.twilio_sip_url:  # one PBX is enough for it, and its address does not say which
        wanted[TWILIO_CONTEXT] = ("callers whom Twilio sends on (HOTLINE_TWILIO_SIP_URL)", "warning")
    if settings.agi_key.get_secret_value():
        wanted[PUSH_CONTEXT] = ("campaigns by telephone", "warning")
    for context, (purpose, verdict) in wanted.items():
        reply = await _ask(connection, "ShowDialPlan", ("Context", context))
        if reply is not None and reply.success:
            yield Finding("dialplan", "ok", f"context {context}: {purpose}")
        else:
            yield Finding(
                "dialplan",
                "wrong" if verdict == "wrong" else "warning",
                f"there is no context {context} for {purpose}",
                (
                    "/etc/asterisk/extensions.conf; then asterisk -rx 'dialplan reload':",
                    "#include extensions_hotline.conf",
                    "(and endpoint twilio of pjsip_hotline.conf, with this context)"
                    if context == TWILIO_CONTEXT
                    else "(without it nobody who picks up hears anything)"
                    if context == PUSH_CONTEXT
                    else "(or name your own context in HOTLINE_DIAL_OUT, HOTLINE_DIAL_INTERNAL)",
                ),
            )


async def _settings_shown(connection: Connection, allowed: Reply | None) -> Reply | None:
    """The lines of the context in which an administrator sets hotline's dialplan up."""
    if allowed is None or "ShowDialPlan" not in allowed.headers:
        return None
    return await _ask(connection, "ShowDialPlan", ("Context", "hotline-settings"))


async def _features(connection: Connection, allowed: Reply | None) -> Finding:
    """features.conf can be read only with the permission ``config`` or ``command``, which hotline does not need."""
    advice = (
        "/etc/asterisk/features.conf, section [featuremap]; then asterisk -rx 'module reload features':",
        "atxfer => *2",
        "(and Queue and Dial with the options tT)",
    )
    if allowed is not None and "GetConfig" in allowed.headers:
        reply = await _ask(connection, "GetConfig", ("Filename", "features.conf"), ("Category", "featuremap"))
        if reply is not None and reply.success:
            lines = [value for key, value in reply.headers.items() if key.startswith("Line-")]
            if any(line.startswith("atxfer=") and line != "atxfer=" for line in lines):
                return Finding("attended transfer", "ok", "features.conf has atxfer")
            return Finding("attended transfer", "wrong", "features.conf has no atxfer", advice)
    if allowed is not None and "Command" in allowed.headers:
        reply = await _ask(connection, "Command", ("Command", "features show"))
        if reply is not None and reply.success:
            line = next((each for each in reply.output.splitlines() if each.startswith("Attended Transfer")), "")
            if line.split()[-1:] not in ([], ["Transfer"], ["none"]):
                return Finding("attended transfer", "ok", "features.conf has atxfer")
            return Finding("attended transfer", "wrong", "features.conf has no atxfer", advice)
    return Finding("attended transfer", "unknown", "this user may not read features.conf; see that it says:", advice)
