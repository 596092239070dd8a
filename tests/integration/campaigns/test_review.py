"""Review: what is frozen, who may approve, what takes an approval away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.campaigns.approval import DecidedAlready, NotApproved, OtherContent, OwnWork, ReasonMissing
from hotline.campaigns.states import NotNow
from hotline.crm import company
from hotline.crm.commands.campaigns.segments import lock_segment, update_segment
from hotline.crm.commands.conversations.senders import update_sender
from hotline.crm.commands.ivr.prompts import keep_prompt_recording
from hotline.crm.company import write_section
from hotline.crm.queries.campaigns.campaigns import get_campaign
from hotline.crm.queries.campaigns.manifests import ManifestView, get_manifest, list_manifests
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Forbidden
from hotline.workflows import background
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.campaigns import campaign_review as review
from hotline.workflows.campaigns import campaigns
from hotline.workflows.company.company import refresh
from hotline.workflows.house import House
from hotline.workflows.people import users
from tests.integration.campaigns.conftest import MakeCampaign, People


async def manifest_of(house: House, campaign_id: UUID) -> ManifestView:
    return (await list_manifests(house.db, house.keyring, SYSTEM, campaign_id))[0]


async def state(house: House, campaign_id: UUID) -> tuple[str, str | None]:
    view = await get_campaign(house.db, SYSTEM, campaign_id)
    return view.state, view.state_reason


async def test_rule_15_a_manifest_holds_all_that_is_sent_to_whom_and_when(
    house: House, submitted: MakeCampaign, marketer: Viewer, people: People
) -> None:
    await people(2)
    await people(1, channels=())
    made = await submitted(limits={"caps": [{"messages": 2, "days": 7}]})
    frozen = await manifest_of(house, made.id)
    assert (made.state, frozen.state, frozen.recipients, dict(frozen.excluded)) == (
        "in_review", "submitted", 2, {"no_consent": 1},
    )  # fmt: skip
    content = frozen.content
    assert set(content) == {
        "format", "campaign", "name", "kind", "channel", "purpose", "sender", "fallback_senders", "segment", "variants",
        "links", "schedule", "limits", "track_links", "recipients", "authors", "approvals", "valid_days",
    }  # fmt: skip
    assert content["sender"]["address"] == "+15005550006"
    assert content["recipients"] == {
        "count": 2, "sha256": frozen.recipients_sha256.hex(), "kinds": ["phone", "whatsapp"],
    }  # fmt: skip
    assert content["variants"][0]["content"]["locales"]["en"]["body"].startswith("Hello")
    assert content["limits"]["caps"] == [{"messages": 2, "days": 7}]
    assert content["authors"] == [str(marketer.user_id)]
    assert len(frozen.sha256) == 32
    assert frozen.intact


async def test_rule_15_nothing_begins_without_approval(
    house: House, campaign: MakeCampaign, submitted: MakeCampaign, marketer: Viewer
) -> None:
    draft = await campaign()
    in_review = await submitted()
    for each in (draft, in_review):
        with pytest.raises(NotNow):
            await campaigns.start(house, marketer, each.id)
        async with house.unit(SYSTEM) as uow:
            assert await review.prove(house, uow, each.id) is None
    assert (await state(house, draft.id), await state(house, in_review.id)) == (("draft", None), ("in_review", None))


async def test_one_reviewer_is_enough_for_a_few_people(
    house: House, submitted: MakeCampaign, reviewer: Viewer, marketer: Viewer
) -> None:
    made = await submitted()
    frozen = await manifest_of(house, made.id)
    view = await review.approve(house, reviewer, made.id, sha256=frozen.sha256.hex(), reason="fine")
    assert (view.state, view.approved) == ("approved", 1)
    kept = await get_manifest(house.db, house.keyring, SYSTEM, frozen.id)
    assert [(each.verdict, each.reason, each.genuine) for each in kept.approvals] == [("approved", "fine", True)]
    assert kept.expires_at - timedelta(days=14) < house.clock() < kept.expires_at
    assert (await campaigns.start(house, marketer, made.id)).state == "running"
    async with house.unit(SYSTEM) as uow:
        proven = await review.prove(house, uow, made.id)
    assert proven is not None
    assert proven.sha256 == frozen.sha256


async def test_what_begins_by_itself_is_scheduled_by_its_approval(house: House, approved: MakeCampaign) -> None:
    made = await approved(schedule={"mode": "at", "at": "2090-01-01T09:00:00Z"})
    assert made.state == "scheduled"


async def test_rule_17_neither_author_nor_editor_approves(
    house: House, submitted: MakeCampaign, marketer: Viewer, reviewer: Viewer
) -> None:
    """A role that may do everything changes nothing, nor does an edit long ago."""
    made = await submitted()
    everything = await users.create_user(house, SYSTEM, {"login": "eve", "name": "Eve", "role": "administrator"})
    admin = Viewer(everything.id, "user", SYSTEM.permissions)
    await review.withdraw(house, marketer, made.id)
    await campaigns.update_campaign(house, admin, made.id, {"name": "Other news"})
    await review.submit(house, marketer, made.id)
    promoted = Viewer(marketer.user_id, "user", SYSTEM.permissions)
    token = Viewer(marketer.user_id, "token", SYSTEM.permissions)
    for each in (promoted, token, admin, SYSTEM):
        with pytest.raises(OwnWork):
            await review.approve(house, each, made.id)
        with pytest.raises(OwnWork):
            await review.reject(house, each, made.id, reason="no")
    assert (await review.approve(house, reviewer, made.id)).state == "approved"


async def test_rule_17_whoever_wrote_the_segment_cannot_approve(
    house: House, campaign: MakeCampaign, people: People, reviewer: Viewer, segment: UUID, marketer: Viewer
) -> None:
    await people(2)
    async with house.unit(reviewer) as uow:
        await update_segment(uow, await lock_segment(uow, segment), rules={"any": [{"all": []}]})
    async with house.unit(marketer) as uow:
        await update_segment(uow, await lock_segment(uow, segment), rules={"all": []})
    made = await campaign()
    await review.submit(house, marketer, made.id)
    with pytest.raises(OwnWork):
        await review.approve(house, reviewer, made.id)


async def test_rule_17_large_audiences_need_two(
    house: House, submitted: MakeCampaign, reviewer: Viewer, second_reviewer: Viewer, people: People
) -> None:
    await people(3)
    async with house.unit(SYSTEM) as uow:
        await write_section(uow, company.Campaigns(two_reviewers_sms=2), None)
    await refresh(house)
    made = await submitted()
    assert made.needed == 2
    first = await review.approve(house, reviewer, made.id)
    assert (first.state, first.approved) == ("in_review", 1)
    with pytest.raises(DecidedAlready):
        await review.approve(house, reviewer, made.id)
    assert (await review.approve(house, second_reviewer, made.id)).state == "approved"


async def test_a_large_audience_is_frozen_by_a_job(
    house: House, submitted: MakeCampaign, reviewer: Viewer, marketer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in review meanwhile, but nobody can approve what is not counted; what was taken back is left alone."""
    monkeypatch.setattr(review, "MOST_AT_ONCE", 2)
    made = await submitted()
    assert (made.state, made.manifest_state) == ("in_review", "preparing")
    with pytest.raises(NotNow):
        await review.approve(house, reviewer, made.id)
    gone = await submitted(name="Other")
    await review.withdraw(house, marketer, gone.id)
    while await background.work(house, KINDS):
        pass
    frozen = await manifest_of(house, made.id)
    assert (frozen.state, frozen.recipients, frozen.intact) == ("submitted", 3, True)
    assert (await manifest_of(house, gone.id)).sha256 == b""
    assert (await review.approve(house, reviewer, made.id)).state == "approved"


