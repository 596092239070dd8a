"""Calls from their story's lines to rows and events, on a real PostgreSQL: whole tapes, twice, and from two readers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hotline.calls.facts import Snapshot
from hotline.calls.story import (
    Alias,
    CallAnswered,
    CallArrived,
    CallEnded,
    CallerChanged,
    CallQueued,
    CallsMerged,
    Line,
    RingAnswered,
    RingEnded,
    RingStarted,
)
from hotline.calls.tracker import Tracker
from hotline.crm.outbox import event_of
from hotline.crm.queries.calls.calls import CallView, current_calls, get_call, list_calls
from hotline.crm.queries.calls.pop import render_event, rings_now
from hotline.crm.queries.customers.timeline import list_timeline
from hotline.crm.viewer import SYSTEM, Viewer, viewer_of
from hotline.errors import Forbidden, NotFound
from hotline.events import Event
from hotline.ids import new_id
from hotline.workflows.calls import calls
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House
from hotline.workflows.people.users import create_user
from tests.unit.calls.tapes import START, events_of

TAPES = Path(__file__).resolve().parents[1] / "tapes" / "asterisk22"
ZHANG = "+8613800138000"


async def agent(house: House, number: int, role: str = "agent", **more: Any) -> Viewer:
    user = await create_user(
        house,
        SYSTEM,
        {"login": f"agent{number}", "name": f"Agent {number}", "role": role, "interfaces": [f"PJSIP/agent{number}"]},
    )
    permissions = frozenset(await house.db.fetchval("SELECT permissions FROM role WHERE name = $1", role))
    return replace(viewer_of(user.id, permissions), **more)


async def customer(house: House, name: str, number: str = ZHANG) -> UUID:
    made = await create_customer(
        house, SYSTEM, {"name": name, "contact_points": [{"kind": "phone", "value": number, "label": ""}]}
    )
    return made.id


def lines_of(tape: str) -> list[Line]:
    tracker, lines = Tracker("rig"), list[Line]()
    for event in events_of(TAPES / f"{tape}.ami"):
        lines += tracker.feed(event, event.at or START)
    return lines


async def play(house: House, tape: str) -> CallView:
    """Apply a tape as the reader does, a batch for each event; the call that came of it."""
    tracker = Tracker("rig")
    for event in events_of(TAPES / f"{tape}.ami"):
        lines = tracker.feed(event, event.at or START)
        if lines:
            await calls.apply(house, "rig", lines)
    (view,) = await list_calls(house.db, house.keyring, SYSTEM, limit=10)
    return view


async def events(house: House, *types: str) -> list[Event]:
    rows = await house.db.fetch("SELECT id, type, at, audience, data FROM outbox ORDER BY id")
    return [event_of(row) for row in rows if row["type"].startswith("call.") and (not types or row["type"] in types)]


async def everything(house: House) -> dict[str, Any]:
    """All rows that a call makes, to see that nothing changed."""
    found: dict[str, Any] = {}
    for table in ("call", "leg", "call_alias", "interaction", "personal_key", "outbox", "audit_entry"):
        rows = await house.db.fetch(f"SELECT * FROM {table} ORDER BY 1")
        found[table] = [{k: v for k, v in dict(row).items() if k not in ("seq", "position", "hash")} for row in rows]
    return found


def legs(call: CallView) -> dict[str, tuple[bool, str | None]]:
    return {leg.agent or leg.interface: (leg.answered_at is not None, leg.end_reason) for leg in call.legs}


async def test_ringall_rings_all_and_one_answers(house: House) -> None:
    for number in (1, 2, 3):
        await agent(house, number)
    zhang = await customer(house, "Zhang Wei")
    call = await play(house, "ringall")
    assert (call.direction, call.state, call.disposition, call.agent) == ("in", "ended", "answered", "agent2")
    assert (call.caller.number, call.caller.withheld, call.caller.country) == (ZHANG, False, "CN")
    assert (call.customer_id, [c.name for c in call.customers]) == (zhang, ["Zhang Wei"])
    assert legs(call) == {
        "agent1": (False, "answered_elsewhere"),
        "agent2": (True, "completed"),
        "agent3": (False, "answered_elsewhere"),
    }
    assert (call.queue, call.end_seen, call.gaps) == ("support", True, ())
    assert call.offered_at < call.answered_at < call.ended_at  # type: ignore[operator]
    told = Counter(event.type for event in await events(house))
    assert told["call.offered"] == 3
    assert told["call.retracted"] == 2
    assert (told["call.answered"], told["call.ended"], told["call.abandoned"]) == (1, 1, 0)


async def test_events_reach_only_whom_they_concern(house: House) -> None:
    viewers = {number: await agent(house, number) for number in (1, 2, 3)}
    outsider = await agent(house, 4)
    await play(house, "ringall")
    for event in await events(house, "call.offered", "call.retracted"):
        (mark, watching) = event.audience
        assert watching == "watch:calls"
        assert mark == f"user:{event.data['user_id']}"
    for event in await events(house, "call.answered", "call.ended"):
        assert set(event.audience) == {f"user:{viewers[2].user_id}", "queue:support", "permission:calls.read_all"}
    assert not any(f"user:{outsider.user_id}" in event.audience for event in await events(house))
    assert ZHANG not in str([dict(row) for row in await house.db.fetch("SELECT data FROM outbox")])


async def test_doing_it_twice_changes_nothing(house: House) -> None:
    for number in (1, 2, 3):
        await agent(house, number)
    for tape in ("ringall", "attended_transfer", "pickup", "queue_timeout"):
        lines = lines_of(tape)
        for line in lines:
            await calls.apply(house, "rig", [line])
        before = await everything(house)
        await calls.apply(house, "rig", lines)
        for line in lines:
            await calls.apply(house, "rig", [line])
        assert await everything(house) == before, tape


async def test_two_readers_at_once_make_one_call(house: House) -> None:
    for number in (1, 2, 3):
        await agent(house, number)
    await customer(house, "Zhang Wei")

    async def read(size: int) -> None:
        lines = lines_of("ringall")
        for start in range(0, len(lines), size):
            await calls.apply(house, "rig", lines[start : start + size])

    await asyncio.gather(read(1), read(1), read(3))
    (call,) = await list_calls(house.db, house.keyring, SYSTEM, limit=10)
    assert (call.state, call.agent, len(call.legs)) == ("ended", "agent2", 3)
    told = Counter(event.type for event in await events(house))
    assert told["call.answered"] == told["call.ended"] == 1
    assert told["call.offered"] <= 3
    assert await house.db.fetchval("SELECT count(*) FROM interaction WHERE kind = 'call'") == 1


async def test_a_reader_that_saw_it_begin_otherwise_joins_the_known_call(house: House) -> None:
    """Another call id with a name that is known already: a row that points to the known call."""
    first = CallArrived(new_id(), START, "PJSIP/trunk", ZHANG, None, False, "4000", (Alias("uniqueid", "1.1"),))
    other = replace(first, call_id=new_id(), aliases=(Alias("uniqueid", "1.1"), Alias("uniqueid", "1.2")))
    await calls.apply(house, "rig", [first])
    await calls.apply(house, "rig", [other])
    await calls.apply(house, "rig", [CallQueued(other.call_id, START, "support")])
    (call,) = await list_calls(house.db, house.keyring, SYSTEM, limit=10)
    assert (call.id, call.state, call.queue) == (first.call_id, "waiting", "support")
    assert (await get_call(house.db, house.keyring, SYSTEM, other.call_id)).id == first.call_id
    assert {alias.value for alias in call.aliases} == {"1.1", "1.2"}


@pytest.mark.parametrize("tape", ["attended_transfer", "attended_transfer_early", "attended_transfer_freepbx"])
async def test_attended_transfer_moves_the_call_and_pops_with_the_customer(house: House, tape: str) -> None:
    viewers = {number: await agent(house, number) for number in (1, 2, 3)}
    zhang = await customer(house, "Zhang Wei")
    call = await play(house, tape)
    number = 3 if tape.endswith("freepbx") else 2
    taker = f"agent{number}"
    assert call.agent == taker
    assert [(t.kind, t.from_, t.to) for t in call.transfers] == [("attended", "agent1", taker)]
    assert legs(call)["agent1"] == (True, "transferred")
    offers = {event.data["user_id"]: event for event in await events(house, "call.offered")}
    offer = offers[str(viewers[number].user_id)]
    assert offer.data["kind"] == "transfer"
    assert call.customer_id == zhang
    moved = await events(house, "call.transferred")
    assert [m.data["kind"] for m in moved][-1] == "attended"
    assert f"user:{viewers[1].user_id}" in moved[-1].audience
    assert offer.data["user_id"] == str(viewers[number].user_id)


@pytest.mark.parametrize("tape", ["blind_transfer", "redirect"])
async def test_blind_transfer(house: House, tape: str) -> None:
    for number in (1, 2):
        await agent(house, number)
    call = await play(house, tape)
    assert [(t.kind, t.from_, t.to) for t in call.transfers] == [("blind", "agent1", "agent2")]
    assert (call.agent, legs(call)["agent1"]) == ("agent2", (True, "transferred"))


@pytest.mark.parametrize(
    ("tape", "disposition", "abandoned"),
    [("abandoned", "abandoned", 1), ("queue_timeout", "no_answer", 0), ("leave_empty", "no_answer", 0)],
)
async def test_unanswered_calls(house: House, tape: str, disposition: str, abandoned: int) -> None:
    for number in (1, 2, 3):
        await agent(house, number)
    call = await play(house, tape)
    assert (call.disposition, call.agent, call.answered_at) == (disposition, None, None)
    assert len(await events(house, "call.abandoned")) == abandoned
    offered, retracted = await events(house, "call.offered"), await events(house, "call.retracted")
    assert {e.data["ring_id"] for e in offered} == {e.data["ring_id"] for e in retracted}


@pytest.mark.parametrize("tape", ["withheld_privacy", "withheld_anonymous"])
async def test_a_withheld_number_is_nowhere(house: House, tape: str) -> None:
    await agent(house, 1)
    await customer(house, "Zhang Wei")
    call = await play(house, tape)
    assert (call.caller.number, call.caller.withheld, call.customer_id, call.customers) == (None, True, None, ())
    row = await house.db.fetchrow("SELECT caller_cipher, caller_index, caller_key_id, candidate_ids FROM call")
    assert row is not None
    assert tuple(row.values()) == (None, None, None, [])


async def test_click_to_dial_is_the_customers_call(house: House) -> None:
    who = await agent(house, 1)
    smith = await customer(house, "John Smith", "+442079460123")
    command = UUID("01938c5a-0000-7000-8000-000000000001")
    async with house.unit(who) as uow:
        from hotline.crm.commands.calls.pbx_commands import create_command

        await create_command(
            uow, command_id=command, pbx="rig", action="originate", user_id=who.user_id, call_id=None,
            number="+442079460123", data={}, lifetime=timedelta(seconds=8),
        )  # fmt: skip
    call = await play(house, "originate")
    assert (call.direction, call.agent, call.customer_id) == ("out", "agent1", smith)
    assert call.caller.number == "+442079460123"
    assert Alias("command", str(command)) in call.aliases


async def test_an_agent_who_dials_out(house: House) -> None:
    await agent(house, 1)
    smith = await customer(house, "John Smith", "+442079460123")
    call = await play(house, "agent_dials")
    assert (call.direction, call.agent, call.customer_id, call.disposition) == ("out", "agent1", smith, "answered")
    assert (call.caller.number, call.dialled) == ("+442079460123", None)


def arrived(number: str | None = ZHANG, call_id: UUID | None = None) -> CallArrived:
    call_id = call_id or new_id()
    return CallArrived(
        call_id, START, "PJSIP/trunk", number, "Zhang", number is None, "4000", (Alias("uniqueid", str(call_id)),)
    )


def ring(call_id: UUID, number: int = 1, **more: Any) -> RingStarted:
    return RingStarted(call_id, START, new_id(), (f"PJSIP/agent{number}",), f"{number}.1", "support", **more)


async def test_a_shared_number_is_a_choice_and_picking_seals_anew(house: House) -> None:
    who = await agent(house, 1)
    one, two = await customer(house, "Zhang Wei"), await customer(house, "Li Na")
    line = arrived()
    await calls.apply(house, "rig", [line, CallQueued(line.call_id, START, "support"), ring(line.call_id)])
    call = await get_call(house.db, house.keyring, SYSTEM, line.call_id)
    assert (call.customer_id, {c.id for c in call.customers}) == (None, {one, two})
    own = await house.db.fetchval("SELECT caller_key_id FROM call")
    await calls.set_customer(house, who, line.call_id, two)
    key = await house.db.fetchrow("SELECT caller_key_id, (SELECT key_id FROM customer WHERE id = $1) FROM call", two)
    assert key is not None
    picked, theirs = key.values()
    assert picked == theirs != own
    call = await get_call(house.db, house.keyring, SYSTEM, line.call_id)
    assert (call.customer_id, call.caller.number, call.caller.name) == (two, ZHANG, "Zhang")
    (item,) = await list_timeline(house.db, house.keyring, SYSTEM, two, limit=5)
    assert item.call is not None
    assert item.call.id == line.call_id
    await calls.set_customer(house, who, line.call_id, None)
    assert await list_timeline(house.db, house.keyring, SYSTEM, two, limit=5) == []
    call = await get_call(house.db, house.keyring, SYSTEM, line.call_id)
    assert (call.customer_id, call.caller.number) == (None, ZHANG)
    assert await house.db.fetchval("SELECT caller_key_id FROM call") not in (theirs, own)


async def test_one_click_makes_an_unknown_caller_a_customer(house: House) -> None:
    who = await agent(house, 1, masks=frozenset({"phone"}))
    line = arrived()
    await calls.apply(house, "rig", [line, ring(line.call_id)])
    made = await calls.create_customer_for_call(house, who, line.call_id, "Zhang Wei")
    call = await get_call(house.db, house.keyring, SYSTEM, line.call_id)
    assert call.customer_id == made.id
    again = arrived()
    await calls.apply(house, "rig", [again])
    assert (await get_call(house.db, house.keyring, SYSTEM, again.call_id)).customer_id == made.id


@pytest.mark.parametrize(
    ("number", "name", "withheld"), [(ZHANG, "Anonymous", False), ("+266696687", None, False), (ZHANG, None, True)]
)
async def test_a_number_that_came_although_it_is_withheld_is_not_kept(
    house: House, number: str, name: str | None, withheld: bool
) -> None:
    await customer(house, "Zhang Wei")
    arrived = CallArrived(new_id(), START, "PJSIP/trunk", number, name, withheld, "4000")
    await calls.apply(house, "rig", [arrived])
    call = await get_call(house.db, house.keyring, SYSTEM, arrived.call_id)
    assert (call.caller.number, call.caller.name, call.caller.withheld, call.customers) == (None, None, True, ())


async def test_a_number_withheld_later_is_forgotten(house: House) -> None:
    await agent(house, 1)
    await customer(house, "Zhang Wei")
    line = arrived()
    await calls.apply(house, "rig", [line])
    assert (await get_call(house.db, house.keyring, SYSTEM, line.call_id)).customer_id is not None
    await calls.apply(house, "rig", [CallerChanged(line.call_id, START, None, None, True)])
    call = await get_call(house.db, house.keyring, SYSTEM, line.call_id)
    assert (call.customer_id, call.caller.number, call.caller.withheld, call.customers) == (None, None, True, ())
    assert await house.db.fetchval("SELECT count(*) FROM interaction WHERE customer_id IS NOT NULL") == 0


async def test_a_stale_ring_opens_no_pop(house: House) -> None:
    await agent(house, 1)
    line = arrived()
    await calls.apply(house, "rig", [line, ring(line.call_id, age=61.0)])
    assert await events(house, "call.offered") == []
    await calls.apply(house, "rig", [ring(line.call_id, age=59.0)])
    assert await events(house, "call.offered") == [], "another phone of the same agent rings already"


async def test_a_ring_that_is_over_at_once_is_still_told(house: House) -> None:
    """A fast PBX: ring and end come in one batch. The story is told in order, unless it is old news."""
    await agent(house, 1)
    await agent(house, 2)
    now = house.clock()
    line = replace(arrived(), at=now)
    one, two = replace(ring(line.call_id), at=now), replace(ring(line.call_id, 2), at=now)
    ended = RingEnded(line.call_id, now, two.ring_id, "answered_elsewhere")
    answer = CallAnswered(line.call_id, now, one.ring_id)
    await calls.apply(house, "rig", [line, one, two, answer, ended, CallEnded(line.call_id, now, "answered")])
    told = [event.type for event in await events(house)]
    assert told == ["call.offered", "call.offered", "call.answered", "call.retracted", "call.ended"]
    old = arrived()
    over = ring(old.call_id)
    await calls.apply(house, "rig", [old, over, RingEnded(old.call_id, START, over.ring_id, "cancelled")])
    assert len(await events(house)) == len(told)


async def test_an_abandoned_call_is_told_as_abandoned_and_as_ended(house: House) -> None:
    viewers = [await agent(house, number) for number in (1, 2)]
    line = arrived()
    rings = [ring(line.call_id, number) for number in (1, 2)]
    await calls.apply(house, "rig", [line, *rings])
    await calls.apply(house, "rig", [CallEnded(line.call_id, START, "abandoned")])
    abandoned, ended = (await events(house))[-2:]
    assert (abandoned.type, ended.type) == ("call.abandoned", "call.ended")
    marks = {f"user:{viewer.user_id}" for viewer in viewers} | {"permission:calls.read_all"}
    assert set(abandoned.audience) == set(ended.audience) == marks


async def test_a_call_between_agents_shows_who_calls(house: House) -> None:
    """An extension dialled from an agent's phone: the caller is the agent, with the number the dialplan gives them."""
    await agent(house, 1)
    await agent(house, 2)
    line = replace(arrived("150010001"), interface="PJSIP/agent1", dialled="202")
    changed = CallerChanged(line.call_id, START, "201", "Andrew Garza", False)
    await calls.apply(house, "rig", [line, changed, ring(line.call_id, 2)])
    call = await get_call(house.db, house.keyring, SYSTEM, line.call_id)
    assert (call.direction, call.caller.number, call.caller.name, call.dialled) == ("out", "201", "Andrew Garza", "202")


