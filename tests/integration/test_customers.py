"""Customers: kept sealed, changed by version, found by number, name, email, reference and tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import pytest

from hotline.crm.database import Reader, Row
from hotline.crm.queries.customers.candidates import candidates
from hotline.crm.queries.customers.customer_filter import CustomerFilter
from hotline.crm.queries.customers.customer_search import search_customers
from hotline.crm.queries.customers.customers import CustomerView, get_customer, list_customers, lookup
from hotline.crm.queries.customers.tiers import list_tags
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Forbidden, HotlineError, Invalid, NotFound
from hotline.ids import new_id
from hotline.workflows.customers.customers import CustomerChanges, NewCustomer, create_customer, update_customer
from hotline.workflows.house import House
from tests.integration.people import add_user, viewer_as

NUMBER = "+8613912340412"


class Counting:
    """A reader that counts its statements."""

    def __init__(self, db: Reader) -> None:
        self.db = db
        self.count = 0

    async def fetch(self, sql: str, *args: Any) -> Sequence[Row]:
        self.count += 1
        return await self.db.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        self.count += 1
        return await self.db.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        self.count += 1
        return await self.db.fetchval(sql, *args)


async def add(house: House, name: str, phone: str | None = None, **fields: Any) -> CustomerView:
    data: CustomerChanges = {"name": name, **fields}  # type: ignore[typeddict-item]
    if phone:
        data["contact_points"] = [{"kind": "phone", "value": phone}]
    return await create_customer(house, SYSTEM, data)


async def found(house: House, text: str, viewer: Viewer = SYSTEM, **options: Any) -> list[str]:
    options.setdefault("limit", 50)
    customers = await search_customers(house.db, house.keyring, viewer, text, region="CN", **options)
    return [customer.name for customer in customers]


async def events(house: House) -> list[tuple[str, dict[str, Any]]]:
    rows = await house.db.fetch("SELECT type, data FROM outbox ORDER BY id")
    return [(row["type"], row["data"]) for row in rows]


async def test_a_customer_comes_back_as_it_was_made(house: House) -> None:
    anna = await add_user(house, "anna")
    made = await create_customer(
        house,
        SYSTEM,
        {
            "kind": "organisation",
            "name": "  王小明 & Söhne\r\nGmbH ",
            "locale": "zh-CN",
            "tier": "gold",
            "responsible_id": anna.user_id,
            "tags": ["VIP", "north", "vip"],
            "contact_points": [
                {"kind": "phone", "value": "+86 139 1234 0412", "label": "mobile"},
                {"kind": "email", "value": "Wang@Example.COM"},
                {"kind": "whatsapp", "value": "+86 139 1234 0412"},
                {"kind": "inapp", "value": "device-77"},
            ],
            "addresses": [{"label": "office", "text": "1 Long Street\r\nTown", "country": "GB"}],
            "custom": {"plan": "pro", "seats": 3},
        },
    )
    read = await get_customer(house.db, house.keyring, SYSTEM, made.id)
    assert read == made
    assert read.name == "王小明 & Söhne GmbH"
    assert read.reference == f"C{read.number}"
    assert read.number >= 10001
    assert read.tier is not None
    assert read.tier.key == "gold"
    assert read.tags == ("north", "VIP")
    assert [(point.kind, point.value, point.display, point.country) for point in read.contact_points] == [
        ("phone", NUMBER, "+86 139 1234 0412", "CN"),
        ("email", "wang@example.com", "wang@example.com", None),
        ("whatsapp", NUMBER, "+86 139 1234 0412", "CN"),
        ("inapp", "device-77", "device-77", None),
    ]
    assert [(address.label, address.text, address.country) for address in read.addresses] == [
        ("office", "1 Long Street\nTown", "GB")
    ]
    assert read.custom == {"plan": "pro", "seats": 3}
    assert (read.version, read.erased, read.responsible_id) == (1, False, anna.user_id)
    assert await events(house) == [("customer.created", {"customer_id": str(made.id)})]


async def test_nothing_personal_is_readable_in_the_database(house: House) -> None:
    await create_customer(
        house,
        SYSTEM,
        {
            "name": "Zacharias Quirrel",
            "contact_points": [
                {"kind": "phone", "value": NUMBER},
                {"kind": "email", "value": "zach@quirrel.example"},
            ],
            "addresses": [{"text": "77 Quirrel Lane"}],
        },
    )
    tables = await house.db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for table in tables:
        dump = str([dict(row) for row in await house.db.fetch(f'SELECT * FROM "{table["tablename"]}"')])
        for secret in ("Zacharias", "quirrel", "Quirrel", "13912340412", "'0412'"):
            assert secret not in dump, table["tablename"]


async def test_updates_change_what_they_name_and_nothing_else(house: House) -> None:
    made = await add(house, "Anna", NUMBER, tags=["VIP"], custom={"a": 1}, tier="gold")
    first = made.contact_points[0]
    updated = await update_customer(
        house,
        SYSTEM,
        made.id,
        {
            "name": "Berta",
            "contact_points": [
                {"kind": "email", "value": "b@example.com"},
                {"kind": "phone", "value": "139 1234 0412".replace("139", "+86 139"), "label": "new label"},
            ],
        },
        expected_version=1,
    )
    assert updated.version == 2
    assert updated.tags == ("VIP",)
    assert updated.custom == {"a": 1}
    assert updated.tier is not None
    assert [(point.kind, point.label) for point in updated.contact_points] == [("email", ""), ("phone", "new label")]
    assert updated.contact_points[1].id == first.id
    assert await found(house, "berta") == ["Berta"]
    assert await found(house, "anna") == []
    cleared = await update_customer(
        house, SYSTEM, made.id, {"tier": None, "tags": [], "contact_points": [], "locale": None}
    )
    assert (cleared.tier, cleared.tags, cleared.contact_points) == (None, (), ())
    assert await lookup(house.db, house.keyring, SYSTEM, NUMBER, region="CN") == []
    assert [type for type, _ in await events(house)] == ["customer.created", "customer.updated", "customer.updated"]


async def test_a_stale_version_is_a_conflict_and_changes_nothing(house: House) -> None:
    made = await add(house, "Anna")
    await update_customer(house, SYSTEM, made.id, {"name": "Berta"}, expected_version=1)
    with pytest.raises(Conflict):
        await update_customer(house, SYSTEM, made.id, {"name": "Clara"}, expected_version=1)
    assert (await get_customer(house.db, house.keyring, SYSTEM, made.id)).name == "Berta"


async def test_a_contact_point_can_stay_without_its_value_being_known(house: House) -> None:
    made = await add(house, "Anna", NUMBER)
    point = made.contact_points[0]
    updated = await update_customer(house, SYSTEM, made.id, {"contact_points": [{"id": point.id, "label": "home"}]})
    assert [(kept.id, kept.value, kept.label) for kept in updated.contact_points] == [(point.id, NUMBER, "home")]
    with pytest.raises(Invalid, match=r"^contact_points\[0\]\.id"):
        await update_customer(house, SYSTEM, made.id, {"contact_points": [{"id": new_id()}]})


async def test_addresses_keep_their_ids(house: House) -> None:
    made = await add(house, "Anna", addresses=[{"label": "a", "text": "one"}, {"label": "b", "text": "two"}])
    first, second = made.addresses
    updated = await update_customer(
        house,
        SYSTEM,
        made.id,
        {"addresses": [{"id": second.id, "label": "b2"}, {"text": "three", "country": "CN"}]},
    )
    assert [(address.label, address.text) for address in updated.addresses] == [("b2", "two"), ("", "three")]
    assert updated.addresses[0].id == second.id
    other = await add(house, "Berta")
    with pytest.raises(Invalid, match=r"^addresses\[0\]\.id"):
        await update_customer(house, SYSTEM, other.id, {"addresses": [{"id": first.id, "text": "stolen"}]})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "x" * 10_000}, "name"),
        ({"name": " \0\r\n "}, "name"),
        ({"kind": "robot"}, "kind"),
        ({"locale": "English"}, "locale"),
        ({"tier": "diamond"}, "tier"),
        ({"tags": ["x" * 65]}, "tags"),
        ({"tags": "VIP"}, "tags"),
        ({"tags": [f"t{n}" for n in range(51)]}, "tags"),
        ({"contact_points": [{"kind": "fax", "value": NUMBER}]}, "contact_points[0].kind"),
        ({"contact_points": [{"kind": "phone", "value": "100"}]}, "contact_points[0].value"),
        ({"contact_points": [{"kind": "phone", "value": "anonymous"}]}, "contact_points[0].value"),
        ({"contact_points": [{"kind": "email", "value": "a@b"}]}, "contact_points[0].value"),
        ({"contact_points": [{"value": NUMBER}] * 51}, "contact_points"),
        ({"contact_points": [{"value": NUMBER, "label": "x" * 101}]}, "contact_points[0].label"),
        ({"addresses": [{"text": "x" * 1001}]}, "addresses[0].text"),
        ({"addresses": [{"text": "x", "country": "China"}]}, "addresses[0].country"),
        ({"custom": {"a": "x" * 30_000}}, "custom"),
    ],
)
async def test_what_cannot_be_kept_is_refused_by_field(house: House, changes: Any, field: str) -> None:
    made = await add(house, "Anna")
    for attempt in (
        create_customer(house, SYSTEM, cast(NewCustomer, {"name": "Berta", **changes})),
        update_customer(house, SYSTEM, made.id, changes),
    ):
        with pytest.raises(Invalid) as refused:
            await attempt
        assert refused.value.detail.startswith(f"{field}: ")
        assert len(refused.value.detail) < 200
    assert await found(house, "berta") == []
    assert (await get_customer(house.db, house.keyring, SYSTEM, made.id)).version == 1


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "${EVAL(x)} \"quoted\" 'it'", "Robert'); DROP TABLE customer;--", "👩‍💻 ñ 𠮷野家"],
)
async def test_odd_names_stay_text(house: House, name: str) -> None:
    made = await add(house, name)
    assert made.name == name
    assert (await get_customer(house.db, house.keyring, SYSTEM, made.id)).name == name


async def test_everybody_who_shares_a_number_is_found(house: House) -> None:
    husband = await add(house, "Wang Wei", NUMBER)
    wife = await create_customer(
        house, SYSTEM, {"name": "Li Na", "contact_points": [{"kind": "whatsapp", "value": NUMBER}]}
    )
    await add(house, "Somebody else", "+8613912340413")
    for text in (NUMBER, "139 1234 0412", "8613912340412", "0086 139 1234 0412", "tel:+86-139-1234-0412"):
        sharing = await lookup(house.db, house.keyring, SYSTEM, text, region="CN")
        assert {customer.id for customer in sharing} == {husband.id, wife.id}, text
    with pytest.raises(Invalid, match=r"^phone: "):
        await lookup(house.db, house.keyring, SYSTEM, "anonymous", region="CN")


async def test_lists_are_paged(house: House) -> None:
    made = [await add(house, f"Anna {n}", tags=["odd"] if n % 2 else []) for n in range(7)]
    newest_first = [customer.id for customer in reversed(made)]

    async def pages(chosen: CustomerFilter | None = None) -> list[UUID]:
        ids: list[UUID] = []
        after = None
        while page := await list_customers(house.db, house.keyring, SYSTEM, limit=3, after=after, chosen=chosen):
            assert len(page) <= 3
            ids += [customer.id for customer in page]
            after = ids[-1]
        return ids

    assert await pages() == newest_first
    assert await pages(CustomerFilter(tag="ODD")) == newest_first[1::2]
    assert await pages(CustomerFilter(tier="gold")) == []


async def test_masks(house: House) -> None:
    made = await create_customer(
        house,
        SYSTEM,
        {
            "name": "Anna",
            "contact_points": [
                {"kind": "phone", "value": NUMBER},
                {"kind": "email", "value": "anna@example.com"},
            ],
            "addresses": [{"label": "home", "text": "1 Long Street"}],
        },
    )
    marketer = viewer_as("marketer")
    read = await get_customer(house.db, house.keyring, marketer, made.id)
    assert [(point.value, point.display, point.masked) for point in read.contact_points] == [
        ("+86 139 •••• 0412", "+86 139 •••• 0412", True),
        ("a•••@example.com", "a•••@example.com", True),
    ]
    assert [(address.text, address.masked) for address in read.addresses] == [("", True)]
    (candidate,) = await candidates(house.db, house.keyring, marketer, ids=[made.id])
    assert [point.value for point in candidate.contact_points] == ["+86 139 •••• 0412"]
    agent = await get_customer(house.db, house.keyring, viewer_as("agent"), made.id)
    assert [point.masked for point in agent.contact_points] == [False, False]


WRITE = {"administrator": True, "supervisor": True, "agent": True, "marketer": False, "reviewer": False}


@pytest.mark.parametrize(("role", "allowed"), WRITE.items())
async def test_who_may_write_customers(house: House, role: str, allowed: bool) -> None:
    made = await add(house, "Anna")
    viewer = viewer_as(role)
    for attempt in (
        create_customer(house, viewer, {"name": "Berta"}),
        update_customer(house, viewer, made.id, {"name": "Clara"}),
    ):
        if allowed:
            assert (await attempt).name in ("Berta", "Clara")
        else:
            with pytest.raises(Forbidden):
                await attempt


@pytest.mark.parametrize("permissions", [frozenset(), frozenset({"customers.write", "calls.read"})])
async def test_without_the_right_nothing_is_read(house: House, permissions: frozenset[str]) -> None:
    made = await add(house, "Anna", NUMBER)
    nobody = Viewer(None, "user", permissions)
    for attempt in (
        get_customer(house.db, house.keyring, nobody, made.id),
        list_customers(house.db, house.keyring, nobody, limit=10),
        search_customers(house.db, house.keyring, nobody, "anna", region="CN", limit=10),
        lookup(house.db, house.keyring, nobody, NUMBER, region="CN"),
    ):
        with pytest.raises(Forbidden):
            await attempt
    assert await candidates(house.db, house.keyring, nobody, ids=[made.id]) == []


async def test_an_agent_uses_tags_and_a_tag_writer_makes_them(house: House) -> None:
    agent = viewer_as("agent")
    with pytest.raises(Invalid, match=r"^tags: "):
        await create_customer(house, agent, {"name": "Anna", "tags": ["VIP"]})
    await create_customer(house, viewer_as("supervisor"), {"name": "Anna", "tags": ["VIP"]})
    made = await create_customer(house, agent, {"name": "Berta", "tags": ["vip"]})
    assert made.tags == ("VIP",)
    assert [tag.name for tag in await list_tags(house.db, agent)] == ["VIP"]


async def test_one_idempotency_key_makes_one_customer(house: House) -> None:
    anna = await add_user(house, "anna")
    first = await create_customer(house, anna, {"name": "Customer"}, idempotency=("key", b"same"))
    again = await create_customer(house, anna, {"name": "Customer"}, idempotency=("key", b"same"))
    assert again == first
    with pytest.raises(Conflict):
        await create_customer(house, anna, {"name": "Other"}, idempotency=("key", b"other"))
    assert await found(house, "customer") == ["Customer"]


async def test_of_a_merged_customer_the_other_one_is_shown(house: House) -> None:
    kept = await add(house, "Kept", "+8613912340413")
    gone = await add(house, "Gone", NUMBER)
    await house.db.execute("UPDATE customer SET merged_into_id = $1 WHERE id = $2", kept.id, gone.id)
    assert (await get_customer(house.db, house.keyring, SYSTEM, gone.id)).id == kept.id
    assert await found(house, "gone") == []
    index = house.keyring.blind_index("phone", NUMBER)
    assert await candidates(house.db, house.keyring, SYSTEM, index=index) == [], "what they took over, the kept one has"
    known = await candidates(house.db, house.keyring, SYSTEM, ids=[gone.id])
    assert [one.id for one in known] == [kept.id]
    with pytest.raises(Conflict):
        await update_customer(house, SYSTEM, gone.id, {"name": "x"})


async def test_an_erased_customer_shows_nothing_personal(house: House) -> None:
    made = await add(house, "Anna", NUMBER)
    await house.db.execute("UPDATE personal_key SET wrapped = NULL")
    read = await get_customer(house.db, house.keyring, SYSTEM, made.id)
    assert (read.erased, read.name, read.contact_points) == (True, "", ())
    with pytest.raises(Conflict):
        await update_customer(house, SYSTEM, made.id, {"name": "x"})


async def test_unknown_ids_are_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        await get_customer(house.db, house.keyring, SYSTEM, new_id())
    with pytest.raises(NotFound):
        await update_customer(house, SYSTEM, new_id(), {"name": "x"})
    with pytest.raises(HotlineError):
        await create_customer(house, SYSTEM, {"name": "x", "responsible_id": new_id()})


async def test_audit_entries_hold_ids_and_field_names_only(house: House) -> None:
    anna = await add_user(house, "anna")
    made = await create_customer(house, anna, {"name": "Quirrel"})
    await update_customer(house, anna, made.id, {"name": "Quill", "contact_points": [{"value": NUMBER}]})
    rows = await house.db.fetch(
        "SELECT action, actor_id, subject_id, data FROM audit_entry WHERE subject_id = $1 ORDER BY id", made.id
    )
    assert [(row["action"], row["actor_id"], row["data"]) for row in rows] == [
        ("customer:created", anna.user_id, {}),
        ("customer:updated", anna.user_id, {"fields": ["contact_points", "name"], "source": "hand"}),
    ]


@pytest.mark.parametrize("many", [1, 12])
async def test_the_pop_costs_one_statement_however_many_share_the_number(house: House, many: int) -> None:
    for n in range(many):
        await add(house, f"Customer {n}", NUMBER, tags=[f"tag {n}", "all"], tier="gold")
    reader = Counting(house.db)
    index = house.keyring.blind_index("phone", NUMBER)
    sharing = await candidates(reader, house.keyring, SYSTEM, index=index)
    assert len(sharing) == many
    assert reader.count == 1
    assert all(one.tier is not None and len(one.tags) == 2 for one in sharing)
    by_ids = await candidates(reader, house.keyring, SYSTEM, ids=[one.id for one in sharing])
    assert by_ids == sharing
    assert reader.count == 2


@pytest.mark.parametrize("many", [1, 12])
async def test_lists_cost_one_statement_however_long(house: House, many: int) -> None:
    for n in range(many):
        await add(house, f"Customer {n}", f"+86139123404{n:02}", tags=["all"], addresses=[{"text": "x"}])
    reader = Counting(house.db)
    assert len(await list_customers(reader, house.keyring, SYSTEM, limit=50)) == many
    assert reader.count == 1


async def test_a_switchboards_customers_are_bounded(house: House) -> None:
    for n in range(53):
        await add(house, f"Customer {n}", NUMBER)
    index = house.keyring.blind_index("phone", NUMBER)
    assert len(await candidates(house.db, house.keyring, SYSTEM, index=index)) == 50
    assert len(await lookup(house.db, house.keyring, SYSTEM, NUMBER, region="CN")) == 50
    assert len(await list_customers(house.db, house.keyring, SYSTEM, limit=1_000_000)) == 53
