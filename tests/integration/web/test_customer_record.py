"""A customer's record over the API and its pages: merged changes, conflicts, history, relations, purchases, fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from aiohttp import ClientResponse

from hotline.crm.database import Database
from hotline.ids import new_id
from tests.integration.people import PASSWORD, add_user
from tests.integration.web.conftest import Api

NUMBER = "+8613912340412"


async def test_changes_of_two_are_put_together_or_both_are_shown(api: Api) -> None:
    made = await api.post("/customers", {"name": "Wang", "tags": [], "custom": {"a": "1"}})
    path, base = f"/customers/{made['id']}", made["version"]
    await api.patch(path, {"version": base, "name": "Theirs", "custom": {"b": "2"}}, role="supervisor")
    both = await api.patch(path, {"version": base, "locale": "zh", "custom": {"a": "uno"}})
    assert (both["name"], both["locale"], both["custom"]) == ("Theirs", "zh", {"a": "uno", "b": "2"})
    problem = await api.patch(path, {"version": base, "name": "Yours", "tier": "gold"}, status=409)
    assert problem["code"] == "conflict"
    (conflict,) = problem["conflicts"]
    assert conflict.pop("at")
    assert conflict == {"field": "name", "base": "Wang", "yours": "Yours", "theirs": "Theirs", "by": "Supervisor"}
    now = await api.get(path)
    assert (now["tier"], now["version"]) == (None, both["version"])
    await api.patch(path, {"name": "x"}, headers={"If-Match": f'"v{base}"'}, status=412)
    assert (await api.patch(path, {"name": "Last"}))["name"] == "Last", "without a version it is written"


async def test_the_history_names_who_when_from_and_to(api: Api) -> None:
    made = await api.post("/customers", {"name": "Wang"})
    path = f"/customers/{made['id']}"
    await api.patch(path, {"name": "Li", "responsible": "administrator", "custom": {"size": "L"}})
    page = await api.get(f"{path}/history?limit=2")
    rest = await api.get(f"{path}/history?limit=2&cursor={page['next']}")
    lines = {line["field"]: line for line in page["items"] + rest["items"]}
    assert set(lines) == {"name", "responsible", "custom.size"}
    assert rest["next"] is None
    assert (lines["name"]["from"], lines["name"]["to"], lines["name"]["user_name"]) == ("Wang", "Li", "Administrator")
    assert (lines["custom.size"]["from"], lines["custom.size"]["source"]) == (None, "api")
    back = await api.post(f"{path}/history/{lines['name']['id']}/revert", {}, status=200)
    assert (back["name"], back["custom"]) == ("Wang", {"size": "L"})
    await api.post(f"{path}/history/{lines['name']['id']}/revert", {}, status=403, role="reviewer")
    assert [line["source"] for line in (await api.get(f"{path}/history?field=name"))["items"]] == ["undo", "api"]


async def test_relations_and_purchases(api: Api) -> None:
    acme = (await api.post("/customers", {"name": "Acme", "kind": "organisation"}))["id"]
    wang = (await api.post("/customers", {"name": "Wang", "contact_points": [{"kind": "phone", "value": NUMBER}]}))[
        "id"
    ]
    body = {"customer_id": wang, "kind": "contact", "role": "decision_maker", "weight": 80}
    made = await api.post(f"/customers/{acme}/relations", body)
    assert (made["from_id"], made["to_id"], made["customer"]["name"]) == (acme, wang, "Wang")
    (inward,) = (await api.get(f"/customers/{wang}/relations"))["items"]
    assert (inward["outward"], inward["from_id"], inward["customer"]["id"]) == (False, acme, acme)
    marketer = (await api.get(f"/customers/{acme}/relations", role="marketer"))["items"][0]
    assert NUMBER not in str(marketer)
    assert marketer["customer"]["contact_points"][0]["masked"]
    await api.post(f"/customers/{acme}/relations", {"customer_id": wang, "weight": 101}, status=422)
    await api.post(f"/customers/{acme}/relations", {"customer_id": acme}, status=422)
    assert (await api.patch(f"/customers/{acme}/relations/{made['id']}", {"weight": 5}))["weight"] == 5
    assert (await api.ask("DELETE", f"/customers/{acme}/relations/{made['id']}")).status == 204
    assert (await api.get(f"/customers/{acme}/relations"))["items"] == []
    await api.post(f"/customers/{acme}/relations/{made['id']}/restore", {}, status=200)
    bought = {"title": "Fibre 500", "amount": 16900, "currency": "CNY", "external_id": "erp-1", "quantity": 2}
    headers = {"Idempotency-Key": "once"}
    one = await api.post(f"/customers/{wang}/purchases", bought, headers=headers)
    assert await api.post(f"/customers/{wang}/purchases", bought, headers=headers) == one
    await api.post(f"/customers/{acme}/purchases", bought, status=409)
    await api.post(f"/customers/{wang}/purchases", {"title": "x", "amount": 1.5, "currency": "CNY"}, status=422)
    place = f"/customers/{wang}/purchases/{one['id']}"
    assert (await api.patch(place, {"state": "active", "version": 1}))["state"] == "active"
    await api.patch(place, {"state": "expired", "version": 1}, status=409)
    await api.get(f"/customers/{acme}/purchases/{one['id']}", status=404)
    assert [each["title"] for each in (await api.get(f"/customers/{wang}/purchases"))["items"]] == ["Fibre 500"]


async def test_fields_are_described_over_the_api(api: Api) -> None:
    body = {"key": "shoe", "record": "person", "type": "number", "names": {"en": "Shoe", "zh": "鞋码"}, "maximum": "50"}
    made = await api.post("/custom-fields", body)
    await api.post("/custom-fields", body, status=409)
    await api.post("/custom-fields", {**body, "key": "Bad Key"}, status=422)
    await api.post("/custom-fields", body, status=403, role="agent")
    assert [each["key"] for each in (await api.get("/custom-fields?record=person", role="agent"))["items"]] == ["shoe"]
    assert (await api.get("/custom-fields?record=organisation"))["items"] == []
    problem = await api.post("/customers", {"name": "Wang", "custom": {"shoe": 51}}, status=422)
    assert problem["errors"][0]["field"] == "body.custom.shoe"
    assert (await api.post("/customers", {"name": "Wang", "custom": {"shoe": 42}}))["custom"] == {"shoe": 42}
    await api.patch(f"/custom-fields/{made['id']}", {"names": {"en": "Size"}, "version": 9}, status=409)
    await api.patch(f"/custom-fields/{made['id']}", {"choices": []})
    assert (await api.ask("DELETE", f"/custom-fields/{made['id']}")).status == 204
    assert (await api.get("/custom-fields"))["items"] == []
    assert (await api.get("/custom-fields?archived=true"))["items"][0]["archived"]


async def test_pages_show_what_was_there_before(api: Api) -> None:
    """A value that was written before its field held addresses is no link; an export that has ended is a line."""
    signed = {"Authorization": f"Bearer {await api.token('administrator')}"}
    for key, text in (("site", "javascript:alert(1)"), ("shop", "https://shop.example/")):
        made = await api.post("/customers", {"kind": "person", "name": "Anna", "custom": {key: text}})
        await api.post("/custom-fields", {"record": "customer", "key": key, "names": {"en": key}, "type": "url"})
        page = await (await api.client.get(f"/customers/{made['id']}", headers=signed)).text()
        assert text in page
        assert (f'href="{text}"' in page) == (key == "shop")
    narrowed = {"tag": "vip", "custom": {"size": "xxl"}}
    export = await api.post("/exports", {"format": "csv", "filter": narrowed}, status=202)
    for told in (True, False):
        answer = await api.client.get("/exports", headers=signed)
        assert (answer.status, "vip, xxl" in await answer.text()) == (200, told)
        await api.ask("DELETE", f"/exports/{export['id']}")


async def test_a_body_assigns_nothing_that_is_not_offered(api: Api) -> None:
    made = await api.post("/customers", {"name": "Wang"})
    for field in (
        "id",
        "number",
        "created_by",
        "created_source",
        "key_id",
        "custom_cipher",
        "merged_into_id",
        "erased",
    ):
        await api.patch(f"/customers/{made['id']}", {field: made["id"]}, status=422)
        await api.post("/customers", {"name": "x", field: 1}, status=422)
    await api.patch(f"/customers/{made['id']}", {"preferences": {"times": [{"days": [1]}]}}, status=422)
    await api.patch(f"/customers/{made['id']}", {"responsible": "x", "responsible_id": None}, status=422)


# Pages


class Pages:
    """A browser that runs no scripts."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.csrf = ""

    async def sign_in(self, login: str) -> None:
        await self.post("/sign-in", {"login": login, "password": PASSWORD})

    async def get(self, path: str, status: int = 200) -> str:
        response = await self.api.client.get(path)
        return await self._read(response, status)

    async def post(self, path: str, fields: Mapping[str, Any], status: int = 200) -> str:
        return await self._read(await self.api.client.post(path, data={"csrf": self.csrf, **fields}), status)

    async def _read(self, response: ClientResponse, status: int) -> str:
        text = await response.text()
        assert response.status == status, text[:2000]
        if found := re.search(r'name="csrf" (?:value|content)="([^"]+)"', text):
            self.csrf = found[1]
        return text


