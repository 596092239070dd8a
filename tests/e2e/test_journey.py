"""A call's journey on real servers: from the caller's SIP to what an agent's browser and the API show."""

from __future__ import annotations

import asyncio

from tests.e2e.conftest import Office, newest
from tests.e2e.person import Body
from tests.rig import config, sound
from tests.rig.acts import SMITH, ZHANG, bridged
from tests.rig.ami import Ami
from tests.rig.sipp import Sipp
from tests.rig.stage import Stage
from tests.rig.telephone import CalledTelephone


def ended(call: Body) -> bool:
    return bool(call["state"] == "ended")


async def over(caller: Sipp) -> None:
    """Wait until the caller's telephone is down."""
    await asyncio.to_thread(caller.wait)


async def test_a_call_pops_is_answered_and_ends(office: Office, stage: Stage) -> None:
    zhang = await office.customer("Zhang Wei", ZHANG)
    stage.phone("agent1", answer_after=1)
    agent = office["agent1"]
    async with stage.telephone(config.FIRST_ONLY, ZHANG, name="Zhang") as caller:
        pop = await agent.hears("call.offered")
        assert pop["caller"].items() >= {"number": ZHANG, "withheld": False, "country": "CN"}.items()
        assert [customer["id"] for customer in pop["customers"]] == [zhang["id"]]
        assert pop["agent"] == "agent1"
        assert pop["queue"] == "first"
        assert {"event_id", "ring_id", "at", "ivr", "ticket_id"} <= pop.keys()

        await agent.hears("call.answered", lambda data: data["call_id"] == pop["call_id"])
        (call,) = await agent.calls()
        assert (call["id"], call["state"], call["agent"]) == (pop["call_id"], "answered", "agent1")
        caller.hang_up()
        await agent.hears("call.ended", lambda data: data["call_id"] == pop["call_id"])
    (call,) = await office.admin.calls()
    assert (call["state"], call["disposition"], call["end_seen"]) == ("ended", "answered", True)
    assert call["customer_id"] == zhang["id"]
    assert (call["pbx"], call["direction"], call["queue"]) == ("main", "in", "first")
    (leg,) = call["legs"]
    assert (leg["agent"], leg["interface"], leg["ring_id"]) == ("agent1", "PJSIP/agent1", pop["ring_id"])
    assert leg["rang_at"] <= leg["answered_at"] <= leg["ended_at"]
    assert leg["end_reason"] == "completed"
    timeline = await office.admin.get(f"/customers/{zhang['id']}/timeline")
    assert [line["call"]["id"] for line in timeline["items"] if line["kind"] == "call"] == [call["id"]]


@newest
async def test_customers_who_share_a_number_are_all_shown_and_none_is_guessed(office: Office, stage: Stage) -> None:
    first = await office.customer("Zhang Wei", ZHANG)
    second = await office.customer("Zhang Min", "138 0013 8000")  # the same number as dialled in the region
    stage.phone("agent1", answer_after=1)
    caller = stage.caller(config.FIRST_ONLY, ZHANG, hangup_after=3)
    agent = office["agent1"]

    pop = await agent.hears("call.offered")
    assert {customer["id"] for customer in pop["customers"]} == {first["id"], second["id"]}
    (call,) = await agent.calls()
    assert call["customer_id"] is None
    assert {customer["id"] for customer in call["customers"]} == {first["id"], second["id"]}

    picked = await agent.post(f"/calls/{call['id']}/customer", {"customer_id": second["id"]})
    assert picked["customer_id"] == second["id"]
    await over(caller)
    call = await agent.call(ended, "the call is over")
    assert call["customer_id"] == second["id"]


