"""The one place that decides which addresses of others are fetched: recordings, pictures of messages, redirects.

An address comes from outside. Credentials go to Twilio's hosts only, by TLS; what answers from a private, loopback or
link-local address is never fetched, whatever its name says: the address that is connected to is the one that was
checked, so that a name which changes its mind (DNS rebinding) gains nothing. Each redirect is a new address.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

import aiohttp
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, encode_basic_auth, hdrs
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from hotline.channels.errors import MediaRefused, TemporarilyRefused

#: Redirects that are followed: Twilio answers media by one to its store.
MOST_REDIRECTS: Final = 3
_LONGEST_URL: Final = 2_000
_LOOK_UP_SECONDS: Final = 3.0
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
#: Hosts of Twilio that get credentials.
_TWILIO: Final = (".twilio.com",)
#: Behind a gateway of RFC 6052 these are IPv4 addresses, private ones too.
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
#: Of no use outside one's own network, though ``is_global`` says otherwise: IPv4 in old clothes (RFC 4291, 2.5.5.1), a
#: gateway's own prefix (RFC 8215), the former site-local addresses (RFC 3879).
_INSIDE: Final = tuple(map(ipaddress.ip_network, ("::/96", "64:ff9b:1::/48", "fec0::/10")))


class TooLarge(MediaRefused):
    """The file is larger than it may be."""

    code = "too_large"
    status = 413


class Gone(MediaRefused):
    """There is no such file."""

    code = "gone"
    status = 404


@dataclass(frozen=True, slots=True)
class Trust:
    """Who gets credentials: Twilio's hosts, and what the settings say stands for Twilio (``api_url``)."""

    credentials: tuple[str, str] = field(repr=False)
    api_url: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A file on its way. ``kind`` is what its host says it is: to be checked against the bytes; ``length`` in bytes,
    None when the host does not say."""

    kind: str
    length: int | None
    limit: int
    _content: aiohttp.StreamReader = field(repr=False)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes as they come. Raises TooLarge past the limit, TemporarilyRefused when they stop coming."""
        size = 0
        try:
            async for piece in self._content.iter_any():
                size += len(piece)
                if size > self.limit:
                    raise TooLarge()
                yield piece
        except (ClientError, OSError) as error:
            raise TemporarilyRefused(f"The file broke off: {type(error).__name__}.") from error


@asynccontextmanager
async def outgoing(
    session: ClientSession, url: str, limit: int, *, trust: Trust, seconds: float = 30.0
) -> AsyncIterator[Answer]:
    """The file at ``url``, at most ``limit`` bytes, read within ``seconds``. ``session`` serves Twilio's own hosts.

    Raises MediaRefused for what shall not be fetched (TooLarge, and Gone for what is not there), TemporarilyRefused
    when its host is away or slow.
    """
    async with AsyncExitStack() as open_:
        try:
            await open_.enter_async_context(_within(seconds))
            for _ in range(MOST_REDIRECTS + 1):
                response = await _ask(open_, session, url, trust)
                if response.status == 401 and is_twilio(url, trust.api_url):
                    # The token was taken back before the settings knew the next one: the file is still there.
                    raise TemporarilyRefused("Twilio refuses the credentials.")
                if response.status not in _REDIRECTS:
                    break
                url = urljoin(url, response.headers.get("Location", ""))
                response.release()
            else:
                raise MediaRefused("The file's address leads in circles.")
            answer = _answer(response, limit)
        except (ClientError, OSError) as error:
            raise TemporarilyRefused(f"The file's host does not answer: {type(error).__name__}.") from error
        yield answer


