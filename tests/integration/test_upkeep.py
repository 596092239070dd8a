"""Upkeep on a real PostgreSQL: what ended long ago goes, what is open or young stays."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest

from hotline.calls.names import call_id
from hotline.calls.story import CallArrived
from hotline.cli import job_progress
from hotline.crm.personal_keys import create_personal_key
from hotline.crm.queries.calls.calls import get_call
from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.jobs import upkeep
from hotline.workflows import background
from hotline.workflows.calls import calls
from hotline.workflows.calls.presence import note_connection
from hotline.workflows.house import House
from hotline.workflows.upkeep.upkeep import keep_house
from tests.waiting import until


async def user(house: House) -> UUID:
    user_id = new_id()
    await house.db.execute("INSERT INTO users (id, login, name, role) VALUES ($1, 'anna', 'Anna', 'agent')", user_id)
    return user_id


async def fill(house: House) -> None:
    """Each kind once too old and once just young enough."""
    owner = await user(house)
    edge = house.clock() - timedelta(days=house.settings.retention_days)
    for at in (edge - timedelta(hours=1), edge + timedelta(hours=1)):
        await house.db.execute(
            """INSERT INTO pbx_command (id, pbx, action, state, expires_at, created_at, finished_at)
               VALUES ($1, 'a', 'hangup', 'done', $2, $2, $2)""",
            new_id(),
            at,
        )
        await house.db.execute(
            """INSERT INTO idempotency_key (user_id, key, fingerprint, subject_id, created_at)
               VALUES ($1, $2, '', $1, $3)""",
            owner,
            str(at),
            at,
        )
        await house.db.execute(
            "INSERT INTO session (id, user_id, token_hash, csrf_token, expires_at) VALUES ($1, $2, $3, '', $4)",
            new_id(),
            owner,
            str(at).encode(),
            at,
        )


async def counts(house: House) -> list[int]:
    return [await house.db.fetchval(f"SELECT count(*) FROM {t}") for t in ("pbx_command", "idempotency_key", "session")]


async def test_what_ended_long_ago_is_forgotten(house: House) -> None:
    await fill(house)
    assert await counts(house) == [2, 2, 2]
    await keep_house(house)
    assert await counts(house) == [1, 1, 1]
    await keep_house(house)
    assert await counts(house) == [1, 1, 1]


async def test_a_command_that_never_finished_stays(house: House) -> None:
    long_ago = house.clock() - timedelta(days=4000)
    await house.db.execute(
        """INSERT INTO pbx_command (id, pbx, action, state, expires_at, created_at)
           VALUES ($1, 'a', 'hangup', 'sent', $2, $2)""",
        new_id(),
        long_ago,
    )
    await keep_house(house)
    assert (await counts(house))[0] == 1


async def test_a_revoked_session_goes_though_it_would_have_lasted(house: House) -> None:
    owner, now = await user(house), house.clock()
    await house.db.execute(
        """INSERT INTO session (id, user_id, token_hash, csrf_token, expires_at, revoked_at)
           VALUES ($1, $2, '', '', $3, $4)""",
        new_id(),
        owner,
        now + timedelta(days=1),
        now - timedelta(days=4000),
    )
    await keep_house(house)
    assert (await counts(house))[2] == 0


async def test_the_job_begins_at_once(house: House) -> None:
    await fill(house)
    task = house.spawn(upkeep.run(house), "upkeep")

    async def tidy() -> bool:
        return await counts(house) == [1, 1, 1]

    await until(tidy)
    task.cancel()


async def test_the_trail_is_never_forgotten(house: House) -> None:
    real = house.clock
    house.clock = lambda: real() - timedelta(days=4000)
    async with house.unit(SYSTEM) as uow:
        uow.audit("user:created", None)
    house.clock = real
    await keep_house(house)
    assert await house.db.fetchval("SELECT count(*) FROM audit_entry") == 1


async def test_calls_of_a_pbx_that_nobody_has_heard_for_a_day_are_over(house: House) -> None:
    now = house.clock()
    for pbx, heard in (("gone", now - timedelta(days=2)), ("here", now)):
        await note_connection(house, pbx, connected=True, version="Asterisk 22")
        await house.db.execute("UPDATE pbx_state SET updated_at = $2 WHERE pbx = $1", pbx, heard)
        at = now - timedelta(days=3)
        await calls.apply(house, pbx, [CallArrived(call_id(pbx, "1.1"), at, "PJSIP/trunk", None, None, False, "4000")])
    await keep_house(house)
    assert await calls.open_calls(house, "gone") == []
    assert len(await calls.open_calls(house, "here")) == 1
    over = await get_call(house.db, house.keyring, SYSTEM, call_id("gone", "1.1"))
    assert (over.state, over.end_seen, over.ended_at) == ("ended", False, now - timedelta(days=2))


async def test_what_callers_keyed_in_goes_with_its_key_and_old_counts_go(house: House) -> None:
    now = house.clock()
    for days, state in ((400, "over"), (400, "queued"), (0, "over")):
        async with house.unit(SYSTEM) as uow:
            key = await create_personal_key(uow)
            await uow.execute(
                """INSERT INTO ivr_session (id, pbx, uniqueid, flow, digest, state, session, facts, sealed, key_id,
                                            updated_at)
                   VALUES ($1, 'main', $2, 'main', '', $3, '{}', '{}', '', $4, $5)""",
                new_id(), f"{days}.{state}", state, key.id, now - timedelta(days=days),
            )  # fmt: skip
        await house.db.execute(
            "INSERT INTO flow_count (flow, version, node, way, day, times) VALUES ('main', 1, 'a', $1, $2, 1)",
            f"{days}.{state}", (now - timedelta(days=days)).date() - timedelta(days=days),
        )  # fmt: skip
    await keep_house(house)
    left = await house.db.fetch("SELECT uniqueid FROM ivr_session ORDER BY uniqueid")
    assert [row["uniqueid"] for row in left] == ["0.over", "400.queued"]
    assert await house.db.fetchval("SELECT count(*) FROM personal_key WHERE wrapped IS NULL") == 1
    assert await house.db.fetchval("SELECT count(*) FROM flow_count") == 1


async def test_a_command_rests_between_looks_at_a_job_that_rests(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    looks = iter(["queued", "queued", "running", "done"])

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    async def nothing_to_do(house: House, kinds: object) -> bool:
        return False

    async def look(*_: object) -> SimpleNamespace:
        return SimpleNamespace(state=next(looks), done=0, total=None, failed=0, error=None, seconds_left=None)

    monkeypatch.setattr(job_progress, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": pause}))
    monkeypatch.setattr(job_progress, "get_job", look)
    monkeypatch.setattr(background, "work", nothing_to_do)
    await job_progress.finish(house, new_id(), {}, "Import")
    assert waited == [job_progress.LOOK_SECONDS] * 3
