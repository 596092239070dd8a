"""Merging customers and undoing it: exactly restored, in any order, with what changed since kept and told."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.clock import utc_now
from hotline.crm.queries.customers.customers import get_customer, list_customers, lookup
from hotline.crm.queries.customers.merges import merges_of, preview_merge
from hotline.crm.queries.customers.timeline import list_timeline
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Forbidden, HotlineError, Invalid, NotFound
from hotline.workflows.customers.customers import update_customer
from hotline.workflows.customers.merging import Versions, merge_customers, undo_merge
from hotline.workflows.house import House
from tests.integration.merging import NUMBERS, add_belongings, add_call, add_customer, picture, relate, state
from tests.integration.people import add_user, viewer_as


@pytest.fixture
async def boss(house: House) -> Viewer:
    return await add_user(house, "boss", "administrator")


async def numbers(house: House, customer_id: UUID) -> list[str]:
    view = await get_customer(house.db, house.keyring, SYSTEM, customer_id)
    return sorted(point.value for point in view.contact_points)


async def undoing(house: House, viewer: Viewer, kept: UUID) -> Any:
    (merge,) = [each for each in await merges_of(house.db, house.keyring, viewer, kept) if each.undone_at is None]
    return await undo_merge(house, viewer, merge.id)


async def test_the_kept_one_has_everything_and_undo_gives_it_back(house: House, boss: Viewer) -> None:
    kept = await add_customer(house, "Zhang Wei", phones=[NUMBERS[0]], tags=["north"], custom={"size": 3})
    other = await add_customer(
        house,
        "张伟",
        phones=[NUMBERS[0], NUMBERS[1]],
        tags=["VIP", "north"],
        tier="gold",
        locale="zh",
        responsible_id=boss.user_id,
        custom={"size": 4, "shoe": "left"},
        addresses=[{"text": "1 Main Street", "label": "home"}],
    )
    friend = await add_customer(house, "Friend")
    for each, name in ((kept, "kept"), (other, "other")):
        await add_belongings(house, each, boss, name)
    await relate(house, other, friend)
    await relate(house, friend, other)
    await relate(house, other, kept)
    before = [await picture(house, each) for each in (kept, other, friend)]

    merge_id = await merge_customers(house, boss, kept, other, {"name": "other"})

    view = await get_customer(house.db, house.keyring, SYSTEM, other)  # is the kept one now
    assert (view.id, view.name, view.locale, view.responsible_id) == (kept, "张伟", "zh", boss.user_id)
    assert view.tier is not None
    assert view.tier.key == "gold"
    assert view.custom == {"size": 3, "shoe": "left"}
    assert list(view.tags) == ["north", "VIP"]
    assert sorted(point.value for point in view.contact_points) == sorted(NUMBERS[:2])
    assert [(each.text, each.label) for each in view.addresses] == [("1 Main Street", "home")]
    notes = {item.note for item in await list_timeline(house.db, house.keyring, SYSTEM, kept, limit=50) if item.note}
    assert notes == {"note of kept", "note of other"}
    assert await house.db.fetchval("SELECT count(*) FROM ticket WHERE customer_id = $1", kept) == 2
    (found,) = await lookup(house.db, house.keyring, SYSTEM, NUMBERS[1], region="CN")
    assert found.id == kept
    assert other not in [each.id for each in await list_customers(house.db, house.keyring, SYSTEM, limit=50)]
    history = await house.db.fetch(
        "SELECT field FROM customer_change WHERE customer_id = $1 AND source = 'merge' AND source_id = $2",
        kept,
        merge_id,
    )
    assert {row["field"] for row in history} == {
        "name", "locale", "tier", "responsible", "tags", "contact_points", "addresses", "custom.shoe",
    }  # fmt: skip

    undone = await undo_merge(house, boss, merge_id)

    assert (undone.kept_id, undone.gone_id, undone.stayed, undone.elsewhere) == (kept, other, [], {})
    assert [await picture(house, each) for each in (kept, other, friend)] == before
    types = [row["type"] for row in await house.db.fetch("SELECT type FROM outbox ORDER BY id")]
    assert "customer.merged" in types
    assert "customer.separated" in types
    with pytest.raises(Conflict):
        await undo_merge(house, boss, merge_id)


async def test_what_changed_since_is_kept_and_said(house: House, boss: Viewer) -> None:
    kept = await add_customer(house, "Kept", phones=[NUMBERS[0]])
    other = await add_customer(
        house, "Other", phones=[NUMBERS[1], NUMBERS[2]], locale="zh", tags=["VIP"], custom={"shoe": "left", "hat": "no"}
    )
    await add_belongings(house, other, boss, "other")
    before = await picture(house, other)
    merge_id = await merge_customers(house, boss, kept, other, {})

    view = await get_customer(house.db, house.keyring, SYSTEM, kept)
    points: list[Any] = [
        {"id": point.id, "label": "work" if point.value == NUMBERS[1] else point.label}
        for point in view.contact_points
        if point.value != NUMBERS[2]
    ]
    await update_customer(
        house, boss, kept,
        {"name": "New name", "locale": "en", "custom": {"shoe": "right"}, "tags": [], "contact_points": points},
    )  # fmt: skip
    late = await add_call(house, kept)
    await house.db.execute("UPDATE call SET offered_at = now() + interval '1 second' WHERE id = $1", late)
    purchase = await house.db.fetchval("DELETE FROM purchase WHERE customer_id = $1 RETURNING id", kept)

    undone = await undo_merge(house, boss, merge_id)

    assert undone.stayed == ["contact_points", "custom.shoe", "locale", "tags"]
    assert undone.elsewhere == {"purchase": 1}
    assert undone.since == {"call": 1}
    after = await picture(house, other)
    assert [row["id"] for row in before.pop("purchase.customer_id")] == [purchase]
    assert after.pop("purchase.customer_id") == []
    assert after == before
    mine = await state(house, kept)
    assert (mine["name"], mine["locale"], mine["custom.shoe"]) == ("New name", "en", "right")
    assert "custom.hat" not in mine
    assert sorted((point["value"], point["label"]) for point in mine["contact_points"]) == sorted(
        [(NUMBERS[0], ""), (NUMBERS[1], "work")]
    )


@pytest.mark.parametrize("first", [0, 1])
async def test_a_chain_is_undone_in_any_order(house: House, boss: Viewer, first: int) -> None:
    names = ("A", "B", "C")
    people = [
        await add_customer(house, name, phones=[NUMBERS[at]], custom={name: name, "of": name}, tags=[name])
        for at, name in enumerate(names)
    ]
    for person, name in zip(people, names, strict=True):
        await add_belongings(house, person, boss, name)
    await relate(house, people[0], people[1])
    before = [await picture(house, person) for person in people]
    a, b, c = people
    merges = [
        await merge_customers(house, boss, b, a, {"name": "other", "custom.of": "other"}),
        await merge_customers(house, boss, c, b, {"name": "other", "custom.of": "other"}),
    ]
    whole = await state(house, c)
    assert (whole["name"], whole["custom.of"], whole["tags"]) == ("A", "A", ["A", "B", "C"])
    assert (await get_customer(house.db, house.keyring, SYSTEM, a)).id == c
    await undo_merge(house, boss, merges[first])
    if first == 0:  # A is out: what C had from A by way of B is B's own again
        assert await picture(house, a) == {**before[0], "customer_relation.from_customer_id": [
            {**before[0]["customer_relation.from_customer_id"][0], "to_customer_id": c}
        ]}  # fmt: skip
        half = await state(house, c)
        assert (half["name"], half["custom.of"], half["tags"]) == ("B", "B", ["B", "C"])
        assert "custom.A" not in half
        assert await numbers(house, c) == sorted(NUMBERS[1:3])
    else:
        assert (await get_customer(house.db, house.keyring, SYSTEM, a)).id == b
        assert await picture(house, c) == before[2]
    await undo_merge(house, boss, merges[1 - first])
    assert [await picture(house, person) for person in people] == before


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_merged_and_undone_in_whatever_order(house: House, boss: Viewer, seed: int) -> None:
    dice = random.Random(seed)
    people: list[UUID] = []
    for at in range(4):
        fields: dict[str, Any] = {
            "phones": dice.sample(NUMBERS, dice.randint(0, 3)),
            "tags": dice.sample(["x", "y", "z"], dice.randint(0, 3)),
            "custom": {key: dice.choice("pq") for key in dice.sample("klm", dice.randint(0, 3))},
            "addresses": [{"text": text} for text in dice.sample(["1 Main St", "2 Side St"], dice.randint(0, 2))],
            "locale": dice.choice([None, "en", "zh"]),
        }
        people.append(await add_customer(house, f"Person {at}", **fields))
        await add_belongings(house, people[-1], boss, str(at))
    for _ in range(4):
        await relate(house, *dice.sample(people, 2))
    before = {person: await picture(house, person) for person in people}
    active: dict[UUID, tuple[UUID, UUID]] = {}
    for step in range(10):
        roots = [person for person in people if person not in {gone for _, gone in active.values()}]
        if len(roots) > 1 and step < 7 and dice.random() < 0.65:
            kept, gone = dice.sample(roots, 2)
            fields_of_both = (await state(house, kept)).keys() | (await state(house, gone)).keys()
            chosen = {
                field: dice.choice(["kept", "other"])
                for field in fields_of_both - {"contact_points", "addresses", "tags", "kind", "name"}
            }
            active[await merge_customers(house, boss, kept, gone, chosen)] = (kept, gone)
        elif active:
            merge_id = dice.choice(sorted(active))
            undone = await undo_merge(house, boss, merge_id)
            assert undone.stayed == []
            assert undone.elsewhere == {}
            del active[merge_id]
        await _check_lists(house, before, active)
    for merge_id in dice.sample(sorted(active), len(active)):
        assert (await undo_merge(house, boss, merge_id)).stayed == []
    assert {person: await picture(house, person) for person in people} == before


async def _check_lists(house: House, before: dict[UUID, Any], active: dict[UUID, tuple[UUID, UUID]]) -> None:
    """Every root has the numbers and tags of all who went into it, and nobody else's."""
    up = {gone: kept for kept, gone in active.values()}

    def root(person: UUID) -> UUID:
        return root(up[person]) if person in up else person

    for person in before:
        merged_into = await house.db.fetchval("SELECT merged_into_id FROM customer WHERE id = $1", person)
        assert merged_into == (root(person) if person in up else None)
        if person in up:
            continue
        members = [before[each]["state"] for each in before if root(each) == person]
        now = await state(house, person)
        for field, key in (("contact_points", "value"), ("addresses", "text")):
            assert {each[key] for each in now.get(field, ())} == {
                each[key] for member in members for each in member.get(field, ())
            }
        assert set(now.get("tags", ())) == {tag for member in members for tag in member.get("tags", ())}


