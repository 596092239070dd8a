"""A plain AMI client for the simulator's tests, and its world of three phones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from hotline.simulator.call import Phone
from hotline.simulator.handsets import Simulator
from hotline.simulator.world import Plan

PHONES = tuple(Phone(f"100{n}", f"Agent 100{n}", f"PJSIP/100{n}") for n in (1, 2, 3, 4))
Event = dict[str, str]
#: Every simulator of the running test; tests/unit/simulator/conftest.py closes them.
OPEN: list[Simulator] = []


def simulator(members: int = 2, pace: float = 0.0) -> Simulator:
    """A PBX with four phones, the first ones signed in to the queue."""
    plan = Plan(PHONES, ("support", "sales"), {"9500": "support", "9501": "sales"})
    OPEN.append(Simulator(plan, [("support", phone) for phone in PHONES[:members]], pace))
    return OPEN[-1]


class Client:
    """An AMI connection that keeps everything it reads, in order."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.heard: list[Event] = []
        self._news = asyncio.Event()
        self._serial = 0

    async def __aenter__(self) -> Client:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self.greeting = (await self._reader.readline()).decode().strip()
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        await self._task

    async def _listen(self) -> None:
        try:
            while True:
                block = (await self._reader.readuntil(b"\r\n\r\n")).decode()
                lines = [line.partition(": ") for line in block.strip("\r\n").split("\r\n")]
                self.heard.append({key: value for key, _, value in lines})
                self._news.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.heard.append({"Event": "(closed)"})
            self._news.set()

    def write(self, raw: bytes) -> None:
        self._writer.write(raw)

    async def ask(self, action: str, **headers: str) -> Event:
        """One action; the response with its ActionID."""
        self._serial += 1
        own = f"t{self._serial}"
        lines = [f"Action: {action}", f"ActionID: {own}", *(f"{key}: {value}" for key, value in headers.items())]
        self.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        return await self.hears(lambda e: "Response" in e and e.get("ActionID") == own and "Event" not in e)

    async def log_in(self, simulator: Simulator, **headers: str) -> Event:
        return await self.ask("Login", Username=simulator.user, Secret=simulator.secret, **headers)

    async def hears(self, wanted: Callable[[Event], bool] | str, after: int = 0) -> Event:
        """The first event that fits, already heard or to come within half a minute."""
        fits = wanted if callable(wanted) else (lambda event: event.get("Event") == wanted)
        async with asyncio.timeout(30):
            while True:
                found = next((event for event in self.heard[after:] if fits(event)), None)
                if found is not None:
                    return found
                self._news.clear()
                await self._news.wait()

    def events(self, name: str) -> list[Event]:
        return [event for event in self.heard if event.get("Event") == name]
