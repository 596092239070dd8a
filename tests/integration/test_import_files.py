"""Files that harm their reader: in the process that reads them, where memory and time are bounded."""

from __future__ import annotations

import io
import zipfile
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import openpyxl
import pytest

from hotline.crm.import_seal import Prepared
from hotline.crm.keys import Keyring, PersonalKey
from hotline.customers.import_reading import Reading, Sample
from hotline.customers.import_record import Plan
from hotline.errors import Invalid
from hotline.ids import new_id
from hotline.media.sealed import SealedWriter
from hotline.media.workbook import check_size
from hotline.workflows.customers.import_messages import Ended, Task
from hotline.workflows.customers.import_readers import ReaderFailed, prepared, sampled

OWNER = UUID(int=1)
KEY = PersonalKey(UUID(int=2), bytes(range(32)))
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def sealed(place: Path, data: bytes) -> Path:
    """The file as it lies on the disk."""
    path = place / f"{new_id()}.hls"
    writer = SealedWriter(path, KEY.secret, OWNER)
    writer.write(data)
    writer.finish(lambda first, _: first)
    return path


async def looked_at(place: Path, data: bytes, format: str = "csv") -> Sample:
    return await sampled(Task("sample", sealed(place, data), KEY.secret, OWNER, format))


def workbook(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def changed(data: bytes, part: str, text: bytes) -> bytes:
    """A workbook with one part replaced."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, text if name == part else old.read(name))
    return file.getvalue()


BOOK = workbook([["姓名", "电话", "Since"], ["王秀英", 13800006620, None], ["=1+1", "+493023125042", "2024-01-31"]])
SHEET = "xl/worksheets/sheet1.xml"


async def test_samples(tmp_path: Path) -> None:
    sample = await looked_at(tmp_path, "姓名;电话\n王秀英;13800006620\n李国强;13900000412\n".encode("gb18030"))
    assert sample.reading == Reading("gb18030", ";", '"', True, 0)
    assert sample.headings == ("姓名", "电话")
    assert sample.rows_estimated == 2
    sample = await looked_at(tmp_path, BOOK, "xlsx")
    assert (sample.headings, sample.sheets) == (("姓名", "电话", "Since"), ("Sheet",))
    assert sample.rows[0] == ("王秀英", "13800006620", "")


@pytest.mark.parametrize(
    ("data", "format", "why"),
    [
        (b"", "csv", "empty"),
        (b"name,phone\n", "csv", "no row below"),
        (b"x," * 1_000_000 + b"\n1\n", "csv", "no end"),
        (b",".join([b"x%d" % n for n in range(600)]) + b"\n1\n", "csv", "600 cells"),
        (b'"never closed,' * 100_000, "csv", "no end"),
        (b"PK\x03\x04 no zip", "xlsx", "no XLSX workbook"),
        (BOOK[: len(BOOK) // 2], "xlsx", "no XLSX workbook"),
        (changed(BOOK, SHEET, b"<worksheet><sheetData><row r='1'><c"), "xlsx", "damaged|no XLSX"),
        (
            changed(
                BOOK, SHEET,
                b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
                + f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c t="str">'.encode()
                + b"<v>&c;</v></c></row></sheetData></worksheet>",
            ),
            "xlsx", "XML entities",
        ),
        (changed(BOOK, SHEET, b" " * (64 << 20)), "xlsx", "far more than"),
    ],
)  # fmt: skip
async def test_what_is_no_table_is_refused_with_a_reason(tmp_path: Path, data: bytes, format: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        await looked_at(tmp_path, data, format)


async def test_a_bomb_of_shared_texts_is_not_opened() -> None:
    bomb = io.BytesIO()
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/sharedStrings.xml", "w") as part,
    ):
        for _ in range(200):
            part.write(b"<si><t>x</t></si>" * 30_000)
    with pytest.raises(Invalid, match="too large"):
        check_size(bomb)


async def test_a_file_that_was_changed_on_the_disk_is_told(tmp_path: Path) -> None:
    path = sealed(tmp_path, b"name\nAnna\n")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises((Invalid, ReaderFailed)):
        await sampled(Task("sample", path, KEY.secret, OWNER, "csv"))


async def test_steps_come_in_order_and_go_on_where_they_stopped(tmp_path: Path) -> None:
    rows = 5_000
    data = "name\n" + "".join(f"Person {n}\n" for n in range(rows))
    plan = Plan(("name",), ("",), ("dmy",), "DE")
    keyring = Keyring(["a secret that is long enough"], bytes(32))
    task = Task("prepare", sealed(tmp_path, data.encode()), KEY.secret, OWNER, "csv", Reading(), plan, keyring)

    async def names(after: int) -> tuple[list[str | None], int]:
        found: list[str | None] = []
        async with aclosing(prepared(replace(task, after=after))) as steps:
            async for step in steps:
                if isinstance(step, Prepared):
                    assert list(step.numbers) == list(range(step.last - step.count + 1, step.last + 1))
                    found += [step.record(place).name for place in range(len(step.numbers))]
                else:
                    assert isinstance(step, Ended)
                    return found, step.rows
        raise AssertionError("no end")

    everybody, last = await names(0)
    assert (everybody, last) == ([f"Person {n}" for n in range(rows)], rows + 1)
    assert (await names(3_001))[0] == everybody[3_000:]
