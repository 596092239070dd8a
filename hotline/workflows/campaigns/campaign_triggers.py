"""Triggered campaigns: who of the approved segment something happened to gets the approved message, on their day and
within the day's cap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Final
from uuid import UUID

from hotline.campaigns import plan, triggers
from hotline.campaigns.approved import LATEST, Approved, Due, deliveries
from hotline.campaigns.schedule import Birthday, Holiday, NoContact, TicketClosed, Triggered
from hotline.campaigns.triggers import Window
from hotline.crm.commands.campaigns import audience
from hotline.crm.commands.campaigns import campaign_runs as runs
from hotline.crm.commands.customers.customer_facts import read_all_marked
from hotline.crm.leases import Lease, check
from hotline.crm.queries.campaigns import campaign_runs as known
from hotline.crm.queries.campaigns.campaign_runs import AtWork
from hotline.crm.queries.campaigns.recipient_places import places_of
from hotline.crm.queries.campaigns.trigger_matches import MOST, Match, matches, released_on
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.workflows.campaigns.sealed_days import greeted
from hotline.workflows.company import fields
from hotline.workflows.house import House

#: Seconds between two looks at who something happened to: at a moment, or on a day.
MOMENT_SECONDS: Final = 15.0
DAY_SECONDS: Final = 300.0


@dataclass
class Looks:
    """When each campaign's day was looked at last. Of one process: another one looks at once."""

    next_at: dict[tuple[UUID, int], float] = field(default_factory=dict)

    def due(self, manifest_id: UUID, occurrence: int, seconds: float) -> bool:
        """Whether it is time to look; then it is the next time in so many seconds."""
        if monotonic() < self.next_at.get((manifest_id, occurrence), 0.0):
            return False
        if len(self.next_at) > 10_000:
            self.next_at.clear()
        self.next_at[(manifest_id, occurrence)] = monotonic() + seconds
        return True


async def plan_triggered(
    house: House, lease: Lease, campaign: AtWork, approved: Approved, schedule: Triggered, looks: Looks
) -> bool:
    """Release what triggers are due at this moment; whether the campaign's last day is over."""
    now = house.clock()
    since = max(campaign.started_at or campaign.state_at, campaign.approved_at)
    trigger = schedule.trigger
    if isinstance(trigger, Holiday):
        noted = {run.occurrence for run in await known.runs_of_manifest(house.db, SYSTEM, approved.id)}
        for planned in triggers.holiday_runs(schedule, trigger, since, now):
            if planned.number not in noted:
                await _note(house, lease, approved, planned, first=not noted)
    else:
        seconds = MOMENT_SECONDS if isinstance(trigger, TicketClosed) else DAY_SECONDS
        windows = list(triggers.windows(schedule, since, now, house.settings.timezone))
        given = await _sealed(house, trigger, windows) if isinstance(trigger, Birthday) else {}
        for window in windows:
            # Of a private field it is known whose day it is once everybody was looked at.
            if given is not None and looks.due(approved.id, window.occurrence, seconds):
                whose = given.get(window.occurrence)
                await _release_window(house, lease, approved, schedule, window, since, whose)
    return schedule.ends_on is not None and over(schedule, schedule.ends_on.toordinal(), now)


def over(schedule: Triggered, occurrence: int, now: datetime) -> bool:
    """Whether nothing of a day is released any more."""
    _, last = plan.everywhere(datetime.fromordinal(occurrence).date(), schedule.time)
    # What is counted by moments may be due until the end of the company's day.
    return now > last + LATEST + plan.EAST


async def _note(house: House, lease: Lease, approved: Approved, planned: plan.Planned, *, first: bool) -> None:
    async with house.unit(SYSTEM) as uow:
        await check(uow, lease)
        if await runs.hold_approved(uow, approved.campaign_id, approved.id):
            if first:
                await runs.drop_former(uow, approved.campaign_id, approved.id)
            await runs.add_run(uow, approved, planned)