async def post(
    url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, own: str = ""
) -> tuple[int, float | None]:
    """Send ``body`` to an address that came from outside; the answer's status, and the seconds after which it wants to
    be asked again. Redirects are not followed. ``own`` is an origin that the settings trust.

    Raises MediaRefused for what shall not be asked, TemporarilyRefused when its host is away or slow.
    """
    parts = split(url)
    if parts is None:
        raise MediaRefused("The address is none that is asked.")
    trusted = bool(own) and f"{parts.scheme}://{parts.netloc}" == own
    if not trusted:
        _check_stranger(parts)
    resolver = None if trusted else _PublicResolver()
    connector = TCPConnector(resolver=resolver, limit=1, force_close=True)
    try:
        async with (
            _within(seconds),
            ClientSession(
                connector=connector, timeout=ClientTimeout(total=None, sock_connect=5), trust_env=False
            ) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            after = response.headers.get("Retry-After", "")
            return response.status, float(after) if after.isascii() and after.isdigit() else None
    except (ClientError, OSError) as error:
        raise TemporarilyRefused(f"The host does not answer: {type(error).__name__}.") from error


async def require_askable(url: str, *, own: str = "") -> None:
    """Whether ``post`` would ask an address, known before it is kept. A name that is known nowhere at present may be:
    it is looked up anew whenever it is asked. Raises MediaRefused for what will never be asked."""
    parts = split(url)
    if parts is None:
        raise MediaRefused("The address is none that is asked.")
    if own and f"{parts.scheme}://{parts.netloc}" == own:
        return
    _check_stranger(parts)
    resolver = _PublicResolver()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_LOOK_UP_SECONDS):
            await resolver.resolve(parts.hostname or "", parts.port or 443, socket.AF_UNSPEC)


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise TemporarilyRefused("The file did not come in time.") from error


async def _ask(open_: AsyncExitStack, session: ClientSession, url: str, trust: Trust) -> aiohttp.ClientResponse:
    if is_twilio(url, trust.api_url):
        headers = {hdrs.AUTHORIZATION: encode_basic_auth(*trust.credentials)}
        return await open_.enter_async_context(session.get(url, headers=headers, allow_redirects=False))
    parts = split(url)
    if parts is None:
        raise MediaRefused("The file's address is none that is fetched.")
    _check_stranger(parts)
    stranger = await open_.enter_async_context(
        ClientSession(
            connector=TCPConnector(resolver=_PublicResolver(), limit=1, force_close=True),
            timeout=ClientTimeout(total=None, sock_connect=5),
            trust_env=False,
        )
    )
    return await open_.enter_async_context(stranger.get(url, allow_redirects=False))


def _check_stranger(parts: SplitResult) -> None:
    if parts.scheme != "https" or parts.port not in (None, 443):
        raise MediaRefused("The file's address is none that is fetched.")
    host = parts.hostname or ""
    if _is_address(host) and not is_public(host):
        raise MediaRefused("The file's address is a private one.")


def _answer(response: aiohttp.ClientResponse, limit: int) -> Answer:
    if response.status >= 500 or response.status == 429:
        raise TemporarilyRefused(f"The file's host answers {response.status}.")
    if response.status in (404, 410):
        raise Gone()
    if response.status != 200:
        raise MediaRefused(f"The file is not given: {response.status}.")
    # Of a body that its host packed the length says nothing; pieces() counts what is unpacked.
    packed = response.headers.get("Content-Encoding", "identity") != "identity"
    length = None if packed else response.content_length
    if length is not None and length > limit:
        raise TooLarge()
    return Answer(response.content_type, length, limit, response.content)


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
            raise MediaRefused("The file's address is a private one.")
        return public

    async def close(self) -> None:
        await self._real.close()


def is_public(address: str) -> bool:
    """Whether an IP address is one of the whole internet."""
    try:
        found = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return False
    if found.version == 6:
        if any(found in network for network in _INSIDE):
            return False
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None and not is_public(str(inner)):
            return False
    return found.is_global and not found.is_multicast


def is_twilio(url: str, api_url: str = "") -> bool:
    """Whether credentials may go there: a host of Twilio by TLS, or what the settings say stands for Twilio."""
    parts = split(url)
    if parts is None:
        return False
    if api_url:
        own = urlsplit(api_url)
        if (parts.scheme, parts.hostname, parts.port) == (own.scheme, own.hostname, own.port):
            return True
    host = (parts.hostname or "").lower()
    return parts.scheme == "https" and parts.port in (None, 443) and host.endswith(_TWILIO)


def split(url: str) -> SplitResult | None:
    """The parts of an address that may be looked at at all; None for anything odd."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    usable = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    return parts if usable else None


def _is_address(host: str) -> bool:
    """Whether a host is no name. Also ``127.1``, ``2130706433`` and ``127.0.0.1.``: the operating system knows them as
    addresses, and aiohttp asks no resolver for what has digits alone."""
    return ":" in host or host.replace(".", "").isdigit()
