"""Commands of the desk on a real Asterisk: queues, hanging up, declining, sending on to a queue."""

from __future__ import annotations

import asyncio

from tests.e2e.conftest import Office, newest
from tests.e2e.person import Body, Person, soon
from tests.rig import config, sound
from tests.rig.acts import ZHANG, bridged
from tests.rig.ami import Ami
from tests.rig.stage import Stage
from tests.rig.telephone import CalledTelephone


async def outcome(person: Person, body: Body) -> Body:
    """Ask for a command and wait until it is over."""
    sent = await person.post("/commands", body, status=202)

    async def look() -> Body | None:
        found: Body = await person.get(f"/commands/{sent['id']}")
        return found if found["state"] not in ("pending", "sent") else None

    return await soon(look, f"the command {body['action']} is over")


async def membership(person: Person, queue: str) -> Body | None:
    """The person's place in a queue, as hotline mirrors it."""
    items = (await person.get("/users/me/presence"))["items"]
    return next((item for item in items if item["queue"] == queue and item["signed_in"]), None)


async def test_an_agent_signs_in_pauses_and_signs_out(office: Office) -> None:
    agent = office["agent2"]
    assert await membership(agent, "first") is None

    assert (await outcome(agent, {"action": "sign_in", "queue": "first"}))["state"] == "done"

    async def there() -> Body | None:
        return await membership(agent, "first")

    assert not (await soon(there, "the agent is in the queue"))["paused"]

    paused = await outcome(agent, {"action": "pause", "queue": "first", "reason": "午休"})
    assert paused["state"] == "done"

    async def resting() -> Body | None:
        found = await membership(agent, "first")
        return found if found and found["paused"] else None

    assert (await soon(resting, "the agent is paused"))["pause_reason"] == "午休"
    assert (await outcome(agent, {"action": "pause", "paused": False}))["state"] == "done"

    async def working() -> bool:
        found = await membership(agent, "first")
        return found is not None and not found["paused"]

    await soon(working, "the agent goes on")
    assert (await outcome(agent, {"action": "sign_out", "queue": "first"}))["state"] == "done"

    async def gone() -> bool:
        return await membership(agent, "first") is None

    await soon(gone, "the agent has left the queue")
    assert "presence.changed" in {heard.type for heard in agent.heard}


@newest
async def test_a_member_of_queues_conf_cannot_be_signed_out(office: Office) -> None:
    await soon(lambda: membership(office["agent1"], "first"), "the members are mirrored")
    left = await outcome(office["agent1"], {"action": "sign_out", "queue": "first"})
    assert (left["state"], left["error"]) == ("failed", "refused")
    assert await membership(office["agent1"], "first") is not None


@newest
async def test_declining_stops_this_phone_alone(office: Office, stage: Stage) -> None:
    stage.phone("agent1", "never")
    stage.phone("agent3", "never")
    async with (
        CalledTelephone(stage.asterisk.ports.phones["agent2"]) as phone,
        stage.telephone(config.RINGALL, ZHANG),
    ):
        pops = {name: await office[name].hears("call.offered") for name in ("agent1", "agent2", "agent3")}
        declined = await outcome(office["agent1"], {"action": "hangup", "call_id": pops["agent1"]["call_id"]})
        assert declined["state"] == "done"
        back = await office["agent1"].hears("call.retracted")
        assert back["ring_id"] == pops["agent1"]["ring_id"]
        assert not office["agent3"].told("call.retracted")
        await phone.rings()
        await phone.pick_up(sound.tone(440, 0.1))
        await office["agent2"].hears("call.answered")


@newest
async def test_hanging_up_ends_the_agents_call(office: Office, stage: Stage, ami: Ami) -> None:
    stage.phone("agent1", answer_after=0.5)
    stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=60)
    agent = office["agent1"]
    await agent.hears("call.answered")
    await asyncio.to_thread(bridged, ami, "agent1")
    (call,) = await agent.calls()
    for stranger in ("agent2", "agent3"):
        await office[stranger].post("/commands", {"action": "hangup", "call_id": call["id"]}, status=403)
    assert (await outcome(agent, {"action": "hangup", "call_id": call["id"]}))["state"] == "done"
    ended = await agent.call(lambda each: each["state"] == "ended", "the call is over")
    assert (ended["disposition"], len(await agent.calls())) == ("answered", 1)


@newest
async def test_a_call_is_sent_on_to_a_queue(office: Office, stage: Stage, ami: Ami) -> None:
    stage.phone("agent1", answer_after=0.5)
    stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=60)
    agent = office["agent1"]
    await agent.hears("call.answered")
    await asyncio.to_thread(bridged, ami, "agent1")
    (call,) = await agent.calls()
    sent = await outcome(agent, {"action": "blind_transfer", "call_id": call["id"], "to": "sales"})
    assert sent["state"] == "done", sent

    def moved(each: Body) -> bool:
        return bool(each["queue"] == "sales" and len(each["legs"]) > 1)

    assert (await office.admin.call(moved, "the call rings in the other queue"))["id"] == call["id"]
    assert len(await office.admin.calls()) == 1


@newest
async def test_a_customer_sent_to_a_number_that_nobody_has_is_not_cut_off(
    office: Office, stage: Stage, ami: Ami
) -> None:
    stage.phone("agent1", answer_after=0.5)
    stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=60)
    agent = office["agent1"]
    await agent.hears("call.answered")
    await asyncio.to_thread(bridged, ami, "agent1")
    (call,) = await agent.calls()
    await outcome(agent, {"action": "blind_transfer", "call_id": call["id"], "to": "1099"})

    def rings_again(each: Body) -> bool:
        return each["state"] != "ended" and len(each["legs"]) > 1

    again = await office.admin.call(rings_again, "the call rings in its queue again")
    assert (again["id"], again["queue"]) == (call["id"], "first")


@newest
async def test_a_phone_that_is_busy_makes_click_to_dial_fail_with_the_reason(office: Office, stage: Stage) -> None:
    stage.phone("agent1", "busy")
    failed = await outcome(office["agent1"], {"action": "originate", "to": ZHANG})
    assert (failed["state"], failed["error"]) == ("failed", "busy")
