"""Callers for the IVR's figures: a PBX's manager events and its scripts, in a process of their own.

As a process: ``python -m bench.ivr_callers``; it writes its manager's port. ``menu PORT CALLERS SECONDS`` keeps so many
callers in the menu; ``rate PORT CALLS SECONDS`` begins so many calls a second; both answer what was measured.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

from bench.capture import Frames
from bench.measure import report
from bench.queue_calls import BEGAN, FilteringServer, _phone, number_of
from hotline.simulator.tape import Frame
from hotline.simulator.tree import load_tree

KEY, PBX, FLOW = "bench", "bench", "main"
#: Seconds until a caller presses a key: in the menu, and at a steady rate.
THINKS, QUICK = (1.0, 3.0), (0.2, 0.6)
#: Seconds in the queue until the caller gives up, and until a phone rings.
WAITS, RINGS = (1.0, 2.0), 0.1
AUDIBLE = (b"STREAM", b"GET DA", b"WAIT F", b"RECORD")
_choose = random.Random(4573)
_serial = count(1)


def _frames(frames: tuple[Frame, ...], without: set[str]) -> Frames:
    return Frames(tuple(frame for frame in frames if not frame.parts & without))


@dataclass(frozen=True)
class Script:
    """The events of one caller: until the script, in the queue, at the ring of one phone, at the end."""

    arrive: Frames
    join: Frames
    ring: Frames
    leave: Frames

    @classmethod
    def load(cls) -> Script:
        calls = load_tree().state("caller calls")
        joined = next(n for n, frame in enumerate(calls.frames) if frame.name == "QueueCallerJoin")
        return cls(
            _frames(calls.frames[:joined], {"agent", "other"}),
            _frames(calls.frames[joined:], {"agent", "other"}),
            Frames(tuple(f for f in calls.frames if "agent" in f.parts and "other" not in f.parts)),
            _frames(calls.acts["caller hangs up"].frames, {"other"}),
        )


@dataclass
class Measured:
    """What the callers noted: milliseconds until a key was answered, until the first words, and who was let down."""

    steps: list[float] = field(default_factory=list)
    greetings: list[float] = field(default_factory=list)
    calls: int = 0
    queued: int = 0
    failed: int = 0
    late: float = 0.0

    def told(self) -> dict[str, Any]:
        return vars(self)


class Run(asyncio.Protocol):
    """One script's run: answers commands, presses ``keys`` after a while each."""

    def __init__(self, environment: bytes, keys: list[str], thinks: tuple[float, float], measured: Measured) -> None:
        self._environment = environment
        self._keys = keys
        self._thinks = thinks
        self._measured = measured
        self._buffer = bytearray()
        self._since: float | None = None
        self._first = True
        self.next = ""
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._since = time.monotonic()
        self._transport.write(self._environment)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(self.next)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._take(line)

    def _take(self, line: bytes) -> None:
        if b"HOTLINE_NEXT" in line:
            self.next = line.rpartition(b" ")[2].decode().strip('"')
        if self._since is not None and (line[:6] in AUDIBLE or b"HOTLINE_NEXT" in line):
            took = (time.monotonic() - self._since) * 1000
            (self._measured.greetings if self._first else self._measured.steps).append(took)
            self._since, self._first = None, False
        if line[:6] in (b"GET DA", b"WAIT F"):
            asyncio.get_running_loop().call_later(_choose.uniform(*self._thinks), self._press, line)
        else:
            self._reply(b"200 result=0 endpos=8000\n" if line[:6] == b"STREAM" else b"200 result=1\n")

    def _press(self, line: bytes) -> None:
        key = self._keys.pop(0) if self._keys else "1"
        self._since = time.monotonic()
        self._reply(f"200 result={key if line.startswith(b'GET') else ord(key)}\n".encode())

    def _reply(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


class Callers:
    """Plays calls against one hotline."""

    def __init__(self, server: FilteringServer) -> None:
        self._server = server
        self._script = Script.load()

    def _send(self, frames: Frames, values: dict[str, str]) -> None:
        values["now"] = f"{time.time():.6f}"
        wanted = (text for frame, text in zip(frames.frames, frames.texts, strict=True) if self._server.wants(frame))
        self._server.send("".join(text % values for text in wanted).encode())

    async def call(
        self, port: int, keys: list[str], thinks: tuple[float, float], measured: Measured, *, alone: bool = False
    ) -> None:
        """One caller from the first event to the hang-up; ``alone``: against the peer, without a manager."""
        serial = next(_serial)
        measured.calls += 1
        call = {
            "caller.number": number_of(serial % 50_000), "caller.name": f"Caller {serial}",
            "caller.channel": f"PJSIP/trunk-{serial:08x}", "caller.uniqueid": f"{BEGAN}.{serial}",
            "call.queue": "support", "call.dialled": "9500", "bridge1.id": f"bridge-{BEGAN}-{serial:08x}",
            **_phone("agent", 1 + serial % 50),
        }  # fmt: skip
        if not alone:
            self._send(self._script.arrive, call)
        run = Run(_environment(port, call), keys, thinks, measured)
        try:
            await asyncio.get_running_loop().create_connection(lambda: run, "127.0.0.1", port)
            said = await run.over
        except OSError:
            said = ""
        if said != "queue":
            measured.failed += 1
        measured.queued += said == "queue"
        if alone:
            return
        if said == "queue":
            self._send(self._script.join, call)
            await asyncio.sleep(RINGS)
            self._send(self._script.ring, call)
            await asyncio.sleep(_choose.uniform(*WAITS))
        self._send(self._script.leave, call)

    async def menu(self, port: int, callers: int, seconds: int, *, alone: bool = False) -> Measured:
        """So many callers in the menu at any time; each asks wrongly twice before choosing."""
        measured = Measured()
        until = time.monotonic() + seconds

        async def one() -> None:
            await asyncio.sleep(_choose.uniform(0, THINKS[1]))
            while time.monotonic() < until:
                await self.call(port, ["1", "9", "9", "2"], THINKS, measured, alone=alone)

        await asyncio.gather(*(one() for _ in range(callers)))
        return measured

    async def rate(self, port: int, calls: int, seconds: int) -> Measured:
        """So many new calls a second, at random moments."""
        measured = Measured()
        began = time.monotonic() + 0.2
        tasks = set()
        for at in sorted(began + _choose.uniform(0, seconds) for _ in range(calls * seconds)):
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            measured.late = max(measured.late, time.monotonic() - at)
            keys = [_choose.choice("12"), _choose.choice("123")]
            tasks.add(asyncio.create_task(self.call(port, keys, QUICK, measured)))
        await asyncio.gather(*tasks)
        return measured


def _environment(port: int, call: dict[str, str]) -> bytes:
    path = f"{PBX}/{KEY}/flow/{FLOW}"
    lines = {
        "network": "yes", "network_script": path, "request": f"agi://127.0.0.1:{port}/{path}",
        "channel": call["caller.channel"], "language": "en", "type": "PJSIP", "uniqueid": call["caller.uniqueid"],
        "version": "22.10.1", "callerid": call["caller.number"], "calleridname": call["caller.name"],
        "callingpres": "0", "dnid": call["call.dialled"], "context": "hotline-call", "extension": "s",
        "priority": "12",
    }  # fmt: skip
    return "".join(f"agi_{name}: {value}\n" for name, value in lines.items()).encode() + b"\n"


async def main() -> None:
    server = FilteringServer()
    callers = Callers(server)
    report(await server.start())
    loop = asyncio.get_running_loop()
    while words := (await loop.run_in_executor(None, sys.stdin.readline)).split():
        numbers = [int(word) for word in words[1:]]
        match words[0]:
            case "wait":
                await server.ready.wait()
                report("connected")
            case "peer":
                report((await callers.menu(*numbers, alone=True)).told())
            case "menu":
                report((await callers.menu(*numbers)).told())
            case _:
                report((await callers.rate(*numbers)).told())


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
