"""How campaigns grow: what a delivery costs, and its lists and counts, with up to 5,000,000 in the tables.

``python -m bench.deliveries [MOST]``. The deliveries of former occurrences are written by SQL; then, at each size,
some thousands leave by the same whole path as in ``bench.email``, over a channel that takes everything at once, so that
it is the records that are measured; once more statement by statement; and the pages are read that people read. A curve
that stays level means that N deliveries take N times as long as one; counts of a whole campaign read all of it.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import uvloop
from pydantic import SecretStr

from bench import blast
from bench.measure import tell
from bench.pop import FOLDER
from hotline import logs
from hotline.crm.commands.pushes import push_claims, push_results
from hotline.crm.queries.campaigns.ledger import LedgerFilter, list_deliveries
from hotline.crm.queries.campaigns.results import count_results
from hotline.crm.sql_ids import UUID7
from hotline.crm.viewer import SYSTEM
from hotline.jobs.dispatch import Dispatcher
from hotline.settings import EMBEDDED, load_settings
from hotline.workflows.house import House, open_house
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.push_channels import Push, PushChannel

MOST, SAMPLE, PEOPLE = 5_000_000, 5_000, 100_000
STEPS: Final = (100_000, 1_000_000, 5_000_000)
#: As dispatching takes and begins them.
_TAKEN, _BEGUN = 300, 60


async def _take(house: House, push: Push) -> Accepted:
    await asyncio.sleep(0)
    return Accepted("taken", None, "sent")


async def release(house: House, campaign_id: UUID, occurrence: int, count: int, state: str) -> None:
    """A delivery more for so many people; of those that were sent one in a thousand failed."""
    async with house.long_unit(SYSTEM) as uow:
        await uow.execute(
            f"""INSERT INTO delivery (id, campaign_id, manifest_id, occurrence, customer_id, contact_point_id, channel,
                    state, due_at, expires_at, released_at, sent_at, attempts)
                SELECT {UUID7}, c.id, c.manifest_id, $2, p.customer_id, p.id, 'email',
                    CASE WHEN $6 = 'sent' AND row_number() OVER () % 1000 = 0 THEN 'permanent_failure'
                         ELSE $6::text END,
                    $3, $4, $3, CASE WHEN $6 = 'sent' THEN $3::timestamptz END, CASE WHEN $6 = 'sent' THEN 1 ELSE 0 END
                FROM campaign c, (
                    SELECT id, customer_id FROM contact_point WHERE kind = 'email' ORDER BY customer_id LIMIT $5
                ) AS p WHERE c.id = $1 ORDER BY p.customer_id""",
            *(campaign_id, occurrence, uow.now, uow.now + timedelta(hours=24), count, state),
        )


async def whole_path(house: House, campaign_id: UUID) -> float:
    """Send what waits by the dispatcher; how many in a second."""
    dispatcher = Dispatcher(house, {"email": PushChannel(send=_take, at_once=lambda _house: 10)})
    waits = "SELECT EXISTS (SELECT 1 FROM delivery WHERE campaign_id = $1 AND state IN ('queued', 'sending'))"
    began = time.perf_counter()
    task = house.spawn(dispatcher.run(), "dispatch")
    try:
        async with asyncio.timeout(300):
            while await house.db.fetchval(waits, campaign_id):  # noqa: ASYNC110  # the fact is in the database
                await asyncio.sleep(0.05)
        return SAMPLE / (time.perf_counter() - began)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def statements(house: House, campaign_id: UUID) -> dict[str, float]:
    """Send what waits by its statements alone, one after the other; microseconds of each for a delivery."""
    took = {"claim": 0.0, "begin": 0.0, "note": 0.0}

    async def timed(name: str, work: Awaitable[Any]) -> Any:
        began = time.perf_counter()
        found = await work
        took[name] += time.perf_counter() - began
        return found

    while True:
        lease, node, now = house.new_id(), "bench", house.clock()
        taken = await timed("claim", push_claims.claim(house.db, [campaign_id], now, _TAKEN, lease, node))
        if not taken:
            return {name: 1e6 * seconds / SAMPLE for name, seconds in took.items()}
        for at in range(0, len(taken), _BEGUN):
            some = taken[at : at + _BEGUN]
            wanted = [push_claims.Beginning(each.id, each.person_id, None, "en", "marketing", lease) for each in some]
            tries = await timed("begin", push_claims.begin(house.db, wanted, now, node))
            results = [push_results.Noted(each.id, tries[each.id], now, "sent", "sent") for each in some]
            await timed("note", push_results.note(house.db, results, house.clock()))


async def pages(house: House, former: UUID) -> dict[str, float]:
    """Milliseconds of what people read: the slower of two looks at each."""
    some = await house.db.fetchrow("SELECT id, customer_id FROM delivery WHERE campaign_id = $1 OFFSET 50000", former)
    assert some is not None
    looks: dict[str, Any] = {
        "ledger": (LedgerFilter(campaign_id=former), None),
        "behind 50,000": (LedgerFilter(campaign_id=former), some["id"]),
        "its failures": (LedgerFilter(campaign_id=former, states=("permanent_failure",)), None),
        "all": (LedgerFilter(), None),
        "all unknown": (LedgerFilter(states=("unknown",)), None),
        "a customer's": (LedgerFilter(customer_id=some["customer_id"]), None),
    }
    took = {}
    for name, (chosen, after) in looks.items():
        took[name] = 0.0
        for _ in range(2):
            began = time.perf_counter()
            await list_deliveries(house.db, house.keyring, SYSTEM, chosen, limit=51, after=after)
            took[name] = max(took[name], 1000 * (time.perf_counter() - began))
    began = time.perf_counter()
    await count_results(house.db, SYSTEM, former)
    return took | {"results counted": 1000 * (time.perf_counter() - began)}


async def main(most: int = MOST) -> None:
    """The curve."""
    settings: Any = load_settings({}, None).model_copy(
        update={"data_dir": FOLDER / "deliveries", "database_url": SecretStr(EMBEDDED)}
    )
    house = await open_house(settings, migrate=True)
    try:
        have = int(await house.db.fetchval("SELECT count(*) FROM contact_point WHERE kind = 'email'"))
        if have < PEOPLE:
            await blast.people(house, PEOPLE - have, first=have)
        await house.db.execute("TRUNCATE delivery, delivery_attempt")
        await house.db.execute("UPDATE campaign SET state = 'cancelled'")
        former = await blast.campaign(house, "email", blast.mail_content(1_000), state="completed", release=False)
        tell(f"deliveries in the tables, and what {SAMPLE} more cost")
        there, occurrence, first = 0, 0, 0.0
        for step in (each for each in STEPS if each <= most):
            while there < step:
                await release(house, former, occurrence, PEOPLE, "sent")
                occurrence, there = occurrence + 1, there + PEOPLE
            await _swept(house)
            campaign_id = await blast.campaign(house, "email", blast.mail_content(1_000), release=False)
            await release(house, campaign_id, 0, SAMPLE, "queued")
            costs = await statements(house, campaign_id)
            await release(house, campaign_id, 1, SAMPLE, "queued")
            rate = await whole_path(house, campaign_id)
            first = first or rate
            told = ", ".join(f"{name} {value:.0f}" for name, value in costs.items())
            tell(f"  {step:>9,}  {rate:>7,.0f} /s  {rate / first:>5.2f} x the first   µs each: {told}")
            told = ", ".join(f"{name} {value:.0f}" for name, value in (await pages(house, former)).items())
            tell(f"             ms: {told}")
    finally:
        await house.db.execute("TRUNCATE delivery, delivery_attempt")
        await house.close()


async def _swept(house: House) -> None:
    """As autovacuum would have by and by."""
    connection = await house.db.connect()
    await connection.execute("VACUUM ANALYZE delivery")
    await connection.close()


if __name__ == "__main__":
    logs.configure("error")
    uvloop.run(main(*(int(each) for each in sys.argv[1:2])))
