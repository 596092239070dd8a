"""A Twilio for tests: the simulated one, with every request of ours held against Twilio's own OpenAPI file, every
document that we answer held against Twilio's grammar, and bad days on demand."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import ClientResponse, ClientSession
from pydantic import SecretStr

from hotline.settings import AccountToken, Settings
from hotline.simulator.twilio import Delivery, Fault, SimulatedTwilio
from hotline.simulator.twilio.hooks import signature
from hotline.simulator.twilio.records import new_sid
from hotline.workflows.house import House
from tests.material import real_file

PUBLIC = "https://hotline.example.com"
DOOR = "/webhooks/twilio"
NUMBER = "+15005550006"

_EITHER = re.compile(r"(<\?xml[^>]*>)?\s*<Response\s*(/>|>(\s*<Redirect.*</Redirect>)?\s*</Response>)\s*", re.DOTALL)

Send = Callable[[Delivery], Awaitable[None]]


@cache
def _checker(name: str) -> Any:
    """A module of the real material; what it needs is read once."""
    folder = str(real_file("twilio"))
    sys.path.insert(0, folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # it leaves its files open
            return import_module(name)
    finally:
        sys.path.remove(folder)


@cache
def _description() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(real_file("twilio/twilio_api_v2010.json").read_text())
    return found


def request_problems(method: str, path: str, form: list[tuple[str, str]]) -> list[str]:
    """What Twilio's own description says against a request."""
    if not path.startswith("/2010-04-01/"):
        return []  # the description holds the old API alone
    if method == "POST":
        problems: list[str] = _checker("form_check").check(method, path, form)
        return problems
    return list(_query_problems(method, path, form))


def _query_problems(method: str, path: str, query: list[tuple[str, str]]) -> list[str]:
    if re.search(r"/(Recordings|Media)/[A-Z]{2}[0-9a-f]{32}(\.wav|\.mp3)?$", path):
        return []  # files, which the description leaves out
    for template, operations in _description()["paths"].items():
        if not re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            continue
        if method.lower() not in operations:
            return ["method not allowed"]
        given = [*operations.get("parameters", ()), *operations[method.lower()].get("parameters", ())]
        known = {each["name"] for each in given if each["in"] == "query"} | {"Page", "PageToken", "PageSize"}
        return [f"unknown parameter {name}" for name, _ in query if name not in known]
    return [f"unknown path {path}"]


def document_problems(document: str, kind: str = "") -> list[str]:
    """What Twilio's grammar says against a document of a kind, voice or messaging."""
    found, errors = _checker("twiml_check").check(document.encode())
    problems = list(errors)
    if not problems and kind and found != kind and not _fits_both(document):
        problems.append(f"a document for {found}, where one for {kind} is wanted")
    return problems


def _fits_both(document: str) -> bool:
    """Nothing at all, or a redirect alone, is good for calls and for messages."""
    return _EITHER.fullmatch(document) is not None


class FakeTwilio(SimulatedTwilio):
    """See the module. ``complaints`` must be empty at the end of a test; the fixture looks."""

    def __init__(self, **options: Any) -> None:
        real_file("twilio")  # without it the test is skipped, not each request refused
        super().__init__(**options)
        self.examine = request_problems
        self.hooks.seen = self._seen
        self.held: list[tuple[Delivery, Send]] = []

    def _seen(self, delivery: Delivery, kind: str) -> None:
        if kind in ("voice", "messaging") and delivery.error is None and delivery.body:
            for problem in document_problems(delivery.body, kind):
                self.complaints.append(f"answer of {delivery.url}: {problem}")

    def reach(self, address: str) -> None:
        """Where what is told to be at PUBLIC really listens."""
        self.hooks.reach = PUBLIC, address.rstrip("/")

    def settings(self, settings: Settings) -> Settings:
        """The settings with which hotline uses this Twilio."""
        return settings.model_copy(
            update={
                "twilio_account_sid": self.account_sid,
                "twilio_auth_token": (AccountToken("", SecretStr(self.token)),),
                "twilio_api_url": self.url,
                "public_url": PUBLIC,
            }
        )

    def environment(self) -> dict[str, str]:
        """The same for a process of its own."""
        return {
            "HOTLINE_TWILIO_ACCOUNT_SID": self.account_sid,
            "HOTLINE_TWILIO_AUTH_TOKEN": self.token,
            "HOTLINE_TWILIO_API_URL": self.url,
            "HOTLINE_PUBLIC_URL": PUBLIC,
        }

    # Bad days

    def fails(self, *faults: Fault) -> None:
        """What goes wrong with the next requests."""
        self.faults.extend(faults)

    def twice(self) -> None:
        """From now on every webhook comes twice, with the same token."""

        async def way(delivery: Delivery, send: Send) -> None:
            await asyncio.gather(send(delivery), send(replace(delivery)))

        self.hooks.way = way

    def hold(self, part: str) -> None:
        """Callbacks with ``part`` in their address or their values are late: they come when ``release`` is called."""

        async def way(delivery: Delivery, send: Send) -> None:
            if part in delivery.url or part in delivery.params.values():
                self.held.append((delivery, send))
                self.changed()
            else:
                await send(delivery)

        self.hooks.way = way

    async def release(self, *, backwards: bool = False) -> None:
        """What was held comes now, in its order or backwards."""
        held, self.held = self.held, []
        for delivery, send in reversed(held) if backwards else held:
            await send(delivery)


