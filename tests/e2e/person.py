"""Somebody who uses hotline from outside: the API and its stream of events with a token of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp

Body = dict[str, Any]
WAIT_SECONDS = 60
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Heard:
    """One event of the stream."""

    id: str
    type: str
    data: Body


@dataclass
class Person:
    """A user of hotline. ``url`` may be another node's from one request to the next."""

    login: str
    token: str
    url: str
    session: aiohttp.ClientSession
    heard: list[Heard] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _listening: asyncio.Task[None] | None = None

    async def ask(self, method: str, path: str, body: object = None, *, status: int | None = None) -> Any:
        """The JSON answer of ``/api/v1``."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.session.request(method, f"{self.url}/api/v1{path}", json=body, headers=headers) as answer:
            text = await answer.text()
            if status is None:
                assert answer.status < 400, f"{method} {path}: {answer.status} {text}"
            else:
                assert answer.status == status, f"{method} {path}: {answer.status} {text}"
            return json.loads(text) if text else None

    async def get(self, path: str) -> Any:
        """GET."""
        return await self.ask("GET", path)

    async def post(self, path: str, body: object, *, status: int | None = None) -> Any:
        """POST."""
        return await self.ask("POST", path, body, status=status)

    async def calls(self) -> list[Body]:
        """The calls that this person may see, the newest first."""
        items: list[Body] = (await self.get("/calls"))["items"]
        return items

    async def call(self, fits: Callable[[Body], bool], what: str) -> Body:
        """The first call that fits, as soon as there is one."""

        async def look() -> Body | None:
            return next((call for call in await self.calls() if fits(call)), None)

        return await soon(look, what)

    async def listen(self, *, last_id: str | None = None) -> None:
        """Open the event stream and wait for its snapshot; it opens again by itself when it breaks."""
        assert self._listening is None
        before = len(self.heard)
        self._listening = asyncio.create_task(self._stream(last_id))
        await self.hears("snapshot", after=before)

    async def deaf(self) -> None:
        """Close the stream."""
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening
            self._listening = None

    async def hears(self, kind: str, fits: Callable[[Body], bool] = lambda _: True, *, after: int = 0) -> Body:
        """The first event of this kind that fits, past (from ``after`` on) or to come."""

        def found() -> Heard | None:
            return next((each for each in self.heard[after:] if each.type == kind and fits(each.data)), None)

        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: found() is not None), WAIT_SECONDS)
            except TimeoutError:
                told = [(each.type, each.data.get("call_id")) for each in self.heard]
                raise AssertionError(f"{self.login} did not hear {kind}; heard {told}") from None
        event = found()
        assert event is not None
        return event.data

    def offers(self, call_id: str | None = None) -> list[Body]:
        """The pops so far, each once."""
        seen = {
            each.data["event_id"]: each.data
            for each in self.heard
            if each.type == "call.offered" and call_id in (None, each.data["call_id"])
        }
        return list(seen.values())

    def told(self, kind: str) -> list[Body]:
        """The data of all events of a kind so far."""
        return [each.data for each in self.heard if each.type == kind]

    async def _stream(self, last_id: str | None) -> None:
        while True:
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                last_id = await self._read(last_id)
            await asyncio.sleep(0.1)  # as a browser does before it connects again

    async def _read(self, last_id: str | None) -> str | None:
        headers = {"Authorization": f"Bearer {self.token}"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        kind, event_id, lines = "message", last_id, list[str]()
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
        async with self.session.get(f"{self.url}/api/v1/events", headers=headers, timeout=timeout) as stream:
            if stream.status != 200:
                return last_id
            async for raw in stream.content:
                line = raw.decode().rstrip("\r\n")
                if line.startswith("event:"):
                    kind = line[6:].strip()
                elif line.startswith("id:"):
                    event_id = line[3:].strip()
                elif line.startswith("data:"):
                    lines.append(line[5:].removeprefix(" "))
                elif not line and lines:
                    async with self._changed:
                        self.heard.append(Heard(event_id or "", kind, json.loads("\n".join(lines))))
                        self._changed.notify_all()
                    kind, lines = "message", []
        return event_id


async def soon(look: Callable[[], Awaitable[T | None]], what: str) -> T:
    """The first answer of ``look`` that is something; ``what`` names it in the error."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_SECONDS
    while True:
        found = await look()
        if found:
            return found
        if loop.time() > deadline:
            raise AssertionError(f"it did not come to this: {what}")
        await asyncio.sleep(0.05)
