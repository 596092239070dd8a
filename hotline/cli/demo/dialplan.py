"""What the demo's PBX does with a call: dialplans/extensions_hotline.conf, line by line, in Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hotline.simulator.inbound import Inbound

#: Seconds until a script renews them.
ASK_SECONDS: Final = 10.0
ANNOUNCE_SECONDS: Final = 30.0
MOST_TURNS: Final = 20
#: A voicemail of fewer bytes holds no more than a second.
SHORTEST_BYTES: Final = 16_044
SPOOL: Final = "/var/spool/asterisk/hotline"


@dataclass(frozen=True, slots=True)
class HotlineDialplan:
    """``address`` is ``agi://HOST:PORT/PBX/KEY``, ``flows`` has the flow of each dialled number (others: main),
    ``queue`` and ``seconds`` are the default ones."""

    address: str
    flows: Mapping[str, str]
    queue: str
    seconds: float = 300.0

    def script(self, dialled: str) -> str:
        """HOTLINE_AGI, with the number's own HOTLINE_FLOW."""
        return f"{self.address}/flow/{self.flows.get(dialled, 'main')}"

    async def run(self, caller: Inbound) -> None:
        """The context hotline-call."""
        caller.variables |= {"HOTLINE_SPOOL": SPOOL}
        first = script = self.script(caller.call.dialled)
        left = ""
        for _ in range(MOST_TURNS):
            caller.set("HOTLINE_NEXT", "")
            status = await caller.ask(script, ASK_SECONDS)
            match "" if status == "TIMEOUT" else caller.get("HOTLINE_NEXT"):
                case "queue":
                    left = await self._queue(caller)
                case "extension":
                    seconds = _seconds(caller, "HOTLINE_DIAL_SECONDS", 30.0)
                    left = await caller.dial(caller.get("HOTLINE_EXTEN") or "", seconds)
                case "hangup":
                    return
                case _:
                    if left not in ("CONTINUE", "ANSWER"):
                        await caller.queue(self.queue, self.seconds)
                    return
            script = f"{first.replace('/flow/', '/left/')}?status={left}"

    def announcement(self, delivery: str) -> str:
        """HOTLINE_AGI with the delivery that is called for."""
        return f"{self.address}/push/{delivery}?flow=main&amd=HUMAN"

    async def announce(self, caller: Inbound) -> None:
        """The context hotline-push."""
        await caller.ask(self.announcement(caller.call.delivery), ANNOUNCE_SECONDS)

    async def _queue(self, caller: Inbound) -> str:
        return await caller.queue(
            caller.get("HOTLINE_QUEUE") or self.queue,
            _seconds(caller, "HOTLINE_QUEUE_SECONDS", self.seconds),
            stays="c" in (caller.get("HOTLINE_CONTINUE") or ""),
            priority=int(_seconds(caller, "QUEUE_PRIO", 0.0)),
        )

    def gone(self, caller: Inbound) -> None:
        """Extension h: callers hang up while they leave their message, so it is sent from here."""
        name, url = caller.get("HOTLINE_VOICEMAIL"), caller.get("HOTLINE_VOICEMAIL_URL")
        if not name or not url:
            return
        path = f"{SPOOL}/{name}.wav"
        if len(caller.files.get(path, b"")) > SHORTEST_BYTES:
            caller.set("VMSTATUS", "SUCCESS")
        caller.send(path, url)


def _seconds(caller: Inbound, name: str, default: float) -> float:
    """A variable's number; a script may set anything."""
    try:
        return float(caller.get(name) or default)
    except ValueError:
        return default
