"""What a correct reader of Asterisk honours: one test and more for each point."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from hotline.calls.facts import TRACKED_EVENTS, AmiEvent, Snapshot
from hotline.calls.names import call_id, endpoint, ring_id
from hotline.calls.open_calls import OpenCall, OpenRing
from hotline.calls.story import Alias, CallArrived, CallGap, CallsMerged, RingStarted
from hotline.calls.tracker import KEEP_ENDED, Tracker
from tests.unit.calls.script import Chan, Script
from tests.unit.calls.tapes import START, play
from tests.unit.calls.told import Told, fold

ANNA, BO, CHLOE = "PJSIP/10", "PJSIP/100", "PJSIP/11"


def only(script: Script) -> Told:
    (call,) = fold(play(script.events))
    return call


def talking(script: Script, phone: str = ANNA) -> tuple[Chan, Chan, str]:
    """A caller in a queue whom one member has answered."""
    caller = script.caller()
    script.join(caller, "support")
    agent = script.member_rings(caller, "support", phone)
    bridge = script.member_answers(caller, "support", agent)
    return caller, agent, bridge


def attended(script: Script, caller: Chan, agent: Chan, bridge: str, phone: str) -> tuple[Chan, Chan, Chan, str]:
    """The agent consults a colleague, who answers: the recorded shape, over an undialled Local pair."""
    one, two = script.local("1002@agents", caller, number="4000")
    script.part(bridge, agent)
    consult = script.bridge(one, agent)
    target = script.ring(two, phone)
    script.answer(two, target)
    script.bridge(target, two)
    return one, two, target, consult


def complete(script: Script, caller: Chan, agent: Chan, one: Chan, bridge: str, dest: str = "Bridge") -> None:
    script.say(
        "AttendedTransfer",
        ("OrigTransferer", agent), ("SecondTransferer", agent), ("Transferee", caller), ("TransferTarget", one),
        Result="Success" if dest != "Fail" else "Fail", DestType=dest,
    )  # fmt: skip
    if dest != "Fail":
        script.enter(bridge, one)


def test_point_1_order_any_first_event_is_accepted() -> None:
    """Newstate Ringing before AgentCalled, and any order of a ring's own events, tell the same ring."""
    script = Script()
    caller = script.caller()
    script.join(caller, "support")
    before = len(script.events)
    phone = script.member_rings(caller, "support", ANNA)
    after = script.events[before:]
    head = script.events[:before]
    script.hangs_up(caller)
    script.hangup(phone)
    tail = script.events[before + len(after) :]
    stories = set()
    for order in permutations(after):
        (call,) = fold(play([*head, *order, *tail]))
        ring = call.ring(ANNA)
        stories.add((call.disposition, ring.ring_id, frozenset(ring.interfaces), ring.queue, ring.kind, ring.end))
    assert len(stories) == 1
    assert stories.pop()[2] == frozenset({ANNA, "Anna"})


def test_point_1_terminal_states_stick() -> None:
    script = Script()
    caller, agent, bridge = talking(script)
    script.part(bridge, caller, agent)
    script.over(agent, caller)
    script.events += [e for e in script.events if e.name in ("Newstate", "Newchannel", "BridgeEnter", "DialBegin")]
    call = only(script)
    assert (call.disposition, call.ring(ANNA).end, len(call.rings)) == ("answered", "completed", 1)


def test_point_2_only_events_that_tell_of_calls_are_asked_for() -> None:
    """Answers to actions never reach the tracker; what it does read is named, so that filters can be set."""
    assert {"Newchannel", "Hangup", "AttendedTransfer", "QueueCallerAbandon"} <= TRACKED_EVENTS
    assert "Newexten" not in TRACKED_EVENTS
    tracker = Tracker("pbx")
    assert tracker.feed(AmiEvent("OriginateResponse", {"Uniqueid": "1.1", "Channel": "PJSIP/1-1"}), START) == []
    assert tracker.held == 0


