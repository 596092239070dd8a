"""A company after some years, made fast by COPY: customers, their calls, tickets and timelines. Kept between runs.

``python -m bench.crowd [CUSTOMERS]`` makes it: for 1,000,000 customers also 1,000,000 calls and tickets and 5,000,000
lines of timelines, which takes some minutes and 5 GB. Everything is sealed and indexed as hotline itself does it.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from bench.measure import tell
from hotline.crm.commands.customers.bulk import BulkCustomer, e164, load_customers
from hotline.crm.keys import PersonalKey
from hotline.crm.viewer import SYSTEM
from hotline.customers.contact_points import ContactValue
from hotline.ids import new_id
from hotline.settings import EMBEDDED, Settings, load_settings
from hotline.workflows.house import House, open_house
from hotline.workflows.people.users import create_user

CUSTOMERS = 1_000_000
#: Lines of timelines per customer: a call, a ticket and notes.
LINES = 5
AGENTS, YEARS = 50, 3
PASSWORD = "bench-password-of-everybody"
FOLDER = Path("/var/tmp") / "hotline-bench"
#: Raised when the data are made in another way: what an earlier version made is made anew.
VERSION = 3

QUEUES = ("support", "billing", "sales")
KINDS = ("consultation",) * 6 + ("service_request",) * 3 + ("complaint",)
TAGS = {"VIP": 0.05, "newsletter": 0.3, "north": 0.2, "south": 0.2, "press": 0.0003}
_FIRST = (  # noqa: SIM905
    "Anna John María Tom Emma Jürgen Amélie Peter Katharina Michael Sofia Lukas Olga Piotr Ingrid Carlos Yasmin Omar"
    " Laura David Johanna Felix Clara Noah Mia Leon Ella Paul Ida Max Nora Emil Eva Jan Lea Tim Zoe Karl Rosa Hugo"
).split()
_STARTS = "Mil Schmi Gar Ha Clar Wei Du Ko Sto Bran Fel Rei Lin Mar Tor Wil Ber Kru Pav Zim Sal Nov Pet Gre Hof".split()  # noqa: SIM905
_MIDDLES = ("", "le", "de", "ne", "ma", "ri", "ko", "sen", "ber", "lo", "win", "ger")
_ENDS = "r dt cía le ke ß bois va ne mann son ski feld stein berg ler ard ic enko ova".split()  # noqa: SIM905
_FAMILIES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅建国志文辉力小晓晨宇浩欣怡雪婷佳慧思雨子涵梓轩一诺"
_BRANCHES = (
    "Handel GmbH",
    "Logistics Ltd",
    "贸易有限公司",
    "Bau AG",
    "Software SA",
    "科技有限公司",
    "Kliniken",
    "Foods plc",
)


@dataclass(frozen=True, slots=True)
class Crowd:
    """What was made, for those who measure with it."""

    settings: Settings
    customers: int

    @property
    def logins(self) -> list[str]:
        """Agents who may sign in with PASSWORD."""
        return [f"agent{n}" for n in range(1, AGENTS + 1)]


def number_of(customer: int) -> str:
    """The telephone number of a customer."""
    return f"+4915{customer * 7919 % 1_000_000_000:09d}"


def people(count: int) -> Iterator[BulkCustomer]:
    """Invented customers: persons with Latin and Chinese names, some common and most not, and organisations."""
    choose = random.Random(7)
    last = [start + middle + end for start in _STARTS for middle in _MIDDLES for end in _ENDS]
    choose.shuffle(last)
    weights = list(accumulate(1 / (place + 3) for place in range(len(last))))
    firsts = list(accumulate(1 / (place + 3) for place in range(len(_FIRST))))
    families = list(accumulate(1 / (place + 3) for place in range(len(_FAMILIES))))
    tiers: Sequence[str | None] = ("standard",) * 12 + ("silver",) * 3 + ("gold", None, None, None, None)
    for number in range(count):
        kind = "person"
        of = choose.choices(last, cum_weights=weights)[0]
        dice = choose.random()
        if dice < 0.25:
            given = "".join(choose.choices(_GIVEN, k=1 if dice < 0.06 else 2))
            name, locale = choose.choices(_FAMILIES, cum_weights=families)[0] + given, "zh"
        elif dice < 0.35:
            kind, name, locale = "organisation", f"{of} {choose.choice(_BRANCHES)}", "en"
        else:
            first = choose.choices(_FIRST, cum_weights=firsts)[0]
            name, locale = f"{first} {choose.choice(_FIRST)} {of}" if dice < 0.4 else f"{first} {of}", "en"
        points: list[Any] = [("phone", e164(number_of(number), "DE"), "")]
        if choose.random() < 0.5:
            domain = choose.choice(("gmail.com", "qq.com", "example.com", f"{of.lower()}.example"))
            local = f"{choose.choice(_FIRST)}.{of}{number % 977}".lower()
            points.append(("email", ContactValue(f"{local}@{domain}".replace("ß", "ss")), ""))
        tags = tuple(tag for tag, share in TAGS.items() if choose.random() < share)
        yield BulkCustomer(name, tuple(points), kind, locale, choose.choice(tiers), tags)


def warm(made: Crowd) -> int:
    """Reads the database's files once, so that the machine has them in memory as it does after a morning's work; the
    bytes of them."""
    files = (path for path in (made.settings.data_dir / "postgres" / "data" / "base").rglob("*") if path.is_file())
    read = 0
    for path in files:
        with path.open("rb", buffering=0) as file:
            while piece := file.read(1 << 20):
                read += len(piece)
    return read


def crowd(customers: int) -> Crowd:
    """The folder and settings of a crowd, made or not."""
    settings = load_settings({}, None).model_copy(
        update={"data_dir": FOLDER / f"crowd-{customers}", "database_url": SecretStr(EMBEDDED)}
    )
    return Crowd(settings, customers)


async def prepare(customers: int) -> Crowd:
    """Makes the crowd, unless an earlier run did: then its database is brought up to this version."""
    made = crowd(customers)
    folder = made.settings.data_dir
    done = folder / "made.json"
    if done.is_file() and json.loads(done.read_text()) == [VERSION, customers]:
        began = time.monotonic()
        await (await open_house(made.settings, migrate=True)).close()
        tell(f"  {time.monotonic() - began:5.0f} s  brought up to this version")
        return made
    shutil.rmtree(folder, ignore_errors=True)
    house = await open_house(made.settings, migrate=True)
    try:
        await fill(house, customers)
    finally:
        await house.close()
    done.write_text(json.dumps([VERSION, customers]))
    return made


async def fill(house: House, customers: int, agents: int = AGENTS) -> None:
    """Fills an empty database with ``customers`` and their past with so many ``agents``, up to now."""
    began, now = time.monotonic(), datetime.now(UTC)

    def told(what: str) -> None:
        tell(f"  {time.monotonic() - began:5.0f} s  {what}")

    staff = await _agents(house, agents)
    for tag in TAGS:
        await house.db.execute("INSERT INTO tag (id, name) VALUES ($1, $2)", new_id(), tag)
    async with _without_indexes(house, ("customer", "contact_point", "customer_tag")):
        await load_customers(house.db, house.keyring, SYSTEM, people(customers), now=now, new_id=new_id)
        told(f"{customers} customers")
    told("their indexes")
    ids = [row["id"] for row in await house.db.fetch("SELECT id FROM customer ORDER BY number")]
    key, wrapped = house.keyring.new_personal_key(new_id())
    await house.db.execute(
        "INSERT INTO personal_key (id, wrapped, master) VALUES ($1, $2, $3)", key.id, wrapped.sealed, wrapped.master
    )
    past = _Past(house, key, ids, staff, now)
    async with _without_indexes(house, ("call", "leg", "ticket", "interaction")):
        for table, columns, rows in past.tables():
            await _copy(house, table, columns, rows)
            told(table)
    await house.db.execute("SELECT setval('ticket_number_seq', $1)", 10_000 + customers)
    for at, agent in enumerate(staff):
        some = ids[at :: max(1, len(ids) // 400)]
        await house.db.execute("UPDATE customer SET responsible_id = $1 WHERE id = ANY($2::uuid[])", agent, some)
    connection = await house.db.connect()
    await connection.execute("VACUUM ANALYZE", timeout=None)
    await connection.close()
    told("indexes and statistics")


async def _agents(house: House, count: int) -> list[UUID]:
    made = []
    for n in range(1, count + 1):
        user: Any = {"login": f"agent{n}", "name": f"Agent {n}", "role": "agent", "password": PASSWORD}
        phone: Any = {"extension": str(1000 + n), "interfaces": [f"PJSIP/agent{n}"], "queues": list(QUEUES[:1])}
        made.append((await create_user(house, SYSTEM, {**user, **phone})).id)  # type: ignore[typeddict-item]
    chief: Any = {"login": "chief", "name": "Chief", "role": "supervisor", "password": PASSWORD}
    await create_user(house, SYSTEM, chief)
    return made


@asynccontextmanager
async def _without_indexes(house: House, tables: Iterable[str]) -> AsyncIterator[None]:
    """Indexes are quicker made at once than kept row by row; the constraints' own stay."""
    indexes = await house.db.fetch(
        """SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS made FROM pg_index i
           WHERE i.indrelid = ANY($1::regclass[]) AND NOT i.indisunique""",
        list(tables),
    )
    connection = await house.db.connect()
    try:
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['name']}")
        yield
        await connection.execute("SET maintenance_work_mem = '1GB'")
        for index in indexes:
            await connection.execute(index["made"], timeout=None)
    finally:
        await connection.close()


