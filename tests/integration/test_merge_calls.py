"""Merging while a call rings: the pop, the ticket and the streams follow, and go back when it is undone."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from hotline.calls.story import Alias, CallArrived, CallEnded, CallQueued, RingStarted
from hotline.crm.commands.customers import merges
from hotline.crm.outbox import event_of
from hotline.crm.queries.calls.calls import get_call
from hotline.crm.queries.calls.pop import render_event
from hotline.crm.queries.customers.timeline import list_timeline
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.ids import new_id
from hotline.workflows.calls import calls
from hotline.workflows.customers.merging import merge_customers, undo_merge
from hotline.workflows.house import House
from tests.integration.merging import NUMBERS, add_call, add_customer, picture
from tests.integration.people import add_user


@pytest.fixture
async def boss(house: House) -> Viewer:
    return await add_user(house, "boss", "administrator")


@pytest.fixture
async def anna(house: House) -> Viewer:
    return await add_user(house, "anna", interfaces=["PJSIP/anna"])


async def ringing(house: House, number: str = NUMBERS[0]) -> UUID:
    call_id, now = new_id(), house.clock()
    arrived = CallArrived(call_id, now, "PJSIP/t", number, "Zhang", False, "4000", (Alias("uniqueid", str(call_id)),))
    ring = RingStarted(call_id, now, new_id(), ("PJSIP/anna",), f"{call_id}.1", "support")
    await calls.apply(house, "main", [arrived, CallQueued(call_id, now, "support"), ring])
    return call_id


async def shown(house: House, viewer: Viewer, call_id: UUID) -> tuple[UUID | None, list[str]]:
    """What the last event of the call shows the agent: whose it is, and who may be calling."""
    rows = await house.db.fetch(
        """SELECT id, type, at, audience, data FROM outbox WHERE type = 'call.updated' AND data ->> 'call_id' = $1
           ORDER BY id""",
        str(call_id),
    )
    data = await render_event(house.db, house.keyring, viewer, event_of(rows[-1]))
    assert data is not None
    return data["customer_id"], [each["name"] for each in data["customers"]]


async def test_one_of_two_is_left(house: House, boss: Viewer, anna: Viewer) -> None:
    """Two share the number: the agent must choose. They are merged: there is nothing to choose, and it goes on."""
    one = await add_customer(house, "Zhang Wei", phones=[NUMBERS[0]])
    two = await add_customer(house, "张伟", phones=[NUMBERS[0]])
    before = [await picture(house, each) for each in (one, two)]
    call_id = await ringing(house)
    call = await get_call(house.db, house.keyring, SYSTEM, call_id)
    assert (call.customer_id, len(call.customers)) == (None, 2)

    merge_id = await merge_customers(house, boss, one, two, {})

    assert await shown(house, anna, call_id) == (one, ["Zhang Wei"])
    call = await get_call(house.db, house.keyring, SYSTEM, call_id)
    assert (call.customer_id, call.caller.number) == (one, NUMBERS[0])
    assert call.ticket is not None
    ticket = await house.db.fetchrow("SELECT customer_id FROM ticket WHERE id = $1", call.ticket_id)
    assert ticket is not None
    assert ticket["customer_id"] == one
    assert [line.kind for line in await list_timeline(house.db, house.keyring, SYSTEM, one, limit=9)] == ["call"]
    # The pop of a moment ago still shows the other one: who picks them means the one that there is.
    await calls.set_customer(house, boss, call_id, two)
    assert (await get_call(house.db, house.keyring, SYSTEM, call_id)).customer_id == one

    await undo_merge(house, boss, merge_id)

    customer, names = await shown(house, anna, call_id)
    assert (customer, sorted(names)) == (None, ["Zhang Wei", "张伟"])
    call = await get_call(house.db, house.keyring, SYSTEM, call_id)
    assert (call.customer_id, call.caller.number) == (None, NUMBERS[0])
    for each, then in zip((one, two), before, strict=True):
        now = await picture(house, each)
        assert {name: now[name] for name in now if name not in ("ticket.customer_id", "interaction.customer_id")} == {
            name: then[name] for name in then if name not in ("ticket.customer_id", "interaction.customer_id")
        }


async def test_the_caller_s_customer_becomes_another(house: House, boss: Viewer, anna: Viewer) -> None:
    kept = await add_customer(house, "Kept")
    gone = await add_customer(house, "Gone", phones=[NUMBERS[0]])
    call_id = await ringing(house)
    assert (await get_call(house.db, house.keyring, SYSTEM, call_id)).customer_id == gone
    merge_id = await merge_customers(house, boss, kept, gone, {})
    assert await shown(house, anna, call_id) == (kept, ["Kept"])
    # The next call of that number is the kept one's; the story of the first one goes on.
    later = await ringing(house)
    assert (await get_call(house.db, house.keyring, SYSTEM, later)).customer_id == kept
    await calls.apply(house, "main", [CallEnded(call_id, house.clock(), "abandoned", None)])
    undone = await undo_merge(house, boss, merge_id)
    assert undone.since == {"call": 1, "ticket": 1}
    first = await get_call(house.db, house.keyring, SYSTEM, call_id)
    assert (first.customer_id, first.caller.number, first.state) == (gone, NUMBERS[0], "ended")
    assert (await get_call(house.db, house.keyring, SYSTEM, later)).customer_id == kept


async def test_calls_arrive_while_their_caller_is_merged(house: House, boss: Viewer, anna: Viewer) -> None:
    """Whoever came first, the call ends up with the one that is left, and is found on their timeline."""
    kept = await add_customer(house, "Kept")
    gone = await add_customer(house, "Gone", phones=[NUMBERS[0]])
    merge_id, *call_ids = await asyncio.gather(
        merge_customers(house, boss, kept, gone, {}), *(ringing(house) for _ in range(6))
    )
    owners = {(await get_call(house.db, house.keyring, SYSTEM, each)).customer_id for each in call_ids}
    assert owners == {kept}
    assert await house.db.fetchval("SELECT count(*) FROM call WHERE customer_id = $1", gone) == 0
    await undo_merge(house, boss, merge_id)


async def test_what_came_in_the_very_moment_is_swept_up(house: House, boss: Viewer) -> None:
    kept, gone = await add_customer(house, "Kept"), await add_customer(house, "Gone")
    await merge_customers(house, boss, kept, gone, {})
    late = await add_call(house, gone)
    async with house.unit(SYSTEM) as uow:
        assert await merges.sweep(uow, gone) == 2  # the call and its line of the timeline
        assert await merges.sweep(uow, kept) == 0
    assert await house.db.fetchval("SELECT customer_id FROM call WHERE id = $1", late) == kept
