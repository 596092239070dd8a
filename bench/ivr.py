"""The IVR: from a caller's key to the next words, and new calls with their tickets.

``python -m bench.ivr [SECONDS] [CALLERS] [CALLS]``. The service runs as its own process with the embedded PostgreSQL
and 100,000 customers; the callers are a process of their own that plays Asterisk's manager and its scripts. First 200
callers are in the menu at once, beside as many at a bare AGI server in the same run; then 50 new calls begin each
second for a minute, and each must have its ticket in the database.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from typing import Any

import asyncpg
from pydantic import SecretStr

from bench.ivr_callers import KEY
from bench.measure import Child, Figure, median, percentile, processor_seconds, tell
from bench.pop import FOLDER, prepare, start_service
from hotline.settings import EMBEDDED, Settings, load_settings
from hotline.workflows.house import open_house

RUNS, SECONDS, CALLERS, CALLS, CUSTOMERS = 3, 60, 200, 50, 100_000
#: Seconds of the menu, after a few in which prompts are made and caches filled.
MENU_SECONDS, WARM_SECONDS = 20, 8
MOST_STEP = 100.0
#: Seconds after the last call in which its ticket must be there.
PATIENCE = 30.0


def free_port() -> int:
    """A port for FastAGI, which the callers must know beforehand."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def tickets_since(connection: asyncpg.Connection, calls: int, since: float) -> tuple[int, float]:
    """Waits until the calls of this run have their tickets; how many lack one, and seconds that it took."""
    began = time.monotonic()
    while True:
        missing: int = await connection.fetchval(
            """SELECT $1 - count(*) FROM call JOIN ticket t ON t.id = call.ticket_id
               WHERE call.created_at >= to_timestamp($2) AND call.ivr ->> 'outcome' = 'queued'""",
            calls, since,
        )  # fmt: skip
        took = time.monotonic() - began
        if missing <= 0 or took > PATIENCE:
            return missing, took
        await asyncio.sleep(0.1)


async def one_run(settings: Settings, seconds: int, callers: int, calls: int) -> dict[str, Any]:
    """One run of the service, its callers and its peer."""
    pbx = await Child.start("bench.ivr_callers")
    port = free_port()
    more = {"HOTLINE_AGI_BIND": f"127.0.0.1:{port}", "HOTLINE_AGI_KEY": KEY}
    service, _ = await start_service(settings, await pbx.answer(), more)
    echo = await Child.start("bench.agi_echo")
    house = await open_house(settings)
    connection = await asyncpg.connect(house.db.dsn)
    try:
        echo_port = await echo.answer()
        await pbx.say("wait")
        await pbx.answer()

        async def ask(what: str, *numbers: int) -> dict[str, Any]:
            await pbx.say(" ".join([what, *map(str, numbers)]))
            answer: dict[str, Any] = await pbx.answer()
            return answer

        await ask("menu", port, callers, WARM_SECONDS)
        tell("  prompts are made")
        peer = await ask("peer", echo_port, callers, MENU_SECONDS)
        used, began = processor_seconds(service.process.pid), time.monotonic()
        menu = await ask("menu", port, callers, MENU_SECONDS)
        menu_core = (processor_seconds(service.process.pid) - used) / (time.monotonic() - began)
        since = time.time()
        used, began = processor_seconds(service.process.pid), time.monotonic()
        steady = await ask("rate", port, calls, seconds)
        steady_core = (processor_seconds(service.process.pid) - used) / (time.monotonic() - began)
        missing, took = await tickets_since(connection, steady["calls"], since)
    finally:
        await connection.close()
        await house.close()
        for child in (service, echo, pbx):
            await child.end()
    return {
        "p50": percentile(menu["steps"], 0.5), "p99": percentile(menu["steps"], 0.99),
        "greeting": percentile(menu["greetings"], 0.99),
        "peer50": percentile(peer["steps"], 0.5), "peer99": percentile(peer["steps"], 0.99),
        "failed": menu["failed"] + steady["failed"], "menu_core": 100 * menu_core,
        "rate": steady["calls"] / seconds, "missing": missing, "took": took, "late": steady["late"],
        "steady99": percentile(steady["steps"], 0.99), "steady_core": 100 * steady_core,
    }  # fmt: skip


async def main(seconds: int, callers: int, calls: int, runs: int = RUNS) -> None:
    """The runs, and their medians."""
    tell(f"{callers} callers in the menu; then {calls} new calls/s for {seconds} s; median of {runs}")
    settings = load_settings({}, None).model_copy(
        update={"data_dir": FOLDER / f"ivr-{CUSTOMERS}", "database_url": SecretStr(EMBEDDED)}
    )
    await prepare(settings, CUSTOMERS)
    measured = [await one_run(settings, seconds, callers, calls) for _ in range(runs)]
    middle = {key: median([run[key] for run in measured]) for key in measured[0]}
    for figure in (
        Figure("ivr: key to the next words, p50", middle["p50"], "ms"),
        Figure("ivr: key to the next words, p99", middle["p99"], "ms", MOST_STEP),
        Figure("bare AGI server: the same, p50", middle["peer50"], "ms"),
        Figure("bare AGI server: the same, p99", middle["peer99"], "ms"),
        Figure("ivr / bare, p99", middle["p99"] / middle["peer99"], "x"),
        Figure("ivr: call to the first words, p99", middle["greeting"], "ms"),
        Figure("ivr: the service in the menu, one core", middle["menu_core"], "%"),
        Figure("ivr: new calls begun each second", middle["rate"], ""),
        Figure("ivr: key to the next words at that rate, p99", middle["steady99"], "ms"),
        Figure("ivr: calls without their ticket", max(run["missing"] for run in measured), "", 0),
        Figure("ivr: callers that did not reach the queue by the flow", max(r["failed"] for r in measured), "", 0),
        Figure("ivr: last ticket after the last call", middle["took"], "s"),
        Figure("ivr: the service at that rate, one core", middle["steady_core"], "%"),
    ):
        tell(figure.line())


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:]]
    asyncio.run(main(*(words + [SECONDS, CALLERS, CALLS, RUNS][len(words) :])))
