"""Lists of who wants nothing, taken in by the API."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from hotline.crm.commands.consent import opt_outs
from hotline.crm.commands.consent.suppressions import reasons_of
from hotline.crm.viewer import SYSTEM
from hotline.workflows import background, ending_files
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.consent import suppression_import
from hotline.workflows.house import House
from tests.integration.campaigns.test_consents import agree, held, person
from tests.integration.web.conftest import Api, api  # noqa: F401 - a fixture

LIST = b"""Email;Status;Date
anna@example.com;unsubscribed;2026-01-02
bert@example.com;spam;
=cmd|' /C calc'!A0;;
;bounce;
carl@example.com;whatever;
"""


async def bring(api: Api, data: bytes, query: str, *, role: str = "marketer", status: int = 202) -> Any:  # noqa: F811
    headers = {"Authorization": f"Bearer {await api.token(role)}", "Content-Type": "application/octet-stream"}
    async with api.client.post(f"/api/v1/suppressions/imports?{query}", data=data, headers=headers) as answer:
        text = await answer.text()
        assert answer.status == status, text
        return await answer.json()


async def test_a_list_ends_in_the_same_place_as_every_other_no(house: House, api: Api) -> None:  # noqa: F811
    anna = await person(house, "Anna", ("email", "anna@example.com"))
    await agree(house, anna)
    brought = await bring(api, LIST, "channel=email&name=old+provider.csv")
    assert await background.work(house, KINDS)
    done = await api.get(f"/suppressions/imports/{brought['id']}", role="marketer")
    assert (done["state"], done["name"]) == ("done", "old provider.csv")
    assert done["result"]["new"] == 2
    assert done["result"]["faults"] == {"not_an_address": 1, "no_address": 1, "reason": 1}
    index = {name: house.keyring.contact_index("email", f"{name}@example.com") for name in ("anna", "bert", "carl")}
    assert await reasons_of(house.db, "email", index["anna"], "marketing") == {"opt_out"}
    assert await reasons_of(house.db, "email", index["anna"], "service") == frozenset()
    assert await reasons_of(house.db, "email", index["bert"], "service") == {"complaint"}
    assert await reasons_of(house.db, "email", index["carl"]) == frozenset()
    # Older than what holds: she has agreed since.
    assert await held(house, anna) == {("email", "marketing"): "granted"}
    at = await house.db.fetchval("SELECT at FROM suppression WHERE address_index = $1", index["anna"])
    assert at == datetime(2026, 1, 2, tzinfo=UTC)
    headers = {"Authorization": f"Bearer {await api.token('marketer')}"}
    path = f"/api/v1/suppressions/imports/{brought['id']}/errors"
    async with api.client.get(path, headers=headers) as answer:
        rows = list(csv.reader(io.StringIO((await answer.text()).removeprefix("\ufeff"))))
    assert [(row[0], row[2]) for row in rows[1:]] == [
        ("4", "'=cmd|' /C calc'!A0"), ("5", ""), ("6", "carl@example.com"),
    ]  # fmt: skip
    await bring(api, LIST, "channel=email", role="reviewer", status=403)


async def test_a_list_that_a_crash_cut_off_goes_on_where_it_stopped(
    house: House,
    api: Api,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(suppression_import, "STEP", 10)
    numbers = b"\n".join(f"+1415555{at:04}".encode() for at in range(35))
    brought = await bring(api, numbers, "channel=sms")
    steps = 0
    taken_in = opt_outs.opt_out_many

    async def breaks(*arguments: Any) -> int:
        nonlocal steps
        steps += 1
        if steps == 3:
            raise RuntimeError("the process dies")
        return await taken_in(*arguments)

    monkeypatch.setattr(suppression_import, "opt_out_many", breaks)
    assert await background.work(house, KINDS)
    assert await house.db.fetchval("SELECT count(*) FROM suppression") == 20
    await background.resume(house, SYSTEM, (await house.db.fetchval("SELECT id FROM background_job")), KINDS)
    assert await background.work(house, KINDS)
    done = await api.get(f"/suppressions/imports/{brought['id']}", role="marketer")
    assert (done["state"], done["result"]["new"], done["done"]) == ("done", 35, 35)
    assert await house.db.fetchval("SELECT count(*) FROM suppression WHERE purpose = 'all'") == 35


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + b"x" * 100, b"%PDF-1.4", b"<html></html>"])
async def test_what_is_no_list_is_refused_with_the_reason(house: House, api: Api, data: bytes) -> None:  # noqa: F811
    await bring(api, data, "channel=email", status=422)
    assert list(ending_files.folder(house, "push_file").glob("*")) == []


async def test_a_list_lies_for_a_day(house: House, api: Api) -> None:  # noqa: F811
    brought = await bring(api, b"a@example.com", "channel=email")
    assert await background.work(house, KINDS)
    await house.db.execute("UPDATE push_file SET expires_at = now() - interval '1 hour'")
    assert await ending_files.keep(house, "push_file") == 1
    assert list(ending_files.folder(house, "push_file").glob("*")) == []
    headers = {"Authorization": f"Bearer {await api.token('marketer')}"}
    path = f"/api/v1/suppressions/imports/{brought['id']}/errors"
    async with api.client.get(path, headers=headers) as answer:
        assert answer.status == 410
