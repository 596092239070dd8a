"""Customers, tiers, tags, users, tokens and the audit trail through the API, on a real database."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from tests.integration.web.conftest import Api

WANG: dict[str, Any] = {
    "kind": "person",
    "name": "王小明",
    "locale": "zh",
    "tier": "gold",
    "tags": ["vip", "合同"],
    "contact_points": [
        {"kind": "phone", "value": "+86 139 1234 0412", "label": "mobile"},
        {"kind": "email", "value": "wang@example.com"},
    ],
    "addresses": [{"label": "home", "text": "上海市\n南京路 1 号", "country": "CN"}],
    "custom": {"contract": "A-17", "nested": {"n": [1, 2.5, None]}},
}


async def test_a_customer_comes_back_as_it_was_made(api: Api) -> None:
    made = await api.post("/customers", WANG)
    assert made["name"] == "王小明"
    assert made["tier"] == "gold"
    assert sorted(made["tags"]) == sorted(WANG["tags"])
    assert made["custom"] == WANG["custom"]
    assert made["contact_points"][0]["value"] == "+8613912340412"
    assert made["reference"] == f"C{made['number']}"
    assert await api.get(f"/customers/{made['id']}") == made
    assert (await api.get("/customers"))["items"] == [made]


async def test_all_who_share_a_number_are_told(api: Api) -> None:
    first = await api.post("/customers", WANG)
    second = await api.post(
        "/customers", {"name": "李华", "contact_points": [{"kind": "phone", "value": "+8613912340412"}]}
    )
    found = await api.get("/customers/lookup?phone=%2B86%20139-1234-0412")
    assert {item["id"] for item in found["items"]} == {first["id"], second["id"]}
    assert (await api.get("/customers/lookup?phone=%2B8613900000000"))["items"] == []
    assert (await api.get("/customers/lookup?phone=nonsense", status=422))["errors"][0]["field"] == "body.phone"


@pytest.mark.parametrize("q", ["王小", "小明", "0412", "+8613912340412", "wang@example.com", "%23vip"])
async def test_search_finds_by_name_number_email_and_tag(api: Api, q: str) -> None:
    made = await api.post("/customers", WANG)
    await api.post("/customers", {"name": "Somebody Else"})
    found = await api.get(f"/customers?q={q.replace('+', '%2B')}")
    assert [item["id"] for item in found["items"]] == [made["id"]]


async def test_lists_have_pages(api: Api) -> None:
    made = [(await api.post("/customers", {"name": f"Customer {number}"}))["id"] for number in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = await api.get(f"/customers?limit=2{cursor}")
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == made[::-1]


async def test_a_change_is_bound_to_its_version(api: Api) -> None:
    made = await api.post("/customers", WANG)
    path = f"/customers/{made['id']}"
    changed = await api.patch(path, {"name": "王大明", "version": made["version"]})
    assert (changed["name"], changed["tags"]) == ("王大明", made["tags"])
    assert changed["version"] > made["version"]
    await api.patch(path, {"name": "x", "version": made["version"]}, status=409)
    await api.patch(path, {"name": "x"}, headers={"If-Match": f'"v{made["version"]}"'}, status=412)
    await api.patch(path, {"tier": None}, headers={"If-Match": f'"v{changed["version"]}"'})
    await api.patch(path, {"name": None}, status=422)
    await api.patch(path, {}, status=422)
    after = await api.get(path)
    assert (after["name"], after["tier"]) == ("王大明", None)


async def test_contact_points_that_stay_keep_their_id(api: Api) -> None:
    made = await api.post("/customers", WANG)
    kept = made["contact_points"][0]
    points = [{"id": kept["id"]}, {"kind": "phone", "value": "+442071838750"}]
    changed = await api.patch(f"/customers/{made['id']}", {"contact_points": points})
    assert changed["contact_points"][0]["id"] == kept["id"]
    assert [point["value"] for point in changed["contact_points"]] == ["+8613912340412", "+442071838750"]


BAD_CUSTOMERS: dict[str, Any] = {
    "no name": {"kind": "person"},
    "an empty name": {"name": "   "},
    "a huge name": {"name": "x" * 10_240},
    "an unknown kind": {"name": "a", "kind": "robot"},
    "an unknown field": {"name": "a", "nmae": "b"},
    "an unknown tier": {"name": "a", "tier": "diamond"},
    "a bad number": {"name": "a", "contact_points": [{"kind": "phone", "value": "call me"}]},
    "a bad email": {"name": "a", "contact_points": [{"kind": "email", "value": "a@@b"}]},
    "a number without a value": {"name": "a", "contact_points": [{"kind": "phone"}]},
    "an id of somebody else": {"name": "a", "contact_points": [{"id": str(UUID(int=1))}]},
    "a deep custom": {"name": "a", "custom": {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}},
    "a number that JSON cannot carry": {"name": "a", "custom": {"n": 10**30}},
    "too many tags": {"name": "a", "tags": [f"t{number}" for number in range(51)]},
    "nobody responsible": {"name": "a", "responsible_id": str(UUID(int=1))},
}


@pytest.mark.parametrize("body", BAD_CUSTOMERS.values(), ids=BAD_CUSTOMERS.keys())
async def test_bad_customers_are_refused_and_nothing_stays(api: Api, body: dict[str, Any]) -> None:
    response = await api.ask("POST", "/customers", body)
    assert response.status in (404, 409, 422), await response.text()
    assert response.content_type == "application/problem+json"
    assert (await api.get("/customers"))["items"] == []


@pytest.mark.parametrize("raw", [b'{"name": "a", "custom": {"n": NaN}}', b'{"name": "a", "custom": {"n": 1e999}}'])
async def test_numbers_that_are_none_are_refused(api: Api, raw: bytes) -> None:
    headers = {"Authorization": f"Bearer {await api.token('administrator')}", "Content-Type": "application/json"}
    response = await api.client.post("/api/v1/customers", data=raw, headers=headers)
    assert response.status in (400, 422), await response.text()


async def test_hostile_text_is_text(api: Api) -> None:
    name = "<script>alert('x')</script>\"${jndi:x}' OR 1=1 --"
    made = await api.post("/customers", {"name": name, "tags": ["'); DROP TABLE customer; --"]})
    assert made["name"] == name
    assert made["tags"] == ["'); DROP TABLE customer; --"]


async def test_the_same_idempotency_key_makes_one_customer(api: Api) -> None:
    key = {"Idempotency-Key": "import-17"}
    await api.token("administrator")
    made = await asyncio.gather(*(api.post("/customers", WANG, headers=key) for _ in range(5)))
    assert len({each["id"] for each in made}) == 1
    assert len((await api.get("/customers"))["items"]) == 1
    await api.post("/customers", {"name": "another"}, headers=key, status=409)
    await api.post("/customers", WANG, headers=key, role="agent")
    assert len((await api.get("/customers"))["items"]) == 2, "another user's key is another key"


async def test_who_may_not_read_numbers_sees_them_masked(api: Api) -> None:
    made = await api.post("/customers", WANG)
    seen = await api.get(f"/customers/{made['id']}", role="marketer")
    phone, email = seen["contact_points"]
    assert phone["masked"]
    assert phone["value"] != "+8613912340412"
    assert "wang" not in email["value"]
    assert seen["addresses"][0]["text"] == ""


async def test_tiers_and_tags(api: Api) -> None:
    tiers = (await api.get("/tiers"))["items"]
    assert [tier["key"] for tier in tiers] == ["platinum", "gold", "silver", "standard"]
    made = await api.post("/tiers", {"key": "jade", "names": {"en": "Jade", "zh": "玉"}, "rank": 2})
    changed = await api.patch(f"/tiers/{made['id']}", {"queue_priority": 7})
    assert (changed["key"], changed["queue_priority"]) == ("jade", 7)
    await api.post("/tiers", {"key": "jade", "names": {"en": "J", "zh": "玉"}, "rank": 2}, status=409)
    await api.post("/tiers", {"key": "x", "names": {"en": "J", "zh": "玉"}, "rank": 2}, status=403, role="agent")
    await api.post("/customers", WANG)
    assert {tag["name"] for tag in (await api.get("/tags"))["items"]} == set(WANG["tags"])


async def test_the_timeline_of_nobody_is_404(api: Api) -> None:
    made = await api.post("/customers", WANG)
    assert await api.get(f"/customers/{made['id']}/timeline") == {"items": [], "next": None}
    await api.get(f"/customers/{UUID(int=7)}/timeline", status=404)


async def test_users_are_made_found_and_changed(api: Api) -> None:
    body = {
        "login": "Agent.One",
        "name": "Agent One",
        "role": "agent",
        "locale": "zh",
        "interfaces": ["PJSIP/agent1"],
        "queues": ["support"],
        "password": "a long enough pass phrase",
    }
    made = await api.post("/users", body)
    assert "password" not in made
    assert {key: made[key] for key in ("login", "role", "locale", "interfaces", "queues")} == {
        "login": "agent.one",
        "role": "agent",
        "locale": "zh",
        "interfaces": ["PJSIP/agent1"],
        "queues": ["support"],
    }
    assert await api.get("/users/agent.one") == await api.get(f"/users/{made['id']}") == made
    changed = await api.patch("/users/agent.one", {"queues": ["support", "sales"], "version": made["version"]})
    assert changed["queues"] == ["support", "sales"]
    await api.patch("/users/agent.one", {"name": "x", "version": made["version"]}, status=409)
    disabled = await api.patch("/users/agent.one", {"disabled": True})
    assert disabled["disabled"] is True
    await api.post("/users", {"login": "agent.one"}, status=409)
    await api.post("/users", {"login": "two", "interfaces": ["PJSIP/x\r\nAction: Originate"]}, status=422)
    await api.post("/users", {"login": "two", "password": "short"}, status=422)
    await api.post("/users", {"login": "two"}, role="agent", status=403)
    await api.get("/users/nobody", status=404)


async def test_me_and_my_profile(api: Api) -> None:
    me = await api.get("/users/me", role="agent")
    assert (me["login"], me["role"]) == ("agent", "agent")
    assert "customers.read" in me["permissions"]
    assert "users.write" not in me["permissions"]
    changed = await api.patch("/users/me", {"locale": "zh", "preferences": {"theme": "dark"}}, role="agent")
    assert (changed["locale"], changed["preferences"]) == ("zh", {"theme": "dark"})
    await api.patch("/users/me", {"new_password": "something long enough"}, role="agent", status=422)
    await api.patch("/users/me", {"role": "administrator"}, role="agent", status=422)


async def test_roles_are_told(api: Api) -> None:
    roles = {role["name"]: role for role in (await api.get("/roles"))["items"]}
    assert {"agent", "supervisor", "marketer", "reviewer", "administrator"} <= set(roles)
    assert "calls.read_all" not in roles["agent"]["permissions"]


async def test_tokens_are_told_once_narrowed_and_revoked(api: Api) -> None:
    made = await api.post("/tokens", {"name": "reporting", "scopes": ["customers.read"]})
    secret = made.pop("token")
    headers = {"Authorization": f"Bearer {secret}"}
    assert (await api.client.get("/api/v1/customers", headers=headers)).status == 200
    assert (await api.client.get("/api/v1/users", headers=headers)).status == 403
    listed = (await api.get("/tokens"))["items"]
    assert secret not in str(listed)
    assert made["id"] in {token["id"] for token in listed}
    assert (await api.ask("DELETE", f"/tokens/{made['id']}")).status == 204
    assert (await api.client.get("/api/v1/customers", headers=headers)).status == 401
    await api.post("/tokens", {"name": "x", "scopes": ["everything"]}, status=422)


async def test_every_change_is_in_the_audit_trail(api: Api) -> None:
    made = await api.post("/customers", WANG)
    await api.patch(f"/customers/{made['id']}", {"name": "王大明"})
    found = (await api.get(f"/audit?subject_id={made['id']}"))["items"]
    assert [entry["action"] for entry in found] == ["customer:updated", "customer:created"]
    assert {entry["actor"] for entry in found} == {"administrator"}
    assert "王" not in str(found)
    assert {entry["action"] for entry in (await api.get("/audit?action=customer"))["items"]} == {
        "customer:updated",
        "customer:created",
    }
    await api.get("/audit", role="agent", status=403)
