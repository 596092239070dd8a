"""Which addresses of others are fetched, who gets credentials, and how much is taken."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, encode_basic_auth, web
from aiohttp.test_utils import TestServer

from hotline.channels import outgoing_urls
from hotline.channels.errors import MediaRefused, TemporarilyRefused
from hotline.channels.outgoing_urls import Gone, TooLarge, Trust, is_public, is_twilio, outgoing


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.0.0.8", False),
        ("172.16.3.4", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),  # a carrier's own (RFC 6598)
        ("169.254.169.254", False),  # where clouds keep their secrets
        ("0.0.0.0", False),
        ("224.0.0.251", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd12:3456::1", False),
        ("::ffff:10.0.0.1", False),  # IPv4 in IPv6's clothes
        ("2002:7f00:1::", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::808:808", True),
        ("64:ff9b:1::a9fe:a9fe", False),  # a gateway's own prefix (RFC 8215)
        ("::127.0.0.1", False),
        ("fec0::1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_only_addresses_of_the_whole_internet_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://api.twilio.com/2010-04-01/x", True),
        ("https://API.TWILIO.COM/x", True),
        ("https://mcs.us1.twilio.com/v1/x", True),
        ("http://api.twilio.com/x", False),
        ("https://api.twilio.com:8443/x", False),
        ("https://twilio.com.evil.example/x", False),
        ("https://eviltwilio.com/x", False),
        ("https://api.twilio.com@evil.example/x", False),
        ("https://evil.example/api.twilio.com", False),
        ("https://evil.example\\.twilio.com/x", False),
        ("ftp://api.twilio.com/x", False),
        ("//api.twilio.com/x", False),
        ("https://api.twilio.com/\r\nHost: x", False),
        ("http://127.0.0.1:8099/x", True),
        ("http://127.0.0.1:8098/x", False),
    ],
)
def test_only_twilio_gets_credentials(url: str, trusted: bool) -> None:
    assert is_twilio(url, "http://127.0.0.1:8099") is trusted


class Twilio:
    """A server that stands for Twilio, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.server = TestServer(self._app())

    def _app(self) -> web.Application:
        async def take(request: web.Request) -> web.StreamResponse:
            self.asked.append((request.path, request.headers.get("Authorization")))
            if request.path == "/to":
                return web.Response(status=307, headers={"Location": request.query["place"]})
            if request.path == "/endless":
                response = web.StreamResponse()
                await response.prepare(request)
                for _ in range(100):
                    await response.write(b"x" * 1000)
                return response
            if request.path.startswith("/status"):
                return web.Response(status=int(request.path.removeprefix("/status")))
            return web.Response(body=b"12345678", content_type="audio/wav")

        app = web.Application()
        app.router.add_get("/{rest:.*}", take)
        return app

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def trust(self) -> Trust:
        return Trust(("AC1", "secret"), self.url)


@pytest.fixture
async def twilio() -> AsyncIterator[Twilio]:
    made = Twilio()
    await made.server.start_server()
    yield made
    await made.server.close()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as made:
        yield made


async def fetched(session: ClientSession, url: str, trust: Trust, limit: int = 100) -> bytes:
    async with outgoing(session, url, limit, trust=trust, seconds=20) as answer:
        return b"".join([piece async for piece in answer.pieces()])


