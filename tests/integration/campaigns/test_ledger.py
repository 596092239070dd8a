"""Who got what: the list, its filters, what a viewer sees of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from hotline.crm.viewer import SYSTEM
from hotline.ids import new_id
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House
from hotline.workflows.people import roles, users
from tests.integration.web.conftest import Api, api  # noqa: F401 - a fixture

CAMPAIGN = UUID("01890000-0000-7000-8000-00000000c0c0")


async def recipient(house: House, number: int, **fields: Any) -> UUID:
    """A customer with a delivery of the campaign; the delivery's id."""
    point = {"kind": "email", "value": f"r{number}@example.com"}
    data: Any = {"name": f"Recipient {number}", "contact_points": [point]}
    customer = await create_customer(house, SYSTEM, data)
    delivery, at = new_id(), house.clock()
    values = {
        "id": delivery, "campaign_id": CAMPAIGN, "manifest_id": CAMPAIGN, "customer_id": customer.id,
        "contact_point_id": customer.contact_points[0].id, "channel": "email", "state": "sent", "due_at": at,
        "sent_at": at - timedelta(minutes=number), **fields,
    }  # fmt: skip
    places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
    await house.db.execute(
        f"INSERT INTO delivery ({', '.join(values)}) VALUES ({places})",
        *values.values(),
    )
    return delivery


async def test_a_campaign_s_deliveries_come_page_by_page_each_once(house: House, api: Api) -> None:  # noqa: F811
    made = {str(await recipient(house, number)) for number in range(5)}
    await recipient(house, 9, campaign_id=new_id())
    seen: list[str] = []
    cursor = ""
    while True:
        page = await api.get(f"/deliveries?campaign_id={CAMPAIGN}&limit=2{cursor}", role="marketer")
        seen += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len(seen) == 5
    assert set(seen) == made


async def test_they_are_found_by_what_became_of_them(house: House, api: Api) -> None:  # noqa: F811
    failed = await recipient(house, 1, state="permanent_failure", error_code="550", sent_at=None)
    read = await recipient(house, 2, state="read", clicked_at=house.clock(), provider_id="<x@y>")
    left = await recipient(house, 3, opted_out_at=house.clock(), reason="opt_out")
    for query, found in (
        ("state=permanent_failure", {failed}),
        ("state=permanent_failure&state=read", {failed, read}),
        ("error=550", {failed}),
        ("clicked=true", {read}),
        ("opted_out=true&reason=opt_out", {left}),
        ("provider_id=%3Cx%40y%3E", {read}),
        ("channel=sms", set()),
    ):
        items = (await api.get(f"/deliveries?campaign_id={CAMPAIGN}&{query}"))["items"]
        assert {each["id"] for each in items} == {str(each) for each in found}, query
    one = await api.get(f"/deliveries/{failed}")
    assert (one["to"], one["error"], one["variant"], one["attempts"]) == ("r1@example.com", "550", "A", 0)
    of_one = await api.get(f"/deliveries?customer_id={one['customer_id']}")
    assert [each["id"] for each in of_one["items"]] == [str(failed)]


async def test_of_all_campaigns_the_latest_come_first_by_state_and_by_customer(house: House, api: Api) -> None:  # noqa: F811
    made = [await recipient(house, n, campaign_id=new_id(), state=state, sent_at=sent) for n, state, sent in (
        (1, "sent", house.clock()), (2, "unknown", None), (3, "queued", None), (4, "unknown", None),
        (5, "permanent_failure", house.clock()), (6, "sending", None),
    )]  # fmt: skip
    found: list[str] = []
    cursor = ""
    while True:
        page = await api.get(f"/deliveries?state=unknown&state=permanent_failure&state=sending&limit=3{cursor}")
        found += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == [str(made[place]) for place in (5, 4, 3, 1)]
    customer = (await api.get(f"/deliveries/{made[2]}"))["customer_id"]
    later = new_id()
    await house.db.execute(
        """INSERT INTO delivery (id, campaign_id, manifest_id, customer_id, channel, state, due_at, sent_at)
           VALUES ($1, $1, $1, $2, 'email', 'sent', now(), now())""",
        *(later, UUID(customer)),
    )
    both = (await api.get(f"/deliveries?customer_id={customer}"))["items"]
    assert [each["id"] for each in both] == [str(later), str(made[2])]
    queued = (await api.get(f"/deliveries?customer_id={customer}&state=queued&state=sent&limit=1"))["items"]
    assert [each["id"] for each in queued] == [str(later)]


async def test_the_ledger_shows_whom_a_viewer_sees_and_masks_what_they_may_not_read(
    house: House,
    api: Api,  # noqa: F811
) -> None:
    mine, other = await recipient(house, 1), await recipient(house, 2)
    await roles.create_role(
        house, SYSTEM, "narrow", names={"en": "narrow"}, permissions=["campaigns.read", "customers.read"]
    )
    me = await users.create_user(house, SYSTEM, {"login": "narrow", "name": "Narrow", "role": "narrow"})
    _, api.tokens["narrow"] = await users.create_token(house, SYSTEM, me.id, "test", ["all"])
    await house.db.execute(
        "UPDATE customer SET responsible_id = $1 WHERE id = (SELECT customer_id FROM delivery WHERE id = $2)",
        *(me.id, mine),
    )
    (item,) = (await api.get(f"/deliveries?campaign_id={CAMPAIGN}", role="narrow"))["items"]
    assert (item["id"], item["to"]) == (str(mine), "r•••@example.com")
    await api.get(f"/deliveries/{other}", role="narrow", status=404)
    await api.get(f"/deliveries?campaign_id={CAMPAIGN}", role="agent", status=403)
