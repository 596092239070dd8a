"""What is known of recipients as their messages leave: suppression, consent, what they got lately of any campaign."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from hotline.campaigns.limits import read_limits
from hotline.campaigns.policy import Drop, Send, SendRules, decide, rules_of
from hotline.crm.commands.consent.consents import withdraw
from hotline.crm.commands.consent.opt_outs import opt_out
from hotline.crm.commands.pushes.policy_locks import one_at_a_time
from hotline.crm.queries.pushes.policy_facts import Asked, load
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.workflows.campaigns import campaigns
from hotline.workflows.house import House
from tests.integration.campaigns.conftest import MakeCampaign, People
from tests.integration.campaigns.running import became, look, released


def rules(**limits: Any) -> SendRules:
    """Of a campaign by email, which keeps no quiet hours."""
    return rules_of(read_limits(limits), "email", "marketing", "UTC")


async def running(house: House, marketer: Viewer, campaign_id: UUID) -> list[Asked]:
    """Start a campaign; what it released."""
    await campaigns.start(house, marketer, campaign_id)
    await look(house)
    return [
        Asked(row["id"], row["customer_id"], row["contact_point_id"], row["due_at"], row["expires_at"])
        for row in await released(house, campaign_id)
    ]


async def verdicts(house: House, asked: list[Asked], by: SendRules) -> dict[UUID, object]:
    """What is decided of each customer now."""
    now = house.clock()
    facts = await load(house.db, SYSTEM, by, asked, now)
    return {each.customer_id: decide(facts[each.delivery_id], by, now) for each in asked}


async def test_rule_03_each_no_holds_before_the_next_message(
    house: House, marketer: Viewer, people: People, approved: MakeCampaign
) -> None:
    stays, left, took_back, erased, moved = await people(5)
    campaign = await approved(channel="email")
    asked = await running(house, marketer, campaign.id)
    assert set((await verdicts(house, asked, rules())).values()) == {Send()}

    point = next(each.contact_point_id for each in asked if each.customer_id == left)
    async with house.unit(SYSTEM) as uow:
        index = await uow.fetchval("SELECT value_index FROM contact_point WHERE id = $1", point)
        await opt_out(uow, "email", index, reason="complaint", source="provider")
        await withdraw(uow, took_back, "email", "marketing", source="agent")
        await uow.execute("UPDATE customer SET erased_at = now() WHERE id = $1", erased)
        await uow.execute("DELETE FROM contact_point WHERE customer_id = $1 AND kind = 'email'", moved)
    assert await verdicts(house, asked, rules()) == {
        stays: Send(),
        left: Drop("suppressed", "suppressed"),
        took_back: Drop("suppressed", "consent_withdrawn"),
        erased: Drop("suppressed", "erased"),
        moved: Drop("suppressed", "no_contact_point"),
    }


async def test_caps_count_what_other_campaigns_sent_and_are_sending(
    house: House, marketer: Viewer, people: People, approved: MakeCampaign
) -> None:
    got, gets, free = sorted(await people(3))
    by_sms, by_mail = await approved(channel="sms"), await approved(channel="email")
    await running(house, marketer, by_sms.id)
    asked = await running(house, marketer, by_mail.id)
    capped = rules(caps=[{"messages": 1, "days": 7}])
    # One was sent to yesterday by SMS, the try to send to another one runs at this moment.
    await became(house, by_sms.id, "sent", 1)
    await became(house, by_sms.id, "sending", 1, updated_at=house.clock())
    found = await verdicts(house, asked, capped)
    assert found == {
        got: Drop("suppressed", "frequency_cap"), gets: Drop("suppressed", "frequency_cap"), free: Send(),
    }  # fmt: skip
    # A week later it is forgotten.
    await house.db.execute(
        "UPDATE delivery SET sent_at = sent_at - $1::interval, updated_at = updated_at - $1::interval",
        timedelta(days=7, minutes=1),
    )
    assert set((await verdicts(house, asked, capped)).values()) == {Send()}


async def test_two_campaigns_at_the_same_moment_do_not_miss_each_other(
    house: House, marketer: Viewer, people: People, approved: MakeCampaign
) -> None:
    await people(4)
    first, second = await approved(channel="email"), await approved(channel="email")
    asked = [await running(house, marketer, each.id) for each in (first, second)]
    capped = rules(caps=[{"messages": 1, "days": 7}])
    both = asyncio.Barrier(2)

    async def send(mine: list[Asked]) -> int:
        """As dispatch does: decide, and commit the tries, in one unit."""
        await both.wait()
        async with house.unit(SYSTEM) as uow:
            await one_at_a_time(uow, capped, [each.customer_id for each in mine])
            facts = await load(uow, SYSTEM, capped, mine, uow.now)
            leave = [each.delivery_id for each in mine if decide(facts[each.delivery_id], capped, uow.now) == Send()]
            await uow.execute(
                "UPDATE delivery SET state = 'sending', updated_at = $2 WHERE id = ANY($1::uuid[])", leave, uow.now
            )
        return len(leave)

    assert sorted(await asyncio.gather(*(send(each) for each in asked))) == [0, 4]