async def test_a_colleague_asked_on_a_second_line_sees_the_customer(house: House) -> None:
    """Until the PBX joins the two calls they are two; the colleague's pop shows whom the agent has on the line."""
    await agent(house, 1)
    asked = await agent(house, 2)
    zhang = await customer(house, "Zhang Wei")
    line = replace(arrived(), at=house.clock())
    rung = ring(line.call_id)
    await calls.apply(house, "rig", [line, rung, CallAnswered(line.call_id, START, rung.ring_id)])
    side = replace(arrived("1001"), interface="PJSIP/agent1", dialled="1002")
    changed = CallerChanged(side.call_id, START, "1001", "Agent 1", False)
    await calls.apply(house, "rig", [side, changed, ring(side.call_id, 2)])
    (shown,) = await rings_now(house.db, house.keyring, asked)
    assert (shown["customer_id"], [one["id"] for one in shown["customers"]]) == (None, [zhang])
    assert shown["caller"]["number"] == "1001"
    (item,) = await list_timeline(house.db, house.keyring, SYSTEM, zhang, limit=5, kinds=["call"])
    assert item.call is not None
    assert item.call.id == line.call_id, "what is only shown is not yet the customer's"


async def test_two_phones_of_one_agent_are_one_pop(house: House) -> None:
    await agent(house, 1)
    line = arrived()
    one, two = ring(line.call_id), ring(line.call_id)
    await calls.apply(house, "rig", [line, one, two])
    assert len(await events(house, "call.offered")) == 1
    await calls.apply(house, "rig", [RingEnded(line.call_id, START, one.ring_id, "busy")])
    assert await events(house, "call.retracted") == []
    await calls.apply(house, "rig", [RingEnded(line.call_id, START, two.ring_id, "cancelled")])
    assert len(await events(house, "call.retracted")) == 1