async def test_two_merges_at_once(house: House, boss: Viewer) -> None:
    """Each into the other, and both into a third: one is first, the others are told."""
    a, b, c = [await add_customer(house, name, phones=[NUMBERS[0]]) for name in "abc"]
    before = [await picture(house, each) for each in (a, b, c)]
    done = await asyncio.gather(
        merge_customers(house, boss, a, b, {}),
        merge_customers(house, boss, b, a, {}),
        merge_customers(house, boss, c, a, {}),
        return_exceptions=True,
    )
    assert all(isinstance(each, UUID | Conflict) for each in done), done
    assert any(isinstance(each, UUID) for each in done)
    undone = await asyncio.gather(
        *(undo_merge(house, boss, each) for each in done if isinstance(each, UUID) for _ in range(2)),
        return_exceptions=True,
    )
    assert sum(not isinstance(each, HotlineError) for each in undone) == sum(isinstance(each, UUID) for each in done)
    assert [await picture(house, each) for each in (a, b, c)] == before


async def test_a_merge_goes_by_the_versions_that_were_shown(house: House, boss: Viewer) -> None:
    a, b = await add_customer(house, "a"), await add_customer(house, "b")
    await update_customer(house, boss, b, {"name": "c"})
    with pytest.raises(Conflict):
        await merge_customers(house, boss, a, b, {}, Versions(1, 1))
    assert await merge_customers(house, boss, a, b, {}, Versions(1, 2))


