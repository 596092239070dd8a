"""What came of a campaign: counts, comparisons, what followed, exports."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import pytest

from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.workflows import background, ending_files
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.customers import erasure
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House
from tests.integration.campaigns.conftest import MakeCampaign, People
from tests.integration.web.conftest import Api


async def deliver(house: House, campaign_id: UUID, customers: list[UUID], **fields: Any) -> list[UUID]:
    """A delivery to each; what is not said is of one that left an hour ago."""
    at = house.clock() - timedelta(hours=1)
    rows = []
    for customer_id in customers:
        values = {
            "id": new_id(), "campaign_id": campaign_id, "manifest_id": campaign_id, "customer_id": customer_id,
            "channel": "sms", "variant": 0, "state": "sent", "due_at": at, "sent_at": at, **fields,
        }  # fmt: skip
        places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
        await house.db.execute(f"INSERT INTO delivery ({', '.join(values)}) VALUES ({places})", *values.values())
        rows.append(values["id"])
    return rows


async def calls(house: House, customer_id: UUID, after: timedelta) -> None:
    """The customer calls so long after an hour ago."""
    at = house.clock() - timedelta(hours=1) + after
    await house.db.execute(
        """INSERT INTO call (id, pbx, direction, state, customer_id, offered_at, ended_at)
           VALUES ($1, 'pbx', 'in', 'ended', $2, $3, $3)""",
        *(new_id(), customer_id, at),
    )


async def test_each_delivery_is_counted_once_for_how_far_it_came(
    house: House, api: Api, campaign: MakeCampaign, people: People
) -> None:
    it = await campaign()
    some = await people(9)
    now = house.clock()
    await deliver(house, it.id, some[:1], state="read", delivered_at=now, read_at=now, clicked_at=now, segments=2)
    await deliver(house, it.id, some[1:2], state="delivered", delivered_at=now, cost_minor=5, cost_currency="USD")
    await deliver(house, it.id, some[2:3], opted_out_at=now, reason="complaint", cost_minor=7, cost_currency="USD")
    await deliver(house, it.id, some[3:4], state="permanent_failure", reason="bounce", error_code="5.1.1")
    await deliver(house, it.id, some[4:5], state="permanent_failure", error_code="30006", sent_at=None, variant=1)
    await deliver(house, it.id, some[5:6], state="suppressed", reason="holdout", sent_at=None)
    await deliver(house, it.id, some[6:7], state="suppressed", reason="opt_out", sent_at=None)
    await deliver(house, it.id, some[7:8], state="unknown", sent_at=None)
    await deliver(house, it.id, some[8:9], state="queued", sent_at=None)
    found = await api.get(f"/campaigns/{it.id}/results", role="marketer")
    whole = {name: count for name, count in found["whole"].items() if count}
    assert whole == {
        "total": 9, "queued": 1, "unknown": 1, "sent": 4, "delivered": 2, "read": 1, "clicked": 1, "failed": 2,
        "bounced": 1, "suppressed": 1, "held_out": 1, "opted_out": 1, "complained": 1, "segments": 2,
    }  # fmt: skip
    assert found["costs"] == {"USD": 12}
    assert found["priced"] == 2
    reasons = {(each["state"], each["reason"], each["error_code"]): each["count"] for each in found["reasons"]}
    assert reasons["permanent_failure", "bounce", "5.1.1"] == reasons["permanent_failure", None, "30006"] == 1
    assert found["channels"]["sms"]["total"] == 9
    assert (found["variants"]["A"]["total"], found["variants"]["B"]["failed"]) == (8, 1)
    await api.get(f"/campaigns/{it.id}/results", role="agent", status=403)
    await api.get(f"/campaigns/{new_id()}/results", role="marketer", status=404)


async def test_calls_and_tickets_count_in_their_days_and_beside_those_who_got_nothing(
    house: House, api: Api, campaign: MakeCampaign, people: People
) -> None:
    it = await campaign()
    some = await people(6)
    await deliver(house, it.id, some[:2])
    await deliver(house, it.id, some[2:4], variant=1)
    await deliver(house, it.id, some[4:], state="suppressed", reason="holdout", sent_at=None)
    await calls(house, some[0], timedelta(minutes=10))
    await calls(house, some[0], timedelta(minutes=20))
    await calls(house, some[2], timedelta(minutes=-10))  # before it
    await calls(house, some[4], timedelta(minutes=5))
    await api.post("/tickets", {"kind": "complaint", "subject": "It hums", "customer_id": str(some[0])})
    await api.post("/tickets", {"kind": "complaint", "subject": "It hums", "customer_id": str(some[3])})
    found = await api.get(f"/campaigns/{it.id}/results?days=7")
    counts = {name: (part["called"], part["tickets"], part["either"]) for name, part in found["followed"].items()}
    assert counts == {"A": (1, 1, 1), "B": (0, 1, 1), "holdout": (1, 0, 1)}
    (followed,) = [each for each in found["comparisons"] if each["measure"] == "followed"]
    assert {(each["one"], each["other"]) for each in followed["differences"]} == {
        ("A", "B"), ("A", "holdout"), ("B", "holdout"),
    }  # fmt: skip
    assert {each["verdict"] for each in followed["differences"]} == {"too_few"}
    # An hour ago, and two hours are asked for in days: nothing older counts for a campaign of long ago.
    await house.db.execute("UPDATE delivery SET sent_at = sent_at - interval '3 days' WHERE campaign_id = $1", it.id)
    assert (await api.get(f"/campaigns/{it.id}/results?days=1"))["followed"]["A"]["either"] == 0


@pytest.mark.parametrize("format", ["csv", "xlsx"])
async def test_an_export_holds_what_its_asker_may_see_and_no_formula(
    house: House, api: Api, campaign: MakeCampaign, format: str
) -> None:
    it = await campaign()
    data: Any = {"name": "=HYPERLINK(evil)", "contact_points": [{"kind": "phone", "value": "+14155550199"}]}
    customer = await create_customer(house, SYSTEM, data)
    await deliver(house, it.id, [customer.id], contact_point_id=customer.contact_points[0].id)
    asked = await api.post(f"/campaigns/{it.id}/exports", {"format": format}, role="marketer", status=202)
    assert await background.work(house, KINDS)
    headers = {"Authorization": f"Bearer {await api.token('marketer')}"}
    async with api.client.get(f"/api/v1/delivery-exports/{asked['id']}/file", headers=headers) as answer:
        assert answer.status == 200
        body = await answer.read()
    text = body.decode() if format == "csv" else ZipFile(io.BytesIO(body)).read("xl/worksheets/sheet1.xml").decode()
    assert "'=HYPERLINK(evil)" in text
    assert "4155550199" not in text  # a marketer sees no whole numbers
    assert customer.reference in text
    if format == "csv":
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
        assert [(row["state"], row["campaign"]) for row in rows] == [("sent", f"P{it.number}")]
        assert rows[0]["to"].endswith("0199")
    actions = [row["action"] for row in await house.db.fetch("SELECT action FROM audit_entry ORDER BY at, id")]
    assert {"push_file:asked", "push_file:written", "push_file:downloaded"} <= set(actions)
    # Nobody else has it, and an erasure ends it.
    other = {"Authorization": f"Bearer {await api.token('administrator')}"}
    async with api.client.get(f"/api/v1/delivery-exports/{asked['id']}/file", headers=other) as answer:
        assert answer.status == 404
    await erasure.erase(house, SYSTEM, customer.id, reason="request", confirm=customer.reference)
    async with api.client.get(f"/api/v1/delivery-exports/{asked['id']}/file", headers=headers) as answer:
        assert answer.status == 410
    assert list(ending_files.folder(house, "push_file").glob("*")) == []