async def _copy(house: House, table: str, columns: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    async with house.db.long_transaction() as client:
        # What refers to what is right by construction; asking for each row would take as long as all the rest.
        await client._connection.execute("SET LOCAL session_replication_role = replica")
        await client._connection.copy_records_to_table(table, records=rows, columns=columns)


@dataclass(frozen=True, slots=True)
class _Past:
    """Calls, tickets and notes, evenly over the years, the last ones still open."""

    house: House
    key: PersonalKey
    customers: Sequence[UUID]
    agents: Sequence[UUID]
    now: datetime

    def tables(self) -> Iterator[tuple[str, Sequence[str], Iterator[tuple[Any, ...]]]]:
        """Each table with its columns and rows, in the order of their references."""
        yield (
            "call",
            ("id", "pbx", "direction", "state", "disposition", "queue", "customer_id", "user_id", "offered_at",
             "queued_at", "answered_at", "ended_at", "ticket_id", "ticket_by", "ticket_at"),
            self._calls(),
        )  # fmt: skip
        yield (
            "leg",
            ("id", "call_id", "pbx", "uniqueid", "user_id", "interface", "kind", "queue", "rang_at", "answered_at",
             "ended_at", "end_reason"),
            self._legs(),
        )  # fmt: skip
        yield (
            "ticket",
            ("id", "number", "kind", "kind_by", "state", "priority", "subject_cipher", "key_id", "category",
             "customer_id", "assignee_id", "queue", "tier", "source", "call_id", "opened_at", "due_at",
             "first_response_at", "resolved_at", "closed_at", "callback_due", "created_at", "updated_at"),
            self._tickets(),
        )  # fmt: skip
        yield (
            "interaction",
            ("id", "customer_id", "kind", "call_id", "ticket_id", "user_id", "direction", "at", "note_cipher",
             "note_key_id"),
            self._lines(),
        )  # fmt: skip

    def _each(self) -> Iterator[tuple[int, datetime, UUID, UUID, random.Random]]:
        """Every conversation: its number, moment, customer and agent. One customer calls all day long."""
        choose, further = random.Random(11), random.Random(13)
        count = len(self.customers)
        step = timedelta(days=365 * YEARS) / count
        began = self.now - timedelta(days=365 * YEARS)
        for number in range(count):
            customer = self.customers[0 if number % 97 == 0 else choose.randrange(count)]
            yield number, began + number * step, customer, choose.choice(self.agents), further

    def _calls(self) -> Iterator[tuple[Any, ...]]:
        for number, at, customer, agent, choose in self._each():
            talked = at + timedelta(seconds=20 + choose.randrange(600))
            yield (
                _id("call", number, at), "office", "in", "ended", "answered", QUEUES[number % 3], customer, agent, at,
                at, at + timedelta(seconds=15), talked, _id("ticket", number, at), "opened", at,
            )  # fmt: skip

    def _legs(self) -> Iterator[tuple[Any, ...]]:
        for number, at, _, agent, _ in self._each():
            answered, ended = at + timedelta(seconds=15), at + timedelta(seconds=200)
            interface = f"PJSIP/agent{self.agents.index(agent) + 1}"
            yield (
                _id("leg", number, at), _id("call", number, at), "office", f"{number}.1", agent, interface, "queue",
                QUEUES[number % 3], at, answered, ended, "caller",
            )  # fmt: skip

    def _tickets(self) -> Iterator[tuple[Any, ...]]:
        encrypt, latest = self.house.keyring.encrypt, len(self.customers) * 97 // 100
        for number, at, customer, agent, choose in self._each():
            dice = choose.random()
            state = ("resolved", "open", "waiting", "new")[int(dice * 8) % 4]
            state = "closed" if number < latest or dice < 0.4 else state
            open_now = state in ("open", "waiting", "new")
            done = None if open_now else at + timedelta(hours=5)
            ticket = _id("ticket", number, at)
            subject = encrypt(self.key, "ticket", "subject_cipher", ticket, f"Question {number} about an invoice")
            yield (
                ticket, 10_001 + number, choose.choice(KINDS), "rule", state,
                choose.choice(("low", "normal", "normal", "high", "urgent")), subject, self.key.id,
                choose.choice(("billing/invoice", "product/fault", None)), customer,
                agent if not open_now or dice < 0.9 else None, QUEUES[number % 3], "standard", "call",
                _id("call", number, at), at, at + timedelta(days=30 * dice) if open_now else None,
                at + timedelta(minutes=9), done, done if state == "closed" else None,
                at + timedelta(hours=2) if open_now and dice > 0.95 else None, at, done or at,
            )  # fmt: skip

    def _lines(self) -> Iterator[tuple[Any, ...]]:
        encrypt = self.house.keyring.encrypt
        for number, at, customer, agent, _ in self._each():
            yield _id("line", number, at), customer, "call", _id("call", number, at), None, agent, "in", at, None, None
            ticket = _id("ticket", number, at)
            yield _id("more", number, at), customer, "ticket", None, ticket, agent, None, at, None, None
            for more in range(LINES - 2):
                note = _id(f"note{more}", number, at)
                text = encrypt(self.key, "interaction", "note_cipher", note, f"Wants to know about invoice {number}")
                later = at + timedelta(minutes=more)
                yield note, customer, "note", None, None, agent, None, later, text, self.key.id


_SORTS = {
    word: place for place, word in enumerate(("call", "leg", "ticket", "line", "more", "note0", "note1", "note2"))
}


def _id(what: str, number: int, at: datetime) -> UUID:
    """A UUIDv7 of its moment, the same in every table that names it."""
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 0x7000 << 64 | 0x8000 << 48 | _SORTS[what] << 40 | number)


if __name__ == "__main__":
    asyncio.run(prepare(int(sys.argv[1]) if len(sys.argv) > 1 else CUSTOMERS))
