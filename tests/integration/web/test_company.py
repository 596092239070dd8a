"""Calendars, SLA policies and the company's settings through the API."""

from __future__ import annotations

from typing import Any

import pytest

from hotline.crm.audit import seal
from hotline.crm.company import SECTIONS
from hotline.workflows.company.calendars import calendars_of, rules_of
from tests.integration.web.conftest import Api

WEEK = {day: [["09:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
NIGHTS: dict[str, Any] = {
    "key": "nights",
    "names": {"en": "Nights", "zh": "夜班"},
    "timezone": "Europe/Berlin",
    "hours": {"fri": [["22:00", "06:00"]], "sat": [["00:00", "24:00"]]},
    "country": "DE",
    "subdivision": "BY",
    "exceptions": [
        {"date": "2026-12-24", "openings": [["09:00", "12:00"]], "reason": "Christmas Eve"},
        {"date": "2026-06-01", "openings": [], "reason": "works outing"},
    ],
}


def shown(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("policies", "version", "updated_at")}


async def test_the_shipped_calendars_and_policies(api: Api) -> None:
    calendars = {each["key"]: each for each in (await api.get("/calendars"))["items"]}
    assert list(calendars) == ["opening_hours", "default", "always"]
    assert calendars["default"]["hours"] == WEEK
    assert calendars["default"]["timezone"] is None
    assert calendars["opening_hours"]["hours"]["sun"] == [["00:00", "24:00"]]
    policies = {each["name"]: each for each in (await api.get("/sla-policies"))["items"]}
    complaint, consultation = policies["Complaint"], policies["Consultation"]
    assert (complaint["first_response"]["seconds"], complaint["resolution"]["seconds"]) == (900, 8 * 3600)
    assert complaint["escalations"][0]["at"]["percent"] < 100 < consultation["escalations"][0]["at"]["percent"]
    assert policies["Platinum"]["first_response"]["seconds"] < policies["Gold"]["first_response"]["seconds"] < 3600


async def test_a_calendar_comes_back_as_it_was_made(api: Api) -> None:
    made = await api.post("/calendars", NIGHTS)
    assert shown(made) == NIGHTS | {
        "categories": [],
        "make_up": False,
        "exceptions": sorted(NIGHTS["exceptions"], key=lambda each: str(each["date"])),
    }
    assert await api.get("/calendars/nights") == made
    assert calendars_of(api.house)["nights"].name == "nights"
    days = {each["date"]: each for each in (await api.get("/calendars/nights/days?year=2026"))["items"]}
    assert days["2026-12-25"] == {"date": "2026-12-25", "openings": [], "why": "holiday", "reason": "Christmas Day"}
    assert days["2026-12-24"]["openings"] == [["09:00", "12:00"]]
    response = await api.ask("DELETE", "/calendars/nights")
    assert response.status == 204
    await api.get("/calendars/nights", status=404)


async def put(api: Api, path: str, body: Any, status: int = 200, version: str = "*") -> Any:
    response = await api.ask("PUT", path, body, headers={"If-Match": version})
    assert response.status == status, await response.text()
    return await response.json()


async def test_a_calendar_is_changed_by_who_saw_its_newest_version(api: Api) -> None:
    made = await api.post("/calendars", NIGHTS)
    body = {name: value for name, value in NIGHTS.items() if name != "key"}
    changed = await put(api, "/calendars/nights", body | {"country": None, "subdivision": None}, version='"v1"')
    assert (changed["country"], changed["version"]) == (None, made["version"] + 1)
    stale = await put(api, "/calendars/nights", body, 412, version='"v1"')
    assert stale["status"] == 412


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"hours": {"mon": [["09:00", "25:00"]]}}, "body.hours.mon", "'25:00' is not a time"),
        ({"hours": {"mon": [["09:00", "09:00"]]}}, "body.hours.mon", "00:00–24:00"),
        ({"hours": {"monday": []}}, "body.hours.monday.[key]", "'mon'"),
        ({"hours": {"mon": [["09:00"]]}}, "body.hours.mon.0.1", "required"),
        ({"timezone": "Mars/Olympus"}, "body.timezone", "There is no time zone"),
        ({"country": "XX"}, "body", "no holidays are known"),
        ({"country": None}, "body", "choose one"),
        ({"subdivision": "CA"}, "body", "DE has no 'CA'"),
        ({"exceptions": [{"date": "2026-02-30"}]}, "body.exceptions.0.date", "date"),
        ({"exceptions": [{"date": "2026-02-03"}] * 2}, "body.exceptions", "stands here twice"),
        ({"names": {}}, "body.names", "at least 1"),
        ({"key": "Nights!"}, None, "small letters"),
        ({"key": "default"}, None, "another calendar has this key"),
    ],
)
async def test_what_a_calendar_cannot_be(api: Api, change: dict[str, Any], field: str | None, why: str) -> None:
    response = await api.ask("POST", "/calendars", NIGHTS | change)
    assert response.status in (409, 422)
    problem = await response.json()
    if field is None:
        assert why in problem["detail"]
    else:
        (error,) = problem["errors"]
        assert error["field"] == field
        assert why in error["detail"]


