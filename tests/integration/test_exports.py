"""Exports of customers on a real database: what stands in the file, for whom, and for how long."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import openpyxl

from hotline.crm.viewer import SYSTEM, Viewer
from hotline.workflows import background, customers, exports
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.exports import ExportView, NewExport
from hotline.workflows.house import House


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
        ["'=HYPERLINK(\"http://evil.example\",\"x\")", "+8613800006620", ""],
        ["'@SUM(1+1)*cmd|' /C calc'!A0", "+442079460158", ""],
    ]
    assert view.rows == 3
    sealed = (exports.folder(house) / str(view.path)).read_bytes()
    assert b"Anna" not in sealed
    _, data = await _file(house, SYSTEM, NewExport(format="xlsx", chosen={"tag": "vip"}))
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    cells: Sequence[Sequence[object]] = list(sheet.iter_rows(values_only=True))
    assert len(cells) == 2
    assert cells[1][1] == "Anna Berg"
