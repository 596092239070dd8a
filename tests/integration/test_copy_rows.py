"""Rows that are made in the binary format of COPY are read as the values that they hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hotline.crm import copy_rows
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House

WHO = UUID("0190f5c8-0b1e-7a11-8c1d-2f6c0a9b7e55")
AT = datetime(2026, 3, 29, 1, 59, 59, 123456, tzinfo=UTC)
COLUMNS = "who uuid, words text, raw bytea, place int, tokens bigint[], said jsonb, made timestamptz, later timestamptz"


def _row(who: UUID | None, words: str | None, raw: bytes | None, tokens: list[int], said: dict[str, Any]) -> bytes:
    fields = (
        *(copy_rows.NULL if who is None else copy_rows.uuid(str(who)), copy_rows.text(words), copy_rows.data(raw)),
        *(copy_rows.integer(-7), copy_rows.bigints(tokens), copy_rows.document(said)),
    )
    return copy_rows.row(fields, 2)


async def test_rows_of_every_type_come_back(house: House) -> None:
    tokens = [-(2**63), -1, 0, 2**63 - 1]
    rows = [
        _row(WHO, "Zoë 王\t\\N", bytes(range(256)), tokens, {"größe": [1, None, "x"]}),
        _row(None, None, None, [], {}),
        _row(WHO, "", b"", [5], {}),
    ]
    early = copy_rows.moment(datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC))
    async with house.unit(SYSTEM) as uow:
        await uow.execute(f"CREATE TEMPORARY TABLE copied (at serial, {COLUMNS}) ON COMMIT DROP")
        columns = ("who", "words", "raw", "place", "tokens", "said", "made", "later")
        await uow.copy_made("copied", columns, rows, copy_rows.moment(AT) + early)
        found = await uow.fetch("SELECT * FROM copied ORDER BY at")
    first, second, third = found
    assert (first["who"], first["words"], first["raw"]) == (WHO, "Zoë 王\t\\N", bytes(range(256)))
    assert (first["place"], first["tokens"], first["said"]) == (-7, tokens, {"größe": [1, None, "x"]})
    assert (first["made"], first["later"]) == (AT, datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert [second[name] for name in ("who", "words", "raw", "tokens", "said")] == [None, None, None, [], {}]
    assert [third[name] for name in ("words", "raw", "tokens")] == ["", b"", [5]]


async def test_no_rows_are_copied_as_none(house: House) -> None:
    async with house.unit(SYSTEM) as uow:
        await uow.execute("CREATE TEMPORARY TABLE copied (who uuid) ON COMMIT DROP")
        await uow.copy_made("copied", ("who",), [])
        assert await uow.fetchval("SELECT count(*) FROM copied") == 0
