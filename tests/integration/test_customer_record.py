"""A customer's record in full: history of every field, two people's changes put together, custom fields, preferences,
relations, purchases."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from hotline.crm.queries.customers.candidates import candidates
from hotline.crm.queries.customers.customer_history import ChangeView, list_history
from hotline.crm.queries.customers.customer_relations import get_relation, list_relations
from hotline.crm.queries.customers.customers import CustomerView, get_customer
from hotline.crm.queries.customers.purchases import list_purchases
from hotline.crm.queries.customers.timeline import list_timeline
from hotline.crm.viewer import SYSTEM, Viewer, viewer_of
from hotline.customers.three_way import EditConflict
from hotline.errors import Conflict, Forbidden, Invalid, NotFound
from hotline.ids import new_id
from hotline.workflows.company import fields
from hotline.workflows.customers import customer_relations, purchases
from hotline.workflows.customers.customer_history import revert_change
from hotline.workflows.customers.customers import create_customer, update_customer
from hotline.workflows.house import House
from tests.integration.people import add_user, viewer_as

NUMBER, OTHER = "+8613912340412", "+8613912340413"


async def add(house: House, name: str = "Wang Xiuying", viewer: Viewer = SYSTEM, **data: Any) -> CustomerView:
    return await create_customer(house, viewer, {"name": name, **data})  # type: ignore[typeddict-item]


async def change(house: House, customer: CustomerView, viewer: Viewer = SYSTEM, **data: Any) -> CustomerView:
    """A change that was made against ``customer`` as it is given, not as it is now."""
    changes: Any = data
    return await update_customer(house, viewer, customer.id, changes, base_version=customer.version)


async def history(
    house: House, customer_id: UUID, viewer: Viewer = SYSTEM, field: str | None = None
) -> list[ChangeView]:
    return await list_history(house.db, house.keyring, viewer, customer_id, limit=100, field=field)


async def field_named(house: House, key: str, type: str, **more: Any) -> None:
    data: Any = {"key": key, "type": type, "names": {"en": key.title()}, **more}
    await fields.create_field(house, SYSTEM, data)


# History


async def test_every_changed_field_is_in_the_history(house: House) -> None:
    anna = await add_user(house, "anna", "supervisor")
    made = await add(house, contact_points=[{"kind": "phone", "value": NUMBER, "label": "home"}], tags=["vip"])
    changed = await change(
        house,
        made,
        anna,
        name="Wang Fang",
        locale="zh",
        tier="gold",
        classification="prospect",
        responsible="anna",
        tags=["vip", "North"],
        custom={"size": "L"},
        preferences={"channel": "phone"},
        contact_points=[{"kind": "email", "value": "wang@example.com"}],
        addresses=[{"text": "1 High St", "country": "GB"}],
    )
    found = {line.field: line for line in await history(house, made.id)}
    assert set(found) == {
        "name",
        "locale",
        "tier",
        "classification",
        "responsible",
        "tags",
        "custom.size",
        "preferences.channel",
        "contact_points",
        "addresses",
    }
    assert (found["name"].before, found["name"].after) == ("Wang Xiuying", "Wang Fang")
    assert found["responsible"].after == str(anna.user_id)
    assert (found["tags"].before, found["tags"].after) == (["vip"], ["North", "vip"])
    assert [point["value"] for point in found["contact_points"].before] == [NUMBER]
    assert {line.version for line in found.values()} == {changed.version} == {made.version + 1}
    assert {line.user.login for line in found.values() if line.user} == {"anna"}
    assert await change(house, changed, anna, name="Wang Fang", tags=["North", "vip"]) == changed, "nothing differs"
    assert [line.field for line in await history(house, made.id, field="custom")] == ["custom.size"]
    stored = await house.db.fetch("SELECT from_cipher, to_cipher FROM customer_change")
    assert not any(b"Wang" in bytes(value or b"") for row in stored for value in row.values())


async def test_masks_hold_in_the_history(house: House) -> None:
    await field_named(house, "iban", "text", private=True)
    made = await add(house)
    seen = await change(
        house,
        made,
        contact_points=[{"kind": "phone", "value": NUMBER}],
        addresses=[{"text": "1 High St"}],
        custom={"iban": "DE02 1203"},
    )
    assert seen.custom == {"iban": "DE02 1203"}
    masked = viewer_of(new_id(), frozenset({"customers.read", "customers.read_all", "customers.write"}))
    found = {line.field: line for line in await history(house, made.id, masked)}
    assert NUMBER not in str(found)
    assert "High St" not in str(found)
    assert "DE02" not in str(found)
    assert all(line.masked and not line.revertible for line in found.values())
    view = await get_customer(house.db, house.keyring, masked, made.id)
    assert (view.custom, view.custom_masked, view.addresses[0].text) == ({}, ("iban",), "")
    with pytest.raises(Forbidden):
        await revert_change(house, masked, made.id, found["contact_points"].id)
    with pytest.raises(Forbidden):
        await change(house, seen, masked, custom={"iban": "mine"})


async def test_a_change_is_taken_back(house: House) -> None:
    made = await add(house, contact_points=[{"kind": "phone", "value": NUMBER, "label": "home"}], custom={"a": "1"})
    after = await change(house, made, name="Wrong", contact_points=[], custom={"a": None, "b": "2"})
    await change(house, after, contact_points=[{"kind": "phone", "value": OTHER}])
    lines = {line.field: line for line in await history(house, made.id) if line.version == after.version}
    back = await revert_change(house, SYSTEM, made.id, lines["contact_points"].id)
    assert {point.value for point in back.contact_points} == {NUMBER, OTHER}, "what came since stays"
    assert back.name == "Wrong"
    whole = await revert_change(house, SYSTEM, made.id, lines["name"].id, whole=True)
    assert (whole.name, whole.custom) == ("Wang Xiuying", {"a": "1"})
    assert {line.source for line in await history(house, made.id) if line.version > after.version + 1} == {"undo"}
    await change(house, whole, name="Newer")
    with pytest.raises(EditConflict) as refused:
        await revert_change(house, SYSTEM, made.id, lines["name"].id)
    assert refused.value.conflicts[0].theirs == "Newer"
    with pytest.raises(NotFound):
        await revert_change(house, SYSTEM, made.id, new_id())


# Two people


async def test_two_peoples_changes_are_put_together(house: House) -> None:
    made = await add(
        house,
        tags=["a", "b"],
        custom={"one": "1", "two": "2"},
        preferences={"channel": "phone"},
        contact_points=[{"kind": "phone", "value": NUMBER, "label": "home"}],
        addresses=[{"label": "home", "text": "1 High St"}],
    )
    point, address = made.contact_points[0], made.addresses[0]
    await change(
        house,
        made,
        name="Wang Fang",
        tags=["a", "b", "c"],
        custom={"one": "uno"},
        contact_points=[{"id": point.id, "label": "home"}, {"kind": "email", "value": "wang@example.com"}],
        addresses=[{"id": address.id, "label": "home", "country": "GB"}],
    )
    both = await change(
        house,
        made,
        name="Wang Xiuying",
        locale="zh",
        tags=["a"],
        custom={"two": None, "three": "3"},
        preferences={"timezone": "Asia/Shanghai"},
        contact_points=[{"id": point.id, "label": "office"}, {"kind": "phone", "value": OTHER}],
        addresses=[{"id": address.id, "label": "office"}],
    )
    assert (both.name, both.locale, sorted(both.tags)) == ("Wang Fang", "zh", ["a", "c"])
    assert both.custom == {"one": "uno", "three": "3"}
    assert both.preferences == {"channel": "phone", "timezone": "Asia/Shanghai"}
    assert {(each.value, each.label) for each in both.contact_points} == {
        (NUMBER, "office"),
        ("wang@example.com", ""),
        (OTHER, ""),
    }
    assert [(each.id, each.text, each.label, each.country) for each in both.addresses] == [
        (address.id, "1 High St", "office", "GB")
    ]
    assert both.version == made.version + 2


async def test_a_field_that_both_changed_is_a_conflict_and_nothing_is_written(house: House) -> None:
    anna = await add_user(house, "anna", "supervisor")
    made = await add(house, contact_points=[{"kind": "phone", "value": NUMBER, "label": "home"}])
    point = made.contact_points[0]
    theirs = await change(house, made, anna, name="Theirs", contact_points=[{"id": point.id, "label": "theirs"}])
    with pytest.raises(EditConflict) as refused:
        await change(
            house,
            made,
            name="Yours",
            locale="zh",
            contact_points=[{"id": point.id, "label": "yours"}],
        )
    conflicts = {each.field: each for each in refused.value.conflicts}
    assert set(conflicts) == {"name", "contact_points"}
    told = conflicts["name"]
    assert (told.base, told.yours, told.theirs, told.by, told.by_name) == (
        "Wang Xiuying",
        "Yours",
        "Theirs",
        anna.user_id,
        "Anna",
    )
    assert await get_customer(house.db, house.keyring, SYSTEM, made.id) == theirs
    # The same as the other one wrote is no conflict.
    assert (await change(house, made, name="Theirs")).version == theirs.version
    for wrong in (theirs.version + 1, 0, -1):
        with pytest.raises(Conflict):
            await update_customer(house, SYSTEM, made.id, {"name": "x"}, base_version=wrong)


async def test_a_conflict_shows_no_more_than_the_record(house: House) -> None:
    made = await add(house, contact_points=[{"kind": "phone", "value": NUMBER, "label": ""}])
    point = made.contact_points[0]
    await change(house, made, contact_points=[{"id": point.id, "label": "theirs"}])
    masked = viewer_of(new_id(), frozenset({"customers.read", "customers.read_all", "customers.write"}))
    with pytest.raises(EditConflict) as refused:
        await change(house, made, masked, contact_points=[{"id": point.id, "label": "yours"}])
    assert NUMBER not in str(refused.value.conflicts)
    assert "0412" in str(refused.value.conflicts)


async def test_many_change_one_record_at_once(house: House) -> None:
    made = await add(house)
    await asyncio.gather(*(change(house, made, custom={f"key{at}": at}) for at in range(8)))
    after = await get_customer(house.db, house.keyring, SYSTEM, made.id)
    assert after.custom == {f"key{at}": at for at in range(8)}
    assert after.version == made.version + 8


async def test_a_version_that_nobody_noted_is_no_base(house: House) -> None:
    made = await add(house)
    await house.db.execute("UPDATE customer SET version = version + 1 WHERE id = $1", made.id)
    with pytest.raises(Conflict) as refused:
        await change(house, made, name="x")
    assert not isinstance(refused.value, EditConflict)


# Whose they are


async def test_giving_a_customer_away_is_a_right_of_its_own(house: House) -> None:
    anna, bert = await add_user(house, "anna"), await add_user(house, "bert")
    boss = await add_user(house, "boss", "supervisor")
    made = await add(house)
    taken = await change(house, made, anna, responsible="anna")
    assert taken.responsible is not None
    assert taken.responsible.login == "anna"
    for wanted in ("bert", None):
        with pytest.raises(Forbidden):
            await change(house, taken, anna, responsible=wanted)
    with pytest.raises(Forbidden):
        await change(house, taken, bert, responsible="bert")
    assert (await change(house, taken, anna, responsible="anna", name="x")).name == "x", "unchanged is no transfer"
    given = await change(house, taken, boss, responsible="BERT")
    assert given.responsible is not None
    assert given.responsible.id == bert.user_id
    with pytest.raises(Invalid, match=r"responsible: "):
        await change(house, given, boss, responsible="nobody")


async def test_who_sees_only_their_own_looks_after_whom_they_make(house: House) -> None:
    own = await add_user(house, "own")
    narrow = viewer_of(own.user_id or new_id(), frozenset({"customers.read", "customers.write", "customers.transfer"}))
    made = await add(house, viewer=narrow)
    assert made.responsible_id == own.user_id
    assert made.created_by is not None
    other = await add(house, "Other")
    with pytest.raises(NotFound):
        await change(house, other, narrow, name="x")
    await add_user(house, "next")
    given = await change(house, made, narrow, responsible="next")
    assert given.responsible is not None
    assert given.responsible.login == "next", "shown once more, then gone"
    with pytest.raises(NotFound):
        await history(house, made.id, narrow)


# Custom fields


async def test_values_are_typed_and_what_people_write_is_sealed(house: House) -> None:
    choices = [{"key": "s", "names": {"en": "Small"}}, {"key": "l", "names": {"en": "Large", "zh": "大"}}]
    for key, kind, more in (
        ("shoe", "number", {"minimum": "30", "maximum": "50"}),
        ("size", "choice", {"choices": choices}),
        ("worth", "money", {"currency": "CNY"}),
        ("since", "date", {}),
        ("plate", "text", {}),
        ("health", "boolean", {"private": True}),
        ("site", "url", {}),
        ("tel", "phone", {}),
    ):
        await field_named(house, key, kind, **more)
    made = await add(
        house,
        custom={
            "shoe": "42",
            "size": "大",
            "worth": "¥1,250.5",
            "since": "2020年3月1日",
            "plate": "沪A 12345",
            "health": True,
            "site": "example.com/a",
            "tel": "+86 139 1234 0412",
            "free": {"any": "thing"},
        },
    )
    assert made.custom == {
        "shoe": 42,
        "size": "l",
        "worth": {"amount": 125050, "currency": "CNY"},
        "since": "2020-03-01",
        "plate": "沪A 12345",
        "health": True,
        "site": "https://example.com/a",
        "tel": NUMBER,
        "free": {"any": "thing"},
    }
    row = await house.db.fetchrow("SELECT custom, custom_cipher FROM customer WHERE id = $1", made.id)
    assert row is not None
    assert row["custom_cipher"] is not None
    assert set(row["custom"]) == {"shoe", "size", "worth", "since"}, "private ones are sealed whatever their type"
    for key, wrong in {
        "shoe": 51,
        "size": "xl",
        "worth": "1.234 CNY",
        "since": "31.2.2020",
        "site": "javascript:alert(1)",
        "tel": "abc",
        "health": "perhaps",
    }.items():
        with pytest.raises(Invalid, match=rf"^custom\.{key}: "):
            await change(house, made, custom={key: wrong})
    assert (await change(house, made, custom={"shoe": None})).custom.get("shoe") is None


async def test_a_required_field_is_asked_for(house: House) -> None:
    await field_named(house, "contract", "text", record="organisation", required=True)
    with pytest.raises(Invalid, match=r"^custom\.contract: "):
        await create_customer(house, SYSTEM, {"name": "Acme", "kind": "organisation"}, complete=True)
    await create_customer(house, SYSTEM, {"name": "Anna"}, complete=True)
    made = await create_customer(
        house, SYSTEM, {"name": "Acme", "kind": "organisation", "custom": {"contract": "K-1"}}, complete=True
    )
    with pytest.raises(Invalid, match=r"^custom\.contract: "):
        await change(house, made, custom={"contract": None})


async def test_fields_are_described_ordered_archived(house: House) -> None:
    await field_named(house, "b", "text")
    await field_named(house, "a", "text", record="person", hints={"en": "As on the card"}, shown_in_pop=True)
    await field_named(house, "a", "text", record="ticket")
    known = await fields.load(house)
    assert [each.key for each in known.of("person")] == ["b", "a"]
    assert [each.key for each in known.of("ticket")] == ["a"]
    assert [each.key for each in known.in_pop("person")] == ["a"]
    assert not known.in_pop("organisation")
    with pytest.raises(Conflict):
        await field_named(house, "a", "number", record="organisation")
    first = known.get("a")
    assert first is not None
    await fields.order_fields(house, SYSTEM, [first.id])
    assert [each.key for each in (await fields.load(house)).of("person")] == ["a", "b"]
    changed = await fields.update_field(
        house, SYSTEM, first.id, {"archived": True, "names": {"en": "A"}}, first.version
    )
    assert changed.archived
    assert [each.key for each in (await fields.load(house)).of("person")] == ["b"]
    with pytest.raises(Conflict):
        await fields.update_field(house, SYSTEM, first.id, {"required": True}, changed.version - 1)
    with pytest.raises(Invalid, match="type: "):
        await fields.update_field(house, SYSTEM, first.id, {"type": "number"})
    with pytest.raises(Forbidden):
        await fields.create_field(house, viewer_as("agent"), {"key": "x", "type": "text", "names": {"en": "X"}})


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"key": "Big Key", "type": "text"}, "key"),
        ({"key": "x", "type": "colour"}, "type"),
        ({"key": "x", "type": "text", "record": "call"}, "record"),
        ({"key": "x", "type": "choice"}, "choices"),
        ({"key": "x", "type": "text", "names": {"de": "X"}}, "names"),
        ({"key": "x", "type": "money", "currency": "XX1"}, "currency"),
        ({"key": "x", "type": "text", "minimum": "1"}, "minimum"),
        ({"key": "x", "type": "number", "minimum": "2", "maximum": "1"}, "maximum"),
        ({"key": "x", "type": "choice", "choices": [{"key": "a", "names": {"en": "A"}}] * 2}, "choices"),
    ],
)
async def test_what_is_no_field_is_refused(house: House, data: Any, named: str) -> None:
    given: Any = {"names": {"en": "X"}, **data}
    with pytest.raises(Invalid, match=rf"^{named}: "):
        await fields.create_field(house, SYSTEM, given)


# Relations


async def test_an_organisation_has_contacts(house: House) -> None:
    acme, wang, li = await add(house, "Acme", kind="organisation"), await add(house, "Wang"), await add(house, "Li")
    await customer_relations.add_relation(house, SYSTEM, acme.id, {"customer_id": li.id, "weight": 10})
    data: Any = {
        "customer_id": wang.id,
        "kind": "contact",
        "role": "decision_maker",
        "weight": 90,
        "note": "calls back",
    }
    made = await customer_relations.add_relation(house, SYSTEM, acme.id, data)
    assert (made.outward, made.role, made.note, made.other.name) == (True, "decision_maker", "calls back", "Wang")
    found = await list_relations(house.db, house.keyring, SYSTEM, acme.id)
    assert [each.other.name for each in found] == ["Wang", "Li"], "who decides most is first"
    inward = await list_relations(house.db, house.keyring, SYSTEM, wang.id)
    assert [(each.outward, each.other.name, each.note) for each in inward] == [(False, "Acme", "calls back")]
    with pytest.raises(Conflict):
        await customer_relations.add_relation(house, SYSTEM, acme.id, {"customer_id": wang.id})
    changed = await customer_relations.update_relation(house, SYSTEM, wang.id, made.id, {"weight": None, "role": None})
    assert (changed.weight, changed.role, changed.note) == (None, None, "calls back")
    await customer_relations.delete_relation(house, SYSTEM, wang.id, made.id)
    assert [each.other.name for each in await list_relations(house.db, house.keyring, SYSTEM, acme.id)] == ["Li"]
    with pytest.raises(NotFound):
        await customer_relations.delete_relation(house, SYSTEM, acme.id, made.id)
    await customer_relations.restore_relation(house, SYSTEM, acme.id, made.id)
    assert [line.field for line in await history(house, wang.id)] == ["relations"] * 4
    for wrong in (
        {"customer_id": acme.id},
        {"customer_id": li.id, "kind": "foe"},
        {"customer_id": li.id, "weight": 101},
    ):
        bad: Any = wrong
        with pytest.raises(Invalid):
            await customer_relations.add_relation(house, SYSTEM, acme.id, bad)


async def test_the_relations_of_others_to_one_count_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotline.crm.commands.customers.customer_relations.MOST", 3)
    monkeypatch.setattr("hotline.crm.queries.customers.customer_relations.MOST", 2)
    hub = await add(house, "Hub")
    others = [await add(house, f"Other {number}") for number in range(4)]
    made = [
        await customer_relations.add_relation(house, SYSTEM, other.id, {"customer_id": hub.id, "weight": weight})
        for weight, other in enumerate(others[:3])
    ]
    # Beyond those that a list tells, one is found by its id all the same.
    assert (await get_relation(house.db, house.keyring, SYSTEM, hub.id, made[0].id)).other.id == others[0].id
    with pytest.raises(NotFound):
        await get_relation(house.db, house.keyring, SYSTEM, others[1].id, made[0].id)
    for this, other in ((hub, others[3]), (others[3], hub)):
        with pytest.raises(Invalid, match="at most 3"):
            await customer_relations.add_relation(house, SYSTEM, this.id, {"customer_id": other.id})
    await customer_relations.delete_relation(house, SYSTEM, hub.id, made[0].id)
    await customer_relations.add_relation(house, SYSTEM, others[3].id, {"customer_id": hub.id})
    with pytest.raises(Invalid, match="at most 3"):
        await customer_relations.restore_relation(house, SYSTEM, hub.id, made[0].id)


async def test_relations_to_whom_one_does_not_see_are_not_told(house: House) -> None:
    own = await add_user(house, "own")
    narrow = viewer_of(own.user_id or new_id(), frozenset({"customers.read", "customers.write"}))
    mine, other = await add(house, "Mine", narrow), await add(house, "Other")
    await customer_relations.add_relation(house, SYSTEM, mine.id, {"customer_id": other.id, "kind": "partner"})
    assert await list_relations(house.db, house.keyring, narrow, mine.id) == []
    with pytest.raises(NotFound):
        await list_relations(house.db, house.keyring, narrow, other.id)
    with pytest.raises(NotFound):
        await customer_relations.add_relation(house, narrow, mine.id, {"customer_id": other.id})


# Purchases


async def test_purchases_stand_in_the_record_and_on_the_timeline(house: House) -> None:
    made = await add(house)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    data: Any = {
        "title": "Fibre 500",
        "kind": "service",
        "at": at,
        "ends_at": at + timedelta(days=365),
        "amount": 16900,
        "currency": "cny",
        "quantity": Decimal("1"),
        "reference": "PO-4711",
        "external_id": "erp-1",
        "state": "active",
    }
    one = await purchases.add_purchase(house, SYSTEM, made.id, data, source="api")
    assert (one.title, one.currency, one.reference, one.source) == ("Fibre 500", "CNY", "PO-4711", "api")
    lines = await list_timeline(house.db, house.keyring, SYSTEM, made.id, limit=10)
    assert [(line.kind, line.at, line.purchase and line.purchase.title) for line in lines] == [
        ("purchase", at, "Fibre 500")
    ]
    with pytest.raises(Conflict):
        await purchases.add_purchase(house, SYSTEM, made.id, {"title": "Again", "external_id": "erp-1"})
    changed = await purchases.update_purchase(
        house, SYSTEM, made.id, one.id, {"state": "cancelled", "title": "Fibre"}, 1
    )
    assert (changed.title, changed.state, changed.version) == ("Fibre", "cancelled", 2)
    with pytest.raises(Conflict):
        await purchases.update_purchase(house, SYSTEM, made.id, one.id, {"state": "active"}, 1)
    await purchases.delete_purchase(house, SYSTEM, made.id, one.id)
    assert await list_purchases(house.db, house.keyring, SYSTEM, made.id, limit=10) == []
    assert await list_timeline(house.db, house.keyring, SYSTEM, made.id, limit=10) == []
    assert (await purchases.restore_purchase(house, SYSTEM, made.id, one.id)).reference == "PO-4711"
    assert len(await list_timeline(house.db, house.keyring, SYSTEM, made.id, limit=10)) == 1
    stored = await house.db.fetchrow("SELECT title_cipher, reference_cipher FROM purchase")
    assert stored is not None
    assert b"Fibre" not in bytes(stored["title_cipher"])
    for wrong, named in (
        ({"title": ""}, "title"),
        ({"title": "x", "amount": 1}, "currency"),
        ({"title": "x", "kind": "gift"}, "kind"),
        ({"title": "x", "at": at, "ends_at": at - timedelta(days=1)}, "ends_at"),
        ({"title": "x", "state": "lost"}, "state"),
    ):
        bad: Any = wrong
        with pytest.raises(Invalid, match=rf"^{named}: "):
            await purchases.add_purchase(house, SYSTEM, made.id, bad)


@pytest.mark.parametrize(
    ("preferences", "named"),
    [
        ({"channel": "pigeon"}, "channel"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"times": "always"}, "times"),
        ({"times": [{"days": [8], "from": "09:00", "to": "10:00"}]}, "times"),
        ({"times": [{"days": [1], "from": "10:00", "to": "09:00"}]}, "times"),
    ],
)
async def test_preferences_are_codes_and_times(house: House, preferences: Any, named: str) -> None:
    times = [{"days": [2, 1], "from": "09:00", "to": "12:00"}]
    made = await add(house, preferences={"times": times, "channel": "email"})
    assert made.preferences == {"times": [{"days": [1, 2], "from": "09:00", "to": "12:00"}], "channel": "email"}
    with pytest.raises(Invalid, match=rf"^preferences\.{named}: "):
        await change(house, made, preferences=preferences)


async def test_a_pop_shows_what_the_company_wants_to_see_at_once(house: House) -> None:
    choices = [{"key": "gold", "names": {"en": "Gold plan", "zh": "黄金套餐"}}]
    await field_named(house, "plan", "choice", choices=choices, shown_in_pop=True)
    await field_named(house, "contract", "text", shown_in_pop=True)
    await field_named(house, "pin", "text", shown_in_pop=True, private=True)
    await field_named(house, "other", "text")
    points = [{"kind": "phone", "value": NUMBER}]
    await add(house, contact_points=points, custom={"plan": "gold", "contract": "K-1", "pin": "4711", "other": "x"})
    index = house.keyring.blind_index("phone", NUMBER)
    (known,) = await candidates(house.db, house.keyring, SYSTEM, index=index)
    assert [(fact.key, fact.texts["zh"]) for fact in known.facts] == [
        ("plan", "黄金套餐"),
        ("contract", "K-1"),
        ("pin", "4711"),
    ]
    (masked,) = await candidates(house.db, house.keyring, viewer_as("agent"), index=index)
    assert [fact.key for fact in masked.facts] == ["plan", "contract"]