async def test_two_calls_at_once_on_one_agent(house: House) -> None:
    who = await agent(house, 1)
    for _ in range(2):
        line = arrived()
        rung = ring(line.call_id)
        await calls.apply(house, "rig", [line, rung, RingAnswered(line.call_id, START, rung.ring_id)])
        await calls.apply(house, "rig", [CallAnswered(line.call_id, START, rung.ring_id)])
    assert len(await current_calls(house.db, house.keyring, who)) == 2


async def test_the_same_agent_again_after_another_queue(house: House) -> None:
    """The agent is done, the dialplan queues the caller again, and the same agent answers."""
    who = await agent(house, 1)
    line = arrived()
    one, two = ring(line.call_id), ring(line.call_id)
    at = [START + timedelta(seconds=s) for s in range(6)]
    await calls.apply(house, "rig", [line, one, replace(CallAnswered(line.call_id, START, one.ring_id), at=at[1])])
    await calls.apply(house, "rig", [RingEnded(line.call_id, at[2], one.ring_id, "completed")])
    left = (await events(house))[-1]
    assert (left.type, left.data["left"], left.audience[0]) == ("call.updated", True, f"user:{who.user_id}")
    await calls.apply(house, "rig", [CallQueued(line.call_id, at[3], "survey")])
    assert (await get_call(house.db, house.keyring, SYSTEM, line.call_id)).state == "waiting"
    await calls.apply(house, "rig", [two])
    await calls.apply(house, "rig", [CallAnswered(line.call_id, at[5], two.ring_id)])
    call = await get_call(house.db, house.keyring, SYSTEM, line.call_id)
    assert (call.state, call.agent, call.queue, call.answered_at) == ("answered", "agent1", "survey", at[1])
    assert len(await events(house, "call.answered")) == 2


