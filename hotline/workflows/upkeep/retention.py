"""Retention: what the company keeps for a time only is forgotten when that is over."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from hotline.crm import company, partitions
from hotline.crm.privacy import retention
from hotline.crm.viewer import SYSTEM
from hotline.errors import NotFound
from hotline.workflows.company import company as settings_of
from hotline.workflows.customers import erasure
from hotline.workflows.house import House

log = structlog.get_logger(__name__)

#: Most steps of one kind, and most customers, in one round: what is left waits for the next one.
MOST_STEPS: Final = 200
MOST_CUSTOMERS: Final = 500


async def apply_retention(house: House) -> Counter[str]:
    """Forget what is past its time by the company's settings; how many rows of each kind, ``customers`` among them."""
    section = await settings_of.get(house, company.Retention)
    done: Counter[str] = Counter()
    for kind in retention.KINDS:
        if days := getattr(section, f"{kind}_days"):
            done[kind] = await _forget(house, kind, days)
    if section.clicks_days:
        keep = timedelta(days=section.clicks_days)
        done["months_of_tries"] = len(await partitions.ATTEMPTS.drop_old(house.db, house.clock(), keep))
    if section.customers_days:
        done["customers"] = await _erase_idle(house, section.customers_days)
    done["late"] = await erasure.erase_late(house)
    return +done


async def _forget(house: House, kind: str, days: int) -> int:
    rows = 0
    before = house.clock() - timedelta(days=days)
    for _ in range(MOST_STEPS):
        async with house.unit(SYSTEM) as uow:
            step = await retention.forget(uow, kind, before)
        await asyncio.to_thread(erasure.remove_files, house, [("files", path) for path in step.paths])
        rows += step.rows
        if step.rows < retention.STEP:
            break
    return rows


async def _erase_idle(house: House, days: int) -> int:
    before = house.clock() - timedelta(days=days)
    done = 0
    after: UUID | None = UUID(int=0)
    while after is not None and done < MOST_CUSTOMERS:
        idle, after = await retention.idle_customers(house.db, before, after)
        for customer_id in idle[: MOST_CUSTOMERS - done]:
            try:
                done += await erasure.erase_idle(house, customer_id)
            except NotFound:
                continue
    return done
