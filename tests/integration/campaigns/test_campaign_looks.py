"""What a reviewer sees: findings, what changed since the last approval, messages of recipients that the hash chose."""

from __future__ import annotations

from typing import Any

from hotline.crm.queries.campaigns import CampaignView
from hotline.crm.queries.manifests import list_manifests
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.workflows.campaigns import campaign_review as review
from hotline.workflows.campaigns import campaigns
from hotline.workflows.campaigns.campaign_looks import Look, look_at
from hotline.workflows.house import House
from tests.integration.campaigns.conftest import MakeCampaign, People
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
