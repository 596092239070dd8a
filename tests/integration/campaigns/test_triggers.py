"""Triggered campaigns: who something happens to gets the approved message on their day, once, within the day's cap."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Forbidden, Invalid
from hotline.workflows.campaigns.campaign_review import approve, submit
from hotline.workflows.campaigns.sealed_days import greeted
from hotline.workflows.company.fields import create_field
from hotline.workflows.customers.customers import create_customer, update_customer
from hotline.workflows.customers.purchases import add_purchase
from hotline.workflows.house import House
from hotline.workflows.tickets.tickets import create_ticket
from tests.integration.campaigns.conftest import MakeCampaign, People
from tests.integration.campaigns.running import SetClock, became, look, released, run_of, state_of

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
#: Nine in the morning of the next day in San Francisco, where everybody's number is from.
MORNING = datetime(2026, 6, 2, 16, tzinfo=UTC)

Happens = Callable[[UUID, datetime], Awaitable[object]]


@pytest.fixture
def clock(house: House) -> SetClock:
    """The house's clock, standing still at noon in UTC."""
    house.clock = SetClock(NOON)
    return house.clock


@pytest.fixture
def close(house: House, clock: SetClock) -> Happens:
    """A ticket of a customer is closed at a moment; it was opened long before."""

    async def closes(customer_id: UUID, at: datetime) -> UUID:
        now, clock.now = clock.now, at - timedelta(days=30)
        ticket = await create_ticket(house, SYSTEM, {"customer_id": customer_id, "subject": "A question"})
        clock.now = now
        await house.db.execute(
            "UPDATE ticket SET state = 'closed', resolved_at = $2, closed_at = $2 WHERE id = $1", ticket.id, at
        )
        return ticket.id

    return closes


@pytest.fixture
def buy(house: House) -> Callable[..., Awaitable[UUID]]:
    """A customer buys something."""

    async def buys(customer_id: UUID, at: datetime, ends_at: datetime | None = None) -> UUID:
        data: Any = {"title": "A thing", "at": at, "kind": "service" if ends_at else "product", "ends_at": ends_at}
        return (await add_purchase(house, SYSTEM, customer_id, data)).id

    return buys


