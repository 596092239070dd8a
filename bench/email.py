"""Mails of a campaign, from the claim to the receipt in PostgreSQL, beside senders that keep no records at all.

``python -m bench.email [MAILS]``. A sink that takes everything runs as its own process. Then by turns: hotline, in a
process of its own as ``hotline dispatch``, on the embedded PostgreSQL with as many deliveries released (claim, policy,
values, text, attempt, hand-over, receipt); nodemailer's pool with as many connections and ready-made mails of the same
size; and Postfix's ``smtp-source``, where it is installed, as what the sink can take at all.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any, Final

import uvloop
from pydantic import SecretStr

from bench import blast
from bench.measure import Figure, median, tell
from bench.pop import FOLDER
from bench.smtp_process import SinkProcess
from hotline import logs
from hotline.jobs.dispatch import Dispatcher
from hotline.memory import settle_memory
from hotline.settings import EMBEDDED, Settings, load_settings
from hotline.workflows.house import House, open_house

RUNS, MAILS, SIZE, CONNECTIONS = 3, 20_000, 4_000, 10
LEAST_RATIO: Final = 2.0
WARM: Final = 500
#: Seconds after which a run has failed.
LONGEST: Final = 180.0
HERE: Final = Path(__file__).parent
_SMTP_SOURCE: Final = (shutil.which("smtp-source"), "/usr/sbin/smtp-source", "/usr/lib/postfix/sbin/smtp-source")


def settings_for(port: int, folder: Path) -> Settings:
    """The settings of a process that sends to the sink."""
    return load_settings({}, None).model_copy(
        update={
            "data_dir": folder,
            "database_url": SecretStr(EMBEDDED),
            "smtp_url": SecretStr(f"smtp://127.0.0.1:{port}?starttls=no"),
            "push_connections": CONNECTIONS,
        }
    )


async def drained(house: House, campaign_id: Any) -> float:
    """Dispatch until every delivery is noted; the seconds that took, from the first look on."""
    dispatcher = Dispatcher(house)
    began = time.perf_counter()
    task = house.spawn(dispatcher.run(), "dispatch")
    try:
        async with asyncio.timeout(LONGEST):
            while await house.db.fetchval(  # noqa: ASYNC110  # the fact is in the database
                "SELECT EXISTS (SELECT 1 FROM delivery WHERE campaign_id = $1 AND state IN ('queued', 'sending'))",
                campaign_id,
            ):
                await asyncio.sleep(0.05)
        return time.perf_counter() - began
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def ours(port: int, folder: Path, mails: int) -> None:
    """A process: hotline's dispatch, with its records."""
    house = await open_house(settings_for(port, folder), migrate=True)
    have = int(await house.db.fetchval("SELECT count(*) FROM customer"))
    if have < mails:
        await blast.people(house, mails - have, first=have)
    await house.db.execute("TRUNCATE delivery, delivery_attempt")
    await house.db.execute("UPDATE campaign SET state = 'completed'")
    settle_memory()  # as the command does when it starts
    for count in (WARM, mails):
        campaign_id = await blast.campaign(house, "email", blast.mail_content(SIZE), most=count)
        await house.db.execute("ANALYZE delivery")
        used = time.process_time()
        took = await drained(house, campaign_id)
        used = time.process_time() - used
        found = await blast.states(house, campaign_id)
        if found != {"sent": count}:
            raise RuntimeError(f"not all were sent: {found}")
    sys.stdout.write(f"{mails / took} {used / took}\n")
    await house.close()


async def _ask(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=HERE.parent)
    async with asyncio.timeout(LONGEST):
        told, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command[:3]} failed")
    return told.decode().strip().splitlines()[-1]


async def one_run(mails: int) -> dict[str, float]:
    """One run of hotline and its peers, each against a sink of its own."""
    results: dict[str, float] = {}
    sink = await SinkProcess.start()
    try:
        told = await _ask(
            sys.executable, "-m", "bench.email", "ours", str(sink.port), str(FOLDER / "email"), str(mails)
        )
        results["ours"], results["share"] = (float(each) for each in told.split())
        if nodemailer():
            node = await _ask(
                "node", str(HERE / "nodemailer.mjs"), str(sink.port), str(mails), str(CONNECTIONS), str(SIZE)
            )
            results["nodemailer"] = float(node)
        if source := smtp_source():
            began = time.perf_counter()
            await _ask(
                source, "-s", str(CONNECTIONS), "-m", str(mails), "-l", str(SIZE), "-d", "-f", "a@example.com",
                "-t", "b@example.com", f"inet:127.0.0.1:{sink.port}",
            )  # fmt: skip
            results["smtp-source"] = mails / (time.perf_counter() - began)
    finally:
        await sink.stop()
    return results


def nodemailer() -> bool:
    """Whether the peer is installed: it is needed here alone, and never by hotline."""
    return shutil.which("node") is not None and (HERE.parent / "node_modules" / "nodemailer").is_dir()


def smtp_source() -> str | None:
    """Postfix's own, where it is installed."""
    return next((path for path in _SMTP_SOURCE if path and os.access(path, os.X_OK)), None)


async def main(mails: int = MAILS, runs: int = RUNS) -> None:
    """The runs, and their medians."""
    tell(f"mails of a campaign: {mails} of {SIZE // 1000} kB in two parts, {CONNECTIONS} connections; median of {runs}")
    measured = [await one_run(mails) for _ in range(runs)]
    middle = {key: median([run[key] for run in measured]) for key in measured[0]}
    tell(Figure("claimed, decided, filled, tried, sent and noted", middle["ours"], "/s").line())
    tell(Figure("processor of the sending process", middle["share"] * 100, "%").line())
    if "nodemailer" in middle:
        tell(Figure("nodemailer's pool, no records", middle["nodemailer"], "/s").line())
        ratio = median([run["ours"] / run["nodemailer"] for run in measured])
        tell(Figure("hotline / nodemailer", ratio, "x", least=LEAST_RATIO).line())
    else:
        tell("nodemailer is not installed (npm ci): no peer, no ratio")
    if "smtp-source" in middle:
        tell(Figure("Postfix's smtp-source, ready-made mails", middle["smtp-source"], "/s").line())
        tell(Figure("hotline / smtp-source", middle["ours"] / middle["smtp-source"], "x").line())
    else:
        tell("smtp-source is not installed (Postfix): what the sink takes at all is not known")


if __name__ == "__main__":
    logs.configure("error")
    if sys.argv[1:2] == ["ours"]:
        uvloop.run(ours(int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])))
    else:
        asyncio.run(main(*(int(each) for each in sys.argv[1:2])))
