"""Consent in imported tables: tried, written, weighed against what customers said since, taken back with the import."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.crm.commands.consent.consents import grant, withdraw
from hotline.crm.queries.consent.consents import ConsentFilter, list_consent_records
from hotline.crm.viewer import SYSTEM
from hotline.errors import Forbidden
from hotline.workflows import background
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.customers import customers, imports
from hotline.workflows.house import House
from tests.integration.test_imports import _body, brought, done, importer, result, table

HEAD = ("Name", "Phone", "SMS opt-in", "Email marketing", "Consent text", "Consent date", "Consent source")
WORDS = "I agree to offers."
COUNTS = ("created", "updated", "unchanged", "refused", "consents_granted", "consents_withdrawn", "consents_older")


def file(*rows: tuple[str, ...]) -> bytes:
    return table([HEAD, *rows])


def counted(found: dict[str, Any]) -> dict[str, int]:
    return {name: found[name] for name in COUNTS if found[name]}


async def states(house: House) -> dict[tuple[str, str], str]:
    rows = await house.db.fetch("SELECT channel, purpose, state FROM consent")
    assert len({(row["channel"], row["purpose"]) for row in rows}) == len(rows), "one customer is looked at"
    return {(row["channel"], row["purpose"]): row["state"] for row in rows}


async def ann(house: House) -> UUID:
    data: Any = {"name": "Ann", "contact_points": [{"kind": "phone", "value": "+4930231250"}]}
    return (await customers.create_customer(house, SYSTEM, data)).id


async def undo(house: House, job_id: UUID) -> dict[str, Any]:
    await background.undo(house, SYSTEM, job_id, KINDS)
    while await background.work(house, KINDS):
        pass
    row = await house.db.fetchrow("SELECT result FROM background_job WHERE id = $1", job_id)
    assert row is not None
    return dict(row["result"])


async def test_rule_10_a_file_brings_records_of_consent(house: House) -> None:
    view = await brought(
        house,
        file(
            ("Ann", "+4930231250", "yes", "no", WORDS, "2024-05-01T10:00:00Z", "web form"),
            ("Bob", "+4930231251", "yes", "", "", "2024-05-01", ""),
            ("Cay", "+4930231252", "perhaps", "", WORDS, "2024-05-01", ""),
        ),
    )
    expected = {"created": 1, "refused": 2, "consents_granted": 1, "consents_withdrawn": 1}
    tried = result(await done(house, view, trial=True), trial=True)
    assert counted(tried) == expected
    assert tried["reasons"] == {"consent_wording": 1, "consent_state": 1}
    assert await house.db.fetchval("SELECT count(*) FROM consent_record") == 0
    assert counted(result(await done(house, view))) == expected
    assert await states(house) == {("sms", "marketing"): "granted", ("email", "marketing"): "withdrawn"}
    records = await list_consent_records(house.db, house.keyring, SYSTEM, ConsentFilter(channel="sms"), limit=9)
    (yes,) = records
    assert (yes.wording, yes.origin, yes.source, yes.source_id) == (WORDS, "web form", "import", view.id)
    assert yes.at == datetime(2024, 5, 1, 10, tzinfo=UTC)
    # The same file again says nothing new.
    again = result(await done(house, await brought(house, file(
        ("Ann", "+4930231250", "yes", "no", WORDS, "2024-05-01T10:00:00Z", "web form"),
    )), duplicates="update"))  # fmt: skip
    assert counted(again) == {"unchanged": 1}
    assert await house.db.fetchval("SELECT count(*) FROM consent_record") == 2


async def test_an_older_yes_never_overrides_a_newer_no(house: House) -> None:
    who = await ann(house)
    async with house.unit(SYSTEM) as uow:
        await withdraw(uow, who, "sms", "marketing", source="link", at=uow.now - timedelta(days=1))
        await grant(uow, who, "email", "marketing", source="form", wording="w", at=uow.now - timedelta(days=9_000))
    view = await brought(house, file(("Ann", "+4930231250", "yes", "no", WORDS, "2025-05-01", "")))
    expected = {"updated": 1, "consents_withdrawn": 1, "consents_older": 1}
    assert counted(result(await done(house, view, trial=True, duplicates="update"), trial=True)) == expected
    ended = await done(house, view, duplicates="update")
    assert counted(result(ended)) == expected
    assert await states(house) == {("sms", "marketing"): "withdrawn", ("email", "marketing"): "withdrawn"}
    # Undone, what they had said before holds again; what the file said stays in the history, as undone.
    assert ended.job is not None
    assert (await undo(house, ended.job.id))["consents"] == 2
    assert await states(house) == {("sms", "marketing"): "withdrawn", ("email", "marketing"): "granted"}
    records = await list_consent_records(house.db, house.keyring, SYSTEM, ConsentFilter(), limit=9)
    assert sorted((each.source, each.undone_at is not None) for each in records) == [
        ("form", False), ("import", True), ("import", True), ("link", False),
    ]  # fmt: skip


async def test_an_undone_import_leaves_nobody_consent_who_said_something_since(house: House) -> None:
    view = await brought(
        house,
        file(
            ("Ann", "+4930231250", "yes", "yes", WORDS, "2025-05-01", ""),
            ("Bob", "+4930231251", "yes", "", WORDS, "2025-05-01", ""),
        ),
    )
    ended = await done(house, view)
    who = await house.db.fetchval("SELECT customer_id FROM consent WHERE channel = 'email'")
    async with house.unit(SYSTEM) as uow:
        await withdraw(uow, who, "email", "marketing", source="link")
    assert ended.job is not None
    undone = await undo(house, ended.job.id)
    assert (undone["removed"], undone["kept"], undone["consents"]) == (1, 1, 2)
    # Their own word keeps them and holds; the yes of the file counts no more.
    assert await states(house) == {("email", "marketing"): "withdrawn"}


async def test_consent_is_brought_by_who_may_write_it_down(house: House) -> None:
    someone = await importer(house, "customers.read", "customers.write", "customers.import")
    data = file(("Ann", "+4930231250", "yes", "", WORDS, "2025-05-01", ""))
    view = await imports.receive(house, someone, "a.csv", len(data), _body(data))
    with pytest.raises(Forbidden):
        await imports.start(house, someone, view.id, trial=True)
