"""Signed-in browsers for the pop figure: an event stream each, every offer noted as its bytes arrive.

As a process: ``python -m bench.browsers ADDRESS``, the session cookies as a JSON list on its input. It says ``open``
when all streams have their snapshot; at ``take`` it answers the offers: (caller number, agent's login, monotonic
seconds) and forgets them. Plain sockets: what is measured is the service, not a client library on the same machine.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from functools import partial
from typing import cast
from urllib.parse import urlsplit

from bench.measure import report

_DATA = re.compile(rb"event: call\.offered\n(?:id: \d+\n)?data: (.*)\n\n")
#: How the HTTP/1.1 chunks of one stream are framed; the stream itself never holds CR.
_FRAMING = re.compile(rb"\r\n[0-9a-f]+\r\n")


class Browser(asyncio.Protocol):
    """One stream. Bytes are kept with the time of their arrival and read afterwards."""

    def __init__(self, host: str, cookie: str) -> None:
        self.opened = asyncio.Event()
        self.lost = asyncio.Event()
        self._request = f"GET /api/v1/events HTTP/1.1\r\nHost: {host}\r\nCookie: hotline={cookie}\r\n\r\n".encode()
        self._pieces: list[tuple[float, bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        self._pieces.append((time.monotonic(), data))
        if not self.opened.is_set() and b"event: snapshot" in data:
            self.opened.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()

    def take(self) -> list[tuple[str, str, float]]:
        """The offers so far. An offer's time is that of its last byte."""
        pieces, self._pieces = self._pieces, []
        offers, stream, ends = [], b"", []
        for at, data in pieces:
            stream += data
            ends.append((len(stream), at))
        whole = _FRAMING.sub(lambda found: b"\x00" * len(found[0]), stream)  # the same length: places stay
        for found in _DATA.finditer(whole.replace(b"\r\n", b"\x00\x00")):
            data = json.loads(found[1].replace(b"\x00", b""))
            at = next(at for end, at in ends if end >= found.end(1))
            offers.append((data["caller"]["number"], data["agent"], at))
        return offers


def _same(browser: Browser) -> Browser:
    return browser


async def main(address: str) -> None:
    loop = asyncio.get_running_loop()
    cookies = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    url = urlsplit(address)
    browsers = [Browser(url.netloc, cookie) for cookie in cookies]
    for browser in browsers:
        await loop.create_connection(partial(_same, browser), url.hostname or "", url.port or 80)
    async with asyncio.timeout(60):
        for browser in browsers:
            await browser.opened.wait()
    report("open")
    while await loop.run_in_executor(None, sys.stdin.readline):
        if any(browser.lost.is_set() for browser in browsers):
            raise RuntimeError("a stream ended during the measurement")
        report([offer for browser in browsers for offer in browser.take()])


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(sys.argv[1]))
