"""A company with people who agreed, a segment of them, and campaigns at every step of their way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol
from uuid import UUID

import pytest

from hotline.campaigns.consent import Channel, Purpose
from hotline.crm.commands.campaigns.segments import create_segment
from hotline.crm.commands.consent.consents import grant
from hotline.crm.commands.conversations.senders import create_sender
from hotline.crm.queries.campaigns.campaigns import CampaignView
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.workflows.campaigns import campaign_review, campaigns
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House
from tests.integration.people import add_user
from tests.integration.web.conftest import api  # noqa: F401 - a fixture

#: From which the campaigns of the tests are sent.
SMS_SENDER = "+15005550006"
MAIL_SENDER = "news@company.example"
BODY = "Hello {{ name }}, our news. Reply STOP to opt out."


@pytest.fixture
async def marketer(house: House) -> Viewer:
    """Writes campaigns, segments and templates."""
    return await add_user(house, "mia", "marketer")


@pytest.fixture
async def reviewer(house: House) -> Viewer:
    """Approves what others wrote."""
    return await add_user(house, "rex", "reviewer")


@pytest.fixture
async def second_reviewer(house: House) -> Viewer:
    """Another one."""
    return await add_user(house, "ria", "reviewer")


People = Callable[..., Awaitable[list[UUID]]]


@pytest.fixture
async def people(house: House) -> People:
    """Customers with a number and an email each, who agreed to marketing over ``channels``."""
    made = 0

    async def add(
        count: int = 3,
        *,
        channels: Sequence[Channel] = ("sms", "whatsapp", "email", "voice", "inapp"),
        purpose: Purpose = "marketing",
        locale: str = "en",
        **fields: Any,
    ) -> list[UUID]:
        nonlocal made
        found = []
        for _ in range(count):
            made += 1
            data: Any = {
                "name": f"Person {made}",
                "locale": locale,
                "contact_points": [
                    {"kind": "phone", "value": f"+1415555{1000 + made}"},
                    {"kind": "email", "value": f"person{made}@example.com"},
                ],
                **fields,
            }
            found.append((await create_customer(house, SYSTEM, data)).id)
        async with house.unit(SYSTEM) as uow:
            for customer_id in found:
                for channel in channels:
                    await grant(uow, customer_id, channel, purpose, source="form", wording="Yes, send me news")
        return found

    return add


@pytest.fixture
async def segment(house: House, marketer: Viewer) -> UUID:
    """Everybody."""
    async with house.unit(marketer) as uow:
        segment_id = uow.new_id()
        await create_segment(uow, segment_id, "Everybody", "", {"all": []})
    return segment_id


@pytest.fixture
async def senders(house: House) -> dict[str, UUID]:
    """A sender of each channel that has any."""
    found = {}
    async with house.unit(SYSTEM) as uow:
        for channel in ("sms", "whatsapp", "voice"):
            found[channel] = await create_sender(uow, channel, SMS_SENDER, {"name": "", "country": "US"})
        found["email"] = await create_sender(uow, "email", MAIL_SENDER, {"name": "Company"})
    return found


class MakeCampaign(Protocol):
    """Makes a campaign; ``fields`` stand in place of the usual ones."""

    async def __call__(self, **fields: Any) -> CampaignView: ...


@pytest.fixture
async def campaign(house: House, marketer: Viewer, segment: UUID, senders: dict[str, UUID]) -> MakeCampaign:
    """A draft by SMS to everybody, by the marketer, complete."""

    async def make(**fields: Any) -> CampaignView:
        channel = fields.get("channel", "sms")
        data: Any = {
            "name": "News",
            "channel": channel,
            "sender": senders.get(channel),
            "segment_id": segment,
            "variants": [_variant(channel)],
            **fields,
        }
        return await campaigns.create_campaign(house, marketer, data)

    return make


def _variant(channel: str) -> dict[str, Any]:
    match channel:
        case "email":
            return {"locale": "en", "subject": "News for {{ name }}", "body": f"{BODY}\n\n{{{{ unsubscribe_url }}}}"}
        case "inapp":
            return {"locale": "en", "title": "News", "body": BODY}
        case "voice":
            return {"locale": "en", "body": "Hello {{ name }}.", "opt_out_key": "9", "opt_out": "Press 9 to opt out."}
        case _:
            return {"locale": "en", "body": BODY}


@pytest.fixture
async def submitted(house: House, marketer: Viewer, people: People, campaign: MakeCampaign) -> MakeCampaign:
    """The same, submitted for review. Without customers in the house three are added."""

    async def make(**fields: Any) -> CampaignView:
        if not await house.db.fetchval("SELECT EXISTS (SELECT 1 FROM customer)"):
            await people(3)
        made = await campaign(**fields)
        return await campaign_review.submit(house, marketer, made.id)

    return make


@pytest.fixture
async def approved(house: House, reviewer: Viewer, submitted: MakeCampaign) -> MakeCampaign:
    """The same, approved by the reviewer."""

    async def make(**fields: Any) -> CampaignView:
        made = await submitted(**fields)
        return await campaign_review.approve(house, reviewer, made.id)

    return make
