"""Imports of customers on a real database: received, tried, written, gone on with after a crash, undone."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import pytest

from hotline.crm.queries.customers import list_customers, lookup
from hotline.crm.queries.imports import ImportView
from hotline.crm.viewer import SYSTEM
from hotline.errors import Invalid
from hotline.workflows import background, imports
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.house import House


async def _body(data: bytes) -> AsyncIterator[bytes]:
    yield data


def table(rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


async def brought(house: House, data: bytes, name: str = "customers.csv") -> ImportView:
    """A file, received and guessed."""
    return await imports.receive(house, SYSTEM, name, len(data), _body(data))


async def done(house: House, view: ImportView, *, trial: bool = False, duplicates: str | None = None) -> ImportView:
    """The import after its job was worked off."""
    await imports.start(house, SYSTEM, view.id, trial=trial, duplicates=duplicates)
    while await background.work(house, KINDS):
        pass
    return await imports.queries.get_import(house.db, house.keyring, SYSTEM, view.id)


def result(view: ImportView, *, trial: bool = False) -> dict[str, Any]:
    """What became of the rows."""
    job = view.check if trial else view.job
    assert job is not None
    assert (job.state, job.error) == ("done", None)
    return dict(job.result)


FILE = table(
    [
        ("Name", "Phone", "E-mail", "Stadt", "Sprache", "Tags", "Contract"),
        ("Anna Berg", "+49 30 23125042", "anna@example.com", "Berlin", "Deutsch", "fibre; vip", "A-1"),
        ("王秀英", "+86 138 0000 6620", "", "上海", "中文", "", "B-2"),
        ("No Number", "12", "", "", "", "", ""),
        ("", "+44 20 7946 0158", "", "", "", "", ""),
        ("Anna B.", "030 23125042", "ANNA@example.com", "", "", "", "A-2"),
    ]
)


async def test_a_file_becomes_customers(house: House) -> None:
    house.settings = house.settings.model_copy(update={"region": "DE"})
    view = await brought(house, FILE)
    assert view.name == "customers.csv"
    assert view.mapping == ("name", "phone", "email", "city", "locale", "tags", None)
    tried = result(await done(house, view, trial=True), trial=True)
    assert await list_customers(house.db, house.keyring, SYSTEM, limit=10) == []
    view = await imports.change(house, SYSTEM, view.id, {"mapping": [*view.mapping[:6], "custom.contract"]})
    written = result(await done(house, view))
    assert written == tried
    assert {k: written[k] for k in ("created", "skipped", "refused", "repeated")} == {
        "created": 2, "skipped": 1, "refused": 2, "repeated": 1,
    }  # fmt: skip
    found = {customer.name: customer for customer in await list_customers(house.db, house.keyring, SYSTEM, limit=10)}
    assert set(found) == {"Anna Berg", "王秀英"}
    anna = found["Anna Berg"]
    assert [point.value for point in anna.contact_points] == ["+493023125042", "anna@example.com"]
    assert (anna.tags, anna.custom, anna.locale) == (("fibre", "vip"), {"contract": "A-1"}, "de")
    assert [customer.id for customer in await lookup(house.db, house.keyring, SYSTEM, "030/23125042", region="DE")] == [
        anna.id
    ]
    _, rows = await imports.refused(house, SYSTEM, view.id)
    assert [(row.number, [(reason.code, reason.column) for reason in row.reasons]) async for row in rows] == [
        (4, [("incomplete_phone", 1)]),
        (5, [("no_name", None)]),
    ]


async def test_no_table(house: House) -> None:
    with pytest.raises(Invalid, match="PDF"):
        await brought(house, b"%PDF-1.7 ...")
    assert list(imports.folder(house).iterdir()) == []
