"""Whose call it is while two colleagues talk, and whether it is on hold."""

from __future__ import annotations

from uuid import UUID

from hotline.calls.story import (
    Alias,
    CallAliased,
    CallAnswered,
    CallArrived,
    CallEnded,
    CallHeld,
    RingEnded,
    RingStarted,
)
from hotline.crm.queries.calls.calls import current_calls, get_call, list_calls
from hotline.events import user_mark
from hotline.ids import new_id
from hotline.workflows.calls import calls
from hotline.workflows.house import House
from tests.integration.test_calls import agent, events


async def colleagues(house: House, call_id: UUID, ring_id: UUID, *, answered: bool) -> None:
    """agent1 dials agent2, who answers."""
    now = house.clock()
    ring = RingStarted(
        call_id, now, ring_id=ring_id, interfaces=("PJSIP/agent2",), uniqueid="1.2", queue=None, kind="offer", age=0.0
    )
    await calls.apply(
        house,
        "main",
        [
            CallArrived(
                call_id, now, interface="PJSIP/agent1", number="1001", name=None, withheld=False, dialled="1002",
                aliases=(Alias("uniqueid", "1.1"),), age=0.0,
            ),
            CallAliased(call_id, now, aliases=(Alias("uniqueid", "1.2"),)),
            ring,
            *([CallAnswered(call_id, now, ring_id=ring_id)] if answered else []),
        ],
    )  # fmt: skip


async def test_who_dialled_a_colleague_keeps_the_call_in_sight(house: House) -> None:
    dialler, called, stranger = [await agent(house, number) for number in (1, 2, 3)]
    call_id, ring_id = new_id(), new_id()
    await colleagues(house, call_id, ring_id, answered=True)
    for viewer in (dialler, called):
        (call,) = await current_calls(house.db, house.keyring, viewer)
        assert (call.id, call.dialler, call.agent) == (call_id, "agent1", "agent2")
    assert await current_calls(house.db, house.keyring, stranger) == []
    assert await list_calls(house.db, house.keyring, stranger, limit=10) == []

    now = house.clock()
    await calls.apply(
        house, "main", [RingEnded(call_id, now, ring_id, "completed"), CallEnded(call_id, now, "answered", 16, True)]
    )
    assert dialler.user_id is not None
    assert called.user_id is not None
    both = {user_mark(dialler.user_id), user_mark(called.user_id)}
    assert [both <= set(event.audience) for event in await events(house, "call.answered", "call.ended")] == [True] * 2
    assert [each.id for each in await list_calls(house.db, house.keyring, dialler, limit=10)] == [call_id]
    assert await current_calls(house.db, house.keyring, dialler) == []


async def test_a_call_on_hold_says_so_until_it_is_taken_back_or_over(house: House) -> None:
    _, viewer = await agent(house, 1), await agent(house, 2)
    call_id, ring_id = new_id(), new_id()
    await colleagues(house, call_id, ring_id, answered=True)
    before = len(await events(house, "call.updated"))

    now = house.clock()
    await calls.apply(house, "main", [CallHeld(call_id, now, ring_id, True)])
    held = await get_call(house.db, house.keyring, viewer, call_id)
    assert (held.held, held.held_since) == (True, now)
    await calls.apply(house, "main", [CallHeld(call_id, house.clock(), ring_id, True)])  # told twice
    assert (await get_call(house.db, house.keyring, viewer, call_id)).held_since == now
    assert len(await events(house, "call.updated")) == before + 1

    await calls.apply(house, "main", [CallHeld(call_id, house.clock(), ring_id, False)])
    assert not (await get_call(house.db, house.keyring, viewer, call_id)).held
    await calls.apply(house, "main", [CallHeld(call_id, house.clock(), ring_id, True)])
    now = house.clock()
    await calls.apply(house, "main", [CallEnded(call_id, now, "answered", 16, True)])
    assert not (await get_call(house.db, house.keyring, viewer, call_id)).held