class TwilioDoor:
    """Our side: webhooks to the running application, signed by the fake's token or wrongly."""

    def __init__(self, twilio: FakeTwilio, session: ClientSession, address: str) -> None:
        self.twilio = twilio
        self.session = session
        self.address = address

    async def post(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        token: str = "",
        signed: str | None = None,
        idempotency: str = "",
        url: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> ClientResponse:
        """One webhook. ``path`` is below the door and may have a query; ``url`` is what is signed, ``signed`` another
        signature, ``body`` other bytes than the form's."""
        params = {"AccountSid": self.twilio.account_sid, **params}
        place = f"{DOOR}{path}"
        made = signature(token or self.twilio.token, url or f"{PUBLIC}{place}", params)
        sent = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "X-Twilio-Signature": made if signed is None else signed,
            "I-Twilio-Idempotency-Token": idempotency or new_sid(""),
            **(headers or {}),
        }
        data = urlencode(params).encode() if body is None else body
        response = await self.session.post(f"{self.address}{place}", data=data, headers=sent)
        await response.read()
        return response


@pytest.fixture
async def twilio(house: House) -> AsyncIterator[FakeTwilio]:
    """A Twilio with one number, and a house that uses it."""
    fake = FakeTwilio()
    await fake.start()
    house.settings = fake.settings(house.settings)
    fake.add_number(
        NUMBER,
        voice_url=f"{PUBLIC}{DOOR}/voice",
        voice_fallback_url=f"{PUBLIC}{DOOR}/voice/fallback",
        status_callback=f"{PUBLIC}{DOOR}/voice/status",
        sms_url=f"{PUBLIC}{DOOR}/messages",
        sms_fallback_url=f"{PUBLIC}{DOOR}/messages/fallback",
    )
    fake.add_sender(
        NUMBER,
        callback_url=f"{PUBLIC}{DOOR}/messages",
        fallback_url=f"{PUBLIC}{DOOR}/messages/fallback",
        status_callback_url=f"{PUBLIC}{DOOR}/messages/status",
    )
    yield fake
    await fake.close()
    assert not fake.complaints, fake.complaints


@asynccontextmanager
async def served(house: House, twilio: FakeTwilio) -> AsyncIterator[TwilioDoor]:
    """The application served where the fake finds it."""
    # Imported here: most tests need none of it.
    from aiohttp.test_utils import TestServer

    from hotline.web.application import create_app
    from hotline.web.context import Part
    from hotline.web.scene import HouseScene
    from hotline.web.sources import DatabaseOutbox, HouseIdentify, nudges
    from hotline.web.stream import Hub, Limits

    async def parts() -> list[Part]:
        return []

    hub = Hub(DatabaseOutbox(house.db), nudges(house.bus), HouseScene(house), Limits(poll=0.05, recheck=0.1))
    app = create_app(house, hub=hub, identify=HouseIdentify(house), parts=parts)
    async with TestServer(app) as server, ClientSession(auto_decompress=False) as session:
        address = str(server.make_url("")).rstrip("/")
        twilio.reach(address)
        yield TwilioDoor(twilio, session, address)


@pytest.fixture
async def twilio_door(house: House, twilio: FakeTwilio) -> AsyncIterator[TwilioDoor]:
    """The application of the house, served where its Twilio finds it."""
    async with served(house, twilio) as door:
        yield door
