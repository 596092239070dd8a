"""Tickets' clocks on a real PostgreSQL: told once whoever looks and whatever the clocks do, moved with the rules."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hotline.bus import MemoryBus
from hotline.calendars.spec import CalendarSpec, ExceptionSpec
from hotline.crm.commands.tickets.tickets import TicketRecord, lock_ticket
from hotline.crm.database import Database
from hotline.crm.personal_keys import open_keyring
from hotline.crm.queries.company.calendars import get_calendar
from hotline.crm.queries.tickets.sla import clocks_of, list_policies
from hotline.crm.viewer import SYSTEM
from hotline.errors import Unavailable
from hotline.jobs.sla import BATCH, Timers
from hotline.settings import Settings
from hotline.tickets.policies import PolicySpec
from hotline.workflows.company import calendars
from hotline.workflows.house import House
from hotline.workflows.tickets import policies, timers
from hotline.workflows.tickets.tickets_kept import keep_ticket
from tests.conftest import SECRET
from tests.integration.people import add_user
from tests.unit.tickets.promises import at, local

MONDAY = at("2026-06-01T10:00")


@dataclass
class Wall:
    """The clock on the wall of the nodes, set by the test."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def set(self, text: str) -> None:
        self.now = at(text)


@pytest.fixture
async def wall(house: House) -> Wall:
    """Monday, 1 June 2026, 10:00 in Berlin, where the company is."""
    made = Wall(MONDAY)
    house.clock = made
    spec = (await get_calendar(house.db, SYSTEM, "default")).spec
    berlin = {"timezone": "Europe/Berlin", "country": "DE", "subdivision": "BY"}
    await calendars.update_calendar(house, SYSTEM, "default", spec.model_copy(update=berlin))
    return made


async def open_ticket(house: House, kind: str = "complaint", state: str = "new", **columns: Any) -> UUID:
    """A ticket of a call that nobody has answered yet."""
    async with house.unit(SYSTEM) as uow:
        made = TicketRecord(id=uow.new_id(), source="call", opened_at=uow.now)
        made.set(kind=kind, state=state, **columns)
        await keep_ticket(house, uow, made)
        return made.id


async def change(house: House, ticket_id: UUID, when: datetime | None = None, **columns: Any) -> None:
    async with house.unit(SYSTEM) as uow:
        found = await lock_ticket(uow, ticket_id)
        assert found is not None
        found.set(**columns)
        await keep_ticket(house, uow, found, at=when)


async def row(house: House, ticket_id: UUID) -> dict[str, Any]:
    return dict((await house.db.fetchrow("SELECT * FROM ticket WHERE id = $1", ticket_id)) or {})


async def dues(house: House, ticket_id: UUID) -> tuple[str | None, str | None]:
    found = await row(house, ticket_id)
    return local(found["first_response_due"]), local(found["resolution_due"])


async def told(house: House, ticket_id: UUID) -> list[tuple[str, str, str | None]]:
    """What was told, in order: what, of which clock, and at which instant it was."""
    rows = await house.db.fetch(
        """SELECT type, data FROM outbox WHERE type IN ('ticket.warned', 'ticket.breached', 'ticket.escalated')
           AND data ->> 'ticket_id' = $1 ORDER BY id""",
        str(ticket_id),
    )
    return [
        (each["type"], each["data"]["what"], local(datetime.fromisoformat(each["data"]["reached_at"]))) for each in rows
    ]


async def look(house: House) -> None:
    """What the timers do at this moment, until nothing is left."""
    node = Timers(house)
    while await node.once():
        pass


# One node


