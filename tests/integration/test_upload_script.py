"""The script that sends recordings from the PBX: deletes only what arrived, tries again, gives nothing away."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

SCRIPT: Final = Path(__file__).parents[2] / "dialplans" / "hotline-upload"
SECONDS: Final = 30.0
VOICE: Final = b"RIFF" + bytes(50_000)
TOKEN: Final = "a-very-secret_token.4f3a"


@dataclass
class Receiver:
    """hotline's side: answers with these statuses, the last one for good."""

    statuses: list[int] = field(default_factory=lambda: [201])
    received: list[bytes] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        self.seen += arguments()
        body = await request.read()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status < 300:
            self.received.append(body)
        return web.Response(status=status)


def arguments() -> list[str]:
    """The command lines of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_put("/recordings/{token}", made.take)
    async with TestServer(app) as server:
        made.url = str(server.make_url(f"/recordings/{TOKEN}"))
        yield made


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    made = tmp_path / "spool"
    made.mkdir()
    return made


@pytest.fixture
def environ(tmp_path: Path, spool: Path) -> dict[str, str]:
    """Where pauses take no time, and what is logged is found in a file."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {"sleep": "exec /bin/sleep 0.01", "logger": f'echo "$@" >>{tmp_path}/log'}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    return {"PATH": f"{programs}:{os.environ['PATH']}", "HOTLINE_SPOOL": str(spool)}


def record(spool: Path, url: str, name: str = "one", data: bytes = VOICE) -> Path:
    wav = spool / f"{name}.wav"
    wav.write_bytes(data)
    wav.with_suffix(".url").write_text(url)
    return wav


async def run(environ: dict[str, str], *arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(str(SCRIPT), *arguments, env=environ)
    return await asyncio.wait_for(process.wait(), SECONDS)


def names(spool: Path, pattern: str = "*") -> list[str]:
    """What lies in the spool."""
    return sorted(path.name for path in spool.glob(pattern))


async def empty(spool: Path, pattern: str = "*") -> None:
    """Until nothing like it is left there."""
    async with asyncio.timeout(SECONDS):
        while names(spool, pattern):  # noqa: ASYNC110 - the file system tells nobody
            await asyncio.sleep(0.01)


def read(path: Path) -> str:
    """The text of a file, nothing before it is there."""
    return path.read_text() if path.exists() else ""


async def test_a_recording_is_sent_and_deleted(receiver: Receiver, spool: Path, environ: dict[str, str]) -> None:
    assert await run(environ, str(record(spool, receiver.url))) == 0
    await empty(spool)
    assert receiver.received == [VOICE]
    assert receiver.seen
    assert not [line for line in receiver.seen if TOKEN in line]


async def test_it_is_sent_again_until_hotline_takes_it(
    receiver: Receiver, spool: Path, environ: dict[str, str]
) -> None:
    receiver.statuses = [503, 507, 500, 429, 404, 201]
    assert await run(environ, str(record(spool, receiver.url))) == 0  # Asterisk does not wait for it
    await empty(spool)
    assert receiver.received == [VOICE]


async def test_while_hotline_is_away_the_file_stays(
    receiver: Receiver, spool: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    wav = record(spool, f"http://127.0.0.1:1/recordings/{TOKEN}")
    assert await run(environ, str(wav)) == 0
    async with asyncio.timeout(SECONDS):
        while "gave up" not in read(tmp_path / "log"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await empty(spool, "*.lock")
    assert wav.read_bytes() == VOICE
    assert TOKEN not in (tmp_path / "log").read_text()
    wav.with_suffix(".send").write_text(receiver.url)  # it is back
    assert await run(environ, "--all") == 0
    assert receiver.received == [VOICE]
    assert names(spool) == []


@pytest.mark.parametrize("status", [400, 403, 410, 413, 415, 422])
async def test_what_is_refused_for_good_is_kept_aside(
    receiver: Receiver, spool: Path, environ: dict[str, str], status: int, tmp_path: Path
) -> None:
    receiver.statuses = [status]
    wav = record(spool, receiver.url)
    wav.with_suffix(".url").rename(wav.with_suffix(".send"))
    assert await run(environ, "--all") == 0
    assert names(spool / "refused") == ["one.send", "one.wav"]
    assert (spool / "refused" / "one.wav").read_bytes() == VOICE
    assert str(status) in (tmp_path / "log").read_text()


async def test_a_head_without_sound_is_no_recording(receiver: Receiver, spool: Path, environ: dict[str, str]) -> None:
    assert await run(environ, str(record(spool, receiver.url, data=VOICE[:44]))) == 0
    await empty(spool)
    missing = record(spool, receiver.url, "two")
    missing.unlink()
    assert await run(environ, str(missing)) == 0
    await empty(spool)
    assert receiver.received == []


async def test_what_is_still_being_recorded_is_left_alone(
    receiver: Receiver, spool: Path, environ: dict[str, str]
) -> None:
    running, old = record(spool, receiver.url, "running"), record(spool, receiver.url, "old", VOICE + b"old")
    paused = record(spool, receiver.url, "paused")
    yesterday = time.time() - 2 * 86_400
    for path in (old, old.with_suffix(".url"), paused.with_suffix(".url")):
        os.utime(path, (yesterday, yesterday))
    assert await run(environ, "--all") == 0
    assert receiver.received == [VOICE + b"old"]
    assert running.exists()
    assert paused.exists()


async def test_one_recording_is_sent_by_one_process(receiver: Receiver, spool: Path, environ: dict[str, str]) -> None:
    wav = record(spool, receiver.url)
    wav.with_suffix(".url").rename(wav.with_suffix(".send"))
    lock = wav.with_suffix(".lock")
    lock.symlink_to(str(os.getpid()))
    assert await run(environ, "--all") == 0
    assert names(spool) == ["one.lock", "one.send", "one.wav"]
    over = await asyncio.create_subprocess_exec("/bin/true")
    await over.wait()
    lock.unlink()
    lock.symlink_to(str(over.pid))  # whose process is gone
    assert await run(environ, "--all") == 0
    assert receiver.received == [VOICE]
    assert names(spool) == []


@pytest.mark.parametrize("words", [(), ("one.wav",), ("/etc/passwd",), ("--none",)])
async def test_anything_else_is_told_how_to_use_it(environ: dict[str, str], words: tuple[str, ...]) -> None:
    assert await run(environ, *words) == 2


async def test_a_hostile_name_runs_nothing(receiver: Receiver, spool: Path, environ: dict[str, str]) -> None:
    wav = record(spool, receiver.url, "a b; touch owned; $(touch owned) 'x")
    assert await run(environ, str(wav)) == 0
    await empty(spool)
    assert receiver.received == [VOICE]
    assert read(Path("owned")) == ""
    assert names(Path.cwd(), "owned*") == []
