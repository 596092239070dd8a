"""Queues, their members and who waits in them: what QueueStatus answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from hotline.simulator.tape import Headers

NOT_IN_USE, IN_USE = "1", "2"


@dataclass(slots=True)
class Member:
    """One member of one queue. Times are seconds since 1970, 0 for never."""

    queue: str
    interface: str
    name: str
    state_interface: str
    membership: str
    since: float
    penalty: int = 0
    calls_taken: int = 0
    last_call: float = 0
    last_pause: float = 0
    in_call: bool = False
    status: str = NOT_IN_USE
    paused: bool = False
    reason: str = ""

    def facts(self) -> dict[str, str]:
        """The values of QueueMemberStatus that change."""
        return {
            "Queue": self.queue,
            "MemberName": self.name,
            "Interface": self.interface,
            "StateInterface": self.state_interface,
            "Membership": self.membership,
            "Penalty": str(self.penalty),
            "CallsTaken": str(self.calls_taken),
            "LastCall": str(int(self.last_call)),
            "LastPause": str(int(self.last_pause)),
            "LoginTime": str(int(self.since)),
            "InCall": str(int(self.in_call)),
            "Status": self.status,
            "Paused": str(int(self.paused)),
            "PausedReason": self.reason,
        }

    def show(self) -> Headers:
        """The headers of QueueMember, which calls two of them otherwise."""
        other = {"MemberName": "Name", "Interface": "Location"}
        return [(other.get(key, key), value) for key, value in self.facts().items()] + [("Wrapuptime", "0")]


@dataclass(slots=True)
class Waiting:
    """A caller in a queue."""

    channel: str
    uniqueid: str
    number: str
    name: str
    since: float
    priority: int = 0

    def show(self, queue: str, position: int, now: float) -> Headers:
        """The headers of QueueEntry."""
        return [
            ("Queue", queue), ("Position", str(position)), ("Channel", self.channel), ("Uniqueid", self.uniqueid),
            ("CallerIDNum", self.number), ("CallerIDName", self.name), ("ConnectedLineNum", "unknown"),
            ("ConnectedLineName", "unknown"), ("Wait", str(int(now - self.since))), ("Priority", str(self.priority)),
        ]  # fmt: skip


@dataclass(slots=True)
class Queue:
    """One queue that rings all its free members."""

    name: str
    members: dict[str, Member] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)
    completed: int = 0
    abandoned: int = 0
    hold_seconds: float = 0
    talk_seconds: float = 0

    def _mean(self, seconds: float) -> str:
        return str(round(seconds / self.completed)) if self.completed else "0"

    def join(self, caller: Waiting) -> None:
        """Takes a caller behind those of the same and a higher priority."""
        place = sum(waiting.priority >= caller.priority for waiting in self.waiting)
        self.waiting.insert(place, caller)

    def position(self, channel: str) -> int:
        """The place of a caller, from 1; 0 when the channel does not wait here."""
        return next((n for n, waiting in enumerate(self.waiting, 1) if waiting.channel == channel), 0)

    def params(self) -> Headers:
        """The headers of QueueParams."""
        return [
            ("Queue", self.name), ("Max", "0"), ("Strategy", "ringall"), ("Calls", str(len(self.waiting))),
            ("Holdtime", self._mean(self.hold_seconds)), ("TalkTime", self._mean(self.talk_seconds)),
            ("Completed", str(self.completed)), ("Abandoned", str(self.abandoned)), ("ServiceLevel", "0"),
            ("ServicelevelPerf", "0.0"), ("ServicelevelPerf2", "0.0"), ("Weight", "0"),
        ]  # fmt: skip

    def summary(self, now: float) -> Headers:
        """The headers of QueueSummary."""
        free = [m for m in self.members.values() if not m.paused and m.status == NOT_IN_USE]
        longest = max((now - waiting.since for waiting in self.waiting), default=0)
        return [
            ("Queue", self.name), ("LoggedIn", str(len(self.members))), ("Available", str(len(free))),
            ("Callers", str(len(self.waiting))), ("HoldTime", self._mean(self.hold_seconds)),
            ("TalkTime", self._mean(self.talk_seconds)), ("LongestHoldTime", str(int(longest))),
        ]  # fmt: skip
