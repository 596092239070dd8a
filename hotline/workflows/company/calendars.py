"""Business calendars, and the rules about deadlines as this node has them in memory.

Each change of a calendar or policy makes a new version of all rules. A node that has not heard of it yet computes by
the version that it has; ``hotline.workflows.tickets.timers`` finds such clocks and computes them again.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from hotline.calendars import Calendar
from hotline.calendars.spec import CalendarSpec
from hotline.crm.commands.tickets import sla as commands
from hotline.crm.database import Reader
from hotline.crm.queries.company.calendars import CalendarView, fingerprint, get_calendar, read_basis
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Invalid
from hotline.tickets.policies import CLOCKS, PolicySpec, Rules
from hotline.workflows.house import House

#: Calendars that are always there: flows and new policies refer to them.
SHIPPED: Final = ("opening_hours", "default", "always")

_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


def calendars_of(house: House) -> Mapping[str, Calendar]:
    """Every calendar by its key, from memory: nothing until ``refresh_rules`` was called once, and as they last were
    while the database is away."""
    rules: Rules | None = house.kept.get(Rules)
    return {} if rules is None else rules.calendars


async def rules_of(house: House, db: Reader | None = None) -> Rules:
    """The rules from memory; read when this is the first time. Give a unit of work as ``db`` inside one."""
    rules: Rules | None = house.kept.get(Rules)
    return await refresh_rules(house, db) if rules is None else rules


async def refresh_rules(house: House, db: Reader | None = None) -> Rules:
    """Read the rules anew."""
    rules = (await read_basis(db or house.db, SYSTEM)).rules(house.settings.timezone)
    known: Rules | None = house.kept.get(Rules)
    if known is None or known.version <= rules.version:
        house.kept[Rules] = rules
    return rules


@asynccontextmanager
async def changing(house: House, viewer: Viewer) -> AsyncIterator[UnitOfWork]:
    """A unit of work that changes calendars or policies: its change is a new version of the rules."""
    viewer.require("settings.write")
    async with house.unit(viewer) as uow:
        before = await commands.lock_basis(uow)
        yield uow
        await commands.next_basis(uow, before, fingerprint(house.settings.timezone))
    await refresh_rules(house)


async def sign_rules(house: House) -> None:
    """A new version of the rules when what they stand on changed: an upgrade brought other holidays or time zones, or
    ``HOTLINE_TIMEZONE`` is another one now."""
    mine = fingerprint(house.settings.timezone)
    async with house.unit(SYSTEM) as uow:
        basis = await commands.lock_basis(uow)
        if not basis.fingerprint:
            await commands.sign_basis(uow, basis.version, mine)
        elif dict(basis.fingerprint) != mine:
            await commands.next_basis(uow, basis, mine)
            uow.audit("sla_policy:recomputed", None, before=dict(basis.fingerprint), after=mine)
    await refresh_rules(house)


async def create_calendar(house: House, viewer: Viewer, key: str, spec: CalendarSpec) -> CalendarView:
    """Add a calendar under a key that never changes. Raises Conflict when it is taken."""
    check_key(key)
    async with changing(house, viewer) as uow:
        await commands.write_calendar(uow, key, spec, new=True)
        return await get_calendar(uow, viewer, key)


async def update_calendar(
    house: House, viewer: Viewer, key: str, spec: CalendarSpec, expected_version: int | None = None
) -> CalendarView:
    """Replace a calendar; open clocks are computed again. Raises Invalid when a policy that counts by it could never
    be kept, NotFound, and Conflict for a stale version."""
    async with changing(house, viewer) as uow:
        calendar = spec.calendar(key, house.settings.timezone)
        for policy in (await read_basis(uow, SYSTEM)).rules(house.settings.timezone).policies:
            if policy.spec.calendar == key and policy.spec.enabled:
                check_reachable(policy.spec, calendar, uow, f"hours: the policy {policy.spec.name} counts by it.")
        await commands.write_calendar(uow, key, spec, new=False, expected_version=expected_version)
        return await get_calendar(uow, viewer, key)


async def delete_calendar(house: House, viewer: Viewer, key: str) -> None:
    """Delete a calendar. Raises NotFound, and Conflict for a shipped one or one that a policy counts by."""
    if key in SHIPPED:
        raise Conflict("This calendar always stays: flows and policies refer to it by its name.")
    async with changing(house, viewer) as uow:
        await commands.delete_calendar(uow, key)


def check_key(key: str) -> None:
    """Raise Invalid unless a calendar may have this key."""
    if not _KEY.fullmatch(key):
        raise Invalid("key: small letters, digits and _ only, at most 40, a letter first.")


def check_reachable(spec: PolicySpec, calendar: Calendar, uow: UnitOfWork, why: str) -> None:
    """Raise Invalid when a promise could never come due: the calendar has no hours, or far too few."""
    if not calendar.ever_open:
        raise Invalid(f"{why} A calendar without any opening hours cannot count a deadline.")
    for what in CLOCKS:
        target = spec.target(what)
        if target is not None and calendar.add_business_time(uow.now, target.time + timedelta(days=1)) is None:
            raise Invalid(f"{why} With these hours a deadline would lie more than five years ahead.")
