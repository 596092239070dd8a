"""Commands to the PBX: who may ask, what is refused, and that each is carried out once or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from hotline.calls.open_calls import OpenCall
from hotline.calls.story import Line
from hotline.crm.queries.calls.pbx_commands import CommandView, get_command, list_commands
from hotline.crm.viewer import SYSTEM, Viewer, viewer_of
from hotline.errors import Conflict, Forbidden, Invalid, NotFound
from hotline.ids import new_id
from hotline.pbx.connection import Patience
from hotline.settings import DialFormat
from hotline.telephony.reader import Records
from hotline.telephony.supervisor import Supervisor
from hotline.workflows.calls.commands import NewCommand, expire_commands, send_command
from hotline.workflows.house import House
from hotline.workflows.people.teams import create_team
from hotline.workflows.people.users import NewUser, create_user
from tests.fakes.ami import FakePbx, Headers, fake_pbx
from tests.waiting import until

PATIENT = Patience(connect=20, login=20, probe=20, boot=20, ping_every=0.2, dead=20)
OWNER = SYSTEM


async def person(house: House, login: str, role: str = "agent", **more: object) -> Viewer:
    data: NewUser = {"login": login, "name": login.title(), "role": role}
    data.update(more)  # type: ignore[typeddict-item]
    user = await create_user(house, SYSTEM, data)
    permissions = await house.db.fetchval("SELECT permissions FROM role WHERE name = $1", role)
    return viewer_of(user.id, frozenset(permissions))


async def anna(house: House) -> Viewer:
    return await person(house, "anna", interfaces=["PJSIP/agent1"], extension="1001", queues=["support", "sales"])


async def no_lines(house: House, pbx: str, lines: Sequence[Line]) -> None:
    return


async def no_calls(house: House, pbx: str) -> Sequence[OpenCall]:
    return ()


@pytest.fixture
async def pbx(house: House) -> AsyncIterator[FakePbx]:
    async with fake_pbx() as fake:
        house.settings = house.settings.model_copy(
            update={
                "ami_urls": (fake.address(),),
                "region": "DE",
                "dial_out": {"*": DialFormat("{e164}", "hotline-out")},
            }
        )
        yield fake


@asynccontextmanager
async def reading(house: House, pbx: FakePbx) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(house, pbx.address(), Records(no_lines, no_calls), patience=PATIENT)
    task = house.spawn(supervisor.run(), "supervisor")
    await until(lambda: supervisor.reader and supervisor.reader.executor._connection)
    try:
        yield supervisor
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def state_is(house: House, command: CommandView, *states: str) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return (await get_command(house.db, house.keyring, SYSTEM, command.id)).state in states

    return ask


async def view(house: House, command: CommandView) -> CommandView:
    return await get_command(house.db, house.keyring, SYSTEM, command.id)


def rings(pbx: FakePbx, **outcome: str) -> None:
    """Originate is queued, and some time later the PBX says what became of it."""

    def answer(headers: Mapping[str, str]) -> list[Headers]:
        asyncio.get_running_loop().call_later(
            0.05,
            lambda: pbx.event("OriginateResponse", ActionID=headers["ActionID"], **outcome),
        )
        return [[("Response", "Success"), ("Message", "Originate successfully queued")]]

    pbx.answers["Originate"] = answer


async def call_with_legs(house: House, *legs: tuple[Viewer, str, bool], pbx: str = "main") -> UUID:
    """A call of the records with open legs: (user, interface, answered)."""
    call_id = house.new_id()
    now = house.clock()
    await house.db.execute(
        "INSERT INTO call (id, pbx, direction, state, offered_at) VALUES ($1, $2, 'in', 'answered', $3)",
        call_id, pbx, now,
    )  # fmt: skip
    await house.db.execute(
        "INSERT INTO call_alias (pbx, kind, value, call_id) VALUES ($1, 'linkedid', '17.1', $2)", pbx, call_id
    )
    for number, (user, interface, answered) in enumerate(legs, start=2):
        await house.db.execute(
            "INSERT INTO leg (id, call_id, pbx, uniqueid, user_id, interface, interfaces, kind, rang_at, answered_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, 'offer', $8, $9)",
            house.new_id(), call_id, pbx, f"17.{number}", user.user_id, interface, [interface], now,
            now if answered else None,
        )  # fmt: skip
    return call_id


def channels(*interfaces: str) -> list[Headers]:
    rows: list[Headers] = [
        [("Channel", "PJSIP/trunk-00000001"), ("Uniqueid", "17.1"), ("Linkedid", "17.1"), ("ChannelState", "6")]
    ]
    rows += [
        [("Channel", f"{each}-0000000{n}"), ("Uniqueid", f"17.{n}"), ("Linkedid", "17.1"), ("ChannelState", "6")]
        for n, each in enumerate(interfaces, start=2)
    ]
    return rows


# Click-to-dial


async def test_click_to_dial_rings_the_agent_and_then_dials_the_customer(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    rings(pbx, Response="Success", Reason="4")
    async with reading(house, pbx):
        command = await send_command(house, agent, {"action": "originate", "to": "030 123456"})
        assert command.state == "pending"
        assert command.to == "+4930123456"
        assert command.agent == "anna"
        await until(state_is(house, command, "done"))
    sent = pbx.named("Originate")
    assert len(sent) == 1
    assert sent[0] | {"ActionID": ""} == {
        "Action": "Originate",
        "ActionID": "",
        "Channel": "PJSIP/agent1",
        "Exten": "+4930123456",
        "Context": "hotline-out",
        "Priority": "1",
        "Timeout": "30000",
        "Async": "true",
        "ChannelId": str(command.id),
        "Variable": f"HOTLINE_COMMAND={command.id}",
        "CallerID": '"Anna" <1001>',
    }
    done = await view(house, command)
    assert done.sent_at is not None
    assert done.finished_at is not None


async def test_the_number_lies_in_the_records_sealed_only(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    command = await send_command(house, agent, {"action": "originate", "to": "+4930123456"})
    row = await house.db.fetchrow("SELECT pbx_command::text AS text FROM pbx_command WHERE id = $1", command.id)
    assert row is not None
    assert "30123456" not in row["text"]
    events = await house.db.fetch(
        "SELECT outbox::text AS text FROM outbox UNION ALL SELECT audit_entry::text FROM audit_entry"
    )
    assert events
    assert not any("30123456" in each["text"] for each in events)


@pytest.mark.parametrize(
    ("reason", "error"), [("5", "busy"), ("1", "no_answer"), ("8", "unreachable"), ("0", "failed"), ("77", "failed")]
)
async def test_a_phone_that_is_not_picked_up_is_a_failure_with_its_reason(
    house: House, pbx: FakePbx, reason: str, error: str
) -> None:
    agent = await anna(house)
    rings(pbx, Response="Failure", Reason=reason)
    async with reading(house, pbx):
        command = await send_command(house, agent, {"action": "originate", "to": "+4930123456"})
        await until(state_is(house, command, "failed"))
        assert (await view(house, command)).error == error


@pytest.mark.parametrize(
    ("cause", "error"), [("17", "busy"), ("21", "declined"), ("19", "no_answer"), ("20", "unreachable")]
)
@pytest.mark.parametrize("late", [False, True])
async def test_a_sip_phone_says_why_by_its_hangup(
    house: House, pbx: FakePbx, cause: str, error: str, late: bool
) -> None:
    agent = await anna(house)

    def answer(headers: Mapping[str, str]) -> list[Headers]:
        def outcome() -> None:
            pbx.event("OriginateResponse", ActionID=headers["ActionID"], Response="Failure", Reason="0")

        def hang_up() -> None:
            pbx.event("Hangup", Uniqueid=headers["ChannelId"], Channel="PJSIP/agent1-1", Cause=cause)

        def say() -> None:
            first, second = (outcome, hang_up) if late else (hang_up, outcome)
            first()
            second()

        asyncio.get_running_loop().call_later(0.05, say)
        return [[("Response", "Success")]]

    pbx.answers["Originate"] = answer
    async with reading(house, pbx):
        command = await send_command(house, agent, {"action": "originate", "to": "+4930123456"})
        await until(state_is(house, command, "failed"))
        assert (await view(house, command)).error == error


async def test_the_format_of_the_trunk_is_used(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    house.settings = house.settings.model_copy(
        update={"dial_out": {"*": DialFormat("{e164}", "out"), "main": DialFormat("9{national}", "trunk-main")}}
    )
    rings(pbx, Response="Success")
    async with reading(house, pbx):
        command = await send_command(house, agent, {"action": "originate", "to": "+8613800138000"})
        await until(state_is(house, command, "done"))
    assert pbx.named("Originate")[0]["Exten"] == "913800138000"
    assert pbx.named("Originate")[0]["Context"] == "trunk-main"


@pytest.mark.parametrize("number", ["112", "110", "+49112", "911", "9112", "0112"])
async def test_emergency_numbers_are_refused(house: House, pbx: FakePbx, number: str) -> None:
    agent = await anna(house)
    house.settings = house.settings.model_copy(
        update={
            "dial_out": {"*": DialFormat("{digits}", "out"), "main": DialFormat("9{digits}", "out")},
            "emergency_numbers": ("9112", "0112"),
        }
    )
    with pytest.raises(Invalid, match="emergency"):
        await send_command(house, agent, {"action": "originate", "to": number})
    assert await house.db.fetchval("SELECT count(*) FROM pbx_command") == 0


@pytest.mark.parametrize("number", ["0112", "00112", "9112", "9911", "0110"])
async def test_an_emergency_number_behind_an_outside_line_is_refused(house: House, pbx: FakePbx, number: str) -> None:
    agent = await anna(house)
    call = await call_with_legs(house, (agent, "PJSIP/agent1", True))
    for action in ("originate", "blind_transfer", "attended_transfer"):
        with pytest.raises(Invalid, match="emergency"):
            await send_command(house, agent, {"action": action, "to": number, "call_id": call})


@pytest.mark.parametrize(
    "to",
    [
        "", " ", "nobody", "+", "anonymous", "12\r\nAction: Command", "+4930123456\r\nAction: Command",
        "${SHELL(id)}", "1001,1,Hangup", "\"1001\"", "<script>", "+49\x0030123456", "1" * 101, "1001&1002",
        "PJSIP/agent2",
    ],
)  # fmt: skip
@pytest.mark.parametrize("action", ["originate", "blind_transfer", "attended_transfer"])
async def test_what_is_no_destination_is_refused(house: House, pbx: FakePbx, action: str, to: str) -> None:
    agent = await anna(house)
    call = await call_with_legs(house, (agent, "PJSIP/agent1", True))
    with pytest.raises(Invalid):
        await send_command(house, agent, {"action": action, "to": to, "call_id": call})  # type: ignore[typeddict-item]
    assert await house.db.fetchval("SELECT count(*) FROM pbx_command") == 0


async def test_a_colleague_is_dialled_by_extension_and_not_as_a_number(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    await person(house, "ben", interfaces=["PJSIP/agent2"], extension="100")
    for to in ("ben", "100", "BEN"):
        command = await send_command(house, agent, {"action": "originate", "to": to})
        assert command.to == "ben"
    data = await house.db.fetchval("SELECT data FROM pbx_command LIMIT 1")
    assert (data["extension"], data["context"]) == ("100", "hotline-agents")


async def test_the_same_request_sent_twice_is_one_command(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    data: NewCommand = {"action": "originate", "to": "+4930123456"}
    first = await send_command(house, agent, data, idempotency=("key", b"print"))
    again = await send_command(house, agent, data, idempotency=("key", b"print"))
    assert first.id == again.id
    with pytest.raises(Conflict):
        await send_command(house, agent, data, idempotency=("key", b"other"))


# Once or not at all


async def test_a_command_that_nobody_takes_expires(house: House, pbx: FakePbx, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = await anna(house)
    command = await send_command(house, agent, {"action": "originate", "to": "+4930123456"})
    await house.db.execute("UPDATE pbx_command SET expires_at = now() - interval '1 second'")
    async with reading(house, pbx):
        await until(state_is(house, command, "expired"))
        await asyncio.sleep(0)
    assert pbx.named("Originate") == []
    types = await house.db.fetch(
        "SELECT data->>'state' AS state FROM outbox WHERE type = 'command.updated' ORDER BY id"
    )
    assert [row["state"] for row in types] == ["pending", "expired"]


async def test_a_command_whose_outcome_nobody_can_learn_is_unknown_in_the_end(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    fresh = await send_command(house, agent, {"action": "originate", "to": "+4930123456"})
    old = await send_command(house, agent, {"action": "originate", "to": "+4930123456"})
    await house.db.execute("UPDATE pbx_command SET state = 'sent', sent_at = now()")
    await house.db.execute("UPDATE pbx_command SET sent_at = now() - interval '3 minutes' WHERE id = $1", old.id)
    assert await expire_commands(house, "main") == 1
    assert [(await view(house, each)).state for each in (fresh, old)] == ["sent", "unknown"]
    assert await expire_commands(house, "main") == 0


async def test_a_command_is_marked_sent_before_the_pbx_hears_of_it(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    pbx.silent.add("Originate")
    async with reading(house, pbx):
        command = await send_command(house, agent, {"action": "originate", "to": "+4930123456"})
        await pbx.received("Originate")
        assert (await view(house, command)).state == "sent"


async def test_a_lost_connection_replays_nothing_and_finds_the_call_by_its_id(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    pbx.silent.add("Originate")
    async with reading(house, pbx):
        command = await send_command(house, agent, {"action": "originate", "to": "+4930123456"})
        await pbx.received("Originate")
        pbx.channels = [[("Channel", "PJSIP/agent1-1"), ("Uniqueid", str(command.id)), ("Linkedid", str(command.id))]]
        pbx.cut()
        await until(state_is(house, command, "done"))
    assert len(pbx.named("Originate")) == 1


async def test_a_lost_connection_without_a_trace_leaves_the_command_unknown(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    pbx.silent.add("Originate")
    async with reading(house, pbx):
        command = await send_command(house, agent, {"action": "originate", "to": "+4930123456"})
        await pbx.received("Originate")
        pbx.cut()
        await until(state_is(house, command, "unknown"))
    assert len(pbx.named("Originate")) == 1


async def test_a_command_that_another_holder_sent_is_settled_and_not_sent_again(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    command = await send_command(house, agent, {"action": "originate", "to": "+4930123456"})
    await house.db.execute("UPDATE pbx_command SET state = 'sent', sent_at = now() WHERE id = $1", command.id)
    async with reading(house, pbx):
        await until(state_is(house, command, "unknown"))
    assert pbx.named("Originate") == []


async def test_a_refusal_of_the_pbx_is_a_failure(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    pbx.refused["Originate"] = "Extension does not exist.\x1b[31m"
    async with reading(house, pbx):
        command = await send_command(house, agent, {"action": "originate", "to": "+4930123456"})
        await until(state_is(house, command, "failed"))
        failed = await view(house, command)
        assert failed.error == "refused"
        assert failed.message == "Extension does not exist. [31m"


async def test_a_holder_that_lost_the_lease_sends_nothing(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    async with reading(house, pbx) as supervisor:
        await house.db.execute(
            "UPDATE lease SET token = token + 1, until = now() + interval '10 minutes', holder = 'other'"
        )
        command = await send_command(house, agent, {"action": "originate", "to": "+4930123456"})
        await until(lambda: not supervisor.holds)
        assert (await view(house, command)).state == "pending"
    assert pbx.named("Originate") == []


# Calls


async def test_an_agent_hangs_up_the_own_leg(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    call = await call_with_legs(house, (agent, "PJSIP/agent1", True))
    pbx.channels = channels("PJSIP/agent10", "PJSIP/agent1")
    async with reading(house, pbx):
        command = await send_command(house, agent, {"action": "hangup", "call_id": call})
        await until(state_is(house, command, "done"))
    assert [(each["Channel"], each["Cause"]) for each in pbx.named("Hangup")] == [("PJSIP/agent1-00000003", "16")]


async def test_hanging_up_while_it_rings_declines_that_leg_only(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    ben = await person(house, "ben", interfaces=["PJSIP/agent2"])
    call = await call_with_legs(house, (agent, "PJSIP/agent1", False), (ben, "PJSIP/agent2", False))
    pbx.channels = channels("PJSIP/agent1", "PJSIP/agent2")
    async with reading(house, pbx):
        command = await send_command(house, ben, {"action": "hangup", "call_id": call})
        await until(state_is(house, command, "done"))
    assert [(each["Channel"], each["Cause"]) for each in pbx.named("Hangup")] == [("PJSIP/agent2-00000003", "21")]


async def test_a_supervisor_ends_the_whole_call(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    boss = await person(house, "boss", role="supervisor")
    call = await call_with_legs(house, (agent, "PJSIP/agent1", True))
    pbx.channels = channels("PJSIP/agent1")
    async with reading(house, pbx):
        command = await send_command(house, boss, {"action": "hangup", "call_id": call})
        await until(state_is(house, command, "done"))
    assert [each["Channel"] for each in pbx.named("Hangup")] == ["PJSIP/trunk-00000001"]


@pytest.mark.parametrize(
    ("to", "extension", "context"),
    [
        ("ben", "1002", "hotline-agents"),
        ("sales", "sales", "hotline-queues"),
        ("+4930999999", "+4930999999", "hotline-out"),
    ],
)
async def test_a_blind_transfer_sends_the_customer_on(
    house: House, pbx: FakePbx, to: str, extension: str, context: str
) -> None:
    agent = await anna(house)
    await person(house, "ben", interfaces=["PJSIP/agent2"], extension="1002")
    call = await call_with_legs(house, (agent, "PJSIP/agent1", True))
    pbx.channels = channels("PJSIP/agent1")
    async with reading(house, pbx):
        command = await send_command(house, agent, {"action": "blind_transfer", "call_id": call, "to": to})
        await until(state_is(house, command, "done"))
    sent = pbx.named("BlindTransfer")[0]
    assert (sent["Channel"], sent["Exten"], sent["Context"]) == ("PJSIP/agent1-00000002", extension, context)


@pytest.mark.parametrize("action", ["hangup", "blind_transfer"])
async def test_an_agent_who_dialled_from_the_phone_commands_that_call(house: House, pbx: FakePbx, action: str) -> None:
    agent = await anna(house)
    call = await call_with_legs(house)
    await house.db.execute("UPDATE call SET direction = 'out', user_id = $1", agent.user_id)
    pbx.channels = channels("PJSIP/agent1")
    async with reading(house, pbx):
        data: NewCommand = {"action": action, "call_id": call, "to": "+4930999999"}  # type: ignore[typeddict-item]
        await until(state_is(house, await send_command(house, agent, data), "done"))
    (sent,) = pbx.named("Hangup") + pbx.named("BlindTransfer")
    assert sent["Channel"] == "PJSIP/agent1-00000002"


async def test_an_attended_transfer_dials_digits(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    await person(house, "ben", interfaces=["PJSIP/agent2"], extension="1002")
    call = await call_with_legs(house, (agent, "PJSIP/agent1", True))
    pbx.channels = channels("PJSIP/agent1")
    with pytest.raises(Invalid):
        await send_command(house, agent, {"action": "attended_transfer", "call_id": call, "to": "sales"})
    async with reading(house, pbx):
        command = await send_command(house, agent, {"action": "attended_transfer", "call_id": call, "to": "ben"})
        await until(state_is(house, command, "done"))
    sent = pbx.named("Atxfer")[0]
    assert (sent["Channel"], sent["Exten"], sent["Context"]) == ("PJSIP/agent1-00000002", "1002", "hotline-agents")


async def test_a_call_that_is_gone_from_the_pbx_cannot_be_transferred(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    call = await call_with_legs(house, (agent, "PJSIP/agent1", True))
    async with reading(house, pbx):
        command = await send_command(house, agent, {"action": "blind_transfer", "call_id": call, "to": "4000"})
        await until(state_is(house, command, "failed"))
        assert (await view(house, command)).error == "gone"
    assert pbx.named("BlindTransfer") == []


async def test_agents_command_their_own_calls_only(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    ben = await person(house, "ben", interfaces=["PJSIP/agent2"], extension="1002")
    call = await call_with_legs(house, (agent, "PJSIP/agent1", True))
    for data in (
        {"action": "hangup", "call_id": call},
        {"action": "hangup", "call_id": call, "agent": "anna"},
        {"action": "blind_transfer", "call_id": call, "to": "ben"},
        {"action": "originate", "to": "+4930123456", "agent": "anna"},
        {"action": "pause", "agent": "anna"},
    ):
        with pytest.raises(Forbidden):
            await send_command(house, ben, data)  # type: ignore[arg-type]
    reviewer = await person(house, "rita", role="reviewer", interfaces=["PJSIP/agent9"])
    with pytest.raises(Forbidden):
        await send_command(house, reviewer, {"action": "originate", "to": "+4930123456"})


async def test_calls_that_are_over_or_not_answered_cannot_be_transferred(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    call = await call_with_legs(house, (agent, "PJSIP/agent1", False))
    with pytest.raises(Conflict):
        await send_command(house, agent, {"action": "blind_transfer", "call_id": call, "to": "4000"})
    await house.db.execute("UPDATE call SET ended_at = now()")
    with pytest.raises(Conflict):
        await send_command(house, agent, {"action": "hangup", "call_id": call})
    with pytest.raises(NotFound):
        await send_command(house, agent, {"action": "hangup", "call_id": house.new_id()})


# Queues


async def member(
    house: House, viewer: Viewer, queue: str, interface: str = "PJSIP/agent1", paused: bool = False
) -> None:
    await house.db.execute(
        "INSERT INTO queue_member (pbx, queue, interface, user_id, paused) VALUES ('main', $1, $2, $3, $4)",
        queue, interface, viewer.user_id, paused,
    )  # fmt: skip


def row(queue: str, interface: str, paused: str = "0") -> Headers:
    return [
        ("Event", "QueueMember"), ("Queue", queue), ("Name", "Anna"), ("Location", interface),
        ("StateInterface", interface), ("Status", "1"), ("Paused", paused),
    ]  # fmt: skip


async def test_an_agent_pauses_with_a_reason_and_goes_on(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    pbx.queues = [row("support", "PJSIP/agent1"), row("sales", "PJSIP/agent1")]
    async with reading(house, pbx):

        async def mirrored() -> bool:
            return await house.db.fetchval("SELECT count(*) = 2 FROM queue_member WHERE user_id IS NOT NULL") is True

        await until(mirrored)
        paused = await send_command(house, agent, {"action": "pause", "reason": "午休, back at two"})
        await until(state_is(house, paused, "done"))
        again = await send_command(house, agent, {"action": "pause", "paused": False, "queue": "sales"})
        assert again.action == "unpause"
        await until(state_is(house, again, "done"))
    sent = [(each["Queue"], each["Paused"], each.get("Reason")) for each in pbx.named("QueuePause")]
    assert sorted(sent[:2]) == [("sales", "true", "午休, back at two"), ("support", "true", "午休, back at two")]
    assert sent[2] == ("sales", "false", None)


@pytest.mark.parametrize("reason", ["a\r\nAction: x", "a\0", '"', "${SHELL(x)}", "<script>", "x" * 81])
async def test_a_reason_that_the_pbx_could_understand_is_refused(house: House, pbx: FakePbx, reason: str) -> None:
    agent = await anna(house)
    await member(house, agent, "support")
    with pytest.raises(Invalid):
        await send_command(house, agent, {"action": "pause", "reason": reason})


async def test_signing_in_and_out(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    async with reading(house, pbx):
        into = await send_command(house, agent, {"action": "sign_in"})
        await until(state_is(house, into, "done"))
        await member(house, agent, "support")
        out = await send_command(house, agent, {"action": "sign_out"})
        await until(state_is(house, out, "done"))
    added = pbx.named("QueueAdd")
    assert [(each["Queue"], each["Interface"], each["MemberName"]) for each in added] == [
        ("support", "PJSIP/agent1", "anna"),
        ("sales", "PJSIP/agent1", "anna"),
    ]
    assert [(each["Queue"], each["Interface"]) for each in pbx.named("QueueRemove")] == [("support", "PJSIP/agent1")]


async def test_a_freepbx_member_signs_in_by_its_local_channel_and_its_phone_state(house: House, pbx: FakePbx) -> None:
    agent = await person(
        house, "fritz", interfaces=["Local/1001@from-queue/n", "PJSIP/1001"], extension="1001", queues=["400"]
    )
    async with reading(house, pbx):
        into = await send_command(house, agent, {"action": "sign_in", "queue": "400"})
        await until(state_is(house, into, "done"))
    added = pbx.named("QueueAdd")[0]
    assert (added["Interface"], added["StateInterface"]) == ("Local/1001@from-queue/n", "PJSIP/1001")


async def test_a_queue_that_is_not_theirs_is_refused(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    for data in ({"action": "sign_in", "queue": "vip"}, {"action": "sign_in", "queue": "support,vip"}):
        with pytest.raises(Invalid):
            await send_command(house, agent, data)  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        await send_command(house, agent, {"action": "pause"})


async def test_everyone_sees_their_own_commands(house: House, pbx: FakePbx) -> None:
    agent = await anna(house)
    ben = await person(house, "ben", interfaces=["PJSIP/agent2"])
    boss = await person(house, "boss", role="supervisor", interfaces=["PJSIP/agent9"])
    first = await send_command(house, agent, {"action": "originate", "to": "+4930123456"})
    second = await send_command(house, boss, {"action": "originate", "to": "+4930123457", "agent": "ben"})
    assert [each.id for each in await list_commands(house.db, house.keyring, agent, limit=9)] == [first.id]
    assert [each.id for each in await list_commands(house.db, house.keyring, ben, limit=9)] == [second.id]
    assert [each.id for each in await list_commands(house.db, house.keyring, boss, limit=9)] == [second.id, first.id]
    with pytest.raises(NotFound):
        await get_command(house.db, house.keyring, ben, first.id)
    # Who sees their team's calls sees its commands, and no other's.
    leader = viewer_of(ben.user_id or new_id(), ben.permissions | {"calls.read_team"})
    assert [each.id for each in await list_commands(house.db, house.keyring, leader, limit=9)] == [second.id]
    await create_team(house, SYSTEM, {"name": "Both", "members": ["anna", "ben"]})
    assert [each.id for each in await list_commands(house.db, house.keyring, leader, limit=9)] == [second.id, first.id]
    assert (await get_command(house.db, house.keyring, leader, first.id)).id == first.id
    assert [each.id for each in await list_commands(house.db, house.keyring, ben, limit=9)] == [second.id]
