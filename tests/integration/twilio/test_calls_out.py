"""Calls out by Twilio: the agent first, then the customer; machines, hang-ups, transfers; never anybody twice."""

from __future__ import annotations

from uuid import UUID

import pytest

from hotline.crm.queries.calls.calls import CallView, get_call
from hotline.crm.viewer import SYSTEM
from hotline.errors import Invalid
from hotline.simulator.twilio import Fault
from hotline.workflows.calls.commands import send_command
from hotline.workflows.house import House
from hotline.workflows.twilio.twilio_out import call_of as call_of_command
from tests.fakes.twilio import FakeTwilio, TwilioDoor
from tests.integration.twilio.test_agents import (
    ANNA,
    BEN,
    CALLER,
    ask,
    ended,
    legs,
    office,
    outcome,
    rules,
    sign_in,
    times,
    to_queue,
    until,
)

__all__ = ["office"]


async def out(house: House, command_id: UUID) -> CallView:
    return await get_call(house.db, house.keyring, SYSTEM, call_of_command(command_id))


async def over(house: House, command_id: UUID) -> CallView:
    async def is_over() -> bool:
        return (await out(house, command_id)).state == "ended"

    await until(is_over)
    return await out(house, command_id)


@pytest.fixture
async def office_with_ben(office: House) -> House:
    """Nobody presses a key here."""
    await rules(office, accept_key="none")
    return office


async def dial(house: House, twilio: FakeTwilio, **what: str) -> UUID:
    agents = await sign_in(house, ben=BEN)
    view = await send_command(
        house, agents["ben"], {"action": "originate", "pbx": "twilio", "to": what.get("to", CALLER)}
    )  # fmt: skip
    return view.id


async def test_the_agent_first_then_the_customer(office_with_ben: House, twilio: FakeTwilio) -> None:
    house = office_with_ben
    await house.db.execute(
        "INSERT INTO sender (id, channel, address, country, position) VALUES"
        " (gen_random_uuid(), 'voice', '+442071838750', 'GB', 9)"
    )
    command = await dial(house, twilio, to="+442079460123")
    ben = await twilio.ringing("client:ben")
    assert ben.call.from_ == "+442071838750"
    ben.answer()
    customer = await twilio.ringing("+442079460123")
    assert customer.call.from_ == "+442071838750"
    assert await outcome(house, command) == ("done", None)
    customer.answer()
    await twilio.wait_for(lambda: ben.doing == "bridged")
    customer.hang_up()
    call = await over(house, command)
    assert (call.direction, call.disposition, call.caller.number) == ("out", "answered", "+442079460123")
    assert (call.agent, await times(house, "call.answered")) == ("ben", 1)


async def test_an_agent_who_does_not_pick_up(office_with_ben: House, twilio: FakeTwilio) -> None:
    house = office_with_ben
    command = await dial(house, twilio)
    (await twilio.ringing("client:ben")).decline("busy")
    call = await over(house, command)
    assert (call.disposition, await outcome(house, command)) == ("busy", ("failed", "busy"))
    assert not [each for each in twilio.lines.values() if each.call.to == CALLER]


@pytest.mark.parametrize("how", ["busy", "no-answer"])
async def test_a_customer_who_does_not(office_with_ben: House, twilio: FakeTwilio, how: str) -> None:
    house = office_with_ben
    command = await dial(house, twilio)
    ben = await twilio.ringing("client:ben")
    ben.answer()
    (await twilio.ringing(CALLER)).decline(how)
    call = await over(house, command)
    assert call.disposition == how.replace("-", "_")
    assert "could not be reached" in ben.words


async def test_nobody_is_dialled_twice(office_with_ben: House, twilio: FakeTwilio) -> None:
    """Twilio took it and said nothing: the command is unknown, until Twilio's own callbacks tell."""
    house = office_with_ben
    twilio.fails(Fault(500, done=True, path="/Calls.json"))
    command = await dial(house, twilio)
    ben = await twilio.ringing("client:ben")
    ben.answer()
    (await twilio.ringing(CALLER)).answer()
    await twilio.wait_for(lambda: ben.doing == "bridged")
    ben.hang_up()
    assert (await over(house, command)).disposition == "answered"
    assert await outcome(house, command) == ("done", None)
    asked = [each for each in twilio.lines.values() if each.call.direction == "outbound-api"]
    assert len(asked) == 1


async def test_what_twilio_refuses_is_told(office_with_ben: House, twilio: FakeTwilio) -> None:
    house = office_with_ben
    twilio.fails(Fault(400, 21211, path="/Calls.json"))
    agents = await sign_in(house, ben=BEN)
    command = await ask(house, agents["ben"], action="originate", to=CALLER)
    assert await outcome(house, command) == ("failed", "refused")


