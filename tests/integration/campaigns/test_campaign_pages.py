"""The pages of campaigns, without scripts: written in the editor, submitted, reviewed, approved, started, withdrawn."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest

from hotline.crm.queries.campaigns.campaigns import get_campaign
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.workflows.house import House
from hotline.workflows.people import users
from tests.integration.campaigns.conftest import MakeCampaign, People
from tests.integration.campaigns.test_results import deliver
from tests.integration.people import PASSWORD, add_user
from tests.integration.web.browser import Browser
from tests.integration.web.conftest import Api


@pytest.fixture
async def marketer(house: House) -> Viewer:
    """Signs in."""
    return await add_user(house, "mia", "marketer", password=PASSWORD)


@pytest.fixture
async def reviewer(house: House) -> Viewer:
    """Signs in."""
    return await add_user(house, "rex", "reviewer", password=PASSWORD)


def typed(segment: UUID, sender: UUID, **fields: Any) -> dict[str, Any]:
    """The editor as somebody fills it in."""
    return {
        "channel": "sms", "name": "Autumn", "segment": str(segment), "sender": str(sender), "purpose": "marketing",
        "arm": "A", "A:template": "", "A:locale": "en", "A:body-en": "Hello {{ name }}. Reply STOP to opt out.",
        "mode": "now", **fields,
    }  # fmt: skip


async def test_the_whole_way_by_pages(
    api: Api, people: People, segment: UUID, senders: dict[str, UUID], reviewer: Viewer
) -> None:
    await people(3)
    async with Browser(api) as mia, Browser(api) as rex:
        await mia.sign_in("mia")
        assert "No campaign yet." in await mia.get("/campaigns")
        await mia.get("/campaigns/new?channel=sms")
        page = await mia.post("/campaigns/new", typed(segment, senders["sms"]))
        found = re.fullmatch(r"/campaigns/([0-9a-f-]{36})\?done=created", mia.at)
        assert found, page[:300]
        path = f"/campaigns/{found[1]}"
        assert "Submit for review" in page
        page = await mia.post(f"{path}/submit")
        assert "A reviewer who wrote none of it decides now." in page
        page = await mia.get(f"{path}/review")
        assert "Reviewers decide." in page
        assert f'action="{path}/approve"' not in page
        await rex.sign_in("rex")
        assert "Autumn" in await rex.get("/campaigns?tab=review")
        page = await rex.get(f"{path}/review")
        assert "Hello Person" in page
        assert "Consent on record for everybody who gets it" in page
        sha256 = re.search(r'name="sha256" value="([0-9a-f]{64})"', page)
        assert sha256
        page = await rex.post(f"{path}/reject", {"sha256": sha256[1], "reason": ""}, status=422)
        assert "Say why" in page
        page = await rex.post(f"{path}/approve", {"sha256": "0" * 64}, status=409)
        assert "look again" in page
        page = await rex.post(f"{path}/approve", {"sha256": sha256[1], "reason": "Fine"})
        assert "Approved" in page
        page = await mia.post(f"{path}/start")
        assert "It is under way." in page
        page = await mia.get(f"{path}/edit")
        assert "stops what runs" in page
        page = await rex.post(f"{path}/withdraw")
        assert "It is a draft again." in page
        page = await rex.get(f"{path}/history")
        assert "Fine" in page
        assert "manifest" in page or "campaign:withdrawn" in page
    view = await get_campaign(api.house.db, SYSTEM, UUID(found[1]))
    assert (view.state, view.state_reason) == ("draft", "withdrawn")


async def test_the_author_is_told_that_somebody_else_decides(
    api: Api, submitted: MakeCampaign, marketer: Viewer
) -> None:
    made = await submitted()
    assert marketer.user_id
    await users.update_user(api.house, SYSTEM, marketer.user_id, {"role": "administrator"})
    async with Browser(api) as mia:
        await mia.sign_in("mia")
        page = await mia.get(f"/campaigns/{made.id}/review")
        assert "You wrote some of it" in page
        assert f'action="/campaigns/{made.id}/approve"' not in page
        page = await mia.post(f"/campaigns/{made.id}/approve", {"sha256": ""}, status=403)
        assert "cannot approve" in page


async def test_the_editor_says_what_is_wrong_and_keeps_what_was_typed(
    api: Api, segment: UUID, senders: dict[str, UUID], marketer: Viewer
) -> None:
    wrong = typed(segment, senders["sms"], **{"A:body-en": "Hello {{ nmae }}"})
    async with Browser(api) as mia:
        await mia.sign_in("mia")
        await mia.get("/campaigns/new")
        page = await mia.post("/campaigns/new", wrong, status=422)
        assert "Hello {{ nmae }}" in page
        assert 'value="Autumn"' in page
        page = await mia.post("/campaigns/new", {**wrong, "do": "arm"})
        assert 'name="B:body-en"' in page
        page = await mia.post("/campaigns/new", {**wrong, "do": "language:A", "A:language": "de"})
        assert 'name="A:body-de"' in page


async def test_mails_are_shown_in_a_frame_that_runs_nothing(
    api: Api, submitted: MakeCampaign, reviewer: Viewer
) -> None:
    body = "<p>Hello <b>{{ name }}</b></p><a href='{{ unsubscribe_url }}'>stop</a>"
    made = await submitted(channel="email", variants=[{"locale": "en", "subject": "News", "body": body}])
    async with Browser(api) as rex:
        await rex.sign_in("rex")
        page = await rex.get(f"/campaigns/{made.id}/review")
        frame = re.search(rf"/campaigns/{made.id}/review/1/mail/\d+", page)
        assert frame
        assert "sandbox" in page
        assert "<b>Person" in await rex.get(frame[0])
        await rex.get(f"/campaigns/{made.id}/review/1/mail/99", status=404)


async def test_who_runs_campaigns_settles_what_is_unknown(
    house: House, api: Api, reviewer: Viewer, marketer: Viewer, approved: MakeCampaign, people: People
) -> None:
    """On the page of who got it: several at once, by right, in the audit trail, and each once."""
    it = await approved()
    some = await people(4)
    ids = await deliver(house, it.id, some, state="unknown", sent_at=None, manifest_id=it.manifest_id)
    path = f"/campaigns/{it.id}/deliveries"
    async with Browser(api) as mia, Browser(api) as rex:
        await mia.sign_in("mia")
        page = await mia.get(f"{path}?state=unknown")
        assert all(f'name="delivery" value="{each}"' in page for each in ids)
        assert 'name="delivery"' not in await mia.get(path)
        assert "Choose at least one" in await mia.post(f"{path}/settle", {"do": "lost"}, status=422)
        assert "they arrived" in await mia.post(f"{path}/settle", {"do": "arrived", "delivery": [str(ids[0])]})
        await mia.post(f"{path}/settle", {"do": "lost", "delivery": [str(ids[1])]})
        await mia.post(f"/campaigns/{it.id}/start")
        await mia.post(f"{path}/settle", {"do": "resend", "delivery": [str(each) for each in ids[2:]]})
        told = await mia.post(f"{path}/settle", {"do": "resend", "delivery": [str(ids[0])]}, status=422)
        assert 'class="alert alert-warn"' in told
        await rex.sign_in("rex")
        assert 'name="delivery"' not in await rex.get(f"{path}?state=unknown")
        await rex.post(f"{path}/settle", {"do": "resend", "delivery": [str(ids[1])]}, status=403)
    states = {row["id"]: row["state"] for row in await house.db.fetch("SELECT id, state FROM delivery")}
    assert [states[each] for each in ids] == ["sent", "permanent_failure", "queued", "queued"]
    entries = await house.db.fetch("SELECT action, actor_id FROM audit_entry WHERE action LIKE 'delivery:%'")
    assert sorted(row["action"] for row in entries) == ["delivery:resent"] * 2 + ["delivery:settled"] * 2
    assert {row["actor_id"] for row in entries} == {marketer.user_id}
