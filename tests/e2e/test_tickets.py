"""What is left of a call: its ticket, the wrap-up that pauses the agent in the PBX, and calling a missed caller."""

from __future__ import annotations

import asyncio

from tests.e2e.conftest import Office, newest
from tests.e2e.person import Body, Person, soon
from tests.rig import config
from tests.rig.acts import SMITH, ZHANG
from tests.rig.stage import Stage


async def pauses(agent: Person) -> set[str | None]:
    """Why the agent is paused in the queues that they are in; None where they are not."""
    places = (await agent.get("/users/me/presence"))["items"]
    return {place["pause_reason"] if place["paused"] else None for place in places if place["signed_in"]}


@newest
async def test_the_wrap_up_pauses_the_agent_until_it_is_done(office: Office, stage: Stage) -> None:
    zhang = await office.customer("Zhang Wei", ZHANG)
    stage.phone("agent1", answer_after=1)
    agent = office["agent1"]
    async with stage.telephone(config.FIRST_ONLY, ZHANG) as caller:
        pop = await agent.hears("call.offered")
        assert (pop["ticket"]["provisional"], pop["ticket"]["state"]) == (True, "new")
        await agent.hears("call.answered")
        caller.hang_up()
    wrap_up = await agent.hears("wrap_up.started")
    assert wrap_up["call_id"] == pop["call_id"]

    async def paused() -> bool:
        return "wrap-up" in await pauses(agent)

    await soon(paused, "the PBX has paused the agent")
    note = {"disposition": "solved", "note": "Router replaced.", "ticket": {"subject": "Router"}}
    await agent.post(f"/calls/{pop['call_id']}/wrap-up", note, status=200)
    await agent.hears("wrap_up.ended")

    async def free() -> bool:
        return await pauses(agent) == {None}

    await soon(free, "the PBX lets the agent go on")
    ticket: Body = await agent.get(f"/tickets/{pop['ticket_id']}")
    assert (ticket["state"], ticket["assignee"], ticket["subject"]) == ("resolved", "agent1", "Router")
    assert (ticket["customer_id"], ticket["call_ids"]) == (zhang["id"], [pop["call_id"]])


@newest
async def test_a_missed_caller_is_called_back_from_the_ticket(office: Office, stage: Stage) -> None:
    agent = office["agent1"]
    phone = stage.phone("agent1", "never")
    await asyncio.to_thread(stage.caller(config.FIRST_ONLY, SMITH, hangup_after=2).wait)

    async def due() -> Body | None:
        return next(iter((await agent.get("/callbacks"))["items"]), None)

    ticket = await soon(due, "a call back is due")
    assert (ticket["state"], ticket["provisional"], ticket["caller"]["number"]) == ("new", False, SMITH)
    await asyncio.to_thread(phone.stop)
    stage.phone("agent1", answer_after=0.5, hangup_after=4)
    stage.trunk(answer_after=1)
    await agent.post("/commands", {"action": "originate", "ticket_id": ticket["id"]}, status=202)

    async def done() -> Body | None:
        found: Body = await agent.get(f"/tickets/{ticket['id']}")
        return found if found["callback_done_at"] else None

    ticket = await soon(done, "they were called back")
    assert (ticket["state"], ticket["assignee"], len(ticket["call_ids"])) == ("open", "agent1", 2)
    assert {call["attached"]["by"] for call in ticket["calls"]} == {"opened", "callback"}
    assert (await agent.get("/callbacks"))["items"] == []