def test_point_3_a_changed_linkedid_joins_two_calls_into_the_older() -> None:
    script = Script()
    caller = script.caller()
    other = script.channel("PJSIP/12", number="12", exten="700", state=4)
    script.wait(1)
    other.linkedid = caller.linkedid
    script.bridge(caller, other)
    lines = play(script.events)
    merged = [line for line in lines if isinstance(line, CallsMerged)]
    assert [(m.call_id, m.gone) for m in merged] == [(call_id("pbx", caller.uniqueid), call_id("pbx", other.uniqueid))]
    (call,) = fold(lines)
    assert {("uniqueid", caller.uniqueid), ("uniqueid", other.uniqueid)} <= call.aliases
    assert call.number == caller.number


def test_point_3_a_parking_lot_joins_nobody() -> None:
    script = Script()
    one, two = script.caller("+491"), script.caller("+492")
    script.bridge(one, two, kind="parking")
    assert len(fold(play(script.events))) == 2


def test_point_4_a_uniqueid_that_moves_keeps_its_ring() -> None:
    """A masquerade gives the agent's phone another uniqueid (AsyncGoto): still one ring, ended by its own hangup."""
    script = Script()
    caller, agent, _ = talking(script)
    goto = script.channel(f"AsyncGoto/{agent.name}", caller)
    old = agent.uniqueid
    script.say("Rename", Channel=agent.name, Newname=f"{agent.name}<MASQ>", Uniqueid=old)
    script.say("Rename", Channel=goto.name, Newname=agent.name, Uniqueid=goto.uniqueid)
    script.say("Rename", Channel=f"{agent.name}<MASQ>", Newname=f"{goto.name}<ZOMBIE>", Uniqueid=old)
    agent.uniqueid = goto.uniqueid
    zombie = Chan(f"{goto.name}<ZOMBIE>", old, caller.linkedid, 6, "", "", "s")
    script.hangup(zombie)
    script.wait(5)
    middle = fold(play(script.events))
    assert middle[0].disposition is None
    assert middle[0].ring(ANNA).end is None
    script.over(agent, caller)
    call = only(script)
    assert (len(call.rings), call.ring(ANNA).end) == (1, "completed")
    assert call.ended_at == script.now


def test_point_4_ids_carry_the_pbx() -> None:
    assert call_id("one", "1.1") != call_id("two", "1.1")
    assert ring_id("one", "1.1", "PJSIP/1-1") != ring_id("two", "1.1", "PJSIP/1-1")
    assert call_id("one", "1795295012.0").version == 7


def test_point_5_a_freepbx_member_is_one_ring_with_all_its_names() -> None:
    script = Script()
    caller = script.caller()
    script.join(caller, "600")
    script.say(
        "QueueMemberStatus",
        Queue="600", Interface="Local/1001@from-queue/n", StateInterface="hint:1001@ext-local", MemberName="Anna",
    )  # fmt: skip
    one, two = script.local("1001@from-queue", caller)
    script.say(
        "AgentCalled", ("", caller), ("Dest", one), Queue="600", Interface="Local/1001@from-queue/n", MemberName="Anna"
    )
    script.dial(caller, one)
    inner_one, inner_two = script.local("FMPR-1001@from-internal", caller)
    script.dial(two, inner_one)
    phone = script.ring(inner_two, "PJSIP/1001")
    script.state(one, 5)
    call = only(script)
    (ring,) = call.rings.values()
    assert ring.interfaces == {"PJSIP/1001", "Local/1001@from-queue/n", "hint:1001@ext-local", "Anna"}
    assert (ring.queue, ring.kind) == ("600", "offer")
    # answered through both pairs, optimised away afterwards
    script.answer(inner_two, phone)
    script.bridge(phone, inner_two)
    script.bridge(inner_one, two)
    script.bridge(one, caller)
    call = only(script)
    assert call.ring("PJSIP/1001").joined
    script.over(one, two, inner_one, inner_two)
    script.over(phone, caller)
    assert only(script).disposition == "answered"


