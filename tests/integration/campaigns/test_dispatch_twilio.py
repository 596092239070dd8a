"""Campaigns by SMS: what Twilio refuses, what it drops, what it tells later."""

from __future__ import annotations

import asyncio

from bench import blast
from hotline.jobs import messages
from hotline.simulator.twilio import Fault
from hotline.workflows.house import House
from hotline.workflows.pushes.push_unknown import resolve
from hotline.workflows.twilio.catch_up import catch_up
from tests.fakes.twilio import NUMBER, FakeTwilio, TwilioDoor
from tests.integration.campaigns.test_dispatch import dispatching, states_are
from tests.waiting import until

DAY = {"quiet_hours": {"apply": False, "hours": None}}


async def test_each_refusal_has_its_end_and_a_lost_answer_is_never_asked_again(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    await blast.people(house, 6)
    twilio.fails(
        Fault(status=429, code=20429, retry_after=300),
        Fault(status=400, code=21610),
        Fault(status=400, code=21211),
        Fault(drops=True, done=True),
    )
    twilio.hold("/messages/status")
    campaign_id = await blast.campaign(house, "sms", blast.text_content(), limits=DAY)
    async with dispatching(house):
        await states_are(house, campaign_id, sent=2, queued=1, suppressed=1, permanent_failure=1, unknown=1)
        again = await house.db.fetchrow(
            "SELECT error_code, due_at > now() AS later FROM delivery WHERE state = 'queued'"
        )
        assert again is not None
        assert (again["error_code"], again["later"]) == ("20429", True)
        held = await house.db.fetch("SELECT reason FROM suppression WHERE lifted_at IS NULL ORDER BY reason")
        assert [row["reason"] for row in held] == ["invalid", "opt_out"]
        await house.db.execute("UPDATE delivery SET due_at = now() - interval '1 s' WHERE state = 'queued'")
        await states_are(house, campaign_id, sent=3, suppressed=1, permanent_failure=1, unknown=1)
        # Twilio has it: its list says so, and so do its callbacks, late and backwards.
        assert await resolve(house) == 1
        await states_are(house, campaign_id, delivered=1, sent=3, suppressed=1, permanent_failure=1)
        await twilio.release(backwards=True)
        await twilio.quiet()
        await states_are(house, campaign_id, delivered=4, suppressed=1, permanent_failure=1)
    sent = [each.to for each in twilio.messages.received]
    assert len(sent) == len(set(sent)) == 4
    rows = await house.db.fetch("SELECT segments, provider_id, account_sid FROM delivery WHERE state = 'delivered'")
    assert {row["account_sid"] for row in rows} == {twilio.account_sid}
    assert all(row["provider_id"].startswith("SM") for row in rows)


async def test_what_left_though_nobody_saw_it_is_found_soon_by_itself(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    await blast.people(house, 2)
    twilio.fails(Fault(drops=True, done=True), Fault(status=500))
    twilio.hold("/messages/status")
    campaign_id = await blast.campaign(house, "sms", blast.text_content(), limits=DAY)
    async with dispatching(house):
        await states_are(house, campaign_id, unknown=2)
        looking = house.spawn(messages.run(house), "messages")
        # Twilio has one of them, and never heard of the other: that one stays for a person to decide.
        await states_are(house, campaign_id, delivered=1, unknown=1)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    assert len(twilio.messages.received) == 1


async def test_callbacks_that_never_came_are_made_up_for_by_the_list(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    await catch_up(house)
    await blast.people(house, 2)
    twilio.hold("/messages/status")
    campaign_id = await blast.campaign(house, "sms", blast.text_content(), limits=DAY)
    async with dispatching(house):
        await states_are(house, campaign_id, sent=2)
    await twilio.wait_for(lambda: len(twilio.held) >= 2)
    assert (await catch_up(house))["pushes"] == 2
    await states_are(house, campaign_id, delivered=2)
    assert (await catch_up(house))["pushes"] == 0
    assert len(twilio.messages.received) == 2


async def test_a_suspended_account_pauses_its_sender_and_what_waits_goes_on_afterwards(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    await blast.people(house, 2)
    twilio.fails(Fault(status=401, code=20003), Fault(status=401, code=20003))
    campaign_id = await blast.campaign(house, "sms", blast.text_content(), limits=DAY)

    async def paused() -> bool:
        return bool(await house.db.fetchval("SELECT count(*) FROM sender_pause"))

    async with dispatching(house):
        async with asyncio.timeout(30):
            await until(paused)
        await states_are(house, campaign_id, queued=2)
        await house.db.execute("DELETE FROM sender_pause")
        await house.db.execute("UPDATE delivery SET due_at = now() - interval '1 s'")
        await states_are(house, campaign_id, delivered=2)


async def test_rule_12_free_text_by_whatsapp_reaches_only_who_wrote_within_a_day(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    await blast.people(house, 2)
    await twilio.messages.write(f"whatsapp:{blast.phone_of(0)}", f"whatsapp:{NUMBER}", "Hello")
    twilio.messages.received.clear()
    await blast.sender(house, "whatsapp", NUMBER)
    campaign_id = await blast.campaign(house, "whatsapp", blast.text_content(), limits=DAY)
    async with dispatching(house):
        await states_are(house, campaign_id, delivered=1, permanent_failure=1)
    assert await house.db.fetchval("SELECT error_code FROM delivery WHERE state = 'permanent_failure'") == "63016"
    assert [each.to for each in twilio.messages.received] == [f"whatsapp:{blast.phone_of(0)}"]