@pytest.fixture
async def pages(api: Api) -> Pages:
    await add_user(api.house, "boss", "administrator", password=PASSWORD)
    browser = Pages(api)
    await browser.sign_in("boss")
    return browser


async def test_the_form_merges_and_asks_where_both_changed_the_same(api: Api, pages: Pages) -> None:
    await api.post("/custom-fields", {"key": "shoe", "type": "number", "names": {"en": "Shoe"}})
    made = await api.post("/customers", {"name": "Wang", "locale": "en"})
    edit = f"/customers/{made['id']}/edit"
    text = await pages.get(edit)
    assert 'name="custom.shoe"' in text
    form = {"version": made["version"], "kind": "person", "name": "Wang", "locale": "en", "custom.shoe": "42"}
    await api.patch(f"/customers/{made['id']}", {"name": "Theirs"})
    await pages.post(edit, form)
    now = await api.get(f"/customers/{made['id']}")
    assert (now["name"], now["custom"]) == ("Theirs", {"shoe": 42}), "what only they changed stays"
    text = await pages.post(edit, {**form, "name": "Mine", "locale": "zh"}, status=409)
    assert 'name="side:name"' in text
    assert "Theirs" in text
    assert "Mine" in text
    chosen = {**form, "name": "Mine", "locale": "zh", "conflict_version": now["version"], "side:name": "yours"}
    await pages.post(edit, chosen)
    after = await api.get(f"/customers/{made['id']}")
    assert (after["name"], after["locale"]) == ("Mine", "zh")
    text = await pages.post(edit, {**form, "version": after["version"], "name": "Mine", "custom.shoe": "x"}, status=422)
    assert "custom-shoe-error" in text


