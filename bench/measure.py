"""What all measurements share: percentiles, medians, memory and processor time of processes, tables."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
#: Seconds after which a silent process fails its measurement.
LONGEST = 180.0
_TICK = os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of all do not exceed; nan for none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def processor_seconds(pid: int) -> float:
    """Processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def memory_bytes(pid: int) -> int:
    """A process's own share of memory: pages shared with others are divided among them (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no Pss in smaps_rollup")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure, with what was promised for it."""

    name: str
    value: float
    unit: str
    most: float | None = None
    least: float | None = None

    def line(self) -> str:
        """``pop p50  6.1 ms  (at most 15 ms: kept)``"""
        promise = ""
        if self.most is not None:
            kept = "kept" if self.value <= self.most else "MISSED"
            promise = f"  (at most {self.most:g} {self.unit}: {kept})"
        if self.least is not None:
            kept = "kept" if self.value >= self.least else "MISSED"
            promise = f"  (at least {self.least:g} {self.unit}: {kept})"
        return f"  {self.name:<58}{self.value:>10.2f} {self.unit}{promise}"


def tell(text: str = "") -> None:
    print(text, flush=True)


class Child:
    """A process of a measurement: told what to do by its arguments, answers in lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, module: str, *arguments: object, env: dict[str, str] | None = None) -> Child:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *map(str, arguments),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 28, env=env,
            cwd=HERE.parent,
        )  # fmt: skip
        return cls(process)

    async def answer(self) -> Any:
        """The next line that the process wrote."""
        assert self.process.stdout is not None
        async with asyncio.timeout(LONGEST):
            line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the measurement ended early")
        return json.loads(line)

    async def say(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        await self.process.stdin.drain()

    async def end(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.wait()


def report(value: object) -> None:
    """A child's answer to its parent."""
    print(json.dumps(value), flush=True)
