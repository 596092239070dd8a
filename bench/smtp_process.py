"""The sink of ``bench.smtp_sink`` in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent


class SinkProcess:
    """The sink, in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port

    @classmethod
    async def start(cls, ledger: Path | None = None, *, elsewhere: bool = False) -> SinkProcess:
        """Start one on a free port. ``elsewhere``: it stands for a server that is no burden to this machine, and waits
        where processors are scarce."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.smtp_sink", "0", *((str(ledger),) if ledger else ())),
            stdin=PIPE,
            stdout=PIPE,
            cwd=HERE.parent,
        )
        assert process.stdout is not None
        if elsewhere:
            os.setpriority(os.PRIO_PROCESS, process.pid, 19)
        return cls(process, int(await process.stdout.readline()))

    async def count(self) -> int:
        """Mails that it took so far."""
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: PT018
        self._process.stdin.write(b"count\n")
        await self._process.stdin.drain()
        return int(await self._process.stdout.readline())

    async def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
