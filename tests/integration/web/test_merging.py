"""Jobs, duplicates, merges and batches over the API, and their pages."""

from __future__ import annotations

from typing import Any

import pytest

from hotline.workflows import background
from hotline.workflows.background_kinds import KINDS
from tests.integration.web.conftest import Api

NUMBER = "+8613912340412"


@pytest.fixture
async def two(api: Api) -> tuple[str, str]:
    one = await api.post(
        "/customers", {"name": "John Smith", "contact_points": [{"kind": "phone", "value": NUMBER}], "tags": ["old"]}
    )
    other = await api.post(
        "/customers",
        {"name": "Smith, Jon", "contact_points": [{"kind": "whatsapp", "value": NUMBER}], "custom": {"shoe": "42"}},
    )
    return one["id"], other["id"]


async def test_merge_and_back(api: Api, two: tuple[str, str]) -> None:
    one, other = two
    (hint,) = (await api.get("/customers/duplicates?name=Jon+Smith&phone=%2B86+139-1234-0412&id=" + one))["items"]
    assert (hint["customer"]["id"], sorted(hint["reasons"])) == (other, ["phone", "same_name"])
    order: dict[str, Any] = {"other_id": other, "choices": {"name": "other"}, "dry_run": True}
    preview = await api.post(f"/customers/{one}/merge", order, status=200)
    assert (preview["merge"], preview["merge_id"], preview["kept_id"]) == (None, None, one)
    assert [each["kind"] for each in preview["contact_points"]] == ["whatsapp"]
    order |= {"dry_run": False, "versions": {"kept": 1, "other": 1}}
    made = await api.post(f"/customers/{one}/merge", order, status=200, headers={"Idempotency-Key": "once"})
    again = await api.post(f"/customers/{one}/merge", order, status=200, headers={"Idempotency-Key": "once"})
    assert made["merge_id"] == again["merge_id"] == made["merge"]["id"]
    assert (await api.get(f"/customers/{other}"))["id"] == one
    found = (await api.get("/customers?q=Smith"))["items"]
    assert [each["id"] for each in found] == [one]
    (listed,) = (await api.get(f"/customers/{one}/merges"))["items"]
    assert (listed["id"], listed["gone_name"]) == (made["merge_id"], "Smith, Jon")
    await api.post(f"/merges/{made['merge_id']}/undo", None, role="agent", status=403)
    undone = await api.post(f"/merges/{made['merge_id']}/undo", None, status=200)
    assert (undone["gone_id"], undone["stayed"]) == (other, [])
    assert (await api.get(f"/customers/{other}"))["custom"] == {"shoe": "42"}
    problem = await api.post(f"/merges/{made['merge_id']}/undo", None, status=409)
    assert problem["code"] == "merge_over"


async def test_pairs_and_their_job(api: Api, two: tuple[str, str]) -> None:
    job = await api.post("/duplicates/find", None, status=202)
    assert (job["kind"], job["state"]) == ("find_duplicates", "queued")
    await background.work(api.house, KINDS)
    ended = await api.get(f"/jobs/{job['id']}")
    assert (ended["state"], ended["done"], ended["total"], ended["seconds_left"]) == ("done", 2, 2, None)
    await api.get(f"/jobs/{job['id']}", role="agent", status=404)
    (pair,) = (await api.get("/duplicates?limit=1"))["items"]
    assert {pair["first"]["id"], pair["second"]["id"]} == set(two)
    dismissed = await api.post("/duplicates/dismiss", {"customer_ids": list(two)}, status=200)
    assert (await api.get("/duplicates"))["items"] == []
    assert len((await api.get("/duplicates?state=dismissed"))["items"]) == 1
    await api.post(f"/duplicates/{dismissed['id']}/reopen", None, status=204)
    assert len((await api.get("/duplicates"))["items"]) == 1
    await api.get("/duplicates?cursor=nonsense", status=422)


async def test_a_batch_and_back(api: Api, two: tuple[str, str]) -> None:
    order: dict[str, Any] = {"action": "tag", "values": {"tags": ["spring"]}, "filter": {"tag": "old"}, "dry_run": True}
    seen = await api.post("/batches", order, status=200)
    assert (seen["count"], seen["changing"], [each["id"] for each in seen["sample"]]) == (1, 1, [two[0]])
    started = await api.post("/batches", {**order, "dry_run": False}, status=202)
    await background.work(api.house, KINDS)
    assert (await api.get(f"/customers/{two[0]}"))["tags"] == ["old", "spring"]
    assert (await api.get(f"/customers/{two[1]}"))["tags"] == []
    undoing = await api.post(f"/jobs/{started['job']['id']}/undo", None, status=202)
    assert (undoing["state"], undoing["undoing"]) == ("queued", True)
    await background.work(api.house, KINDS)
    assert (await api.get(f"/customers/{two[0]}"))["tags"] == ["old"]
    (listed,) = (await api.get("/jobs?state=undone"))["items"]
    assert listed["id"] == started["job"]["id"]
    exported = await api.post("/batches", {"action": "export", "ids": list(two)}, status=202)
    assert exported["job"]["kind"] == "export_customers"
    await api.post("/batches", {"action": "tag", "values": {"tags": ["x"]}}, status=422)  # nobody said whom
    for action in ("tag", "classify", "transfer", "export"):
        body = {"action": action, "ids": list(two), "values": {"tags": ["old"]}}
        await api.post("/batches", body, role="agent", status=403)


async def test_the_pages(api: Api, two: tuple[str, str]) -> None:
    one, other = two
    job = await api.post("/duplicates/find", None, status=202)
    headers = {"Authorization": f"Bearer {await api.token('administrator')}"}
    for path, shows in (
        ("/jobs", "Search for duplicates"),
        (f"/jobs/{job['id']}", "hx-trigger"),
        (f"/jobs/{job['id']}/line", "waiting"),
        ("/duplicates", "Look for duplicates"),
        ("/duplicates?state=dismissed&after=x", "Not the same"),
        (f"/customers/{one}/merge", "May be the same"),
        (f"/customers/{one}/merge?with={other}", "Two become one"),
        (f"/customers/{one}/merge?with={one}", "alert-breach"),
        ("/batches/form?action=tag", "Tag customers"),
        ("/batches/form?action=classify", "Classification"),
        ("/batches/form?action=transfer", "administrator"),
        ("/customers", "data-pick-page"),
    ):
        if path == "/duplicates":
            await background.work(api.house, KINDS)
        async with api.client.get(path, headers=headers) as response:
            text = await response.text()
            assert shows in text, (path, response.status)
    posted = {"other_id": other, "kept_version": "1", "other_version": "1", "choice.name": "other"}
    async with api.client.post(f"/customers/{one}/merge", data=posted, headers=headers, allow_redirects=False) as sent:
        assert sent.status == 303
    async with api.client.post(f"/customers/{one}/merge", data=posted, headers=headers) as sent:
        assert sent.status == 422  # the other one is the same by now
        assert "alert-breach" in await sent.text()
    async with api.client.get(f"/customers/{one}/merge", headers=headers) as response:
        assert "Separate again" in await response.text()
