"""A PBX for the pop figure: calls that ring some agents, at a steady rate; every ring's moment is noted.

As a process: ``python -m bench.queue_calls``. It writes its port; at ``run RATE SECONDS RINGING AGENTS FIRST`` it plays
and answers the list of rings: (caller number, agent number, monotonic seconds as its first byte was written); at
``hold CALLS`` it begins calls that ring and stay.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import sys
import time
from dataclasses import dataclass
from itertools import count

from bench.capture import Frames
from bench.measure import report
from bench.pbx import LoadServer
from hotline.simulator.filters import Filters
from hotline.simulator.tape import Frame
from hotline.simulator.tree import load_tree

#: Seconds after its beginning at which a call rings; how long it rings, and how long the first agent talks: from, to.
RINGS, RINGING, TALKING = 0.5, (0.8, 2.5), (0.5, 2.0)
_choose = random.Random(22)
_serial = count(1)
#: The second of this process's start, as in Asterisk's ids: no two runs may share one.
BEGAN = int(time.time())


def number_of(customer: int) -> str:
    """The n-th customer's number; the same in every part of this measurement."""
    return f"+4915{customer:09d}"


@dataclass(frozen=True, slots=True)
class Script:
    """The recorded segments of a queue call that is answered and ended by the caller."""

    arrive: Frames
    ring: Frames
    answer: Frames
    end: Frames

    @classmethod
    def load(cls) -> Script:
        calls = load_tree().state("caller calls")
        answered = calls.acts["agent answers"]
        return cls(
            Frames(tuple(f for f in calls.frames if not f.parts & {"agent", "other"})),
            Frames(tuple(f for f in calls.frames if "agent" in f.parts and "other" not in f.parts)),
            Frames(answered.frames),
            Frames(answered.acts["caller hangs up"].frames),
        )


def _phone(part: str, agent: int) -> dict[str, str]:
    number = next(_serial)
    return {
        f"{part}.interface": f"PJSIP/agent{agent}",
        f"{part}.extension": str(1000 + agent),
        f"{part}.name": f"Agent {agent}",
        f"{part}.channel": f"PJSIP/agent{agent}-{number:08x}",
        f"{part}.uniqueid": f"{BEGAN}.{number}",
    }


class FilteringServer(LoadServer):
    """Sends only what its client's filters let through, as a real 22 does."""

    def __init__(self) -> None:
        super().__init__()
        self._filters = Filters()
        self._known: dict[str, bool] = {}

    def _answer(self, asked: dict[str, str], writer: asyncio.StreamWriter) -> None:
        if asked.get("Action") == "Login":
            self._filters, self._known = Filters(), {}
        if asked.get("Action") == "Filter":
            self._filters.add(asked.get("MatchCriteria"), asked.get("Filter", ""))
            self._known.clear()
        super()._answer(asked, writer)

    def wants(self, frame: Frame) -> bool:
        """Whether the client hears such an event; asked once for each kind of event and variable."""
        kind = frame.name + next((value for key, value in frame.headers if key == "Variable"), "")
        if kind not in self._known:
            self._known[kind] = self._filters.let_through(list(frame.headers))
        return self._known[kind]


#: (due, order, text, values, whose ring it is)
Item = tuple[float, int, str, dict[str, str], tuple[str, int] | None]


def play(server: FilteringServer, script: Script, at: float, customer: int, agents: list[int]) -> list[Item]:
    """One call as timed events."""
    number, serial = number_of(customer), next(_serial)
    call = {
        "caller.number": number,
        "caller.name": f"Caller {customer}",
        "caller.channel": f"PJSIP/trunk-{serial:08x}",
        "caller.uniqueid": f"{BEGAN}.{serial}",
        "call.queue": "support",
        "call.dialled": "9500",
        "bridge1.id": f"bridge-{BEGAN}-{serial:08x}",
    }
    phones = {agent: _phone("agent", agent) for agent in agents}
    others = [{f"other.{k.partition('.')[2]}": v for k, v in phones[a].items()} for a in agents[1:]]
    items: list[Item] = []

    def add(when: float, frame: Frame, text: str, own: dict[str, str], ring: tuple[str, int] | None = None) -> None:
        if server.wants(frame):
            items.append((when, next(_serial), text, call | own, ring))

    for frame, text in zip(script.arrive.frames, script.arrive.texts, strict=True):
        add(at + min(frame.delay, RINGS - 0.01), frame, text, {})
    for agent, own in phones.items():
        for frame, text in zip(script.ring.frames, script.ring.texts, strict=True):
            rings = frame.name == "Newstate" and "ChannelStateDesc: Ringing" in text
            add(at + RINGS, frame, text, own, (number, agent) if rings else None)
    answered = RINGS + _choose.uniform(*RINGING)
    for start, frames in ((answered, script.answer), (answered + _choose.uniform(*TALKING), script.end)):
        for frame, text in zip(frames.frames, frames.texts, strict=True):
            who = others if "other" in frame.parts else [{}]
            for own in who:
                add(at + start + frame.delay, frame, text, phones[agents[0]] | own)
    return items


async def run(server: FilteringServer, rate: int, seconds: int, ringing: int, agents: int, first: int) -> None:
    """Plays ``rate`` calls a second, at random moments as callers do, and reports the rings."""
    script = Script.load()
    rings: list[tuple[str, int, float]] = []
    heap: list[Item] = []
    began = time.monotonic() + 0.2
    arrivals = sorted(began + _choose.uniform(0, seconds) for _ in range(rate * seconds))
    calls = iter(enumerate(arrivals))
    upcoming = next(calls, None)
    while heap or upcoming is not None:
        now = time.monotonic()
        while upcoming is not None and upcoming[1] <= now + 0.05:
            number, at = upcoming
            rung = [1 + (number * ringing + k) % agents for k in range(ringing)]
            for item in play(server, script, at, first + number, rung):
                heapq.heappush(heap, item)
            upcoming = next(calls, None)
        while heap and heap[0][0] <= time.monotonic():
            _, _, text, values, ring = heapq.heappop(heap)
            values["now"] = f"{time.time():.6f}"
            data = (text % values).encode()
            if ring is not None:
                rings.append((*ring, time.monotonic()))
            server.send(data)
        pause = (heap[0][0] if heap else began) - time.monotonic()
        await asyncio.sleep(min(max(pause, 0.0), 0.01))
    report(rings)


def hold(server: FilteringServer, calls: int) -> int:
    """Begins calls that ring two phones each and stay; answers how many events that took."""
    script, sent = Script.load(), 0
    for n in range(calls):
        for at, _, text, values, _ in play(server, script, 0.0, 500_000 + n, [1 + n % 50, 1 + (n + 1) % 50]):
            if at <= RINGS:
                values["now"] = f"{time.time():.6f}"
                server.send((text % values).encode())
                sent += 1
    return sent


async def main() -> None:
    server = FilteringServer()
    report(await server.start())
    loop = asyncio.get_running_loop()
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).split():
        if line[0] == "wait":
            await server.ready.wait()
            report("connected")
        elif line[0] == "hold":
            report(hold(server, int(line[1])))
        else:
            await run(server, *map(int, line[1:]))


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
