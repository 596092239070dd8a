# ruff: noqa: N999 - the figure's name is a word of the language, too
"""The import: rows of a file made customers, normalised, compared with everybody who is there, and encrypted.

``python -m bench.import [ROWS] [PRESENT]``. A CSV of people with a name, a number as people write it, an address of
email, a city, a language and a tag is imported over PRESENT customers by the job that a person would start; every tenth
row is somebody who is there. Memory is looked at in a run of its own, since looking takes the importing process up to
a tenth of its time. Beside it, on the same database in the same run: the same cells, as text, by a bare COPY.
"""

from __future__ import annotations

import asyncio
import csv
import io
import os
import random
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from pydantic import SecretStr

from bench.measure import Figure, median, memory_bytes, tell
from hotline.crm.commands.customers.bulk import BulkCustomer, e164, load_customers
from hotline.crm.queries.customers.imports import get_import
from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.settings import EMBEDDED, load_settings
from hotline.workflows import background
from hotline.workflows.customers import import_jobs, imports
from hotline.workflows.house import House, open_house

RUNS, ROWS, PRESENT = 3, 60_000, 100_000
LEAST_RATE, MOST_MEMORY = 6_000.0, 300.0
MEGABYTE = 1 << 20
FOLDER = Path("/var/tmp") / "hotline-bench" / "import"
HEADINGS = ("Name", "Phone", "Email", "City", "Language", "Tags")
FIRST = ("Anna", "John", "王", "李", "María", "Tom", "陈", "Emma", "Jürgen", "Amélie")
LAST = ("Miller", "Schmidt", "秀英", "国强", "García", "Hale", "静", "Clarke", "Weiß", "Dubois")


def number_of(place: int) -> str:
    """A number of Berlin, one for each place."""
    return f"+4930{20_000_000 + place}"


def present(count: int) -> Iterator[BulkCustomer]:
    """Who is there."""
    choose = random.Random(5)
    for place in range(count):
        name = f"{choose.choice(FIRST)} {choose.choice(LAST)} {place % 9973}"
        yield BulkCustomer(name, (("phone", e164(number_of(place), "DE"), ""),))


def rows(count: int, there: int, run: int) -> Iterator[tuple[str, ...]]:
    """What is imported: numbers in the spellings that people use."""
    choose = random.Random(run)
    for place in range(count):
        own = there + run * count + place
        number = number_of(choose.randrange(there) if place % 10 == 0 else own)
        local = number[5:]
        spelt = choose.choice((number, f"+49 30 {local}", f"030/{local}", f"(030) {local[:4]} {local[4:]}"))
        name = f"{choose.choice(FIRST)} {choose.choice(LAST)} {place % 9973}"
        yield name, spelt, f"person{own}@example.com", "Berlin", "German", "imported"


async def pieces(count: int, there: int, run: int) -> AsyncIterator[bytes]:
    """The file, as it would come over the network."""
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(HEADINGS)
    for row in rows(count, there, run):
        out.writerow(row)
        if text.tell() > 1 << 16:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _family() -> int:
    """Bytes of this process and of its readers."""
    own = os.getpid()
    total = memory_bytes(own)
    for child in Path(f"/proc/{own}/task/{own}/children").read_text().split():
        with suppress(FileNotFoundError, ProcessLookupError):
            if b"import_worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                total += memory_bytes(int(child))
    return total


class Memory:
    """The most that this process and the readers it started had at one moment; the server of the database beside."""

    def __init__(self) -> None:
        self.most = 0
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            self.most = max(self.most, _family())
            await asyncio.sleep(0.1)

    def stop(self) -> int:
        self._task.cancel()
        return self.most


async def imported(house: House, count: int, there: int, run: int, *, watched: bool) -> tuple[float, int]:
    """Rows a second of one import, and the memory it took if that is ``watched``."""
    view = await imports.receive(house, SYSTEM, "people.csv", None, pieces(count, there, run))
    view = await imports.start(house, SYSTEM, view.id, trial=False, duplicates="skip")
    memory = Memory() if watched else None
    began = time.monotonic()
    await background.work(house, import_jobs.KINDS)
    took = time.monotonic() - began
    most = memory.stop() if memory is not None else 0
    view = await get_import(house.db, house.keyring, SYSTEM, view.id)
    assert view.job is not None
    assert view.job.state == "done", view.job
    done = view.job.result
    assert (done["refused"], done["created"], done["skipped"]) == (0, count - count // 10, count // 10), done
    return count / took, most


async def bare(dsn: str, count: int, there: int, run: int) -> float:
    """Rows a second of the same cells by COPY into a table of texts."""
    connection = await asyncpg.connect(dsn)
    try:
        columns = ", ".join(f"{name.lower()} text" for name in HEADINGS)
        await connection.execute(
            f"CREATE TABLE bench_rows (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {columns})"
        )
        records = list(rows(count, there, run))
        began = time.monotonic()
        await connection.copy_records_to_table(
            "bench_rows", records=records, columns=[name.lower() for name in HEADINGS]
        )
        took = time.monotonic() - began
        await connection.execute("DROP TABLE bench_rows")
        return count / took
    finally:
        await connection.close()


async def main(count: int, there: int) -> None:
    """Three runs, and the medians."""
    tell(f"bench/import: {count} rows over {there} customers, median of {RUNS}")
    shutil.rmtree(FOLDER, ignore_errors=True)
    settings = load_settings({}, None).model_copy(
        update={"data_dir": FOLDER, "database_url": SecretStr(EMBEDDED), "region": "DE"}
    )
    house = await open_house(settings, migrate=True)
    try:
        await load_customers(house.db, house.keyring, SYSTEM, present(there), now=datetime.now(UTC), new_id=new_id)
        runs = [await imported(house, count, there, run, watched=False) for run in range(RUNS)]
        _, most = await imported(house, count, there, RUNS, watched=True)
        copies = [await bare(house.db.dsn, count, there, run) for run in range(RUNS)]
    finally:
        await house.close()
        shutil.rmtree(FOLDER, ignore_errors=True)
    rate, copy = median([rate for rate, _ in runs]), median(copies)
    for figure in (
        Figure("import: normalised, compared, encrypted", rate, "rows/s", least=LEAST_RATE),
        Figure("import: memory of its processes, the most", most / MEGABYTE, "MB", MOST_MEMORY),
        Figure("bare COPY of the same cells, as text", copy, "rows/s"),
        Figure("bare COPY / import", copy / rate, "x"),
    ):
        tell(figure.line())


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:]]
    asyncio.run(main(words[0] if words else ROWS, words[1] if len(words) > 1 else PRESENT))
