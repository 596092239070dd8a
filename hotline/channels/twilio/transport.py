"""The HTTP side of Twilio's library: one bounded pool, an end for each request, and refusals as channel errors.

The library's own asynchronous client takes no limit of time, follows any answer whatever its size and loses the header
Retry-After; so it asks through this one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    TCPConnector,
    encode_basic_auth,
    hdrs,
)
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from yarl import URL

from hotline.channels.errors import ChannelError, TemporarilyRefused, Unknown
from hotline.channels.twilio.errors import answered

#: Largest answer that is read, in bytes: a page of 1,000 records is some 1.5 MB.
LARGEST_ANSWER: Final = 8_000_000
#: Seconds to connect.
CONNECT_SECONDS: Final = 5.0
#: Connections that are open at once: Twilio refuses more than some hundred requests at a time.
CONNECTIONS: Final = 50
#: Longest wait that a Retry-After may ask for, in seconds.
LONGEST_WAIT: Final = 3_600.0

#: The library logs whole requests, with numbers and texts in them: it gets a log that leads nowhere.
_SILENT: Final = logging.Logger("twilio.silent", level=logging.CRITICAL + 1)


class Transport(AsyncHttpClient):  # type: ignore[misc]  # the library has no types
    """Made once for a client; opens its pool with the first request."""

    def __init__(self, *, seconds: float, api_url: str = "") -> None:
        super().__init__(_SILENT, True, None)
        self._seconds = seconds
        self._api_url = api_url.rstrip("/")
        self._session: ClientSession | None = None
        self._authorised: dict[tuple[str, str], str] = {}

    def session(self) -> ClientSession:
        """The pool."""
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=CONNECTIONS, keepalive_timeout=10),
                timeout=ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                cookie_jar=DummyCookieJar(),
                auto_decompress=True,
                trust_env=False,
            )
        return self._session

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        allow_redirects: bool = False,
    ) -> Response:
        """One request. Raises a ChannelError for everything that is no success, Unknown where nobody can tell whether
        it was done."""
        changes = method.upper() != "GET"
        sent: dict[str, Any] = {"headers": dict(headers or {})}
        if auth is not None:
            if auth not in self._authorised:
                self._authorised[auth] = encode_basic_auth(*auth)
            sent["headers"][hdrs.AUTHORIZATION] = self._authorised[auth]
        if data and sent["headers"].get(hdrs.CONTENT_TYPE) == "application/json":
            sent["data"] = json.dumps(data).encode()
        elif data:
            # Encoded here: the pool's own way of sending a form takes ten times as long.
            sent["headers"].setdefault(hdrs.CONTENT_TYPE, "application/x-www-form-urlencoded")
            sent["data"] = URL.build(query=_fields(data)).raw_query_string.encode()
        try:
            async with (
                asyncio.timeout(self._seconds),
                self.session().request(
                    method.upper(),
                    self._place(url),
                    params=None if params is None else list(_fields(params)),
                    allow_redirects=False,
                    **sent,
                ) as response,
            ):
                text = (await _bounded(response.content, LARGEST_ANSWER)).decode("utf-8", "replace")
                status, found = response.status, response.headers
        except (ClientConnectorError, ConnectionTimeoutError, ssl.SSLError) as error:
            # Nothing was sent yet.
            raise TemporarilyRefused(f"Twilio cannot be reached: {type(error).__name__}.") from error
        except (TimeoutError, ClientConnectionError, ClientError, OSError) as error:
            raise _lost(error, changes) from error
        if status >= 300:
            raise _refused(status, text, found.get("Retry-After"), changes)
        return Response(status, text, found)

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _place(self, url: str) -> URL:
        """Where the request goes: Twilio, or what stands for it."""
        return _parsed(f"{self._api_url}/{url.split('://', 1)[1].partition('/')[2]}" if self._api_url else url)


# Most requests go to the same few places.
@lru_cache(maxsize=64)
def _parsed(url: str) -> URL:
    return URL(url)


def _fields(values: Mapping[str, object]) -> list[tuple[str, str]]:
    """Form fields or parameters as text; a list is one field for each of its values."""
    fields: list[tuple[str, str]] = []
    for name, value in values.items():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            fields.append((name, ("true" if one else "false") if isinstance(one, bool) else str(one)))
    return fields


async def _bounded(content: Any, limit: int) -> bytes:
    parts = bytearray()
    async for part in content.iter_any():
        parts += part
        if len(parts) > limit:
            raise ClientError("the answer is too large")
    return bytes(parts)


def _lost(error: Exception, changes: bool) -> ChannelError:
    why = f"Twilio did not answer: {type(error).__name__}."
    return Unknown(why) if changes else TemporarilyRefused(why)


def _refused(status: int, text: str, retry_after: str | None, changes: bool) -> ChannelError:
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    found = told.get("code") if isinstance(told, dict) else None
    code = found if isinstance(found, int) else None
    # Not Twilio's own sentence: it may repeat the number that was written to.
    said = f"Twilio refused it with {f'code {code}' if code else f'status {status}'}."
    return answered(status, code, said, retry_after=_seconds(retry_after), changes=changes)


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds (RFC 9110 §10.2.3); a date counts as none."""
    if retry_after is None or not retry_after.strip().isdecimal():
        return None
    return min(float(retry_after), LONGEST_WAIT)
