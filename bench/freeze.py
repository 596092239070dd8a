"""Audiences of a million: counted by their facts, counted by records, frozen; with the memory that it takes.

``python -m bench.freeze [CUSTOMERS] [MOST]``. The embedded PostgreSQL holds CUSTOMERS with a telephone number and an
email address, half of them with consent, a purchase and two tickets each, written by SQL (what is sealed is noise of
the right length). Then everything is measured three times: reading the facts of all is told beside. With MOST larger
than CUSTOMERS the curve up to it is printed: it is to be a straight line (``python -m bench.freeze 500000 5000000``).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from bench.measure import Figure, median, memory_bytes, tell
from hotline.crm.commands.campaigns.audience import forget, freeze
from hotline.crm.queries.campaigns.audience import Definition
from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.settings import EMBEDDED, load_settings
from hotline.workflows.campaigns import segments
from hotline.workflows.house import House, open_house

CUSTOMERS, MOST, RUNS = 1_000_000, 5_000_000, 3
MOST_FREEZE, MOST_COUNT, MOST_SLOW, MOST_MEMORY = 30.0, 1.0, 10.0, 200.0
FOLDER: Final = Path("/var/tmp") / "hotline-bench-freeze"
MEGABYTE: Final = 1e6

#: A batch of customers from number $1 on; each statement takes the first number and how many.
_FILL: Final = (
    """INSERT INTO personal_key (id, wrapped, master) SELECT {id}, decode(repeat('ab', 60), 'hex'), 'bench'
       FROM generate_series($1::bigint, $1 + $2 - 1) AS n""",
    """INSERT INTO customer (id, kind, key_id, name_cipher, locale, tier_id, custom, created_source, created_at)
       SELECT {id}, CASE WHEN n % 10 = 0 THEN 'organisation' ELSE 'person' END, {id}, decode(repeat('cd', 45), 'hex'),
           CASE WHEN n % 4 = 0 THEN 'zh' ELSE 'en' END,
           CASE WHEN n % 5 = 0 THEN (SELECT id FROM tier WHERE key = 'gold') END,
           jsonb_build_object('points', n % 1000), 'import', now() - make_interval(hours => (n % 20000)::int)
       FROM generate_series($1::bigint, $1 + $2 - 1) AS n""",
    """INSERT INTO contact_point (id, customer_id, kind, value_cipher, value_index, country)
       SELECT gen_random_uuid(), {id}, k.kind, decode(repeat('ef', 50), 'hex'), sha256(convert_to(k.kind || n, 'UTF8')),
           CASE WHEN k.kind = 'phone' THEN 'DE' END
       FROM generate_series($1::bigint, $1 + $2 - 1) AS n, (VALUES ('phone'), ('email')) AS k (kind)""",
    """INSERT INTO consent (id, customer_id, channel, purpose, state, since, record_id)
       SELECT gen_random_uuid(), {id}, 'email', 'marketing', 'granted', now(), {id}
       FROM generate_series($1::bigint, $1 + $2 - 1) AS n""",
    """INSERT INTO purchase (id, customer_id, kind, at, title_cipher, amount, currency, source)
       SELECT gen_random_uuid(), {id}, 'product', now() - make_interval(hours => (n % 17000)::int),
           decode(repeat('aa', 50), 'hex'), n % 100000, 'EUR', 'import'
       FROM generate_series($1::bigint, $1 + $2 - 1) AS n WHERE n % 2 = 0""",
    """INSERT INTO ticket (id, kind, kind_by, state, source, customer_id, opened_at, category)
       SELECT gen_random_uuid(), CASE WHEN n % 7 = 0 THEN 'complaint' ELSE 'consultation' END, 'hand', 'closed', 'hand',
           {id}, now() - make_interval(hours => (n % 15000)::int), 'billing'
       FROM generate_series($1::bigint, $1 + $2 - 1) AS n WHERE n % 2 = 1""",
)
#: The id of customer n: in the order of their numbers, as real ones are in that of their coming.
_ID: Final = "lpad(to_hex(n + 1700000000000), 32, '0')::uuid"
_PIECE: Final = 50_000

FAST: Final[Mapping[str, Any]] = {
    "everybody": {},
    "tier, language and no open ticket": {
        "all": [
            {"field": "tier", "op": "in", "value": ["gold"]},
            {"field": "locale", "op": "in", "value": ["en"]},
            {"field": "open_tickets", "op": "at_most", "value": 0},
        ]
    },
    "bought lately, or spent much, and agreed": {
        "all": [
            {"any": [
                {"field": "last_purchase_at", "op": "within", "value": {"days": 90}},
                {"field": "spent", "op": "at_least", "value": {"amount": 50000, "currency": "EUR"}},
            ]},
            {"field": "consent", "op": "any_of", "value": ["email:marketing"]},
        ]
    },
}  # fmt: skip
SLOW: Final[Mapping[str, Any]] = {
    "a complaint about billing within a year": {
        "field": "ticket", "op": "has", "value": {"kinds": ["complaint"], "category": "billing", "days": 365},
    },
    "two purchases never": {"field": "purchase", "op": "has_not", "value": {"times": 2}},
    "a field of the company's own": {"field": "custom.points", "op": "at_least", "value": 900},
}  # fmt: skip


async def fill(house: House, first: int, count: int) -> None:
    """Write customers, by SQL."""
    connection = await house.db.connect()
    try:
        for start in range(first, first + count, _PIECE):
            async with connection.transaction():
                for statement in _FILL:
                    await connection.execute(statement.format(id=_ID), start, min(_PIECE, first + count - start))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def read_facts(house: House) -> float:
    """Seconds that reading all that was marked takes."""
    began = time.monotonic()
    while await segments.bring_up_to_date(house):
        pass
    took = time.monotonic() - began
    connection = await house.db.connect()
    await connection.execute("VACUUM ANALYZE customer_facts")
    await connection.execute("VACUUM ANALYZE customer_facts_due")
    await connection.close()
    return took


async def timed(work: Callable[[], Awaitable[Any]]) -> list[float]:
    """Seconds of each of three runs."""
    took = []
    for _ in range(RUNS):
        began = time.monotonic()
        await work()
        took.append(time.monotonic() - began)
    return took


class Memory:
    """The most that this process and its PostgreSQL held beyond what they held idle."""

    def __init__(self, folder: Path) -> None:
        self._postmaster = int(next(folder.rglob("postmaster.pid")).read_text().split()[0])
        self._idle = self._now()
        self.most = 0
        self._task = asyncio.create_task(self._watch())

    def _now(self) -> int:
        total = memory_bytes(os.getpid())
        below = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children").read_text().split()
        for pid in (self._postmaster, *map(int, below)):
            try:
                total += _own_bytes(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue
        return total

    async def _watch(self) -> None:
        while True:
            self.most = max(self.most, self._now() - self._idle)
            await asyncio.sleep(0.1)

    def stop(self) -> int:
        self._task.cancel()
        return self.most


def _own_bytes(pid: int) -> int:
    """What a process of PostgreSQL holds for itself: the shared cache, of a fixed size, is not its own."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no Pss_Anon in smaps_rollup")


