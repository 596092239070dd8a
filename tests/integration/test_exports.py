"""Exports of customers on a real database: what stands in the file, for whom, and for how long."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import openpyxl
import pytest

from hotline.crm.queries.customers.customer_filter import CustomerFilter
from hotline.crm.queries.customers.exports import TABLE, ExportView, count_customers, get_export
from hotline.crm.queries.customers.imports import get_import
from hotline.crm.viewer import SYSTEM, Viewer, viewer_of
from hotline.errors import Invalid, NotFound
from hotline.workflows import background, ending_files
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.customers import customers, exports, imports
from hotline.workflows.customers.exports import NewExport
from hotline.workflows.ending_files import FileGone
from hotline.workflows.house import House
from hotline.workflows.people import roles, users


async def _file(house: House, viewer: Viewer, wanted: NewExport) -> tuple[ExportView, bytes]:
    view = await exports.start(house, viewer, wanted)
    while await background.work(house, KINDS):
        pass
    view, reader = await exports.open_file(house, viewer, view.id)
    try:
        return view, b"".join(reader.read(0, reader.size))
    finally:
        reader.close()


def _csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


async def _people(house: House) -> None:
    for name, number, tags in (
        ("Anna Berg", "+493023125042", ["vip"]),
        ('=HYPERLINK("http://evil.example","x")', "+8613800006620", []),
        ("@SUM(1+1)*cmd|' /C calc'!A0", "+442079460158", []),
    ):
        await customers.create_customer(
            house, SYSTEM, {"name": name, "contact_points": [{"kind": "phone", "value": number}], "tags": tags}
        )


async def test_what_stands_in_the_file(house: House) -> None:
    await _people(house)
    view, data = await _file(house, SYSTEM, NewExport(fields=["number", "name", "phone", "tags"], language="zh"))
    assert data.startswith(b"\xef\xbb\xbf")
    rows = _csv(data)
    assert rows[0] == ["客户编号", "姓名", "电话", "标签"]
    assert [row[1:] for row in rows[1:]] == [
        ["Anna Berg", "+493023125042", "vip"],
        ['\'=HYPERLINK("http://evil.example","x")', "+8613800006620", ""],
        ["'@SUM(1+1)*cmd|' /C calc'!A0", "+442079460158", ""],
    ]
    assert view.rows == 3
    sealed = (ending_files.folder(house, TABLE) / str(view.path)).read_bytes()
    assert b"Anna" not in sealed
    _, data = await _file(house, SYSTEM, NewExport(format="xlsx", chosen={"tag": "vip"}))
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    cells: Sequence[Sequence[object]] = list(sheet.iter_rows(values_only=True))
    assert len(cells) == 2
    assert cells[1][1] == "Anna Berg"


async def test_scope_masks_audit_and_the_end(house: House) -> None:
    await _people(house)
    permissions = ("customers.read", "customers.read_all", "customers.export")
    await roles.create_role(house, SYSTEM, "seller", permissions=list(permissions))
    user = await users.create_user(house, SYSTEM, {"login": "sam", "name": "Sam", "role": "seller"})
    seller = viewer_of(user.id, frozenset(permissions))
    view, data = await _file(house, seller, NewExport(fields=["name", "phone"]))
    rows = _csv(data)
    assert len(rows) == 4
    assert "+493023125042" not in data.decode()
    assert "5042" in rows[1][1]  # masked as on the page
    alone = viewer_of(user.id, frozenset(permissions) - {"customers.read_all"})
    assert await count_customers(house.db, alone, CustomerFilter(), None) == 0

    # What was written for wider rights is not given out by narrower ones: of a role that changed, of a token.
    for narrower in (alone, viewer_of(user.id, seller.permissions - {"customers.read"})):
        with pytest.raises(FileGone):
            await exports.open_file(house, narrower, view.id)
    await users.create_user(house, SYSTEM, {"login": "root", "name": "Root", "role": "administrator"})
    wide = viewer_of(user.id, seller.permissions | {"customers.read_numbers"})
    await roles.change_role(house, SYSTEM, "seller", {"permissions": sorted(wide.permissions)})
    whole, data = await _file(house, wide, NewExport(fields=["name", "phone"]))
    assert "+493023125042" in data.decode()
    with pytest.raises(FileGone):
        await exports.open_file(house, seller, whole.id)
    await exports.delete(house, wide, whole.id)

    # Nobody else's, and no longer than a day.
    with pytest.raises(NotFound):
        await exports.open_file(house, SYSTEM, view.id)
    found = await house.db.fetch("SELECT action FROM audit_entry WHERE subject_id = $1 ORDER BY at", view.id)
    assert [row["action"] for row in found] == ["export:started", "export:written", "export:downloaded"]
    later = house.clock() + timedelta(hours=25)
    house.clock = lambda: later
    with pytest.raises(FileGone):
        await exports.open_file(house, seller, view.id)
    assert await ending_files.keep(house, TABLE) == 1
    assert list(ending_files.folder(house, TABLE).iterdir()) == []
    ended = await get_export(house.db, house.keyring, seller, view.id)
    assert (ended.key, ended.chosen) == (None, {})


async def test_what_is_exported_can_be_imported(house: House) -> None:
    await customers.create_customer(
        house, SYSTEM,
        {
            "name": "=Anna", "locale": "de", "tags": ["vip", "fibre"],
            "contact_points": [
                {"kind": "phone", "value": "+493023125042"}, {"kind": "phone", "value": "+491701234567"},
                {"kind": "email", "value": "anna@example.com"},
            ],
        },
    )  # fmt: skip
    for format in ("csv", "xlsx"):
        _, data = await _file(house, SYSTEM, NewExport(format="xlsx" if format == "xlsx" else "csv", language="zh"))

        async def body(data: bytes = data) -> AsyncIterator[bytes]:
            yield data

        view = await imports.receive(house, SYSTEM, f"again.{format}", None, body())
        assert view.mapping[:5] == ("number", "name", "kind", "phone", "email")
        await imports.start(house, SYSTEM, view.id, trial=False, duplicates="update")
        await background.work(house, KINDS)
        view = await get_import(house.db, house.keyring, SYSTEM, view.id)
        assert view.job is not None
        assert (view.job.result["unchanged"], view.job.result["refused"]) == (1, 0)


async def test_an_export_that_was_asked_for_wrongly(house: House) -> None:
    with pytest.raises(Invalid, match=r"fields\[0\]"):
        await exports.start(house, SYSTEM, NewExport(fields=["key_id"]))
    with pytest.raises(Invalid, match=r"filter\.x"):
        await exports.start(house, SYSTEM, NewExport(chosen={"x": "1"}))