async def test_merged_calls_are_one_and_keep_what_both_had(house: House) -> None:
    who = await agent(house, 2)
    line, side = arrived(), arrived("202")
    rung = ring(side.call_id, 2)
    await calls.apply(house, "rig", [line])
    await calls.apply(house, "rig", [side, rung])
    await calls.apply(house, "rig", [CallsMerged(line.call_id, START, side.call_id)])
    (call,) = await list_calls(house.db, house.keyring, SYSTEM, limit=10)
    assert (call.id, [leg.ring_id for leg in call.legs]) == (line.call_id, [rung.ring_id])
    assert (await get_call(house.db, house.keyring, who, side.call_id)).id == line.call_id
    (shown,) = await rings_now(house.db, house.keyring, who)
    assert (shown["call_id"], shown["caller"]["number"]) == (line.call_id, ZHANG)
    assert [e.data["call_id"] for e in await events(house, "call.offered")][-1] == str(line.call_id)
    await calls.apply(house, "rig", [CallEnded(side.call_id, START, "answered")])
    assert (await get_call(house.db, house.keyring, SYSTEM, line.call_id)).state == "ended"


async def test_the_pop_shows_what_its_viewer_may_see(house: House) -> None:
    who = await agent(house, 1)
    masked = replace(who, masks=frozenset({"phone"}))
    blind = replace(who, permissions=who.permissions - {"customers.read"})
    zhang = await customer(house, "Zhang Wei")
    past = arrived()
    await calls.apply(house, "rig", [past, CallEnded(past.call_id, START, "abandoned")])
    line = arrived()
    await calls.apply(house, "rig", [line, CallQueued(line.call_id, START, "support"), ring(line.call_id)])
    (event,) = [e for e in await events(house, "call.offered") if e.data["call_id"] == str(line.call_id)]
    shown = await render_event(house.db, house.keyring, who, event)
    assert shown is not None
    assert {"call_id", "ring_id", "agent", "caller", "customers", "queue", "ivr", "ticket_id", "at"} <= set(shown)
    assert (shown["agent"], shown["queue"], shown["waiting_since"]) == ("agent1", "support", START)
    caller = {"number": ZHANG, "withheld": False, "country": "CN", "name": "Zhang"}
    assert shown["caller"] == caller | {"display": "+86 138 0013 8000"}
    (one,) = shown["customers"]
    assert (one["id"], one["name"]) == (zhang, "Zhang Wei")
    assert [i["call_id"] for i in one["interactions"]] == [past.call_id], "the present call is no past one"
    assert "user_id" not in shown
    hidden = await render_event(house.db, house.keyring, masked, event)
    assert hidden is not None
    assert ZHANG not in str(hidden)
    nobody = await render_event(house.db, house.keyring, blind, event)
    assert nobody is not None
    assert nobody["customers"] == []


