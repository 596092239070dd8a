"""Rule 7: hours of states by where recipients live, as far as their records tell."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hotline.crm.viewer import SYSTEM, Viewer
from hotline.workflows.campaigns import campaigns
from hotline.workflows.customers.customers import update_customer
from hotline.workflows.house import House
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.push_channels import Push, PushChannel
from tests.integration.campaigns.conftest import MakeCampaign, People
from tests.integration.campaigns.running import SetClock, look
from tests.integration.campaigns.test_dispatch import dispatching, states_are


async def test_rule_07_who_lives_in_a_stricter_state_is_left_in_peace(
    house: House, approved: MakeCampaign, marketer: Viewer, people: People
) -> None:
    # Half past eight in the evening in San Francisco, where everybody's number is from.
    house.clock = SetClock(datetime(2026, 6, 2, 3, 30, tzinfo=UTC))
    there, moved, abroad = await people(3)
    (later,) = await people(1, preferences={"times": [{"days": [2], "from": "17:00", "to": "19:00"}]})
    for who, address in (
        (moved, {"text": "1 Ocean Drive\nMiami, FL 33139", "country": "US"}),
        (abroad, {"text": "1 Rue FL", "country": "FR"}),
    ):
        data: Any = {"addresses": [{"label": "", **address}]}
        await update_customer(house, SYSTEM, who, data)
    made = await approved(channel="sms")
    await campaigns.start(house, marketer, made.id)
    await look(house)

    async def send(_house: House, push: Push) -> Accepted:
        return Accepted(str(push.delivery_id), None, "sent")

    async with dispatching(house, sms=PushChannel(send=send, at_once=lambda _house: 1)):
        await states_are(house, made.id, sent=2, queued=2)
    rows = await house.db.fetch("SELECT customer_id, reason, due_at FROM delivery WHERE state = 'queued'")
    assert {row["reason"] for row in rows} == {"quiet_hours"}
    assert {row["customer_id"]: row["due_at"] for row in rows} == {
        moved: datetime(2026, 6, 2, 15, tzinfo=UTC),  # eight in the morning of the number's zone
        later: datetime(2026, 6, 3, 0, tzinfo=UTC),  # five in the afternoon of the Tuesday that they like
    }
    assert there != moved