def test_point_5_interfaces_are_exact() -> None:
    script = Script()
    caller = script.caller()
    script.ring(caller, ANNA)
    script.ring(caller, BO)
    call = only(script)
    assert [sorted(r.interfaces) for r in call.rings.values()] == [[ANNA], [BO]]
    assert endpoint("SIP/150010002-00000003") == "SIP/150010002"
    assert endpoint("PJSIP/site-a-phone-0000002a") == "PJSIP/site-a-phone"


def test_point_6_ringall_retracts_each_loser() -> None:
    script = Script()
    caller = script.caller()
    script.join(caller, "support")
    phones = [script.member_rings(caller, "support", f"PJSIP/{n}", member=f"A{n}") for n in (1, 2, 3, 4, 5)]
    script.wait(2)
    script.member_answers(caller, "support", phones[2], losers=(*phones[:2], *phones[3:]))
    call = only(script)
    assert {name: call.ring(f"PJSIP/{name}").end for name in "12345"} == {
        "1": "answered_elsewhere",
        "2": "answered_elsewhere",
        "3": None,
        "4": "answered_elsewhere",
        "5": "answered_elsewhere",
    }
    assert [r.joined for r in call.rings.values()] == [False, False, True, False, False]


def test_point_6_one_offer_per_ring_attempt() -> None:
    """A second attempt on the same phone is another ring; the same attempt is never offered under two ids."""
    script = Script()
    caller = script.caller()
    script.join(caller, "support")
    for _ in range(2):
        phone = script.member_rings(caller, "support", ANNA)
        script.say("AgentRingNoAnswer", ("", caller), ("Dest", phone), Queue="support", Interface=ANNA)
        script.dial_end(caller, phone, "CANCEL")
        script.hangup(phone)
    started = [line for line in play(script.events) if isinstance(line, RingStarted)]
    assert len({line.ring_id for line in started}) == 2
    assert {r.end for r in only(script).rings.values()} == {"no_answer"}


@pytest.mark.parametrize(
    ("status", "reason", "disposition"),
    [
        ("TIMEOUT", "timeout", "no_answer"),
        ("LEAVEEMPTY", "leave_empty", "no_answer"),
        ("LEAVEUNAVAIL", "leave_empty", "no_answer"),
        ("WITHDRAW", "withdrawn", "no_answer"),
    ],
)
def test_point_7_not_every_queue_caller_abandon_is_one(status: str, reason: str, disposition: str) -> None:
    script = Script()
    caller = script.caller()
    script.join(caller, "support")
    script.leave(caller, "support", abandon=True, status=status)
    script.hangup(caller)
    call = only(script)
    assert (call.left, call.disposition) == ([("support", reason)], disposition)


def test_point_7_a_caller_who_hangs_up_abandons() -> None:
    script = Script()
    caller = script.caller()
    script.join(caller, "support")
    phone = script.member_rings(caller, "support", ANNA)
    script.dial_end(caller, phone, "CANCEL")
    script.leave(caller, "support", abandon=True)
    script.hangup(phone)
    script.hangs_up(caller)
    call = only(script)
    assert (call.left, call.disposition) == ([("support", "abandoned")], "abandoned")
    assert call.ring(ANNA).end == "cancelled"


def test_point_7_a_second_queue_after_a_timeout() -> None:
    script = Script()
    caller = script.caller()
    script.join(caller, "first")
    script.leave(caller, "first", abandon=True, status="TIMEOUT")
    script.join(caller, "second")
    phone = script.member_rings(caller, "second", ANNA)
    script.member_answers(caller, "second", phone)
    call = only(script)
    assert (call.queues, call.left) == (["first", "second"], [("first", "timeout")])
    assert call.ring(ANNA).queue == "second"


def test_point_8_agent_complete_ends_nothing_the_hangup_does() -> None:
    script = Script()
    caller, agent, _ = talking(script)
    script.say("AgentComplete", ("", caller), ("Dest", agent), Queue="support", Interface=ANNA, Reason="transfer")
    call = only(script)
    assert (call.ring(ANNA).end, call.disposition) == (None, None)
    script.over(agent, caller)
    assert only(script).ring(ANNA).end == "completed"


