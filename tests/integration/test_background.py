"""Jobs in the background: claimed once, resumed at the last step, stopped, undone, with the rights of the moment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.clock import utc_now
from hotline.crm.commands.upkeep import background as commands
from hotline.crm.commands.upkeep.background import JobStopped, TooManyJobs
from hotline.crm.queries.upkeep.background import get_job, list_jobs
from hotline.crm.viewer import SYSTEM, Viewer, viewer_of
from hotline.errors import Conflict, Forbidden, NotFound, Unavailable
from hotline.events import user_mark
from hotline.ids import new_id
from hotline.workflows import background
from hotline.workflows.background import Kind, Run
from hotline.workflows.house import House
from hotline.workflows.people.users import disable_user, update_user
from tests.integration.people import add_user

STEPS = 5


class Killed(BaseException):
    """As if the process had died here."""


async def count(house: House, run: Run) -> Mapping[str, Any]:
    """Writes an audit entry for each step from where it stood."""
    for at in range((run.job.cursor or {}).get("at", 0), STEPS):
        await step(house, run, at)
    return {"counted": STEPS}


async def step(house: House, run: Run, at: int, *, die: bool = False) -> None:
    async with house.unit(run.viewer) as uow:
        uow.audit("test:counted", run.job.id, at=at)
        await run.advance(uow, cursor={"at": at + 1}, done=1, total=STEPS)
        if die:
            raise Killed


async def uncount(house: House, run: Run) -> None:
    async with house.unit(run.viewer) as uow:
        uow.audit("test:uncounted", run.job.id)
        await run.advance(uow, cursor={}, done=run.job.total or 0)


def kinds(handler: background.Handler = count, right: str = "customers.batch") -> dict[str, Kind]:
    return {"count": Kind(handler, right, undo=uncount)}


async def started(house: House, viewer: Viewer) -> UUID:
    return await background.start(house, viewer, "count", {}, STEPS)


async def counted(house: House, job_id: UUID) -> list[int]:
    rows = await house.db.fetch(
        "SELECT data FROM audit_entry WHERE action = 'test:counted' AND subject_id = $1 ORDER BY id", job_id
    )
    return [row["data"]["at"] for row in rows]


@pytest.fixture
async def boss(house: House) -> Viewer:
    return await add_user(house, "boss", "supervisor")


async def test_a_job_runs_once_and_tells_its_starter(house: House, boss: Viewer) -> None:
    job_id = await started(house, boss)
    assert await background.work(house, kinds())
    assert not await background.work(house, kinds())
    job = await get_job(house.db, boss, job_id)
    assert (job.state, job.done, job.total, job.failed) == ("done", STEPS, STEPS, 0)
    assert job.result == {"counted": STEPS}
    assert job.undo_until is not None
    assert job.seconds_left is None
    assert await counted(house, job_id) == list(range(STEPS))
    events = await house.db.fetch("SELECT audience, data FROM outbox WHERE type = 'job.updated' ORDER BY id")
    assert (events[0]["data"]["state"], events[-1]["data"]["state"]) == ("queued", "done")
    assert {tuple(event["audience"]) for event in events} == {(user_mark(boss.user_id or UUID(int=0)),)}


async def test_two_processes_share_the_jobs(house: House, boss: Viewer) -> None:
    jobs = [await started(house, boss) for _ in range(4)]
    await asyncio.gather(*(background.work(house, kinds()) for _ in range(4)))
    for job_id in jobs:
        assert await counted(house, job_id) == list(range(STEPS))


@pytest.mark.parametrize("at", range(STEPS))
async def test_a_killed_job_goes_on_behind_its_last_step(house: House, boss: Viewer, at: int) -> None:
    job_id = await started(house, boss)
    taken = await commands.claim_job(house.db, ["count"], house.clock())
    assert taken is not None
    run = Run(taken, boss)
    for before in range(at):
        await step(house, run, before)
    with pytest.raises(Killed):  # between the work and the commit
        await step(house, run, at, die=True)
    assert not await background.work(house, kinds())  # its lease still holds
    await house.db.execute("UPDATE background_job SET lease_until = clock_timestamp()")
    assert await background.work(house, kinds())
    assert await counted(house, job_id) == list(range(STEPS))
    assert (await get_job(house.db, boss, job_id)).done == STEPS
    # Whoever slept through the end of its lease writes nothing more.
    with pytest.raises(JobStopped):
        await step(house, run, 99)
    assert await counted(house, job_id) == list(range(STEPS))


async def test_a_job_is_stopped_between_two_steps_and_its_work_undone(house: House, boss: Viewer) -> None:
    job_id = await started(house, boss)

    async def stopped(house: House, run: Run) -> None:
        async with house.unit(run.viewer) as uow:
            uow.audit("test:counted", run.job.id, at=0)
            await run.advance(uow, cursor={"at": 1}, done=1)
        await background.cancel(house, boss, job_id, kinds())
        await count(house, run)

    assert await background.work(house, kinds(stopped))
    job = await get_job(house.db, boss, job_id)
    assert (job.state, job.done) == ("cancelled", 1)
    with pytest.raises(Conflict):
        await background.cancel(house, boss, job_id, kinds())
    assert (await background.undo(house, boss, job_id, kinds())).undoing
    with pytest.raises(Conflict):  # half a way back is nothing that anybody asked for
        await background.cancel(house, boss, job_id, kinds())
    assert await background.work(house, kinds())
    job = await get_job(house.db, boss, job_id)
    assert (job.state, job.done, job.undo_until) == ("undone", 1, None)
    with pytest.raises(Conflict):
        await background.undo(house, boss, job_id, kinds())


async def test_a_job_rests_and_goes_on(house: House, boss: Viewer) -> None:
    job_id = await started(house, boss)
    assert (await background.pause(house, boss, job_id, kinds())).state == "paused"
    assert not await background.work(house, kinds())
    assert (await background.resume(house, boss, job_id, kinds())).state == "queued"
    assert await background.work(house, kinds())
    assert (await get_job(house.db, boss, job_id)).state == "done"


async def test_undo_has_an_end(house: House, boss: Viewer) -> None:
    job_id = await started(house, boss)
    await background.work(house, kinds())
    house.clock = lambda: utc_now() + timedelta(days=31)
    with pytest.raises(Conflict):
        await background.undo(house, boss, job_id, kinds())


async def test_the_rights_are_those_of_the_moment_when_it_runs(house: House, boss: Viewer) -> None:
    first, second = await started(house, boss), await started(house, boss)
    assert boss.user_id is not None
    await update_user(house, SYSTEM, boss.user_id, {"role": "agent"})
    await background.work(house, kinds())
    job = await get_job(house.db, boss, first)
    assert (job.state, job.error) == ("failed", "forbidden")
    await disable_user(house, SYSTEM, boss.user_id)
    await background.work(house, kinds())
    assert (await get_job(house.db, boss, second)).error == "starter_gone"


async def test_a_token_s_job_may_no_more_than_the_token(house: House, boss: Viewer) -> None:
    token = Viewer(boss.user_id, "token", frozenset({"customers.read", "customers.batch"}))
    seen: list[Viewer] = []

    async def look(house: House, run: Run) -> None:
        seen.append(run.viewer)

    await started(house, token)
    await background.work(house, kinds(look))
    assert seen[0].permissions == {"customers.read", "customers.batch"}
    assert "phone" in seen[0].masks


async def test_what_is_away_is_waited_for_and_has_an_end(house: House, boss: Viewer) -> None:
    async def away(house: House, run: Run) -> None:
        raise Unavailable()

    job_id = await started(house, boss)
    tries = 0
    while (await get_job(house.db, boss, job_id)).state != "failed":
        assert await background.work(house, kinds(away))
        await house.db.execute("UPDATE background_job SET lease_until = clock_timestamp()")
        tries += 1
    assert tries == commands.MOST_TRIES
    assert (await get_job(house.db, boss, job_id)).error == "unavailable"
    assert (await background.resume(house, boss, job_id, kinds())).error is None
    await background.work(house, kinds())
    assert (await get_job(house.db, boss, job_id)).state == "done"


async def test_a_defect_fails_the_job_and_not_the_worker(house: House, boss: Viewer) -> None:
    async def broken(house: House, run: Run) -> None:
        raise ZeroDivisionError

    job_id = await started(house, boss)
    assert await background.work(house, kinds(broken))
    assert (await get_job(house.db, boss, job_id)).error == "internal"


async def test_a_job_that_takes_its_process_down_is_given_up(house: House, boss: Viewer) -> None:
    job_id = await started(house, boss)
    for _ in range(commands.MOST_TRIES):
        assert await commands.claim_job(house.db, ["count"], house.clock()) is not None
        await house.db.execute("UPDATE background_job SET lease_until = clock_timestamp()")
    assert await background.work(house, kinds())
    assert (await get_job(house.db, boss, job_id)).error == "given_up"
    assert await counted(house, job_id) == []


async def test_one_s_own_jobs_only(house: House, boss: Viewer) -> None:
    anna = await add_user(house, "anna")
    mine = await started(house, boss)
    theirs = await started(house, anna)
    with pytest.raises(NotFound):
        await get_job(house.db, anna, mine)
    assert [job.id for job in await list_jobs(house.db, anna, limit=10, everybody=True)] == [theirs]
    assert [job.id for job in await list_jobs(house.db, boss, limit=10)] == [mine]
    assert [job.id for job in await list_jobs(house.db, boss, limit=10, everybody=True)] == [theirs, mine]
    # Whoever sees the system's health steers others' jobs only where they might start such a job.
    watcher = viewer_of(new_id(), frozenset({"system.read"}))
    for steer in (background.pause, background.resume, background.cancel):
        with pytest.raises(NotFound):
            await steer(house, anna, mine, kinds())
        with pytest.raises(Forbidden):
            await steer(house, watcher, mine, kinds())
    assert (await background.pause(house, boss, theirs, kinds())).state == "paused"
    assert (await background.resume(house, anna, theirs, kinds())).state == "queued"
    await background.work(house, kinds())
    await background.work(house, kinds())
    job = await get_job(house.db, anna, theirs)
    assert (job.state, job.error) == ("failed", "forbidden")  # agents change no customers by the thousand
    done = await get_job(house.db, anna, theirs)
    with pytest.raises((Forbidden, Conflict)):
        await background.undo(house, anna, done.id, kinds())


async def test_nobody_fills_the_queue(house: House, boss: Viewer) -> None:
    for _ in range(commands.MOST_OPEN):
        await started(house, boss)
    with pytest.raises(TooManyJobs):
        await started(house, boss)
