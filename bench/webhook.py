"""Twilio's voice webhook: signature, claim, a step of the flow and the commit, beside a bare handler with one insert.

``python -m bench.webhook [SECONDS]``. The service runs as its own process with the embedded PostgreSQL; callers go to
and fro in a menu. First they come as fast as they are answered, then 100 a second whether or not they are. The peer is
a bare aiohttp handler on the same database that reads the form and inserts one row.
"""

from __future__ import annotations

import asyncio
import html
import itertools
import os
import re
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession, TCPConnector
from pydantic import SecretStr

from bench.ivr import free_port
from bench.measure import Child, Figure, median, percentile, tell
from bench.pop import FOLDER
from hotline.settings import EMBEDDED, load_settings
from hotline.simulator.twilio.hooks import signature
from hotline.workflows.house import open_house

RUNS, SECONDS = 3, 10
RATE, CALLERS = 100, 16
LEAST_RATIO, MOST_P99 = 0.3, 50.0
PUBLIC: Final = "https://hotline.example.com"
TOKEN: Final = "0123456789abcdef0123456789abcdef"
ACCOUNT: Final = "AC" + "0" * 32
#: Seconds of a first run that is not counted.
WARM_SECONDS = 2

FLOW = """
flow: main
languages: [en]
start: there
prompts:
  there: {en: "Press 1 to go on."}
  back: {en: "Press 1 to go back."}
nodes:
  there:
    type: menu
    say: there
    keys: {1: back}
    otherwise: bye
  back:
    type: menu
    say: back
    keys: {1: there}
    otherwise: bye
  bye: {type: hang_up}
"""

_ACTION: Final = re.compile(r'action="([^"]+)"')


class Callers:
    """Callers in the menu of the service; each has one step open."""

    def __init__(self, session: ClientSession, address: str) -> None:
        self._session = session
        self._address = address
        self._waiting: list[tuple[str, str]] = []

    async def post(self, url: str, params: dict[str, str]) -> str:
        """One webhook; the document."""
        headers = {
            "X-Twilio-Signature": signature(TOKEN, url, params),
            "I-Twilio-Idempotency-Token": secrets.token_hex(16),
        }
        place = self._address + url.removeprefix(PUBLIC)
        async with self._session.post(place, data=params, headers=headers) as response:
            text = await response.text()
            if response.status != 200:
                raise RuntimeError(f"{response.status}: {text[:200]}")
        return text

    async def begin(self) -> None:
        """One more caller in the menu."""
        sid = "CA" + secrets.token_hex(16)
        await self._asked(sid, await self.post(f"{PUBLIC}/webhooks/twilio/voice", _params(sid)))

    async def _asked(self, sid: str, document: str) -> None:
        found = _ACTION.search(document)
        if found is None:
            raise RuntimeError(f"nothing was asked: {document}")
        self._waiting.append((sid, html.unescape(found[1])))

    async def step(self) -> None:
        """Somebody in the menu presses 1."""
        sid, url = self._waiting.pop()
        document = await self.post(url, _params(sid) | {"Digits": "1"})
        found = _ACTION.search(document)
        if found is None:
            raise RuntimeError(f"nothing was asked: {document}")
        # Others come first: everybody takes their turn.
        self._waiting.insert(0, (sid, html.unescape(found[1])))


def _params(sid: str) -> dict[str, str]:
    return {
        "CallSid": sid, "AccountSid": ACCOUNT, "From": "+14155550123", "To": "+15005550006",
        "CallStatus": "in-progress", "Caller": "+14155550123", "Called": "+15005550006", "Direction": "inbound",
        "ApiVersion": "2010-04-01",
        "FromCountry": "US", "ToCountry": "US", "FromCity": "SAN FRANCISCO", "FromState": "CA", "FromZip": "94105",
    }  # fmt: skip


async def saturated(work: Callable[[], Awaitable[None]], seconds: float) -> float:
    """How often a second ``work`` is done by CALLERS at once."""
    done = 0
    until = time.perf_counter() + seconds

    async def one() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await work()
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(CALLERS)))
    return done / (time.perf_counter() - began)


