"""``hotline serve`` as a process of its own, as an administrator starts it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.conftest import prompts_folder

#: Seconds until a process that does not answer fails its test; a loaded machine needs some.
PATIENCE = 60


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with these settings and no others but the place of the prompts."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
    return {**clean, "HOTLINE_PROMPTS_DIR": str(prompts_folder()), **settings}


async def run_hotline(*arguments: str, settings: Mapping[str, str], stdin: str = "") -> tuple[int, str, str]:
    """Runs a command to its end: exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hotline",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(settings),
    )
    async with asyncio.timeout(PATIENCE):
        out, errors = await process.communicate(stdin.encode())
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


@dataclass
class Served:
    """A running service."""

    process: asyncio.subprocess.Process
    address: str

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends the signal and waits; the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@asynccontextmanager
async def serve(settings: Mapping[str, str]) -> AsyncIterator[Served]:
    """``hotline serve`` while the context is open; it is stopped by its own process id."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hotline",
        "serve",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env=environment({"HOTLINE_HTTP_BIND": "127.0.0.1:0", "HOTLINE_LOG_FORMAT": "json", **settings}),
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("hotline: http://"), line
        yield Served(process, line.removeprefix("hotline: ").strip())
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