async def test_rule_18_rejecting_needs_a_reason(house: House, submitted: MakeCampaign, reviewer: Viewer) -> None:
    made = await submitted()
    with pytest.raises(ReasonMissing):
        await review.reject(house, reviewer, made.id, reason="  \n")
    assert (await review.reject(house, reviewer, made.id, reason="Wrong price")).state == "rejected"
    [decided] = (await manifest_of(house, made.id)).approvals
    assert (decided.verdict, decided.reason) == ("rejected", "Wrong price")


async def test_rule_18_withdrawing_stops_what_runs(
    house: House, approved: MakeCampaign, marketer: Viewer, reviewer: Viewer
) -> None:
    made = await approved()
    await campaigns.start(house, marketer, made.id)
    view = await review.withdraw(house, reviewer, made.id, reason="A typo")
    assert (view.state, view.state_reason, view.manifest_id) == ("draft", "withdrawn", None)
    assert (await manifest_of(house, made.id)).state == "withdrawn"
    with pytest.raises(NotNow):
        await campaigns.resume(house, marketer, made.id)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Renamed"},
        {"variants": [{"locale": "en", "body": "Something else. Reply STOP to opt out."}]},
        {"schedule": {"mode": "at", "at": "2090-01-01T09:00:00Z"}},
        {"limits": {"caps": [{"messages": 1, "days": 1}]}},
        {"purpose": "service"},
        {"track_links": True},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_rule_16_any_change_voids(
    house: House, approved: MakeCampaign, marketer: Viewer, change: dict[str, Any]
) -> None:
    made = await approved()
    await campaigns.start(house, marketer, made.id)
    changed: Any = change
    view = await campaigns.update_campaign(house, marketer, made.id, changed)
    assert (view.state, view.manifest_id) == ("draft", None)
    assert (await manifest_of(house, made.id)).state == "void"
    async with house.unit(SYSTEM) as uow:
        assert await review.prove(house, uow, made.id) is None