@newest
async def test_ringall_pops_at_all_and_is_taken_back_from_who_lost(office: Office, stage: Stage) -> None:
    stage.phone("agent1", "never")
    stage.phone("agent3", "never")
    async with (
        CalledTelephone(stage.asterisk.ports.phones["agent2"]) as phone,
        stage.telephone(config.RINGALL, ZHANG) as caller,
    ):
        pops = {agent: await office[agent].hears("call.offered") for agent in office.agents}
        assert len({pop["call_id"] for pop in pops.values()}) == 1
        assert len({pop["ring_id"] for pop in pops.values()}) == 3
        await phone.rings()
        await phone.pick_up(sound.tone(440, 0.1))
        for loser in ("agent1", "agent3"):
            back = await office[loser].hears("call.retracted")
            assert back["ring_id"] == pops[loser]["ring_id"]
        await office["agent2"].hears("call.answered")
        caller.hang_up()
        call = await office.admin.call(ended, "the call is over")
    ends = {leg["agent"]: leg["end_reason"] for leg in call["legs"]}
    assert ends == {"agent1": "answered_elsewhere", "agent2": "completed", "agent3": "answered_elsewhere"}
    assert call["agent"] == "agent2"
    assert not office["agent2"].told("call.retracted")
    assert [len(office[agent].offers()) for agent in ("agent1", "agent2", "agent3")] == [1, 1, 1]


async def test_freepbx_members_are_known_by_their_state_interface(office: Office, stage: Stage) -> None:
    stage.phone("agent1", "never")
    async with (
        CalledTelephone(stage.asterisk.ports.phones["agent2"]) as phone,
        stage.telephone(config.FREEPBX, ZHANG) as caller,
    ):
        await office["agent1"].hears("call.offered")
        await office["agent2"].hears("call.offered")
        await phone.rings()
        await phone.pick_up(sound.tone(440, 0.1))
        await office["agent1"].hears("call.retracted")
        await office["agent2"].hears("call.answered")
        caller.hang_up()
        call = await office.admin.call(ended, "the call is over")
    assert {leg["agent"]: leg["end_reason"] for leg in call["legs"]} == {
        "agent1": "answered_elsewhere",
        "agent2": "completed",
    }
    assert (call["queue"], call["agent"], call["disposition"]) == ("fpbx", "agent2", "answered")
    assert len(await office.admin.calls()) == 1
    assert [len(office[agent].offers()) for agent in ("agent1", "agent2")] == [1, 1]


async def transferred(office: Office, stage: Stage, ami: Ami, kind: str) -> None:
    """agent1 answers Zhang and passes the call on to agent2, by a command of the desk."""
    zhang = await office.customer("Zhang Wei", ZHANG)
    stage.phone("agent2", answer_after=1)
    agent1, agent2 = office["agent1"], office["agent2"]
    async with (
        CalledTelephone(stage.asterisk.ports.phones["agent1"]) as phone,
        stage.telephone(config.FIRST_ONLY, ZHANG) as caller,
    ):
        await phone.rings()
        await phone.pick_up(sound.tone(440, 0.1))
        await agent1.hears("call.answered")
        await asyncio.to_thread(bridged, ami, "agent1")
        (call,) = await agent1.calls()

        body = {"action": f"{kind}_transfer", "call_id": call["id"], "to": "1002"}
        sent = await agent1.post("/commands", body, status=202)
        pop = await agent2.hears("call.offered")
        assert pop["call_id"] == call["id"]
        assert pop["caller"]["number"] == ZHANG  # the customer, not the colleague who transfers
        assert [customer["id"] for customer in pop["customers"]] == [zhang["id"]]
        await agent2.hears("call.answered")
        if kind == "attended":
            phone.hang_up()  # they have talked about it
        moved = await agent2.hears("call.transferred")
        assert moved["call_id"] == call["id"]

        caller.hang_up()
        call = await office.admin.call(ended, "the call is over")
    assert (call["agent"], call["disposition"]) == ("agent2", "answered")
    assert [(t["kind"], t["from"], t["to"]) for t in call["transfers"]] == [(kind, "agent1", "agent2")]
    assert {leg["agent"]: leg["end_reason"] for leg in call["legs"]} == {
        "agent1": "transferred",
        "agent2": "completed",
    }
    assert call["customer_id"] == zhang["id"]
    assert len(await office.admin.calls()) == 1
    assert len(agent2.offers()) == 1
    assert (await agent1.get(f"/commands/{sent['id']}"))["state"] == "done"


@newest
async def test_a_blind_transfer_pops_the_customer_at_the_target(office: Office, stage: Stage, ami: Ami) -> None:
    await transferred(office, stage, ami, "blind")


