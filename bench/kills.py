"""``hotline dispatch`` killed again and again while a campaign leaves: what is lost, sent twice, unknown.

``python -m bench.kills [KILLS] [MAILS]``: 20 kills at moments of chance of a campaign of 20,000 mails, over real SMTP
to a sink that writes down whom each mail was for before it says that it took it.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bench import blast
from bench.measure import Figure, tell
from bench.pop import FOLDER
from bench.smtp_process import SinkProcess
from hotline import logs
from hotline.settings import EMBEDDED, load_settings
from hotline.workflows.house import House, open_house
from hotline.workflows.pushes.push_channels import MOST_BEGUN

KILLS, MAILS, CONNECTIONS = 20, 20_000, 10
#: Seconds after which a run has failed.
LONGEST: Final = 900.0


async def dispatch(folder: Path, port: int, name: str) -> Process:
    """A process that dispatches."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("HOTLINE_")}
    ours |= {
        "HOTLINE_DATA_DIR": str(folder),
        "HOTLINE_SMTP_URL": f"smtp://127.0.0.1:{port}?starttls=no",
        "HOTLINE_PUSH_CONNECTIONS": str(CONNECTIONS),
        "HOTLINE_NODE": name,
        "HOTLINE_LOG_LEVEL": "error",
    }
    command = (sys.executable, "-m", "hotline", "dispatch")
    return await asyncio.create_subprocess_exec(*command, env=ours, stdin=DEVNULL)


async def killed(house: House, sink: SinkProcess, folder: Path, kills: int, mails: int) -> None:
    """The kills, then a process that ends it."""
    for number in range(kills):
        goal = await sink.count() + random.randint(1, max(2, mails // (kills + 1)))
        process = await dispatch(folder, sink.port, f"killed{number}")
        while await sink.count() < goal:  # noqa: ASYNC110  # another process counts
            await asyncio.sleep(0.02)
        process.kill()
        await process.wait()
        await _time_passes(house)
    process = await dispatch(folder, sink.port, "last")
    sql = "SELECT count(*) FROM delivery WHERE state IN ('queued', 'sending')"
    while await house.db.fetchval(sql):  # noqa: ASYNC110  # the fact is in the database
        await asyncio.sleep(0.2)
    process.terminate()
    await process.wait()


async def _time_passes(house: House) -> None:
    """As if the seconds had gone by after which what is not seen is dead."""
    await house.db.execute("UPDATE dispatch_node SET seen_at = seen_at - interval '1 minute'")
    await house.db.execute("UPDATE delivery SET leased_until = now() - interval '1 s' WHERE leased_until IS NOT NULL")


async def main(kills: int = KILLS, mails: int = MAILS) -> None:
    """The run, and what came of each mail."""
    folder = FOLDER / "kills"
    folder.mkdir(parents=True, exist_ok=True)
    ledger = folder / "ledger"
    ledger.write_bytes(b"")
    settings = load_settings({}, None).model_copy(update={"data_dir": folder, "database_url": SecretStr(EMBEDDED)})
    house = await open_house(settings, migrate=True)
    sink = await SinkProcess.start(ledger)
    try:
        have = int(await house.db.fetchval("SELECT count(*) FROM customer"))
        if have < mails:
            await blast.people(house, mails - have, first=have)
        await house.db.execute("TRUNCATE delivery, delivery_attempt")
        await house.db.execute("UPDATE campaign SET state = 'cancelled'")
        campaign_id = await blast.campaign(house, "email", blast.mail_content(), most=mails)
        async with asyncio.timeout(LONGEST):
            await killed(house, sink, folder, kills, mails)
        states = await blast.states(house, campaign_id)
        took = Counter(ledger.read_text().split())
        rows = await house.db.fetch(
            """SELECT p.value_index FROM delivery d JOIN contact_point p ON p.id = d.contact_point_id
               WHERE d.campaign_id = $1 AND d.state = 'sent'""",
            campaign_id,
        )
        arrived = {house.keyring.contact_index("email", address) for address in took}
        lost = sum(bytes(row["value_index"]) not in arrived for row in rows)
    finally:
        await sink.stop()
        await house.close()
    tell(f"killed {kills} times in {mails} mails over {CONNECTIONS} connections")
    for figure in (
        Figure("noted as sent and never taken: lost", lost, "", 0),
        Figure("taken twice", sum(count > 1 for count in took.values()), "", 0),
        Figure("neither sent nor listed as unknown", mails - states.get("sent", 0) - states.get("unknown", 0), "", 0),
        Figure("unknown, each listed", states.get("unknown", 0), "", kills * MOST_BEGUN * CONNECTIONS),
    ):
        tell(figure.line())


if __name__ == "__main__":
    logs.configure("error")
    asyncio.run(main(*(int(each) for each in sys.argv[1:3])))