async def test_twilio_is_asked_with_credentials(twilio: Twilio, session: ClientSession) -> None:
    assert await fetched(session, f"{twilio.url}/RE1.wav", twilio.trust) == b"12345678"
    assert twilio.asked == [("/RE1.wav", encode_basic_auth("AC1", "secret"))]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/file.png",
        "https://127.0.0.1/file.png",
        "https://[::1]/file.png",
        "https://[::ffff:127.0.0.1]/file.png",
        "https://localhost/file.png",
        "https://2130706433/file.png",  # 127.0.0.1, written by someone who means it
        "https://0x7f.1/file.png",
        "https://127.1/file.png",
        "https://0177.0.0.1/file.png",
        "https://127.0.0.1./file.png",
        "http://other.example/file.png",
        "https://other.example:22/file.png",
        "https://user:password@other.example/file.png",
        "file:///etc/passwd",
        "gopher://127.0.0.1/x",
        "",
        "https://" + "a" * 3000,
    ],
)
async def test_private_and_odd_addresses_are_never_fetched(
    url: str, twilio: Twilio, session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[Any] = []

    async def connect(*args: Any, **kwargs: Any) -> None:
        connected.append(args)
        raise OSError("nothing may be connected to")

    monkeypatch.setattr("aiohappyeyeballs.start_connection", connect)
    monkeypatch.setattr("aiohttp.connector.aiohappyeyeballs.start_connection", connect)
    with pytest.raises((MediaRefused, TemporarilyRefused)):
        await fetched(session, url, twilio.trust)
    assert connected == []
    assert twilio.asked == []


async def test_a_name_that_changes_its_mind_is_connected_to_nowhere(
    twilio: Twilio, session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name's private addresses are left out, so what is connected to is what was looked at."""
    answers = iter([["10.0.0.1", "127.0.0.1"], ["169.254.169.254"]])

    async def resolve(_self: object, host: str, port: int, family: int) -> list[dict[str, Any]]:
        return [
            {"hostname": host, "host": each, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for each in next(answers)
        ]

    monkeypatch.setattr("hotline.channels.outgoing_urls.ThreadedResolver.resolve", resolve)
    for _ in range(2):
        with pytest.raises(MediaRefused):
            await fetched(session, "https://rebinding.example/file.png", twilio.trust)


async def test_a_redirect_is_a_new_address(twilio: Twilio, session: ClientSession) -> None:
    trust = twilio.trust
    assert await fetched(session, f"{twilio.url}/to?place=/there", trust) == b"12345678"
    for place in ("https://127.0.0.1/x", "http://169.254.169.254/x", "file:///etc/passwd"):
        with pytest.raises(MediaRefused):
            await fetched(session, f"{twilio.url}/to?place={place}", trust)
    with pytest.raises(MediaRefused, match="circles"):
        await fetched(session, f"{twilio.url}/to?place=/to%3Fplace=/to%253Fplace=/to%25253Fplace=/to", trust)


async def test_strangers_get_no_credentials(
    twilio: Twilio, session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's host is asked without a word of who asks; in this test it lives on loopback."""
    asked: list[str] = []

    class Stranger:
        def __init__(self, **options: Any) -> None:
            self._connector = options["connector"]

        async def __aenter__(self) -> Stranger:
            return self

        async def __aexit__(self, *_: object) -> None:
            await self._connector.close()

        def get(self, url: str, **options: Any) -> Any:
            asked.append(url)
            return session.get(f"{twilio.url}/stranger", **options)

    monkeypatch.setattr(outgoing_urls, "ClientSession", Stranger)
    assert await fetched(session, f"{twilio.url}/to?place=https://other.example/file.png", twilio.trust) == b"12345678"
    assert asked == ["https://other.example/file.png"]
    assert [(path, sent is not None) for path, sent in twilio.asked] == [("/to", True), ("/stranger", False)]


async def test_no_more_is_taken_than_the_limit(twilio: Twilio, session: ClientSession) -> None:
    with pytest.raises(TooLarge):
        await fetched(session, f"{twilio.url}/RE1.wav", twilio.trust, limit=7)
    with pytest.raises(TooLarge):
        await fetched(session, f"{twilio.url}/endless", twilio.trust, limit=5000)


async def test_what_is_not_there_differs_from_what_is_away(twilio: Twilio, session: ClientSession) -> None:
    for status, error in ((404, Gone), (410, Gone), (403, MediaRefused), (429, TemporarilyRefused),
                          (503, TemporarilyRefused)):  # fmt: skip
        with pytest.raises(error):
            await fetched(session, f"{twilio.url}/status{status}", twilio.trust)
    place, trust = f"{twilio.url}/RE1.wav", twilio.trust
    await twilio.server.close()
    with pytest.raises(TemporarilyRefused):
        await fetched(session, place, trust)
