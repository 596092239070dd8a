"""Batches: previewed, done to whom it was shown, resumed after a kill, undone but for what changed since."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from hotline.crm.commands.customers import batches as commands
from hotline.crm.commands.upkeep.background import claim_job
from hotline.crm.queries.customers.customer_filter import CustomerFilter
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.queries.upkeep.background import get_job
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Forbidden, Invalid
from hotline.workflows import background
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.customers import batches
from hotline.workflows.customers.batches import Chosen, NewBatch
from hotline.workflows.customers.customers import update_customer
from hotline.workflows.customers.erasure import erase
from hotline.workflows.customers.merging import merge_customers
from hotline.workflows.house import House
from tests.integration.merging import add_customer
from tests.integration.people import add_user


@pytest.fixture
async def boss(house: House) -> Viewer:
    return await add_user(house, "boss", "administrator")


@pytest.fixture
async def people(house: House) -> list[UUID]:
    return [await add_customer(house, f"Person {at}", tags=["old"] if at < 2 else []) for at in range(5)]


async def done(house: House, viewer: Viewer, wanted: NewBatch) -> UUID:
    job_id = await batches.start(house, viewer, wanted)
    assert await background.work(house, KINDS)
    assert (await get_job(house.db, viewer, job_id)).state == "done"
    return job_id


async def undone(house: House, viewer: Viewer, job_id: UUID) -> dict[str, int]:
    await background.undo(house, viewer, job_id, KINDS)
    assert await background.work(house, KINDS)
    job = await get_job(house.db, viewer, job_id)
    assert job.state == "undone"
    outcomes: dict[str, int] = job.result["outcomes"]
    return outcomes


async def values(house: House, ids: list[UUID], name: str) -> list[Any]:
    return [getattr(await get_customer(house.db, house.keyring, SYSTEM, each), name) for each in ids]


async def test_who_was_erased_is_not_counted(house: House, boss: Viewer, people: list[UUID]) -> None:
    number = (await get_customer(house.db, house.keyring, SYSTEM, people[0])).reference
    await erase(house, boss, people[0], reason="request", confirm=number)
    for chosen in (Chosen(ids=people), Chosen()):
        wanted = NewBatch("tag", chosen, ["new"])
        seen = await batches.preview(house, boss, wanted)
        assert (seen.count, seen.changing) == (4, 4)
    job_id = await done(house, boss, NewBatch("tag", Chosen(ids=people), ["new"]))
    assert (await get_job(house.db, boss, job_id)).result["outcomes"] == {"done": 4}
    with pytest.raises(Invalid):
        await batches.start(house, boss, NewBatch("tag", Chosen(ids=people[:1]), ["new"]))


async def test_tag_by_a_filter_and_back(house: House, boss: Viewer, people: list[UUID]) -> None:
    wanted = NewBatch("tag", Chosen(filter=CustomerFilter(kind="person")), ["Old", "new"])
    seen = await batches.preview(house, boss, wanted)
    assert (seen.count, seen.changing, len(seen.sample)) == (5, 5, 5)
    assert await house.db.fetchval("SELECT count(*) FROM tag") == 1  # a preview makes none
    job_id = await done(house, boss, wanted)
    job = await get_job(house.db, boss, job_id)
    assert (job.done, job.total, job.failed, job.result["outcomes"]) == (5, 5, 0, {"done": 5})
    assert await values(house, people, "tags") == [("new", "old")] * 5
    await update_customer(house, boss, people[0], {"tags": ["old"]})
    assert await undone(house, boss, job_id) == {"undone": 4, "stayed": 1}
    assert await values(house, people, "tags") == [("old",), ("old",), (), (), ()]
    history = await house.db.fetch(
        "SELECT source, source_id, field FROM customer_change WHERE customer_id = $1 ORDER BY version", people[4]
    )
    assert [tuple(row.values()) for row in history] == [("batch", job_id, "tags"), ("undo", job_id, "tags")]
    assert await values(house, people[4:], "version") == [3]


async def test_untag_single_ones(house: House, boss: Viewer, people: list[UUID]) -> None:
    wanted = NewBatch("untag", Chosen(ids=people[1:3]), ["old"])
    assert (await batches.preview(house, boss, wanted)).changing == 1
    job_id = await done(house, boss, wanted)
    assert (await get_job(house.db, boss, job_id)).result["outcomes"] == {"done": 1, "unchanged": 1}
    assert await values(house, people[:2], "tags") == [("old",), ()]
    assert await undone(house, boss, job_id) == {"undone": 1, "unchanged": 1}
    assert await values(house, people[:2], "tags") == [("old",), ("old",)]


async def test_transfer_and_back_but_for_what_changed_since(house: House, boss: Viewer, people: list[UUID]) -> None:
    anna, bert = await add_user(house, "anna"), await add_user(house, "bert")
    await update_customer(house, boss, people[0], {"responsible_id": bert.user_id})
    wanted = NewBatch("transfer", Chosen(ids=people), value="anna")
    job_id = await done(house, boss, wanted)
    assert await values(house, people, "responsible_id") == [anna.user_id] * 5
    await update_customer(house, boss, people[1], {"responsible_id": bert.user_id})
    assert await undone(house, boss, job_id) == {"undone": 4, "stayed": 1}
    assert await values(house, people, "responsible_id") == [bert.user_id, bert.user_id, None, None, None]


async def test_who_gave_their_customers_away_takes_them_back(house: House, people: list[UUID]) -> None:
    chief, anna = await add_user(house, "chief", "supervisor"), await add_user(house, "anna")
    await house.db.execute(
        """UPDATE role SET permissions = array_remove(permissions, 'customers.read_all') WHERE name = 'supervisor'"""
    )
    await update_customer(house, SYSTEM, people[0], {"responsible_id": chief.user_id})
    own = Viewer(chief.user_id, "user", chief.permissions - {"customers.read_all"})
    job_id = await done(house, own, NewBatch("transfer", Chosen(ids=people), value="anna"))
    assert (await get_job(house.db, own, job_id)).total == 1  # those of others are nobody's business
    assert await values(house, people[:1], "responsible_id") == [anna.user_id]
    assert await undone(house, own, job_id) == {"undone": 1}
    assert await values(house, people[:1], "responsible_id") == [chief.user_id]


async def test_classify_goes_on_behind_the_last_step(
    house: House, boss: Viewer, people: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "STEP", 2)
    (key,) = await house.db.fetch("SELECT key FROM list_entry WHERE list = 'classification' ORDER BY position LIMIT 1")
    job_id = await batches.start(house, boss, NewBatch("classify", Chosen(ids=people), value=key["key"]))
    taken = await claim_job(house.db, [batches.BATCH], house.clock())
    assert taken is not None
    run = background.Run(taken, boss)
    async with house.unit(boss) as uow:
        change = commands.Change("classify", value=key["key"])
        first = await commands.step(uow, job_id, change, 0, tell=False)
        assert first is not None
        await run.advance(uow, cursor={"after": first.last}, done=first.done)
    # One is merged, one erased before their turn.
    await merge_customers(house, boss, people[0], people[1], {})
    await house.db.execute(
        "UPDATE personal_key SET wrapped = NULL WHERE id = (SELECT key_id FROM customer WHERE id = $1)", people[2]
    )
    await house.db.execute("UPDATE background_job SET lease_until = clock_timestamp()")
    assert await background.work(house, KINDS)
    job = await get_job(house.db, boss, job_id)
    assert (job.state, job.done, job.failed) == ("done", 5, 2)
    assert job.result["outcomes"] == {"done": 3, "merged": 1, "erased": 1}
    assert await values(house, [people[0], people[3], people[4]], "version") == [3, 2, 2]
    assert await undone(house, boss, job_id) == {"undone": 3, "merged": 1, "erased": 1}
    assert await values(house, people[3:], "classification") == [None, None]


async def test_what_cannot_be_done(house: House, boss: Viewer, people: list[UUID]) -> None:
    agent = await add_user(house, "anna")
    for wanted in (
        NewBatch("tag", Chosen(ids=people), []),
        NewBatch("untag", Chosen(ids=people), ["no such tag"]),
        NewBatch("classify", Chosen(ids=people), value="nonsense"),
        NewBatch("transfer", Chosen(ids=people), value="nobody"),
        NewBatch("tag", Chosen(ids=[]), ["new"]),
        NewBatch("tag", Chosen(text="nobody at all"), ["new"]),
    ):
        with pytest.raises(Invalid):
            await batches.start(house, boss, wanted)
    for action in batches.ACTIONS:
        with pytest.raises(Forbidden):
            await batches.start(house, agent, NewBatch(action, Chosen(ids=people), ["old"], "anna"))
    no_new_tags = Viewer(boss.user_id, "user", boss.permissions - {"tags.write"})
    with pytest.raises(Invalid):
        await batches.start(house, no_new_tags, NewBatch("tag", Chosen(ids=people), ["new"]))
    assert await house.db.fetchval("SELECT count(*) FROM background_job") == 0


async def test_the_same_key_is_the_same_batch(house: House, boss: Viewer, people: list[UUID]) -> None:
    wanted, key = NewBatch("tag", Chosen(ids=people), ["new"]), ("once", b"print")
    assert await batches.start(house, boss, wanted, key) == await batches.start(house, boss, wanted, key)
