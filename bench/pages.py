"""Pages of a desk that a company has worked with for years: how long the server takes for them.

``python -m bench.pages [CUSTOMERS] [ROUNDS]``. 1,000,000 customers with as many calls and tickets and 5,000,000 lines
of timelines (``bench.crowd``); the service runs as its own process with the embedded PostgreSQL, one browser asks one
page after the other and waits for its last byte. The searches are what agents type: names common and rare, in Latin
and Chinese, whole and begun, last digits, numbers, emails, tags, several at once. The machine has the database in
memory before (its files are read once), and WARMING searches of other words are asked that are not counted.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp

from bench.crowd import CUSTOMERS, PASSWORD, Crowd, number_of, prepare, warm
from bench.measure import Child, Figure, median, percentile, tell
from hotline.crm.viewer import SYSTEM
from hotline.tickets.views import SHIPPED
from hotline.web.desktop.assets import DIST, manifest
from hotline.workflows.house import House, open_house
from hotline.workflows.people.roles import create_role
from hotline.workflows.people.sign_in import sign_in
from hotline.workflows.people.users import update_user

ROUNDS = 40
#: Searches of each person: so many that five of a hundred are some of every kind.
SEARCHED, WARMING = 600, 100
MOST_CUSTOMER, MOST_LIST, MOST_SEARCH, MOST_FIRST, MOST_SCRIPT = 80.0, 100.0, 50.0, 200.0, 150.0

#: What agents type, and how often.
SEARCHES: Mapping[str, int] = {
    "name": 30, "name_begun": 20, "chinese": 12, "chinese_begun": 5, "first_name": 3, "inside": 3, "digits": 12,
    "number": 5, "name_digits": 8, "email": 4, "email_part": 2, "reference": 3, "tag": 2, "tag_name": 3, "nobody": 3,
}  # fmt: skip


NARROWED = "/tickets?state=unsettled&kind=complaint&priority=urgent&sort=deadline"


@dataclass(frozen=True, slots=True)
class Known:
    """Some of the crowd, to ask for."""

    ids: Sequence[str]
    names: Sequence[str]
    numbers: Sequence[int]
    emails: Sequence[str]
    busiest: str


class Browser:
    """One person's browser on a kept connection."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._session = aiohttp.ClientSession(cookies={"hotline": token}, headers={"Accept-Encoding": "identity"})

    async def ask(self, path: str) -> float:
        """Milliseconds until the last byte."""
        began = time.perf_counter()
        async with self._session.get(f"{self._address}{path}", allow_redirects=False) as answer:
            await answer.read()
            took = (time.perf_counter() - began) * 1000
            if answer.status != 200:
                raise RuntimeError(f"{path} answered {answer.status}")
        return took

    async def ask_each(self, rounds: int, path: Callable[[], str]) -> list[float]:
        """The same page again and again, the first two times for the caches."""
        took = [await self.ask(path()) for _ in range(rounds + 2)]
        return took[2:]

    async def close(self) -> None:
        await self._session.close()


async def known(house: House, crowd: Crowd) -> Known:
    """A sample of the crowd, read as hotline reads it."""
    from hotline.crm.queries.customers.customer_search import read_customers

    rows = await house.db.fetch(
        "SELECT id, number FROM customer WHERE number = ANY($1::bigint[])",
        [10_001 + number for number in random.Random(5).sample(range(crowd.customers), min(2_000, crowd.customers))],
    )
    views = await read_customers(house.db, house.keyring, SYSTEM, [row["id"] for row in rows])
    busiest = await house.db.fetchval("SELECT id FROM customer ORDER BY number LIMIT 1")
    return Known(
        [str(view.id) for view in views],
        [view.name for view in views],
        [view.number for view in views],
        [point.value for view in views for point in view.contact_points if point.kind == "email"],
        str(busiest),
    )


def typed(some: Known, choose: random.Random, kind: str) -> str:
    """What somebody types who looks for a customer."""
    name, number = choose.choice(some.names), choose.choice(some.numbers)
    latin = choose.choice([each for each in some.names if each[0].isascii()])
    chinese = choose.choice([each for each in some.names if not each[0].isascii()] or some.names)
    digits = number_of(number - 10_001)[-4:]
    begun = " ".join(word[: choose.randint(3, 5)] for word in latin.split()[:2])
    return {
        "name": latin, "name_begun": begun, "chinese": chinese, "chinese_begun": chinese[:1],
        "first_name": latin.split()[0], "inside": latin.split()[-1][1:5], "digits": digits,
        "number": number_of(number - 10_001), "name_digits": f"{name.split()[0]} {digits}",
        "email": choose.choice(some.emails), "email_part": choose.choice(some.emails).partition("@")[0],
        "reference": f"C{number}", "tag": "#press", "tag_name": f"#VIP {latin}", "nobody": "zzyzx quux",
    }[kind]  # fmt: skip