def test_point_9_attended_transfer_carries_the_customer() -> None:
    script = Script()
    caller, agent, bridge = talking(script)
    one, _, target, _ = attended(script, caller, agent, bridge, BO)
    call = only(script)
    ring = call.ring(BO)
    assert (call.number, ring.kind, ring.answered, ring.joined) == ("+4930123456", "transfer", True, False)
    assert call.transfers == {}, "consulting is not yet transferring"
    complete(script, caller, agent, one, bridge)
    script.hangup(agent)
    call = only(script)
    gave = call.ring(ANNA)
    assert call.transfers == {("attended", gave.ring_id): (ring.ring_id, "1002")}
    assert (gave.end, call.ring(BO).joined, call.disposition) == ("transferred", True, None)
    script.over(caller, target)
    call = only(script)
    assert (call.ring(BO).end, call.disposition) == ("completed", None), "the Local pair is still there"


@pytest.mark.parametrize("dest", ["Bridge", "Link", "App"])
def test_point_9_every_way_to_complete_moves_the_call(dest: str) -> None:
    script = Script()
    caller, agent, bridge = talking(script)
    one, *_ = attended(script, caller, agent, bridge, BO)
    complete(script, caller, agent, one, bridge, dest)
    script.hangup(agent)
    call = only(script)
    assert [kind for kind, _ in call.transfers] == ["attended"]
    assert call.ring(ANNA).end == "transferred"


def test_point_9_a_failed_transfer_moves_nothing() -> None:
    script = Script()
    caller, agent, bridge = talking(script)
    one, two, target, consult = attended(script, caller, agent, bridge, BO)
    complete(script, caller, agent, one, bridge, "Fail")
    script.part(consult, agent, one)
    script.over(target, two, one)
    script.enter(bridge, agent)
    script.wait(3)
    script.over(agent, caller)
    call = only(script)
    assert (call.transfers, call.ring(ANNA).end, call.ring(BO).joined) == ({}, "completed", False)


def test_point_9_three_way_moves_when_the_agent_leaves() -> None:
    script = Script()
    caller, agent, bridge = talking(script)
    one, *_ = attended(script, caller, agent, bridge, BO)
    complete(script, caller, agent, one, bridge, "Threeway")
    script.enter(bridge, agent)
    call = only(script)
    assert (call.transfers, call.ring(BO).joined) == ({}, True)
    script.part(bridge, agent)
    script.hangup(agent)
    call = only(script)
    assert [kind for kind, _ in call.transfers] == ["attended"]
    assert call.ring(ANNA).end == "transferred"


def test_point_9_two_lines_of_the_agents_phone() -> None:
    """A phone's own transfer key: the consultation is a call of its own until the PBX joins them."""
    script = Script()
    caller, agent, bridge = talking(script)
    script.say("Hold", ("", agent))
    second = script.channel(ANNA, number="10", exten="1002", state=4)
    target = script.ring(second, BO)
    script.answer(second, target)
    script.state(second, 6)
    talk = script.bridge(second, target)
    assert len(fold(play(script.events))) == 2
    script.say(
        "AttendedTransfer",
        ("OrigTransferer", second), ("SecondTransferer", agent), ("Transferee", target), ("TransferTarget", caller),
        Result="Success", DestType="Bridge",
    )  # fmt: skip
    script.part(talk, target)
    script.part(bridge, agent)
    target.linkedid = caller.linkedid
    script.enter(bridge, target)
    script.over(agent, second)
    (call,) = fold(play(script.events))
    assert (call.call_id, call.number) == (call_id("pbx", caller.uniqueid), "+4930123456")
    gave, got = call.ring(ANNA), call.ring(BO)
    assert call.transfers[("attended", gave.ring_id)][0] == got.ring_id
    assert (gave.end, got.joined, got.kind) == ("transferred", True, "transfer")


