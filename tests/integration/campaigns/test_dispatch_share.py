"""A call's pop goes before a blast: the dispatcher knows when calls ring, and campaigns go on beside them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from bench import blast
from hotline.calls import names
from hotline.calls.story import Alias, CallArrived, CallEnded
from hotline.ids import new_id
from hotline.jobs.dispatch_share import AT_WORK, Desk
from hotline.workflows.calls.calls import apply
from hotline.workflows.house import House
from tests.integration.campaigns.test_dispatch import dispatching, states_are


async def arrive(house: House, call_id: UUID) -> None:
    """A call comes."""
    line = CallArrived(
        call_id, house.clock(), interface="PJSIP/trunk", number=None, name=None, withheld=True, dialled="100",
        aliases=(Alias("uniqueid", str(call_id)),), age=0.0,
    )  # fmt: skip
    await apply(house, "pbx", [line])


async def test_calls_are_known_and_campaigns_go_on_beside_them(house: House) -> None:
    desk = Desk()
    assert not await desk.rang(house)
    call_id = new_id()
    await arrive(house, call_id)
    assert await desk.rang(house)
    await apply(house, "pbx", [CallEnded(call_id, house.clock(), "no_answer", None, True, age=0.0)])
    assert await desk.rang(house), "one that is over came lately all the same"
    await blast.people(house, 60)
    campaign_id = await blast.campaign(house, "console", blast.text_content())
    async with dispatching(house):
        await states_are(house, campaign_id, delivered=60)
    now = house.clock()
    house.clock = lambda: now + AT_WORK + timedelta(seconds=1)
    assert not await desk.rang(house)


async def test_a_call_counts_by_our_own_clock(house: House) -> None:
    """Its id tells the second at which its PBX thinks that it began."""
    desk = Desk()
    await arrive(house, names.call_id("pbx", "1000000000.1"))
    assert await desk.rang(house)
    now = house.clock()
    house.clock = lambda: now - timedelta(days=1)
    assert not await desk.rang(house), "the clock was put back: that call is of the future"
    await arrive(house, names.call_id("pbx", "2000000000.2"))
    assert await desk.rang(house)
