"""The mirror of a PBX's queue members: who is whose by the exact name, and who is told what."""

from __future__ import annotations

from dataclasses import replace

from hotline.calls.facts import AmiEvent
from hotline.crm.queries.calls.presence import AgentView, MemberView, list_agents, list_pbxs, own_presence
from hotline.crm.viewer import SYSTEM, Viewer, viewer_of
from hotline.telephony.members import member_of
from hotline.workflows.calls.presence import Member, mirror_members, note_connection, note_lag, replace_members
from hotline.workflows.house import House
from hotline.workflows.people.users import create_user, update_user


async def person(house: House, login: str, *interfaces: str, queues: tuple[str, ...] = ("support",)) -> Viewer:
    user = await create_user(
        house, SYSTEM, {"login": login, "name": login, "role": "agent", "interfaces": interfaces, "queues": queues}
    )
    return viewer_of(user.id, frozenset({"users.read", "own.presence"}))


async def mine(house: House, viewer: Viewer) -> list[MemberView]:
    return [member for member in await own_presence(house.db, viewer) if member.signed_in]


async def agent(house: House, viewer: Viewer) -> AgentView:
    return next(each for each in await list_agents(house.db, viewer) if each.id == viewer.user_id)


async def told(house: House) -> list[tuple[str, bool, bool]]:
    rows = await house.db.fetch("SELECT data FROM outbox WHERE type = 'presence.changed' ORDER BY id")
    return [(row["data"]["queue"], row["data"]["signed_in"], row["data"]["paused"]) for row in rows]


async def test_members_belong_to_users_by_their_exact_name(house: House) -> None:
    ten = await person(house, "ten", "PJSIP/10")
    hundred = await person(house, "hundred", "PJSIP/100")
    fritz = await person(house, "fritz", "PJSIP/1001")
    await mirror_members(
        house,
        "main",
        [
            Member("support", "PJSIP/100", "Someone", "PJSIP/100"),
            Member("support", "Local/1001@from-queue/n", "Fritz", "PJSIP/1001"),
        ],
    )
    assert await mine(house, ten) == []
    assert [member.interface for member in await mine(house, hundred)] == ["PJSIP/100"]
    assert [member.interface for member in await mine(house, fritz)] == ["Local/1001@from-queue/n"]


async def test_queues_that_one_may_sign_in_to_are_listed_too(house: House) -> None:
    anna = await person(house, "anna", "PJSIP/agent1", queues=("support", "sales"))
    await mirror_members(house, "main", [Member("sales", "PJSIP/agent1")])
    assert [(each.queue, each.signed_in) for each in await own_presence(house.db, anna)] == [
        ("sales", True),
        ("support", False),
    ]


async def test_people_are_told_of_signing_in_and_pausing_and_not_of_every_ring(house: House) -> None:
    anna = await person(house, "anna", "PJSIP/agent1")
    await mirror_members(house, "main", [Member("support", "PJSIP/agent1", status=1)])
    await mirror_members(house, "main", [Member("support", "PJSIP/agent1", status=6)])
    assert (await agent(house, anna)).state == "ringing"
    await mirror_members(house, "main", [Member("support", "PJSIP/agent1", status=2, in_call=True)])
    assert (await agent(house, anna)).state == "busy"
    await mirror_members(house, "main", [Member("support", "PJSIP/agent1", status=1, paused=True, pause_reason="午休")])
    assert (await agent(house, anna)).state == "paused"
    await mirror_members(house, "main", [Member("support", "PJSIP/agent1", status=5)])
    assert (await agent(house, anna)).state == "away"
    await mirror_members(house, "main", [], [("support", "PJSIP/agent1")])
    assert (await agent(house, anna)).state == "signed_out"
    assert await told(house) == [
        ("support", True, False),
        ("support", True, True),
        ("support", True, False),
        ("support", False, False),
    ]


async def test_a_snapshot_is_the_whole_truth_of_its_pbx(house: House) -> None:
    anna = await person(house, "anna", "PJSIP/agent1")
    await mirror_members(house, "main", [Member("support", "PJSIP/agent1"), Member("old", "PJSIP/agent1")])
    await mirror_members(house, "other", [Member("support", "PJSIP/agent1")])
    await replace_members(house, "main", [Member("support", "PJSIP/agent1"), Member("new", "PJSIP/agent1")])
    assert [(member.pbx, member.queue) for member in await mine(house, anna)] == [
        ("main", "new"),
        ("main", "support"),
        ("other", "support"),
    ]
    await replace_members(house, "main", [])
    assert [member.pbx for member in await mine(house, anna)] == ["other"]