async def test_what_twilio_cannot_do_is_said(office_with_ben: House, twilio: FakeTwilio) -> None:
    house = office_with_ben
    agents = await sign_in(house, ben=BEN, anna=ANNA)
    for number in ("112", "1001"):
        with pytest.raises(Invalid):
            await send_command(house, agents["ben"], {"action": "originate", "pbx": "twilio", "to": number})
    line = await to_queue(twilio)
    (await twilio.ringing("client:ben")).answer()
    await twilio.wait_for(lambda: line.doing == "bridged")
    call_id = await house.db.fetchval("SELECT call_id FROM call_alias WHERE value = $1", line.call.sid)

    async def answered() -> bool:
        return bool(await house.db.fetchval("SELECT answered_at IS NOT NULL FROM call WHERE id = $1", call_id))

    await until(answered)
    with pytest.raises(Invalid, match="blind"):
        await send_command(house, agents["ben"], {"action": "attended_transfer", "call_id": call_id, "to": "anna"})


async def test_a_call_is_sent_on_to_a_colleague(office_with_ben: House, twilio: FakeTwilio) -> None:
    house = office_with_ben
    agents = await sign_in(house, ben=BEN)
    agents |= await sign_in(house, anna=ANNA)
    await ask(house, agents["anna"], action="pause")
    line = await to_queue(twilio)
    ben = await twilio.ringing("client:ben")
    ben.answer()
    await twilio.wait_for(lambda: line.doing == "bridged")
    call_id = await house.db.fetchval("SELECT call_id FROM call_alias WHERE value = $1", line.call.sid)

    async def answered() -> bool:
        return bool(await house.db.fetchval("SELECT answered_at IS NOT NULL FROM call WHERE id = $1", call_id))

    await until(answered)
    command = await ask(house, agents["ben"], action="blind_transfer", call_id=call_id, to="anna")
    assert await outcome(house, command) == ("done", None)
    anna = await twilio.ringing("+4930111111")
    await twilio.wait_for(ben.over.is_set)
    anna.answer()
    await twilio.wait_for(lambda: line.doing == "bridged")
    anna.hang_up()
    call = await ended(house, twilio, line)
    assert (call.agent, [each.kind for each in call.transfers]) == ("anna", ["blind"])
    assert legs(call) == {BEN: "completed", ANNA: "completed"}


async def test_an_agent_hangs_up_by_the_desk(office_with_ben: House, twilio: FakeTwilio) -> None:
    house = office_with_ben
    agents = await sign_in(house, ben=BEN)
    line = await to_queue(twilio)
    ben = await twilio.ringing("client:ben")
    ben.answer()
    await twilio.wait_for(lambda: line.doing == "bridged")
    call_id = await house.db.fetchval("SELECT call_id FROM call_alias WHERE value = $1", line.call.sid)
    assert await outcome(house, await ask(house, agents["ben"], action="hangup", call_id=call_id)) == ("done", None)
    await twilio.wait_for(ben.over.is_set)
    assert (await ended(house, twilio, line)).disposition == "answered"


async def test_a_number_needs_a_key_before_the_customer_is_dialled(
    office: House,
    twilio: FakeTwilio,
) -> None:
    agents = await sign_in(office, anna=ANNA)
    await send_command(office, agents["anna"], {"action": "originate", "pbx": "twilio", "to": CALLER})
    anna = await twilio.ringing("+4930111111")
    anna.answer()
    await twilio.wait_for(lambda: anna.doing == "gather")
    assert not [each for each in twilio.lines.values() if each.call.to == CALLER]
    anna.press("1")
    await twilio.ringing(CALLER)


@pytest.mark.parametrize(
    ("answered_by", "disposition"), [("machine_start", "voicemail"), ("human", "answered"), ("unknown", "answered")]
)
async def test_a_machine_is_nobody_reached(
    office_with_ben: House, twilio: FakeTwilio, twilio_door: TwilioDoor, answered_by: str, disposition: str
) -> None:
    house = office_with_ben
    command = await dial(house, twilio)
    ben = await twilio.ringing("client:ben")
    ben.answer()
    customer = await twilio.ringing(CALLER)
    customer.answer()
    await twilio.wait_for(lambda: ben.doing == "bridged")
    assert await times(house, "call.answered") == 0
    leg = await house.db.fetchval("SELECT id FROM twilio_leg WHERE role = 'customer'")
    form = customer.params(AnsweredBy=answered_by, MachineDetectionDuration="2300")
    assert (await twilio_door.post(f"/voice/customer-amd?leg={leg}", form)).status == 204
    assert await times(house, "call.answered") == (disposition == "answered")
    ben.hang_up()
    assert (await over(house, command)).disposition == disposition


async def test_a_leg_of_another_call_is_not_believed(
    office_with_ben: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    """A callback whose CallSid is not that of the leg in its address changes nothing."""
    house = office_with_ben
    command = await dial(house, twilio)
    ben = await twilio.ringing("client:ben")
    await until(lambda: house.db.fetchval("SELECT call_sid FROM twilio_leg WHERE role = 'dialler'"))
    leg = await house.db.fetchval("SELECT id FROM twilio_leg WHERE role = 'dialler'")
    forged = ben.params(CallStatus="completed") | {"CallSid": "CA" + "f" * 32}
    assert (await twilio_door.post(f"/voice/out-status?leg={leg}", forged)).status == 204
    assert (await twilio_door.post("/voice/out-status?leg=nobody", forged)).status == 204
    assert await house.db.fetchval("SELECT ended_at IS NULL FROM twilio_leg WHERE id = $1", leg)
    ben.decline("no-answer")
    assert (await over(house, command)).disposition == "no_answer"