def triggered(trigger: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A campaign's fields for a trigger."""
    return {"schedule": {"mode": "triggered", "trigger": trigger, "time": "09:00", "daily_cap": 100, **fields}}


async def test_each_happening_writes_to_whom_it_happened_on_their_day_and_once(
    house: House, clock: SetClock, people: People, approved: MakeCampaign, close: Happens, buy: Any
) -> None:
    await create_field(house, SYSTEM, {
        "record": "customer", "key": "birthday", "names": {"en": "Birthday"}, "type": "date",
    })  # fmt: skip
    (born,) = await people(1, custom={"birthday": "1990-06-02"})
    (other,) = await people(1, custom={"birthday": "1990-06-07"})
    asked, bought, renews, silent = await people(4)
    (refused,) = await people(1, channels=(), custom={"birthday": "1990-06-02"})
    campaigns = {
        name: (await approved(**triggered({"on": name, **more}))).id
        for name, more in (
            ("birthday", {}), ("ticket_closed", {"after_minutes": 60}), ("purchase", {"after_days": 1}),
            ("fee_due", {"days_before": 7}), ("no_contact", {"days": 90}),
        )
    }  # fmt: skip
    runner = await look(house)
    assert {(await state_of(house, each))[0] for each in campaigns.values()} == {"running"}

    # What was due before the campaign ran is left alone.
    await close(other, NOON - timedelta(hours=2))
    await buy(other, NOON - timedelta(days=2))
    ticket = await close(asked, NOON + timedelta(hours=1))
    purchase = await buy(bought, NOON + timedelta(hours=1))
    service = await buy(renews, NOON - timedelta(days=300), NOON + timedelta(days=8))
    clock.now = MORNING - timedelta(days=90)
    await create_ticket(house, SYSTEM, {"customer_id": silent, "subject": "Long ago"})

    clock.now = NOON + timedelta(hours=2, minutes=1)
    await look(house)
    (row,) = await released(house, campaigns["ticket_closed"])
    assert (row["customer_id"], row["facts"]) == (asked, {"ticket_id": str(ticket)})
    assert {name for name, each in campaigns.items() if await released(house, each)} == {"ticket_closed"}

    clock.now = MORNING - timedelta(hours=1)
    await look(house)
    found = {}
    for name, each in campaigns.items():
        (row,) = await released(house, each)
        found[name] = row["customer_id"], row["facts"]
        assert row["due_at"] == (MORNING if name != "ticket_closed" else NOON + timedelta(hours=2, minutes=1))
    assert found == {
        "birthday": (born, None), "ticket_closed": (asked, {"ticket_id": str(ticket)}),
        "purchase": (bought, {"purchase_id": str(purchase)}), "fee_due": (renews, {"purchase_id": str(service)}),
        "no_contact": (silent, None),
    }  # fmt: skip
    assert refused not in {customer_id for customer_id, _ in found.values()}

    # Looking again, by another process and after a clock that was set back, finds nobody a second time.
    clock.forward(hours=-1)
    await look(house)
    await look(house, runner)
    assert [len(await released(house, each)) for each in campaigns.values()] == [1] * 5


async def test_a_private_day_is_greeted_and_stays_sealed(
    house: House, clock: SetClock, people: People, campaign: MakeCampaign, marketer: Viewer, reviewer: Viewer
) -> None:
    private: Any = {
        "record": "customer", "key": "born", "names": {"en": "Born"}, "type": "date", "private": True,
    }  # fmt: skip
    await create_field(house, SYSTEM, private)
    await create_field(house, SYSTEM, {"record": "customer", "key": "words", "names": {"en": "W"}, "type": "text"})
    (born,) = await people(1, custom={"born": "1990-06-02"})
    (late,) = await people(1, custom={"born": "1990-06-07"})
    assert not await house.db.fetchval("SELECT count(*) FROM customer WHERE custom ? 'born'")
    # Whoever is greeted tells the day: it takes somebody who may see it. What is no date greets nobody, and is told.
    hidden = await campaign(**triggered({"on": "birthday", "field": "born"}))
    with pytest.raises(Forbidden):
        await submit(house, marketer, hidden.id)
    for key, problem in (("nothing", "no such field"), ("words", "no date")):
        empty = await campaign(**triggered({"on": "birthday", "field": key}))
        with pytest.raises(Invalid, match=problem):
            await submit(house, marketer, empty.id)
    await submit(house, replace(marketer, masks=marketer.masks - {"private"}), hidden.id)
    made = await approve(house, reviewer, hidden.id)
    await look(house)
    clock.now = MORNING - timedelta(hours=1)
    await look(house)
    assert [row["customer_id"] for row in await released(house, made.id)] == [born]
    # What is changed since the last look counts, too.
    found = await greeted(house, "born", frozenset({"06-02"}))
    assert found == {born: "06-02"}
    await update_customer(house, SYSTEM, late, {"custom": {"born": "1990-06-02"}})
    for each in house.kept["sealed days"].values():
        each.again_at = 0.0
    assert await greeted(house, "born", frozenset({"06-02"})) == {born: "06-02", late: "06-02"}


async def test_a_days_cap_and_the_end_of_the_day(
    house: House, clock: SetClock, people: People, approved: MakeCampaign, close: Happens
) -> None:
    who = await people(4)
    trigger = {"on": "ticket_closed", "after_minutes": 0}
    campaign = await approved(**triggered(trigger, daily_cap=3, ends_on="2026-06-01"))
    await look(house)
    clock.forward(hours=1)
    for each in who:
        await close(each, NOON + timedelta(minutes=30))
    await look(house)
    assert len(await released(house, campaign.id)) == 3
    assert (await run_of(house, campaign.id))["reason"] == "daily_cap"
    await became(house, campaign.id, "sent")

    clock.forward(days=3)
    await look(house)
    assert len(await released(house, campaign.id)) == 3
    assert (await run_of(house, campaign.id))["state"] == "completed"
    assert (await state_of(house, campaign.id))[0] == "completed"


async def test_holidays_are_greeted_on_their_first_day_by_each_recipients_clock(
    house: House, clock: SetClock, people: People, approved: MakeCampaign
) -> None:
    clock.now = datetime(2026, 9, 29, 12, tzinfo=UTC)
    (west,) = await people(1)
    numbers: Any = [{"kind": "phone", "value": "+8613912340412"}]
    east = await create_customer(house, SYSTEM, {"name": "王伟", "contact_points": numbers})
    trigger = {"on": "holiday", "country": "CN", "names": ["National Day"]}
    campaign = await approved(purpose="service", **triggered(trigger))
    await look(house)
    assert await released(house, campaign.id) == []
    clock.now = datetime(2026, 9, 30, 20, tzinfo=UTC)  # the first of October is on its way
    await look(house)
    rows = await released(house, campaign.id)
    assert {row["customer_id"]: row["due_at"] for row in rows} == {
        west: datetime(2026, 10, 1, 16, tzinfo=UTC), east.id: datetime(2026, 10, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    await became(house, campaign.id, "sent")
    clock.forward(days=1)
    await look(house)
    assert len(await released(house, campaign.id)) == 2
    assert (await state_of(house, campaign.id))[0] == "running"
