"""Which messages of an approved campaign are released when: each recipient's one, once, and never too late."""

from __future__ import annotations

from hotline.crm.viewer import Viewer
from hotline.workflows import campaigns
from hotline.workflows.house import House
from tests.integration.campaigns.conftest import MakeCampaign, People
from tests.integration.campaigns.running import became, look, released, run_of, state_of


async def test_every_recipient_gets_one_delivery_and_the_campaign_completes(
    house: House, marketer: Viewer, people: People, approved: MakeCampaign
) -> None:
    who = await people(5)
    campaign = await approved(schedule={"mode": "now"})
    await look(house)
    assert await released(house, campaign.id) == []  # Nobody started it.

    await campaigns.start(house, marketer, campaign.id)
    await look(house)
    rows = await released(house, campaign.id)
    assert [row["customer_id"] for row in rows] == sorted(who)
    assert {row["state"] for row in rows} == {"queued"}
    assert {row["due_at"] <= house.clock() < row["expires_at"] for row in rows} == {True}
    assert (await state_of(house, campaign.id))[0] == "running"

    await became(house, campaign.id, "sent")
    await look(house)
    assert (await state_of(house, campaign.id))[0] == "completed"
    run = await run_of(house, campaign.id)
    assert (run["state"], run["figures"]["sent"], run["next_position"]) == ("completed", 5, 5)
