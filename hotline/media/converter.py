"""Keeps the converting process: started when it is needed, ended when it hangs, started anew when it breaks."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hotline.media.errors import FULL, NoRoom, NotSound, SpeechFailed

#: Longest prompt, in seconds.
LONGEST: Final = 300.0

#: Seconds that one file may take.
SECONDS: Final = 30.0


class Converter:
    """One file at a time; whoever waits comes in order."""

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def convert(self, source: Path, targets: Mapping[int, Path], *, longest: float = LONGEST) -> float:
        """Write ``source`` as a prompt at each rate to its target; its seconds.

        Raises NotSound for a file that makes no prompt, NoRoom for a full disk.
        """
        job = {
            "source": str(source),
            "targets": {str(rate): str(path) for rate, path in targets.items()},
            "most_seconds": longest,
        }
        async with self._turn:
            answer = await self._ask(json.dumps(job).encode() + b"\n")
        if "seconds" in answer:
            return float(answer["seconds"])
        if "unusable" in answer:
            raise NotSound(f"sound: {answer['unusable']}")
        if answer.get("errno") in FULL:
            raise NoRoom()
        raise SpeechFailed(f"A prompt could not be written ({os.strerror(int(answer.get('errno') or 0))}).")

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ask(self, line: bytes) -> dict[str, Any]:
        for attempt in (1, 2):
            process = await self._started()
            if process.stdin is None or process.stdout is None:
                raise SpeechFailed()
            try:
                async with asyncio.timeout(self._seconds):
                    process.stdin.write(line)
                    await process.stdin.drain()
                    told = await process.stdout.readline()
            except TimeoutError:
                await self.close()
                raise NotSound("sound: it takes too long to read") from None
            except asyncio.CancelledError:
                await self.close()  # its answer would be taken for the next one's
                raise
            except (BrokenPipeError, ConnectionResetError):
                told = b""
            if told.endswith(b"\n"):
                answer: dict[str, Any] = json.loads(told)
                return answer
            ended = await process.wait()
            self._process = None
            if attempt == 2 or ended != 0:  # 0: it had been idle and ended just as we asked
                raise NotSound("sound: reading it broke the reader")
        raise SpeechFailed()

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-u", "-m", "hotline.media.convert",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
            with suppress(OSError, ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, 5)
        return self._process
