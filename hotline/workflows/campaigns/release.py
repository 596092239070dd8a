"""Releasing the messages of approved campaigns: which may leave from when on, one delivery for each recipient.

Every step is one unit of work that moves a run on and writes the deliveries that belong to it: a process that is killed
leaves either both or none, and the next one goes on from there. Nobody gets two, since a delivery is unique by
campaign, occurrence and customer. What is released leaves by itself as long as its campaign runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from hotline.campaigns import plan
from hotline.campaigns.approved import Approved, Due, deliveries
from hotline.campaigns.figures import gate
from hotline.campaigns.plan import Planned
from hotline.campaigns.schedule import Drip, LocalTime, Now, Recurring, Triggered
from hotline.crm.commands.campaigns import audience
from hotline.crm.commands.campaigns import campaign_runs as runs
from hotline.crm.commands.campaigns.campaign_states import move
from hotline.crm.leases import Lease, check
from hotline.crm.queries.campaigns import campaign_runs as known
from hotline.crm.queries.campaigns.campaign_runs import AtWork, Chosen, RunView
from hotline.crm.queries.campaigns.recipient_places import places_of
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.workflows.campaigns.campaign_review import prove
from hotline.workflows.campaigns.campaign_triggers import Looks, over, plan_triggered
from hotline.workflows.house import House

#: Recipients of one unit of work.
PIECE: Final = 1_000
#: And of one statement of it: nothing else goes on in this process while they are made.
SLICE: Final = 100
#: Messages that are released and due but not sent yet, at most: who is paused or withdrawn has few to take back.
AHEAD: Final = 20_000
#: Seconds of a drip that are released ahead of their time.
DRIP_AHEAD: Final = timedelta(seconds=3)
#: A run whose last step is longer ago stood still: its drip does not catch up.
STOOD_STILL: Final = timedelta(seconds=15)
#: A clock that is behind the last step by more than this was set back.
SET_BACK: Final = timedelta(seconds=2)

#: What one step of a run came to: something was done and more may be, nothing is to be done yet, or it is over.
Step = Literal["on", "wait", "over"]


async def begin(house: House, lease: Lease, campaign: AtWork, approved: Approved) -> bool:
    """Begin a scheduled campaign whose time has come; whether it runs now. One whose time is too long ago is paused: a
    person says whether it still leaves."""
    now = house.clock()
    planned = plan.begins(approved.schedule, campaign.approved_at)
    if planned > now:
        return False
    async with house.unit(SYSTEM) as uow:
        await check(uow, lease)
        if await prove(house, uow, campaign.id) is None:
            return False
        late = not isinstance(approved.schedule, Recurring) and plan.too_late(approved.schedule, planned, now)
        await move(uow, campaign.id, "pause" if late else "begin", reason="too_late" if late else None)
    return not late


async def plan_runs(house: House, lease: Lease, campaign: AtWork, approved: Approved, looks: Looks) -> bool:
    """Note the runs of a running campaign whose time has come, and release what triggers have made due; whether there
    may be more to note."""
    now = house.clock()
    match approved.schedule:
        case Triggered() as schedule:
            ended = await plan_triggered(house, lease, campaign, approved, schedule, looks)
            if ended and not await known.runs_of_manifest(house.db, SYSTEM, approved.id, open_only=True):
                await _complete(house, lease, approved)
        case Recurring() as schedule:
            return await _plan_recurring(house, lease, campaign, approved, schedule, now)
        case schedule:
            if await known.runs_of_manifest(house.db, SYSTEM, approved.id):
                return False
            started = campaign.started_at or campaign.state_at
            # A clock that was set back since must not hold it up.
            at = min(started, now) if isinstance(schedule, Now) else plan.begins(schedule, started)
            # A person who has just started it, or let it go on, has looked at the clock.
            late = plan.too_late(schedule, at, now) and now - campaign.state_at > plan.STARTED_LATE
            # A million messages that waited for their own time under a former manifest take a while to be dropped.
            async with house.long_unit(SYSTEM) as uow:
                await check(uow, lease)
                if not await runs.hold_approved(uow, campaign.id, approved.id):
                    return False
                if not late:
                    await runs.drop_former(uow, campaign.id, approved.id, held_back=True)
                    await runs.add_run(uow, approved, Planned(0, at))
            if late:
                await pause(house, lease, approved.campaign_id, "too_late")
    return False


async def _plan_recurring(
    house: House, lease: Lease, campaign: AtWork, approved: Approved, schedule: Recurring, now: datetime
) -> bool:
    due = plan.due_run(schedule, now)
    noted = await known.runs_of_manifest(house.db, SYSTEM, approved.id)
    if due is None or due.number in {run.occurrence for run in noted}:
        if plan.next_run(schedule, now) is None and all(run.ended_at is not None for run in noted):
            await _complete(house, lease, approved)
        return False
    if any(run.ended_at is None for run in noted):
        return False  # One after the other; what waits too long for it is left out.
    # What was due before the campaign was approved was never promised.
    missed = due.at < campaign.approved_at
    late = plan.too_late(schedule, due.at, now)
    async with house.unit(SYSTEM) as uow:
        await check(uow, lease)
        if not await runs.hold_approved(uow, campaign.id, approved.id):
            return False
        if not noted:
            await runs.drop_former(uow, campaign.id, approved.id)
        skipped = "before_approval" if missed else "too_late" if late else None
        await runs.add_run(uow, approved, due, state="skipped" if skipped else "waiting", reason=skipped)
        if late and not missed:
            uow.audit("campaign:run_skipped", campaign.id, manifest_id=approved.id, planned_at=due.at)
    return True


async def step(house: House, lease: Lease, campaign: AtWork, approved: Approved, seen: RunView) -> Step:
    """Move a run on by one unit of work. One that nobody moved for longer than its messages live is paused."""
    outcome: Step = "wait"
    pause_for: str | None = None
    # An audience of a million takes longer to freeze than other units of work may take.
    unit = house.long_unit if seen.state == "waiting" and approved.frozen_anew else house.unit
    async with unit(SYSTEM) as uow:
        await check(uow, lease)
        if not await runs.hold_approved(uow, approved.campaign_id, approved.id):
            return "wait"
        run = await runs.lock_run(uow, seen.id)
        if run is None:
            return "wait"
        moved_at = max(run.ticked_at or campaign.state_at, campaign.state_at)
        run = await _by_the_clock(uow, approved, run)
        match run.state:
            case _ if uow.now - moved_at > approved.lifetime and not isinstance(approved.schedule, Triggered):
                pause_for = "too_late"
            case "waiting":
                outcome = await _open(house, uow, approved, run)
            case "canary":
                outcome, pause_for = await _canary(uow, approved, run)
            case "releasing" if isinstance(approved.schedule, Triggered) and not approved.of_holiday:
                if over(approved.schedule, run.occurrence, uow.now):
                    await runs.save_run(uow, run.id, state="released")
                    outcome = "on"
            case "releasing":
                outcome = await _piece(house, uow, approved, run)
            case "released":
                outcome = await _finish(uow, approved, run)
        await runs.save_run(uow, run.id, ticked_at=uow.now)
    if pause_for is not None:
        await pause(house, lease, approved.campaign_id, pause_for)
    return outcome


async def pause(house: House, lease: Lease, campaign_id: UUID, reason: str) -> None:
    """Pause a running campaign for a limit that it reached, because it is late, or fails."""
    async with house.unit(SYSTEM) as uow:
        await check(uow, lease)
        if await runs.hold_running(uow, campaign_id):
            await move(uow, campaign_id, "pause", reason=reason)


async def _by_the_clock(uow: UnitOfWork, approved: Approved, run: RunView) -> RunView:
    """Notice a clock that was set back, and a run that stood still."""
    if run.ticked_at is None or run.began_at is None:
        return run
    if uow.now < run.ticked_at - SET_BACK:
        wall_clock = approved.wall_clock(run.occurrence) is not None
        await runs.keep_due(uow, approved.campaign_id, run.occurrence, run.ticked_at, wall_clock=wall_clock)
        back = run.ticked_at - uow.now
        moved = {name: at - back for name in ("base_at", "canary_done_at") if (at := getattr(run, name)) is not None}
        await runs.save_run(uow, run.id, ticked_at=uow.now, **moved)
        return await runs.lock_run(uow, run.id) or run
    if uow.now - run.ticked_at < STOOD_STILL:
        return run
    return await _rebase(uow, approved, run)


async def _rebase(uow: UnitOfWork, approved: Approved, run: RunView) -> RunView:
    drip = _drip(approved)
    if drip is None or run.base_at is None:
        return run
    base = plan.rebased(drip, run.base_at, run.base_position, run.next_position, uow.now)
    await runs.save_run(uow, run.id, base_at=base, base_position=run.next_position)
    return await runs.lock_run(uow, run.id) or run


async def _open(house: House, uow: UnitOfWork, approved: Approved, run: RunView) -> Step:
    """The run's time has come: know its audience, then the canary or the first recipients."""
    if run.planned_at > uow.now:
        return "wait"
    audience_id, size = approved.id, 0
    if approved.frozen_anew:
        audience_id = run.id
        frozen = await audience.freeze(
            uow, run.id, approved.segment_version_id, approved.channel, approved.purpose,
            zone=house.settings.timezone,
        )  # fmt: skip
        size = plan.turn(run.occurrence, frozen.count, approved.most)[1]
        uow.audit("audience:frozen", run.id, campaign_id=approved.campaign_id, recipients=frozen.count,
                  recipients_sha256=frozen.sha256.hex())  # fmt: skip
    else:
        size = await known.size_of(uow, SYSTEM, audience_id)
    state = "releasing"
    canary = approved.limits.canary
    if canary is not None and canary.recipients < size:
        sample = plan.spread(size, canary.recipients)
        await _release(house, uow, approved, run, audience_id, sample)
        state = "canary"
    await runs.save_run(
        uow, run.id, audience_id=audience_id, recipients=size, state=state, began_at=uow.now, base_at=uow.now
    )
    uow.audit("campaign:run_begun", approved.campaign_id, manifest_id=approved.id, occurrence=run.occurrence,
              recipients=size, canary=state == "canary")  # fmt: skip
    return "on"


