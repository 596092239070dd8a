"""A phone's channel is found by its exact interface, within its own call."""

from __future__ import annotations

import pytest

from hotline.calls.facts import AmiEvent
from hotline.telephony.channels import caller_channel, channel_of, endpoint


def channel(name: str, uniqueid: str, linkedid: str, state: str = "6") -> AmiEvent:
    return AmiEvent(
        "CoreShowChannel", {"Channel": name, "Uniqueid": uniqueid, "Linkedid": linkedid, "ChannelState": state}
    )


CALL = [
    channel("PJSIP/trunk-00000001", "1.1", "1.1"),
    channel("PJSIP/10-00000002", "1.2", "1.1"),
    channel("PJSIP/100-00000003", "1.3", "1.1"),
    channel("PJSIP/10-00000009", "7.9", "7.1"),
    channel("Local/1001@from-queue-00000004;1", "1.4", "1.1"),
    channel("Local/1001@from-queue-00000004;2", "1.5", "1.1"),
    channel("PJSIP/1001-0000000a", "1.6", "1.1", "5"),
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PJSIP/agent-with-dash-0000002a", "PJSIP/agent-with-dash"),
        ("Local/1001@from-queue-00000004;2", "Local/1001@from-queue"),
        ("nonsense", ""),
    ],
)
def test_the_endpoint_of_a_channel(name: str, expected: str) -> None:
    assert endpoint(name) == expected


def test_one_agents_phone_is_not_anothers() -> None:
    assert channel_of(CALL, "1.2", ["PJSIP/10"], ["1.1"]) == "PJSIP/10-00000002"
    assert channel_of(CALL, "1.3", ["PJSIP/100"], ["1.1"]) == "PJSIP/100-00000003"


def test_the_same_phones_other_call_is_not_touched() -> None:
    assert channel_of(CALL, "7.9", ["PJSIP/10"], ["7.1"]) == "PJSIP/10-00000009"
    assert channel_of(CALL, "9.9", ["PJSIP/10"], ["8.1"]) is None


def test_a_freepbx_member_is_the_phone_before_the_local_channel() -> None:
    member = ["Local/1001@from-queue/n", "PJSIP/1001"]
    assert channel_of(CALL, "1.4", member, ["1.1"]) == "PJSIP/1001-0000000a"
    assert channel_of(CALL[:-1], "1.4", member, ["1.1"]) == "Local/1001@from-queue-00000004;1"


def test_a_uniqueid_that_moved_is_found_by_the_interface() -> None:
    assert channel_of(CALL, "0.0", ["PJSIP/10"], ["1.1"]) == "PJSIP/10-00000002"


def test_the_caller_is_the_oldest_channel() -> None:
    assert caller_channel(CALL, ["1.1"]) == "PJSIP/trunk-00000001"
    assert caller_channel(CALL, ["5.5"]) is None