async def test_a_pop_reads_the_call_once_for_all_who_see_the_same(house: House) -> None:
    viewers = [await agent(house, number) for number in (1, 2, 3)]
    line = arrived()
    await calls.apply(house, "rig", [line, *(ring(line.call_id, number) for number in (1, 2, 3))])
    offers = await events(house, "call.offered")
    reads = 0
    fetchrow = house.db.fetchrow

    async def counted(sql: str, *args: Any) -> Any:
        nonlocal reads
        reads += 1
        return await fetchrow(sql, *args)

    house.db.fetchrow = counted  # type: ignore[method-assign]
    shown = await asyncio.gather(
        *(render_event(house.db, house.keyring, v, e) for v, e in zip(viewers, offers, strict=True))
    )
    assert reads == 1
    assert {one["agent"] for one in shown if one} == {"agent1", "agent2", "agent3"}


async def test_a_pop_never_shows_less_than_its_event_tells(house: House) -> None:
    """What was read a moment ago does not serve an event of a later version."""
    who = await agent(house, 1)
    line = arrived()
    await calls.apply(house, "rig", [line, ring(line.call_id)])
    (offer,) = await events(house, "call.offered")
    await render_event(house.db, house.keyring, who, offer)
    made = await customer(house, "Zhang Wei")
    await calls.set_customer(house, who, line.call_id, made)
    updated = (await events(house, "call.updated"))[-1]
    shown = await render_event(house.db, house.keyring, who, updated)
    assert shown is not None
    assert (shown["customer_id"], shown["customers"][0]["name"]) == (made, "Zhang Wei")