async def test_calendars_that_are_needed_stay_and_keep_their_hours(api: Api) -> None:
    for key, why in (("always", "always stays"), ("default", "always stays")):
        response = await api.ask("DELETE", f"/calendars/{key}")
        assert response.status == 409
        assert why in (await response.json())["detail"]
    empty = {"names": {"en": "Business hours"}, "hours": {}}
    refused = await put(api, "/calendars/default", empty, 422)
    assert "without any opening hours" in refused["detail"]
    # A minute a week: eight hours of business time would take nine years.
    refused = await put(api, "/calendars/default", empty | {"hours": {"mon": [["09:00", "09:01"]]}}, 422)
    assert "five years" in refused["detail"]
    await put(api, "/calendars/always", {"names": {"en": "Never"}, "hours": {}})


POLICY: dict[str, Any] = {
    "name": "Fibre",
    "kind": "service_request",
    "service": "fibre",
    "calendar": "always",
    "first_response": {"seconds": 1800, "warn": {"before_seconds": 600}},
    "resolution": {"seconds": 86_400, "warn": {"percent": 50}},
    "escalations": [
        {
            "what": "resolution",
            "at": {"percent": 75},
            "actions": {"raise_priority": True, "assign": {"to": "role", "role": "supervisor"}},
        }
    ],
}


async def test_a_policy_comes_back_as_it_was_made_and_holds(api: Api) -> None:
    before = (await rules_of(api.house)).version
    made = await api.post("/sla-policies", POLICY)
    assert made["escalations"][0]["key"]
    assert {name: made[name] for name in ("name", "kind", "service", "calendar", "tier", "priority", "enabled")} == {
        "name": "Fibre", "kind": "service_request", "service": "fibre", "calendar": "always", "tier": None,
        "priority": None, "enabled": True,
    }  # fmt: skip
    assert await api.get(f"/sla-policies/{made['id']}") == made
    assert (await rules_of(api.house)).version == before + 1
    found = await api.get("/sla-policies/match?kind=service_request&service=fibre")
    assert found["policy_id"] == made["id"]
    assert found["considered"][0] == {"id": made["id"], "name": "Fibre", "misses": None}
    other = await api.get("/sla-policies/match?kind=service_request")
    assert [each["name"] for each in other["considered"] if each["misses"] is None] == ["Service request"]
    assert next(each["misses"] for each in other["considered"] if each["name"] == "Fibre") == "service"
    renamed = await put(api, f"/sla-policies/{made['id']}", POLICY | {"name": "Glass"}, version='"v1"')
    assert (renamed["name"], renamed["version"]) == ("Glass", 2)
    await put(api, f"/sla-policies/{made['id']}", POLICY, 412, version='"v1"')
    assert (await api.ask("DELETE", f"/sla-policies/{made['id']}")).status == 204
    assert (await api.get("/sla-policies/match?kind=service_request&service=fibre"))["policy_id"] != made["id"]


