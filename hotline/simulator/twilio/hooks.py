"""How the simulated Twilio calls webhooks: signed, with its token, within its limits of time, tried again and then at
the fallback address as the address asks for (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides).
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

from aiohttp import ClientError, ClientSession, ClientTimeout

from hotline.simulator.twilio.records import new_sid

#: Seconds for all, and to connect.
TOTAL_SECONDS: Final = 15.0
CONNECT_SECONDS: Final = 5.0
#: Largest document that is taken (error 11750).
LARGEST: Final = 64 * 1024
_LATE, _REFUSED, _TOO_MANY, _TOO_LARGE = 11205, 11200, 11217, 11750


@dataclass
class Delivery:
    """One webhook that was called, and what came back. ``error`` is Twilio's code for what was wrong with it."""

    url: str
    params: Mapping[str, str] = field(repr=False)
    token: str
    status: int | None = None
    body: str = field(default="", repr=False)
    content_type: str = ""
    error: int | None = None


#: What may be done to a webhook on its way: (delivery, send) → the deliveries that were made, the first one counts.
Way = Callable[["Delivery", Callable[["Delivery"], Awaitable[None]]], Awaitable[None]]


async def straight(delivery: Delivery, send: Callable[[Delivery], Awaitable[None]]) -> None:
    """A good day: at once, once."""
    await send(delivery)


def signature(token: str, url: str, params: Mapping[str, str]) -> str:
    """X-Twilio-Signature of a form (https://www.twilio.com/docs/usage/security)."""
    text = url + "".join(f"{name}{params[name]}" for name in sorted(params))
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), "sha1")).decode()


class Hooks:
    """Calls webhooks. ``reach`` says where a public address really is, ``way`` what happens to them on their way, and
    ``seen`` is told of each when it is over."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self.tokens = tokens
        self.reach: tuple[str, str] | None = None
        self.way: Way = straight
        self.sent: list[Delivery] = []
        #: What Twilio would write into its error log: code and address.
        self.errors: list[tuple[int, str]] = []
        self.seen: Callable[[Delivery, str], None] = lambda delivery, kind: None
        self._session: ClientSession | None = None

    async def open(self) -> None:
        """Open the pool."""
        timeout = ClientTimeout(total=TOTAL_SECONDS, sock_connect=CONNECT_SECONDS)
        self._session = ClientSession(timeout=timeout, trust_env=False, auto_decompress=False)

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    async def call(
        self, url: str, params: Mapping[str, str], *, fallback: str = "", kind: str = "callback"
    ) -> Delivery | None:
        """The answer of the webhook, or of the fallback address when it fails; None when both do.

        ``kind`` is voice, messaging or callback.
        """
        found = await self._tried(url, params, kind)
        if found.error is None or not fallback:
            return found if found.error is None else None
        again = dict(params) | {"ErrorCode": str(found.error), "ErrorUrl": url}
        found = await self._tried(fallback, again, kind)
        return found if found.error is None else None

    async def seconds_of(self, url: str) -> float:
        """How long a sound file is, as its WAV header says; none at all when it is not there."""
        assert self._session is not None
        try:
            async with self._session.get(self._place(url)) as response:
                head = await response.content.read(44)
                if response.status == 200 and head[:4] == b"RIFF":
                    rate = int.from_bytes(head[28:32], "little")
                    return (response.content_length or 0) / max(rate, 1)
        except (ClientError, TimeoutError, OSError):
            pass
        self.errors.append((_REFUSED, url))
        return 0.0

    async def _tried(self, url: str, params: Mapping[str, str], kind: str) -> Delivery:
        """Once, and again as often as the fragment of the address says; all with the same token."""
        plain, _, fragment = url.partition("#")
        wanted = parse_qs(fragment)
        tries = 1 + min(int(wanted.get("rc", ["0"])[0]), 5)
        when = set(wanted.get("rp", ["ct"])[0].split(","))
        token = new_sid("")
        found = Delivery(plain, params, token)
        for _ in range(tries):
            found = Delivery(plain, params, token)
            self.sent.append(found)
            await self.way(found, self._send)
            self.seen(found, kind)
            if found.error is None:
                break
            self.errors.append((found.error, plain))
            if "all" not in when and _why(found) not in when:
                break
        return found

    async def _send(self, delivery: Delivery) -> None:
        assert self._session is not None
        account = delivery.params.get("AccountSid", "")
        headers = {
            "X-Twilio-Signature": signature(self.tokens[account], delivery.url, delivery.params),
            "I-Twilio-Idempotency-Token": delivery.token,
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
        }
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                place = self._place(delivery.url)
                async with self._session.post(
                    place, data=dict(delivery.params), headers=headers, allow_redirects=False
                ) as response:
                    delivery.status, delivery.content_type = response.status, response.content_type
                    delivery.body = (await response.read()).decode("utf-8", "replace")
        except (ClientError, TimeoutError, OSError):
            delivery.error = _LATE
            return
        if delivery.status == 429:
            delivery.error = _TOO_MANY
        elif delivery.status >= 300:
            delivery.error = _REFUSED
        elif len(delivery.body.encode()) > LARGEST:
            delivery.error = _TOO_LARGE

    def _place(self, url: str) -> str:
        if self.reach is not None and url.startswith(self.reach[0]):
            return self.reach[1] + url.removeprefix(self.reach[0])
        return url


def _why(delivery: Delivery) -> str:
    if delivery.status is None:
        return "rt"
    return f"{delivery.status // 100}xx"
