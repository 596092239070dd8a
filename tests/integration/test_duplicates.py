"""Duplicates: while typing and among all; dismissed ones stay dismissed."""

from __future__ import annotations

from typing import NoReturn
from uuid import UUID

import pytest

from hotline.crm.queries.customers.duplicates import list_pairs
from hotline.crm.queries.upkeep.background import get_job
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Forbidden, Invalid, NotFound
from hotline.workflows import background
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.customers import duplicates
from hotline.workflows.customers.merging import merge_customers, undo_merge
from hotline.workflows.house import House
from tests.integration.merging import NUMBERS, add_customer
from tests.integration.people import add_user, viewer_as


@pytest.fixture
async def boss(house: House) -> Viewer:
    return await add_user(house, "boss", "administrator")


async def typed(house: House, viewer: Viewer = SYSTEM, **what: str) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (each.customer.name, each.reasons)
        for each in await duplicates.while_typing(
            house, viewer, name=what.get("name", ""), number=what.get("number", ""), email=what.get("email", "")
        )
    ]


async def pairs(house: House, viewer: Viewer = SYSTEM) -> set[tuple[str, str]]:
    return {(pair.first.name, pair.second.name) for pair in await list_pairs(house.db, house.keyring, viewer, limit=50)}


async def look(house: House, viewer: Viewer) -> UUID:
    job_id = await duplicates.start_finding(house, viewer)
    assert await background.work(house, KINDS)
    return job_id


async def test_while_typing(house: House) -> None:
    await add_customer(house, "Wang Xiaoming", phones=[NUMBERS[0]])
    await add_customer(
        house,
        "John Smith",
        contact_points=[{"kind": "email", "value": "john@example.com"}, {"kind": "whatsapp", "value": NUMBERS[1]}],
    )
    assert await typed(house, number="+86 139-1234 0412") == [("Wang Xiaoming", ("phone",))]
    both = await typed(house, number="011 86 139 1234 0412", name="王小明")
    assert both == [("Wang Xiaoming", ("phone", "same_name"))]
    assert await typed(house, number="+86 (138) 0013 8000") == [("John Smith", ("phone",))]
    assert await typed(house, email=" John@Example.com ") == [("John Smith", ("email",))]
    assert await typed(house, name="Smith Jon") == [("John Smith", ("similar_name",))]
    assert await typed(house, name="John S") == []
    assert await typed(house, number="12", email="@", name="") == []


async def test_nobody_tries_numbers_who_may_not_read_them(house: House) -> None:
    await add_customer(house, "John Smith", phones=[NUMBERS[0]])
    marketer = viewer_as("marketer")
    assert await typed(house, marketer, number=NUMBERS[0]) == []
    assert await typed(house, marketer, name="Smith John", number=NUMBERS[0]) == [("John Smith", ("same_name",))]
    own = Viewer(marketer.user_id, "user", frozenset({"customers.read", "customers.read_numbers"}))
    assert await typed(house, own, number=NUMBERS[0], name="John Smith") == []


async def test_pairs_are_found_kept_and_dismissed(house: House, boss: Viewer) -> None:
    smith = await add_customer(house, "John Smith", phones=[NUMBERS[0]])
    jon = await add_customer(house, "Smith Jon")
    await add_customer(house, "Peter Paul", phones=[NUMBERS[0]])
    await add_customer(house, "Somebody Else")
    job = await get_job(house.db, boss, await look(house, boss))
    assert (job.state, job.done, job.total, dict(job.result)) == ("done", 4, 4, {"found": 2, "dropped": 0})
    assert await pairs(house) == {("John Smith", "Smith Jon"), ("John Smith", "Peter Paul")}
    assert [each.customer.id for each in await duplicates.while_typing(house, SYSTEM, customer_id=jon)] == [smith]

    dismissed = await duplicates.dismiss(house, boss, jon, smith)
    await look(house, boss)
    assert await pairs(house) == {("John Smith", "Peter Paul")}
    assert await duplicates.while_typing(house, SYSTEM, customer_id=jon) == []
    await duplicates.reopen(house, boss, dismissed)
    assert ("John Smith", "Smith Jon") in await pairs(house)
    with pytest.raises(NotFound):
        await duplicates.reopen(house, boss, dismissed)

    merge_id = await merge_customers(house, boss, smith, jon, {})
    assert await pairs(house) == {("John Smith", "Peter Paul")}
    await undo_merge(house, boss, merge_id)
    assert ("John Smith", "Smith Jon") in await pairs(house)


