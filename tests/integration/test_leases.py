"""Leases on a real PostgreSQL: one holder, a token that grows, the database's clock."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hotline.crm import leases
from hotline.crm.database import Database
from hotline.crm.leases import LeaseLost
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House

LONG = timedelta(minutes=5)
OVER = timedelta(seconds=-1)


async def test_one_of_many_gets_it(db: Database) -> None:
    taken = await asyncio.gather(*(leases.acquire(db, "pbx:a", f"node{n}", LONG) for n in range(20)))
    winners = [lease for lease in taken if lease is not None]
    assert len(winners) == 1
    assert await leases.holder_of(db, "pbx:a") == winners[0].holder


async def test_leases_do_not_disturb_each_other(db: Database) -> None:
    assert await leases.acquire(db, "pbx:a", "one", LONG)
    assert await leases.acquire(db, "pbx:b", "two", LONG)


async def test_the_next_holder_after_the_end_has_a_greater_token(db: Database) -> None:
    first = await leases.acquire(db, "pbx:a", "one", OVER)
    second = await leases.acquire(db, "pbx:a", "two", LONG)
    assert first is not None
    assert second is not None
    assert second.token > first.token
    assert await leases.renew(db, first, LONG) is None
    await leases.release(db, first)  # a late release by the loser changes nothing
    assert await leases.holder_of(db, "pbx:a") == "two"


async def test_a_lease_of_a_clock_that_was_put_back_holds_nobody_up(db: Database) -> None:
    assert await leases.acquire(db, "pbx:a", "dead", LONG)
    await db.execute("UPDATE lease SET until = until + interval '1 hour'")
    assert await leases.acquire(db, "pbx:a", "two", LONG)


async def test_renewing_keeps_the_token(db: Database) -> None:
    lease = await leases.acquire(db, "pbx:a", "one", timedelta(seconds=30))
    assert lease is not None
    renewed = await leases.renew(db, lease, LONG)
    assert renewed is not None
    assert renewed.token == lease.token
    assert renewed.until > lease.until
    assert await leases.acquire(db, "pbx:a", "two", LONG) is None


async def test_a_released_lease_is_free_at_once_and_its_token_goes_on(db: Database) -> None:
    first = await leases.acquire(db, "pbx:a", "one", LONG)
    assert first is not None
    await leases.release(db, first)
    assert await leases.holder_of(db, "pbx:a") is None
    assert await leases.renew(db, first, LONG) is None
    second = await leases.acquire(db, "pbx:a", "two", LONG)
    assert second is not None
    assert second.token > first.token


async def test_a_process_that_comes_back_takes_its_own_lease_with_a_new_token(db: Database) -> None:
    first = await leases.acquire(db, "pbx:a", "one", LONG)
    again = await leases.acquire(db, "pbx:a", "one", LONG)
    assert first is not None
    assert again is not None
    assert again.token == first.token + 1


async def test_a_sleeper_cannot_write_after_another_took_over(house: House) -> None:
    sleeper = await leases.acquire(house.db, "pbx:a", "one", OVER)
    assert sleeper is not None
    await leases.acquire(house.db, "pbx:a", "two", LONG)
    with pytest.raises(LeaseLost):
        async with house.unit(SYSTEM) as uow:
            await leases.check(uow, sleeper)


async def test_the_holder_may_write(house: House) -> None:
    lease = await leases.acquire(house.db, "pbx:a", "one", LONG)
    assert lease is not None
    async with house.unit(SYSTEM) as uow:
        await leases.check(uow, lease)
        uow.audit("pbx:changed", None)
    assert await house.db.fetchval("SELECT count(*) FROM audit_entry") == 1
