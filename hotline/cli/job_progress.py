"""A job that a command started: worked off here, unless a running ``hotline serve`` takes it, and shown as it goes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from uuid import UUID

from hotline.crm.queries.upkeep.background import JobView, get_job
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError
from hotline.workflows import background
from hotline.workflows.background import Kind
from hotline.workflows.house import House

#: Seconds between two looks at the job.
LOOK_SECONDS: Final = 0.5
_OPEN: Final = frozenset({"queued", "running"})


class JobEnded(HotlineError):
    """The job did not come to its end."""

    code = "job_ended"


async def finish(house: House, job_id: UUID, kinds: Mapping[str, Kind], what: str) -> JobView:
    """The job when it is done; a line on stderr shows how far it is. Raises JobEnded when it failed or was stopped."""
    worker = house.spawn(_work(house, kinds), "job-of-this-command")
    try:
        while (job := await get_job(house.db, SYSTEM, job_id)).state in _OPEN:
            _show(job, what)
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(worker), LOOK_SECONDS)
            if worker.done():
                # Nothing to take up: somebody else works on it, or it rests until what it needs is back.
                if worker.cancelled() or worker.exception() is not None or not worker.result():
                    await asyncio.sleep(LOOK_SECONDS)
                worker = house.spawn(_work(house, kinds), "job-of-this-command")
    finally:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker
    _show(job, what, last=True)
    if job.state != "done":
        raise JobEnded(f"{what}: {job.state}{f' ({job.error})' if job.error else ''} after {job.done:,} rows.")
    return job


async def _work(house: House, kinds: Mapping[str, Kind]) -> bool:
    return await background.work(house, kinds)


def _show(job: JobView, what: str, *, last: bool = False) -> None:
    if not sys.stderr.isatty():
        return
    total = f" of about {job.total:,}" if job.total else ""
    left = f", {_clock(job.seconds_left)} left" if job.seconds_left is not None and not last else ""
    refused = f", {job.failed:,} refused" if job.failed else ""
    sys.stderr.write(f"\r\033[K{what}: {job.done:,}{total} rows{refused}{left}{chr(10) if last else ''}")
    sys.stderr.flush()


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02d}"
