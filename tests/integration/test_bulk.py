"""What is loaded by COPY is found, read and changed like what was made one by one."""

from __future__ import annotations

import pytest

from hotline.crm.commands.customers import bulk
from hotline.crm.commands.customers.bulk import BulkCustomer, e164
from hotline.crm.queries.customers.customer_filter import CustomerFilter
from hotline.crm.queries.customers.customer_search import search_customers
from hotline.crm.queries.customers.customers import list_customers, lookup
from hotline.crm.viewer import SYSTEM
from hotline.customers import contact_points
from hotline.errors import Forbidden, Invalid
from hotline.workflows.customers.customers import create_customer, load_customers, update_customer
from hotline.workflows.house import House
from tests.integration.people import viewer_as

NUMBER = "+8613912340412"


async def test_the_rows_are_those_of_one_by_one(house: House) -> None:
    one = await create_customer(
        house,
        SYSTEM,
        {
            "kind": "organisation",
            "name": "王小明 Trading",
            "locale": "zh",
            "tier": "gold",
            "tags": ["VIP"],
            "contact_points": [
                {"kind": "phone", "value": NUMBER, "label": "office"},
                {"kind": "email", "value": "w@example.com"},
            ],
        },
    )
    loaded = await load_customers(
        house,
        SYSTEM,
        [
            BulkCustomer(
                name="王小明 Trading",
                kind="organisation",
                locale="zh",
                tier="gold",
                tags=("VIP", "VIP"),
                contact_points=(
                    ("phone", e164(NUMBER, "CN"), "office"),
                    ("email", contact_points.normalise("email", "w@example.com", "CN"), ""),
                ),
            )
        ],
    )
    assert loaded == 1
    tokens = await house.db.fetch("SELECT search_tokens, kind, locale, tier_id, custom, version FROM customer")
    assert dict(tokens[0]) == dict(tokens[1])
    points = await house.db.fetch(
        "SELECT kind, value_index, suffix_tokens, country, position FROM contact_point ORDER BY id"
    )
    assert [dict(row) for row in points[:2]] == [dict(row) for row in points[2:]]
    for found in (
        await lookup(house.db, house.keyring, SYSTEM, NUMBER, region="US"),
        await search_customers(house.db, house.keyring, SYSTEM, "小明", region="US", limit=9),
        await search_customers(house.db, house.keyring, SYSTEM, "0412", region="US", limit=9),
        await search_customers(house.db, house.keyring, SYSTEM, "w@example.com", region="US", limit=9),
        await list_customers(house.db, house.keyring, SYSTEM, limit=9, chosen=CustomerFilter(tag="vip")),
    ):
        assert [customer.name for customer in found] == ["王小明 Trading"] * 2
        assert found[0].number > one.number
    changed = await update_customer(house, SYSTEM, found[0].id, {"name": "Li Na"}, expected_version=1)
    assert [point.display for point in changed.contact_points] == ["+86 139 1234 0412", "w@example.com"]


async def test_batches_commit_by_themselves_and_are_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 10)
    told: list[int] = []
    people = [BulkCustomer(name=f"Person {n}") for n in range(25)]
    assert await load_customers(house, SYSTEM, people, told.append) == 25
    assert told == [10, 20, 25]
    assert len(await list_customers(house.db, house.keyring, SYSTEM, limit=100)) == 25
    counts = await house.db.fetch("SELECT data FROM audit_entry WHERE action = 'customer:loaded' ORDER BY id")
    assert [row["data"]["count"] for row in counts] == [10, 10, 5]
    with pytest.raises(Invalid, match=r"^tier: "):
        await load_customers(house, SYSTEM, [*people, BulkCustomer(name="x", tier="diamond")])
    assert len(await list_customers(house.db, house.keyring, SYSTEM, limit=100)) == 45
    assert await load_customers(house, SYSTEM, []) == 0


@pytest.mark.parametrize("customer", [BulkCustomer("x", tier="no"), BulkCustomer("x", tags=("no",))])
async def test_unknown_tiers_and_tags_are_refused(house: House, customer: BulkCustomer) -> None:
    with pytest.raises(Invalid):
        await load_customers(house, SYSTEM, [customer])
    assert await list_customers(house.db, house.keyring, SYSTEM, limit=9) == []


async def test_loading_needs_the_right(house: House) -> None:
    with pytest.raises(Forbidden):
        await load_customers(house, viewer_as("marketer"), [BulkCustomer("x")])
