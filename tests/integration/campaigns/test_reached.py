"""Who is written to, and where: the contact point of the approval or none."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hotline.crm.queries.campaigns.manifests import get_manifest
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.workflows.campaigns import campaigns
from hotline.workflows.customers.customers import update_customer
from hotline.workflows.house import House
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.push_channels import Push, PushChannel
from tests.integration.campaigns.conftest import MakeCampaign, People
from tests.integration.campaigns.running import look
from tests.integration.campaigns.test_dispatch import dispatching, states_are


async def test_rule_15_an_address_that_changed_since_gets_nothing(
    house: House, approved: MakeCampaign, marketer: Viewer, people: People
) -> None:
    stays, changes, loses, altered = await people(4)
    made = await approved(channel="email")
    assert made.manifest_id is not None
    frozen = await get_manifest(house.db, house.keyring, SYSTEM, made.manifest_id)
    assert (frozen.content["recipients"]["count"], frozen.content["recipients"]["kinds"]) == (4, ["email"])

    async def points(who: UUID, *emails: str) -> None:
        known = await get_customer(house.db, house.keyring, SYSTEM, who)
        kept = [{"id": each.id} for each in known.contact_points if each.kind != "email"]
        data: Any = {"contact_points": [*kept, *({"kind": "email", "value": each} for each in emails)]}
        await update_customer(house, SYSTEM, who, data)

    await points(changes, "another@example.org")
    await points(loses)
    # A row that somebody changed by hand reaches nobody else's address.
    await house.db.execute(
        """UPDATE recipient SET contact_point_id = (SELECT contact_point_id FROM recipient WHERE customer_id = $1)
           WHERE customer_id = $2""",
        *(stays, altered),
    )
    sent: list[str] = []

    async def send(_house: House, push: Push) -> Accepted:
        sent.append(push.to)
        return Accepted(str(push.delivery_id), None, "sent")

    await campaigns.start(house, marketer, made.id)
    await look(house)
    async with dispatching(house, email=PushChannel(send=send, at_once=lambda _house: 1)):
        await states_are(house, made.id, sent=1, suppressed=3)
    rows = await house.db.fetch("SELECT customer_id, reason FROM delivery WHERE state = 'suppressed'")
    assert {row["customer_id"]: row["reason"] for row in rows} == dict.fromkeys(
        (changes, loses, altered), "no_contact_point"
    )
    stayed = await get_customer(house.db, house.keyring, SYSTEM, stays)
    assert sent == [each.value for each in stayed.contact_points if each.kind == "email"]
