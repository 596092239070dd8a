"""The API decorator: what comes in is validated, what is wrong is told as a problem, nothing becomes a 500."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import Field

from hotline.errors import Conflict
from hotline.settings import load_settings
from hotline.web import auth
from hotline.web.context import HOUSE, IDENTIFY, SignedIn
from hotline.web.endpoint import Ask, ById, Input, Output, Page, Paging, Reply, add_endpoints, endpoint, paged
from hotline.web.middleware import add_headers, observe, tell_errors
from hotline.web.openapi import document
from hotline.web.places import Places
from hotline.web.rate_limits import Buckets
from hotline.web.rights import route_rights
from tests.unit.web.twins import signed

Client = TestClient[Any, Any]
ID = UUID("01890000-0000-7000-8000-000000000001")


class Thing(Output):
    id: UUID
    name: str
    version: int


class ThingCreate(Input):
    name: str = Field(min_length=1, max_length=10_000)
    count: int = 0
    tags: list[str] = Field(default_factory=list)


class ThingChange(Input):
    name: str
    version: int | None = None


@endpoint("GET", "/things", right="customers.read", summary="Things")
async def list_things(ask: Ask, query: Paging) -> Page[Thing]:
    things = [Thing(id=UUID(int=number), name=str(number), version=1) for number in range(5)]
    start = int(query.cursor) + 1 if query.cursor else 0
    return paged(things[start : start + query.limit + 1], query.limit, lambda thing: thing, lambda thing: thing.name)


@endpoint("POST", "/things", right="customers.write", summary="Make a thing", status=201, idempotent=True)
async def make_thing(ask: Ask, body: ThingCreate) -> Reply[Thing]:
    key = ask.idempotency()
    return Reply(Thing(id=ID, name=body.name, version=1), headers={"X-Key": key[0] if key else ""})


@endpoint("GET", "/things/{id}", right="customers.read", summary="One thing")
async def get_thing(ask: Ask, path: ById) -> Thing:
    return Thing(id=path.id, name="one", version=3)


@endpoint("PATCH", "/things/{id}", right="customers.write", summary="Change a thing")
async def change_thing(ask: Ask, path: ById, body: ThingChange) -> Thing:
    expected = ask.expected_version(3, body.version)
    if expected not in (None, 3):
        raise Conflict
    return Thing(id=path.id, name=body.name, version=4)


@endpoint("DELETE", "/things/{id}", right="customers.write", summary="Remove a thing", status=204)
async def remove_thing(ask: Ask, path: ById) -> None:
    return None


@endpoint("GET", "/broken", right="public", summary="A defect")
async def broken(ask: Ask) -> Thing:
    raise KeyError("+4915112345678")


ENDPOINTS = [list_things, make_thing, get_thing, change_thing, remove_thing, broken]


class Credentials:
    """Two tokens and one session."""

    def __init__(self) -> None:
        self.session = signed("customers.read", "customers.write")

    async def by_session(self, secret: str) -> SignedIn | None:
        return self.session if secret == "anna" else None

    async def by_token(self, secret: str) -> SignedIn | None:
        rights = {"writer": ("customers.read", "customers.write"), "reader": ("customers.read",)}.get(secret)
        if rights is None:
            return None
        found = signed(*rights)
        return SignedIn(found.viewer, "token", found.id, "anna")


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    app = web.Application(middlewares=[observe, tell_errors, auth.guard], client_max_size=1 << 16)
    app[HOUSE] = SimpleNamespace(settings=load_settings({}, None))  # type: ignore[misc]
    app[IDENTIFY] = Credentials()
    app[auth.PRINCIPALS] = Buckets(1000, 1000)
    app[auth.ADDRESSES] = Buckets(1, 20)
    app[auth.PLACES] = Places(10)
    app.on_response_prepare.append(add_headers)
    add_endpoints(app, ENDPOINTS)
    route_rights(app)
    async with TestClient(TestServer(app)) as made:
        yield made


def writer(**headers: str) -> dict[str, str]:
    return {"Authorization": "Bearer writer", "Content-Type": "application/json", **headers}


async def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status == status
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = json.loads(await response.read())
    assert body["status"] == status
    assert set(body) >= {"type", "title", "detail", "code", "retry", "request_id"}
    assert response.headers["X-Request-Id"] == body["request_id"]
    return body


async def test_a_body_is_validated_and_answered_through_models(client: Client) -> None:
    response = await client.post("/api/v1/things", data='{"name": " 王 "}', headers=writer())
    assert response.status == 201
    assert await response.json() == {"id": str(ID), "name": "王", "version": 1}
    assert response.headers["ETag"] == '"v1"'
    assert response.headers["Cache-Control"] == "no-store"


BAD_BODIES = {
    "no JSON": (b"{", 400),
    "nothing": (b"", 400),
    "not UTF-8": (b'{"name": "\xff\xfe"}', 400),
    "a lone surrogate": (b'{"name": "\\ud800"}', 400),
    "deep": (b'{"name": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", 400),
    "NUL": (b'{"name": "a\\u0000b"}', 422),
    "NUL in a list": (b'{"name": "a", "tags": ["\\u0000"]}', 422),
    "an array": (b"[]", 422),
    "null": (b"null", 422),
    "an unknown field": (b'{"name": "a", "nmae": "b"}', 422),
    "a wrong type": (b'{"name": "a", "count": "many"}', 422),
    "too much": (b'{"name": "' + b"a" * (1 << 17) + b'"}', 413),
    "a number too large": (b'{"name": "a", "count": ' + b"9" * 6000 + b"}", 400),
}


@pytest.mark.parametrize(("body", "status"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_bad_bodies_are_told_as_problems(client: Client, body: bytes, status: int) -> None:
    await problem(await client.post("/api/v1/things", data=body, headers=writer()), status)


async def test_a_body_that_says_it_is_too_large_is_not_waited_for(client: Client) -> None:
    reader, sender = await asyncio.open_connection(client.host, client.port)
    sender.write(
        b"POST /api/v1/things HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer writer\r\n"
        b"Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{"
    )
    assert b" 413 " in await reader.readline()
    sender.close()


async def test_head_answers_as_get_without_the_body(client: Client) -> None:
    response = await client.head(f"/api/v1/things/{ID}", headers=writer())
    assert (response.status, response.headers["ETag"], await response.read()) == (200, '"v3"', b"")


async def test_backslash_u0000_as_text_is_text(client: Client) -> None:
    response = await client.post("/api/v1/things", data=rb'{"name": "\\u0000"}', headers=writer())
    assert (await response.json())["name"] == r"\u0000"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_wrong_content_types_are_415(client: Client, headers: dict[str, str]) -> None:
    await problem(await client.post("/api/v1/things", data=b'{"name": "a"}', headers=writer(**headers)), 415)


async def test_problems_name_the_fields(client: Client) -> None:
    response = await client.post("/api/v1/things", data='{"name": "", "x": 1}', headers=writer())
    told = await problem(response, 422)
    assert {error["field"] for error in told["errors"]} == {"body.name", "body.x"}


async def test_lists_go_on_where_they_ended(client: Client) -> None:
    names: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = await (await client.get("/api/v1/things", params=query, headers=writer())).json()
        names += [item["name"] for item in page["items"]]
        cursor = page["next"]
    assert names == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=201", "limit=1&limit=2", "nope=1", "cursor=%00"])
async def test_bad_queries_are_422(client: Client, query: str) -> None:
    await problem(await client.get(f"/api/v1/things?{query}", headers=writer()), 422)


@pytest.mark.parametrize("path", ["things/no-uuid", "things/%00", "nothing", "things/1/2"])
async def test_bad_paths_are_404(client: Client, path: str) -> None:
    await problem(await client.get(f"/api/v1/{path}", headers=writer()), 404)


async def test_wrong_methods_are_405_and_name_the_right_ones(client: Client) -> None:
    response = await client.put("/api/v1/things", headers=writer())
    await problem(response, 405)
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, '{"name": "a"}', 200),
        ({"If-Match": '"v3"'}, '{"name": "a"}', 200),
        ({"If-Match": '"v1", W/"v3"'}, '{"name": "a"}', 200),
        ({"If-Match": "*"}, '{"name": "a"}', 200),
        ({"If-Match": '"v2"'}, '{"name": "a"}', 412),
        ({"If-Match": "nonsense"}, '{"name": "a"}', 412),
        ({}, '{"name": "a", "version": 3}', 200),
        ({}, '{"name": "a", "version": 2}', 409),
    ],
)
async def test_updates_are_bound_to_a_version(client: Client, headers: dict[str, str], body: str, status: int) -> None:
    response = await client.patch(f"/api/v1/things/{ID}", data=body, headers=writer(**headers))
    assert response.status == status


async def test_nothing_to_say_is_204(client: Client) -> None:
    response = await client.delete(f"/api/v1/things/{ID}", headers=writer())
    assert (response.status, await response.read()) == (204, b"")


async def test_idempotency_keys_are_bounded(client: Client) -> None:
    good = await client.post("/api/v1/things", data='{"name": "a"}', headers=writer(**{"Idempotency-Key": "k-1"}))
    assert good.headers["X-Key"] == "k-1"
    long = writer(**{"Idempotency-Key": "k" * 201})
    await problem(await client.post("/api/v1/things", data='{"name": "a"}', headers=long), 400)


async def test_a_defect_tells_nothing_of_itself(client: Client) -> None:
    told = await problem(await client.get("/api/v1/broken"), 500)
    assert "49151" not in json.dumps(told)


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", "Basic YTpi", "Bearer \xff", "Bearer " + "x" * 5000])
async def test_bad_credentials_are_401(client: Client, header: str) -> None:
    response = await client.get("/api/v1/things", headers={"Authorization": header})
    await problem(response, 401)
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_without_credentials_401_and_without_the_right_403(client: Client) -> None:
    await problem(await client.get("/api/v1/things"), 401)
    reader = {"Authorization": "Bearer reader", "Content-Type": "application/json"}
    assert (await client.get("/api/v1/things", headers=reader)).status == 200
    await problem(await client.post("/api/v1/things", data='{"name": "a"}', headers=reader), 403)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"X-CSRF-Token": "guess"}, 403),
        ({"X-CSRF-Token": "csrf-of-anna"}, 201),
        ({"X-CSRF-Token": "csrf-of-anna", "Origin": "https://evil.example"}, 403),
        ({"X-CSRF-Token": "csrf-of-anna", "Origin": "null"}, 403),
        ({"X-CSRF-Token": "csrf-of-anna", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"X-CSRF-Token": "csrf-of-anna", "Sec-Fetch-Site": "same-origin"}, 201),
    ],
)
async def test_a_session_s_unsafe_requests_need_its_csrf_token(
    client: Client, headers: dict[str, str], status: int
) -> None:
    sent = {"Cookie": "hotline=anna", "Content-Type": "application/json", **headers}
    response = await client.post("/api/v1/things", data='{"name": "a"}', headers=sent)
    assert response.status == status


async def test_guessing_credentials_is_slowed_down(client: Client) -> None:
    statuses = [
        (await client.get("/api/v1/things", headers={"Authorization": "Bearer wrong"})).status for _ in range(25)
    ]
    assert statuses[0] == 401
    last = await client.get("/api/v1/things", headers={"Authorization": "Bearer wrong"})
    await problem(last, 429)
    assert int(last.headers["Retry-After"]) >= 1
    assert (await client.get("/api/v1/things", headers=writer())).status == 200, "others go on"


async def test_a_route_without_a_right_does_not_start() -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/open", page)
    with pytest.raises(RuntimeError, match="/open declares no right"):
        route_rights(app)


def test_an_unknown_right_does_not_start() -> None:
    with pytest.raises(ValueError, match=r"customers\.raed"):

        @endpoint("GET", "/x", right="customers.raed", summary="x")
        async def misspelt(ask: Ask) -> None:
            return None


def test_the_document_is_written_out_of_the_models() -> None:
    described = document(ENDPOINTS, version="1")
    assert described["openapi"] == "3.1.0"
    created = described["paths"]["/api/v1/things"]["post"]
    assert created["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/ThingCreate"
    }
    assert described["components"]["schemas"]["ThingCreate"]["additionalProperties"] is False
    assert created["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith("/Thing")
    assert {"400", "401", "403", "413", "415", "422"} <= set(created["responses"])
    listed = described["paths"]["/api/v1/things"]["get"]
    assert listed["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/ThingPage")
    assert [parameter["name"] for parameter in listed["parameters"]] == ["limit", "cursor"]
    assert described["paths"]["/api/v1/broken"]["get"]["security"] == []
