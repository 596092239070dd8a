"""What a snapshot tells about a command whose answer was lost."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from hotline.calls.command_states import NEXT, sources
from hotline.calls.facts import AmiEvent, Snapshot
from hotline.crm.commands.calls.pbx_commands import CommandOrder
from hotline.telephony.executor import outcome

ID = UUID("01890000-0000-7000-8000-000000000001")
AT = datetime(2026, 3, 1, tzinfo=UTC)


def order(action: str, **data: object) -> CommandOrder:
    return CommandOrder(ID, "main", action, None, None, None, data, AT, AT)


def member(queue: str, phone: str, paused: str = "0") -> AmiEvent:
    return AmiEvent("QueueMember", {"Queue": queue, "Location": phone, "Paused": paused})


def channel(name: str, uniqueid: str) -> AmiEvent:
    return AmiEvent("CoreShowChannel", {"Channel": name, "Uniqueid": uniqueid, "Linkedid": "1.1"})


HERE = Snapshot(
    channels=(channel("PJSIP/agent1-1", str(ID)), channel("PJSIP/trunk-1", "1.1")),
    members=(member("support", "PJSIP/agent1", "1"), member("sales", "PJSIP/agent1")),
)
AGENT = ["support", "PJSIP/agent1"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (order("originate"), "done"),
        (order("hangup", ids=["1.1"]), "unknown"),
        (order("hangup", ids=["4.4"]), "done"),
        (order("hangup", ids=["1.1"], uniqueid="1.7", interfaces=["PJSIP/agent2"]), "done"),
        (order("pause", members=[AGENT]), "done"),
        (order("unpause", members=[AGENT]), "unknown"),
        (order("unpause", members=[["sales", "PJSIP/agent1"]]), "done"),
        (order("pause", members=[["gone", "PJSIP/agent1"]]), "unknown"),
        (order("sign_in", phone="PJSIP/agent1", queues=["support", "sales"]), "done"),
        (order("sign_in", phone="PJSIP/agent2", queues=["support"]), "unknown"),
        (order("sign_out", members=[AGENT]), "unknown"),
        (order("sign_out", members=[["support", "PJSIP/agent3"]]), "done"),
        (order("blind_transfer", ids=["1.1"]), "unknown"),
        (order("attended_transfer", ids=["1.1"]), "unknown"),
    ],
)
def test_what_a_snapshot_tells(command: CommandOrder, expected: str) -> None:
    assert outcome(command, HERE) == expected


def test_an_incomplete_snapshot_tells_nothing() -> None:
    assert outcome(order("hangup", ids=["4.4"]), Snapshot(complete=False)) == "unknown"


def test_the_legs_of_a_local_channel_count_as_the_command() -> None:
    there = Snapshot(channels=(channel("Local/1001@x-1;2", f"{ID};2"),))
    assert outcome(order("originate"), there) == "done"
    assert outcome(order("originate"), Snapshot()) == "unknown"


def test_the_table_of_states_has_ends_that_stick() -> None:
    assert [state for state, following in NEXT.items() if not following] == ["done", "failed", "expired"]
    assert sources("done") == ["sent", "unknown"]
    assert sources("expired") == ["pending"]
    assert sources("sent") == ["pending"]
    assert all(target in NEXT for following in NEXT.values() for target in following)