async def test_rule_16_a_change_to_the_same_is_none(house: House, approved: MakeCampaign, marketer: Viewer) -> None:
    made = await approved()
    view = await campaigns.update_campaign(house, marketer, made.id, {"name": "News", "purpose": "marketing"})
    assert (view.state, view.version) == ("approved", made.version)


async def test_rule_16_a_changed_segment_voids_at_once(
    house: House, approved: MakeCampaign, marketer: Viewer, segment: UUID
) -> None:
    made = await approved()
    await campaigns.start(house, marketer, made.id)
    async with house.unit(marketer) as uow:
        await update_segment(uow, await lock_segment(uow, segment), rules={"any": [{"all": []}]})
    assert await state(house, made.id) == ("draft", "segment_changed")


async def test_rule_16_what_changes_past_everybody_is_found_before_it_is_sent(
    house: House, approved: MakeCampaign, marketer: Viewer, senders: dict[str, UUID]
) -> None:
    """A sender that is switched off by whatever way."""
    made = await approved()
    await campaigns.start(house, marketer, made.id)
    await house.db.execute("UPDATE sender SET enabled = false WHERE id = $1", senders["sms"])
    async with house.unit(SYSTEM) as uow:
        assert await review.prove(house, uow, made.id) is None
    assert await state(house, made.id) == ("draft", "changed")


async def test_rule_16_a_sender_that_is_switched_off_voids_at_once(
    house: House, approved: MakeCampaign, senders: dict[str, UUID]
) -> None:
    made = await approved()
    async with house.unit(SYSTEM) as uow:
        await update_sender(uow, senders["sms"], {"flow": "main"})
    assert await state(house, made.id) == ("approved", None)
    async with house.unit(SYSTEM) as uow:
        await update_sender(uow, senders["sms"], {"enabled": False})
    assert await state(house, made.id) == ("draft", "sender_changed")


async def test_rule_15_recipients_who_were_put_in_later_get_nothing(
    house: House, approved: MakeCampaign, marketer: Viewer
) -> None:
    made = await approved()
    await house.db.execute("ALTER TABLE recipient DISABLE TRIGGER USER")
    await house.db.execute(
        "INSERT INTO recipient (manifest_id, position, customer_id) VALUES ($1, 3, gen_random_uuid())", made.manifest_id
    )
    await house.db.execute("ALTER TABLE recipient ENABLE TRIGGER USER")
    with pytest.raises(NotApproved):
        await campaigns.start(house, marketer, made.id)
    assert await state(house, made.id) == ("draft", "tampered")


async def test_rule_16_the_companys_mail_address_is_part_of_what_was_approved(
    house: House, approved: MakeCampaign
) -> None:
    async with house.unit(SYSTEM) as uow:
        await write_section(uow, company.Mail(address="news@company.example"), None)
    made = await approved(channel="email", sender=None)
    async with house.unit(SYSTEM) as uow:
        await write_section(uow, company.Mail(address="offers@company.example"), None)
    assert await state(house, made.id) == ("draft", "sender_changed")


