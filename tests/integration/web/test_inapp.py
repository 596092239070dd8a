"""Messages in the company's own app: the list, the stream, who may ask, and Web Push to devices."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import http_ece
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hotline.campaigns.render import Rendered
from hotline.channels.errors import PermanentlyRefused
from hotline.channels.web_push import LARGEST, WebPush
from hotline.crm.commands.pushes import inapp
from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.web.inapp import PREFIX
from hotline.workflows.customers import erasure
from hotline.workflows.house import House
from hotline.workflows.pushes import push_inapp
from hotline.workflows.pushes.push_channels import Push
from tests.integration.web.conftest import Api
from tests.unit.web.twins import read_blocks

ORIGIN = "https://shop.example.com"


def message(house: House, customer_id: UUID, **changes: Any) -> Push:
    """A push on its way to a customer's app."""
    rendered = changes.pop("rendered", Rendered(title="Spring sale", body="20 % off", link="https://example.com/sale"))
    push = Push(
        delivery_id=new_id(), campaign_id=new_id(), customer_id=customer_id, channel="inapp", purpose="marketing",
        attempt=1, at=house.clock(), to=str(customer_id), sender_id=None, sender="", sender_name="", account_sid=None,
        service_sid=None, locale="en", rendered=rendered, unsubscribe_url="", expires_at=None,
    )  # fmt: skip
    return replace(push, **changes)


@dataclass
class App:
    """A customer's app."""

    api: Api
    customer_id: UUID
    token: str

    async def ask(self, method: str, path: str, **options: Any) -> ClientResponse:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        response: ClientResponse = await self.api.client.request(method, PREFIX + path, headers=headers, **options)
        return response

    async def list(self) -> Any:
        async with await self.ask("GET", "/messages") as response:
            assert response.status == 200
            return await response.json()


@pytest.fixture
async def app(api: Api) -> App:
    """The app of Ann, who is signed in there."""
    made = await api.post("/customers", {"kind": "person", "name": "Ann Inapp"})
    token = await api.post(f"/customers/{made['id']}/inapp-token", {"hours": 1})
    return App(api, UUID(made["id"]), token["token"])


async def test_a_message_is_listed_read_and_put_away(api: Api, app: App) -> None:
    push = message(api.house, app.customer_id)
    accepted = await push_inapp.send(api.house, push)
    assert (accepted.provider_id, accepted.provider_account) == (str(push.delivery_id), "inapp")
    await push_inapp.send(api.house, replace(push, attempt=2))
    found = await app.list()
    assert [(each["title"], each["body"], each["link"], each["read_at"]) for each in found["items"]] == [
        ("Spring sale", "20 % off", "https://example.com/sale", None)
    ]
    assert (found["unread"], found["next"]) == (1, None)
    async with await app.ask("POST", f"/messages/{push.delivery_id}/read") as response:
        assert response.status == 204
    found = await app.list()
    assert found["unread"] == 0
    assert found["items"][0]["read_at"] is not None
    async with await app.ask("POST", f"/messages/{push.delivery_id}/dismiss") as response:
        assert response.status == 204
    assert (await app.list())["items"] == []


