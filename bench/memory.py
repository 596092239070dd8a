"""What hotline's own processes hold: idle, and for each of 200 calls at once.

``python -m bench.memory``. Beside it, in the same run: a process that only has the same libraries loaded and one
connection of each kind, and one that keeps the events of 200 calls as panoramisk's messages. PostgreSQL is shown, not
counted: it is hotline's own only when embedded, and its memory is mostly shared.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bench.measure import Child, Figure, median, memory_bytes, report, tell
from bench.pop import start_service
from hotline.settings import EMBEDDED, load_settings
from hotline.workflows.house import House, open_house

RUNS, CALLS = 3, 200
MOST_IDLE, MOST_CALL = 200.0, 100.0
MEGABYTE, KILOBYTE = 1e6, 1e3
#: Seconds until memory is read: what the calls leave behind must not count as theirs.
REST = 3.0


def family(pid: int) -> dict[str, float]:
    """Memory of a process and of all below it, hotline's own and PostgreSQL's apart."""
    found = {"hotline": 0.0, "postgresql": 0.0}
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        try:
            command = Path(f"/proc/{one}/cmdline").read_bytes()
            below = Path(f"/proc/{one}/task/{one}/children").read_text().split()
            held = memory_bytes(one)
        except (FileNotFoundError, ProcessLookupError):
            continue
        found["postgresql" if b"postgres" in command.split(b"\x00")[0] else "hotline"] += held
        waiting += [int(child) for child in below]
    return found


def _postmaster(folder: Path) -> int:
    """The process id of the embedded PostgreSQL: it is nobody's child."""
    return int(next(folder.rglob("postmaster.pid")).read_text().split()[0])


async def libraries() -> None:
    """The peer of the idle figure: the same libraries, no hotline."""
    import aiohttp.web  # noqa: F401
    import asyncpg  # noqa: F401
    import cryptography.hazmat.primitives.ciphers.aead  # noqa: F401
    import jinja2  # noqa: F401
    import panoramisk  # noqa: F401
    import phonenumbers  # noqa: F401
    import prometheus_client  # noqa: F401
    import pydantic  # noqa: F401
    import structlog  # noqa: F401
    import tortoise  # noqa: F401

    report("loaded")
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def messages(port: int) -> None:
    """The peer of the calls: panoramisk's messages of every event, kept."""
    from panoramisk import Manager

    kept: list[Any] = []
    manager = Manager(host="127.0.0.1", port=port, username="bench", secret="bench", ping_delay=3600)
    manager.register_event("*", lambda manager, message: kept.append(message))
    await manager.connect()
    report("connected")
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    report(len(kept))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def calls_at_once(child: Child, pbx: Child, house: House | None = None) -> float:
    """Bytes that the process grows by, for each of the calls that ring; with a house, when it has them all."""
    before = memory_bytes(child.process.pid)
    await pbx.say(f"hold {CALLS}")
    await pbx.answer()
    ringing = "SELECT count(DISTINCT call_id) FROM leg WHERE ended_at IS NULL"
    while house and await house.db.fetchval(ringing) < CALLS:  # noqa: ASYNC110 - another process's records
        await asyncio.sleep(0.1)
    await asyncio.sleep(REST)
    return (memory_bytes(child.process.pid) - before) / CALLS


async def one_run(folder: Path) -> dict[str, float]:
    pbx = await Child.start("bench.queue_calls")
    port = await pbx.answer()
    settings = load_settings({}, None).model_copy(update={"data_dir": folder, "database_url": SecretStr(EMBEDDED)})
    service, _ = await start_service(settings, port)
    await pbx.say("wait")
    await pbx.answer()
    await asyncio.sleep(REST)
    idle = family(service.process.pid)
    # A call before the others: what is loaded with the first one is not a call's own memory.
    await pbx.say("run 1 1 1 1 1")
    await pbx.answer()
    house = await open_house(settings)
    server = family(_postmaster(folder))["postgresql"]
    each = await calls_at_once(service, pbx, house)
    await house.close()
    await service.end()
    bare = await Child.start("bench.memory", "--libraries")
    await bare.answer()
    peer = family(bare.process.pid)["hotline"]
    await bare.end()
    other = await Child.start("bench.memory", "--messages", port)
    await other.answer()
    kept = await calls_at_once(other, pbx)
    for child in (other, pbx):
        await child.end()
    return {
        "idle": idle["hotline"] / MEGABYTE, "postgresql": server / MEGABYTE, "peer": peer / MEGABYTE,
        "call": each / KILOBYTE, "kept": kept / KILOBYTE,
    }  # fmt: skip


async def main() -> None:
    """Three runs, and the medians."""
    tell(f"bench/memory: the service idle, and with {CALLS} calls at once, median of {RUNS}")
    runs = []
    for _ in range(RUNS):
        folder = Path(tempfile.mkdtemp(prefix="hotline-bench-", dir="/var/tmp"))
        try:
            runs.append(await one_run(folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    middle = {key: median([run[key] for run in runs]) for key in runs[0]}
    for figure in (
        Figure("hotline's own processes, idle", middle["idle"], "MB", MOST_IDLE),
        Figure("the same libraries without hotline", middle["peer"], "MB"),
        Figure("hotline / libraries", middle["idle"] / middle["peer"], "x"),
        Figure("embedded PostgreSQL beside it", middle["postgresql"], "MB"),
        Figure("hotline: each of the calls", middle["call"], "kB", MOST_CALL),
        Figure("panoramisk's messages kept: each of the calls", middle["kept"], "kB"),
        Figure("hotline / messages kept", middle["call"] / middle["kept"], "x"),
    ):
        tell(figure.line())


if __name__ == "__main__":
    if sys.argv[1:] == ["--libraries"]:
        asyncio.run(libraries())
    elif sys.argv[1:2] == ["--messages"]:
        asyncio.run(messages(int(sys.argv[2])))
    else:
        asyncio.run(main())
