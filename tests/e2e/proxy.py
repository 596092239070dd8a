"""A wire that can be cut: a TCP proxy on loopback between hotline and a server."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Proxy:
    """Forwards to ``port``; ``cut`` breaks every connection and lets none in until ``mend``."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = True
        self._cut_after: bytes | None = None
        self.port = 0
        self.cuts = 0

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Break every connection, without a goodbye, and refuse new ones."""
        self._open = False
        self.cuts += 1
        for writer in list(self._writers):
            writer.transport.abort()

    def cut_after(self, text: bytes) -> None:
        """Once the server says ``text``, forward up to its last byte but one, then break; new ones are let in."""
        self._cut_after = text

    def mend(self) -> None:
        """Let connections in again."""
        self._open = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, there_writer}
        for source, sink, watched in ((reader, there_writer, False), (there_reader, writer, True)):
            task = asyncio.create_task(self._copy(source, sink, watched=watched))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, watched: bool) -> None:
        seen = b""
        with suppress(OSError):
            while chunk := await source.read(65536):
                if watched and self._cut_after is not None:
                    seen += chunk
                    if (found := seen.find(self._cut_after)) >= 0:
                        before = len(seen) - len(chunk)
                        sink.write(chunk[: max(0, found + len(self._cut_after) - 1 - before)])
                        await sink.drain()
                        self._cut_after = None
                        self.cut()
                        self.mend()
                        return
                sink.write(chunk)
                await sink.drain()
        sink.transport.abort()
