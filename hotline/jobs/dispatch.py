"""Dispatching in one process: which campaigns may be sent, by whom else, how fast; a lane for each channel does it.

Usually a process of its own (``hotline dispatch``), so that a blast delays no screen pop.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import structlog

from hotline.bus.rates import SharedBuckets
from hotline.crm.queries.conversations.sender_pace import spent_by
from hotline.crm.queries.pushes.push_campaigns import push_rates, running_campaigns
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, Unavailable
from hotline.jobs.dispatch_lane import Lane
from hotline.jobs.dispatch_share import Desk, Share
from hotline.workflows.house import House
from hotline.workflows.pushes import dispatch
from hotline.workflows.pushes.dispatch import ALIVE, Plan, PlannedSender, Plans
from hotline.workflows.pushes.push_channels import PushChannel, channels

log = structlog.get_logger(__name__)

#: Seconds between two looks at what runs, when nothing wakes us.
LOOK_SECONDS: Final = 0.5
#: Seconds between two signs of life.
BEAT_SECONDS: Final = 2.0
#: Seconds without interruption after which this process says of others that they are dead: after the database was
#: away, all of them need a moment to show that they live.
SETTLED_SECONDS: Final = 15.0
#: Seconds between two looks at idle connections.
TIDY_SECONDS: Final = 10.0
#: Seconds that what is on its way gets to end.
STOP_SECONDS: Final = 8.0


@dataclass
class Dispatcher:
    """One process's dispatching."""

    house: House
    served: dict[str, PushChannel] = field(default_factory=lambda: dict(channels()))
    #: Whether this is the desk's process, whose own work then counts towards the share.
    here: bool = False

    def __post_init__(self) -> None:
        settings = self.house.settings
        self._plans = Plans()
        self._buckets = SharedBuckets(
            settings.redis_url.get_secret_value(), self.house.keyring.blind_index("bus", "namespace").hex()[:16]
        )
        self._desk = Desk()
        self._share = Share(here=self.here)
        self._lanes: dict[str, Lane] = {}
        self._beating_since = monotonic()
        self._beaten = float("-inf")
        self._tidied = monotonic()
        self._processes = 1
        self.idle_since = monotonic()

    async def run(self) -> None:
        """Dispatch until cancelled. A database that is away is waited for."""
        try:
            async with self.house.bus.subscribe(dispatch.TOPIC) as told:
                while True:
                    try:
                        await self.look()
                    except Unavailable as error:
                        self._beating_since = monotonic()
                        log.warning("dispatch.waiting", reason=error.code)
                    except Exception:
                        log.exception("dispatch.look_failed")
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_SECONDS):
                            await anext(told)
                            told.clear()
        finally:
            await self.close()

    async def look(self) -> None:
        """Renew what may be sent, and let the lanes go on."""
        if monotonic() - self._beaten >= BEAT_SECONDS:
            await self._beat()
        self._share.ringing = await self._desk.rang(self.house)
        running = await running_campaigns(self.house.db, SYSTEM, self.house.clock())
        by_channel: dict[str, list[Plan]] = {}
        for each in running:
            plan = await self._plans.of(self.house, each)
            if plan is not None and plan.channel in self.served:
                by_channel.setdefault(plan.channel, []).append(plan)
        senders = await dispatch.usable_senders(self.house, [plan for some in by_channel.values() for plan in some])
        for name in by_channel.keys() - self._lanes.keys():
            lane = Lane(self.house, name, self.served[name], self._buckets, self._share)
            lane.pace.rates = await push_rates(self.house.db, SYSTEM)
            lane.pace.processes = self._processes
            lane.start()
            self._lanes[name] = lane
        for name, lane in self._lanes.items():
            found: list[tuple[Plan, PlannedSender]] = [
                (plan, senders[plan.manifest_id]) for plan in by_channel.get(name, ()) if plan.manifest_id in senders
            ]
            lane.campaigns = found
            if ids := {sender.id for _, sender in found if sender.id is not None}:
                await lane.pace.charge(await spent_by(self.house.db, SYSTEM, sorted(ids)))
            lane.look()
        if by_channel or any(lane.busy for lane in self._lanes.values()):
            self.idle_since = monotonic()
        if monotonic() - self._tidied >= TIDY_SECONDS:
            self._tidied = monotonic()
            for served in self.served.values():
                if served.tidy is not None:
                    await served.tidy(self.house, False)

    async def close(self) -> None:
        """End what is on its way, note it, give the rest back."""
        await asyncio.gather(*(lane.stop(STOP_SECONDS) for lane in self._lanes.values()))
        for served in self.served.values():
            if served.tidy is not None:
                await served.tidy(self.house, True)
        await self._buckets.close()
        with suppress(HotlineError):
            await dispatch.sign_off(self.house)

    async def _beat(self) -> None:
        late = monotonic() - self._beaten > ALIVE.total_seconds()
        self._processes = await dispatch.beat(self.house)
        self._beaten = monotonic()
        if late:
            self._beating_since = self._beaten
        if self._beaten - self._beating_since >= SETTLED_SECONDS or self._processes == 1:
            await dispatch.give_up_lost(self.house)
        rates = await push_rates(self.house.db, SYSTEM)
        for lane in self._lanes.values():
            lane.pace.rates, lane.pace.processes = rates, self._processes


async def run(house: House, *, here: bool = False) -> None:
    """Dispatch in this process until cancelled; ``here``: it is the desk's."""
    await Dispatcher(house, here=here).run()


async def run_while_needed(house: House, idle_seconds: float) -> None:
    """Dispatch until nothing was to be sent for so long."""
    dispatcher = Dispatcher(house)
    task = house.spawn(dispatcher.run(), "dispatch")
    try:
        while not task.done():
            if monotonic() - dispatcher.idle_since >= idle_seconds:
                break
            await asyncio.wait([task], timeout=1.0)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
