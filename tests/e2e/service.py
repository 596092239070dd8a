"""``hotline serve`` as its own process (``tests.commands``)."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from tests.commands import Running, hotline, start
from tests.conftest import prompts_folder

START_SECONDS = 120
STOP_SECONDS = 60


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment for a hotline of a test: no setting but these and the place of the prompts."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
    return {**kept, "HOTLINE_PROMPTS_DIR": str(prompts_folder()), **settings}


async def command(settings: Mapping[str, str], *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    """Run ``hotline …`` to its end: exit code, output, errors."""
    place = Path(settings.get("HOTLINE_DATA_DIR") or Path.cwd())
    return await hotline(*arguments, environ=environment(settings), place=place, stdin=stdin)


class Service:
    """One node. It keeps its settings, so that it can be killed and started again."""

    def __init__(self, settings: Mapping[str, str], folder: Path, name: str = "node1") -> None:
        self.settings = {"HOTLINE_HTTP_BIND": "127.0.0.1:0", "HOTLINE_NODE": name, **settings}
        self.url = ""
        self._log = folder / f"{name}.log"
        self._process: Running | None = None

    async def start(self) -> None:
        """Start and wait until it says its address."""
        with self._log.open("ab") as log:
            self._process = await start("serve", environ=environment(self.settings), place=self._log.parent, stderr=log)
        async with asyncio.timeout(START_SECONDS):
            while line := await self._process.stdout.readline():
                if line.startswith(b"hotline: http"):
                    self.url = line.split()[1].decode()
                    return
        await self.kill()
        raise RuntimeError(f"hotline did not start:\n{self.log()[-4000:]}")

    async def stop(self) -> int | None:
        """Ask it to stop (SIGTERM) and wait; its exit code."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
                raise RuntimeError(f"hotline did not stop:\n{self.log()[-4000:]}") from None
        return process.returncode

    def freeze(self) -> None:
        """SIGSTOP: alive, and silent."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """kill -9."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._process = None

    def log(self) -> str:
        """What it logged so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""
