"""The processes that read an imported file: started, heard in turn, ended."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from typing import ClassVar, Final

from hotline.crm.import_seal import Prepared
from hotline.customers.import_reading import Sample
from hotline.errors import HotlineError, Invalid
from hotline.workflows.customers.import_messages import LENGTH, Ended, Refused, Task, read

#: Seconds until the first rows must be there, and seconds that one step may take.
SAMPLE_SECONDS: Final = 60.0
STEP_SECONDS: Final = 300.0
#: Processes that read one file at once.
MOST_WORKERS: Final = 2
#: Seconds until a reader that was killed must be gone.
_STOP_SECONDS: Final = 10.0
#: Bytes that wait between two processes.
_AHEAD: Final = 4 << 20
#: Largest message of a worker; a step is well below.
_LARGEST: Final = 256 << 20


class ReaderFailed(HotlineError):
    """Reading the file broke the reader; save it anew as CSV in UTF-8 and try again."""

    code: ClassVar[str] = "import_reader_failed"
    status: ClassVar[int] = 422


def workers() -> int:
    """How many processes read a file: one for each processor that this one may use."""
    return max(1, min(MOST_WORKERS, len(os.sched_getaffinity(0))))


async def sampled(task: Task) -> Sample:
    """The first rows of a file. Raises Invalid when it is no table, ReaderFailed when reading it takes too much."""
    async with _worker(task) as process:
        message = await _next(process, SAMPLE_SECONDS)
    if not isinstance(message, Sample):
        raise ReaderFailed()
    return message


async def prepared(task: Task) -> AsyncGenerator[Prepared | Ended, None]:
    """The steps of a file in their order, from several processes in turn; ``Ended`` comes last."""
    count = workers()
    async with _worker(replace(task, share=0, shares=count)) as first:
        if count == 1:
            async with aclosing(_in_turn([first])) as messages:
                async for message in messages:
                    yield message
            return
        async with (
            _worker(replace(task, share=1, shares=count)) as second,
            aclosing(_in_turn([first, second])) as messages,
        ):
            async for message in messages:
                yield message


async def _in_turn(processes: list[asyncio.subprocess.Process]) -> AsyncGenerator[Prepared | Ended, None]:
    turn = 0
    # The next step is taken in while the one before is written.
    ahead = asyncio.create_task(_next(processes[0], STEP_SECONDS))
    try:
        while True:
            message = await ahead
            if not isinstance(message, Prepared | Ended):
                raise ReaderFailed()
            if isinstance(message, Ended):
                yield message
                return
            turn += 1
            ahead = asyncio.create_task(_next(processes[turn % len(processes)], STEP_SECONDS))
            yield message
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)


@asynccontextmanager
async def _worker(task: Task) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", "hotline.workflows.customers.import_worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=_AHEAD,
        start_new_session=True,
    )  # fmt: skip
    try:
        if process.stdin is None:
            raise ReaderFailed()
        data = pickle.dumps(task, pickle.HIGHEST_PROTOCOL)
        # Keys go through this pipe and nowhere else.
        with suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(LENGTH.pack(len(data)) + data)
            await process.stdin.drain()
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        # Whoever is in a hurry to end (a second cancellation) leaves no process behind that nobody waits for.
        await asyncio.shield(asyncio.create_task(_gone(process)))


async def _gone(process: asyncio.subprocess.Process) -> None:
    """Wait for a reader that was killed."""
    # Not wait(): while more was ahead than is buffered, reading pauses, the pipe's end is never seen, and wait()
    # never answers. This reads what is left.
    with suppress(TimeoutError):
        async with asyncio.timeout(_STOP_SECONDS):
            await process.communicate()


async def _next(process: asyncio.subprocess.Process, seconds: float) -> object:
    if process.stdout is None:
        raise ReaderFailed()
    try:
        async with asyncio.timeout(seconds):
            (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
            if length > _LARGEST:
                raise ReaderFailed()
            data = await process.stdout.readexactly(length)
    except (TimeoutError, asyncio.IncompleteReadError):
        raise ReaderFailed() from None
    message = read(data)
    if isinstance(message, Refused):
        raise Invalid(message.detail)
    return message