async def test_pairs_are_seen_by_who_sees_both(house: House, boss: Viewer) -> None:
    mine = await add_user(house, "anna")
    await add_customer(house, "John Smith", responsible_id=mine.user_id)
    await add_customer(house, "Smith John")
    await look(house, boss)
    own = Viewer(mine.user_id, "user", frozenset({"customers.read", "customers.merge"}))
    assert await pairs(house, own) == set()
    with pytest.raises(Forbidden):
        await list_pairs(house.db, house.keyring, mine, limit=5)
    with pytest.raises(Forbidden):
        await duplicates.start_finding(house, mine)


async def test_one_search_at_a_time(house: House, boss: Viewer) -> None:
    assert await duplicates.start_finding(house, boss) == await duplicates.start_finding(house, boss)


async def test_a_common_name_is_no_duplicate(house: House, boss: Viewer) -> None:
    for _ in range(duplicates.MOST_OF_ONE + 3):
        await add_customer(house, "Zhang Wei")
    await look(house, boss)
    found = await list_pairs(house.db, house.keyring, SYSTEM, limit=50, customer_id=None)
    first = min(pair.first.number for pair in found)
    assert first > 10001  # the first ones have too many like them; the last few are compared


async def test_a_search_in_many_steps_finds_the_same_and_leaves_nothing(
    house: House, boss: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [("Anna Miller", "Anna Milller"), ("Vandenberg", "van den Berg"), ("王小明", "Wang Xiaoming")]
    for one, _ in people:
        await add_customer(house, one)
    for number in range(7):
        await add_customer(house, f"{'abcdefg'[number] * 5} {'tuvwxyz'[number] * 5}")
    for _, other in people:
        await add_customer(house, other)
    monkeypatch.setattr(duplicates, "STEP", 2)
    monkeypatch.setattr(duplicates, "OF_A_PART", 3)
    job = await get_job(house.db, boss, await look(house, boss))
    assert (job.state, job.done, job.total, dict(job.result)) == ("done", 13, 13, {"found": 3, "dropped": 0})
    assert await pairs(house) == set(people)
    for table in ("duplicate_blocks", "duplicate_candidate"):
        assert await house.db.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_a_search_that_did_not_end_leaves_nothing_and_begins_anew(
    house: House, boss: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_customer(house, "Anna Miller")
    await add_customer(house, "Anna Milller")
    compared = duplicates._compared

    monkeypatch.setattr(duplicates, "_compared", broken)
    first = await look(house, boss)
    assert (await get_job(house.db, boss, first)).state == "failed"
    assert await left(house) > 0
    second = await duplicates.start_finding(house, boss)
    await duplicates.forget_ended(house)
    assert await left(house) > 0, "while one is under way"
    await background.resume(house, boss, first, KINDS)
    await background.cancel(house, boss, second, KINDS)
    await background.pause(house, boss, first, KINDS)
    await duplicates.forget_ended(house)
    assert await left(house) > 0, "while one rests"
    await background.resume(house, boss, first, KINDS)
    assert await background.work(house, KINDS)
    assert (await get_job(house.db, boss, first)).state == "failed"
    await duplicates.forget_ended(house)
    assert await left(house) == 0

    monkeypatch.setattr(duplicates, "_compared", compared)
    await background.resume(house, boss, first, KINDS)
    assert await background.work(house, KINDS)
    job = await get_job(house.db, boss, first)
    assert (job.state, job.done, dict(job.result)) == ("done", 2, {"found": 1, "dropped": 0})


async def test_a_failed_search_does_not_go_on_beside_a_later_one(
    house: House, boss: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as once:
        once.setattr(duplicates, "_blocks", broken)
        first = await look(house, boss)
    assert (await get_job(house.db, boss, first)).state == "failed"
    second = await duplicates.start_finding(house, boss)
    await background.resume(house, boss, first, KINDS)
    while await background.work(house, KINDS):
        pass
    states = [(await get_job(house.db, boss, each)).state for each in (first, second)]
    assert states == ["failed", "done"]


async def broken(*_: object) -> NoReturn:
    raise Invalid("broken")


async def left(house: House) -> int:
    count: int = await house.db.fetchval(
        "SELECT (SELECT count(*) FROM duplicate_blocks) + (SELECT count(*) FROM duplicate_candidate)"
    )
    return count
