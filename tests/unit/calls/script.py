"""Writes the events that an Asterisk sends for a call, step by step, with the field names of Asterisk 22."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hotline.calls.facts import AmiEvent
from tests.unit.calls.tapes import START


@dataclass
class Chan:
    """A channel as it is now."""

    name: str
    uniqueid: str
    linkedid: str
    state: int
    number: str
    cid_name: str
    exten: str

    @property
    def half_two(self) -> str:
        return self.name[:-1] + "2"


class Script:
    """Collects events; each is ten milliseconds after the one before."""

    def __init__(self, *, start: datetime = START, stamped: bool = True, counter: int = 0) -> None:
        self.events: list[AmiEvent] = []
        self.now = start
        self.stamped = stamped
        self.counter = counter

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def say(self, name: str, *channels: tuple[str, Chan], **headers: str) -> AmiEvent:
        self.now += timedelta(milliseconds=10)
        fields: dict[str, str] = {}
        for prefix, chan in channels:
            fields |= {
                f"{prefix}Channel": chan.name,
                f"{prefix}ChannelState": str(chan.state),
                f"{prefix}CallerIDNum": chan.number or "<unknown>",
                f"{prefix}CallerIDName": chan.cid_name or "<unknown>",
                f"{prefix}Exten": chan.exten,
                f"{prefix}Uniqueid": chan.uniqueid,
                f"{prefix}Linkedid": chan.linkedid,
            }
        event = AmiEvent(name, fields | headers, self.now if self.stamped else None)
        self.events.append(event)
        return event

    # --- channels ---

    def channel(
        self,
        endpoint: str,
        of: Chan | None = None,
        *,
        number: str = "",
        name: str = "",
        exten: str = "s",
        state: int = 0,
        uniqueid: str = "",
    ) -> Chan:
        """A new channel, of the call of another or on its own."""
        unique = uniqueid or f"{int(START.timestamp())}.{self.counter}"
        full = f"{endpoint}-{self.counter:08x}"
        self.counter += 1
        chan = Chan(full, unique, of.linkedid if of else unique, state, number, name, exten)
        self.say("Newchannel", ("", chan))
        return chan

    def caller(self, number: str = "+4930123456", *, exten: str = "4000", endpoint: str = "PJSIP/trunk") -> Chan:
        """A call comes in and the dialplan answers it."""
        chan = self.channel(endpoint, number=number, exten=exten, state=4)
        self.state(chan, 6)
        return chan

    def local(self, target: str, of: Chan, *, number: str = "") -> tuple[Chan, Chan]:
        base = f"Local/{target}-{self.counter:08x}"
        halves = []
        for half in ("1", "2"):
            chan = Chan(
                f"{base};{half}", f"{int(START.timestamp())}.{self.counter}", of.linkedid, 0 if half == "1" else 4,
                number, "", target.partition("@")[0],
            )  # fmt: skip
            self.counter += 1
            self.say("Newchannel", ("", chan))
            halves.append(chan)
        self.say("LocalBridge", ("LocalOne", halves[0]), ("LocalTwo", halves[1]))
        return halves[0], halves[1]

    def state(self, chan: Chan, state: int) -> None:
        chan.state = state
        self.say("Newstate", ("", chan))

    def variable(self, chan: Chan, name: str, value: str) -> None:
        self.say("VarSet", ("", chan), Variable=name, Value=value)

    def hangup(self, chan: Chan, cause: int = 16) -> None:
        self.say("Hangup", ("", chan), Cause=str(cause))

    def hangs_up(self, chan: Chan, cause: int = 16) -> None:
        """The person at this end hangs up."""
        self.say("HangupRequest", ("", chan), Cause=str(cause))
        self.hangup(chan, cause)

    # --- dialling ---

    def dial(self, source: Chan | None, target: Chan) -> None:
        sides = (("Dest", target),) if source is None else (("", source), ("Dest", target))
        self.say("DialBegin", *sides, DialString=target.name.rpartition("-")[0])

    def dial_end(self, source: Chan | None, target: Chan, status: str) -> None:
        sides = (("Dest", target),) if source is None else (("", source), ("Dest", target))
        self.say("DialEnd", *sides, DialStatus=status)

    def ring(self, source: Chan, endpoint: str, *, ringing: bool = True) -> Chan:
        """A phone is dialled and rings."""
        phone = self.channel(endpoint, source, number=source.exten)
        self.dial(source, phone)
        if ringing:
            self.state(phone, 5)
            self.say("DialState", ("", source), ("Dest", phone), DialStatus="RINGING")
        return phone

    def answer(self, source: Chan, phone: Chan) -> None:
        self.state(phone, 6)
        self.dial_end(source, phone, "ANSWER")

    # --- queues ---

    def join(self, caller: Chan, queue: str) -> None:
        self.say("QueueCallerJoin", ("", caller), Queue=queue, Position="1", Count="1")

    def leave(self, caller: Chan, queue: str, *, abandon: bool = False, status: str = "") -> None:
        if abandon:
            self.say("QueueCallerAbandon", ("", caller), Queue=queue, Position="1", OriginalPosition="1", HoldTime="3")
        self.say("QueueCallerLeave", ("", caller), Queue=queue, Position="1", Count="0")
        if status:
            self.variable(caller, "QUEUESTATUS", status)

    def member_rings(self, caller: Chan, queue: str, endpoint: str, *, member: str = "Anna") -> Chan:
        """A queue calls a member's phone: it rings before AgentCalled is published."""
        phone = self.channel(endpoint, caller, number=caller.exten)
        self.state(phone, 5)
        self.say("AgentCalled", ("", caller), ("Dest", phone), Queue=queue, Interface=endpoint, MemberName=member)
        self.dial(caller, phone)
        return phone

    def member_answers(self, caller: Chan, queue: str, phone: Chan, losers: tuple[Chan, ...] = ()) -> str:
        """A member picks up; returns the bridge."""
        self.answer(caller, phone)
        for loser in losers:
            self.dial_end(caller, loser, "CANCEL")
        self.leave(caller, queue)
        self.say("AgentConnect", ("", caller), ("Dest", phone), Queue=queue, Interface=phone.name.rpartition("-")[0])
        for loser in losers:
            self.hangup(loser, 26)
        return self.bridge(phone, caller)

    # --- bridges ---

    def bridge(self, *channels: Chan, kind: str = "basic", bridge: str = "") -> str:
        bridge = bridge or f"bridge-{self.counter}-{len(self.events)}"
        for chan in channels:
            self.enter(bridge, chan, kind)
        return bridge

    def enter(self, bridge: str, chan: Chan, kind: str = "basic") -> None:
        self.say("BridgeEnter", ("", chan), BridgeUniqueid=bridge, BridgeType=kind)

    def part(self, bridge: str, *channels: Chan, kind: str = "basic") -> None:
        for chan in channels:
            self.say("BridgeLeave", ("", chan), BridgeUniqueid=bridge, BridgeType=kind)

    def over(self, *channels: Chan) -> None:
        """Everybody hangs up, in this order."""
        for chan in channels:
            self.hangup(chan)
