"""The factory: health, metrics, headers, proxies, the document and its page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hotline.bus import MemoryBus
from hotline.errors import Unavailable
from hotline.settings import load_settings
from hotline.web import rights
from hotline.web.application import create_app
from hotline.web.context import Part, SignedIn
from hotline.web.middleware import trust_proxies
from hotline.web.stream import Hub
from hotline.workflows.house import House
from tests.unit.web.twins import MemoryOutbox, MemoryScene, Wire, read_blocks, signed

Client = TestClient[Any, Any]
Serve = Callable[..., AbstractAsyncContextManager[Client]]


class Credentials:
    async def by_session(self, secret: str) -> SignedIn | None:
        return None

    async def by_token(self, secret: str) -> SignedIn | None:
        known = {"auditor": signed("audit.read"), "system": signed("system.read")}
        return known.get(secret)


class Away:
    """A database that does not answer."""

    async def fetchrow(self, sql: str, *args: Any) -> None:
        raise Unavailable

    fetch = fetchval = fetchrow

    async def close(self) -> None:
        pass


@asynccontextmanager
async def served(*parts: Part, **settings: str) -> AsyncIterator[Client]:
    async def health() -> list[Part]:
        return list(parts)

    nothing: Any = Away()
    house = House(db=nothing, bus=MemoryBus(), keyring=nothing, settings=load_settings(settings, None))
    hub = Hub(MemoryOutbox(), Wire(), MemoryScene())
    app = create_app(house, hub=hub, identify=Credentials(), parts=health)
    async with TestClient(TestServer(app)) as client:
        yield client
    await house.close()


async def test_healthz_answers_whatever_is_away() -> None:
    async with served(Part("database", False, "does not answer")) as client:
        response = await client.get("/healthz")
        assert (response.status, await response.json()) == (200, {"status": "ok"})


async def test_readyz_says_which_part_is_away_and_why() -> None:
    away = Part("database", False, "does not answer")
    off = Part("pbx main", False, "refused the secret", needed=False)
    async with served(Part("events", True), away, off) as client:
        response = await client.get("/readyz")
        assert response.status == 503
        assert await response.json() == {
            "status": "unavailable",
            "parts": {
                "events": {"status": "ok", "detail": ""},
                "database": {"status": "down", "detail": "does not answer"},
                "pbx main": {"status": "degraded", "detail": "refused the secret"},
            },
        }
    async with served(Part("events", True), off) as client:
        assert (await client.get("/readyz")).status == 200


async def test_metrics_are_for_this_machine_or_a_token() -> None:
    async with served() as client:
        text = await (await client.get("/metrics")).text()
        assert "hotline_http_requests_total" in text
        assert "hotline_streams" in text
        assert "hotline_database_up 0.0" in text
        through_a_proxy = {"X-Forwarded-For": "203.0.113.9"}
        assert (await client.get("/metrics", headers=through_a_proxy)).status == 401
        for token, status in (("system", 200), ("auditor", 403), ("wrong", 401)):
            headers = {**through_a_proxy, "Authorization": f"Bearer {token}"}
            assert (await client.get("/metrics", headers=headers)).status == status


async def test_metrics_never_name_an_address() -> None:
    async with served() as client:
        await client.get("/api/v1/customers/lookup?phone=%2B4915112345678")
        await client.get("/+4915112345678")
        assert "15112345678" not in await (await client.get("/metrics")).text()


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/docs", "/nothing", "/api/v1/users"])
async def test_every_answer_has_the_security_headers(path: str) -> None:
    async with served() as client:
        headers = (await client.get(path)).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Server"] == "hotline"
        assert headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"login=%ff%fe&password=\xff\xfe"),
        ("application/x-www-form-urlencoded; charset=klingon", b"login=a"),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="login"\r\n\r\nhalf'),
    ],
)
async def test_broken_forms_are_no_defect(content_type: str, body: bytes) -> None:
    async with served() as client:
        response = await client.post("/sign-in", data=body, headers={"Content-Type": content_type})
        assert 400 <= response.status < 500


async def test_invented_methods_do_not_grow_the_figures() -> None:
    async with served() as client:
        for method in ("PROPFIND", "MKCOL", "PURGE"):
            await client.request(method, "/healthz")
        text = await (await client.get("/metrics")).text()
        assert "PROPFIND" not in text
        assert 'method="other"' in text


async def test_the_docs_load_nothing_from_elsewhere_and_name_every_operation() -> None:
    async with served() as client:
        described = await (await client.get("/api/v1/openapi.json")).json()
        page = await (await client.get("/api/v1/docs")).text()
        assert re.findall(r'(?:src|href)="(?!/|#)[^"]*"', page) == []
        for path, methods in described["paths"].items():
            for method in methods:
                assert f"{method.upper()}</code> <code>{path}</code>" in page
        for target in set(re.findall(r'href="#([^"]+)"', page)):
            assert f'id="{target}"' in page, target


async def test_a_closed_door_names_no_version_and_no_inside() -> None:
    async with served() as client:
        response = await client.post("/nothing", data=b"x" * 10)
        assert response.status == 404
        assert "aiohttp" not in str(response.headers) + await response.text()


@pytest.mark.parametrize(
    ("trusted", "sent", "remote", "scheme"),
    [
        ("127.0.0.0/8,::1", {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}, "203.0.113.9", "https"),
        ("127.0.0.0/8,::1", {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}, "203.0.113.9", "http"),
        ("127.0.0.0/8,::1", {}, "127.0.0.1", "http"),
        ("192.0.2.0/24", {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}, "127.0.0.1", "http"),
    ],
)
async def test_only_trusted_proxies_say_who_asks(trusted: str, sent: dict[str, str], remote: str, scheme: str) -> None:
    @rights.public
    async def tell(request: web.Request) -> web.Response:
        return web.json_response({"remote": request.remote, "scheme": request.scheme})

    networks = load_settings({"HOTLINE_TRUSTED_PROXIES": trusted}, None).trusted_proxies
    app = web.Application(middlewares=[trust_proxies(networks)])
    app.router.add_get("/", tell)
    async with TestClient(TestServer(app)) as client:
        assert await (await client.get("/", headers=sent)).json() == {"remote": remote, "scheme": scheme}


async def test_nonsense_from_a_trusted_proxy_is_a_bad_request() -> None:
    async with served(HOTLINE_TRUSTED_PROXIES="127.0.0.1") as client:
        response = await client.get("/healthz", headers={"X-Forwarded-For": "<script>"})
        assert (response.status, response.content_type) == (400, "application/problem+json")


async def test_browsers_are_told_to_stay_on_https_where_that_is_the_address() -> None:
    async with served(HOTLINE_PUBLIC_URL="https://hotline.example.com") as client:
        assert "Strict-Transport-Security" in (await client.get("/healthz")).headers
    async with served() as client:
        assert "Strict-Transport-Security" not in (await client.get("/healthz")).headers


async def test_streams_pass_through_a_trusted_proxy() -> None:
    async with served(HOTLINE_TRUSTED_PROXIES="127.0.0.1") as client:
        headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "Authorization": "Bearer system"}
        response = await client.get("/api/v1/events", headers=headers)
        assert (await anext(read_blocks(response))).kind == "snapshot"
        response.close()