async def test_rule_16_what_is_said_of_the_company_is_part_of_what_was_approved(
    house: House, approved: MakeCampaign
) -> None:
    """A link to the company's own website leads where it led when it was approved."""
    own = company.Company(name="Acme", website="https://acme.example")
    async with house.unit(SYSTEM) as uow:
        await write_section(uow, own, None)
    said = await approved(variants=[{"locale": "en", "body": "See {{ company.website }}. Reply STOP to opt out."}])
    other = await approved(name="Other")
    async with house.unit(SYSTEM) as uow:
        await write_section(uow, own.model_copy(update={"phone": "+14155550199"}), None)
    assert await state(house, said.id) == ("approved", None)
    async with house.unit(SYSTEM) as uow:
        await write_section(uow, own.model_copy(update={"website": "https://evil.example"}), None)
    assert await state(house, said.id) == ("draft", "company_changed")
    assert await state(house, other.id) == ("approved", None)


async def test_rule_16_another_recording_is_another_message(house: House, approved: MakeCampaign) -> None:
    spoken = {"locale": "en", "recording": "spring.offer", "opt_out": "Press 9 to opt out.", "opt_out_key": "9"}
    said = await approved(channel="voice", variants=[spoken])
    other = await approved(channel="voice", name="Other")
    async with house.unit(SYSTEM) as uow:
        await keep_prompt_recording(
            uow, name="spring.offer", language="en", digest="0" * 32, seconds=1.0, sound=b"RIFF"
        )
    assert await state(house, said.id) == ("draft", "recording_changed")
    assert await state(house, other.id) == ("approved", None)


async def test_a_hash_that_nobody_looked_at_is_not_approved(
    house: House, submitted: MakeCampaign, reviewer: Viewer
) -> None:
    made = await submitted()
    with pytest.raises(OtherContent):
        await review.approve(house, reviewer, made.id, sha256="00" * 32)
    assert await state(house, made.id) == ("in_review", None)


async def test_approvals_run_out(house: House, approved: MakeCampaign, submitted: MakeCampaign, marketer: Viewer,
                                 reviewer: Viewer) -> None:  # fmt: skip
    running, waiting = await approved(), await submitted(name="Other")
    await campaigns.start(house, marketer, running.id)
    now = house.clock()
    house.clock = lambda: now + timedelta(days=14, minutes=1)
    with pytest.raises(NotApproved):
        await review.approve(house, reviewer, waiting.id)
    async with house.unit(SYSTEM) as uow:
        assert await review.prove(house, uow, running.id) is None
    assert await state(house, running.id) == ("draft", "expired")
    assert await review.expire_due(house) == 1
    assert await state(house, waiting.id) == ("draft", "expired")


async def test_who_may_not_review_does_not(house: House, submitted: MakeCampaign, marketer: Viewer) -> None:
    made = await submitted()
    with pytest.raises(Forbidden):
        await review.approve(house, marketer, made.id)
    agent = Viewer(marketer.user_id, "user", frozenset({"campaigns.read"}))
    with pytest.raises(Forbidden):
        await review.withdraw(house, agent, made.id)
    with pytest.raises(Forbidden):
        await campaigns.start(house, agent, made.id)


async def test_approvals_written_by_hand_are_worth_nothing(
    house: House, submitted: MakeCampaign, marketer: Viewer, reviewer: Viewer
) -> None:
    made = await submitted()
    frozen = await manifest_of(house, made.id)
    await house.db.execute(
        """INSERT INTO approval (id, manifest_id, user_id, verdict, at, master, mac)
           VALUES (gen_random_uuid(), $1, $2, 'approved', now(), $3, $4)""",
        *(frozen.id, reviewer.user_id, house.keyring.master, bytes(32)),
    )
    await house.db.execute("UPDATE manifest SET state = 'approved', approved_at = now() WHERE id = $1", frozen.id)
    await house.db.execute("UPDATE campaign SET state = 'approved' WHERE id = $1", made.id)
    with pytest.raises(NotApproved):
        await campaigns.start(house, marketer, made.id)
    assert await state(house, made.id) == ("draft", "tampered")


async def test_content_changed_in_the_database_is_not_sent(
    house: House, approved: MakeCampaign, marketer: Viewer
) -> None:
    made = await approved()
    await house.db.execute(
        "UPDATE manifest SET content = jsonb_set(content, '{variants,0,content,locales,en,body}', '\"Pay here\"')"
    )
    with pytest.raises(NotApproved):
        await campaigns.start(house, marketer, made.id)
    assert await state(house, made.id) == ("draft", "tampered")
