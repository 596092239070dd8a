"""Somebody leaves: sessions end, records go to a colleague in steps, and come back; what each did is counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hotline.calls.story import CallAnswered, CallArrived, CallEnded, CallQueued, RingAnswered, RingEnded, RingStarted
from hotline.crm.queries.calls.performance import get_performance, list_days, list_performance
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.queries.people.users import get_user
from hotline.crm.queries.upkeep.background import get_job
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SHIPPED_ROLES, SYSTEM, Viewer, viewer_of
from hotline.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from hotline.ids import new_id
from hotline.workflows import background
from hotline.workflows.background_kinds import KINDS
from hotline.workflows.calls import calls
from hotline.workflows.company import lists
from hotline.workflows.conversations.replies import NewConversation, begin
from hotline.workflows.customers import customers
from hotline.workflows.house import House
from hotline.workflows.people import leaving, sign_in, users
from hotline.workflows.tickets import tickets
from tests.integration.people import PASSWORD, add_user

#: Calls of these days are added up to now, over a year at most.
AT = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=3)


def id_of(viewer: Viewer) -> UUID:
    assert viewer.user_id is not None
    return viewer.user_id


async def customer_of(house: House, viewer: Viewer, name: str) -> UUID:
    made = await customers.create_customer(house, SYSTEM, {"name": name, "responsible_id": viewer.user_id})
    return made.id


async def ticket_of(house: House, login: str) -> UUID:
    made = await tickets.create_ticket(house, SYSTEM, {"kind": "complaint", "subject": "Late", "assignee": login})
    return made.id


async def responsible(house: House, customer_id: UUID) -> str | None:
    found = (await get_customer(house.db, house.keyring, SYSTEM, customer_id)).responsible
    return None if found is None else found.login


async def assignee(house: House, record_id: UUID, table: str = "ticket") -> UUID | None:
    found: UUID | None = await house.db.fetchval(f"SELECT assignee_id FROM {table} WHERE id = $1", record_id)
    return found


async def conversation_of(house: House, viewer: Viewer, address: str) -> UUID:
    if not await house.db.fetchval("SELECT count(*) FROM sender"):
        await house.db.execute(
            "INSERT INTO sender (id, channel, address) VALUES ($1, 'email', 's@a.example')", new_id()
        )
    return await begin(house, viewer, NewConversation("email", address))


async def test_what_somebody_had_goes_to_a_colleague_and_comes_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "STEP", 2)  # several steps for few records
    anna, ben = await add_user(house, "anna", password=PASSWORD), await add_user(house, "ben")
    await add_user(house, "carl")
    boss = await add_user(house, "boss", "administrator")
    hers = [await customer_of(house, anna, f"Customer {number}") for number in range(5)]
    his = await customer_of(house, ben, "Not hers")
    worked = [await ticket_of(house, "anna") for _ in range(2)]
    written = [await conversation_of(house, anna, f"ann{number}@x.example") for number in range(3)]
    await house.db.execute("UPDATE conversation SET state = 'closed', closed_at = now() WHERE id = $1", written[2])
    session = await sign_in.sign_in(house, "anna", PASSWORD)
    _, token = await users.create_token(house, SYSTEM, id_of(anna), "hers", ["all"])
    left = await leaving.leave(house, boss, id_of(anna), id_of(ben))
    assert left.user.left_at is not None
    assert left.job_id is not None
    assert await sign_in.identify_session(house, session.token) is None
    assert await sign_in.identify_token(house, token) is None
    with pytest.raises(sign_in.WrongPassword):
        await sign_in.sign_in(house, "anna", PASSWORD)
    assert await background.work(house, KINDS)
    job = await get_job(house.db, boss, left.job_id)
    assert (job.state, dict(job.result), job.done, job.total) == (
        "done", {"customers": 5, "tickets": 2, "conversations": 2}, 9, 9,
    )  # fmt: skip
    assert {await responsible(house, each) for each in [*hers, his]} == {"ben"}
    assert {await assignee(house, each) for each in worked} == {id_of(ben)}
    assert [await assignee(house, each, "conversation") for each in written] == [id_of(ben)] * 2 + [id_of(anna)]
    # Ben gave one on; taking it back leaves that with Carl.
    await customers.update_customer(house, SYSTEM, hers[0], {"responsible": "carl"})
    back = await leaving.come_back(house, boss, id_of(anna), KINDS)
    assert (back.user.left_at, back.user.disabled_at, back.job_id) == (None, None, left.job_id)
    assert await background.work(house, KINDS)
    assert [await responsible(house, each) for each in hers] == ["carl", *["anna"] * 4]
    assert await responsible(house, his) == "ben"
    assert {await assignee(house, each) for each in worked} == {id_of(anna)}
    assert [await assignee(house, each, "conversation") for each in written] == [id_of(anna)] * 3
    assert await sign_in.identify_token(house, token) is None
    with pytest.raises(Conflict):
        await leaving.come_back(house, boss, id_of(anna), KINDS)


async def test_who_may_let_whom_go(house: House) -> None:
    anna, boss = await add_user(house, "anna"), await add_user(house, "boss", "administrator")
    gone = await add_user(house, "gone")
    await users.disable_user(house, SYSTEM, id_of(gone))
    with pytest.raises(Forbidden):
        await leaving.leave(house, anna, id_of(gone))
    for wrong, error in ((id_of(boss), Conflict), (new_id(), NotFound)):
        with pytest.raises(error):
            await leaving.leave(house, boss, wrong)
    for to in (id_of(anna), id_of(gone), new_id()):
        with pytest.raises(Invalid):
            await leaving.leave(house, boss, id_of(anna), to)
    with pytest.raises(Conflict, match="last administrator"):
        await leaving.leave(house, SYSTEM, id_of(boss))
    assert (await get_user(house.db, SYSTEM, id_of(anna))).disabled_at is None
    left = await leaving.leave(house, boss, id_of(anna))
    assert left.job_id is None


async def test_nobody_s_phone_is_signed_out_who_does_not_leave(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    boss, anna = await add_user(house, "boss", "administrator"), await add_user(house, "anna")
    signed_out: list[str] = []

    async def sign_out(house: House, user_id: UUID, login: str) -> None:
        signed_out.append(login)

    monkeypatch.setattr(leaving, "_sign_out_of_queues", sign_out)
    version = (await get_user(house.db, SYSTEM, id_of(anna))).version
    for viewer, who, to, expected in (
        (boss, anna, new_id(), version),
        (boss, anna, None, version + 1),
        (SYSTEM, boss, None, None),
    ):
        with pytest.raises((Invalid, Conflict)):
            await leaving.leave(house, viewer, id_of(who), to, expected_version=expected)
    assert signed_out == []
    await leaving.leave(house, boss, id_of(anna))
    assert signed_out == ["anna"]


async def test_who_comes_back_while_the_database_is_away_is_not_half_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss, anna, ben = (
        await add_user(house, "boss", "administrator"),
        await add_user(house, "anna"),
        await add_user(house, "ben"),
    )
    hers = await customer_of(house, anna, "Hers")
    await leaving.leave(house, boss, id_of(anna), id_of(ben))
    assert await background.work(house, KINDS)

    async def away(uow: UnitOfWork, job_id: UUID) -> None:
        raise Unavailable("as if the database were restarted")

    with monkeypatch.context() as broken:
        broken.setattr("hotline.crm.commands.upkeep.background.start_undo", away)
        with pytest.raises(Unavailable):
            await leaving.come_back(house, boss, id_of(anna), KINDS)
    assert (await get_user(house.db, SYSTEM, id_of(anna))).left_at is not None
    back = await leaving.come_back(house, boss, id_of(anna), KINDS)
    assert back.job_id is not None
    assert await background.work(house, KINDS)
    assert await responsible(house, hers) == "anna"


# What people did


async def spoke(house: House, user: Viewer, at: datetime, seconds: int, *, answered: bool = True) -> None:
    """A call that rang at a user's phone for ten seconds."""
    call_id, ring_id = new_id(), new_id()
    login = (await get_user(house.db, SYSTEM, user.user_id or new_id())).login
    up = at + timedelta(seconds=10)
    lines: list[Any] = [
        CallArrived(call_id, at, "PJSIP/trunk", "+4930123456", None, False, "100"),
        CallQueued(call_id, at, "support"),
        RingStarted(call_id, at, ring_id, (f"PJSIP/{login}",), str(ring_id), "support"),
    ]
    if answered:
        lines += [RingAnswered(call_id, up, ring_id), CallAnswered(call_id, up, ring_id)]
    over = up + timedelta(seconds=seconds)
    lines += [
        RingEnded(call_id, over, ring_id, "completed" if answered else "no_answer"),
        CallEnded(call_id, over, "answered" if answered else "abandoned"),
    ]
    await calls.apply(house, "main", lines)


