"""Callers of Twilio in hotline's own queues: agents are rung, one of them takes the call, the others' phones stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import pytest

from hotline.crm.commands.twilio.twilio_fetches import OfCall
from hotline.crm.commands.twilio.twilio_fetches import call_of as call_of_leg
from hotline.crm.company import Recordings, TwilioVoice
from hotline.crm.queries.calls.calls import CallView, get_call
from hotline.crm.queries.calls.presence import list_agents, list_pbxs, own_presence
from hotline.crm.viewer import SYSTEM, Viewer, viewer_of
from hotline.jobs import twilio_calls as job
from hotline.simulator.twilio import Fault, Line
from hotline.workflows.calls.commands import NewCommand, send_command
from hotline.workflows.company import company
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House
from hotline.workflows.people.user_fields import NewUser
from hotline.workflows.people.users import create_user
from hotline.workflows.twilio.twilio_silence import look_after_silent
from tests.fakes.twilio import NUMBER, FakeTwilio, TwilioDoor
from tests.waiting import until as forever

CALLER = "+493012345678"
ANNA, BEN, EVE = "tel:+4930111111", "client:ben", "sip:eve@phones.example.com"

Agents = dict[str, Viewer]


async def until(fact: Callable[[], object | Awaitable[object]]) -> None:
    """As ``tests.waiting`` has it, with an end that shows what was waited for."""
    async with asyncio.timeout(60):
        await forever(fact)


@pytest.fixture
async def office(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> AsyncIterator[House]:
    """Somebody works for Twilio's calls, and no agent is paused after one."""
    await house.db.execute(
        "INSERT INTO sender (id, channel, address, country) VALUES (gen_random_uuid(), 'voice', $1, 'DE')", NUMBER
    )
    task = house.spawn(job.run(house), "twilio calls")
    yield house
    for line in list(twilio.lines.values()):
        line.hang_up()
    await twilio.quiet()
    task.cancel()


async def hire(house: House, login: str, phone: str, **more: Any) -> Viewer:
    fields = {"login": login, "name": login.title(), "role": "agent", "interfaces": [phone], "queues": ["support"]}
    user = await create_user(house, SYSTEM, cast(NewUser, fields | more))
    permissions = frozenset(await house.db.fetchval("SELECT permissions FROM role WHERE name = 'agent'"))
    return viewer_of(user.id, permissions)


async def ask(house: House, viewer: Viewer, **what: Any) -> UUID:
    """A command of an agent's, once it is carried out."""
    order = cast(NewCommand, dict(what, pbx="twilio"))
    command = await send_command(house, viewer, order)
    await until(lambda: house.db.fetchval("SELECT finished_at FROM pbx_command WHERE id = $1", command.id))
    return command.id


async def outcome(house: House, command_id: UUID) -> tuple[str, str | None]:
    row = await house.db.fetchrow("SELECT state, error_code FROM pbx_command WHERE id = $1", command_id)
    assert row is not None
    return row["state"], row["error_code"]


async def sign_in(house: House, **phones: str) -> Agents:
    agents = {}
    for login, phone in phones.items():
        agents[login] = await hire(house, login, phone)
        assert await outcome(house, await ask(house, agents[login], action="sign_in")) == ("done", None)
    return agents


async def rules(house: House, **values: Any) -> None:
    await company.put(house, SYSTEM, TwilioVoice(**values))


async def to_queue(twilio: FakeTwilio, caller: str = CALLER) -> Line:
    """Somebody calls, chooses English and a complaint, and waits."""
    line = twilio.call(caller, NUMBER)
    for key in "12":
        await twilio.wait_for(lambda: line.doing == "gather")
        documents = len(line.documents)
        line.press(key)
        await twilio.wait_for(lambda seen=documents: len(line.documents) > seen)  # type: ignore[misc]
    return line


async def call_of(house: House, line: Line) -> CallView:
    found: UUID = await house.db.fetchval(
        "SELECT call_id FROM call_alias WHERE pbx = 'twilio' AND value = $1", line.call.sid
    )
    return await get_call(house.db, house.keyring, SYSTEM, found)


