"""Automatic tickets on a real PostgreSQL: each tape's story beside the ticket it left, twice, from two readers, merged,
told late, and the wrap-ups that follow."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.calls.story import (
    CallAnswered,
    CallEnded,
    CallGap,
    CallQueued,
    CallsMerged,
    Line,
    RingAnswered,
    RingEnded,
    RingStarted,
)
from hotline.calls.tracker import Tracker
from hotline.crm import company
from hotline.crm.commands.calls.presence import Member, write_members
from hotline.crm.commands.ivr.ivr import SessionRecord, save_session
from hotline.crm.commands.tickets import tickets as commands
from hotline.crm.database import Row
from hotline.crm.queries.calls.calls import CallView, get_call
from hotline.crm.queries.customers.timeline import list_timeline
from hotline.crm.queries.tickets.tickets import TicketView, get_ticket, open_ticket_values
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM, Viewer
from hotline.errors import Conflict, Forbidden
from hotline.ids import new_id
from hotline.workflows.calls import calls, wrap_ups
from hotline.workflows.calls.commands import send_command
from hotline.workflows.company.company import put as put_section
from hotline.workflows.house import House
from hotline.workflows.tickets import tickets
from tests.integration.test_calls import TAPES, agent, arrived, customer, lines_of
from tests.integration.test_calls import ring as rung
from tests.unit.calls.tapes import START, events_of


async def ticket_of(house: House, call: CallView) -> TicketView:
    assert call.ticket_id is not None
    return await get_ticket(house.db, house.keyring, SYSTEM, call.ticket_id)


async def all_tickets(house: House) -> list[Row]:
    return list(await house.db.fetch("SELECT * FROM ticket ORDER BY id"))


async def kept(house: House) -> list[Row]:
    return [row for row in await all_tickets(house) if row["state"] != "discarded"]


async def everything(house: House) -> dict[str, Any]:
    """All rows that a ticket makes, to see that nothing changed."""
    tables = ("ticket", "ticket_entry", "wrap_up", "sla_clock", "interaction", "outbox", "pbx_command")
    return {table: [dict(row) for row in await house.db.fetch(f"SELECT * FROM {table} ORDER BY 1")] for table in tables}


async def play(house: House, tape: str) -> None:
    """Apply a tape as the reader does, a batch for each event."""
    for lines in batches_of(tape):
        await calls.apply(house, "rig", lines)


def batches_of(tape: str) -> list[list[Line]]:
    tracker = Tracker("rig")
    told = [tracker.feed(event, event.at or START) for event in events_of(TAPES / f"{tape}.ami")]
    return [list(lines) for lines in told if lines]


async def crew(house: House) -> list[Viewer]:
    return [await agent(house, number) for number in (1, 2, 3)]


async def change_rules(house: House, **values: Any) -> None:
    await put_section(house, SYSTEM, company.Tickets(**values))


@pytest.mark.parametrize("tape", ["ringall", "abandoned", "blind_transfer", "attended_transfer", "pickup"])
async def test_telling_it_again_changes_nothing(house: House, tape: str) -> None:
    await crew(house)
    await customer(house, "Zhang Wei")
    await play(house, tape)
    before = await everything(house)
    await play(house, tape)
    assert await everything(house) == before


@pytest.mark.parametrize("tape", ["ringall", "abandoned", "attended_transfer"])
async def test_two_readers_at_once_leave_one_ticket(house: House, tape: str) -> None:
    await crew(house)
    await customer(house, "Zhang Wei")
    lines = lines_of(tape)

    async def read(step: int) -> None:
        for at in range(0, len(lines), step):
            await calls.apply(house, "rig", lines[at : at + step])

    await asyncio.gather(read(1), read(2), read(5), read(len(lines)))
    (ticket,) = await all_tickets(house)
    (call,) = await house.db.fetch("SELECT ticket_id, answered_at FROM call WHERE merged_into_id IS NULL")
    assert call["ticket_id"] == ticket["id"]
    assert (ticket["state"], ticket["provisional"]) == ("open" if call["answered_at"] else "new", False)
    created = await house.db.fetchval("SELECT count(*) FROM outbox WHERE type = 'ticket.created'")
    assert created == 1


def ring(call_id: UUID, number: int = 1, at: datetime = START, kind: Any = "offer") -> RingStarted:
    return replace(rung(call_id, number), at=at, kind=kind)


def began(**more: Any) -> list[Line]:
    line = replace(arrived(), **more)
    return [line, CallQueued(line.call_id, line.at, "support"), ring(line.call_id, at=line.at)]


def answered(lines: list[Line], after: float = 5) -> list[Line]:
    call_id, rung = lines[0].call_id, next(line for line in lines if hasattr(line, "interfaces"))
    at = lines[0].at + timedelta(seconds=after)
    return [RingAnswered(call_id, at, rung.ring_id), CallAnswered(call_id, at, rung.ring_id)]  # type: ignore[attr-defined]


def over(lines: list[Line], disposition: Any = "answered", after: float = 60) -> list[Line]:
    call_id, rung = lines[0].call_id, next(line for line in lines if hasattr(line, "interfaces"))
    at = lines[0].at + timedelta(seconds=after)
    how: Any = "completed" if disposition == "answered" else "cancelled"
    return [RingEnded(call_id, at, rung.ring_id, how), CallEnded(call_id, at, disposition)]  # type: ignore[attr-defined]


async def told(house: House, *lines: list[Line]) -> CallView:
    for each in lines:
        await calls.apply(house, "rig", each)
    return await get_call(house.db, house.keyring, SYSTEM, lines[0][0].call_id)


async def choose(house: House, call_id: UUID, kind: str | None, customer_id: UUID | None = None) -> bool:
    async with house.unit(SYSTEM) as uow:
        ivr = {"flow": "main", "version": 1, "kind": kind, "path": ["menu:2"], "language": "zh"}
        return await calls.follow_ivr(house, uow, call_id, ivr, customer_id)


# What the caller chose


@pytest.mark.parametrize("when", range(4))
async def test_the_choice_counts_whenever_it_becomes_known(house: House, when: int) -> None:
    await agent(house, 1)
    first = began()
    steps = [first, answered(first), over(first)]
    for at, lines in enumerate(steps):
        if at == when:
            assert await choose(house, first[0].call_id, "complaint") is (at > 0)
        await calls.apply(house, "rig", lines)
    if when in (0, 3):
        assert await choose(house, first[0].call_id, "complaint")
    assert await choose(house, first[0].call_id, "complaint")
    (ticket,) = await all_tickets(house)
    assert (ticket["kind"], ticket["kind_by"], ticket["state"]) == ("complaint", "choice", "open")


async def test_what_was_chosen_before_the_records_knew_the_call_is_found(house: House) -> None:
    line = arrived()
    told_first = SessionRecord(
        "rig", line.aliases[0].value, "main", "d", 1, "running", {}, {"kind": "complaint", "path": ["menu:2"]}, 1, START
    )
    async with house.unit(SYSTEM) as uow:
        await save_session(uow, told_first, None)
    call = await told(house, [line])
    assert call.ivr == {"kind": "complaint", "path": ["menu:2"]}
    assert (await ticket_of(house, call)).kind == "complaint"


async def test_a_choice_makes_the_ticket_before_a_phone_rings(house: House) -> None:
    line = arrived()
    await calls.apply(house, "rig", [line])
    assert await all_tickets(house) == []
    assert await choose(house, line.call_id, None)
    assert await all_tickets(house) == [], "a language is no choice yet"
    assert await choose(house, line.call_id, "service_request")
    (ticket,) = await all_tickets(house)
    assert (ticket["kind"], ticket["provisional"], ticket["state"]) == ("service_request", True, "new")
    await calls.apply(house, "rig", [CallEnded(line.call_id, line.at + timedelta(seconds=9), "abandoned")])
    (ticket,) = await all_tickets(house)
    assert (ticket["provisional"], ticket["callback_due"] is not None) == (False, True)


@pytest.mark.parametrize("gap", [False, True])
async def test_a_call_that_was_over_while_nobody_could_hear_it_is_a_ticket(house: House, gap: bool) -> None:
    line = arrived()
    await calls.apply(house, "rig", [line])
    end = line.at + timedelta(seconds=40)
    blind: list[Line] = [CallGap(line.call_id, end, line.at)] if gap else []
    lines = [*blind, CallEnded(line.call_id, end, "no_answer", None, gap)]
    await calls.apply(house, "rig", lines)
    await calls.apply(house, "rig", lines)
    (ticket,) = await all_tickets(house)
    assert (ticket["state"], ticket["provisional"], ticket["callback_due"] is not None) == ("new", False, True)
    (note,) = await house.db.fetch("SELECT data FROM ticket_entry WHERE kind = 'gap'")
    assert (note["data"]["end_seen"], len(note["data"]["gaps"])) == (gap, int(gap))


async def test_whoever_hangs_up_in_the_greeting_leaves_no_ticket(house: House) -> None:
    line = arrived()
    await calls.apply(house, "rig", [line, CallEnded(line.call_id, line.at + timedelta(seconds=2), "abandoned")])
    assert await all_tickets(house) == []


@pytest.mark.parametrize(("limit", "choice", "left"), [(10, None, 0), (10, "complaint", 1), (0, None, 1), (2, None, 1)])
async def test_short_calls_are_discarded_by_rule(house: House, limit: int, choice: str | None, left: int) -> None:
    await change_rules(house, discard_unanswered_seconds=limit)
    lines = began()
    await told(house, lines)
    if choice is not None:
        await choose(house, lines[0].call_id, choice)
    await told(house, over(lines, "abandoned", 5))
    assert len(await kept(house)) == left
    if not left:
        (ticket,) = await all_tickets(house)
        assert ticket["discarded_as"] == "rule"
        types = [row["type"] for row in await house.db.fetch("SELECT type FROM outbox ORDER BY id")]
        assert types.count("ticket.discarded") == 1


@pytest.mark.parametrize("disposition", ["abandoned", "voicemail", "no_answer"])
async def test_missed_calls_are_to_be_called_back(house: House, disposition: str) -> None:
    await agent(house, 1)
    lines = began()
    call = await told(house, lines, over(lines, disposition))
    ticket = await ticket_of(house, call)
    assert (ticket.state, ticket.provisional, ticket.assignee) == ("new", False, None)
    assert ticket.callback_due is not None
    late = await told(house, answered(lines))
    ticket = await ticket_of(house, late)
    assert (ticket.state, ticket.assignee, ticket.callback_due) == ("open", "agent1", None), "it was answered after all"


# Whose it is


async def test_picking_the_customer_moves_what_was_written(house: House) -> None:
    one = await agent(house, 1)
    await customer(house, "Zhang Wei")
    li = await customer(house, "Li Na")
    lines = began()
    call = await told(house, lines, answered(lines))
    ticket = await ticket_of(house, call)
    assert ticket.customer_id is None, "two share the number"
    await tickets.change_ticket(house, one, ticket.id, {"subject": "破裂的水管", "description": "三楼"})
    await tickets.note_ticket(house, one, ticket.id, new_id(), "他很着急")
    keys = {row["key_id"] for row in await all_tickets(house)}
    await calls.set_customer(house, one, call.id, li)
    moved = await ticket_of(house, call)
    assert (moved.customer_id, moved.subject, moved.description) == (li, "破裂的水管", "三楼")
    (key,) = {row["key_id"] for row in await all_tickets(house)} - keys
    assert key == await house.db.fetchval("SELECT key_id FROM customer WHERE id = $1", li)
    assert {item.kind for item in await list_timeline(house.db, house.keyring, SYSTEM, li, limit=9)} == {
        "call",
        "ticket",
    }
    await calls.set_customer(house, one, call.id, None)
    assert (await ticket_of(house, call)).subject == "破裂的水管"
    assert [i.kind for i in await list_timeline(house.db, house.keyring, SYSTEM, li, limit=9)] == []


async def test_an_erased_customer_takes_the_words_along(house: House) -> None:
    one = await agent(house, 1)
    zhang = await customer(house, "Zhang Wei")
    lines = began()
    ticket = await ticket_of(house, await told(house, lines, answered(lines)))
    await tickets.change_ticket(house, one, ticket.id, {"subject": "private"})
    await house.db.execute(
        "UPDATE personal_key SET wrapped = NULL WHERE id = (SELECT key_id FROM customer WHERE id = $1)", zhang
    )
    erased = await get_ticket(house.db, house.keyring, SYSTEM, ticket.id)
    assert (erased.subject, erased.state) == ("", "open")


async def test_the_picked_customers_open_ticket_is_joined_unless_words_were_written(house: House) -> None:
    one = await agent(house, 1)
    zhang = await customer(house, "Zhang Wei")
    lines = began(at=house.clock() - timedelta(hours=1))
    earlier = await ticket_of(house, await told(house, lines, answered(lines), over(lines)))
    await customer(house, "Li Na")
    second, third = began(at=house.clock()), began(at=house.clock())
    call = await told(house, second)
    assert call.ticket_id != earlier.id
    await calls.set_customer(house, one, call.id, zhang)
    joined = await told(house, second)
    assert (joined.ticket_id, joined.attached.by if joined.attached else "") == (earlier.id, "rule")
    other = await told(house, third, answered(third))
    assert other.ticket_id is not None
    await tickets.change_ticket(house, one, other.ticket_id, {"subject": "mine"})
    await calls.set_customer(house, one, other.id, zhang)
    assert (await told(house, third)).ticket_id == other.ticket_id


@pytest.mark.parametrize(
    ("rules", "kind", "joins"),
    [
        ({}, "consultation", True),
        ({}, "complaint", False),
        ({"attach_same_kind": False}, "complaint", True),
        ({"attach_days": 0}, "consultation", False),
        ({"attach_days": 1}, "consultation", False),
    ],
)
async def test_the_rule_says_which_calls_join(house: House, rules: dict[str, Any], kind: str, joins: bool) -> None:
    await agent(house, 1)
    await customer(house, "Zhang Wei")
    await change_rules(house, **rules)
    lines = began()
    first = await told(house, lines, answered(lines), over(lines))
    again = began(at=lines[0].at + timedelta(days=2))
    await calls.apply(house, "rig", again[:1])
    await choose(house, again[0].call_id, kind)
    second = await told(house, again[1:])
    second = await get_call(house.db, house.keyring, SYSTEM, second.id)
    assert (second.ticket_id == first.ticket_id) is joins
    assert len(await kept(house)) == (1 if joins else 2)


async def test_a_choice_that_comes_late_takes_the_call_off_the_wrong_ticket(house: House) -> None:
    await agent(house, 1)
    await customer(house, "Zhang Wei")
    lines = began(at=house.clock() - timedelta(hours=1))
    first = await told(house, lines, over(lines, "abandoned"))
    before = await ticket_of(house, first)
    again = began(at=house.clock())
    second = await told(house, again, answered(again))
    assert second.ticket_id == first.ticket_id
    await choose(house, second.id, "complaint")
    second = await told(house, over(again))
    assert second.ticket_id != first.ticket_id
    assert (await ticket_of(house, second)).kind == "complaint"
    after = await ticket_of(house, first)
    assert (after.state, after.assignee, after.callback_done_at, after.call_ids) == (
        before.state, before.assignee, before.callback_done_at, before.call_ids,
    )  # fmt: skip


async def test_a_flow_learns_the_number_of_a_ticket_only_where_it_may_be_spoken(house: House) -> None:
    await agent(house, 1)
    zhang = await customer(house, "Zhang Wei")
    assert await open_ticket_values(house.db, SYSTEM, zhang) == {"ticket.open": "no"}
    lines = began()
    ticket = await ticket_of(house, await told(house, lines, answered(lines)))
    silent = {"ticket.open": "yes", "ticket.kind": "consultation", "ticket.state": "open"}
    assert await open_ticket_values(house.db, SYSTEM, zhang) == silent
    await put_section(house, SYSTEM, company.Privacy(speak_ticket_number=True))
    assert await open_ticket_values(house.db, SYSTEM, zhang) == silent | {"ticket.number": str(ticket.number)}


# Who has it


async def test_a_ticket_goes_with_its_call_unless_somebody_said_whose_it_is(house: House) -> None:
    one, two = await agent(house, 1), await agent(house, 2)
    boss = await agent(house, 9, role="supervisor")
    for given in (False, True):
        lines = began()
        call = await told(house, lines, answered(lines))
        ticket = await ticket_of(house, call)
        assert ticket.assignee_id == one.user_id
        if given:
            await tickets.change_ticket(house, boss, ticket.id, {"assignee": "agent9"})
        other = ring(call.id, 2, at=lines[0].at + timedelta(seconds=20))
        at = lines[0].at + timedelta(seconds=30)
        await told(house, [other, RingAnswered(call.id, at, other.ring_id), CallAnswered(call.id, at, other.ring_id)])
        assert (await ticket_of(house, call)).assignee_id == (boss.user_id if given else two.user_id)


# Calls that are one


@pytest.mark.parametrize("both", [False, True])
async def test_merged_calls_leave_one_ticket_with_all_that_was_written(house: House, both: bool) -> None:
    one = await agent(house, 1)
    await agent(house, 2)
    first = began()
    second = began(at=first[0].at + timedelta(seconds=1))
    kept_call = await told(house, first, answered(first)) if both else await told(house, first[:1])
    gone = await told(house, second)
    assert gone.ticket_id is not None
    await tickets.change_ticket(house, SYSTEM, gone.ticket_id, {"subject": "words"})
    await tickets.note_ticket(house, SYSTEM, gone.ticket_id, new_id(), "a note")
    await calls.apply(house, "rig", [CallsMerged(kept_call.id, second[0].at, gone.id)])
    await calls.apply(house, "rig", [CallsMerged(kept_call.id, second[0].at, gone.id)])
    (ticket,) = await kept(house)
    call = await get_call(house.db, house.keyring, SYSTEM, gone.id)
    assert (call.id, call.ticket_id) == (kept_call.id, ticket["id"])
    view = await get_ticket(house.db, house.keyring, one if both else SYSTEM, ticket["id"])
    assert view.subject == "words"
    notes = await house.db.fetchval(
        "SELECT count(*) FROM ticket_entry WHERE ticket_id = $1 AND kind = 'note'", ticket["id"]
    )
    assert notes == 1


# Many hands


async def test_of_two_who_change_a_ticket_at_once_one_is_told(house: House) -> None:
    one = await agent(house, 1)
    lines = began()
    ticket = await ticket_of(house, await told(house, lines, answered(lines)))

    async def change(priority: str) -> str:
        try:
            await tickets.change_ticket(house, one, ticket.id, {"priority": priority}, ticket.version)
        except Conflict:
            return "conflict"
        return "done"

    assert sorted(await asyncio.gather(change("high"), change("urgent"))) == ["conflict", "done"]


async def test_a_call_and_its_agent_change_a_ticket_at_once(house: House) -> None:
    one = await agent(house, 1)
    zhang = await customer(house, "Zhang Wei")
    await customer(house, "Li Na")
    for _ in range(5):
        lines = began(at=house.clock())
        call = await told(house, lines)
        assert call.ticket_id is not None
        await asyncio.gather(
            calls.apply(house, "rig", answered(lines, 0.5)),
            calls.set_customer(house, one, call.id, zhang),
            tickets.note_ticket(house, one, call.ticket_id, new_id(), "note"),
            tickets.change_ticket(house, one, call.ticket_id, {"subject": "words", "category": "other"}),
            choose(house, call.id, "complaint"),
        )
        ticket = await ticket_of(house, await told(house, lines))
        assert (ticket.customer_id, ticket.state, ticket.kind) == (zhang, "open", "complaint")


# After the call


async def sign_in(house: House, viewer: Viewer, number: int, **more: Any) -> None:
    member = Member("support", f"PJSIP/agent{number}", member_name=f"agent{number}", **more)
    async with house.unit(SYSTEM) as uow:
        await write_members(uow, "rig", [member])


async def ordered(house: House) -> list[tuple[str, str | None, Any]]:
    rows = await house.db.fetch("SELECT action, user_id, data FROM pbx_command ORDER BY created_at, id")
    return [(row["action"], row["data"].get("reason"), row["data"]["members"]) for row in rows]


async def test_the_agent_is_paused_until_the_wrap_up_is_done(house: House) -> None:
    one = await agent(house, 1)
    await sign_in(house, one, 1)
    lines = began(at=house.clock() - timedelta(seconds=61))
    call = await told(house, lines, answered(lines), over(lines))
    place = [["support", "PJSIP/agent1"]]
    assert await ordered(house) == [("pause", "wrap-up", place)]
    await told(house, over(lines))
    await sign_in(house, one, 1, paused=True, pause_reason="wrap-up")
    second = began(at=house.clock() - timedelta(seconds=60))
    other = await told(house, second, answered(second), over(second, after=59))
    assert len(await ordered(house)) == 2
    done = await wrap_ups.wrap_up_call(house, one, call.id, disposition="solved")
    assert done.done_at is not None
    assert len(await ordered(house)) == 2, "the other call's wrap-up still runs"
    await wrap_ups.wrap_up_call(house, one, other.id, disposition="follow_up")
    assert (await ordered(house))[-1] == ("unpause", None, place)


async def test_without_wrap_ups_what_was_said_during_the_call_counts(house: House) -> None:
    one = await agent(house, 1)
    await change_rules(house, wrap_up_seconds=0)
    lines = began(at=house.clock() - timedelta(seconds=200))
    call = await told(house, lines, answered(lines))
    await wrap_ups.wrap_up_call(house, one, call.id, disposition="solved")
    await told(house, over(lines))
    assert await house.db.fetchval("SELECT started_at FROM wrap_up") is None
    assert await wrap_ups.end_wrap_ups(house) == 1
    assert (await ticket_of(house, call)).state == "resolved"
    assert await house.db.fetchval("SELECT count(*) FROM outbox WHERE type LIKE 'wrap_up%'") == 0


async def test_who_paused_themselves_stays_paused(house: House) -> None:
    one = await agent(house, 1)
    await sign_in(house, one, 1, paused=True, pause_reason="lunch")
    lines = began(at=house.clock() - timedelta(seconds=61))
    call = await told(house, lines, answered(lines), over(lines))
    await wrap_ups.wrap_up_call(house, one, call.id, disposition="solved")
    assert await ordered(house) == []


async def test_a_wrap_up_ends_by_itself_with_what_was_said_during_the_call(house: House) -> None:
    one = await agent(house, 1)
    await sign_in(house, one, 1)
    lines = began(at=house.clock() - timedelta(seconds=61))
    call = await told(house, lines, answered(lines))
    await wrap_ups.wrap_up_call(house, one, call.id, disposition="solved")
    assert (await ticket_of(house, call)).state == "open", "the call goes on"
    await told(house, over(lines))
    assert await wrap_ups.end_wrap_ups(house) == 0
    await house.db.execute("UPDATE wrap_up SET until = $1", house.clock())
    assert await wrap_ups.end_wrap_ups(house) == 1
    assert await wrap_ups.end_wrap_ups(house) == 0
    assert [action for action, _, _ in await ordered(house)] == ["pause", "unpause"]
    ticket = await ticket_of(house, call)
    assert (ticket.state, ticket.disposition) == ("resolved", "solved")


async def test_a_pause_that_outlived_its_wrap_up_is_ended(house: House) -> None:
    one = await agent(house, 1)
    await sign_in(house, one, 1, paused=True, pause_reason="wrap-up")
    await wrap_ups.end_forgotten_pauses(house)
    assert await ordered(house) == [], "it may be on its way"
    await house.db.execute("UPDATE queue_member SET updated_at = updated_at - interval '1 hour'")
    await wrap_ups.end_forgotten_pauses(house)
    await wrap_ups.end_forgotten_pauses(house)
    assert await ordered(house) == [("unpause", None, [["support", "PJSIP/agent1"]])]


async def test_a_call_heard_of_much_later_pauses_nobody(house: House) -> None:
    one = await agent(house, 1)
    await sign_in(house, one, 1)
    lines = began(at=house.clock() - timedelta(hours=3))
    await told(house, lines, answered(lines), over(lines))
    assert await ordered(house) == []


async def test_calling_back_from_the_ticket_does_what_is_due(house: House) -> None:
    one = await agent(house, 1)
    lines = began(at=house.clock())
    missed = await told(house, lines, over(lines, "abandoned"))
    ticket = await ticket_of(house, missed)
    house = replace(house, settings=house.settings.model_copy(update={"ami_urls": house.settings.ami_urls}))
    masked = replace(one, masks=frozenset({"phone"}))
    with pytest.raises(Exception, match="No PBX"):
        await send_command(house, masked, {"action": "originate", "ticket_id": ticket.id})
    command = new_id()
    await house.db.execute(
        """INSERT INTO pbx_command (id, pbx, action, user_id, data, expires_at)
           VALUES ($1, 'rig', 'originate', $2, $3, now())""",
        *(command, one.user_id, {"ticket_id": str(ticket.id)}),
    )
    made = replace(arrived(), at=house.clock(), interface="PJSIP/agent1", dialled=None)
    made = replace(made, aliases=(*made.aliases, replace(made.aliases[0], kind="command", value=str(command))))
    out = ring(made.call_id, 5, kind="outgoing", at=made.at)
    back = await told(house, [made, out])
    assert (back.direction, back.ticket_id) == ("out", ticket.id)
    assert (await ticket_of(house, back)).callback_done_at is None
    at = made.at + timedelta(seconds=4)
    await told(house, [RingAnswered(back.id, at, out.ring_id), CallAnswered(back.id, at, out.ring_id)])
    done = await ticket_of(house, back)
    assert (done.callback_done_at, done.first_response_at, done.assignee, done.state) == (at, at, "agent1", "open")
    assert set(done.call_ids) == {missed.id, back.id}
    end = house.clock()
    await told(house, [RingEnded(back.id, end, out.ring_id, "completed"), CallEnded(back.id, end, "answered")])
    assert await house.db.fetchval("SELECT count(*) FROM wrap_up WHERE call_id = $1", back.id) == 1


async def test_what_is_done_needs_no_call_back(house: House) -> None:
    lines = began()
    ticket = await ticket_of(house, await told(house, lines, over(lines, "abandoned")))
    done = await tickets.change_ticket(house, SYSTEM, ticket.id, {"state": "resolved"})
    assert (done.callback_due, done.callback_done_at) == (None, None)


async def test_resolved_tickets_close_in_time(house: House) -> None:
    one = await agent(house, 1)
    lines = began()
    ticket = await ticket_of(house, await told(house, lines, answered(lines)))
    await tickets.change_ticket(house, one, ticket.id, {"state": "resolved"})
    assert await tickets.close_resolved(house) == 0
    await house.db.execute("UPDATE ticket SET resolved_at = $1", house.clock() - timedelta(days=8))
    assert await tickets.close_resolved(house) == 1
    assert (await get_ticket(house.db, house.keyring, one, ticket.id)).state == "closed"


# The way of the screen pop


class Counting:
    """Counts the statements of the units of work while it is entered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statements: list[str] = []
        for name in ("fetch", "fetchrow", "fetchval", "execute"):
            monkeypatch.setattr(UnitOfWork, name, self._counted(getattr(UnitOfWork, name)))

    def _counted(self, real: Any) -> Any:
        async def count(uow: UnitOfWork, sql: str, *args: Any) -> Any:
            self.statements.append(" ".join(sql.split())[:60])
            return await real(uow, sql, *args)

        return count