async def test_a_complaint_that_nobody_takes(house: House, wall: Wall) -> None:
    boss = await add_user(house, "boss", "supervisor", queues=["support"])
    await add_user(house, "other", "supervisor")
    agent = await add_user(house, "agent")
    ticket = await open_ticket(house, queue="support", assignee_id=agent.user_id)
    assert await dues(house, ticket) == ("2026-06-01T10:15", "2026-06-01T18:00")
    wall.set("2026-06-01T10:08")
    await look(house)
    assert await told(house, ticket) == []
    steps = [
        ("2026-06-01T10:09", ("ticket.warned", "first_response", "2026-06-01T10:09")),
        ("2026-06-01T10:12", ("ticket.escalated", "first_response", "2026-06-01T10:12")),
        ("2026-06-01T10:15", ("ticket.breached", "first_response", "2026-06-01T10:15")),
        ("2026-06-01T14:50", ("ticket.warned", "resolution", "2026-06-01T14:48")),
        ("2026-06-01T16:00", ("ticket.escalated", "resolution", "2026-06-01T16:00")),
        ("2026-06-01T18:00", ("ticket.breached", "resolution", "2026-06-01T18:00")),
    ]
    for number, (when, _) in enumerate(steps, start=1):
        wall.set(when)
        await look(house)
        await look(house)
        assert await told(house, ticket) == [step for _, step in steps[:number]]
    found = await row(house, ticket)
    # Complaints come to the supervisor of their queue before their time is up.
    assert (found["priority"], found["assignee_id"], found["escalated"]) == ("urgent", boss.user_id, 2)
    entries = await house.db.fetch("SELECT kind, data, at FROM ticket_entry WHERE ticket_id = $1 ORDER BY id", ticket)
    lines = [(each["data"]["sla"], each["data"]["policy"]) for each in entries if each["kind"] == "sla"]
    assert lines == [(kind.removeprefix("ticket."), "Complaint") for _, (kind, _, _) in steps]
    audited = await house.db.fetch(
        "SELECT action FROM audit_entry WHERE subject_id = $1 AND action IN "
        "('ticket:warned', 'ticket:breached', 'ticket:escalated')",
        ticket,
    )
    assert Counter(each["action"] for each in audited) == {
        "ticket:warned": 2, "ticket:escalated": 2, "ticket:breached": 2,
    }  # fmt: skip
    # Who had it, who has it now and who is notified hear of it.
    heard = await house.db.fetchval(
        "SELECT audience FROM outbox WHERE type = 'ticket.escalated' AND data ->> 'assignee_id' IS NOT NULL"
    )
    assert {f"user:{agent.user_id}", f"user:{boss.user_id}", "permission:tickets.read_all"} <= set(heard)


async def test_the_first_answer_and_waiting_for_the_customer(house: House, wall: Wall) -> None:
    ticket = await open_ticket(house, "consultation")
    wall.set("2026-06-01T10:30")
    await change(house, ticket, state="open", first_response_at=wall.now)
    wall.set("2026-06-01T12:00")
    await change(house, ticket, state="waiting")
    assert await dues(house, ticket) == ("2026-06-01T11:00", None)
    clocks = (await clocks_of(house.db, SYSTEM, [ticket], wall.now))[ticket]
    assert [(each.what, each.state, each.spent_seconds, each.target_seconds, each.policy) for each in clocks] == [
        ("first_response", "met", 1800, 3600, "Consultation"),
        ("resolution", "paused", 7200, 27 * 3600, "Consultation"),
    ]
    wall.set("2026-06-03T12:00")
    await look(house)
    await change(house, ticket, state="open")
    # Two of 27 hours are spent; 6 are left of Wednesday, Thursday is Corpus Christi, 9 on Friday and on Monday.
    assert (await dues(house, ticket))[1] == "2026-06-09T10:00"
    assert await told(house, ticket) == []
    rules = await calendars.rules_of(house)
    wall.set("2026-06-03T13:00")
    running = (await clocks_of(house.db, SYSTEM, [ticket], wall.now, rules))[ticket][1]
    assert (running.state, running.spent_seconds) == ("running", 3 * 3600)


async def test_a_discarded_ticket_is_told_of_no_more_and_goes_on_when_taken_up(house: House, wall: Wall) -> None:
    ticket = await open_ticket(house)
    wall.set("2026-06-01T10:05")
    await change(house, ticket, state="discarded", discarded_as="hand")
    wall.set("2026-06-01T20:00")
    await look(house)
    assert await told(house, ticket) == []
    assert await clocks_of(house.db, SYSTEM, [ticket], wall.now) == {}
    wall.set("2026-06-02T10:00")
    await change(house, ticket, state="open")
    assert await dues(house, ticket) == ("2026-06-02T10:10", "2026-06-02T17:55")


async def test_another_kind_and_priority_are_another_promise(house: House, wall: Wall) -> None:
    spec = PolicySpec.model_validate(
        {"name": "Urgent", "priority": "urgent", "kind": "consultation", "first_response": {"seconds": 600}}
    )
    await policies.create_policy(house, SYSTEM, spec)
    ticket = await open_ticket(house, "consultation")
    assert (await dues(house, ticket))[0] == "2026-06-01T11:00"
    wall.set("2026-06-01T10:05")
    await change(house, ticket, kind="complaint")
    assert await dues(house, ticket) == ("2026-06-01T10:15", "2026-06-01T18:00")
    await change(house, ticket, kind="consultation", priority="urgent")
    assert await dues(house, ticket) == ("2026-06-01T10:10", None)
    await change(house, ticket, tier="gold", priority="normal")
    assert (await dues(house, ticket))[0] == "2026-06-01T10:20"