async def _canary(uow: UnitOfWork, approved: Approved, run: RunView) -> tuple[Step, str | None]:
    canary = approved.limits.canary
    if canary is None:  # The manifest is what it was: this cannot be.
        return "wait", "error"
    figures = await known.count(uow, SYSTEM, approved.campaign_id, run.occurrence)
    done_at = run.canary_done_at
    if done_at is None and not figures.left:
        done_at = uow.now
        await runs.save_run(uow, run.id, canary_done_at=done_at)
    verdict = gate(figures.since(run.baseline), canary, done_at, uow.now)
    if verdict == "wait":
        return "wait", None
    if verdict == "open":
        await runs.save_run(uow, run.id, state="releasing", base_at=uow.now, base_position=0)
        uow.audit("campaign:canary_passed", approved.campaign_id, manifest_id=approved.id, occurrence=run.occurrence)
        return "on", None
    # A person who resumes it has seen this: the rates count from here, and the rest follows.
    await runs.save_run(uow, run.id, figures=figures, baseline=figures, state="releasing")
    return "wait", "canary_failed" if verdict == "failed" else "canary_empty"


async def _piece(house: House, uow: UnitOfWork, approved: Approved, run: RunView) -> Step:
    """Release the next recipients, as many as there is room and time for."""
    until = min(run.recipients, run.next_position + PIECE)
    drip = _drip(approved)
    if drip is not None and run.base_at is not None:
        until = min(until, plan.dripped(drip, run.base_at, run.base_position, uow.now + DRIP_AHEAD))
    if approved.wall_clock(run.occurrence) is None and until > run.next_position:
        ahead = AHEAD if drip is None else min(AHEAD, plan.dripped(drip, uow.now, 0, uow.now + 2 * DRIP_AHEAD))
        waiting = await known.waiting(uow, SYSTEM, approved.campaign_id, uow.now, ahead)
        if waiting >= ahead:
            if drip is not None:
                await _rebase(uow, approved, run)
            return "wait"
    if until > run.next_position:
        places = range(run.next_position, until)
        await _release(house, uow, approved, run, run.audience_id or approved.id, places, drip)
        await runs.save_run(uow, run.id, next_position=until)
    if until >= run.recipients:
        await runs.save_run(uow, run.id, state="released")
        return "on"
    return "on" if until - run.next_position == PIECE else "wait"


