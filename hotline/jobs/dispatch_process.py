"""The process that sends campaigns, beside the desk's: started when there is something to send, gone when there is not.
A blast then delays no screen pop, and who has no campaigns pays nothing."""

from __future__ import annotations

import asyncio
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog
from prometheus_client import Gauge

from hotline.errors import HotlineError
from hotline.jobs import dispatch as job
from hotline.workflows.house import House
from hotline.workflows.pushes import dispatch

log = structlog.get_logger(__name__)

UNKNOWN: Final = Gauge("hotline_pushes_unknown", "Messages of campaigns of which nobody knows whether they left.")

#: Seconds between two looks whether there is something to send, when nobody told.
LOOK_SECONDS: Final = 2.0
#: Seconds between two counts of what is unknown.
COUNT_SECONDS: Final = 15.0
#: What is due so soon is reason enough: the process takes a second to start.
SOON: Final = timedelta(seconds=3)
#: Seconds that the process gets to end.
STOP_SECONDS: Final = 10.0
#: Seconds until it is started again after it died, doubled each time; the longest.
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 30.0


async def run(house: House) -> None:
    """Dispatch as HOTLINE_DISPATCH says, until cancelled."""
    counting = house.spawn(_count(house), "dispatch count")
    try:
        where = house.settings.dispatch
        if where == "here":
            await job.run(house, here=True)
        elif where == "child":
            await _Children(house).run()
        else:
            await asyncio.Event().wait()
    finally:
        counting.cancel()


async def _count(house: House) -> None:
    """Keep the measure of what is unknown: the process that sends shows no measures of its own."""
    while True:
        with suppress(HotlineError):
            UNKNOWN.set(await dispatch.count_unknown(house))
        await asyncio.sleep(COUNT_SECONDS)


class _Children:
    def __init__(self, house: House) -> None:
        self._house = house
        self._died = 0

    async def run(self) -> None:
        async with self._house.bus.subscribe(dispatch.TOPIC) as told:
            while True:
                if await dispatch.anything_due(self._house, SOON):
                    await self._one()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await anext(told)
                        told.clear()

    async def _one(self) -> None:
        """One process, from its start to its end."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hotline", "dispatch", "--child"), stdin=PIPE
        )
        log.info("dispatch.started", pid=process.pid)
        try:
            await self._tell(process)
            code = await process.wait()
        finally:
            if process.returncode is None:
                await _end(process)
        if code == 0:
            self._died = 0
            return
        log.error("dispatch.died", pid=process.pid, code=code)
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self._died, 10))
        self._died += 1
        await asyncio.sleep(wait)

    async def _tell(self, process: Process) -> None:
        """The settings of this process, over the pipe, which stays open for as long as this one lives: its end is the
        child's. Its name among the processes is its own."""
        settings = self._house.settings
        own = settings.model_copy(update={"node": f"{settings.node[:80]}-dispatch-{process.pid}"})
        assert process.stdin is not None
        told = pickle.dumps(own)
        process.stdin.write(len(told).to_bytes(4, "big") + told)
        with suppress(BrokenPipeError, ConnectionResetError):
            await process.stdin.drain()


async def _end(process: Process) -> None:
    """Ask it to end; one that does not is ended."""
    if process.stdin is not None:
        process.stdin.close()
    with suppress(ProcessLookupError):
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
