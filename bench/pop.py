"""The screen pop: from a ring's byte on the AMI socket to the event in the agent's browser.

``python -m bench.pop [--with-blast] [SECONDS] [CUSTOMERS]``. A million customers, 20 calls a second, each ringing 5
of 50 signed-in browsers; the service runs as its own process with the embedded PostgreSQL. Beside it, on the same
database in the same run: a bare asyncpg lookup of a number and a write of one row. Then one burst that rings all 50.
``--with-blast``: the same once more while a campaign of mails leaves, by the process that the service starts for it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import SecretStr

from bench import blast
from bench.measure import Child, Figure, median, percentile, processor_seconds, tell
from bench.queue_calls import number_of
from bench.smtp_process import SinkProcess
from hotline.crm.commands.customers.bulk import BulkCustomer, e164, load_customers
from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.settings import EMBEDDED, Settings, load_settings
from hotline.workflows.campaigns import segments
from hotline.workflows.house import House, open_house
from hotline.workflows.people.sign_in import sign_in
from hotline.workflows.people.users import create_user

RUNS, RATE, RINGING, AGENTS = 3, 20, 5, 50
SECONDS, CUSTOMERS = 60, 1_000_000
#: Seconds of calls before those that count: each of ten connections prepares its statements, as on any morning.
WARM_SECONDS = 25
MOST_P50, MOST_P99 = 15.0, 50.0
#: How much later pops may come while a campaign leaves; and more mails than leave in a second.
MOST_BESIDE, MOST_MAILS_PER_SECOND = 2.0, 2_500
PASSWORD = "bench-password-of-everybody"
#: Kept between runs: loading takes longer than measuring.
FOLDER = Path("/var/tmp") / "hotline-bench"


def people(count: int) -> Iterator[BulkCustomer]:
    """Invented customers, one number each."""
    choose = random.Random(7)
    first = ("Anna", "John", "王", "李", "María", "Tom", "陈", "Emma", "Jürgen", "Amélie")
    last = ("Miller", "Schmidt", "秀英", "国强", "García", "Hale", "静", "Clarke", "Weiß", "Dubois")
    tiers = ("standard",) * 8 + ("silver", "gold")
    for number in range(count):
        name = f"{choose.choice(first)} {choose.choice(last)} {number % 9973}"
        yield BulkCustomer(name, (("phone", e164(number_of(number), "DE"), ""),), tier=choose.choice(tiers))


async def prepare(settings: Settings, customers: int) -> None:
    """Loads the customers and makes the agents, unless an earlier run did."""
    done = settings.data_dir / "loaded.json"
    if done.is_file() and json.loads(done.read_text()) == [customers, AGENTS]:
        return
    shutil.rmtree(settings.data_dir, ignore_errors=True)
    house = await open_house(settings, migrate=True)
    try:
        began = time.monotonic()
        await load_customers(house.db, house.keyring, SYSTEM, people(customers), now=datetime.now(UTC), new_id=new_id)
        tell(f"  loaded {customers} customers in {time.monotonic() - began:.0f} s")
        for n in range(1, AGENTS + 1):
            user = {"login": f"agent{n}", "name": f"Agent {n}", "role": "agent", "password": PASSWORD}
            phone = {"extension": str(1000 + n), "interfaces": [f"PJSIP/agent{n}"], "queues": ["support"]}
            await create_user(house, SYSTEM, {**user, **phone})  # type: ignore[typeddict-item]
    finally:
        await house.close()
    done.write_text(json.dumps([customers, AGENTS]))


async def cookies(house: House) -> list[str]:
    """A session for every agent."""
    return [(await sign_in(house, f"agent{n}", PASSWORD, "bench")).token for n in range(1, AGENTS + 1)]


async def bare(dsn: str, house: House, customers: int, seconds: int = 10) -> list[float]:
    """A number looked up and a row written by asyncpg alone, 20 times a second: milliseconds each."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS bench_row (id uuid PRIMARY KEY, customer uuid, at timestamptz)"
    )
    lookup = "SELECT customer_id FROM contact_point WHERE kind = 'phone' AND value_index = $1"
    took = []
    for _ in range(RATE * seconds):
        index = house.keyring.blind_index("phone", number_of(random.randrange(customers)))
        began = time.monotonic()
        row = await connection.fetchval(lookup, index)
        await connection.execute("INSERT INTO bench_row VALUES ($1, $2, now())", new_id(), row)
        took.append((time.monotonic() - began) * 1000)
        await asyncio.sleep(1 / RATE)
    await connection.execute("DROP TABLE bench_row")
    await connection.close()
    return took


