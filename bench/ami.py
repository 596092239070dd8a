"""Reading a busy PBX: 5,000 events a second of a real capture, with panoramisk's own Manager beside it.

``python -m bench.ami [SECONDS]``. Both read the same events unfiltered; hotline also tracks every call, panoramisk's
callback is empty.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from datetime import UTC, datetime
from typing import Any

from bench.measure import Child, Figure, median, percentile, report, tell

RATE = 5000
RUNS = 3
SECONDS = 60.0
MOST_CORE, MOST_LAG_MS = 50.0, 20.0


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def read_hotline(port: int) -> None:
    """A reader process: connection, decoding and call tracking as in the service, without the records."""
    from pydantic import SecretStr

    from hotline.calls.facts import TRACKED_VARIABLES
    from hotline.calls.tracker import Tracker
    from hotline.pbx.connection import Connection
    from hotline.pbx.wire import Accept
    from hotline.settings import PbxAddress
    from hotline.telephony.reader import EVENTS

    address = PbxAddress("bench", "127.0.0.1", port, tls=False, user="bench", secret=SecretStr("bench"))
    connection = await Connection.open(address, Accept.of(EVENTS, TRACKED_VARIABLES))
    tracker = Tracker("bench")
    lags: list[float] = []
    lines = 0

    async def read() -> None:
        nonlocal lines
        swept = time.monotonic()
        while True:
            for event in await connection.wire.events():
                now = datetime.now(UTC)
                lines += len(tracker.feed(event, now))
                if event.at is not None:
                    lags.append((now - event.at).total_seconds() * 1000)
            if time.monotonic() - swept > 1:
                lines += len(tracker.sweep(datetime.now(UTC)))
                swept = time.monotonic()

    task = asyncio.create_task(read())
    await _measured(lambda: {"events": connection.wire.counters.received, "lags": lags, "lines": lines})
    task.cancel()
    connection.close()


async def read_panoramisk(port: int) -> None:
    """A reader process: panoramisk's Manager with an empty callback."""
    from panoramisk import Manager

    seen = 0

    def callback(manager: Any, message: Any) -> None:
        nonlocal seen
        seen += 1

    manager = Manager(host="127.0.0.1", port=port, username="bench", secret="bench", ping_delay=3600)
    manager.register_event("*", callback)
    await manager.connect()
    await _measured(lambda: {"events": seen, "lags": [], "lines": 0})
    manager.close()


async def _measured(result: Any) -> None:
    report("reading")
    ask = asyncio.get_running_loop().run_in_executor
    await ask(None, sys.stdin.readline)
    before, events = _used(), result()["events"]
    await ask(None, sys.stdin.readline)
    found = result()
    lags = sorted(found["lags"])
    report(
        {
            "cpu": _used() - before,
            "events": found["events"] - events,
            "lines": found["lines"],
            "p50": percentile(lags, 0.5),
            "p99": percentile(lags, 0.99),
        }
    )


async def one_run(reader: str, seconds: float) -> dict[str, float]:
    """One reader on one stream of events."""
    pbx = await Child.start("bench.pbx", RATE, seconds)
    port = await pbx.answer()
    child = await Child.start("bench.ami", "--read", reader, port)
    try:
        await child.answer()
        await child.say("begin")
        await pbx.say("go")
        sent = await pbx.answer()
        await asyncio.sleep(0.5)  # the last events are on their way; both readers get the same half second
        await child.say("end")
        found: dict[str, float] = await child.answer()
        return found | {"sent": sent["sent"], "core": 100 * found["cpu"] / sent["seconds"]}
    finally:
        await child.end()
        await pbx.say("end")
        await pbx.end()


async def main(seconds: float) -> None:
    """Three runs of both, and the medians."""
    tell(f"bench/ami: {RATE} events/s of a capture of Asterisk 22 for {seconds:g} s, median of {RUNS}")
    runs: dict[str, list[dict[str, float]]] = {"hotline": [], "panoramisk": []}
    for _ in range(RUNS):
        for reader, found in runs.items():
            found.append(await one_run(reader, seconds))
    ours, theirs = runs["hotline"], runs["panoramisk"]
    core, peer = median([run["core"] for run in ours]), median([run["core"] for run in theirs])
    missed = max(run["sent"] - run["events"] for run in ours)
    for figure in (
        Figure("hotline: one core, reading and tracking", core, "%", MOST_CORE),
        Figure("hotline: lag p50", median([run["p50"] for run in ours]), "ms"),
        Figure("hotline: lag p99", median([run["p99"] for run in ours]), "ms", MOST_LAG_MS),
        Figure("hotline: events not read", missed, "", 0),
        Figure("panoramisk, empty callback: one core", peer, "%"),
        Figure("hotline / panoramisk, processor time per event", core / peer, "x"),
    ):
        tell(figure.line())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        import uvloop

        read = {"hotline": read_hotline, "panoramisk": read_panoramisk}[sys.argv[2]]
        uvloop.run(read(int(sys.argv[3])))
    else:
        asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
