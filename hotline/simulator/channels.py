"""The channels that are alive, kept from the events that were sent: what CoreShowChannels answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from hotline.simulator.tape import Headers

#: What Asterisk says about a channel in every event about it.
SNAPSHOT = (
    "Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum",
    "ConnectedLineName", "Language", "AccountCode", "Context", "Exten", "Priority", "Uniqueid", "Linkedid",
)  # fmt: skip


@dataclass(slots=True)
class Channel:
    """One channel, as the last event told it. ``since`` is the time of its making in seconds since 1970."""

    since: float
    headers: dict[str, str] = field(default_factory=dict)
    application: str = ""
    data: str = ""
    bridge: str = ""

    @property
    def name(self) -> str:
        return self.headers["Channel"]

    @property
    def interface(self) -> str:
        """The endpoint without the channel's number: ``PJSIP/1001-0000000a`` is of ``PJSIP/1001``."""
        return self.name.rpartition("-")[0]

    @property
    def ringing(self) -> bool:
        return self.headers["ChannelStateDesc"] == "Ringing"

    @property
    def up(self) -> bool:
        return self.headers["ChannelStateDesc"] == "Up"

    def show(self, now: float) -> Headers:
        """The headers of CoreShowChannel after ActionID."""
        lines = list(self.headers.items())
        lines += [("Application", self.application), ("ApplicationData", self.data)]
        duration = str(timedelta(seconds=int(now - self.since))).rjust(8, "0")
        return [*lines, ("Duration", duration), ("BridgeId", self.bridge)]


class Channels:
    """All channels by name."""

    def __init__(self) -> None:
        self._alive: dict[str, Channel] = {}

    def __len__(self) -> int:
        return len(self._alive)

    def all(self) -> list[Channel]:
        return list(self._alive.values())

    def get(self, name: str) -> Channel | None:
        return self._alive.get(name)

    def of(self, interface: str) -> list[Channel]:
        """The channels of one endpoint."""
        return [channel for channel in self._alive.values() if channel.interface == interface]

    def see(self, headers: Headers, now: float) -> None:
        """Takes what one event tells."""
        event = dict(headers)
        name, kind = event.get("Channel"), event["Event"]
        if kind == "Newchannel" and name:
            self._alive[name] = Channel(now)
        if name is None or name not in self._alive:
            return
        if kind == "Hangup":
            del self._alive[name]
            return
        channel = self._alive[name]
        if "ChannelState" in event:
            channel.headers = {key: event.get(key, "") for key in SNAPSHOT}
        match kind:
            case "Newexten":
                channel.application, channel.data = event["Application"], event["AppData"]
            case "BridgeEnter":
                channel.bridge = event["BridgeUniqueid"]
            case "BridgeLeave":
                channel.bridge = ""