async def ended(house: House, twilio: FakeTwilio, line: Line) -> CallView:
    await until(lambda: _is_ended(house, line))
    return await call_of(house, line)


async def _is_ended(house: House, line: Line) -> bool:
    return (await call_of(house, line)).state == "ended"


async def times(house: House, type: str) -> int:
    found: int = await house.db.fetchval("SELECT count(*) FROM outbox WHERE type = $1", type)
    return found


def legs(call: CallView) -> dict[str, str | None]:
    return {leg.interface: leg.end_reason for leg in call.legs}


async def accepts(twilio: FakeTwilio, phone: str) -> Line:
    """An agent's telephone rings, they pick up and press 1."""
    leg = await twilio.ringing(phone)
    leg.answer()
    await twilio.wait_for(lambda: leg.doing == "gather")
    leg.press("1")
    return leg


async def test_all_are_rung_and_one_takes_the_call(office: House, twilio: FakeTwilio) -> None:
    await sign_in(office, anna=ANNA, ben=BEN, eve=EVE)
    await create_customer(
        office, SYSTEM, {"name": "Zhang Wei", "contact_points": [{"kind": "phone", "value": CALLER}]}
    )  # fmt: skip
    line = await to_queue(twilio)
    await twilio.ringing("client:ben")
    await twilio.ringing("sip:eve@phones.example.com")
    anna = await accepts(twilio, "+4930111111")
    await twilio.wait_for(lambda: line.doing == "bridged" and anna.doing == "bridged")
    assert "complaint" in anna.words
    assert "Zhang Wei" in anna.words
    await until(lambda: times(office, "call.answered"))
    await twilio.wait_for(lambda: not twilio.telephones)
    call = await call_of(office, line)
    assert (call.state, call.agent) == ("answered", "anna")
    anna.hang_up()
    call = await ended(office, twilio, line)
    assert (call.disposition, call.queue) == ("answered", "support")
    assert legs(call) == {ANNA: "completed", BEN: "answered_elsewhere", EVE: "answered_elsewhere"}
    await twilio.quiet()  # that the others' phones are silent is told by themselves
    counts = [await times(office, f"call.{each}") for each in ("offered", "retracted", "answered", "ended")]
    assert counts == [3, 2, 1, 1]
    assert await office.db.fetchval("SELECT count(*) FROM ticket") == 1


async def test_everything_twice_is_once(office: House, twilio: FakeTwilio) -> None:
    await sign_in(office, anna=ANNA, ben=BEN)
    twilio.twice()
    line = await to_queue(twilio)
    await twilio.ringing("client:ben")
    anna = await accepts(twilio, "+4930111111")
    await twilio.wait_for(lambda: anna.doing == "bridged")
    line.hang_up()
    call = await ended(office, twilio, line)
    assert legs(call) == {ANNA: "completed", BEN: "answered_elsewhere"}
    await twilio.quiet()
    counts = [await times(office, f"call.{each}") for each in ("offered", "retracted", "answered", "ended")]
    assert counts == [2, 1, 1, 1]
    asked = [each for each in twilio.lines.values() if each.call.direction == "outbound-api"]
    assert len(asked) == 2


async def test_a_talk_that_is_announced_as_recorded_is_recorded(office: House, twilio: FakeTwilio) -> None:
    await company.put(office, SYSTEM, Recordings(record_calls=True))
    await rules(office, accept_key="none")
    await sign_in(office, ben=BEN)
    line = await to_queue(twilio)
    ben = await twilio.ringing("client:ben")
    ben.answer()
    await twilio.wait_for(lambda: line.doing == "bridged")
    line.hang_up()
    (recording,) = await _fetches(office)
    assert recording["kind"] == "call"
    assert await call_of_leg(office.db, recording["call_sid"]) == OfCall(line.call.sid, False)


async def _fetches(house: House) -> Sequence[Mapping[str, Any]]:
    await until(lambda: house.db.fetchval("SELECT count(*) FROM twilio_fetch"))
    return await house.db.fetch("SELECT kind, call_sid FROM twilio_fetch")


