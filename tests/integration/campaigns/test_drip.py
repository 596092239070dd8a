"""A campaign's drip holds for what became due at once: after a night, or a time in which nobody sent."""

from __future__ import annotations

from uuid import uuid4

from hotline.bus.rates import SharedBuckets
from hotline.crm.viewer import Viewer
from hotline.jobs.dispatch_rates import DRIP_SECONDS, Pace
from hotline.workflows.campaigns import campaigns
from hotline.workflows.house import House
from hotline.workflows.pushes.push_channels import channels
from tests.integration.campaigns.conftest import MakeCampaign, People
from tests.integration.campaigns.running import look
from tests.integration.campaigns.test_dispatch import dispatching, states_are


async def test_what_is_due_at_once_leaves_at_the_approved_rate_and_holds_up_no_other(
    house: House, approved: MakeCampaign, marketer: Viewer, people: People
) -> None:
    await people(5)
    drips = await approved(channel="console", schedule={"mode": "now", "drip": {"messages": 1, "per": "day"}})
    other = await approved(channel="console")
    await campaigns.start(house, marketer, drips.id)
    await look(house)
    await house.db.execute(
        """INSERT INTO delivery (id, campaign_id, manifest_id, customer_id, channel, state, due_at, expires_at)
           SELECT gen_random_uuid(), d.campaign_id, d.manifest_id, r.customer_id, d.channel, 'queued', d.due_at,
               d.expires_at
           FROM delivery d JOIN recipient r ON r.manifest_id = d.manifest_id AND r.customer_id <> d.customer_id
           WHERE d.campaign_id = $1""",
        drips.id,
    )
    async with dispatching(house):
        await states_are(house, drips.id, delivered=1, queued=4)
        await campaigns.start(house, marketer, other.id)
        await look(house)
        await states_are(house, other.id, delivered=5)
        await states_are(house, drips.id, delivered=1, queued=4)


async def test_processes_keep_to_one_drip_together() -> None:
    campaign, per_second = uuid4(), 50.0
    paces = [Pace("sms", channels()["sms"], SharedBuckets("", "rates")) for _ in range(2)]
    granted = []
    for pace in paces:
        pace.processes = 2
        granted.append(await pace.drip(campaign, per_second, 1_000))
        assert await pace.drip(campaign, per_second, 7) == 7, "what is not needed yet is kept"
    assert sum(granted) <= per_second * DRIP_SECONDS
    slow = uuid4()
    assert await paces[0].drip(slow, 1e-6, 1_000) == 1
    paces[0].dripped(slow, 1)
    assert await paces[0].drip(slow, 1e-6, 1_000) == 0
