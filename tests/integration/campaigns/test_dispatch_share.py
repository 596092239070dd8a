"""A call's pop goes before a blast: while calls ring, dispatching keeps to a part of the machine."""

from __future__ import annotations

from datetime import timedelta

from bench import blast
from hotline.calls.story import Alias, CallArrived
from hotline.ids import new_id
from hotline.jobs.dispatch_share import AT_WORK, BURST_SECONDS, LONGEST_WAIT, SHARE, Share, calls_rang
from hotline.workflows.calls.calls import apply
from hotline.workflows.house import House
from tests.integration.campaigns.test_dispatch import dispatching, states_are


class Machine:
    """Time and what was used of it, in seconds."""

    def __init__(self, processors: int) -> None:
        self.now = self.used = 0.0
        self.share = Share(processors, used=lambda: self.used, now=lambda: self.now)

    def sends_for(self, seconds: float, step: float = 0.01) -> float:
        """The part of a processor that is used when every group takes one ``step`` of one."""
        used, end = self.used, self.now + seconds
        while self.now < end:
            wait = self.share.wait()
            if not wait:
                self.used += step
            self.now += max(wait, 0.001) if wait else step
        return (self.used - used) / seconds


def test_while_calls_ring_a_part_of_the_machine_is_used() -> None:
    two = Machine(2)
    assert two.sends_for(10) > 0.99
    two.share.ringing = True
    assert abs(two.sends_for(100) - 2 * SHARE) < 0.01
    two.share.ringing = False
    assert two.sends_for(10) > 0.99
    two.now += 3600
    two.share.ringing = True
    assert two.sends_for(1) <= 2 * SHARE * (1 + BURST_SECONDS) + 0.02, "what was not used is not saved up"


def test_a_large_machine_is_not_slowed_and_what_others_use_stops_nobody() -> None:
    large = Machine(16)
    large.share.ringing = True
    assert large.sends_for(10) > 0.99
    busy = Machine(1)
    busy.share.ringing = True
    for _ in range(5):
        busy.used += 100
        assert 0 < busy.share.wait() <= LONGEST_WAIT
        busy.now += LONGEST_WAIT
        assert busy.share.wait() == 0


async def test_calls_are_known_and_campaigns_go_on_beside_them(house: House) -> None:
    assert not await calls_rang(house)
    line = CallArrived(
        new_id(), house.clock(), interface="PJSIP/trunk", number=None, name=None, withheld=True, dialled="100",
        aliases=(Alias("uniqueid", "1.1"),), age=0.0,
    )  # fmt: skip
    await apply(house, "pbx", [line])
    assert await calls_rang(house)
    await blast.people(house, 60)
    campaign_id = await blast.campaign(house, "console", blast.text_content())
    async with dispatching(house):
        await states_are(house, campaign_id, delivered=60)
    now = house.clock()
    house.clock = lambda: now + AT_WORK + timedelta(seconds=1)
    assert not await calls_rang(house)