def test_point_9_blind_transfer_rings_the_target_with_the_customer() -> None:
    script = Script()
    caller, agent, bridge = talking(script)
    script.say(
        "BlindTransfer", ("Transferer", agent), ("Transferee", caller),
        Result="Success", Extension="1002", Context="agents", BridgeUniqueid=bridge,
    )  # fmt: skip
    script.part(bridge, caller, agent)
    script.hangup(agent)
    target = script.ring(caller, BO)
    call = only(script)
    gave, ring = call.ring(ANNA), call.ring(BO)
    assert (ring.kind, gave.end, call.number) == ("transfer", "transferred", "+4930123456")
    script.answer(caller, target)
    script.bridge(target, caller)
    script.over(target, caller)
    call = only(script)
    assert call.transfers == {("blind", gave.ring_id): (ring.ring_id, "1002")}
    assert (call.ring(BO).end, call.disposition) == ("completed", "answered")


def test_point_9_forwarding_is_no_transfer() -> None:
    """302: the phone sends the call on; the new phone rings with the caller, the first gave no answer."""
    script = Script()
    caller = script.caller()
    phone = script.ring(caller, ANNA)
    one, two = script.local("1002@agents", caller)
    script.say("DialEnd", ("", caller), ("Dest", phone), DialStatus="CANCEL", Forward="1002")
    script.dial(caller, one)
    script.hangup(phone, 23)
    target = script.ring(two, BO)
    script.answer(two, target)
    script.bridge(target, two)
    script.bridge(one, caller)
    call = only(script)
    assert (call.ring(BO).kind, call.ring(BO).joined, call.transfers) == ("offer", True, {})
    assert call.ring(ANNA).end == "no_answer"


def test_point_9_pickup_the_picker_is_the_one_who_answers() -> None:
    script = Script()
    caller = script.caller()
    script.join(caller, "support")
    rung = script.member_rings(caller, "support", ANNA)
    picker = script.channel(CHLOE, number="11", exten="*8", state=4)
    script.say("Pickup", ("", picker), ("Target", rung))
    name, old = rung.name, picker.uniqueid
    script.say("Rename", Channel=picker.name, Newname=f"{picker.name}<MASQ>", Uniqueid=old)
    script.say("Rename", Channel=name, Newname=picker.name, Uniqueid=rung.uniqueid)
    script.say("Rename", Channel=f"{picker.name}<MASQ>", Newname=f"{name}<ZOMBIE>", Uniqueid=old)
    answered = Chan(picker.name, rung.uniqueid, caller.linkedid, 6, "11", "", "s")
    zombie = Chan(f"{name}<ZOMBIE>", old, caller.linkedid, 5, "", "", "s")
    script.say("Newstate", ("", answered))
    script.dial_end(caller, answered, "ANSWER")
    script.leave(caller, "support")
    script.say("AgentConnect", ("", caller), ("Dest", answered), Queue="support", Interface=ANNA, MemberName="Anna")
    script.hangup(zombie, 26)
    script.bridge(answered, caller)
    (call,) = fold(play(script.events))
    missed, got = call.ring(ANNA), call.ring(CHLOE)
    assert (missed.joined, missed.end) == (False, "answered_elsewhere")
    assert (got.kind, got.joined, got.queue, got.interfaces) == ("pickup", True, "support", {CHLOE})


def _row(chan: Chan, *, bridge: str = "", duration: str = "00:00:05") -> AmiEvent:
    return AmiEvent(
        "CoreShowChannel",
        {
            "Channel": chan.name, "ChannelState": str(chan.state), "CallerIDNum": chan.number,
            "CallerIDName": "<unknown>", "Exten": chan.exten, "Uniqueid": chan.uniqueid, "Linkedid": chan.linkedid,
            "BridgeId": bridge, "Duration": duration,
        },
    )  # fmt: skip