async def people(house: House) -> dict[str, str]:
    """A session of somebody of each kind: who sees all, an agent, and one who sees their own alone."""
    if not await house.db.fetchval("SELECT EXISTS (SELECT 1 FROM role WHERE name = 'narrow')"):
        permissions = ["customers.read", "calls.read", "tickets.read", "tickets.write", "own.profile"]
        await create_role(house, SYSTEM, "narrow", names={"en": "Narrow"}, permissions=permissions)
        row = await house.db.fetchval("SELECT id FROM users WHERE login = 'agent2'")
        await update_user(house, SYSTEM, row, {"role": "narrow"})
    return {login: (await sign_in(house, login, PASSWORD, "bench")).token for login in ("chief", "agent1", "agent2")}


async def start_service(crowd: Crowd) -> tuple[Child, str]:
    """``hotline serve`` on the crowd's folder; its address."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("HOTLINE_")}
    ours |= {
        "HOTLINE_DATA_DIR": str(crowd.settings.data_dir),
        "HOTLINE_HTTP_BIND": "127.0.0.1:0",
        "HOTLINE_AGI_BIND": "127.0.0.1:0",
        "HOTLINE_LOG_LEVEL": "warning",
    }
    service = await Child.start("hotline", "serve", env=ours)
    assert service.process.stdout is not None
    line = (await service.process.stdout.readline()).decode()
    return service, line.partition(": ")[2].strip()


def script_bytes() -> int:
    """All scripts of the desk together, as they are built."""
    names = {name for source, name in manifest().items() if name.endswith(".js") and not source.startswith("demo")}
    return sum((DIST / name).stat().st_size for name in names)


async def measure(some: Known, browsers: Mapping[str, Browser], rounds: int) -> list[Figure]:
    """Every page, by who asks for it."""
    choose = random.Random(3)
    chief, agent, narrow = browsers["chief"], browsers["agent1"], browsers["agent2"]
    figures: list[Figure] = []

    def figure(name: str, took: Sequence[float], most: float) -> None:
        figures.append(Figure(f"{name}: p50", median(took), "ms"))
        figures.append(Figure(f"{name}: p95", percentile(took, 0.95), "ms", most))

    figure("first page: the desk", await agent.ask_each(rounds, lambda: "/"), MOST_FIRST)
    figures.append(Figure("scripts of the desk", script_bytes() / 1000, "kB", MOST_SCRIPT))

    def customer() -> str:
        return f"/customers/{choose.choice(some.ids)}"

    figure("customer page", await agent.ask_each(rounds * 2, customer), MOST_CUSTOMER)
    figure("customer page, who called ten thousand times",
           await agent.ask_each(rounds, lambda: f"/customers/{some.busiest}"), MOST_CUSTOMER)  # fmt: skip
    figure("customer over the API", await agent.ask_each(rounds, lambda: f"/api/v1{customer()}"), MOST_CUSTOMER)
    figure("list of customers", await agent.ask_each(rounds, lambda: "/customers"), MOST_LIST)
    for who, browser in (("all", chief), ("agent", agent), ("own alone", narrow)):
        slowest: list[float] = []
        for slug in SHIPPED:
            took = await browser.ask_each(max(10, rounds // 4), lambda slug=slug: f"/tickets?view={slug}")  # type: ignore[misc]
            slowest += [percentile(took, 0.95)]
            tell(f"    {who}: {slug} p50 {median(took):.1f} p95 {slowest[-1]:.1f}")
        figures.append(
            Figure(f"tickets, slowest of {len(SHIPPED)} saved lists, {who}: p95", max(slowest), "ms", MOST_LIST)
        )
        figure(f"tickets narrowed by hand, {who}", await browser.ask_each(rounds // 2, lambda: NARROWED), MOST_LIST)
    kinds = [kind for kind, often in SEARCHES.items() for _ in range(often)]
    for who, browser in (("agent", agent), ("own alone", narrow)):
        every: list[float] = []
        by_kind: dict[str, list[float]] = {}
        for at in range(-WARMING, max(SEARCHED, rounds * 5)):
            kind = kinds[choose.randrange(len(kinds))]
            took_one = await browser.ask(f"/api/v1/search?limit=8&q={quote(typed(some, choose, kind))}")
            if at >= 0:
                every.append(took_one)
                by_kind.setdefault(kind, []).append(took_one)
        for kind, took in sorted(by_kind.items()):
            p95 = percentile(took, 0.95)
            tell(f"    {who}: search {kind} p50 {median(took):.1f} p95 {p95:.1f} max {max(took):.1f} ({len(took)})")
        figure(f"search, {who}", every, MOST_SEARCH)
    return figures


async def main(customers: int, rounds: int) -> None:
    """One run, each figure beside what was promised."""
    tell(f"{customers} customers, {rounds} rounds, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    crowd = await prepare(customers)
    tell(f"  {await asyncio.to_thread(warm, crowd) / 1e9:.1f} GB of database read into memory")
    service, address = await start_service(crowd)
    house = await open_house(crowd.settings)
    browsers = {}
    try:
        some = await known(house, crowd)
        browsers = {login: Browser(address, token) for login, token in (await people(house)).items()}
        for figure in await measure(some, browsers, rounds):
            tell(figure.line())
    finally:
        for browser in browsers.values():
            await browser.close()
        await house.close()
        await service.end()


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:]]
    asyncio.run(main(words[0] if words else CUSTOMERS, words[1] if len(words) > 1 else ROUNDS))
