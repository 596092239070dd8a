"""Which messages of an approved campaign are released when: each recipient's one, once, and never too late."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from hotline.channels.errors import TemporarilyRefused
from hotline.crm.commands.campaigns import campaign_runs
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict
from hotline.workflows.campaigns import campaign_review, campaigns, release
from hotline.workflows.campaigns.campaign_runner import Runner
from hotline.workflows.house import House
from hotline.workflows.leases import LeaseLost, acquire_lease, release_lease
from hotline.workflows.pushes import push_receipts, push_unknown
from tests.integration.campaigns.conftest import MakeCampaign, People
from tests.integration.campaigns.running import SetClock, became, look, released, run_of, state_of
from tests.integration.web.conftest import Api

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock(house: House) -> SetClock:
    """The house's clock, standing still at noon in UTC."""
    house.clock = SetClock(NOW)
    return house.clock


@pytest.fixture(autouse=True)
def few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few are released by one statement that every audience here takes several."""
    monkeypatch.setattr(release, "SLICE", 2)


async def test_every_recipient_gets_one_delivery_and_the_campaign_completes(
    house: House, marketer: Viewer, people: People, approved: MakeCampaign
) -> None:
    who = await people(5)
    campaign = await approved(schedule={"mode": "now"}, limits={"experiment": {"holdout_percent": 40}})
    await look(house)
    assert await released(house, campaign.id) == []  # Nobody started it.

    await campaigns.start(house, marketer, campaign.id)
    await look(house)
    rows = await released(house, campaign.id)
    assert [row["customer_id"] for row in rows] == sorted(who)
    held = [row for row in rows if row["state"] == "suppressed"]
    assert {row["reason"] for row in held} <= {"holdout"}
    assert {row["due_at"] <= house.clock() < row["expires_at"] for row in rows} == {True}
    assert (await state_of(house, campaign.id))[0] == ("running" if len(held) < 5 else "completed")

    await became(house, campaign.id, "sent")
    await look(house)
    assert (await state_of(house, campaign.id))[0] == "completed"
    run = await run_of(house, campaign.id)
    assert (run["state"], run["next_position"]) == ("completed", 5)
    assert (run["figures"]["sent"], run["figures"]["held_out"]) == (5 - len(held), len(held))


async def test_rule_14_what_could_not_begin_at_its_time_waits_for_a_person(
    house: House, clock: SetClock, marketer: Viewer, approved: MakeCampaign
) -> None:
    schedule = {"mode": "at", "at": (NOW + timedelta(hours=1)).isoformat(), "late_minutes": 30}
    in_time, late = await approved(schedule=schedule), await approved(schedule=schedule)
    await look(house)
    assert await state_of(house, in_time.id) == ("scheduled", None)

    clock.forward(hours=1, minutes=29)
    await campaigns.cancel(house, marketer, late.id)
    await look(house)
    assert len(await released(house, in_time.id)) == 3
    assert await released(house, late.id) == []

    again = await approved(schedule={**schedule, "at": (clock.now + timedelta(hours=1)).isoformat()})
    clock.forward(hours=1, minutes=31)
    await look(house)
    assert await state_of(house, again.id) == ("paused", "too_late")
    assert await released(house, again.id) == []
    await campaigns.resume(house, marketer, again.id)
    await look(house)
    assert len(await released(house, again.id)) == 3


async def test_rule_14_what_was_started_and_found_nobody_to_run_it(
    house: House, clock: SetClock, marketer: Viewer, approved: MakeCampaign
) -> None:
    campaign = await approved()
    await campaigns.start(house, marketer, campaign.id)
    clock.forward(hours=3)
    await look(house)
    assert await state_of(house, campaign.id) == ("paused", "too_late")
    assert await released(house, campaign.id) == []
    await campaigns.resume(house, marketer, campaign.id)
    await look(house)
    assert len(await released(house, campaign.id)) == 3


async def test_rule_19_a_canary_first_then_the_gate_then_the_rest(
    house: House, clock: SetClock, marketer: Viewer, people: People, approved: MakeCampaign
) -> None:
    await people(10)
    limits = {"canary": {"recipients": 3, "wait_minutes": 30, "failure_percent": 20}}
    good, bad = await approved(limits=limits), await approved(limits=limits)
    for each in (good, bad):
        await campaigns.start(house, marketer, each.id)
    runner = await look(house)
    assert len(await released(house, good.id)) == len(await released(house, bad.id)) == 3

    await became(house, good.id, "delivered")
    await became(house, bad.id, "permanent_failure", 1)
    await look(house, runner)
    assert await state_of(house, bad.id) == ("paused", "canary_failed")
    clock.forward(minutes=29)
    await look(house, runner)
    assert len(await released(house, good.id)) == 3

    clock.forward(minutes=2)
    await look(house, runner)
    assert len({row["customer_id"] for row in await released(house, good.id)}) == 10
    assert len(await released(house, bad.id)) == 3
    await campaigns.resume(house, marketer, bad.id)
    await look(house, runner)
    assert len({row["customer_id"] for row in await released(house, bad.id)}) == 10


async def test_rule_05_complaints_warn_and_pause(
    house: House, marketer: Viewer, people: People, approved: MakeCampaign
) -> None:
    await people(10)
    pause = {"minimum": 5, "warn_complaint_percent": 10, "complaint_percent": 30, "failure_percent": None}
    campaign = await approved(limits={"pause": pause})
    await campaigns.start(house, marketer, campaign.id)
    await look(house)
    await became(house, campaign.id, "sent", 9)
    complained: dict[str, Any] = {"opted_out_at": house.clock(), "reason": "complaint"}

    async def complain(count: int) -> None:
        await house.db.execute(
            """UPDATE delivery SET opted_out_at = $2, reason = $3 WHERE id IN (
                   SELECT id FROM delivery WHERE campaign_id = $1 AND state = 'sent' ORDER BY id LIMIT $4)""",
            *(campaign.id, *complained.values(), count),
        )
        await look(house)

    await complain(1)
    assert await state_of(house, campaign.id) == ("running", None)
    assert (await run_of(house, campaign.id))["warned_at"] is not None
    await complain(3)
    assert await state_of(house, campaign.id) == ("paused", "complaint_rate")
    # Whoever resumes it has seen this: the rate counts from here.
    await campaigns.resume(house, marketer, campaign.id)
    await look(house)
    assert (await state_of(house, campaign.id))[0] == "running"


async def test_a_drip_keeps_its_pace_over_a_stop_and_a_clock_that_is_set_back(
    house: House, clock: SetClock, marketer: Viewer, people: People, approved: MakeCampaign
) -> None:
    await people(12)
    campaign = await approved(schedule={"mode": "now", "drip": {"messages": 1, "per": "minute"}})
    await campaigns.start(house, marketer, campaign.id)

    async def count(*, send: bool = True, **forward: float) -> int:
        if send:
            await became(house, campaign.id, "sent")
        clock.forward(**forward)
        await look(house)
        return len(await released(house, campaign.id))

    assert await count() == 1
    assert await count(minutes=1) == 2
    # Nobody ran it for an hour: it goes on, and does not catch up.
    assert await count(hours=1) == 3
    assert await count(seconds=30, send=False) == 3
    # Set back by an hour: what was due stays due, and the next one is a minute away, not an hour.
    assert await count(hours=-1, send=False) == 3
    waiting = [row for row in await released(house, campaign.id) if row["state"] == "queued"]
    assert [row["due_at"] for row in waiting] == [clock.now]
    assert await count(minutes=1) == 4
    assert await count(seconds=10) == 4
    # While what is due does not leave, nothing more is due.
    assert await count(minutes=5, send=False) == 5
    assert await count(minutes=5, send=False) == 5


async def test_what_a_drip_had_ahead_keeps_its_pace_when_the_clock_is_set_back(
    house: House, clock: SetClock, marketer: Viewer, people: People, approved: MakeCampaign
) -> None:
    await people(12)
    campaign = await approved(schedule={"mode": "now", "drip": {"messages": 2, "per": "second"}})
    await campaigns.start(house, marketer, campaign.id)
    await look(house)
    waiting = [row["due_at"] - clock.now for row in await released(house, campaign.id)]
    assert max(waiting) == timedelta(seconds=3)
    clock.forward(hours=-1)
    await look(house)
    now = {row["due_at"] - clock.now for row in await released(house, campaign.id)}
    assert now == set(waiting), "neither an hour late nor all at once"
    clock.forward(seconds=3)
    await look(house)
    due = sorted(row["due_at"] for row in await released(house, campaign.id))
    assert [later - before for before, later in pairwise(due)] == [timedelta(seconds=0.5)] * 11


async def test_local_time_is_each_recipients_own(
    house: House, clock: SetClock, people: People, approved: MakeCampaign
) -> None:
    def at(number: str) -> dict[str, Any]:
        return {"contact_points": [{"kind": "phone", "value": number}]}

    (east,) = await people(1, **at("+8613912340412"))
    (west,) = await people(1, **at("+14155552671"))
    (moved,) = await people(1, **at("+14155552672"), preferences={"timezone": "Asia/Tokyo"})
    campaign = await approved(schedule={"mode": "local_time", "day": "2026-06-02", "time": "09:00"})
    clock.now = datetime(2026, 6, 1, 18, 59, tzinfo=UTC)
    await look(house)
    assert (await state_of(house, campaign.id))[0] == "scheduled"
    clock.forward(minutes=1)
    await look(house)
    due = {row["customer_id"]: row["due_at"] for row in await released(house, campaign.id)}
    assert due == {
        east: datetime(2026, 6, 2, 1, tzinfo=UTC),
        west: datetime(2026, 6, 2, 16, tzinfo=UTC),
        moved: datetime(2026, 6, 2, 0, tzinfo=UTC),
    }


async def test_a_recurring_campaign_asks_each_time_who_is_in_its_segment(
    house: House, clock: SetClock, people: People, approved: MakeCampaign
) -> None:
    first = await people(3)
    schedule = {
        "mode": "recurring", "every": "day", "time": "09:00", "timezone": "UTC", "starts_on": "2026-06-01",
        "ends_on": "2026-06-04", "most_recipients": 4, "late_minutes": 60,
    }  # fmt: skip
    campaign = await approved(schedule=schedule)
    await look(house)  # It is noon: this day's time was over before anybody approved it.
    assert await released(house, campaign.id) == []
    clock.forward(hours=21)
    await look(house)
    assert {row["customer_id"] for row in await released(house, campaign.id)} == set(first)
    await became(house, campaign.id, "sent")

    await people(3)
    clock.forward(days=1)
    await look(house)
    rows = await released(house, campaign.id)
    assert len(rows) == 3 + 4  # six are in it, four is the most
    assert len({(row["occurrence"], row["customer_id"]) for row in rows}) == 7
    await became(house, campaign.id, "sent")
    await look(house)

    # Nobody ran it on the morning of the last day: it is left out, and the campaign is through.
    clock.forward(days=1, hours=3)
    await look(house)
    assert (await state_of(house, campaign.id))[0] == "completed"
    runs = await house.db.fetch(
        "SELECT state, reason FROM campaign_run WHERE campaign_id = $1 ORDER BY planned_at", campaign.id
    )
    assert [(row["state"], row["reason"]) for row in runs] == [
        ("skipped", "before_approval"), ("completed", None), ("completed", None), ("skipped", "too_late"),
    ]  # fmt: skip
    assert len(await released(house, campaign.id)) == 7


async def test_rule_18_a_withdrawn_campaign_releases_nothing_more_and_nobody_gets_it_twice(
    house: House, marketer: Viewer, reviewer: Viewer, people: People, approved: MakeCampaign
) -> None:
    await people(4)
    campaign = await approved()
    await campaigns.start(house, marketer, campaign.id)
    await look(house)
    await became(house, campaign.id, "sent", 1)
    sent = {row["customer_id"] for row in await released(house, campaign.id) if row["state"] == "sent"}
    await campaign_review.withdraw(house, reviewer, campaign.id, reason="The price is wrong.")
    await look(house)
    assert {row["reason"] for row in await released(house, campaign.id) if row["state"] != "sent"} == {"withdrawn"}

    await campaign_review.submit(house, marketer, campaign.id)
    await campaign_review.approve(house, reviewer, campaign.id)
    await campaigns.start(house, marketer, campaign.id)
    await look(house)
    rows = await released(house, campaign.id)
    assert len(rows) == 4
    assert {row["customer_id"] for row in rows if row["state"] == "sent"} == sent
    assert sum(row["state"] == "queued" for row in rows) == 3


async def test_what_was_tried_and_did_not_leave_is_in_the_next_approval(
    house: House, marketer: Viewer, reviewer: Viewer, people: People, approved: MakeCampaign
) -> None:
    await people(4)
    campaign = await approved()
    await campaigns.start(house, marketer, campaign.id)
    await look(house)
    await became(house, campaign.id, "sent", 1)
    await became(house, campaign.id, "sending", 2)
    tried = [row["id"] for row in await released(house, campaign.id) if row["state"] == "sending"]
    # One was refused for now before the approval was withdrawn, the other one's refusal came later.
    await house.db.execute("UPDATE delivery SET state = 'queued' WHERE id = $1", tried[0])
    await campaign_review.withdraw(house, reviewer, campaign.id, reason="The price is wrong.")
    await look(house)
    await house.db.execute("UPDATE delivery SET state = 'queued' WHERE id = $1", tried[1])
    await campaign_review.submit(house, marketer, campaign.id)
    await campaign_review.approve(house, reviewer, campaign.id)
    await campaigns.start(house, marketer, campaign.id)
    await look(house)
    rows = await released(house, campaign.id)
    assert sorted(row["state"] for row in rows) == ["queued", "queued", "queued", "sent"]
    assert len({row["manifest_id"] for row in rows if row["state"] == "queued"}) == 1

    await became(house, campaign.id, "sent")
    await look(house)
    assert (await state_of(house, campaign.id))[0] == "completed"


async def test_what_comes_back_of_a_former_approval_holds_up_no_campaign(
    house: House, marketer: Viewer, reviewer: Viewer, people: People, approved: MakeCampaign
) -> None:
    await people(3)
    campaign = await approved()
    await campaigns.start(house, marketer, campaign.id)
    await look(house)
    await became(house, campaign.id, "sending", 1)
    slow = next(row["id"] for row in await released(house, campaign.id) if row["state"] == "sending")
    await campaign_review.withdraw(house, reviewer, campaign.id, reason="The price is wrong.")
    await look(house)
    await campaign_review.submit(house, marketer, campaign.id)
    await campaign_review.approve(house, reviewer, campaign.id)
    await campaigns.start(house, marketer, campaign.id)
    await look(house)
    await became(house, campaign.id, "sent")
    await house.db.execute("UPDATE delivery SET state = 'queued' WHERE id = $1", slow)
    await look(house)
    assert (await state_of(house, campaign.id))[0] == "completed"
    assert [(row["state"], row["reason"]) for row in await released(house, campaign.id) if row["id"] == slow] == [
        ("suppressed", "void")
    ]


async def test_what_a_person_lets_go_again_leaves_though_the_campaign_was_over(
    house: House, marketer: Viewer, reviewer: Viewer, people: People, approved: MakeCampaign
) -> None:
    await people(3)
    campaign = await approved()
    await campaigns.start(house, marketer, campaign.id)
    await look(house)
    await became(house, campaign.id, "unknown", 2)
    await became(house, campaign.id, "sent")
    await look(house)
    assert (await state_of(house, campaign.id))[0] == "completed"
    again, other = [row["id"] for row in await released(house, campaign.id) if row["state"] == "unknown"]

    await push_unknown.resend(house, marketer, again)
    assert (await state_of(house, campaign.id))[0] == "running"
    await look(house)
    assert (await state_of(house, campaign.id))[0] == "running"
    await became(house, campaign.id, "sent")
    await look(house)
    assert (await state_of(house, campaign.id))[0] == "completed"
    assert Counter(row["state"] for row in await released(house, campaign.id)) == {"sent": 2, "unknown": 1}

    # What a provider told late: it was not taken, and is tried again.
    await house.db.execute("UPDATE delivery SET provider_id = 'SM1', account_sid = 'AC1' WHERE id = $1", again)
    async with house.unit(SYSTEM) as uow:
        assert await push_receipts.told(
            uow, again, "permanent_failure", account="AC1", provider_id="SM1", error=TemporarilyRefused()
        )
    assert (await state_of(house, campaign.id))[0] == "running"
    await became(house, campaign.id, "sent")
    await look(house)
    assert (await state_of(house, campaign.id))[0] == "completed"

    await house.db.execute("UPDATE manifest SET expires_at = $1", house.clock())
    with pytest.raises(Conflict, match="not approved any more"):
        await push_unknown.resend(house, marketer, other)


async def test_a_step_that_dies_half_way_leaves_nothing_and_the_next_process_goes_on(
    house: House, marketer: Viewer, people: People, approved: MakeCampaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people(6)
    monkeypatch.setattr("hotline.workflows.campaigns.release.PIECE", 2)
    campaign = await approved()
    await campaigns.start(house, marketer, campaign.id)
    save = campaign_runs.save_run
    steps = 0

    async def dies(uow: Any, run_id: UUID, **changes: Any) -> None:
        nonlocal steps
        steps += "next_position" in changes
        if steps == 2 and "next_position" in changes:
            raise RuntimeError("killed")
        await save(uow, run_id, **changes)

    monkeypatch.setattr(campaign_runs, "save_run", dies)
    await look(house)
    assert len(await released(house, campaign.id)) == 2
    await look(house)
    assert len({row["customer_id"] for row in await released(house, campaign.id)}) == 6


async def test_who_lost_the_lease_changes_nothing(house: House, marketer: Viewer, approved: MakeCampaign) -> None:
    campaign = await approved()
    await campaigns.start(house, marketer, campaign.id)
    old = await acquire_lease(house, "campaigns", timedelta(minutes=1))
    assert old is not None
    await release_lease(house, old)
    await look(house)
    before = await run_of(house, campaign.id)
    with pytest.raises(LeaseLost):
        await Runner(house).look(old)
    assert await run_of(house, campaign.id) == before
    assert len(await released(house, campaign.id)) == 3


async def test_a_pause_does_not_age_what_waits(
    house: House, clock: SetClock, marketer: Viewer, approved: MakeCampaign
) -> None:
    campaign = await approved(limits={"expires_hours": 2})
    await campaigns.start(house, marketer, campaign.id)
    await look(house)
    await campaigns.pause(house, marketer, campaign.id)
    clock.forward(hours=60)
    await campaigns.resume(house, marketer, campaign.id)
    await look(house)
    assert {row["expires_at"] - clock.now for row in await released(house, campaign.id)} == {timedelta(hours=2)}


async def test_runs_and_progress_are_told(
    house: House, api: Api, marketer: Viewer, people: People, approved: MakeCampaign
) -> None:
    await people(4)
    campaign = await approved()
    await campaigns.start(house, marketer, campaign.id)
    runner = await look(house)
    await became(house, campaign.id, "delivered", 3)
    runner.counter.next_at.clear()  # a second has passed
    await look(house, runner)
    (run,) = (await api.get(f"/campaigns/{campaign.id}/runs"))["items"]
    assert (run["occurrence"], run["state"], run["recipients"], run["released"]) == (0, "released", 4, 4)
    assert (run["figures"]["delivered"], run["figures"]["queued"]) == (3, 1)
    told = await house.db.fetch("SELECT data FROM outbox WHERE type = 'campaign.progress' ORDER BY id")
    assert [(row["data"]["delivered"], row["data"]["left"]) for row in told] == [(0, 4), (3, 1)]
    assert told[-1]["data"]["rate"] > 0
    assert told[-1]["data"]["ends_at"] is not None