async def frozen(house: House, version: Any) -> float:
    """Seconds of one freeze, whose rows are taken back afterwards."""
    manifest = new_id()
    began = time.monotonic()
    async with house.long_unit(SYSTEM) as uow:
        made = await freeze(uow, manifest, version, "email", "marketing")
    took = time.monotonic() - began
    assert made.count, made
    async with house.long_unit(SYSTEM) as uow:
        await forget(uow, manifest)
    connection = await house.db.connect()
    await connection.execute("VACUUM recipient")
    await connection.close()
    return took


async def counts(house: House, rules: Mapping[str, Any]) -> list[tuple[str, float]]:
    found = []
    for name, rule in rules.items():
        definition = Definition(await segments.check(house, SYSTEM, rule))

        async def ask(definition: Definition = definition) -> None:
            await segments.ask(house, SYSTEM, definition, "email", "marketing")

        found.append((name, median(await timed(ask))))
    return found


async def main(customers: int, most: int) -> None:
    """Fill, read, count, freeze."""
    tell(f"bench/freeze: {customers} customers, median of {RUNS}")
    shutil.rmtree(FOLDER, ignore_errors=True)
    settings = load_settings({}, None).model_copy(update={"data_dir": FOLDER, "database_url": SecretStr(EMBEDDED)})
    house = await open_house(settings, migrate=True)
    try:
        await house.db.execute(
            "INSERT INTO custom_field (id, record, key, names, type) VALUES ($1, 'customer', 'points', '{}', 'number')",
            new_id(),
        )
        await fill(house, 0, customers)
        reading = await read_facts(house)
        tell(Figure("facts of all, read anew", reading, "s").line())
        for rules, promised in ((FAST, MOST_COUNT), (SLOW, MOST_SLOW)):
            for name, took in await counts(house, rules):
                tell(Figure(f"count: {name}", took, "s", promised).line())
        made = await segments.create_segment(house, SYSTEM, "All", {})
        await asyncio.sleep(1)
        memory = Memory(FOLDER)
        runs = [await frozen(house, made.current.id) for _ in range(RUNS)]
        held = memory.stop()
        tell(Figure("freeze", median(runs), "s", MOST_FREEZE).line())
        tell(Figure("freeze: memory beyond idle", held / MEGABYTE, "MB", MOST_MEMORY).line())
        await curve(house, made.current.id, customers, most, median(runs))
    finally:
        await house.close()
        shutil.rmtree(FOLDER, ignore_errors=True)


