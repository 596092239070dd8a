"""A FastAGI server that a test leads by hand, and the dialplan that asks it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import TracebackType

from hotline.simulator.handsets import Simulator
from hotline.simulator.inbound import Inbound


@dataclass
class Run:
    """One script's run."""

    environment: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, command: str) -> str:
        """One command; its reply."""
        self.tell(command)
        return await self.hears()

    def tell(self, command: str) -> None:
        self.writer.write(f"{command}\n".encode())

    async def hears(self) -> str:
        """The next line; empty at the end of the connection."""
        async with asyncio.timeout(30):
            return (await self.reader.readline()).decode().rstrip("\n")

    def end(self) -> None:
        self.writer.close()


@dataclass
class Scripts:
    """The server; ``next`` is the next caller who asks."""

    port: int = 0
    _asking: asyncio.Queue[Run] = field(default_factory=asyncio.Queue)
    _runs: list[Run] = field(default_factory=list)

    async def __aenter__(self) -> Scripts:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for run in self._runs:
            run.end()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        text = (await reader.readuntil(b"\n\n")).decode()
        environment = dict(line.split(": ", 1) for line in text.strip().split("\n"))
        run = Run(environment, reader, writer)
        self._runs.append(run)
        await self._asking.put(run)

    async def next(self) -> Run:
        async with asyncio.timeout(30):
            return await self._asking.get()

    @property
    def url(self) -> str:
        return f"agi://127.0.0.1:{self.port}/main/key/flow/main"


@dataclass
class Obedient:
    """The dialplan of tests/rig/scenes: the script's variable NEXT says what follows. ``seconds`` are for queues and
    extensions; ``statuses`` is how the caller came back from each."""

    url: str
    seconds: float = 30.0
    limit: float = 0.0
    statuses: list[str] = field(default_factory=list)
    over: list[Inbound] = field(default_factory=list)

    def script(self, dialled: str) -> str:
        return self.url

    async def run(self, caller: Inbound) -> None:
        while True:
            self.statuses.append(await caller.ask(self.url, self.limit))
            match caller.get("NEXT"):
                case "queue":
                    self.statuses.append(await caller.queue("support", self.seconds))
                case "stay":
                    self.statuses.append(await caller.queue("support", 30.0, stays=True, priority=5))
                case "extension":
                    self.statuses.append(await caller.dial(caller.get("EXTENSION") or "1003", self.seconds))
                case _:
                    return
            caller.set("NEXT", "")

    def announcement(self, delivery: str) -> str:
        return f"{self.url}/push/{delivery}"

    async def announce(self, caller: Inbound) -> None:
        self.statuses.append(await caller.ask(self.announcement(caller.call.delivery), self.limit))

    def gone(self, caller: Inbound) -> None:
        self.over.append(caller)


def obey(sim: Simulator, scripts: Scripts, seconds: float = 30.0, limit: float = 0.0) -> Obedient:
    """Sends the simulator's callers to these scripts."""
    dialplan = Obedient(scripts.url, seconds, limit)
    sim.obey(dialplan)
    return dialplan