async def test_every_page_of_a_record_and_its_hostile_texts(api: Api, pages: Pages) -> None:
    evil = "<script>alert(1)</script>"
    await api.post("/custom-fields", {"key": "site", "type": "url", "names": {"en": evil}})
    body = {
        "name": evil,
        "tags": [evil],
        "custom": {"site": "https://example.com/?<b>", evil: evil},
        "addresses": [{"text": evil}],
        "preferences": {"times": [{"days": [1, 3], "from": "09:00", "to": "10:00"}]},
    }
    made = await api.post("/customers", body)
    other = await api.post("/customers", {"name": "Acme", "kind": "organisation"})
    path = f"/customers/{made['id']}"
    relation = await api.post(f"{path}/relations", {"customer_id": other["id"], "note": evil, "weight": 3})
    purchase = await api.post(f"{path}/purchases", {"title": evil, "amount": 100, "currency": "CNY", "state": "active"})
    await api.patch(path, {"name": f"{evil}2", "tier": "gold"})
    for page in (
        "",
        "/edit",
        "/history",
        "/history?field=name",
        "/relations",
        "/relations/new?q=Acme",
        f"/relations/{relation['id']}",
        "/purchases",
        "/purchases/new",
        f"/purchases/{purchase['id']}",
        "/files",
    ):
        text = await pages.get(path + page)
        assert evil not in text
        assert "&lt;script&gt;" in text or page == "/purchases/new"
    for page in ("/settings/fields", "/settings/fields/new"):
        assert evil not in await pages.get(page)
    await pages.get(f"{path}/relations/{other['id']}", status=404)
    await pages.get("/customers/new?kind=organisation")


async def test_what_belongs_to_a_record_is_written_by_forms(api: Api, pages: Pages) -> None:
    made = await api.post("/customers", {"name": "Wang"})
    other = await api.post("/customers", {"name": "Acme", "kind": "organisation"})
    path = f"/customers/{made['id']}"
    relation = {"customer_id": other["id"], "kind": "contact", "outward": "no", "weight": "80", "role": "", "note": ""}
    assert "weight-error" in await pages.post(f"{path}/relations/new", {**relation, "weight": "many"}, status=422)
    assert "Acme" in await pages.post(f"{path}/relations/new", relation)
    (view,) = (await api.get(f"{path}/relations"))["items"]
    assert (view["outward"], view["weight"]) == (False, 80)
    purchase = {
        "kind": "service",
        "title": "Fibre",
        "at": "2026-03-01",
        "amount": "1,690.50",
        "currency": "cny",
        "quantity": "",
        "state": "",
        "reference": "",
        "ends_at": "",
    }
    assert "amount-error" in await pages.post(f"{path}/purchases/new", {**purchase, "amount": "much"}, status=422)
    assert "Fibre" in await pages.post(f"{path}/purchases/new", purchase)
    (bought,) = (await api.get(f"{path}/purchases"))["items"]
    assert (bought["amount"], bought["currency"]) == (169050, "CNY")
    field = {
        "name_en": "Size",
        "type": "choice",
        "record": "customer",
        "choice_key": "",
        "choice_en": "Large",
        "choice_zh": "",
        "choice_state": "offered",
    }
    assert "Size" in await pages.post("/settings/fields/new", field)
    (made_field,) = (await api.get("/custom-fields"))["items"]
    assert (made_field["key"], made_field["choices"][0]["key"]) == ("size", "large")


