"""Campaigns over the API alone: written, submitted, approved by another user, started; refused at every wrong turn."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.integration.campaigns.conftest import SMS_SENDER, People
from tests.integration.web.conftest import Api

BODY: dict[str, Any] = {
    "name": "Autumn",
    "channel": "sms",
    "sender": SMS_SENDER,
    "variants": [
        {"locale": "en", "body": "Hello {{ name }}. Reply STOP to opt out."},
        {"locale": "zh", "body": "【公司】您好。拒收请回复R"},
    ],
}


@pytest.fixture
async def body(people: People, segment: UUID, senders: dict[str, UUID]) -> dict[str, Any]:
    """A campaign's body to three who agreed."""
    assert senders
    await people(3)
    return BODY | {"segment_id": str(segment)}


async def test_the_whole_way(api: Api, body: dict[str, Any]) -> None:
    made = await api.post("/campaigns", body, role="marketer")
    path = f"/campaigns/{made['id']}"
    assert (made["state"], made["sender"], made["kind"], made["number"][0]) == ("draft", SMS_SENDER, "once", "P")
    assert [(each["variant"], each["locale"]) for each in made["variants"]] == [("A", "en"), ("A", "zh")]
    waiting = await api.post(f"{path}/submit", None, role="marketer", status=200)
    assert (waiting["state"], waiting["manifest"]["recipients"], waiting["manifest"]["needed"]) == ("in_review", 3, 1)
    await api.post(f"{path}/start", {}, role="marketer", status=409)
    await api.post(f"{path}/approve", {}, role="marketer", status=403)
    refused = await api.post(f"{path}/approve", {"sha256": "0" * 64}, role="reviewer", status=409)
    assert refused["code"] == "other_content"
    done = await api.post(f"{path}/approve", {"sha256": waiting["manifest"]["sha256"]}, role="reviewer", status=200)
    assert (done["state"], done["manifest"]["approvals"][0]["user"]) == ("approved", "Reviewer")
    assert (await api.post(f"{path}/start", None, role="marketer", status=200))["state"] == "running"
    for action, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert (await api.post(f"{path}/{action}", None, role="marketer", status=200))["state"] == state
    whole = await api.get(f"{path}/manifests/1", role="reviewer")
    assert whole["intact"] is True
    assert whole["content"]["recipients"]["count"] == 3
    assert [each["number"] for each in (await api.get("/campaigns?state=cancelled", role="reviewer"))["items"]] == [
        made["number"]
    ]


async def test_the_administrator_who_wrote_it_cannot_approve_it(api: Api, body: dict[str, Any]) -> None:
    made = await api.post("/campaigns", body)
    await api.post(f"/campaigns/{made['id']}/submit", {}, status=200)
    problem = await api.post(f"/campaigns/{made['id']}/approve", {}, status=403)
    assert problem["code"] == "own_work"


async def test_the_same_request_twice_makes_one_campaign(api: Api, body: dict[str, Any]) -> None:
    key = {"Idempotency-Key": "autumn-1"}
    first = await api.post("/campaigns", body, role="marketer", headers=key)
    again = await api.post("/campaigns", body, role="marketer", headers=key)
    assert first["id"] == again["id"]
    await api.post("/campaigns", body | {"name": "Winter"}, role="marketer", headers=key, status=409)


async def test_changes_are_bound_to_the_version_that_was_read(api: Api, body: dict[str, Any]) -> None:
    made = await api.post("/campaigns", body, role="marketer")
    path = f"/campaigns/{made['id']}"
    changed = await api.patch(path, {"name": "Winter"}, role="marketer", headers={"If-Match": '"v1"'})
    assert (changed["name"], changed["version"]) == ("Winter", 2)
    await api.patch(path, {"name": "Spring"}, role="marketer", headers={"If-Match": '"v1"'}, status=412)
    await api.patch(path, {"name": "Spring", "version": 1}, role="marketer", status=409)
    response = await api.ask("POST", f"{path}/submit", role="marketer", headers={"If-Match": '"v1"'})
    assert response.status == 412


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"channel": "pigeon"}, "body.channel"),
        ({"sender": "+15550009999"}, "sender"),
        ({"variants": [{"locale": "en", "body": "Hello {{ nmae }}"}]}, "variants.0.body"),
        ({"variants": [{"locale": "en", "body": "x"}, {"locale": "en", "body": "y"}]}, "variants.1.locale"),
        ({"segment_id": "0190a5a0-0000-7000-8000-000000000000"}, "segment_id"),
        ({"schedule": {"mode": "at"}}, "schedule"),
        ({"surprise": 1}, "body.surprise"),
    ],
    ids=["channel", "sender", "placeholder", "language twice", "segment", "schedule", "unknown"],
)
async def test_what_cannot_be_is_refused_by_name(
    api: Api, body: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    problem = await api.post("/campaigns", body | change, role="marketer", status=422)
    told = problem.get("errors") or [{"field": problem["detail"].partition(":")[0]}]
    assert field in told[0]["field"]


async def test_a_draft_goes_and_what_was_submitted_stays(api: Api, body: dict[str, Any]) -> None:
    made = await api.post("/campaigns", body, role="marketer")
    copy = await api.post(f"/campaigns/{made['id']}/copy", {"name": "Copy"}, role="marketer")
    await api.post(f"/campaigns/{copy['id']}/submit", {}, role="marketer", status=200)
    assert (await api.ask("DELETE", f"/campaigns/{made['id']}", role="marketer")).status == 204
    assert (await api.ask("DELETE", f"/campaigns/{copy['id']}", role="marketer")).status == 409
    await api.get(f"/campaigns/{made['id']}", role="marketer", status=404)


async def test_who_may_only_read_changes_nothing(api: Api, body: dict[str, Any]) -> None:
    made = await api.post("/campaigns", body, role="marketer")
    path = f"/campaigns/{made['id']}"
    for action in ("submit", "approve", "reject", "withdraw", "start", "pause", "resume", "cancel"):
        assert (await api.ask("POST", f"{path}/{action}", {}, role="supervisor")).status == 403, action
    assert (await api.ask("GET", path, role="agent")).status == 403