async def test_a_pop_costs_two_statements_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await crew(house)
    await customer(house, "Zhang Wei")
    warm = began(at=house.clock())
    await told(house, warm, over(warm, "abandoned"))
    for expected in (
        ["WITH joined AS ( SELECT id", "INSERT INTO ticket_entry"],
        ["WITH joined AS ( SELECT id", "WITH saved AS ( INSERT INTO ticket"],
    ):
        lines = began(at=house.clock())
        await told(house, lines[:2])
        with monkeypatch.context() as patched:
            counting = Counting(patched)
            await calls.apply(house, "rig", lines[2:])
        ours = [each for each in counting.statements if "ticket" in each or "joined" in each]
        assert [each.startswith(start) for each, start in zip(ours, expected, strict=True)] == [True, True], ours
        assert len(counting.statements) == 5, counting.statements  # load, save and flush are the call's own
        with monkeypatch.context() as patched:
            counting = Counting(patched)
            await calls.apply(house, "rig", [ring(lines[0].call_id, 2, at=lines[0].at)])
        assert [each for each in counting.statements if "ticket" in each and "FROM call" not in each] == []
        await change_rules(house, attach_days=0)


async def test_nobody_changes_what_they_may_only_see(house: House) -> None:
    one = await agent(house, 1)
    lines = began()
    ticket = await ticket_of(house, await told(house, lines, answered(lines)))
    reader = replace(one, permissions=one.permissions - {"tickets.write"})
    with pytest.raises(Forbidden):
        await tickets.change_ticket(house, reader, ticket.id, {"priority": "low"})
    with pytest.raises(Forbidden):
        await tickets.set_call_ticket(house, reader, ticket.call_ids[0], None)
    with pytest.raises(Forbidden):
        await wrap_ups.wrap_up_call(house, reader, ticket.call_ids[0], disposition="solved")
    assert commands.ticket_marks(commands.TicketRecord(ticket.id, "call", ticket.created_at, provisional=True)) == (
        commands.SEES_ALL,
    )
