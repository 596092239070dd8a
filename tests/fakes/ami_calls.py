"""What a PBX says of small calls, for FakePbx: a queue call that rings agents, in the order Asterisk 22 has it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from tests.fakes.ami import FakePbx, Headers


@dataclass
class FakeCall:
    """One caller from the trunk, and the agents' phones that ring for them."""

    pbx: FakePbx
    number: str = "+4930123456"
    queue: str = "support"
    serial: int = 1
    epoch: int = field(default_factory=lambda: int(time.time()))
    age: float = 0.0

    def __post_init__(self) -> None:
        self.root = f"{self.epoch}.{self.serial * 100}"
        self.trunk = f"PJSIP/trunk-{self.serial:08x}"

    def say(self, name: str, **headers: object) -> None:
        stamp = time.time() + self.pbx.clock_ahead - self.age
        self.pbx.event(name, Timestamp=f"{stamp:.6f}", **headers)

    def _caller(self) -> dict[str, object]:
        return {
            "Channel": self.trunk,
            "CallerIDNum": self.number,
            "CallerIDName": "Anna Müller",
            "ConnectedLineNum": "<unknown>",
            "Context": "hotline-in",
            "Exten": "4000",
            "Uniqueid": self.root,
            "Linkedid": self.root,
        }

    def phone(self, agent: str) -> tuple[str, str]:
        """An agent's channel and its uniqueid."""
        place = sum(agent.encode()) % 90 + 1
        return f"PJSIP/{agent}-{self.serial:08x}", f"{self.epoch}.{self.serial * 100 + place}"

    def _agent(self, agent: str, state: str = "5") -> dict[str, object]:
        channel, uniqueid = self.phone(agent)
        return {
            "Channel": channel,
            "ChannelState": state,
            "ChannelStateDesc": {"0": "Down", "5": "Ringing", "6": "Up"}[state],
            "CallerIDNum": "",
            "ConnectedLineNum": self.number,
            "Exten": "",
            "Context": "hotline-agents",
            "Uniqueid": uniqueid,
            "Linkedid": self.root,
        }

    def arrive(self) -> None:
        self.say("Newchannel", ChannelState="4", ChannelStateDesc="Ring", **self._caller())
        self.say("Newstate", ChannelState="6", ChannelStateDesc="Up", **self._caller())
        self.say("QueueCallerJoin", Queue=self.queue, Position="1", Count="1", **self._caller())

    def ring(self, agent: str) -> None:
        self.say("Newchannel", **self._agent(agent, "0"))
        dest = {f"Dest{key}": value for key, value in self._agent(agent, "0").items()}
        self.say("DialBegin", DialString=agent, **self._caller(), **dest)
        self.say(
            "AgentCalled",
            Queue=self.queue,
            Interface=f"PJSIP/{agent}",
            MemberName=f"PJSIP/{agent}",
            **self._caller(),
            **dest,
        )
        self.say("Newstate", **self._agent(agent, "5"))

    def answer(self, agent: str) -> None:
        dest = {f"Dest{key}": value for key, value in self._agent(agent, "6").items()}
        self.say("Newstate", **self._agent(agent, "6"))
        self.say("DialEnd", DialStatus="ANSWER", **self._caller(), **dest)
        self.say("QueueCallerLeave", Queue=self.queue, Position="1", Count="0", **self._caller())
        self.say(
            "AgentConnect",
            Queue=self.queue,
            Interface=f"PJSIP/{agent}",
            MemberName=f"PJSIP/{agent}",
            **self._caller(),
            **dest,
        )
        for side in (self._caller(), self._agent(agent, "6")):
            self.say("BridgeEnter", BridgeUniqueid=f"bridge-{self.serial}", BridgeType="basic", **side)

    def hang_up(self, *agents: str) -> None:
        for agent in agents:
            self.say("Hangup", Cause="16", **{"Cause-txt": "Normal Clearing"}, **self._agent(agent, "6"))
        self.say("Hangup", Cause="16", **{"Cause-txt": "Normal Clearing"}, ChannelState="6", **self._caller())

    def rows(self, *agents: str) -> list[Headers]:
        """CoreShowChannels' rows for the caller and these agents."""
        rows: list[Headers] = [
            [*((k, str(v)) for k, v in self._caller().items()), ("ChannelState", "6"), ("Duration", "00:00:07")]
        ]
        rows += [[*((k, str(v)) for k, v in self._agent(a, "6").items()), ("Duration", "00:00:05")] for a in agents]
        return rows