async def test_whoever_has_no_part_in_a_call_does_not_see_it(house: House) -> None:
    who, other = await agent(house, 1), await agent(house, 2)
    boss = await agent(house, 3, "supervisor")
    reviewer = await agent(house, 4, "reviewer")
    line = arrived()
    await calls.apply(house, "rig", [line, ring(line.call_id)])
    for viewer in (who, boss):
        assert (await get_call(house.db, house.keyring, viewer, line.call_id)).id == line.call_id
        assert len(await list_calls(house.db, house.keyring, viewer, limit=5)) == 1
    assert await list_calls(house.db, house.keyring, other, limit=5) == []
    for attempt in (
        get_call(house.db, house.keyring, other, line.call_id),
        calls.set_customer(house, other, line.call_id, None),
    ):
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(Forbidden):
        await calls.set_customer(house, reviewer, line.call_id, None)
    with pytest.raises(Forbidden):
        await list_calls(house.db, house.keyring, reviewer, limit=5)


async def test_lists_are_filtered_and_paged(house: House) -> None:
    who = await agent(house, 1)
    ids = []
    for number in range(5):
        line = arrived(f"+49301234{number:03d}")
        ids.append(line.call_id)
        await calls.apply(house, "rig", [line, CallQueued(line.call_id, START, f"q{number % 2}")])
    await calls.apply(house, "rig", [ring(ids[0]), CallEnded(ids[1], START, "abandoned")])

    async def found(**filters: Any) -> Sequence[UUID]:
        return [
            c.id for c in await list_calls(house.db, house.keyring, SYSTEM, limit=filters.pop("limit", 10), **filters)
        ]

    newest = ids[::-1]
    assert await found() == newest
    assert await found(limit=2) == newest[:2]
    assert await found(limit=2, after=newest[1]) == newest[2:4]
    assert await found(queue="q1") == [ids[3], ids[1]]
    assert await found(state="ended") == [ids[1]]
    assert await found(user_id=who.user_id) == [ids[0]]
    assert await found(pbx="other") == []
    assert await found(until=START) == []
    assert await found(since=START) == newest


