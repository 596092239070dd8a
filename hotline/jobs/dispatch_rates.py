"""The pace of one channel: which of the messages that are ready may begin now, by the rates of the channel, of their
senders and of where they go."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import islice
from time import monotonic
from typing import Final
from uuid import UUID

from hotline.bus.rates import SharedBuckets, Wanted
from hotline.crm.queries.pushes.push_campaigns import Rate, Rates
from hotline.workflows.pushes.dispatch import Prepared
from hotline.workflows.pushes.push_channels import PushChannel

#: A blast leaves a tenth of every rate to what people write to one another.
SHARE: Final = 0.9
#: Seconds for which granted tokens that nobody used are kept.
KEPT_SECONDS: Final = 1.0
#: Messages that are looked at for one group: beyond those whose destination must wait.
MOST_LOOKED_AT: Final = 500
#: Seconds between two askings while nothing is granted.
SHORTEST_WAIT: Final = 0.02
LONGEST_WAIT: Final = 1.0
#: Seconds of a sender's rate that conversations may use up before campaigns have paid for it.
CREDIT_SECONDS: Final = 60.0
#: Seconds of a drip that may leave at once.
DRIP_SECONDS: Final = 2.0
#: Seconds over which what left is averaged.
_WINDOW: Final = 2.0


class Pace:
    """``rates`` and ``processes`` are renewed by the dispatcher."""

    def __init__(self, channel: str, served: PushChannel, buckets: SharedBuckets) -> None:
        self.rates = Rates()
        self.processes = 1
        self._channel = channel
        self._served = served
        self._buckets = buckets
        self._granted: dict[str, tuple[int, float]] = {}
        self._left: deque[float] = deque(maxlen=20_000)
        #: Messages of campaigns that drip which may be taken.
        self._drips: dict[UUID, int] = {}
        #: What conversations had spent when it was looked at last, of each sender; and what is not charged yet of it.
        self._spent: dict[UUID, int] = {}
        self._owed: dict[UUID, float] = {}

    def left(self) -> None:
        """One message left."""
        self._left.append(monotonic())

    @property
    def per_second(self) -> float:
        """How many left lately."""
        since = monotonic() - _WINDOW
        while self._left and self._left[0] < since:
            self._left.popleft()
        return len(self._left) / _WINDOW

    async def drip(self, campaign_id: UUID, per_second: float, most: int) -> int:
        """How many messages of a campaign that drips may be taken now, at most ``most``; tell with ``dripped`` how many
        were. What was granted and is not needed yet is kept: a drip may be as slow as one in a day.

        Whatever became due at once, as after a night or a time in which nobody sent, leaves at the approved rate, of
        all processes together."""
        burst = max(1, int(per_second * DRIP_SECONDS))
        kept = min(burst, self._drips.get(campaign_id, 0))
        want = min(most, burst) - kept
        if want > 0:
            (granted,) = await self._buckets.take(
                [Wanted(f"drip:{campaign_id}", per_second, burst, want)], self.processes
            )
            kept += granted
        self._drips[campaign_id] = kept
        return min(most, kept)

    def dripped(self, campaign_id: UUID, count: int) -> None:
        """So many of what was granted were taken."""
        self._drips[campaign_id] = max(0, self._drips.get(campaign_id, 0) - count)

    async def pick(self, ready: deque[Prepared], most: int) -> tuple[list[Prepared], float]:
        """Take out of ``ready`` the next ones that may begin, at most ``most``; and the seconds to wait when there are
        none. Those whose destination has had enough let others pass."""
        looked = list(islice(ready, MOST_LOOKED_AT if self.rates.destination else most))
        limits = [self._limits(each) for each in looked]
        asked: dict[str, tuple[Rate, int]] = {}
        for names in limits:
            for name, rate in names:
                asked[name] = (rate, asked[name][1] + 1 if name in asked else 1)
        if not asked:
            return [ready.popleft() for _ in range(min(most, len(ready)))], 0.0
        await self._ask(asked, most)
        group: list[Prepared] = []
        for each, names in zip(looked, limits, strict=True):
            if len(group) >= most:
                break
            if all(self._granted.get(name, (0, 0.0))[0] > 0 for name, _ in names):
                for name, _ in names:
                    tokens, at = self._granted[name]
                    self._granted[name] = (tokens - 1, at)
                group.append(each)
        chosen = {each.id for each in group}
        if chosen:
            kept = [each for each in ready if each.id not in chosen]
            ready.clear()
            ready.extend(kept)
        slowest = min(rate.per_second for rate, _ in asked.values()) * SHARE / max(1, self.processes)
        return group, min(LONGEST_WAIT, max(SHORTEST_WAIT, 1.0 / slowest if slowest > 0 else LONGEST_WAIT))

    async def charge(self, spent: Mapping[UUID, int]) -> None:
        """Take what conversations have spent since the last time, of each sender, out of the campaigns' buckets: their
        messages never wait, and both together keep to the sender's rate. Each process pays its part."""
        for sender, total in spent.items():
            new = total - self._spent.get(sender, total)
            self._spent[sender] = total
            if new > 0:
                self._owed[sender] = self._owed.get(sender, 0.0) + new / max(1, self.processes)
        wanted = []
        for sender, owed in self._owed.items():
            rate = self._rate_of(str(sender))
            if owed >= 1 and rate is not None:
                credit = CREDIT_SECONDS * rate.per_second * SHARE
                wanted.append(self._wanted(self._bucket_of(str(sender)), rate, int(owed), credit))
        self._owed = {sender: owed % 1 for sender, owed in self._owed.items()}
        if wanted:
            await self._buckets.take(wanted, self.processes)
            for each in wanted:
                self._granted.pop(each.name, None)

    def _rate_of(self, sender: str) -> Rate | None:
        rate = self.rates.sender.get(sender)
        if rate is None and self._served.per_second is not None:
            rate = Rate(self._served.per_second, self._served.burst)
        return rate

    def _bucket_of(self, sender: str) -> str:
        return f"sender:{self._channel}:{sender}"

    @staticmethod
    def _wanted(name: str, rate: Rate, want: int, credit: float = 0.0) -> Wanted:
        return Wanted(name, rate.per_second * SHARE, max(1, int(rate.burst * SHARE)), want, credit)

    def _limits(self, each: Prepared) -> list[tuple[str, Rate]]:
        """The buckets that a message needs a token of."""
        found: list[tuple[str, Rate]] = []
        if (rate := self.rates.channel.get(self._channel)) is not None:
            found.append((f"channel:{self._channel}", rate))
        sender = str(each.sender.id or each.sender.address or "")
        if (rate := self._rate_of(sender)) is not None:
            found.append((self._bucket_of(sender), rate))
        if self.rates.destination and (rate := self.rates.destination.get(each.destination)) is not None:
            found.append((f"destination:{each.destination}", rate))
        return found

    async def _ask(self, asked: dict[str, tuple[Rate, int]], most: int) -> None:
        """Have as many tokens of each as are needed, if they are granted."""
        now = monotonic()
        wanted = []
        for name, (rate, count) in asked.items():
            tokens, at = self._granted.get(name, (0, now))
            if now - at > KEPT_SECONDS:
                tokens = 0
            self._granted[name] = (tokens, at if tokens else now)
            missing = min(count, most) - tokens
            if missing > 0:
                wanted.append(self._wanted(name, rate, missing))
        granted = await self._buckets.take(wanted, self.processes)
        for each, more in zip(wanted, granted, strict=True):
            tokens, at = self._granted[each.name]
            self._granted[each.name] = (tokens + more, at if tokens else now)
        if len(self._granted) > len(asked) + 1_000:
            self._granted = {name: self._granted[name] for name in asked}
