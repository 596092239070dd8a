"""Work that takes longer than a request: started by a person, done by whichever process is free, in committed steps.

A handler works step by step: each step is one unit of work, and ``Run.advance`` inside it keeps how far it came. When
its process dies, another one goes on behind the last step that was committed: nothing is done twice, nothing is left
out. The rights of its starter are read anew whenever it is taken up.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, ClassVar, Final
from uuid import UUID

import structlog

from hotline.crm.commands.upkeep import background as commands
from hotline.crm.commands.upkeep.background import MOST_TRIES, Claim, JobStopped
from hotline.crm.commands.upkeep.idempotency import Idempotency, claim
from hotline.crm.queries.people.identity import viewer_for_user
from hotline.crm.queries.upkeep.background import JobView, get_job
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Forbidden, HotlineError, Invalid, Unavailable
from hotline.workflows.house import House

log = structlog.get_logger(__name__)

#: Seconds between two signs of life of a job whose step takes long: well below the lease.
HEARTBEAT_SECONDS: Final = 5.0
#: Progress is told at most this often.
TELL_SECONDS: Final = 0.5
#: Seconds over which the rate of a job is smoothed.
SMOOTH_SECONDS: Final = 10.0
#: Longest rest of a job while what it needs is away.
LONGEST_PAUSE: Final = timedelta(seconds=60)
#: How long finished work can be undone, unless its kind says otherwise.
UNDO_FOR: Final = timedelta(days=30)

Result = Mapping[str, Any] | None
Handler = Callable[[House, "Run"], Awaitable[Result]]


class StarterGone(Forbidden):
    """Whoever started this job is no longer a user."""

    code: ClassVar[str] = "starter_gone"


class GivenUp(HotlineError):
    """This job brought its process down several times and was given up."""

    code: ClassVar[str] = "given_up"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job. ``right`` is what its starter must hold, when it starts and still when it runs.

    ``run`` answers the job's result: ids, codes and counts. ``undo`` takes back what ``run`` did, in steps as well.
    """

    run: Handler
    right: str
    undo: Handler | None = None
    undo_for: timedelta = UNDO_FOR


class Run:
    """One process's work on a job. ``viewer`` has the rights of who started it as they are now."""

    def __init__(self, claim: Claim, viewer: Viewer) -> None:
        self.job = claim
        self.viewer = viewer
        self._rate: float | None = None
        self._at = monotonic()
        self._told = float("-inf")

    async def advance(
        self,
        uow: UnitOfWork,
        *,
        cursor: Mapping[str, Any] | None,
        done: int = 0,
        failed: int = 0,
        total: int | None = None,
    ) -> None:
        """Keep that this step went through ``done`` more items, ``failed`` of them in vain, and where the next begins.

        The last statement of the step's unit of work. Raises JobStopped, to be let through: the step is undone.
        """
        now = monotonic()
        if done:
            self._measure(done, max(1e-3, now - self._at))
            self._at = now
        tell = now - self._told >= TELL_SECONDS
        if tell:
            self._told = now
        await commands.note_step(
            uow, self.job, cursor=cursor, done=done, total=total, failed=failed, rate=self._rate, tell=tell
        )

    def _measure(self, items: int, seconds: float) -> None:
        rate = items / seconds
        weight = 1 - math.exp(-seconds / SMOOTH_SECONDS)
        self._rate = rate if self._rate is None else self._rate + weight * (rate - self._rate)


async def start(
    house: House,
    viewer: Viewer,
    kind: str,
    params: Mapping[str, Any],
    total: int | None = None,
    idempotency: Idempotency | None = None,
) -> UUID:
    """Start a job; its id. ``params`` hold ids and codes only. The same ``idempotency`` key answers the same job."""
    async with house.unit(viewer) as uow:
        job_id = uow.new_id()
        if (earlier := await claim(uow, idempotency, job_id)) is not None:
            return earlier
        await start_in(uow, kind, params, total, job_id)
    wake(house)
    return job_id


async def start_in(
    uow: UnitOfWork, kind: str, params: Mapping[str, Any], total: int | None = None, job_id: UUID | None = None
) -> UUID:
    """As ``start``, inside the caller's unit of work; ``wake`` afterwards spares the second until the next look."""
    return await commands.create_job(uow, kind, params, total, job_id)


class _Alarm:
    """Wakes the process's own workers; those of others look each second."""


def alarm(house: House) -> asyncio.Event:
    """Set when this process has started a job."""
    found = house.kept.get(_Alarm)
    if not isinstance(found, asyncio.Event):
        found = house.kept[_Alarm] = asyncio.Event()
    return found


def wake(house: House) -> None:
    """Let a worker of this process look for jobs at once."""
    alarm(house).set()


async def cancel(house: House, viewer: Viewer, job_id: UUID, kinds: Mapping[str, Kind]) -> JobView:
    """Stop a job for good; what its steps did so far stays, and can be undone where its kind can be. Raises NotFound,
    and Forbidden for somebody else's whose right the viewer lacks."""
    job = await _steered(house, viewer, job_id, kinds)
    kind = kinds.get(job.kind)
    until = house.clock() + kind.undo_for if kind is not None and kind.undo is not None else None
    async with house.unit(viewer) as uow:
        await commands.stop_job(uow, job_id, pause=False, undo_until=until)
    return await get_job(house.db, viewer, job_id)