def test_point_10_reconnect_closes_what_vanished_and_shows_the_gap() -> None:
    script = Script()
    caller, agent, bridge = talking(script)
    gone = script.caller("+4940")
    ringing = script.ring(gone, BO)
    tracker = Tracker("pbx")
    lines = play(script.events, tracker)
    since = script.now
    now = since + timedelta(seconds=20)
    snapshot = Snapshot((_row(caller, bridge=bridge), _row(agent, bridge=bridge)))
    lines += tracker.restore([], snapshot, now, since=since)
    stays, vanished = fold(lines)
    assert (stays.gaps, stays.disposition, stays.ring(ANNA).end) == (1, None, None)
    assert (vanished.disposition, vanished.end_seen) == ("no_answer", False)
    assert vanished.ring(BO).end == "unseen"
    assert [line.since for line in lines if isinstance(line, CallGap)] == [since, since]
    late = Script(start=now, counter=50)
    late.over(agent, caller)
    late.hangup(ringing)
    for event in late.events:
        lines += tracker.feed(event, late.now)
    stays, vanished = fold(lines)
    assert (stays.disposition, stays.end_seen, vanished.end_seen) == ("answered", True, False)


def test_point_10_a_transfer_during_the_gap_is_seen_by_its_result() -> None:
    """While nobody read, the caller moved to another bridge with another phone."""
    script = Script()
    caller, agent, _ = talking(script)
    other = script.ring(caller, BO)
    tracker = Tracker("pbx")
    lines = play(script.events, tracker)
    other.state = 6
    now = script.now + timedelta(seconds=20)
    rows = (_row(caller, bridge="elsewhere", duration="00:01:00"), _row(other, bridge="elsewhere"))
    lines += tracker.restore([], Snapshot(rows), now, since=script.now)
    (call,) = fold(lines)
    assert (call.ring(ANNA).end, call.ring(BO).joined, call.disposition) == ("unseen", True, None)
    assert agent.name not in {row.get("Channel") for row in rows}


def test_point_10_an_incomplete_snapshot_closes_nothing() -> None:
    script = Script()
    talking(script)
    tracker = Tracker("pbx")
    lines = play(script.events, tracker)
    lines += tracker.restore([], Snapshot(complete=False), script.now, since=script.now)
    assert fold(lines)[0].disposition is None


def test_point_10_a_fresh_tracker_goes_on_with_the_records() -> None:
    """After a restart: calls keep their ids, dead ones end unseen, rings that are over raise nothing."""
    script = Script()
    caller, agent, bridge = talking(script)
    waiting = script.caller("+4950")
    script.join(waiting, "support")
    talks = ring_id("pbx", agent.uniqueid, agent.name)
    known = OpenCall(
        call_id("pbx", caller.uniqueid), (Alias("uniqueid", caller.uniqueid), Alias("linkedid", caller.uniqueid)),
        START, START, "support", (OpenRing(talks, agent.uniqueid, ANNA, START, START, "transfer"),),
    )  # fmt: skip
    dead_ring = OpenRing(ring_id("pbx", "9.2", "x"), "9.2", BO, START, None)
    dead = OpenCall(call_id("pbx", "9.1"), (Alias("uniqueid", "9.1"),), START, None, None, (dead_ring,))
    tracker = Tracker("pbx")
    now = script.now + timedelta(minutes=2)
    rows = (_row(caller, bridge=bridge, duration="00:03:00"), _row(agent, bridge=bridge, duration="00:02:55"))
    place = {"Queue": "support", "Position": "1", "Wait": "120"}
    entry = AmiEvent("QueueEntry", {"Channel": waiting.name, "Uniqueid": waiting.uniqueid} | place)
    lines = tracker.restore([known, dead], Snapshot((*rows, _row(waiting)), (entry,)), now, since=script.now)
    assert [line for line in lines if isinstance(line, RingStarted)] == []
    calls = {call.call_id: call for call in fold(lines)}
    assert calls[dead.call_id].end_seen is False
    assert calls[known.call_id].gaps == 1
    newcomer = calls[call_id("pbx", waiting.uniqueid)]
    assert (newcomer.number, newcomer.queues) == ("+4950", ["support"])
    ending = Script(start=now, counter=60)
    ending.over(agent, caller)
    for event in ending.events:
        lines += tracker.feed(event, ending.now)
    call = next(c for c in fold(lines) if c.call_id == known.call_id)
    assert (call.disposition, call.end_seen) == ("answered", True)