async def _release(
    house: House, uow: UnitOfWork, approved: Approved, run: RunView, audience_id: UUID, places: Sequence[int],
    drip: Drip | None = None,
) -> None:  # fmt: skip
    """Release those at places of the run's order, which for a capped run begins where its turn does; a few at a time:
    calls ring in this process."""
    size, first = 0, 0
    if approved.frozen_anew:
        size = await known.size_of(uow, SYSTEM, audience_id)
        first, _ = plan.turn(run.occurrence, size, approved.most)
    for at in range(0, len(places), SLICE):
        some = places[at : at + SLICE]
        positions = [(first + place) % size for place in some] if size else list(some)
        found = {each.position: each for each in await known.recipients_at(uow, SYSTEM, audience_id, positions)}
        chosen = {
            place: found[position] for place, position in zip(some, positions, strict=True) if position in found
        }  # fmt: skip
        due = {} if drip is None or run.base_at is None else {
            place: run.base_at + drip.offset(place - run.base_position) for place in chosen
        }  # fmt: skip
        await _release_some(house, uow, approved, run.occurrence, chosen, due)


async def _release_some(
    house: House, uow: UnitOfWork, approved: Approved, occurrence: int, chosen: Mapping[int, Chosen],
    due: Mapping[int, datetime],
) -> None:  # fmt: skip
    zones: dict[UUID, tuple[str, ...]] = {}
    if approved.wall_clock(occurrence) is not None:
        points = {each.customer_id: each.contact_point_id for each in chosen.values()}
        zones = {who: place.zones for who, place in (await places_of(uow, uow.keyring, SYSTEM, points)).items()}
    recipients = (
        Due(each.customer_id, each.contact_point_id, zones.get(each.customer_id, ()), at=due.get(place))
        for place, each in chosen.items()
    )
    await runs.release(
        uow, approved, occurrence, deliveries(approved, occurrence, recipients, uow.now, house.settings.timezone)
    )


def _drip(approved: Approved) -> Drip | None:
    return None if isinstance(approved.schedule, Triggered | LocalTime) else approved.schedule.drip


async def _complete(house: House, lease: Lease, approved: Approved) -> None:
    async with house.unit(SYSTEM) as uow:
        await check(uow, lease)
        if await runs.hold_approved(uow, approved.campaign_id, approved.id):
            await move(uow, approved.campaign_id, "complete")


async def _finish(uow: UnitOfWork, approved: Approved, run: RunView) -> Step:
    """The run is over when nothing of it waits or is on its way; a campaign that runs once is then completed."""
    await runs.end_former(uow, approved.campaign_id, approved.id)
    if await known.anything_left(uow, SYSTEM, approved.campaign_id, run.occurrence):
        return "wait"
    figures = await known.count(uow, SYSTEM, approved.campaign_id, run.occurrence)
    await runs.save_run(uow, run.id, state="completed", ended_at=uow.now, figures=figures, counted_at=uow.now)
    if not isinstance(approved.schedule, Recurring | Triggered):
        await move(uow, approved.campaign_id, "complete")
    return "over"