@pytest.mark.parametrize(
    ("change", "status", "why"),
    [
        ({"kind": "complaint", "service": None}, 409, "the policy Complaint is for the same tickets"),
        ({"tier": "diamond"}, 422, "there is no tier 'diamond'"),
        ({"calendar": "never"}, 422, "there is no such calendar"),
        ({"first_response": None, "resolution": None, "escalations": []}, 422, "promises an answer"),
        ({"first_response": {"seconds": 5}}, 422, "greater than or equal to 60"),
        (
            {"escalations": [{"what": "resolution", "at": {"percent": 9}, "actions": {"notify": ["king"]}}]},
            422,
            "there is no role 'king'",
        ),
        (
            {
                "escalations": [
                    {
                        "what": "resolution",
                        "at": {"percent": 9},
                        "actions": {"assign": {"to": "user", "login": "nobody"}},
                    }
                ]
            },
            422,
            "there is no user 'nobody'",
        ),
    ],
)
async def test_what_a_policy_cannot_be(api: Api, change: dict[str, Any], status: int, why: str) -> None:
    response = await api.ask("POST", "/sla-policies", POLICY | change)
    assert response.status == status
    assert why in await response.text()


async def test_settings_have_defaults_and_are_changed_in_part(api: Api) -> None:
    assert [each["section"] for each in (await api.get("/settings"))["items"]] == list(SECTIONS)
    before = await api.get("/settings/tickets")
    assert (before["value"]["attach_days"], before["version"]) == (7, 0)
    changed = await put(api, "/settings/tickets", {"attach_days": 3})
    assert (changed["value"], changed["version"]) == (before["value"] | {"attach_days": 3}, 1)
    assert await api.get("/settings/tickets") == changed
    await put(api, "/settings/tickets", {"attach_days": 4}, 412, version='"v7"')
    await put(api, "/settings/tickets", {"attach_days": -1}, 422)
    await put(api, "/settings/tickets", {"attach_day": 1}, 422)
    await put(api, "/settings/recordings", {"announcement": {"fr": "Bonjour"}}, 422)
    await put(api, "/settings/recordings", {"announcement": {"zh": "本次通话将被录音。"}, "record_calls": True})
    await api.get("/settings/nothing", status=404)


async def test_changes_are_in_the_audit_trail_without_prose(api: Api) -> None:
    await put(api, "/settings/recordings", {"announcement": {"en": "We record, Mr Smith."}, "quota_mb": 20})
    await api.post("/calendars", NIGHTS)
    await api.post("/sla-policies", POLICY)
    await seal(api.house.db, api.house.keyring, api.house.clock())
    entries = {each["action"]: each["data"] for each in (await api.get("/audit"))["items"]}
    told = entries["company_setting:changed"]
    assert (told["fields"], told["values"]) == (["announcement", "quota_mb"], {"quota_mb": [10_000, 20]})
    assert entries["calendar:created"]["exceptions"][0] == {"date": "2026-06-01", "openings": []}
    assert entries["sla_policy:created"]["name"] == "Fibre"


@pytest.mark.parametrize(("role", "reads", "writes"), [("agent", 403, 403), ("supervisor", 200, 403)])
async def test_who_may(api: Api, role: str, reads: int, writes: int) -> None:
    for path in ("/calendars", "/sla-policies", "/settings", "/settings/tickets", "/calendars/default"):
        assert (await api.ask("GET", path, role=role)).status == reads
    assert (await api.ask("POST", "/calendars", NIGHTS, role=role)).status == writes
    assert (await api.ask("PUT", "/settings/tickets", {}, role=role)).status == writes
    assert (await api.ask("POST", "/sla-policies", POLICY, role=role)).status == writes
