"""An AMI server for load: lets everybody in, answers every action, sends events at a steady rate when told to.

As a process: ``python -m bench.pbx RATE SECONDS``; it writes its port, begins at the word ``go`` and ends by itself.
"""

from __future__ import annotations

import asyncio
import sys
import time

from bench.capture import endless
from bench.measure import report

TICK = 0.004
AT_ONCE = 200


class LoadServer:
    """Answers what a client asks as it signs in; ``writers`` are those who listen to events."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.ready = asyncio.Event()

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while True:
                block = (await reader.readuntil(b"\r\n\r\n")).decode()
                asked = dict(line.split(": ", 1) for line in block.strip().split("\r\n") if ": " in line)
                self._answer(asked, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.writers = [other for other in self.writers if other is not writer]

    def _answer(self, asked: dict[str, str], writer: asyncio.StreamWriter) -> None:
        own = f"ActionID: {asked['ActionID']}\r\n" if "ActionID" in asked else ""
        action = asked.get("Action", "").lower()
        lists = {"coreshowchannels": "CoreShowChannels", "queuestatus": "QueueStatus", "queuesummary": "QueueSummary"}
        if action in lists:
            head = f"Response: Success\r\n{own}EventList: start\r\nMessage: will follow\r\n\r\n"
            tail = f"Event: {lists[action]}Complete\r\n{own}EventList: Complete\r\nListItems: 0\r\n\r\n"
            writer.write((head + tail).encode())
            return
        extra = f"Ping: Pong\r\nTimestamp: {time.time():.6f}\r\n" if action == "ping" else "Message: Success\r\n"
        writer.write(f"Response: Success\r\n{own}{extra}\r\n".encode())
        if action == "login":
            writer.write(
                f"Event: FullyBooted\r\nPrivilege: system,all\r\nTimestamp: {time.time():.6f}\r\n\r\n".encode()
            )
            self.writers.append(writer)
            self.ready.set()

    def send(self, data: bytes) -> None:
        for writer in self.writers:
            writer.write(data)


async def main(rate: int, seconds: float) -> None:
    server = LoadServer()
    report(await server.start())
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    events = endless(AT_ONCE)
    began, sent = time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < seconds:
        due = int(elapsed * rate) - sent
        if due:
            server.send(b"".join(next(events) for _ in range(due)))
            sent += due
        await asyncio.sleep(TICK)
    for writer in server.writers:
        await writer.drain()
    report({"sent": sent, "seconds": time.monotonic() - began})
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