async def test_a_restart_goes_on_where_the_records_are(house: House) -> None:
    """kill -9 in mid-call: the call exists once, and its end is known or marked unseen."""
    for number in (1, 2, 3):
        await agent(house, number)
    recorded = events_of(TAPES / "ringall.ami")
    middle = next(i for i, e in enumerate(recorded) if e.name == "AgentConnect") + 1
    tracker = Tracker("rig")
    for event in recorded[:middle]:
        await calls.apply(house, "rig", tracker.feed(event, event.at or START))
    lost = recorded[middle].at or START
    alive = Tracker("rig")
    for event in recorded[:middle]:
        alive.feed(event, event.at or START)
    later = lost + timedelta(seconds=30)
    # everybody hung up while nobody read
    fresh = Tracker("rig")
    known = await calls.open_calls(house, "rig")
    assert [len(call.rings) for call in known] == [1]
    await calls.apply(house, "rig", fresh.restore(known, Snapshot(), later, since=lost))
    (call,) = await list_calls(house.db, house.keyring, SYSTEM, limit=10)
    assert (call.state, call.end_seen, call.disposition, call.agent) == ("ended", False, "answered", "agent2")
    assert legs(call)["agent2"] == (True, "unseen")
    assert await calls.open_calls(house, "rig") == []