@pytest.mark.parametrize("fault", [500, 429])
async def test_a_phone_is_hung_up_until_it_is_known_to_be(office: House, twilio: FakeTwilio, fault: int) -> None:
    await rules(office, accept_key="none")
    await sign_in(office, ben=BEN, eve=EVE)
    line = await to_queue(twilio)
    ben = await twilio.ringing("client:ben")
    eve = await twilio.ringing("sip:eve@phones.example.com")
    twilio.fails(Fault(fault, method="POST", path="/Calls/CA"))
    ben.answer()
    await twilio.wait_for(eve.over.is_set)
    await twilio.wait_for(lambda: line.doing == "bridged")


async def test_a_voicemail_takes_no_call(office: House, twilio: FakeTwilio) -> None:
    await sign_in(office, anna=ANNA)
    await rules(office, pause_after_missed=1)
    line = await to_queue(twilio)
    anna = await twilio.ringing("+4930111111")
    anna.answer("machine_start")
    await twilio.wait_for(lambda: anna.doing == "gather")
    assert "Zhang" not in anna.words
    anna.wait()
    await twilio.wait_for(anna.over.is_set)
    await until(lambda: _paused(office, "anna"))
    line.hang_up()
    call = await ended(office, twilio, line)
    assert (call.disposition, legs(call)) == ("abandoned", {ANNA: "no_answer"})


async def _paused(house: House, login: str) -> bool:
    agents = {each.login: each for each in await list_agents(house.db, SYSTEM)}
    return agents[login].state == "paused"


@pytest.mark.parametrize("at_once", [False, True])
async def test_an_agent_whose_phone_cannot_be_reached_is_paused(
    office: House, twilio: FakeTwilio, at_once: bool
) -> None:
    await rules(office, pause_after_missed=1)
    await sign_in(office, ben=BEN)
    if at_once:
        twilio.fails(Fault(400, 21211, method="POST", path="/Calls.json"))
    await to_queue(twilio)
    if not at_once:
        (await twilio.ringing("client:ben")).decline("failed")
    await until(lambda: _paused(office, "ben"))


async def test_who_rests_longest_is_rung_first_and_the_next_one_after_them(office: House, twilio: FakeTwilio) -> None:
    await rules(office, strategy="longest_idle", accept_key="none")
    await sign_in(office, anna=ANNA, ben=BEN)
    line = await to_queue(twilio)
    anna = await twilio.ringing("+4930111111")
    assert [each.call.to for each in twilio.telephones] == ["+4930111111"]
    anna.decline("no-answer")
    ben = await twilio.ringing("client:ben")
    ben.answer()
    await twilio.wait_for(lambda: line.doing == "bridged")
    ben.hang_up()
    assert legs(await ended(office, twilio, line)) == {ANNA: "no_answer", BEN: "completed"}


async def test_a_caller_who_hangs_up_stops_every_phone(office: House, twilio: FakeTwilio) -> None:
    await sign_in(office, anna=ANNA, ben=BEN)
    line = await to_queue(twilio)
    await twilio.ringing("client:ben")
    await twilio.ringing("+4930111111")
    line.hang_up()
    await twilio.wait_for(lambda: not twilio.telephones)
    call = await ended(office, twilio, line)
    assert (call.disposition, legs(call)) == ("abandoned", {ANNA: "cancelled", BEN: "cancelled"})
    assert await times(office, "call.retracted") == 2
    assert await office.db.fetchval("SELECT callback_due IS NOT NULL FROM ticket")


async def test_a_call_back_is_asked_for_by_key(office: House, twilio: FakeTwilio) -> None:
    await sign_in(office, anna=ANNA)
    await rules(office, accept_key="none")
    busy = await to_queue(twilio, "+493055555")
    (await twilio.ringing("+4930111111")).answer()
    await twilio.wait_for(lambda: busy.doing == "bridged")
    line = await to_queue(twilio)
    await twilio.wait_for(lambda: line.doing == "gather")
    line.press("1")
    await twilio.wait_for(line.over.is_set)
    assert "call you back" in line.words
    call = await ended(office, twilio, line)
    assert call.disposition == "no_answer"
    assert await office.db.fetchval("SELECT callback_due IS NOT NULL FROM ticket WHERE call_id = $1", call.id)


