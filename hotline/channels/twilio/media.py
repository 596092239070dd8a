"""Fetching the files that webhooks name: recordings and pictures of messages.

An address comes from outside. Credentials go to Twilio's hosts only; what answers from a private, loopback or
link-local address is never fetched, whatever its name says: the address that is connected to is the one that was
checked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

import aiohttp
from aiohttp import BasicAuth, ClientError, ClientSession, ClientTimeout, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from hotline.channels.errors import MediaRefused, TemporarilyRefused

#: Redirects that are followed: Twilio answers media by one to its store.
MOST_REDIRECTS: Final = 3
_LONGEST_URL: Final = 2_000
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
#: Hosts of Twilio that get credentials.
_TWILIO: Final = (".twilio.com",)


@dataclass(frozen=True, slots=True)
class Media:
    """A file. ``content_type`` is what its host says it is: to be checked against the bytes."""

    data: bytes = field(repr=False)
    content_type: str


class _PublicResolver(AbstractResolver):
    """Names lead to public addresses or nowhere."""

    def __init__(self) -> None:
        self._real = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._real.resolve(host, port, family)
        public = [each for each in found if is_public(each["host"])]
        if not public:
            raise OSError("the name leads to no public address")
        return public

    async def close(self) -> None:
        await self._real.close()


def is_public(address: str) -> bool:
    """Whether an IP address is one of the whole internet."""
    try:
        found = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return False
    inner = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    return found.is_global and not found.is_multicast and (inner is None or is_public(str(inner)))


def is_twilio(url: str, api_url: str = "") -> bool:
    """Whether credentials may go there: a host of Twilio by TLS, or what the settings say stands for Twilio."""
    parts = _split(url)
    if parts is None:
        return False
    if api_url:
        own = urlsplit(api_url)
        if (parts.scheme, parts.hostname, parts.port) == (own.scheme, own.hostname, own.port):
            return True
    host = (parts.hostname or "").lower()
    return parts.scheme == "https" and parts.port in (None, 443) and host.endswith(_TWILIO)


async def fetch(
    session: ClientSession,
    url: str,
    limit: int,
    *,
    credentials: tuple[str, str],
    api_url: str = "",
    seconds: float = 30.0,
) -> Media:
    """The file at ``url``, at most ``limit`` bytes, within ``seconds``. ``session`` serves Twilio's own hosts.

    Raises MediaRefused for what shall not be fetched and what is not there, TemporarilyRefused when its host is away.
    """
    try:
        async with asyncio.timeout(seconds):
            for _ in range(MOST_REDIRECTS + 1):
                found = await _step(session, url, limit, credentials, api_url)
                if isinstance(found, Media):
                    return found
                url = found
    except TimeoutError as error:
        raise TemporarilyRefused("The file did not come in time.") from error
    except (ClientError, OSError) as error:
        raise TemporarilyRefused(f"The file's host does not answer: {type(error).__name__}.") from error
    raise MediaRefused("The file's address leads in circles.")


async def _step(
    session: ClientSession, url: str, limit: int, credentials: tuple[str, str], api_url: str
) -> Media | str:
    """The file, or where it is said to be."""
    if is_twilio(url, api_url):
        async with session.get(url, auth=BasicAuth(*credentials), allow_redirects=False) as response:
            return await _read(response, url, limit)
    parts = _split(url)
    if parts is None or parts.scheme != "https" or parts.port not in (None, 443):
        raise MediaRefused("The file's address is none that is fetched.")
    host = parts.hostname or ""
    if _is_address(host) and not is_public(host):
        raise MediaRefused("The file's address is a private one.")
    connector = TCPConnector(resolver=_PublicResolver(), limit=1, force_close=True)
    timeout = ClientTimeout(total=None, sock_connect=5)
    async with (
        ClientSession(connector=connector, timeout=timeout, trust_env=False) as stranger,
        stranger.get(url, allow_redirects=False) as response,
    ):
        return await _read(response, url, limit)


async def _read(response: aiohttp.ClientResponse, url: str, limit: int) -> Media | str:
    if response.status in _REDIRECTS:
        place = response.headers.get("Location", "")
        if not place:
            raise MediaRefused("The file's address leads nowhere.")
        return urljoin(url, place)
    if response.status >= 500 or response.status == 429:
        raise TemporarilyRefused(f"The file's host answers {response.status}.")
    if response.status != 200:
        raise MediaRefused(f"The file is not there: {response.status}.")
    if (response.content_length or 0) > limit:
        raise MediaRefused("The file is too large.")
    data = bytearray()
    async for part in response.content.iter_any():
        data += part
        if len(data) > limit:
            raise MediaRefused("The file is too large.")
    return Media(bytes(data), response.content_type)


def _split(url: str) -> SplitResult | None:
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    usable = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    return parts if usable else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