def test_point_10_a_ring_found_by_the_snapshot_tells_its_age() -> None:
    script = Script()
    caller = script.caller()
    phone = script.ring(caller, ANNA)
    now = script.now + timedelta(seconds=90)
    tracker = Tracker("pbx")
    rows = (_row(caller, duration="00:01:31"), _row(phone, duration="00:01:30"))
    lines = tracker.restore([], Snapshot(rows), now)
    (started,) = [line for line in lines if isinstance(line, RingStarted)]
    assert started.age == 90


def test_point_10_after_a_restart_of_asterisk_a_name_is_another_channel() -> None:
    before = Script()
    caller = before.caller("+491")
    after = Script(start=before.now + timedelta(minutes=1), counter=7)
    again = Chan(caller.name, "1795299999.0", "1795299999.0", 4, "+492", "", "4000")
    after.say("Newchannel", ("", again))
    one, two = fold(play([*before.events, *after.events]))
    assert (one.number, one.end_seen, two.number, two.disposition) == ("+491", False, "+492", None)


def test_point_11_feeding_is_bounded_work_and_bounded_memory() -> None:
    """Ended calls are forgotten, and so are the finished rings of somebody who waits for an hour."""
    tracker = Tracker("pbx")
    for number in range(30):
        script = Script(counter=number * 10)
        caller, agent, _ = talking(script)
        script.over(agent, caller)
        play(script.events, tracker)
    tracker.sweep(START + KEEP_ENDED + timedelta(minutes=1))
    assert tracker.held == 0
    script = Script()
    caller = script.caller()
    script.join(caller, "support")
    for _ in range(300):
        phone = script.member_rings(caller, "support", ANNA)
        script.dial_end(caller, phone, "CANCEL")
        script.hangup(phone)
        script.wait(15)
    play(script.events, tracker)
    assert len(tracker._intake.channels) < 60


def test_point_11_a_lost_hangup_of_a_local_half_leaves_no_ghost() -> None:
    script = Script()
    caller = script.caller()
    _, two = script.local("1002@agents", caller)
    phone = script.ring(two, ANNA)
    script.over(phone, caller)
    tracker = Tracker("pbx")
    lines = play(script.events, tracker)
    assert fold(lines)[0].disposition is None
    lines += tracker.sweep(script.now + timedelta(minutes=3))
    assert fold(lines)[0].disposition == "abandoned"
    tracker.sweep(script.now + timedelta(minutes=6))
    assert tracker.held == 0


def test_point_11_more_calls_than_bearable_end_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotline.calls.tracker.MAX_CALLS", 3)
    tracker = Tracker("pbx")
    lines = []
    for number in range(5):
        script = Script(start=START + timedelta(minutes=number), counter=number)
        script.caller(f"+49{number}")
        lines += play(script.events, tracker)
    assert tracker.held == 3
    assert [call.end_seen for call in fold(lines)].count(False) == 2


def test_point_12_the_age_of_a_late_event_is_told() -> None:
    script = Script()
    caller = script.caller()
    before = len(script.events)
    script.ring(caller, ANNA)
    tracker = Tracker("pbx")
    now = script.now + timedelta(seconds=75)
    lines = [line for event in script.events for line in tracker.feed(event, now)]
    (started,) = [line for line in lines if isinstance(line, RingStarted)]
    assert started.age is not None
    assert 75 <= started.age < 76
    assert before == 2
    unstamped = Script(stamped=False)
    unstamped.ring(unstamped.caller(), ANNA)
    ages = {line.age for line in play(unstamped.events)}
    assert ages == {None}, "without timestamps no age is claimed"


