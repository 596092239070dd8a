"""Imports of customers on a real database: received, tried, written, gone on with after a crash, undone."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.crm.commands.customers import import_steps
from hotline.crm.commands.customers.import_steps import write_step
from hotline.crm.commands.customers.import_undo import OWN_TABLES, references
from hotline.crm.import_seal import Prepared
from hotline.crm.queries.customers.customer_views import CustomerView
from hotline.crm.queries.customers.customers import get_customer, list_customers, lookup
from hotline.crm.queries.customers.imports import ImportView, get_import
from hotline.crm.viewer import SYSTEM, Viewer, viewer_of
from hotline.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from hotline.workflows import background
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.company import fields
from hotline.workflows.customers import customers, import_jobs, imports
from hotline.workflows.house import House
from hotline.workflows.people import roles, users


async def _body(data: bytes) -> AsyncIterator[bytes]:
    yield data


def table(rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


async def importer(house: House, *permissions: str, login: str = "importer") -> Viewer:
    """Somebody with a role of these permissions."""
    await roles.create_role(house, SYSTEM, login, permissions=list(permissions))
    user = await users.create_user(house, SYSTEM, {"login": login, "name": login, "role": login})
    return viewer_of(user.id, frozenset(permissions))


async def brought(house: House, data: bytes, name: str = "customers.csv") -> ImportView:
    """A file, received and guessed."""
    return await imports.receive(house, SYSTEM, name, len(data), _body(data))


async def done(house: House, view: ImportView, *, trial: bool = False, duplicates: str | None = None) -> ImportView:
    """The import after its job was worked off."""
    await imports.start(house, SYSTEM, view.id, trial=trial, duplicates=duplicates)
    while await background.work(house, KINDS):
        pass
    return await get_import(house.db, house.keyring, SYSTEM, view.id)


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


async def _customers(house: House) -> dict[str, CustomerView]:
    return {each.name: each for each in await list_customers(house.db, house.keyring, SYSTEM, limit=200)}


async def _anna(house: House) -> CustomerView:
    return await customers.create_customer(
        house, SYSTEM,
        {
            "name": "Anna", "locale": "de", "tags": ["vip"], "custom": {"since": "2001"},
            "contact_points": [{"kind": "email", "value": "anna@example.com", "label": "work"}],
        },
    )  # fmt: skip


SECOND = table(
    [
        ("Name", "Phone", "Email", "Language", "Tags", "Address"),
        ("Anna Berg", "+493023125042", "Anna@example.com", "en", "VIP;new", "Hauptstraße 1"),
        ("Tom Hale", "+442079460158", "tom@example.com", "en", "", ""),
        ("Tommy", "+44 20 7946 0158", "tommy@example.com", "", "late", ""),
    ]
)


@pytest.mark.parametrize("policy", ["update", "merge"])
async def test_customers_who_are_there(house: House, policy: str) -> None:
    before = await _anna(house)
    view = await done(house, await brought(house, SECOND), duplicates=policy)
    told = result(view)
    assert (told["created"], told["updated"], told["repeated"], told["refused"]) == (1, 2, 1, 0)
    anna = await get_customer(house.db, house.keyring, SYSTEM, before.id)
    assert (anna.name, anna.locale) == (("Anna Berg", "en") if policy == "update" else ("Anna", "de"))
    assert [point.value for point in anna.contact_points] == ["anna@example.com", "+493023125042"]
    assert anna.tags == ("new", "vip")
    assert (anna.addresses[0].text, anna.version) == ("Hauptstraße 1", 2)
    assert anna.custom == {"since": "2001"}
    [tom] = [each for name, each in (await _customers(house)).items() if name.startswith("Tom")]
    assert tom.name == ("Tommy" if policy == "update" else "Tom Hale")
    assert {point.value for point in tom.contact_points} == {
        "+442079460158", "tom@example.com", "tommy@example.com",
    }  # fmt: skip
    history = await house.db.fetch(
        "SELECT field, source, source_id, version FROM customer_change WHERE customer_id = $1", before.id
    )
    assert {row["field"] for row in history} >= {"contact_points", "tags", "addresses"}
    assert {(row["source"], row["source_id"], row["version"]) for row in history} == {("import", view.id, 2)}

    # Back again; what somebody changed since stays.
    assert view.job is not None
    await customers.update_customer(house, SYSTEM, before.id, {"locale": "fr"})
    await background.undo(house, SYSTEM, view.job.id, KINDS)
    assert await background.work(house, KINDS)
    anna = await get_customer(house.db, house.keyring, SYSTEM, before.id)
    assert (anna.name, anna.locale, anna.tags) == ("Anna", "fr", ("vip",))
    assert [point.value for point in anna.contact_points] == ["anna@example.com"]
    assert anna.addresses == ()
    assert set(await _customers(house)) == {"Anna"}
    undone = await get_import(house.db, house.keyring, SYSTEM, view.id)
    assert undone.job is not None
    assert undone.job.state == "undone"
    assert undone.job.result == {"removed": 1, "reverted": 1, "kept": 0, "consents": 0}
    assert await house.db.fetchval("SELECT count(*) FROM personal_key k JOIN customer c ON c.key_id = k.id") == 1


async def test_many_who_are_there_are_changed_part_by_part(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_steps, "_CHANGED_AT_ONCE", 2)
    for n in range(5):
        point: Any = {"kind": "email", "value": f"anna{n}@example.com"}
        await customers.create_customer(house, SYSTEM, {"name": f"Anna {n}", "contact_points": [point]})
    rows = [(f"Berg {n}", f"anna{n}@example.com", "" if n == 3 else "de") for n in (4, 0, 2, 1, 3)]
    view = await brought(house, table([("Name", "Email", "Language"), *rows]))
    told = result(await done(house, view, duplicates="update"))
    assert (told["created"], told["updated"], told["refused"]) == (0, 5, 0)
    after = {name: (each.locale, each.version) for name, each in (await _customers(house)).items()}
    assert after == {f"Berg {n}": (None if n == 3 else "de", 2) for n in range(5)}


async def test_customers_who_were_used_since_are_kept_when_an_import_is_undone(house: House) -> None:
    view = await done(house, await brought(house, SECOND))
    tom = (await _customers(house))["Tom Hale"]
    await customers.write_note(house, SYSTEM, house.new_id(), "He called.", customer_id=tom.id)
    assert view.job is not None
    await background.undo(house, SYSTEM, view.job.id, KINDS)
    await background.work(house, KINDS)
    assert set(await _customers(house)) == {"Tom Hale"}
    async with house.unit(SYSTEM) as uow:
        named = {source for source, _ in await references(uow)}
    assert {"call", "ticket", "interaction", "purchase", "customer_file"} <= named
    assert not named & OWN_TABLES


async def test_rows_that_fit_several_customers_or_none(house: House) -> None:
    anna = await _anna(house)
    await customers.create_customer(
        house, SYSTEM, {"name": "Berg", "contact_points": [{"kind": "phone", "value": "+493023125042"}]}
    )
    data = table(
        [
            ("Number", "Name", "Phone", "Email"),
            ("", "Both", "+493023125042", "anna@example.com"),
            (f"C{anna.number}", "", "+442079460158", ""),
            ("C999999", "Nobody", "", ""),
        ]
    )
    view = await brought(house, data)
    view = await imports.change(house, SYSTEM, view.id, {"mapping": ["number", "name", "phone", "email"]})
    told = result(await done(house, view, duplicates="update"))
    assert (told["updated"], told["refused"]) == (1, 2)
    assert told["reasons"] == {"ambiguous": 1, "unknown_number": 1}
    changed = await get_customer(house.db, house.keyring, SYSTEM, anna.id)
    assert [point.value for point in changed.contact_points] == ["anna@example.com", "+442079460158"]


async def test_a_process_that_dies_loses_and_doubles_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 5_500
    data = table([("Name", "Email"), *((f"Person {n}", f"p{n}@example.com") for n in range(rows))])
    view = await brought(house, data)
    await imports.start(house, SYSTEM, view.id, trial=False)

    async def dies(uow: Any, import_id: Any, step: Prepared, *more: Any) -> Any:
        found = await write_step(uow, import_id, step, *more)
        if step.last > 5_000:
            raise Unavailable("as if it were cut off before the commit")
        return found

    with monkeypatch.context() as broken:
        broken.setattr(import_jobs, "write_step", dies)
        assert await background.work(house, KINDS)
    assert await house.db.fetchval("SELECT count(*) FROM customer") == 250 + 500 + 1_000 + 2_000
    await house.db.execute("UPDATE background_job SET lease_until = NULL")
    assert await background.work(house, KINDS)
    view = await get_import(house.db, house.keyring, SYSTEM, view.id)
    assert result(view)["created"] == rows
    assert view.job is not None
    assert (view.job.done, view.job.total) == (rows, rows)
    assert await house.db.fetchval("SELECT count(*) FROM customer") == rows
    assert await house.db.fetchval("SELECT count(DISTINCT value_index) FROM contact_point") == rows
    assert view.file_deleted_at is not None
    assert view.rows == ()
    assert list(imports.folder(house).iterdir()) == []


async def test_an_import_that_dies_when_all_is_written_ends_as_done(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = await brought(house, table([("Name",), ("Anna",), ("Tom",)]))
    await imports.start(house, SYSTEM, view.id, trial=False)
    end_file = imports.end_file

    async def dies(house: House, import_id: UUID) -> bool:
        await end_file(house, import_id)
        raise Unavailable("as if the process were gone before the job was told")

    with monkeypatch.context() as broken:
        broken.setattr(imports, "end_file", dies)
        assert await background.work(house, KINDS)
    await house.db.execute("UPDATE background_job SET lease_until = NULL")
    assert await background.work(house, KINDS)
    view = await get_import(house.db, house.keyring, SYSTEM, view.id)
    assert view.job is not None
    assert view.job.state == "done"
    assert result(view)["created"] == 2
    ended = await house.db.fetchval("SELECT count(*) FROM audit_entry WHERE action = 'import:ended'")
    assert ended == 1


async def test_whom_the_importer_does_not_see_is_not_told(house: House) -> None:
    before = await _anna(house)
    agent = await importer(house, "customers.import", "customers.read", "customers.write")
    view = await imports.receive(house, agent, "a.csv", None, _body(SECOND))
    await imports.start(house, agent, view.id, trial=False, duplicates="update")
    await background.work(house, KINDS)
    view = await get_import(house.db, house.keyring, agent, view.id)
    assert result(view)["created"] == 1
    assert result(view)["reasons"] == {"tag": 2}  # tags are made by right
    assert (await get_customer(house.db, house.keyring, SYSTEM, before.id)).version == 1
    data = table([("Name", "Email"), ("Anna B", "anna@example.com")])
    view = await imports.receive(house, agent, "a.csv", None, _body(data))
    await imports.start(house, agent, view.id, trial=False, duplicates="update")
    await background.work(house, KINDS)
    made = (await _customers(house))["Anna B"]
    assert made.responsible_id == agent.user_id
    other = await importer(house, "customers.import", "customers.read", login="other")
    with pytest.raises(NotFound):
        await get_import(house.db, house.keyring, other, view.id)


async def test_what_the_importer_may_not_read_is_neither_told_nor_written(house: House) -> None:
    """An email that is masked for them recognises nobody who is there, and a private field is not theirs to fill."""
    before = await _anna(house)
    blind = await importer(house, "customers.import", "customers.read", "customers.read_all", "customers.write")
    email = before.contact_points[0].value
    data = table([("Name", "Email", "Salary"), ("Anna B", email, "4711"), ("Anna Bee", email, "4712")])
    for trial in (True, False):
        view = await imports.receive(house, blind, "a.csv", None, _body(data))
        await imports.start(house, blind, view.id, trial=trial, duplicates="skip")
        await background.work(house, KINDS)
        told = result(await get_import(house.db, house.keyring, blind, view.id), trial=trial)
        assert (told["created"], told["skipped"], told["repeated"]) == (1, 1, 1)
    salary = {"record": "customer", "key": "salary", "names": {"en": "Salary"}, "type": "number", "private": True}
    await fields.create_field(house, SYSTEM, salary)  # type: ignore[arg-type]
    view = await imports.receive(house, blind, "a.csv", None, _body(data))
    assert "custom.salary" in view.mapping
    with pytest.raises(Forbidden, match="private"):
        await imports.start(house, blind, view.id, trial=True)
    await imports.change(house, blind, view.id, {"mapping": ["name", "email", None]})
    await imports.start(house, blind, view.id, trial=True)


async def test_mappings_are_saved_by_name(house: House) -> None:
    view = await brought(house, FILE)
    mapping = ["name", "whatsapp", "email", None, None, None, "custom.contract"]
    view = await imports.change(house, SYSTEM, view.id, {"mapping": mapping, "options": {"region": "CN"}})
    await imports.save_mapping(house, SYSTEM, "Old CRM", view.id)
    again = await brought(house, FILE)
    assert list(again.mapping) == mapping
    assert set(again.guessed) == {"saved"}
    part = table([("Stadt", "Phone"), ("Berlin", "1")])
    other = await imports.change(house, SYSTEM, (await brought(house, part)).id, {"saved": "Old CRM"})
    assert (other.mapping, other.options["region"]) == ((None, "whatsapp"), "CN")
    with pytest.raises(Invalid, match="no column says who"):
        await imports.start(house, SYSTEM, other.id, trial=True)
    for wrong in ({"reading": {"encoding": "rot13"}}, {"options": {"duplicates": "all"}}, {"options": {"x": 1}}):
        with pytest.raises(Invalid):
            await imports.change(house, SYSTEM, other.id, wrong)  # type: ignore[arg-type]


async def test_files_that_are_not_needed_any_more_go(house: House) -> None:
    view = await brought(house, FILE)
    (imports.folder(house) / "left-by-a-crash.hls").write_bytes(b"x")
    os.utime(imports.folder(house) / "left-by-a-crash.hls", (0, 0))
    later = house.clock() + timedelta(hours=25)
    house.clock = lambda: later
    assert await imports.keep_imports(house) == 2
    assert list(imports.folder(house).iterdir()) == []
    with pytest.raises(Conflict, match="bring it again"):
        await imports.start(house, SYSTEM, view.id, trial=True)


@pytest.mark.parametrize("policy", ["skip", "update"])
async def test_nobody_new_is_made_without_what_a_record_must_have(house: House, policy: str) -> None:
    await fields.create_field(
        house, SYSTEM, {"record": "person", "key": "member", "names": {"en": "Member no."}, "type": "text",
                        "required": True},
    )  # fmt: skip
    await fields.create_field(
        house, SYSTEM, {"record": "customer", "key": "area", "names": {"en": "Area"}, "type": "text", "required": True},
    )  # fmt: skip
    await customers.create_customer(
        house, SYSTEM, {"name": "There", "custom": {"member": "1", "area": "n"},
                        "contact_points": [{"kind": "email", "value": "there@example.com"}]},
    )  # fmt: skip
    rows = [
        ("Name", "Email", "Kind", "custom.member"),
        ("Whole", "whole@example.com", "person", "7"),  # its area stands in no column
        ("There too", "there@example.com", "person", ""),
        ("Twice", "twice@example.com", "person", ""),
        ("Twice", "twice@example.com", "person", "9"),
        ("Works", "works@example.com", "organisation", ""),
    ]
    view = await brought(house, table(rows))
    mapping = ["name", "email", "kind", "custom.member"]
    view = await imports.change(house, SYSTEM, view.id, {"mapping": mapping})
    for trial in (True, False):
        told = result(await done(house, view, trial=trial, duplicates=policy), trial=trial)
        assert (told["created"], told["refused"], told["repeated"]) == (0, 4, 0)
        assert told["reasons"] == {"required": 4}
        assert told["skipped" if policy == "skip" else "updated"] == 1
        assert set(await _customers(house)) == {"There" if trial or policy == "skip" else "There too"}
    _, rows_refused = await imports.refused(house, SYSTEM, view.id)
    [first, *others] = [row async for row in rows_refused]
    assert (first.number, [(each.column, each.detail) for each in first.reasons]) == (2, [(None, "Area")])
    # A later row of the same person fills what it can, unless it is left out.
    lacking = [(3, "Member no."), (None, "Area")] if policy == "skip" else [(None, "Area")]
    assert [(each.column, each.detail) for each in others[0].reasons] == lacking


async def test_rows_of_one_new_customer_complete_each_other(house: House) -> None:
    await fields.create_field(
        house, SYSTEM, {"record": "customer", "key": "area", "names": {"en": "Area"}, "type": "text", "required": True},
    )  # fmt: skip
    rows = [
        ("Name", "Email", "custom.area"),
        ("Twice", "twice@example.com", ""),
        ("Twice", "twice@example.com", "north"),
        ("Lacking", "lacking@example.com", ""),
        ("Lacking", "lacking@example.com", ""),
    ]
    view = await brought(house, table(rows))
    view = await imports.change(house, SYSTEM, view.id, {"mapping": ["name", "email", "custom.area"]})
    told = result(await done(house, view, duplicates="merge"))
    assert (told["created"], told["updated"], told["repeated"], told["refused"]) == (1, 1, 1, 2)
    assert (await _customers(house))["Twice"].custom == {"area": "north"}