async def test_calls_of_a_pbx_that_is_gone_are_closed(house: House) -> None:
    await agent(house, 1)
    line = arrived()
    await calls.apply(house, "rig", [line, ring(line.call_id)])
    assert await calls.close_unseen(house, "rig", START + timedelta(hours=1)) == 1
    call = await get_call(house.db, house.keyring, SYSTEM, line.call_id)
    assert (call.state, call.end_seen, legs(call)) == ("ended", False, {"agent1": (False, "unseen")})


async def test_hostile_text_is_text(house: House) -> None:
    await agent(house, 1)
    for name in ("<script>", "'; DROP TABLE call; --", "${SHELL(x)}", "\ud800", "x" * 10_000):
        line = replace(arrived("sip:bob@example.org"), name=name)
        await calls.apply(house, "rig", [line])
        call = await get_call(house.db, house.keyring, SYSTEM, line.call_id)
        assert call.caller.name == name
        assert call.caller.number == "sip:bob@example.org"


@pytest.mark.parametrize("tape", sorted(p.stem for p in TAPES.glob("*.ami")))
async def test_every_tape_leaves_nothing_open(house: House, tape: str) -> None:
    for number in (1, 2, 3):
        await agent(house, number)
    lines = lines_of(tape)
    await calls.apply(house, "rig", lines)
    found = await list_calls(house.db, house.keyring, SYSTEM, limit=10)
    assert {call.state for call in found} == {"ended"}
    assert await house.db.fetchval("SELECT count(*) FROM leg WHERE ended_at IS NULL") == 0
    for number in (1, 2, 3):
        assert all(leg.user_id for call in found for leg in call.legs if leg.interface == f"PJSIP/agent{number}")