@pytest.mark.parametrize(("agents", "most", "how"), [(0, 50, "empty"), (1, 1, "full")])
async def test_a_queue_that_takes_nobody(office: House, twilio: FakeTwilio, agents: int, most: int, how: str) -> None:
    """The flow goes on at once: its voicemail."""
    await rules(office, most_waiting=most)
    if agents:
        anna = (await sign_in(office, anna=ANNA))["anna"]
        await ask(office, anna, action="pause")
        first = await to_queue(twilio, "+493055555")
        await twilio.wait_for(lambda: first.waits > 0)
    line = await to_queue(twilio)
    await twilio.wait_for(lambda: line.doing == "record")
    waited = await office.db.fetchval("SELECT count(*) FROM twilio_waiting WHERE call_sid = $1", line.call.sid)
    assert waited == 0


async def test_who_waits_too_long_goes_on_in_the_flow(office: House, twilio: FakeTwilio) -> None:
    await rules(office, wait_without_agents=True)
    line = await to_queue(twilio)
    await twilio.wait_for(lambda: line.waits > 0)
    await office.db.execute("UPDATE twilio_waiting SET until = now()")
    await twilio.wait_for(lambda: line.doing == "record")
    line.hang_up()
    call = await ended(office, twilio, line)
    assert call.disposition in ("no_answer", "voicemail")


async def test_an_agent_whose_outcome_is_unknown_is_not_rung_twice(office: House, twilio: FakeTwilio) -> None:
    await sign_in(office, anna=ANNA)
    twilio.fails(Fault(500, done=True, path="/Calls.json"))
    line = await to_queue(twilio)
    anna = await accepts(twilio, "+4930111111")
    await twilio.wait_for(lambda: line.doing == "bridged")
    line.hang_up()
    await twilio.wait_for(anna.over.is_set)
    assert legs(await ended(office, twilio, line)) == {ANNA: "completed"}
    asked = [each for each in twilio.lines.values() if each.call.direction == "outbound-api"]
    assert len(asked) == 1


async def test_the_first_in_line_is_who_matters_most(office: House, twilio: FakeTwilio) -> None:
    await create_customer(
        office, SYSTEM,
        {"name": "Gold", "tier": "gold", "contact_points": [{"kind": "phone", "value": "+493099999"}]},
    )  # fmt: skip
    await rules(office, wait_without_agents=True, accept_key="none")
    plain = await to_queue(twilio)
    gold = await to_queue(twilio, "+493099999")
    await twilio.wait_for(lambda: gold.waits > 0 and plain.waits > 0)
    await sign_in(office, ben=BEN)
    (await twilio.ringing("client:ben")).answer()
    await twilio.wait_for(lambda: gold.doing == "bridged")
    assert plain.doing != "bridged"


async def test_a_process_that_died_while_it_rang_rings_nobody_twice(office: House, twilio: FakeTwilio) -> None:
    """Its row was there before Twilio was asked: the phone is left alone until it would have stopped ringing."""
    agents = await sign_in(office, anna=ANNA)
    await rules(office, accept_key="none")
    await ask(office, agents["anna"], action="pause")
    line = await to_queue(twilio)
    await twilio.wait_for(lambda: line.waits > 0)
    row = await office.db.fetchrow("SELECT id, call_id FROM twilio_waiting")
    assert row is not None
    await office.db.execute(
        """INSERT INTO twilio_leg (id, call_id, role, waiting_id, user_id, interface, ring_until)
           VALUES (gen_random_uuid(), $1, 'agent', $2, $3, $4, now() + interval '1 minute')""",
        *(row["call_id"], row["id"], agents["anna"].user_id, ANNA),
    )
    assert await outcome(office, await ask(office, agents["anna"], action="unpause")) == ("done", None)
    other = await to_queue(twilio, "+493055555")
    await twilio.wait_for(lambda: other.waits > 0)
    assert not twilio.telephones
    await office.db.execute("UPDATE twilio_leg SET ring_until = now() - interval '2 minutes' WHERE role = 'agent'")
    (await twilio.ringing("+4930111111")).answer()
    await twilio.wait_for(lambda: line.doing == "bridged")