async def _sealed(house: House, trigger: Birthday, windows: Sequence[Window]) -> Mapping[int, Sequence[UUID]] | None:
    """Whose day a private field says it is, by the window; empty for a field that can be read, None while that is still
    looked at."""
    described = (await fields.load(house)).get(trigger.field)
    if described is None or not described.sealed or not windows:
        return {}
    days = {window.occurrence: triggers.anniversaries(trigger, window.day) for window in windows}
    found = await greeted(house, trigger.field, frozenset(day for some in days.values() for day in some))
    if found is None:
        return None
    return {
        occurrence: sorted(customer_id for customer_id, day in found.items() if day in some)
        for occurrence, some in days.items()
    }


async def _release_window(
    house: House,
    lease: Lease,
    approved: Approved,
    schedule: Triggered,
    window: Window,
    since: datetime,
    given: Sequence[UUID] | None = None,
) -> None:
    """All of a window, some customers in each unit of work."""
    after: UUID | None = None
    while True:
        async with house.unit(SYSTEM) as uow:
            await check(uow, lease)
            if not await runs.hold_approved(uow, approved.campaign_id, approved.id):
                return
            if isinstance(schedule.trigger, NoContact):
                await read_all_marked(uow)
            found = await matches(uow, SYSTEM, schedule, window, approved.campaign_id, after, given=given)
            if not found or not await _release(house, uow, approved, schedule, window, found, since):
                return
        if len(found) < MOST:
            return
        after = found[-1].customer_id


async def _release(
    house: House, uow: UnitOfWork, approved: Approved, schedule: Triggered, window: Window, found: Sequence[Match],
    since: datetime,
) -> bool:  # fmt: skip
    """Whether the day has room for more."""
    by_customer = {each.customer_id: each for each in found}
    chosen = await audience.matching(
        uow, approved.segment_version_id, approved.channel, approved.purpose, list(by_customer),
        zone=house.settings.timezone,
    )  # fmt: skip
    zone = house.settings.timezone
    wall_clock = approved.wall_clock(window.occurrence)
    places = await places_of(uow, uow.keyring, SYSTEM, dict(chosen)) if wall_clock is not None else {}

    def timely() -> Iterator[Due]:
        for customer_id, contact_point_id in chosen:
            due = uow.now
            if wall_clock is not None:
                due = plan.local_due(*wall_clock, places[customer_id].zones, zone)
            # What came due before the campaign ran is not written to, nor what nobody released in time.
            if since <= due and uow.now - due <= LATEST:
                yield Due(customer_id, contact_point_id, facts=by_customer[customer_id].facts, at=due)

    wanted = list(timely())
    if not wanted:
        return True
    run_id = await _run_of(uow, approved, window)
    if run_id is None:
        return False
    room = schedule.daily_cap - await released_on(uow, SYSTEM, approved.campaign_id, window.occurrence)
    if room > 0:
        made = deliveries(approved, window.occurrence, wanted[:room], uow.now, zone)
        await runs.release(uow, approved, window.occurrence, made)
    count = await released_on(uow, SYSTEM, approved.campaign_id, window.occurrence)
    reason = "daily_cap" if len(wanted) > room else None
    await runs.save_run(uow, run_id, recipients=count, next_position=count, reason=reason, ticked_at=uow.now)
    return len(wanted) < room


async def _run_of(uow: UnitOfWork, approved: Approved, window: Window) -> UUID | None:
    """The run of a day, held until the unit ends; None when it is over."""
    first = await known.runs_of_manifest(uow, SYSTEM, approved.id)
    if not first:
        await runs.drop_former(uow, approved.campaign_id, approved.id)
    planned = plan.Planned(window.occurrence, uow.now)
    added = await runs.add_run(uow, approved, planned, state="releasing")
    if added is not None:
        await runs.save_run(uow, added, began_at=uow.now)
        uow.audit("campaign:run_begun", approved.campaign_id, manifest_id=approved.id, occurrence=window.occurrence)
        return added
    known_id = next((run.id for run in first if run.occurrence == window.occurrence), None)
    return None if known_id is None or await runs.lock_run(uow, known_id) is None else known_id