async def test_pages_follow_each_other_and_what_expired_is_not_shown(api: Api, app: App) -> None:
    for number in range(5):
        await push_inapp.send(api.house, message(api.house, app.customer_id, rendered=Rendered(title=str(number))))
    late = Rendered(title="late", expires_hours=1)
    at = api.house.clock() - timedelta(hours=2)
    await push_inapp.send(api.house, message(api.house, app.customer_id, rendered=late, at=at))
    titles, cursor = [], ""
    while True:
        async with await app.ask("GET", f"/messages?limit=2{cursor}") as response:
            page = await response.json()
        titles += [each["title"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert titles == ["4", "3", "2", "1", "0"]


async def test_only_the_customers_own_token_opens_them(api: Api, app: App) -> None:
    other = await api.post("/customers", {"kind": "person", "name": "Bob Inapp"})
    push = message(api.house, UUID(other["id"]))
    await push_inapp.send(api.house, push)
    assert (await app.list())["items"] == []
    async with await app.ask("POST", f"/messages/{push.delivery_id}/read") as response:
        assert response.status == 204
    read = await api.house.db.fetchval("SELECT read_at FROM inapp_message WHERE id = $1", push.delivery_id)
    assert read is None
    staff = await api.token("administrator")
    for token in ("", "i", app.token[:-1], app.token + "A", "u" + app.token[1:], staff):
        async with await replace(app, token=token).ask("GET", "/messages") as response:
            assert response.status == 401, token
    with_agent = await api.ask("POST", f"/customers/{other['id']}/inapp-token", {"hours": 721})
    assert with_agent.status == 422


async def test_a_token_ends_and_an_erased_customer_has_none(api: Api, app: App) -> None:
    await push_inapp.send(api.house, message(api.house, app.customer_id))
    now = api.house.clock()
    api.house.clock = lambda: now + timedelta(hours=1, seconds=1)
    async with await app.ask("GET", "/messages") as response:
        assert response.status == 401
    api.house.clock = lambda: now
    number = await api.house.db.fetchval("SELECT number FROM customer WHERE id = $1", app.customer_id)
    await erasure.erase(api.house, SYSTEM, app.customer_id, reason="request", confirm=f"C{number}")
    async with await app.ask("GET", "/messages") as response:
        assert response.status == 401
    assert await api.house.db.fetchval("SELECT count(*) FROM inapp_message") == 0
    with pytest.raises(PermanentlyRefused):
        await push_inapp.send(api.house, message(api.house, app.customer_id))


async def test_an_open_app_is_told_at_once(api: Api, app: App) -> None:
    await push_inapp.send(api.house, message(api.house, app.customer_id, rendered=Rendered(title="before")))
    async with api.client.get(f"{PREFIX}/stream", params={"token": app.token}) as response:
        assert response.content_type == "text/event-stream"
        async with aclosing(read_blocks(response)) as blocks:

            async def heard() -> list[str]:
                async with asyncio.timeout(30):
                    async for block in blocks:
                        if block.kind == "messages":
                            return [each["title"] for each in block.data["items"]]
                raise AssertionError("the stream ended")

            assert await heard() == ["before"]
            await push_inapp.send(api.house, message(api.house, app.customer_id, rendered=Rendered(title="now")))
            # A look that began before it may come first: the list from then, and the number that are unread from now.
            while (titles := await heard()) == ["before"]:
                pass
            assert titles == ["now", "before"]


async def test_pages_of_named_origins_alone_may_ask(api: Api, app: App) -> None:
    api.house.settings = api.house.settings.model_copy(update={"app_origins": (ORIGIN,)})
    async with api.client.options(f"{PREFIX}/devices", headers={"Origin": ORIGIN}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "PUT" in response.headers["Access-Control-Allow-Methods"]
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}
    async with await app.ask("POST", f"/messages/{new_id()}/read", headers=headers) as response:
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (204, ORIGIN)
    async with await app.ask("GET", "/messages", headers={"Origin": "https://evil.example"}) as response:
        assert "Access-Control-Allow-Origin" not in response.headers


@dataclass
class Service:
    """A push service that keeps what it gets, and answers with a status."""

    url: str = ""
    status: int = 201
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@asynccontextmanager
async def served(service: Service) -> AsyncIterator[Service]:
    async def take(request: web.Request) -> web.StreamResponse:
        service.got.append((request.path, dict(request.headers), await request.read()))
        return web.Response(status=service.status)

    application = web.Application()
    application.router.add_post("/{device}", take)
    async with TestServer(application) as server:
        service.url = str(server.make_url("")).rstrip("/")
        yield service


@dataclass
class Browser:
    """A browser's side of a subscription."""

    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = b"0123456789abcdef"

    def subscription(self, endpoint: str) -> dict[str, Any]:
        public = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": urlsafe_b64encode(public).decode(), "auth": urlsafe_b64encode(self.auth).decode()}
        return {"endpoint": endpoint, "expirationTime": None, "keys": keys}

    def opened(self, body: bytes) -> Any:
        return json.loads(http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm"))


async def test_devices_are_told_what_they_alone_can_read(api: Api, app: App) -> None:
    async with served(Service()) as service:
        own = api.house.kept[WebPush] = WebPush(b"s" * 32, "mailto:a@example.com", own_service=service.url)
        browser = Browser()
        async with await app.ask("PUT", "/devices", json=browser.subscription(f"{service.url}/one")) as response:
            assert response.status == 204, await response.text()
        async with await app.ask("PUT", "/devices", json=browser.subscription(f"{service.url}/one")) as response:
            assert response.status == 204
        long = Rendered(title="Sale", body="折扣" * 4_000, link="https://example.com/s", expires_hours=2)
        push = message(api.house, app.customer_id, rendered=long)
        await push_inapp.send(api.house, push)
        ((path, headers, body),) = service.got
        assert path == "/one"
        assert headers["TTL"] == "7200"
        assert headers["Content-Encoding"] == "aes128gcm"
        assert len(body) <= LARGEST + 200
        note = browser.opened(body)
        assert (note["id"], note["title"], note["link"]) == (str(push.delivery_id), "Sale", "https://example.com/s")
        assert note["body"]
        assert long.body.startswith(note["body"])
        scheme, _, rest = headers["Authorization"].partition(" ")
        signed = dict(part.split("=", 1) for part in rest.split(","))
        assert scheme == "vapid"
        assert signed["k"] == own.public_key
        claims = json.loads(urlsafe_b64decode(signed["t"].split(".")[1] + "=="))
        assert claims["aud"] == service.url
        assert claims["sub"] == "mailto:a@example.com"
        service.status = 410
        await push_inapp.send(api.house, message(api.house, app.customer_id))
        assert await api.house.db.fetchval("SELECT count(*) FROM push_subscription") == 0
        assert len((await app.list())["items"]) == 2


async def test_a_device_never_leads_inside(api: Api, app: App) -> None:
    browser = Browser()
    inside = (
        *(
            "http://10.0.0.1/x",
            "https://127.0.0.1/x",
            "https://10.1.2.3/x",
            "https://169.254.169.254/x",
            "https://[::1]/x",
        ),
        *(
            "https://localhost/x",
            "https://2130706433/x",
            "https://0x7f.1/x",
            "https://push.example:8443/x",
            "ftp://a/x",
            "",
        ),
    )
    for endpoint in inside:
        async with await app.ask("PUT", "/devices", json=browser.subscription(endpoint)) as response:
            assert response.status == 422, endpoint
            assert "endpoint" in (await response.json())["detail"]
    assert await api.house.db.fetchval("SELECT count(*) FROM push_subscription") == 0
    # A name may lead inside later: it is not asked then, either.
    async with api.house.unit(SYSTEM) as uow:
        words = browser.subscription("https://127.0.0.1/x")
        keys = words["keys"]
        assert await inapp.keep_device(uow, app.customer_id, words["endpoint"], keys["p256dh"], keys["auth"])
    await push_inapp.send(api.house, message(api.house, app.customer_id))
    assert await api.house.db.fetchval("SELECT count(*) FROM push_subscription") == 0
    for body in ("{", "[]", '{"endpoint": "https://a.example/x"}', '{"endpoint": 1, "keys": {}}'):
        async with await app.ask("PUT", "/devices", data=body) as response:
            assert response.status == 422


async def test_the_key_stays_the_same(api: Api, app: App) -> None:
    async with await app.ask("GET", "/push-key") as response:
        key = (await response.json())["public_key"]
    api.house.kept.pop(WebPush, None)
    assert push_inapp.pusher(api.house).public_key == key
    assert len(urlsafe_b64decode(key + "=" * (-len(key) % 4))) == 65