async def test_calls_tickets_and_promises_are_counted_for_who_may_see_them(house: House) -> None:
    anna = await add_user(house, "anna", interfaces=["PJSIP/anna"])
    ben = await add_user(house, "ben", interfaces=["PJSIP/ben"])
    await spoke(house, anna, AT, 100)
    await spoke(house, anna, AT + timedelta(days=1), 50)
    await spoke(house, anna, AT + timedelta(days=1, hours=1), 0, answered=False)
    await spoke(house, anna, AT - timedelta(days=30), 500)
    ticket = await ticket_of(house, "anna")
    await tickets.change_ticket(house, SYSTEM, ticket, {"state": "resolved"})
    now = house.clock()
    start = AT - timedelta(hours=1)
    mine = await get_performance(house.db, anna, id_of(anna), start, now, now)
    figures = mine.figures
    assert (figures.offered, figures.answered, figures.missed, figures.calls) == (3, 2, 1, 2)
    assert (figures.talk_seconds, figures.average_talk_seconds, figures.average_answer_seconds) == (150, 75, 10)
    assert figures.tickets_resolved == 1
    assert figures.broken == 0
    days = await list_days(house.db, anna, id_of(anna), AT, AT + timedelta(days=2), now, "UTC")
    assert [(day.calls, day.talk_seconds) for day in days] == [(1, 100), (1, 50), (0, 0)]
    with pytest.raises(Forbidden):
        await get_performance(house.db, ben, id_of(anna), start, now, now)
    with pytest.raises(Invalid):
        await get_performance(house.db, anna, id_of(anna), now, start, now)
    # A leader of a team sees their team; whoever sees all calls, everybody.
    lead = await add_user(house, "lead")
    rights = frozenset({*SHIPPED_ROLES["agent"], "users.performance"})
    leader = viewer_of(id_of(lead), rights)
    await house.db.execute("INSERT INTO team (id, name) VALUES ($1, 'first')", team := new_id())
    for member in (lead, anna):
        await house.db.execute("INSERT INTO team_member (team_id, user_id) VALUES ($1, $2)", team, id_of(member))
    seen = await list_performance(house.db, leader, start, now, now)
    assert [person.login for person in seen] == ["anna", "lead"]
    with pytest.raises(NotFound):
        await get_performance(house.db, leader, id_of(ben), start, now, now)
    everybody = await list_performance(house.db, viewer_of(id_of(lead), rights | {"calls.read_all"}), start, now, now)
    assert [person.login for person in everybody] == ["anna", "ben", "lead"]
    assert await list_performance(house.db, SYSTEM, start, now, now, team=team) == seen


