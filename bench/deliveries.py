"""How dispatching grows: how fast deliveries leave while more and more of them wait, up to 5,000,000.

``python -m bench.deliveries [MOST]``. The same whole path as in ``bench.email``, over a channel that takes everything
at once, so that it is the records that are measured: of each number of waiting deliveries, 10,000 are sent. A curve
that stays level means that N of them take N times as long as one.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import uvloop
from pydantic import SecretStr

from bench import blast
from bench.measure import tell
from bench.pop import FOLDER
from hotline import logs
from hotline.crm.sql_ids import UUID7
from hotline.crm.viewer import SYSTEM
from hotline.jobs.dispatch import Dispatcher
from hotline.settings import EMBEDDED, load_settings
from hotline.workflows.house import House, open_house
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.push_channels import Push, PushChannel

MOST, SAMPLE, PEOPLE = 5_000_000, 10_000, 100_000
STEPS: Final = (20_000, 100_000, 500_000, 1_000_000, 2_500_000, 5_000_000)


async def _take(house: House, push: Push) -> Accepted:
    await asyncio.sleep(0)
    return Accepted("taken", None, "sent")


async def release(house: House, campaign_id: UUID, occurrence: int) -> None:
    """A delivery more for everybody."""
    async with house.long_unit(SYSTEM) as uow:
        await uow.execute(
            f"""INSERT INTO delivery (id, campaign_id, manifest_id, occurrence, customer_id, contact_point_id, channel,
                    state, due_at, expires_at, released_at)
                SELECT {UUID7}, c.id, c.manifest_id, $2, p.customer_id, p.id, 'email', 'queued', $3, $4, $3
                FROM campaign c, contact_point p WHERE c.id = $1 AND p.kind = 'email' ORDER BY p.customer_id""",
            *(campaign_id, occurrence, uow.now, uow.now + timedelta(hours=24)),
        )


async def some(house: House, campaign_id: UUID) -> float:
    """Send some of those that wait; how many in a second."""
    served = {"email": PushChannel(send=_take, at_once=lambda _house: 10)}

    async def sent() -> int:
        sql = "SELECT count(*) FROM delivery WHERE campaign_id = $1 AND state = 'sent'"
        return int(await house.db.fetchval(sql, campaign_id))

    before = await sent()
    dispatcher = Dispatcher(house, served)
    began = time.perf_counter()
    task = house.spawn(dispatcher.run(), "dispatch")
    try:
        async with asyncio.timeout(300):
            while (now := await sent()) - before < SAMPLE:  # noqa: ASYNC110  # the fact is in the database
                await asyncio.sleep(0.1)
        return (now - before) / (time.perf_counter() - began)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


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
        campaign_id = await blast.campaign(house, "email", blast.mail_content(1_000), most=STEPS[0])
        tell(f"deliveries that wait, and how many of them leave in a second ({SAMPLE} each)")
        waiting, occurrence, first = STEPS[0], 0, 0.0
        for step in STEPS:
            if step > most:
                break
            while waiting < step:
                occurrence += 1
                await release(house, campaign_id, occurrence)
                waiting += PEOPLE
            await house.db.execute("ANALYZE delivery")
            rate = await some(house, campaign_id)
            first = first or rate
            tell(f"  {waiting:>9,}  {rate:>8,.0f} /s  {rate / first:>5.2f} x the first")
    finally:
        await house.db.execute("TRUNCATE delivery, delivery_attempt")
        await house.close()


if __name__ == "__main__":
    logs.configure("error")
    uvloop.run(main(*(int(each) for each in sys.argv[1:2])))