# Clocks that jump, nodes that sleep, fail and compete


async def test_a_node_that_slept_tells_late_and_truly(house: House, wall: Wall) -> None:
    ticket = await open_ticket(house)
    wall.set("2026-06-02T09:00")
    await look(house)
    assert await told(house, ticket) == [
        ("ticket.warned", "first_response", "2026-06-01T10:09"),
        ("ticket.escalated", "first_response", "2026-06-01T10:12"),
        ("ticket.breached", "first_response", "2026-06-01T10:15"),
        ("ticket.warned", "resolution", "2026-06-01T14:48"),
        ("ticket.escalated", "resolution", "2026-06-01T16:00"),
        ("ticket.breached", "resolution", "2026-06-01T18:00"),
    ]


async def test_a_clock_that_steps_back_and_forth_tells_nothing_twice_and_loses_nothing(
    house: House, wall: Wall
) -> None:
    ticket = await open_ticket(house)
    for when in ("10:09", "09:00", "10:10", "10:16", "08:00", "10:08", "10:15", "12:00", "10:00", "18:00", "09:00"):
        wall.set(f"2026-06-01T{when}")
        await look(house)
    assert Counter((kind, what) for kind, what, _ in await told(house, ticket)) == {
        (kind, what): 1
        for kind in ("ticket.warned", "ticket.escalated", "ticket.breached")
        for what in ("first_response", "resolution")
    }
    # Waiting begins while the clock is behind: nothing is spent twice, nothing is given back.
    other = await open_ticket(house, "consultation")
    wall.set("2026-06-01T08:00")
    await change(house, other, state="waiting")
    wall.set("2026-06-01T09:00")
    await change(house, other, state="open")
    assert (await dues(house, other))[1] == "2026-06-03T18:00"


async def test_an_answer_that_is_written_down_late_is_no_breach(house: House, wall: Wall) -> None:
    ticket = await open_ticket(house, "consultation")
    wall.set("2026-06-01T11:30")
    await change(house, ticket, state="open", first_response_at=at("2026-06-01T10:40"))
    await look(house)
    assert await told(house, ticket) == []
    late = await open_ticket(house, "consultation")
    wall.set("2026-06-01T13:00")
    await change(house, late, state="open", first_response_at=at("2026-06-01T12:45"))
    await look(house)
    assert await told(house, late) == [
        ("ticket.warned", "first_response", "2026-06-01T12:18"),
        ("ticket.breached", "first_response", "2026-06-01T12:30"),
    ]


@pytest.fixture
async def nodes(house: House, db_url: str, tmp_path: Path, settings: Settings) -> AsyncIterator[list[House]]:
    """Three nodes on one database."""
    made = [house]
    for _ in range(2):
        db = await Database.open(db_url, data_dir=tmp_path)
        made.append(House(db=db, bus=MemoryBus(), keyring=await open_keyring(db, [SECRET]), settings=settings))
    yield made
    for each in made[1:]:
        await each.close()


async def test_any_number_of_nodes_tell_each_mark_once(nodes: list[House], wall: Wall) -> None:
    tickets = [await open_ticket(nodes[0]) for _ in range(12)]
    for node in nodes:
        node.clock = wall
    wall.set("2026-06-01T10:20")
    await asyncio.gather(*(Timers(node).once() for node in nodes for _ in range(2)))
    await look(nodes[0])  # what was locked by another node at that moment
    for ticket in tickets:
        assert [kind for kind, _, _ in await told(nodes[0], ticket)] == [
            "ticket.warned", "ticket.escalated", "ticket.breached",
        ]  # fmt: skip