async def curve(house: House, version: Any, customers: int, most: int, took: float) -> None:
    """Twice more customers, and how much longer it takes."""
    there = customers
    for goal in (most // 2, most):
        if goal <= there:
            continue
        await grow(house, customers, there, goal)
        there = goal
        longer = await frozen(house, version)
        share = longer / took / (there / customers)
        tell(Figure(f"freeze of {there}", longer, "s").line() + f"  {share:.2f} of a straight line")


async def grow(house: House, customers: int, there: int, goal: int) -> None:
    """More customers, as those that are there: what a freeze reads of them, their facts and addresses, by SQL alone."""
    connection = await house.db.connect()
    try:
        # Neither marks nor references: the facts are copied with what they are read from.
        await connection.execute("SET session_replication_role = replica")
        columns = await connection.fetchval(
            """SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
               WHERE table_name = 'customer_facts' AND column_name <> 'customer_id'"""
        )
        number = "(('x' || right(replace({}::text, '-', ''), 16))::bit(64)::bigint)"
        while there < goal:
            count = min(customers, goal - there)
            moved = f"lpad(to_hex({number.format('x.customer_id')} + {there}), 32, '0')::uuid"
            first = f"x.customer_id < {_ID.replace('n +', f'{count} +')}"
            await connection.execute(
                f"""INSERT INTO customer_facts (customer_id, {columns})
                    SELECT {moved}, {columns} FROM customer_facts x WHERE {first}"""
            )
            await connection.execute(
                f"""INSERT INTO contact_point (id, customer_id, kind, value_cipher, value_index, country)
                    SELECT gen_random_uuid(), {moved}, x.kind, x.value_cipher,
                        sha256(x.value_index || int8send({there})), x.country
                    FROM contact_point x WHERE x.kind = 'email' AND {first}"""
            )
            there += count
        await connection.execute("VACUUM ANALYZE customer_facts")
        await connection.execute("VACUUM ANALYZE contact_point")
    finally:
        await connection.close()


def numbers(words: Sequence[str]) -> tuple[int, int]:
    customers = int(words[0]) if words else CUSTOMERS
    return customers, int(words[1]) if len(words) > 1 else customers


if __name__ == "__main__":
    asyncio.run(main(*numbers(sys.argv[1:])))
