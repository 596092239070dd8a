"""What a reviewer sees: findings, what changed since the last approval, messages of recipients that the hash chose."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from hotline.crm.company import Prices
from hotline.crm.queries.campaigns.campaigns import CampaignView
from hotline.crm.queries.campaigns.manifests import list_manifests
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import NotFound
from hotline.workflows.campaigns import campaign_review as review
from hotline.workflows.campaigns import campaigns
from hotline.workflows.campaigns.campaign_looks import Look, look_at
from hotline.workflows.campaigns.template_tests import send_submitted
from hotline.workflows.company import company
from hotline.workflows.house import House
from hotline.workflows.pushes import push_rates
from hotline.workflows.pushes.push_rates import KeptRate
from tests.integration.campaigns.conftest import MakeCampaign, People
from tests.integration.mail import mail_house
from tests.integration.people import add_user
from tests.integration.web.conftest import Api


async def seen(house: House, viewer: Viewer, campaign: CampaignView) -> Look:
    manifest = (await list_manifests(house.db, house.keyring, SYSTEM, campaign.id))[0]
    return await look_at(house, viewer, campaign, manifest)


def codes(look: Look, *severities: str) -> set[str]:
    return {each.code for each in look.findings if not severities or each.severity in severities}


async def test_findings_name_what_is_missing(
    house: House, submitted: MakeCampaign, people: People, reviewer: Viewer
) -> None:
    await people(2)
    await people(1, channels=("email",))
    made = await submitted(
        variants=[
            {"locale": "en", "body": "Hello {{ name }}, {{ tier }} members pay http://bit.ly/x"},
            {"locale": "zh", "body": "您好 {{ name }}"},
        ],
        limits={"quiet_hours": {"apply": False}},
        schedule={"mode": "at", "at": "2090-01-01T23:30:00Z"},
    )
    look = await seen(house, reviewer, made)
    assert codes(look, "stop") >= {"opt_out_missing", "sms_signature_missing", "quiet_hours_off"}
    assert codes(look, "warn") >= {"link_shortened", "link_not_encrypted", "value_missing", "begins_in_quiet_hours"}
    missing = next(each for each in look.findings if each.code == "value_missing")
    assert dict(missing.values) == {"name": "customer.tier", "people": 2, "of": 2}
    assert "no_consent_left_out" in codes(look, "info")
    severities = [each.severity for each in look.findings]
    assert severities == sorted(severities, key=["stop", "warn", "info", "ok"].index)


async def test_what_is_fine_is_said(house: House, submitted: MakeCampaign, reviewer: Viewer) -> None:
    look = await seen(house, reviewer, await submitted())
    assert codes(look, "stop", "warn") == set()
    assert codes(look, "ok") == {"opt_out_fine", "links_fine", "consent_fine", "values_fine", "quiet_hours_fine"}


async def test_samples_are_the_messages_that_would_be_sent(
    house: House, submitted: MakeCampaign, people: People, reviewer: Viewer
) -> None:
    """A reviewer who may not read numbers sees their ends alone."""
    await people(15)
    made = await submitted()
    look = await seen(house, reviewer, made)
    assert len(look.samples) == 12
    assert look.looked.people == 15
    again = await seen(house, reviewer, made)
    assert [each.position for each in look.samples] == [each.position for each in again.samples]
    for sample in look.samples:
        assert sample.customer is not None
        assert sample.preview is not None
        assert sample.preview.rendered.body == f"Hello {sample.customer.name}, our news. Reply STOP to opt out."
        assert "•" in sample.to


async def test_the_difference_to_the_last_approved_version(
    house: House, approved: MakeCampaign, marketer: Viewer, reviewer: Viewer, people: People
) -> None:
    made = await approved()
    assert (await seen(house, reviewer, made)).before is None
    await people(1)
    changed: Any = {"variants": [{"locale": "en", "body": "Hello {{ name }}, old news. Reply STOP to opt out."}]}
    await campaigns.update_campaign(house, marketer, made.id, changed)
    again = await review.submit(house, marketer, made.id)
    look = await seen(house, reviewer, again)
    assert look.before is not None
    assert look.before.number == 1
    found = {each.path: each for each in look.changes}
    assert set(found) == {"variants.A.content.locales.en.body", "recipients.count"}
    assert (found["recipients.count"].before, found["recipients.count"].after) == (3, 4)
    parts = found["variants.A.content.locales.en.body"].parts
    assert ("gone", "our") in parts
    assert ("new", "old") in parts


async def test_the_look_over_the_api(api: Api, submitted: MakeCampaign) -> None:
    made = await submitted()
    body = await api.get(f"/campaigns/{made.id}/review", role="reviewer")
    assert (body["manifest"]["number"], body["compared_to"], body["looked_at"], len(body["samples"])) == (1, None, 3, 3)
    assert all(each["severity"] in ("info", "ok") for each in body["findings"])
    assert body["samples"][0]["body"].startswith("Hello Person")
    await api.get(f"/campaigns/{made.id}/review?number=9", role="reviewer", status=404)


async def test_a_reviewer_is_told_what_it_costs_and_how_long_it_takes(
    house: House, api: Api, submitted: MakeCampaign, people: People, senders: dict[str, UUID], reviewer: Viewer
) -> None:
    await company.put(house, SYSTEM, Prices(sms="+1415 0.05\n+1 9"))
    await people(4)
    schedule = {"mode": "at", "at": "2090-01-01T12:00:00Z", "drip": {"messages": 1, "per": "minute"}}
    made = await submitted(schedule=schedule)
    expected = (await api.get(f"/campaigns/{made.id}/review", role="reviewer"))["expected"]
    assert (expected["messages"], expected["parts"], expected["unpriced"], expected["exact"]) == (4, 4, 0, True)
    assert (Decimal(expected["cost"]), expected["seconds"]) == (Decimal("0.2"), 240)
    # A sender's own rate holds where it is the slowest.
    await push_rates.set_rates(house, SYSTEM, [KeptRate("sender", str(senders["sms"]), 0.01, 1)])
    assert (await seen(house, reviewer, made)).expected.seconds == 400  # type: ignore[union-attr]


async def test_a_reviewer_has_what_was_submitted_sent_to_themselves(
    house: House, api: Api, submitted: MakeCampaign
) -> None:
    """To their own address, whatever became of the draft; who neither reviews nor writes asks in vain."""
    eva = await add_user(house, "eva", "reviewer", email="eva@company.example")
    variants = [{"locale": "en", "subject": "News for {{ name }}", "body": "Hello.\n\n{{ unsubscribe_url }}"}]
    async with mail_house(house) as sink:
        made = await submitted(channel="email", variants=variants)
        manifest = (await list_manifests(house.db, house.keyring, SYSTEM, made.id))[0]
        await send_submitted(house, eva, manifest)
        assert [mail.recipients for mail in sink.mails] == [["eva@company.example"]]
        assert sink.mails[0].mail["Subject"] == "[Test] News for Alex Morgan"
        with pytest.raises(NotFound):
            await send_submitted(house, eva, manifest, variant="Z")
        path = f"/campaigns/{made.id}/review/test"
        refused = await api.post(path, {"variant": "A", "locale": "en"}, role="reviewer", status=422)
        assert "you have no email address" in refused["detail"]
        await api.post(path, {}, role="supervisor", status=403)
        assert len(sink.mails) == 1
    assert await house.db.fetchval("SELECT count(*) FROM audit_entry WHERE action = 'template:tested'") == 1