async def steady(work: Callable[[], Awaitable[None]], rate: int, seconds: int) -> list[float]:
    """Milliseconds of each when ``rate`` begin each second, whether or not the earlier ones are done."""
    took: list[float] = []

    async def one(due: float) -> None:
        await work()
        took.append((time.perf_counter() - due) * 1000)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in itertools.count():
            due = began + number / rate
            if due > began + seconds:
                break
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(due))
    return took


async def one_run(folder: Path, seconds: int) -> dict[str, Any]:
    """One run of the service and its peer."""
    flows = folder / "flows"
    flows.mkdir(parents=True, exist_ok=True)
    (flows / "main.yaml").write_text(FLOW)
    settings = load_settings({}, None).model_copy(update={"data_dir": folder, "database_url": SecretStr(EMBEDDED)})
    house = await open_house(settings)  # keeps the server up for the peer
    ours = {key: value for key, value in os.environ.items() if not key.startswith("HOTLINE_")}
    bind = f"127.0.0.1:{free_port()}"
    environment = ours | {
        "HOTLINE_DATA_DIR": str(folder), "HOTLINE_HTTP_BIND": bind, "HOTLINE_LOG_LEVEL": "error",
        "HOTLINE_PUBLIC_URL": PUBLIC, "HOTLINE_FLOWS_DIR": str(flows), "HOTLINE_SPEECH_COMMAND": "none",
        "HOTLINE_TWILIO_ACCOUNT_SID": ACCOUNT, "HOTLINE_TWILIO_AUTH_TOKEN": TOKEN,
        "HOTLINE_TWILIO_API_URL": "http://127.0.0.1:1",
    }  # fmt: skip
    service = await Child.start("hotline", "serve", env=environment)
    peer = await Child.start("bench.bare_webhook", house.db.dsn)
    try:
        assert service.process.stdout is not None
        await service.process.stdout.readline()
        bare = await peer.answer()
        async with ClientSession(connector=TCPConnector(limit=0)) as session:
            callers = Callers(session, f"http://{bind}")

            async def insert() -> None:
                params = _params("CA" + secrets.token_hex(16)) | {"Digits": "1"}
                async with session.post(bare, data=params, headers={"X-Twilio-Signature": "x" * 28}) as response:
                    await response.text()

            for _ in range(CALLERS * 8):
                await callers.begin()
            await saturated(callers.step, WARM_SECONDS)
            await saturated(insert, WARM_SECONDS)
            stepped = await saturated(callers.step, seconds)
            peers = await saturated(insert, seconds)
            took = await steady(callers.step, RATE, seconds)
            peer_took = await steady(insert, RATE, seconds)
    finally:
        for child in (service, peer):
            await child.end()
        await house.close()
    return {
        "ours": stepped, "peers": peers, "ratio": stepped / peers, "p50": percentile(took, 0.5),
        "p99": percentile(took, 0.99), "peer99": percentile(peer_took, 0.99),
    }  # fmt: skip


async def main(seconds: int = SECONDS, runs: int = RUNS) -> None:
    """The runs, and their medians."""
    tell(f"voice webhooks: {CALLERS} at once, then {RATE}/s, {seconds} s each; median of {runs}")
    measured = [await one_run(FOLDER / "webhook", seconds) for _ in range(runs)]
    middle = {key: median([run[key] for run in measured]) for key in measured[0]}
    for figure in (
        Figure("webhook: a step of a flow, signed, claimed, committed", middle["ours"], "/s"),
        Figure("bare handler with one insert", middle["peers"], "/s"),
        Figure("webhook / bare", middle["ratio"], "x", least=LEAST_RATIO),
        Figure(f"webhook at {RATE}/s, p50", middle["p50"], "ms"),
        Figure(f"webhook at {RATE}/s, p99", middle["p99"], "ms", MOST_P99),
        Figure(f"bare handler at {RATE}/s, p99", middle["peer99"], "ms"),
    ):
        tell(figure.line())


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
