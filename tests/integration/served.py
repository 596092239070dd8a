"""``hotline serve`` as a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.commands import Running, clean_environment, hotline, start
from tests.conftest import prompts_folder

#: Seconds until a process that does not answer fails its test; a loaded machine needs some.
PATIENCE = 60


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with these settings and no others but the place of the prompts."""
    return {**clean_environment(), "HOTLINE_PROMPTS_DIR": str(prompts_folder()), **settings}


async def run_hotline(*arguments: str, settings: Mapping[str, str], stdin: str = "") -> tuple[int, str, str]:
    """Runs a command to its end: exit code, output, errors."""
    return await hotline(*arguments, environ=environment(settings), place=Path.cwd(), stdin=stdin)


@dataclass
class Served:
    """A running service."""

    process: Running | asyncio.subprocess.Process
    address: str

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends the signal and waits; the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@asynccontextmanager
async def serve(settings: Mapping[str, str], *, anew: bool = False) -> AsyncIterator[Served]:
    """``hotline serve`` while the context is open; it is stopped by its own process id. ``anew``: by a Python of its
    own, as an administrator starts it, which takes longer."""
    given = environment({"HOTLINE_HTTP_BIND": "127.0.0.1:0", "HOTLINE_LOG_FORMAT": "json", **settings})
    process = await (_anew(given) if anew else start("serve", environ=given, place=Path.cwd()))
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


async def _anew(environ: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hotline", "serve"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env=environ,
    )