async def test_what_fails_half_way_is_told_whole_afterwards(
    house: House, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, other = await open_ticket(house), await open_ticket(house)
    wall.set("2026-06-01T10:20")
    saved = keep_ticket

    async def fails_once(house: House, uow: Any, record: TicketRecord, *rest: Any, **more: Any) -> bool:
        if record.id == ticket:
            raise RuntimeError("the power went")
        return await saved(house, uow, record, *rest, **more)

    monkeypatch.setattr(timers, "keep_ticket", fails_once)
    await look(house)
    assert await told(house, ticket) == []
    assert len(await told(house, other)) == 3
    monkeypatch.undo()
    await look(house)
    assert len(await told(house, ticket)) == 3


async def test_a_database_that_is_away_is_waited_for(house: House, wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = await open_ticket(house)
    wall.set("2026-06-01T10:20")

    async def away(*_: Any) -> None:
        raise Unavailable()

    node = Timers(house)
    monkeypatch.setattr("hotline.jobs.sla.look", away)
    with pytest.raises(Unavailable):
        await node.once()
    monkeypatch.undo()
    await node.once()
    assert len(await told(house, ticket)) == 3


async def test_more_than_a_batch_is_told_in_one_go(house: House, wall: Wall) -> None:
    tickets = [await open_ticket(house, "consultation") for _ in range(BATCH // 2 + 5)]
    wall.set("2026-06-01T11:00")
    await look(house)
    count = await house.db.fetchval("SELECT count(*) FROM outbox WHERE type = 'ticket.breached'")
    assert count == len(tickets)
    assert await house.db.fetchval("SELECT count(*) FROM sla_clock WHERE next_at <= $1", wall.now) == 0


# Rules that change


async def closed_on(house: House, day: str) -> None:
    spec = (await get_calendar(house.db, SYSTEM, "default")).spec
    exception = ExceptionSpec.model_validate({"date": day, "reason": "works outing"})
    changed = spec.model_copy(update={"exceptions": (*spec.exceptions, exception)})
    await calendars.update_calendar(house, SYSTEM, "default", changed)


async def test_open_tickets_move_with_a_calendar_and_told_ones_stay_told(house: House, wall: Wall) -> None:
    wall.set("2026-06-01T14:00")
    moving, breached, done = [await open_ticket(house) for _ in range(3)]
    await change(house, done, state="resolved", first_response_at=wall.now)
    wall.set("2026-06-01T14:20")
    await change(house, moving, state="open", first_response_at=at("2026-06-01T14:01"))
    await look(house)
    before = [await dues(house, each) for each in (moving, breached, done)]
    assert before == [("2026-06-01T14:15", "2026-06-02T13:00")] * 3
    await closed_on(house, "2026-06-02")
    await look(house)
    assert await dues(house, moving) == ("2026-06-01T14:15", "2026-06-03T13:00")
    assert await dues(house, breached) == ("2026-06-01T14:15", "2026-06-03T13:00")
    assert await dues(house, done) == before[2]
    assert [kind for kind, what, _ in await told(house, breached) if what == "first_response"] == [
        "ticket.warned", "ticket.escalated", "ticket.breached",
    ]  # fmt: skip
    updated = await house.db.fetchval(
        "SELECT count(*) FROM outbox WHERE type = 'ticket.updated' AND data ->> 'ticket_id' = $1", str(moving)
    )
    assert updated >= 2
    await look(house)
    assert await house.db.fetchval("SELECT count(*) FROM sla_clock WHERE basis < $1 AND state = 'running'", 3) == 0


async def test_a_change_holds_from_its_own_instant_however_late_it_is_computed(house: House, wall: Wall) -> None:
    """Nobody looked for a day: a deadline that passed before the change is a breach, also when the change eased it."""
    ticket = await open_ticket(house)
    wall.set("2026-06-01T10:30")
    (complaint,) = [each for each in await list_policies(house.db, SYSTEM) if each.spec.name == "Complaint"]
    eased = PolicySpec.model_validate(complaint.spec.model_dump() | {"first_response": {"seconds": 7200}})
    await policies.update_policy(house, SYSTEM, complaint.id, eased)
    wall.set("2026-06-01T11:00")
    other = await open_ticket(house)
    wall.set("2026-06-02T10:00")
    await look(house)
    assert ("ticket.breached", "first_response", "2026-06-01T10:15") in await told(house, ticket)
    assert ("ticket.breached", "first_response", "2026-06-01T13:00") in await told(house, other)


async def test_a_node_that_has_not_heard_of_a_change_is_corrected(nodes: list[House], wall: Wall) -> None:
    first, second = nodes[0], nodes[1]
    second.clock = wall
    await calendars.refresh_rules(second)
    wall.set("2026-06-01T14:00")
    await closed_on(first, "2026-06-02")
    ticket = await open_ticket(second)
    assert (await dues(first, ticket))[1] == "2026-06-02T13:00"
    await look(second)
    assert (await dues(first, ticket))[1] == "2026-06-03T13:00"
    # The other way round: a clock of newer rules than this node's.
    await closed_on(first, "2026-06-03")
    await look(first)
    await change(second, ticket, priority="high")
    await change(second, ticket, state="waiting")
    await change(second, ticket, state="open")
    assert (await dues(first, ticket))[1] == "2026-06-05T13:00"


async def test_a_policy_that_is_deleted_leaves_its_tickets_to_the_next(house: House, wall: Wall) -> None:
    ticket = await open_ticket(house, tier="gold")
    assert (await dues(house, ticket))[1] == "2026-06-01T15:00"
    for policy in await list_policies(house.db, SYSTEM):
        if policy.spec.name == "Complaint, gold":
            await policies.delete_policy(house, SYSTEM, policy.id)
    await look(house)
    # One condition each is left: the tier counts more than the kind.
    clocks = (await clocks_of(house.db, SYSTEM, [ticket], wall.now))[ticket]
    assert {each.policy for each in clocks} == {"Gold"}
    for policy in await list_policies(house.db, SYSTEM):
        await policies.delete_policy(house, SYSTEM, policy.id)
    await look(house)
    assert await dues(house, ticket) == (None, None)
    wall.set("2026-06-10T10:00")
    await look(house)
    assert await told(house, ticket) == []


async def test_other_holidays_after_an_upgrade_are_another_version(
    house: House, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    await look(house)
    version = (await calendars.rules_of(house)).version
    await calendars.sign_rules(house)
    assert (await calendars.rules_of(house)).version == version
    monkeypatch.setattr(
        "hotline.workflows.company.calendars.fingerprint", lambda zone: {"holidays": "next", "timezone": zone.key}
    )
    ticket = await open_ticket(house)
    await look(house)
    assert (await calendars.rules_of(house)).version == version + 1
    assert (await house.db.fetchval("SELECT min(basis) FROM sla_clock WHERE ticket_id = $1", ticket)) == version + 1


async def test_versions_that_nobody_needs_are_dropped(house: House, wall: Wall) -> None:
    ticket = await open_ticket(house)
    for day in ("2026-07-01", "2026-07-02", "2026-07-03"):
        await closed_on(house, day)
    assert await house.db.fetchval("SELECT count(*) FROM sla_basis") == 5
    await timers.forget_rules(house)
    kept = await house.db.fetchval("SELECT min(version) FROM sla_basis")
    assert kept == await house.db.fetchval("SELECT min(basis) FROM sla_clock WHERE ticket_id = $1", ticket)
    await look(house)
    await timers.forget_rules(house)
    assert await house.db.fetchval("SELECT count(*) FROM sla_basis") == 1


async def test_the_way_of_a_new_ticket_costs_one_statement(house: House, wall: Wall) -> None:
    await calendars.rules_of(house)
    statements = []
    async with house.unit(SYSTEM) as uow:
        made = TicketRecord(id=uow.new_id(), source="call", opened_at=uow.now)
        made.set(kind="complaint", state="new")
        execute, fetch, fetchval, fetchrow = uow.execute, uow.fetch, uow.fetchval, uow.fetchrow

        def counted(inner: Any) -> Any:
            async def call(sql: str, *args: Any) -> Any:
                if "sla_" in sql or "business_calendar" in sql:
                    statements.append(sql)
                return await inner(sql, *args)

            return call

        for name, inner in (("execute", execute), ("fetch", fetch), ("fetchval", fetchval), ("fetchrow", fetchrow)):
            setattr(uow, name, counted(inner))
        await keep_ticket(house, uow, made)
        assert len(statements) == 1
        made.set(category=None, queue="support")
        await keep_ticket(house, uow, made)
        assert len(statements) == 1
        made.set(state="open", first_response_at=uow.now + timedelta(minutes=1))
        await keep_ticket(house, uow, made)
        assert len(statements) == 3


async def test_a_calendar_by_its_spec(house: House, wall: Wall) -> None:
    spec = CalendarSpec.model_validate({"names": {"en": "x"}, "hours": {"mon": [["22:00", "06:00"]]}})
    made = await calendars.create_calendar(house, SYSTEM, "nights", spec)
    assert made.spec.hours == {"mon": (("22:00", "06:00"),)}
    assert calendars.calendars_of(house)["nights"].zone == house.settings.timezone