async def measured(pbx: Child, browsers: Child, *plan: int) -> tuple[list[float], int]:
    """Plays calls; milliseconds of every pop, and how many rings had none."""
    await pbx.say("run " + " ".join(map(str, plan)))
    rings = {(number, f"agent{agent}"): at for number, agent, at in await pbx.answer()}
    await asyncio.sleep(1.0)  # a second for the last pop: what is later counts as missing
    await browsers.say("take")
    offers: dict[tuple[str, str], float] = {}
    for number, agent, at in await browsers.answer():
        offers.setdefault((number, agent), at)
    took = [(offers[key] - at) * 1000 for key, at in rings.items() if key in offers]
    return took, len(rings) - len(took)


async def start_service(settings: Settings, port: int, more: Mapping[str, str] | None = None) -> tuple[Child, str]:
    """``hotline serve`` on the prepared folder, reading the bench's PBX; its address."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("HOTLINE_")}
    ours |= {
        "HOTLINE_DATA_DIR": str(settings.data_dir),
        "HOTLINE_HTTP_BIND": "127.0.0.1:0",
        "HOTLINE_AMI_URLS": f"ami://bench:bench@127.0.0.1:{port}/bench",
        "HOTLINE_LOG_LEVEL": "warning",
        **(more or {}),
    }
    service = await Child.start("hotline", "serve", env=ours)
    assert service.process.stdout is not None
    line = (await service.process.stdout.readline()).decode()
    return service, line.partition(": ")[2].strip()


async def _beside_a_blast(
    house: House, sink: SinkProcess, pbx: Child, browsers: Child, seconds: int, *plan: int
) -> dict[str, Any]:
    """Pops while a campaign leaves: their p99, and what the campaign did meanwhile."""
    letter = blast.mail_content()["locales"]["en"]
    campaign_id = await blast.started(house, {"subject": letter["subject"], "body": letter["text"]})
    try:
        async with asyncio.timeout(60):
            await until_more(sink, 500)
        before, began = await sink.count(), time.perf_counter()
        took, missing = await measured(pbx, browsers, RATE, seconds, RINGING, AGENTS, *plan)
        mails = (await sink.count() - before) / (time.perf_counter() - began)
        left = (await blast.states(house, campaign_id)).get("queued", 0)
    finally:
        await blast.ended(house, campaign_id)
    return {"blast_p99": percentile(took, 0.99), "blast_missing": missing, "mails": mails, "left": left}


async def until_more(sink: SinkProcess, mails: int) -> None:
    """Wait until the sink took so many more."""
    goal = await sink.count() + mails
    while await sink.count() < goal:  # noqa: ASYNC110  # another process counts
        await asyncio.sleep(0.1)


async def one_run(settings: Settings, seconds: int, customers: int, *, with_blast: bool = False) -> dict[str, Any]:
    """One run of the service, its browsers and its peer."""
    pbx = await Child.start("bench.queue_calls")
    sink = await SinkProcess.start(elsewhere=True) if with_blast else None
    more = {"HOTLINE_SMTP_URL": f"smtp://127.0.0.1:{sink.port}?starttls=no"} if sink is not None else None
    service, address = await start_service(settings, await pbx.answer(), more)
    browsers = await Child.start("bench.browsers", address)
    house = await open_house(settings)
    try:
        await browsers.say(json.dumps(await cookies(house)))
        await browsers.answer()
        await pbx.say("wait")
        await pbx.answer()
        first = random.randrange(customers - RATE * (seconds + WARM_SECONDS) - 100)
        tell("  browsers and PBX are connected")
        await measured(pbx, browsers, RATE, WARM_SECONDS, RINGING, AGENTS, first)
        used = processor_seconds(service.process.pid)
        took, missing = await measured(pbx, browsers, RATE, seconds, RINGING, AGENTS, first + RATE * WARM_SECONDS)
        used = processor_seconds(service.process.pid) - used
        burst, lost = await measured(pbx, browsers, 1, 1, AGENTS, AGENTS, customers - 1)
        peer = await bare(house.db.dsn, house, customers)
        beside: dict[str, Any] = {}
        if sink is not None:
            plan = first + 120 if first + 120 + RATE * seconds < customers else first
            beside = await _beside_a_blast(house, sink, pbx, browsers, seconds, plan)
    finally:
        if sink is not None:
            await sink.stop()
        await house.close()
        for child in (browsers, service, pbx):
            await child.end()
    return {
        "p50": percentile(took, 0.5), "p99": percentile(took, 0.99), "missing": missing + lost,
        "burst": max(burst, default=float("nan")), "core": 100 * used / (seconds + 3),
        "peer50": percentile(peer, 0.5), "peer99": percentile(peer, 0.99), **beside,
    }  # fmt: skip


async def main(seconds: int, customers: int, *, with_blast: bool = False) -> None:
    """Three runs, and the medians."""
    tell(f"{customers} customers, {RATE} calls/s for {seconds} s, {RINGING} of {AGENTS} ring, median of {RUNS}")
    settings = load_settings({}, None).model_copy(
        update={"data_dir": FOLDER / f"pop-{customers}", "database_url": SecretStr(EMBEDDED)}
    )
    await prepare(settings, customers)
    if with_blast:
        await readers(settings, MOST_MAILS_PER_SECOND * seconds)
    runs = [await one_run(settings, seconds, customers, with_blast=with_blast) for _ in range(RUNS)]
    middle = {key: median([run[key] for run in runs]) for key in runs[0]}
    for figure in (
        Figure("pop: AMI byte to browser, p50", middle["p50"], "ms", MOST_P50),
        Figure("pop: AMI byte to browser, p99", middle["p99"], "ms", MOST_P99),
        Figure("pop: rings without a pop", max(run["missing"] for run in runs), "", 0),
        Figure("pop: one call rings all 50, the last one", middle["burst"], "ms"),
        Figure("the service: one core", middle["core"], "%"),
        Figure("bare asyncpg, lookup and write: p50", middle["peer50"], "ms"),
        Figure("bare asyncpg, lookup and write: p99", middle["peer99"], "ms"),
        Figure("pop / bare, p50", middle["p50"] / middle["peer50"], "x"),
        Figure("pop / bare, p99", middle["p99"] / middle["peer99"], "x"),
        *(_beside(middle, runs) if with_blast else ()),
    ):
        tell(figure.line())


def _beside(middle: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> Iterator[Figure]:
    yield Figure("beside a blast: pop p99", middle["blast_p99"], "ms")
    yield Figure("beside a blast: rings without a pop", max(run["blast_missing"] for run in runs), "", 0)
    yield Figure("beside a blast: mails", middle["mails"], "/s")
    yield Figure("beside a blast: mails still waiting at the end", min(run["left"] for run in runs), "")
    yield Figure("beside a blast / quiet, p99", middle["blast_p99"] / middle["p99"], "x", MOST_BESIDE)


async def readers(settings: Settings, count: int) -> None:
    """Customers with an email, so many that a blast to them outlasts the measurement; kept as the others are."""
    house = await open_house(settings, migrate=True)
    try:
        have = int(await house.db.fetchval("SELECT count(*) FROM contact_point WHERE kind = 'email'"))
        if have < count:
            await blast.people(house, count - have, first=have)
        # What is left to be read is read now, not while calls come.
        while await segments.bring_up_to_date(house):
            pass
    finally:
        await house.close()


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:] if word != "--with-blast"]
    asyncio.run(
        main(
            words[0] if words else SECONDS,
            words[1] if len(words) > 1 else CUSTOMERS,
            with_blast="--with-blast" in sys.argv,
        )
    )