async def test_the_same_member_twice_in_one_batch_is_written_once(house: House) -> None:
    anna = await person(house, "anna", "PJSIP/agent1")
    twice = [Member("support", "PJSIP/agent1", paused=False), Member("support", "PJSIP/agent1", paused=True)]
    await mirror_members(house, "main", [*twice, Member("", "PJSIP/agent1"), Member("q" * 101, "PJSIP/agent1")])
    assert [member.paused for member in await mine(house, anna)] == [True]


async def test_a_user_who_gets_the_interface_later_gets_the_membership(house: House) -> None:
    anna = await person(house, "anna", "PJSIP/other")
    await note_connection(house, "main", connected=True, version="Asterisk 22")
    await mirror_members(house, "main", [Member("support", "PJSIP/agent1")])
    assert await mine(house, anna) == []
    assert anna.user_id is not None
    await update_user(house, SYSTEM, anna.user_id, {"interfaces": ["PJSIP/agent1"]})
    await note_lag(house, "main", 3.5)
    assert len(await mine(house, anna)) == 1
    assert [state.lag_ms for state in await list_pbxs(house.db, SYSTEM)] == [3.5]


async def test_a_connection_that_nobody_renews_is_shown_as_down(house: House) -> None:
    await note_connection(house, "main", connected=True, version="Asterisk 22")
    assert [state.connected for state in await list_pbxs(house.db, SYSTEM)] == [True]
    await house.db.execute("UPDATE pbx_state SET updated_at = now() - interval '1 minute'")
    (state,) = await list_pbxs(house.db, SYSTEM)
    assert not state.connected
    assert state.error != ""
    anyone = viewer_of(house.new_id(), frozenset())
    assert [(each.connected, each.error, each.node) for each in await list_pbxs(house.db, anyone)] == [(False, "", "")]


async def test_another_nodes_connection_stands(house: House) -> None:
    await note_connection(house, "main", connected=True, version="Asterisk 22")
    await house.db.execute("UPDATE pbx_state SET node = 'another'")
    await note_connection(house, "main", connected=False, error="our own trouble")
    assert [state.connected for state in await list_pbxs(house.db, SYSTEM)] == [True]


def test_rows_and_events_name_the_same_things_differently() -> None:
    row = AmiEvent("QueueMember", {"Queue": "q", "Location": "PJSIP/1", "Name": "A", "Paused": "1", "Status": "6"})
    event = AmiEvent(
        "QueueMemberStatus", {"Queue": "q", "Interface": "PJSIP/1", "MemberName": "A", "Paused": "1", "Status": "6"}
    )
    assert member_of(row) == member_of(event) == Member("q", "PJSIP/1", "A", paused=True, status=6)
    odd = AmiEvent("QueueMemberStatus", {"Queue": "q", "Interface": "x", "Status": "²", "CallsTaken": "9" * 20})
    assert (member_of(odd).status, member_of(odd).calls_taken) == (0, 0)


async def test_a_pause_lasts_since_it_began_whatever_rings_meanwhile(house: House) -> None:
    anna = await person(house, "anna", "PJSIP/agent1")
    paused = Member("support", "PJSIP/agent1", status=1, paused=True, pause_reason="lunch")
    await mirror_members(house, "main", [Member("support", "PJSIP/agent1", status=1)])
    (free,) = await mine(house, anna)
    await mirror_members(house, "main", [paused])
    (began,) = await mine(house, anna)
    await mirror_members(house, "main", [replace(paused, status=6)])
    (ringing,) = await mine(house, anna)
    await mirror_members(house, "main", [replace(paused, pause_reason="meeting")])
    (meeting,) = await mine(house, anna)
    assert free.since is not None
    assert began.since is not None
    assert meeting.since is not None
    assert free.since < began.since
    assert began.since == ringing.since
    assert began.since < meeting.since
    assert ringing.updated_at != began.updated_at