async def test_the_desk_shows_who_is_where(office: House, twilio: FakeTwilio) -> None:
    anna = await hire(office, "anna", ANNA)
    await until(lambda: _connected(office))
    (place,) = await own_presence(office.db, anna)
    assert (place.pbx, place.queue, place.signed_in) == ("twilio", "support", False)
    for action, state, paused in (("sign_in", True, False), ("pause", True, True), ("unpause", True, False)):
        assert await outcome(office, await ask(office, anna, action=action)) == ("done", None)
        (place,) = await own_presence(office.db, anna)
        assert (place.signed_in, place.paused, place.interface) == (state, paused, ANNA)
    assert await outcome(office, await ask(office, anna, action="sign_out")) == ("done", None)
    (place,) = await own_presence(office.db, anna)
    assert not place.signed_in


async def _connected(house: House) -> bool:
    return any(pbx.id == "twilio" and pbx.connected for pbx in await list_pbxs(house.db, SYSTEM))


async def test_after_a_talk_comes_the_wrap_up(office: House, twilio: FakeTwilio) -> None:
    await rules(office, accept_key="none")
    await sign_in(office, ben=BEN)
    line = await to_queue(twilio)
    ben = await twilio.ringing("client:ben")
    ben.answer()
    await twilio.wait_for(lambda: line.doing == "bridged")
    await until(lambda: times(office, "call.answered"))
    ben.hang_up()
    await ended(office, twilio, line)
    await until(lambda: _paused(office, "ben"))
    second = await to_queue(twilio, "+493055555")
    await twilio.wait_for(lambda: second.waits > 0)
    assert not twilio.telephones


async def test_an_agent_who_took_a_caller_and_was_not_connected_is_asked_about_soon(
    office: House, twilio: FakeTwilio
) -> None:
    await rules(office, accept_key="none")
    await sign_in(office, ben=BEN)
    line = await to_queue(twilio)
    ben = await twilio.ringing("client:ben")
    ben.answer()
    await twilio.wait_for(lambda: line.doing == "bridged")
    await until(lambda: times(office, "call.answered"))
    await office.db.execute("UPDATE twilio_leg SET checked_at = now() - interval '1 minute'")
    assert await look_after_silent(office) == 0
    twilio.hold("completed")
    ben.hang_up()
    # The caller's own way on from the queue is told, too, and writes.
    await twilio.wait_for(lambda: ben.over.is_set() and line.over.is_set())
    await office.db.execute("UPDATE twilio_waiting SET state = 'taken', left_at = NULL, how = NULL, bridged_at = NULL")
    await office.db.execute("UPDATE twilio_leg SET checked_at = now() - interval '1 minute' WHERE role = 'agent'")
    assert await look_after_silent(office) == 1
    assert await office.db.fetchval("SELECT state FROM twilio_leg WHERE role = 'agent'") == "ended"


async def test_a_callback_that_was_lost_is_found_in_twilios_list(
    office: House, twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "SILENT_SECONDS", 0.0)
    twilio.hold("completed")
    line = await to_queue(twilio)
    line.hang_up()
    await twilio.wait_for(lambda: bool(twilio.held))
    await office.db.execute("UPDATE twilio_leg SET checked_at = now() - interval '1 hour'")
    assert (await ended(office, twilio, line)).disposition in ("abandoned", "no_answer")
    assert await office.db.fetchval("SELECT state FROM ivr_session WHERE uniqueid = $1", line.call.sid) == "over"
    await twilio.release()
    assert await times(office, "call.ended") == 1