async def test_an_attended_transfer_pops_the_customer_at_the_target(office: Office, stage: Stage, ami: Ami) -> None:
    await transferred(office, stage, ami, "attended")


@newest
async def test_two_calls_at_once_on_one_agent_stay_apart(office: Office, stage: Stage, ami: Ami) -> None:
    zhang = await office.customer("Zhang Wei", ZHANG)
    smith = await office.customer("John Smith", SMITH)
    stage.phone("agent1", answer_after=1)
    agent = office["agent1"]
    async with stage.telephone(config.FIRST_ONLY, ZHANG) as first:
        await asyncio.to_thread(bridged, ami, "agent1")
        async with stage.telephone(config.FIRST_ONLY, SMITH) as second:
            pop = await agent.hears("call.offered", lambda data: data["caller"]["number"] == SMITH)
            found = {pop["caller"]["number"]: [each["id"] for each in pop["customers"]] for pop in agent.offers()}
            assert found == {ZHANG: [zhang["id"]], SMITH: [smith["id"]]}
            await agent.hears("call.answered", lambda data: data["call_id"] == pop["call_id"])
            second.hang_up()
            await agent.call(lambda call: ended(call) and call["customer_id"] == smith["id"], "Smith's call is over")
        first.hang_up()
        await agent.call(lambda call: ended(call) and call["customer_id"] == zhang["id"], "Zhang's call is over")
    calls = await agent.calls()
    assert [(call["customer_id"], call["disposition"], len(call["legs"])) for call in calls] == [
        (smith["id"], "answered", 1),
        (zhang["id"], "answered", 1),
    ]


@newest
async def test_a_withheld_number_matches_nobody(office: Office, stage: Stage) -> None:
    await office.customer("Zhang Wei", ZHANG)
    stage.phone("agent1", answer_after=1)
    caller = stage.caller(config.FIRST_ONLY, ZHANG, withheld="privacy", hangup_after=3)
    pop = await office["agent1"].hears("call.offered")
    assert pop["caller"].items() >= {"number": None, "withheld": True, "country": None}.items()
    assert pop["customers"] == []
    await over(caller)
    call = await office.admin.call(ended, "the call is over")
    assert call["caller"].items() >= {"number": None, "withheld": True, "country": None}.items()
    assert call["customer_id"] is None
    assert "13800138000" not in office.service.log()


@newest
async def test_a_caller_who_hangs_up_abandons_and_one_who_waits_too_long_does_not(office: Office, stage: Stage) -> None:
    stage.phone("agent1", "never")
    async with stage.telephone(config.FIRST_ONLY, ZHANG) as caller:
        await office["agent1"].hears("call.offered")
        caller.hang_up()
    abandoned = await office.admin.call(ended, "the first call is over")
    assert abandoned["disposition"] == "abandoned"
    await office["agent1"].hears("call.retracted")

    await over(stage.caller(config.SHORT, SMITH))
    waited = await office.admin.call(lambda call: ended(call) and call["queue"] == "short", "the second call is over")
    assert waited["disposition"] == "no_answer"


@newest
async def test_click_to_dial_rings_the_agent_then_the_customer(office: Office, stage: Stage) -> None:
    smith = await office.customer("John Smith", SMITH)
    stage.trunk(answer_after=0.5)
    agent = office["agent1"]
    async with CalledTelephone(stage.asterisk.ports.phones["agent1"]) as phone:
        sent = await agent.post("/commands", {"action": "originate", "to": SMITH}, status=202)
        await phone.rings()
        await phone.pick_up(sound.tone(440, 0.1))
        call = await agent.call(lambda call: call["state"] == "answered", "the customer answered")
        assert (call["direction"], call["customer_id"], call["agent"]) == ("out", smith["id"], "agent1")
        assert call["caller"]["number"] == SMITH
        phone.hang_up()
        call = await agent.call(ended, "the call is over")
    assert call["disposition"] == "answered"
    assert {"kind": "command", "value": sent["id"]} in call["aliases"]
    done = await agent.get(f"/commands/{sent['id']}")
    assert (done["state"], done["error"]) == ("done", None)
    await agent.hears("command.updated", lambda update: update["state"] == "done")
    assert len(await agent.calls()) == 1
