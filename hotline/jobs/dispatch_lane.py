"""One channel's way out in one process: what was taken is begun in groups, handed over by a few at once, and noted in
groups, each while the others go on.

Never more tries are under way than the channel's ``begun`` for each message that is handed over at once: that many are
unknown at most when the process is killed. What came back is kept until it is in the database.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Final
from uuid import UUID

import structlog

from hotline.bus.rates import SharedBuckets
from hotline.channels.errors import ChannelError, NotConfigured, SenderPaused, TemporarilyRefused, Unknown
from hotline.errors import HotlineError, Unavailable
from hotline.jobs.dispatch_rates import Pace
from hotline.jobs.dispatch_share import Share
from hotline.workflows.house import House
from hotline.workflows.pushes import dispatch
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.dispatch import Plan, PlannedSender, Prepared
from hotline.workflows.pushes.dispatch_gate import GATE_SECONDS
from hotline.workflows.pushes.push_channels import PushChannel, Withheld
from hotline.workflows.pushes.push_receipts import Tried, count_plain, plain, settle

log = structlog.get_logger(__name__)

#: The part of the gate's time within which what is begun should be handed over.
FRESH_SHARE: Final = 0.6
#: Deliveries that are taken by one statement, at the most and to begin with.
MOST_TAKEN: Final = 600
FIRST_TAKEN: Final = 32
#: Seconds for which what was taken should last; it is given back after this many, the lease being longer.
TAKEN_SECONDS: Final = 1.5
STALE_SECONDS: Final = 10.0
#: Seconds after which what waits to be handed over gets a new lease: its provider may take minutes for each.
RENEW_SECONDS: Final = 20.0
#: Seconds until the next try while the database is away.
RETRY_SECONDS: Final = 0.5
#: Seconds for which it is tried to note a result that fails for itself.
NOTE_SECONDS: Final = 120.0
#: Seconds for which results wait to be noted by the statement that begins the next ones, and for which that is not
#: tried again after it failed. While calls ring the next ones begin later, and commits of their own cost pops the most.
LINGER_SECONDS: Final = 0.03
RINGING_LINGER_SECONDS: Final = 2.0
APART_SECONDS: Final = 5.0
#: Seconds between two looks when nothing wakes us.
LOOK_SECONDS: Final = 1.0
#: Refusals in a row, for each message at once, after which a provider is left alone for a while; the first and the
#: longest of these whiles, in seconds.
REFUSALS: Final = 2
FIRST_REST: Final = 1.0
LONGEST_REST: Final = 30.0


class Lane:
    """A channel. ``campaigns`` is what may be sent over it now, renewed by the dispatcher."""

    def __init__(self, house: House, name: str, channel: PushChannel, buckets: SharedBuckets, share: Share) -> None:
        self.name = name
        self._share = share
        self.campaigns: Sequence[tuple[Plan, PlannedSender]] = ()
        self.pace = Pace(name, channel, buckets)
        self._house = house
        self._channel = channel
        self._at_once = channel.at_once(house)
        self._most_begun = channel.begun * self._at_once
        self._ready: deque[Prepared] = deque()
        self._begun: asyncio.Queue[Prepared] = asyncio.Queue()
        self._waiting: dict[UUID, Prepared] = {}  # those begun that are not handed over yet
        self._looking = asyncio.Lock()
        self._begun_count = 0
        self._results: list[Tried] = []
        #: Those that their providers have, which the statement that begins the next ones notes; when one did, and until
        #: when none is to.
        self._handed: list[Tried] = []
        self._noted_at = self._apart_until = float("-inf")
        self._worth = 1
        #: Since when noting a result fails for itself.
        self._unnoted: dict[UUID, float] = {}
        #: (delivery, lease of its claim) of what is given back.
        self._withheld: list[tuple[UUID, UUID]] = []
        self._moved, self._news = asyncio.Event(), asyncio.Event()
        self._taken = FIRST_TAKEN
        self._stopping = False
        self._refused = self._rests = 0
        self._rest_until = 0.0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work."""
        steps: list[tuple[str, Callable[[], Awaitable[None]]]] = [("take", self._take), ("begin", self._begin)]
        for name, step in steps:
            self._tasks.append(self._house.spawn(self._keep(step), f"dispatch {self.name} {name}"))
        self._noter = self._house.spawn(self._note_all(), f"dispatch {self.name} note")
        self._workers = [
            self._house.spawn(self._work(), f"dispatch {self.name} {number}") for number in range(self._at_once)
        ]

    @property
    def busy(self) -> bool:
        """Whether something is taken, on its way, or not noted yet."""
        return bool(self._ready or self._begun_count or self._results or self._handed or self._withheld)

    def look(self) -> None:
        """Something may be due."""
        self._moved.set()

    async def stop(self, seconds: float) -> None:
        """Begin nothing more, wait for what is on its way, note it, and give the rest back; at most so many seconds."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while not self._begun.empty():
            each = self._begun.get_nowait()
            self._waiting.pop(each.id, None)
            self._held_back(each)
        self._withheld += [(each.id, each.lease) for each in self._ready]
        self._ready.clear()
        self._news.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.busy:
                    self._moved.clear()
                    await self._moved.wait()
        for task in (*self._workers, self._noter):
            task.cancel()
        await asyncio.gather(*self._workers, self._noter, return_exceptions=True)
        if self._withheld:
            # What was cut off before it could leave is given back, too.
            with suppress(HotlineError):
                await dispatch.withhold(self._house, self._withheld)

    async def _keep(self, step: Callable[[], Awaitable[None]]) -> None:
        """Go on with a step for ever. A database that is away is waited for."""
        while True:
            try:
                await step()
            except Unavailable as error:
                log.warning("dispatch.waiting", channel=self.name, reason=error.code)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("dispatch.step_failed", channel=self.name)
                await asyncio.sleep(RETRY_SECONDS)

    async def _wait(self, seconds: float = LOOK_SECONDS) -> None:
        self._moved.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._moved.wait()

    # Taken

    async def _take(self) -> None:
        """Have enough ready for the next moments, and no more: what waits here is decided on already."""
        while self._ready and monotonic() - self._ready[0].taken > STALE_SECONDS:
            stale = self._ready.popleft()
            self._withheld.append((stale.id, stale.lease))
            self._news.set()
        if not self.campaigns or len(self._ready) >= max(1, self._taken // 2) or self._resting:
            await self._wait(0.2 if self._ready else LOOK_SECONDS)
            return
        campaigns = self.campaigns
        begun = monotonic()
        most = -(-self._taken // len(campaigns))
        plain = [each for each in campaigns if each[0].per_second is None]
        found = await dispatch.take(self._house, plain, most) if plain else []
        for plan, sender in campaigns:
            if plan.per_second is not None:
                found += await self._drip(plan, plan.per_second, sender, most)
        for each in found:
            each.taken = begun
        if found:
            self._ready.extend(found)
            self._moved.set()
        else:
            await self._wait()

    async def _drip(self, plan: Plan, per_second: float, sender: PlannedSender, most: int) -> list[Prepared]:
        may = await self.pace.drip(plan.campaign_id, per_second, most)
        found = await dispatch.take(self._house, [(plan, sender)], may) if may else []
        self.pace.dripped(plan.campaign_id, len(found))
        return found

    @property
    def _resting(self) -> bool:
        return monotonic() < self._rest_until

    # Begun

    async def _begin(self) -> None:
        room = self._most_begun - self._begun_count
        if self._resting:
            await self._wait(min(LOOK_SECONDS, self._rest_until - monotonic()))
            return
        if self._rests:
            room = min(room, self._at_once)  # a few, to see whether it goes again
            if self._begun_count:
                room = 0
        # No more than go out while the look at the database is fresh: what waits longer needs another one. While calls
        # ring groups wait for one another, and few large ones cost pops the least.
        soon = max(self._at_once, int(self.pace.per_second * GATE_SECONDS * FRESH_SHARE))
        if self._share.ringing:
            soon = self._most_begun
        # What its providers have is noted with what is begun, and leaves its place to it.
        room = min(room + self._back, soon + self._at_once - len(self._waiting))
        # Groups that are worth a statement, unless nothing else is under way.
        self._worth = min(soon, self._most_begun) // 3
        if not self._ready or room < 1 or (self._begun_count > self._back and room < self._worth):
            await self._wait()
            return
        if (rest := self._share.wait()) > 0:
            await asyncio.sleep(rest)
            return
        group, wait = await self.pace.pick(self._ready, room)
        # Some may have been noted by themselves meanwhile, and their places are counted already.
        while group and self._begun_count + len(group) - self._back > self._most_begun:
            self._ready.appendleft(group.pop())
        if not group:
            await self._wait(wait)
            return
        await self._begin_group(group)
        self._taken = min(MOST_TAKEN, max(FIRST_TAKEN, int(self.pace.per_second * TAKEN_SECONDS)))

    async def _begin_group(self, group: list[Prepared]) -> None:
        self._begun_count += len(group)
        handed: list[Tried] = []
        if self._joins:
            handed, self._handed = self._handed, handed
        gate = monotonic() + GATE_SECONDS
        begun: list[Prepared] = []
        rest: list[Prepared] = group
        unnoted = handed
        try:
            begun, rest = await dispatch.begin(self._house, group, [found for each in handed if (found := plain(each))])
            unnoted = []
            self._noted_at = monotonic()
            self._begun_count -= len(handed)
            count_plain(self.name, handed)
        except Unavailable:
            raise
        except Exception:
            self._apart_until = monotonic() + APART_SECONDS  # each by itself, for one of them may be to blame
            raise
        finally:
            # What may have been begun without our knowing is not handed over, and is given back.
            self._begun_count -= len(rest)
            self._withheld += [(each.id, each.lease) for each in rest]
            self._results += unnoted
            if rest or unnoted:
                self._news.set()
        for each in begun:
            each.gate = gate
            self._waiting[each.id] = each
            self._begun.put_nowait(each)

    @property
    def _together(self) -> bool:
        """Whether what its providers have is noted by the statement that begins the next ones."""
        return bool(self._ready) and self._joins

    @property
    def _joins(self) -> bool:
        return not self._rests and not self._stopping and monotonic() >= self._apart_until

    @property
    def _linger(self) -> float:
        return RINGING_LINGER_SECONDS if self._share.ringing else LINGER_SECONDS

    @property
    def _back(self) -> int:
        return len(self._handed) if self._joins else 0

    # Handed over

    async def _work(self) -> None:
        while True:
            each = await self._begun.get()
            try:
                if not await self._may_go(each):
                    raise Withheld
                result = await self._tried(each)
            except Withheld:
                self._held_back(each)
            except asyncio.CancelledError:
                if self._surely_not(each):
                    self._held_back(each)
                raise
            else:
                self._came_back(each, result)

    def _surely_not(self, each: Prepared) -> bool:
        """Whether a try that was cut off did surely not leave."""
        return self._channel.asks and not each.asked

    async def _asks(self, each: Prepared) -> bool:
        """Its channel asks whether it may leave now."""
        each.asked = await self._may_go(each)
        return each.asked

    async def _may_go(self, each: Prepared) -> bool:
        """Whether a try may be handed over this moment."""
        if monotonic() > each.gate:
            self._waiting[each.id] = each
            await self._look_again()
        self._waiting.pop(each.id, None)
        return monotonic() <= each.gate

    async def _look_again(self) -> None:
        """Whether those that were begun a while ago may still be handed over: all that wait, by one statement. Without
        the database nobody knows, and none may."""
        async with self._looking:
            late = [each for each in self._waiting.values() if monotonic() > each.gate]
            if self._stopping or not late:
                return
            gate = monotonic() + GATE_SECONDS
            try:
                if old := [each for each in late if monotonic() - each.taken > RENEW_SECONDS]:
                    await dispatch.renew(self._house, old)
                allowed = await dispatch.still_allowed(self._house, late)
            except Unavailable:
                return
            except Exception:
                log.exception("dispatch.look_failed", channel=self.name)
                return
            for each in late:
                if each.id in allowed:
                    each.gate = gate

    async def _tried(self, each: Prepared) -> Accepted | ChannelError:
        result: Accepted | ChannelError
        try:
            async with asyncio.timeout(self._channel.seconds):
                return await self._channel.send(self._house, each.push(lambda: self._asks(each)))
        except ChannelError as error:
            result = error
        except Withheld:
            raise
        except TimeoutError:
            late = "It took too long."
            result = TemporarilyRefused(late) if self._surely_not(each) else Unknown(late)
        except Exception:
            # It may have been handed over before this went wrong.
            log.exception("dispatch.failed", delivery=str(each.id))
            result = Unknown()
        log.debug(
            "dispatch.not_sent", delivery=str(each.id), reason=result.code, code=result.provider_code,
            attempt=each.attempt,
        )  # fmt: skip
        return result

    def _came_back(self, each: Prepared, result: Accepted | ChannelError) -> None:
        assert each.started_at is not None
        tried = Tried(
            each.id, self.name, each.attempt, each.started_at, each.due_at, each.expires_at, each.sender.id, result
        )
        if plain(tried) is None:
            self._results.append(tried)
        else:
            self._handed.append(tried)
            if self._most_begun - self._begun_count + len(self._handed) >= self._worth:
                self._moved.set()
        self._news.set()
        self.pace.left()
        if not isinstance(result, (TemporarilyRefused, SenderPaused, NotConfigured)):
            self._refused = self._rests = 0
            return
        if self._resting:
            return  # of the same bad moment
        self._refused += 1
        if self._refused >= REFUSALS * self._at_once or self._rests:
            self._refused = 0
            self._rests += 1
            rest = min(LONGEST_REST, FIRST_REST * 2 ** min(self._rests - 1, 10))
            self._rest_until = monotonic() + rest
            log.warning("dispatch.resting", channel=self.name, reason=result.code, seconds=rest)

    def _held_back(self, each: Prepared) -> None:
        self._begun_count -= 1
        self._withheld.append((each.id, each.lease))
        self._news.set()

    # Noted

    async def _note_all(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if self._together and self._handed and not self._results and not self._withheld:
                await asyncio.sleep(LINGER_SECONDS)
            if not self._together or monotonic() - self._noted_at > self._linger:
                self._results += self._handed
                self._handed.clear()
            elif self._handed:
                self._news.set()
            results, withheld = self._results[:], self._withheld[:]
            if not results and not withheld:
                continue
            try:
                if withheld:
                    await dispatch.withhold(self._house, withheld)
                    del self._withheld[: len(withheld)]
                if results:
                    await self._settle(results)
            except Unavailable as error:
                log.warning("dispatch.notes_wait", channel=self.name, reason=error.code, results=len(self._results))
                await asyncio.sleep(RETRY_SECONDS)
                self._news.set()
            except Exception:
                log.exception("dispatch.notes_failed", channel=self.name)
                await asyncio.sleep(RETRY_SECONDS)
                self._news.set()
            self._moved.set()

    async def _settle(self, results: Sequence[Tried]) -> None:
        """Note what came back: all of it at once, or what can be noted of it. Raises what went wrong; what is not noted
        is kept for the next time."""
        try:
            await settle(self._house, results)
        except Unavailable:
            raise
        except Exception:
            for each in results:
                await self._settle_one(each)
            raise
        self._unnoted.clear()
        del self._results[: len(results)]
        self._begun_count -= len(results)

    async def _settle_one(self, result: Tried) -> None:
        """One that cannot be noted must not hold up the others, nor the channel for ever: after a while it is left
        alone, and becomes unknown when its lease is over. Raises Unavailable."""
        try:
            await settle(self._house, [result])
        except Unavailable:
            raise
        except Exception:
            if monotonic() - self._unnoted.setdefault(result.delivery_id, monotonic()) < NOTE_SECONDS:
                return
            log.exception("dispatch.not_noted", delivery=str(result.delivery_id))
        self._results.remove(result)
        self._begun_count -= 1