async def test_the_same_key_is_the_same_merge(house: House, boss: Viewer) -> None:
    a, b = await add_customer(house, "a"), await add_customer(house, "b")
    key = ("once", b"print")
    first = await merge_customers(house, boss, a, b, {}, idempotency=key)
    assert await merge_customers(house, boss, a, b, {}, idempotency=key) == first


async def test_what_cannot_be_merged(house: House, boss: Viewer) -> None:
    a, b = await add_customer(house, "a"), await add_customer(house, "b")
    with pytest.raises(Invalid):
        await merge_customers(house, boss, a, a, {})
    with pytest.raises(Invalid):
        await merge_customers(house, boss, a, b, {"shoe": "other"})
    with pytest.raises(Invalid):
        await merge_customers(house, boss, a, b, {"name": "both"})
    with pytest.raises(Forbidden):
        await merge_customers(house, viewer_as("agent"), a, b, {})
    own = Viewer(boss.user_id, "user", frozenset({"customers.read", "customers.merge"}))
    with pytest.raises(NotFound):
        await merge_customers(house, own, a, b, {})
    merge_id = await merge_customers(house, boss, a, b, {})
    with pytest.raises(Conflict):
        await merge_customers(house, boss, a, b, {})
    with pytest.raises(NotFound):
        await undo_merge(house, own, merge_id)
    house.clock = lambda: utc_now() + timedelta(days=31)
    with pytest.raises(Conflict):
        await undo_merge(house, boss, merge_id)