def test_point_12_nothing_depends_on_our_clock() -> None:
    """Events are read at once, seconds late or in bursts: the story is the PBX's."""
    script = Script()
    caller, agent, _ = talking(script)
    script.over(agent, caller)
    stories = []
    for late in (0, 3, 300):
        tracker = Tracker("pbx")
        lines = [line for e in script.events for line in tracker.feed(e, (e.at or START) + timedelta(seconds=late))]
        (call,) = fold(lines)
        stories.append((call.call_id, call.ended_at, call.ring(ANNA).at, call.disposition))
    assert len(set(stories)) == 1


@pytest.mark.parametrize(
    "number", ["", "<unknown>", "anonymous", "Restricted", "Unavailable", "+266696687", "<anonymous>", "Anonymous"]
)
def test_point_13_every_way_of_having_no_number(number: str) -> None:
    script = Script()
    script.caller(number)
    call = only(script)
    assert (call.number, call.withheld) == (None, True)


@pytest.mark.parametrize(
    "value", ["prohib_passed_screen", "prohib", "unavailable", "33", "32 (Presentation Prohibited)"]
)
def test_point_13_a_number_that_may_not_be_shown_is_not_kept(value: str) -> None:
    """P-Asserted-Identity with Privacy: the number is in every event, only the presentation tells."""
    script = Script()
    caller = script.caller("+4930999")
    script.variable(caller, "HOTLINE_PRESENTATION", value)
    script.join(caller, "support")
    script.member_rings(caller, "support", ANNA)
    call = only(script)
    assert (call.number, call.name, call.withheld) == (None, None, True)


def test_point_13_an_allowed_presentation_hides_nothing() -> None:
    script = Script()
    caller = script.caller("+4930999")
    script.variable(caller, "HOTLINE_PRESENTATION", "allowed_not_screened")
    script.say("NewCallerid", ("", caller), **{"CID-CallingPres": "0 (Presentation Allowed, Not Screened)"})
    assert only(script).number == "+4930999"


def test_point_14_the_callers_own_text_is_text() -> None:
    script = Script()
    hostile = "<script>alert(1)</script>" + '\\"${SHELL(rm)}\\n' + "\x00\x1b" + "x" * 10_000
    caller = script.channel("PJSIP/trunk", number="+4930", name=hostile, exten="4000", state=4)
    script.hangup(caller)
    name = only(script).name
    assert name is not None
    assert len(name) == 80
    assert name.startswith('<script>alert(1)</script>"${SHELL(rm)}')
    assert all(c.isprintable() for c in name)


def test_point_15_a_forged_event_alone_answers_nothing() -> None:
    """A caller who smuggles an event of a call that is not there makes no ring and no answer."""
    tracker = Tracker("pbx")
    forged = {"Channel": "PJSIP/10-000000ff", "Uniqueid": "1.1", "Linkedid": "1.1", "ChannelState": "6", "Cause": "16"}
    lines = tracker.feed(AmiEvent("Hangup", forged), START)
    lines += tracker.sweep(START + timedelta(seconds=10))
    assert lines == []
    snapshot_says_no = tracker.feed(AmiEvent("Newchannel", forged), START)
    lines = snapshot_says_no + tracker.restore([], Snapshot(), START + timedelta(seconds=1), since=START)
    (call,) = fold(lines)
    assert call.disposition is not None


def test_point_16_repeated_headers_and_odd_bytes() -> None:
    script = Script()
    caller = script.channel("PJSIP/trunk", number="+4930", name="M\ufffdller", exten="4000", state=4)
    event = script.events[-1]
    tracker = Tracker("pbx")
    again = AmiEvent(event.name, event.fields, event.at, {"ChanVariable": ("a=1", "b=2")})
    (arrived,) = tracker.feed(again, script.now)
    assert isinstance(arrived, CallArrived)
    assert (arrived.name, arrived.number) == ("M\ufffdller", caller.number)