async def test_a_profile_is_checked_and_sealed(house: House) -> None:
    anna = await add_user(house, "anna")
    await lists.put_list(house, SYSTEM, "skill", [{"key": "invoices", "names": {"en": "Invoices", "zh": "发票"}}])
    changed = await users.update_user(
        house,
        SYSTEM,
        id_of(anna),
        {
            "title": "Second  line",
            "email": "Anna@Example.com",
            "phone": "+49 30 1234567",
            "skills": [{"key": "invoices", "level": 4}],
            "working_hours": {"weekly": {"mon": [["9:00", "17:00"]]}, "timezone": "Europe/Berlin"},
        },
    )
    assert (changed.title, changed.email, changed.phone) == ("Second line", "anna@example.com", "+49301234567")
    assert changed.working_hours == {"weekly": {"mon": [["09:00", "17:00"]]}, "timezone": "Europe/Berlin"}
    assert (await get_user(house.db, anna, id_of(anna))).email is None  # nobody gave the keys
    for table in ("users", "audit_entry", "outbox"):
        dump = str([dict(row) for row in await house.db.fetch(f"SELECT * FROM {table}")])
        assert "example.com" not in dump.lower()
        assert "1234567" not in dump
    wrong: list[dict[str, Any]] = [
        {"email": "nobody"},
        {"phone": "12"},
        {"skills": [{"key": "juggling", "level": 3}]},
        {"skills": [{"key": "invoices", "level": 9}]},
        {"working_hours": {"calendar": "nowhere"}},
        {"working_hours": {"weekly": {"mon": [["17:00", "17:00"]]}}},
        {"working_hours": {"calendar": "default", "timezone": "UTC"}},
    ]
    for changes in wrong:
        with pytest.raises(Invalid, match=f"^{next(iter(changes))}"):
            await users.update_user(house, SYSTEM, id_of(anna), changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "preferences",
    [
        {"theme": "pink"},
        {"time_format": 24},
        {"sounds": {"volume": 0}},
        {"start_page": "//evil.example"},
        {"notifications": {"x": True}},
    ],
)
async def test_personal_settings_are_checked_and_what_is_unknown_is_free(
    house: House, preferences: dict[str, Any]
) -> None:
    anna = await add_user(house, "anna")
    with pytest.raises(Invalid, match=r"^preferences"):
        await users.update_profile(house, anna, {"preferences": preferences})
    kept = await users.update_profile(house, anna, {"preferences": {"theme": "dark", "mine": [1]}})
    assert kept.preferences == {"theme": "dark", "mine": [1]}
    kept = await users.update_profile(house, anna, {"preferences": {"theme": None}})
    assert kept.preferences == {"mine": [1]}
