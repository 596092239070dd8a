"""A mail relay that takes everything and keeps nothing but a count, or a ledger: what benchmarks and hard days send to.

As fast as such a thing gets in Python: one protocol, no parsing of what was sent. ``python -m bench.smtp_sink PORT
[LEDGER]`` serves on loopback; a line ``count`` on its standard input is answered with the mails taken so far.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import IO

import uvloop

_RECIPIENT = re.compile(rb"^RCPT TO:<([^>]*)>", re.IGNORECASE)


class Sink:
    """What the connections share."""

    def __init__(self, ledger: IO[bytes] | None = None) -> None:
        self.taken = 0
        self.ledger = ledger


class SinkProtocol(asyncio.Protocol):
    """One connection; commands may come in one packet (PIPELINING, RFC 2920)."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._buffer = b""
        self._data = False
        self._to = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(b"220 sink\r\n")  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        out = []
        while True:
            if self._data:
                end = self._buffer.find(b"\r\n.\r\n")
                if end < 0:
                    break
                self._buffer = self._buffer[end + 5 :]
                self._data = False
                self._sink.taken += 1
                if self._sink.ledger is not None:
                    self._sink.ledger.write(self._to + b"\n")
                    self._sink.ledger.flush()
                out.append(b"250 2.0.0 taken\r\n")
                continue
            end = self._buffer.find(b"\r\n")
            if end < 0:
                break
            line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
            out.append(self._answer(line))
        if out:
            self._transport.write(b"".join(out))  # type: ignore[attr-defined]

    def _answer(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"DATA":
            self._data = True
            # The end may stand right after the start of an empty mail.
            self._buffer = b"\r\n" + self._buffer if self._buffer.startswith(b".\r\n") else self._buffer
            return b"354 go on\r\n"
        if verb == b"EHLO":
            return b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 50000000\r\n"
        if verb == b"RCPT":
            found = _RECIPIENT.match(line)
            self._to = found[1] if found else b""
        if verb == b"QUIT":
            return b"221 bye\r\n"
        return b"250 2.0.0 ok\r\n"


async def serve(port: int, ledger: Path | None) -> None:
    """Serve until the standard input ends."""
    loop = asyncio.get_running_loop()
    file = ledger.open("ab") if ledger is not None else None
    sink = Sink(file)
    server = await loop.create_server(lambda: SinkProtocol(sink), "127.0.0.1", port)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip() == "count":
            sys.stdout.write(f"{sink.taken}\n")
            sys.stdout.flush()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
