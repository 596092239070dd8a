"""``hotline dispatch`` as a process of its own that is killed while it sends: nothing is lost, nothing is sent twice,
and what nobody can know is listed as such."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from bench import blast
from bench.smtp_process import SinkProcess
from hotline.workflows.house import House
from hotline.workflows.pushes.push_channels import MOST_BEGUN
from tests.commands import Running, clean_environment, start
from tests.conftest import SECRET
from tests.waiting import until

CONNECTIONS = 4
MAILS = 800
KILLS = 2


@asynccontextmanager
async def dispatch(house: House, sink: SinkProcess, name: str, log: Path) -> AsyncIterator[Running]:
    """A process that dispatches what is in the house's database to the sink."""
    environment = clean_environment(
        HOTLINE_DATABASE_URL=house.db.dsn,
        HOTLINE_DATA_DIR=str(house.settings.data_dir),
        HOTLINE_SECRET_KEY=SECRET,
        HOTLINE_SMTP_URL=f"smtp://127.0.0.1:{sink.port}?starttls=no",
        HOTLINE_PUSH_CONNECTIONS=str(CONNECTIONS),
        HOTLINE_NODE=name,
        HOTLINE_LOG_FORMAT="json",
    )
    with log.open("ab") as output:
        process = await start("dispatch", environ=environment, place=Path("/"), stderr=output)
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[SinkProcess]:
    """A relay that writes down whom each mail was for, before it says that it took it."""
    found = await SinkProcess.start(tmp_path / "ledger")
    yield found
    await found.stop()


async def left(house: House, campaign_id: UUID) -> int:
    """Deliveries that are not ended."""
    return int(
        await house.db.fetchval(
            "SELECT count(*) FROM delivery WHERE campaign_id = $1 AND state IN ('queued', 'sending')", campaign_id
        )
    )


async def test_killed_at_any_moment_nothing_is_lost_and_nothing_sent_twice(
    house: House, sink: SinkProcess, tmp_path: Path
) -> None:
    chance = random.Random(os.urandom(8))
    await blast.people(house, MAILS)
    campaign_id = await blast.campaign(house, "email", blast.mail_content(1_000))
    for number in range(KILLS):
        goal = await sink.count() + chance.randint(20, MAILS // (KILLS + 1))

        async def reached(goal: int = goal) -> bool:
            return await sink.count() >= goal

        async with dispatch(house, sink, f"n{number}", tmp_path / "log") as process:
            async with asyncio.timeout(60):
                await until(reached)
            process.kill()
        # As if the time had passed after which a process that is not seen is dead, and its leases are over.
        await house.db.execute("UPDATE dispatch_node SET seen_at = seen_at - interval '1 minute'")
        await house.db.execute(
            "UPDATE delivery SET leased_until = now() - interval '1 s' WHERE leased_until IS NOT NULL"
        )

    async def through() -> bool:
        return await left(house, campaign_id) == 0

    async with dispatch(house, sink, "last", tmp_path / "log"):
        async with asyncio.timeout(60):
            await until(through)
    took = Counter((tmp_path / "ledger").read_text().split())
    assert max(took.values()) == 1, "sent twice"
    rows = await house.db.fetch(
        """SELECT d.state, p.value_index FROM delivery d JOIN contact_point p ON p.id = d.contact_point_id
           WHERE d.campaign_id = $1""",
        campaign_id,
    )
    states = {bytes(row["value_index"]): row["state"] for row in rows}
    assert set(states.values()) <= {"sent", "unknown"}
    for number in range(MAILS):
        address = blast.email_of(number)
        state = states[house.keyring.contact_index("email", address)]
        assert state == "unknown" or took[address] == 1, "lost"
    unknown = sum(state == "unknown" for state in states.values())
    assert unknown <= KILLS * MOST_BEGUN * CONNECTIONS
    assert took.total() >= MAILS - unknown


async def test_asked_to_end_it_notes_what_is_on_its_way_and_leaves_no_doubt(
    house: House, sink: SinkProcess, tmp_path: Path
) -> None:
    await blast.people(house, 300)
    campaign_id = await blast.campaign(house, "email", blast.mail_content(1_000))

    async def some() -> bool:
        return await sink.count() >= 50

    async with dispatch(house, sink, "first", tmp_path / "log") as process:
        async with asyncio.timeout(60):
            await until(some)
        process.terminate()
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    states = await blast.states(house, campaign_id)
    assert states.keys() <= {"sent", "queued"}
    assert states["sent"] == await sink.count()
    assert await house.db.fetchval("SELECT count(*) FROM dispatch_node") == 0