async def test_an_erased_customer_is_not_separated_again(house: House, boss: Viewer) -> None:
    a, b = await add_customer(house, "a"), await add_customer(house, "b")
    merge_id = await merge_customers(house, boss, a, b, {})
    await house.db.execute(
        """UPDATE personal_key SET wrapped = NULL, destroyed_at = now()
           WHERE id = (SELECT key_id FROM customer WHERE id = $1)""",
        b,
    )
    with pytest.raises(Conflict):
        await undo_merge(house, boss, merge_id)


async def test_the_preview_says_what_the_merge_does(house: House, boss: Viewer) -> None:
    kept = await add_customer(house, "Kept", phones=[NUMBERS[0]], custom={"size": 3})
    other = await add_customer(house, "Other", phones=[NUMBERS[0], NUMBERS[1]], kind="organisation", tags=["VIP"])
    await add_belongings(house, other, boss, "other")
    preview = await preview_merge(house.db, house.keyring, boss, kept, other, {"name": "other"})
    shown = {each.field: (each.kept, each.other, each.choice, each.differs) for each in preview.fields}
    assert shown == {
        "name": ("Kept", "Other", "other", True),
        "kind": ("person", "organisation", "kept", True),
        "custom.size": (3, None, "kept", False),
    }
    assert [point.value for point in preview.contact_points] == [NUMBERS[1]]
    assert preview.tags == ["VIP"]
    assert preview.moves == {"call": 1, "ticket": 1, "note": 1, "purchase": 1, "file": 1}
    assert preview.warnings == ["kinds_differ"]
    blind = Viewer(boss.user_id, "user", boss.permissions - {"customers.read_numbers"}, masks=frozenset({"phone"}))
    masked = await preview_merge(house.db, house.keyring, blind, kept, other, {})
    assert masked.contact_points[0].masked
    assert NUMBERS[1] not in str(masked)