async def test_a_customers_page_costs_the_same_however_much_there_is(
    api: Api, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await api.post("/customers", {"name": "Wang"})
    path = f"/customers/{made['id']}"
    counted: list[str] = []
    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        plain = getattr(Database, name)

        async def count(self: Database, sql: str, *args: Any, plain: Any = plain) -> Any:
            if "outbox" not in sql:
                counted.append(sql)
            return await plain(self, sql, *args)

        monkeypatch.setattr(Database, name, count)
    await pages.get(path)
    await pages.get(path)
    counted.clear()
    await pages.get(path)
    empty = len(counted)
    for at in range(8):
        other = await api.post("/customers", {"name": f"Other {at}"})
        await api.post(f"{path}/relations", {"customer_id": other["id"], "kind": "partner"})
        await api.post(f"{path}/purchases", {"title": f"Thing {at}"})
        await api.patch(path, {"custom": {f"key{at}": at}})
    await pages.get(path)
    counted.clear()
    await pages.get(path)
    assert len(counted) == empty <= 14, "\n".join(counted)


async def test_tickets_have_fields_of_their_own(api: Api, pages: Pages) -> None:
    for key, more in (("router", {"type": "text"}), ("floor", {"type": "number"}), ("pin", {"type": "text"})):
        body = {"key": key, "record": "ticket", "names": {"en": key.title()}, "private": key == "pin", **more}
        await api.post("/custom-fields", body)
    one, two = [await api.post("/customers", {"name": name}) for name in ("Wang", "Li")]
    body = {"kind": "complaint", "subject": "Down", "customer_id": one["id"], "custom": {"router": "X-1", "floor": "3"}}
    made = await api.post("/tickets", body)
    assert made["custom"] == {"router": "X-1", "floor": 3}
    place = f"/tickets/{made['id']}"
    await api.patch(place, {"custom": {"floor": "high"}}, status=422)
    assert (await api.patch(place, {"custom": {"pin": "kiwi-47", "floor": None}}))["custom"] == {
        "router": "X-1",
        "pin": "kiwi-47",
    }
    masked = await api.get(place, role="agent")
    assert (masked["custom"], masked["custom_masked"]) == ({"router": "X-1"}, ["pin"])
    assert "kiwi-47" not in str(await api.get(f"{place}/history", role="agent"))
    await api.patch(place, {"custom": {"pin": "1"}}, role="agent", status=403)
    row = await api.house.db.fetchrow("SELECT custom, custom_cipher FROM ticket WHERE id = $1", UUID(made["id"]))
    assert row is not None
    assert (row["custom"], b"X-1" in bytes(row["custom_cipher"])) == ({}, False)
    moved = await api.patch(place, {"customer_id": two["id"]})
    assert moved["custom"] == {"router": "X-1", "pin": "kiwi-47"}, "sealed anew under the other customer's key"
    text = await pages.get(place)
    assert "X-1" in text
    form = {"version": moved["version"], "custom.router": "X-2", "custom.floor": "4", "custom.pin": ""}
    text = await pages.post(f"{place}/fields", form)
    assert "X-1 → X-2" in text
    assert (await api.get(place))["custom"] == {"router": "X-2", "floor": 4}


async def test_times_at_the_end_of_the_calendar_are_refused(api: Api) -> None:
    """In some zones they are in no year at all: who looked at them would see nothing else."""
    own = f"/customers/{(await api.post('/customers', {'name': 'Anna'}))['id']}"
    field = {"record": "customer", "key": "seen", "names": {"en": "Seen"}, "type": "datetime"}
    await api.post("/custom-fields", field)
    ticket = await api.post("/tickets", {"kind": "complaint", "subject": "late"})
    for at in ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"):
        token = {"name": "late", "scopes": ["customers.read"], "expires_at": at}
        for path, body in (
            (f"{own}/purchases", {"title": "Fibre", "at": at}),
            (f"{own}/purchases", {"title": "Fibre", "ends_at": at}),
            (f"/tickets/{ticket['id']}/callback", {"due": at}),
            ("/tokens", token),
        ):
            await api.post(path, body, status=422)
        await api.patch(own, {"custom": {"seen": at}}, status=422)
        for path in ("/calls?since", "/calls?until", "/performance?from"):
            await api.get(f"{path}={quote(at)}", status=422)
        await api.get(f"/tickets?sort=deadline&cursor={quote(f'{at}~{new_id()}')}", status=422)
