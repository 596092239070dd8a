"""Segments through the API: kept, counted, explained, changed; and who may."""

from __future__ import annotations

from typing import Any

import pytest

from hotline.workflows import background
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.house import House
from tests.integration.web.conftest import Api

GOLD = {"field": "tier", "op": "in", "value": ["gold"]}


@pytest.fixture
async def people(api: Api) -> dict[str, str]:
    """Three customers: a gold one with an address who agreed, a gold one without, and a plain one."""
    made: dict[str, str] = {}
    three: dict[str, dict[str, Any]] = {
        "ada": {"tier": "gold", "tags": ["Sailing"], "contact_points": [{"kind": "email", "value": "ada@example.com"}]},
        "bob": {"tier": "gold", "locale": "zh-CN"},
        "eve": {"contact_points": [{"kind": "email", "value": "eve@example.com"}]},
    }
    for name, body in three.items():
        made[name] = (await api.post("/customers", {"name": name.title(), **body}))["id"]
    await api.post(
        "/consents",
        {"customer_id": made["ada"], "channel": "email", "purpose": "marketing", "action": "granted",
         "wording": "I want the news."},
    )  # fmt: skip
    return made


async def test_a_segment_is_kept_counted_and_shown(api: Api, people: dict[str, str]) -> None:
    made = await api.post("/segments", {"name": "Gold", "rules": GOLD}, role="marketer")
    assert (made["version"], made["rules"], made["created_by"]) == (1, GOLD, "marketer")
    found = await api.get(f"/segments/{made['id']}/audience?channel=email", role="reviewer")
    assert (found["count"], found["recipients"], found["excluded"]) == (2, 1, {"no_contact_point": 1})
    assert {each["id"] for each in found["sample"]} == {people["ada"], people["bob"]}
    assert found["pending"] == 0
    ada = next(each for each in found["sample"] if each["id"] == people["ada"])
    assert (ada["name"], ada["tier"], ada["tags"]) == ("Ada", "gold", ["Sailing"])
    assert [each["name"] for each in (await api.get("/segments?q=GOL"))["items"]] == ["Gold"]


async def test_rules_are_counted_without_being_kept(api: Api, people: dict[str, str]) -> None:
    rules = {"any": [{"field": "tags", "op": "any_of", "value": ["sailing"]},
                     {"field": "locale", "op": "in", "value": ["zh"]}]}  # fmt: skip
    found = await api.post("/segments/preview", {"rules": rules, "sample": 0}, status=200)
    assert (found["count"], found["sample"]) == (2, [])
    assert (await api.post("/segments/preview", {}, status=200))["count"] == 3
    assert (await api.get("/segments"))["items"] == []
    wrong = await api.post("/segments/preview", {"rules": {"all": [{"field": "x", "op": "in"}]}}, status=422)
    assert "rules.all.0.field" in wrong["detail"]


async def test_other_rules_and_lists_are_another_version(api: Api, people: dict[str, str]) -> None:
    made = await api.post("/segments", {"name": "Gold", "rules": GOLD})
    path = f"/segments/{made['id']}"
    same = await api.patch(path, {"rules": GOLD, "description": "Our best"})
    assert (same["version"], same["sha256"], same["description"]) == (1, made["sha256"], "Our best")
    changed = await api.patch(path, {"rules": {"not": GOLD}, "version": 1})
    assert (changed["version"], changed["sha256"] != made["sha256"]) == (2, True)
    await api.patch(path, {"rules": GOLD, "version": 1}, status=409)
    listed = await api.post(f"{path}/members", {"side": "include", "add": [people["ada"]]}, status=200)
    assert (listed["version"], listed["include"]) == (3, 1)
    assert (await api.get(f"{path}/audience"))["count"] == 2
    moved = await api.post(f"{path}/members", {"side": "exclude", "add": [people["ada"], people["eve"]]}, status=200)
    assert (moved["version"], moved["include"], moved["exclude"]) == (4, 0, 2)
    found = await api.get(f"{path}/audience")
    assert (found["count"], found["recipients"], found["excluded"]) == (1, 0, {"excluded_by_list": 1})
    names = [each["name"] for each in (await api.get(f"{path}/members?side=exclude"))["items"]]
    assert sorted(names) == ["Ada", "Eve"]
    versions = (await api.get(f"{path}/versions"))["items"]
    assert [(each["number"], each["rules"]) for each in versions] == [
        (4, {"not": GOLD}), (3, {"not": GOLD}), (2, {"not": GOLD}), (1, GOLD),
    ]  # fmt: skip


async def test_why_somebody_is_in_or_not(api: Api, people: dict[str, str]) -> None:
    sailing = {"field": "tags", "op": "any_of", "value": ["Sailing"]}
    made = await api.post("/segments", {"name": "Both", "rules": {"all": [GOLD, sailing]}})

    async def why(who: str) -> Any:
        return await api.get(f"/segments/{made['id']}/explain?customer_id={people[who]}&channel=email")

    ada = await why("ada")
    assert (ada["known"], ada["member"], ada["reason"]) == (True, True, None)
    bob = await why("bob")
    assert (bob["member"], bob["listed"]) == (False, None)
    assert bob["rules"] == {"all": [{**GOLD, "holds": True}, {**sailing, "holds": False}], "holds": False}
    await api.post(f"/segments/{made['id']}/members", {"side": "include", "add": [people["bob"]]}, status=200)
    bob = await why("bob")
    assert (bob["member"], bob["listed"], bob["reason"]) == (True, "include", "no_contact_point")


async def test_what_takes_long_is_counted_in_the_background(
    house: House,
    api: Api,
    people: dict[str, str],
) -> None:
    rules = {"field": "purchase", "op": "has_not", "value": {"days": 30}}
    made = await api.post("/segments", {"name": "Bought nothing", "rules": rules})
    job = await api.post(f"/segments/{made['id']}/count", {"channel": "email"}, status=202)
    assert (job["kind"], job["total"]) == ("segment_count", 3)
    assert await background.work(house, KINDS)
    done = await api.get(f"/jobs/{job['id']}")
    assert (done["state"], done["result"]) == (
        "done", {"matched": 3, "recipients": 1, "excluded": {"no_contact_point": 1, "no_consent": 1}},
    )  # fmt: skip


async def test_who_may(api: Api, people: dict[str, str]) -> None:
    made = await api.post("/segments", {"name": "Gold", "rules": GOLD})
    await api.post("/segments", {"name": "Mine"}, role="reviewer", status=403)
    await api.post("/segments", {"name": "gold"}, status=409)
    await api.get("/segments", role="agent", status=403)
    assert (await api.ask("DELETE", f"/segments/{made['id']}", role="marketer")).status == 204
    assert (await api.get("/segments"))["items"] == []
    assert [each["archived"] for each in (await api.get("/segments?archived=true"))["items"]] == [True]
    await api.patch(f"/segments/{made['id']}", {"rules": {}}, status=409)