async def pause(house: House, viewer: Viewer, job_id: UUID, kinds: Mapping[str, Kind]) -> JobView:
    """Let a job rest until it is resumed. Raises as ``cancel``."""
    await _steered(house, viewer, job_id, kinds)
    async with house.unit(viewer) as uow:
        await commands.stop_job(uow, job_id, pause=True, undo_until=None)
    return await get_job(house.db, viewer, job_id)


async def resume(house: House, viewer: Viewer, job_id: UUID, kinds: Mapping[str, Kind]) -> JobView:
    """Let a resting or failed job go on where it stopped. Raises as ``cancel``."""
    await _steered(house, viewer, job_id, kinds)
    async with house.unit(viewer) as uow:
        await commands.resume_job(uow, job_id)
    wake(house)
    return await get_job(house.db, viewer, job_id)


async def _steered(house: House, viewer: Viewer, job_id: UUID, kinds: Mapping[str, Kind]) -> JobView:
    """A job that the viewer may stop and let go on: their own, and others' of a kind that they might start. Seeing how
    the system does is not enough."""
    job = await get_job(house.db, viewer, job_id)
    if job.created_by != viewer.user_id and (kind := kinds.get(job.kind)) is not None:
        viewer.require(kind.right)
    return job


async def undo(house: House, viewer: Viewer, job_id: UUID, kinds: Mapping[str, Kind]) -> JobView:
    """Take back what a job did, by a job of its own steps. Raises Conflict when that is not possible any more."""
    async with house.unit(viewer) as uow:
        await undo_in(uow, job_id, kinds)
    wake(house)
    return await get_job(house.db, viewer, job_id)


async def undo_in(uow: UnitOfWork, job_id: UUID, kinds: Mapping[str, Kind]) -> None:
    """As ``undo``, inside the caller's unit of work; ``wake`` afterwards spares the second until the next look."""
    job = await get_job(uow, uow.viewer, job_id)
    kind = kinds.get(job.kind)
    if kind is None or kind.undo is None:
        raise Conflict("What this job did cannot be undone.")
    uow.viewer.require(kind.right)
    await commands.start_undo(uow, job_id)


async def work(house: House, kinds: Mapping[str, Kind]) -> bool:
    """Take up the next job that waits and work until it ends; whether there was one."""
    taken = await commands.claim_job(house.db, list(kinds), house.clock())
    if taken is None:
        return False
    try:
        await _work(house, kinds[taken.kind], taken)
    except JobStopped:
        log.info("job.stopped", job_id=str(taken.id), kind=taken.kind)
    except asyncio.CancelledError:
        # This process ends: the next one need not wait for the lease to run out.
        with suppress(Exception):
            async with asyncio.timeout(2):
                await commands.release_claim(house.db, taken)
        raise
    return True


async def _work(house: House, kind: Kind, taken: Claim) -> None:
    try:
        viewer = await _viewer(house, kind, taken)
        if taken.tries > MOST_TRIES:
            raise GivenUp
        result = await _alive(house, taken, kind.undo if taken.undoing else kind.run, Run(taken, viewer))
    except JobStopped:
        raise
    except Unavailable as error:
        if taken.tries >= MOST_TRIES:
            await _end(house, taken, "failed", error=error.code, kind=kind)
            return
        log.warning("job.waiting", job_id=str(taken.id), kind=taken.kind, reason=error.code)
        await commands.postpone(house.db, taken, min(LONGEST_PAUSE, timedelta(seconds=2**taken.tries)))
    except HotlineError as error:
        log.warning("job.failed", job_id=str(taken.id), kind=taken.kind, error=error.code)
        await _end(house, taken, "failed", error=error.code, kind=kind)
    except Exception:
        log.exception("job.failed", job_id=str(taken.id), kind=taken.kind)
        await _end(house, taken, "failed", error="internal", kind=kind)
    else:
        await _end(house, taken, "undone" if taken.undoing else "done", result=result or {}, kind=kind)


async def _viewer(house: House, kind: Kind, taken: Claim) -> Viewer:
    if taken.acting is None:
        return SYSTEM
    viewer = await viewer_for_user(house.db, taken.acting, house.clock(), taken.narrowed_to)
    if viewer is None:
        raise StarterGone
    viewer.require(kind.right)
    return viewer


async def _end(
    house: House, taken: Claim, state: str, *, kind: Kind, result: Result = None, error: str | None = None
) -> None:
    async with house.unit(SYSTEM) as uow:
        undoable = kind.undo is not None and not taken.undoing and state in ("done", "failed")
        until = uow.now + kind.undo_for if undoable else None
        await commands.end_job(uow, taken, state, result=result, error=error, undo_until=until)


async def _alive(house: House, taken: Claim, handler: Handler | None, run: Run) -> Result:
    """The handler's result, with signs of life while a step takes long. A job that was stopped is cut off."""
    if handler is None:
        raise Invalid("What this job did cannot be undone.")

    task: asyncio.Task[tuple[Result, Exception | None]]

    async def outcome() -> tuple[Result, Exception | None]:
        try:
            return await handler(house, run), None
        except Exception as error:
            return None, error

    task = house.spawn(outcome(), f"job-{taken.kind}")
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=HEARTBEAT_SECONDS)
            if not task.done():
                # A database that is away now may be back before the lease ends.
                with suppress(Unavailable):
                    if not await commands.renew_claim(house.db, taken):
                        raise JobStopped
        result, error = task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    if error is not None:
        raise error
    return result
