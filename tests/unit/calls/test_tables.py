"""The tables and small readings that the tracker stands on."""

from __future__ import annotations

from typing import get_args

import pytest

from hotline.calls import causes, names, states
from hotline.calls.fields import caller_name, caller_number, present, presentation_withheld


@pytest.mark.parametrize("fact", get_args(states.LegFact))
def test_an_ended_leg_stays_ended(fact: states.LegFact) -> None:
    assert states.next_leg_state("ended", fact) == "ended"


@pytest.mark.parametrize("fact", get_args(states.CallFact))
def test_an_ended_call_stays_ended(fact: states.CallFact) -> None:
    assert states.next_call_state("ended", fact) == "ended"


def test_every_state_of_the_tables_can_end() -> None:
    for leg in get_args(states.LegState):
        assert states.next_leg_state(leg, "over") == "ended"
    for call in get_args(states.CallState):
        assert states.next_call_state(call, "ended") == "ended"


def test_an_answered_call_waits_again_only_when_it_is_queued_again() -> None:
    assert states.next_call_state("answered", "queued") == "waiting"
    assert states.next_call_state("answered", "unqueued") == "answered"


@pytest.mark.parametrize(
    ("cause", "call", "ring"),
    [
        (None, None, None), (0, None, None), (16, None, None), (17, "busy", "busy"), (21, "busy", "busy"),
        (18, "no_answer", "no_answer"), (19, "no_answer", "no_answer"), (26, None, "answered_elsewhere"),
        (1, "failed", "failed"), (34, "failed", "failed"), (38, "failed", "failed"), (127, None, None),
    ],
)  # fmt: skip
def test_causes(cause: int | None, call: str | None, ring: str | None) -> None:
    assert (causes.meaning(cause), causes.ring_end(cause)) == (call, ring)


@pytest.mark.parametrize(
    ("channel", "endpoint", "kind"),
    [
        ("PJSIP/agent1-0000002a", "PJSIP/agent1", "phone"),
        ("SIP/voipgrid-siproute-docker-00000016", "SIP/voipgrid-siproute-docker", "phone"),
        ("DAHDI/i1/5551234-1", "DAHDI/i1/5551234", "phone"),
        ("IAX2/peer-1234", "IAX2/peer", "phone"),
        ("Local/1001@from-queue-0000002a;1", "Local/1001@from-queue", "local"),
        ("AsyncGoto/PJSIP/trunk-00000000", "AsyncGoto/PJSIP/trunk", "plumbing"),
        ("Surrogate/PJSIP/trunk-00000000", "Surrogate/PJSIP/trunk", "plumbing"),
        ("Message/ast_msg_queue", "Message/ast_msg_queue", "plumbing"),
        ("odd", "odd", "plumbing"),
    ],
)
def test_channel_names(channel: str, endpoint: str, kind: str) -> None:
    assert (names.endpoint(channel), names.kind_of(channel)) == (endpoint, kind)


def test_masquerade_marks_and_local_halves() -> None:
    assert names.bare("PJSIP/1-0001<ZOMBIE>") == ("PJSIP/1-0001", True)
    assert names.bare("PJSIP/1-0001<MASQ>") == ("PJSIP/1-0001", True)
    assert names.bare("PJSIP/1-0001") == ("PJSIP/1-0001", False)
    assert names.other_half("Local/1@q-0001;1") == "Local/1@q-0001;2"
    assert names.other_half("Local/1@q-0001;2") == "Local/1@q-0001;1"
    assert names.local_target("Local/1002@agents-0001;1") == "1002"
    assert names.local_target("PJSIP/1-0001") is None


def test_a_member_is_its_channels_endpoint_exactly() -> None:
    assert names.same_member("PJSIP/10", "PJSIP/10-0000002a")
    assert not names.same_member("PJSIP/1", "PJSIP/10-0000002a")
    assert names.same_member("Local/1001@from-queue/n", "Local/1001@from-queue-0000002a;1")
    assert not names.same_member("Local/100@from-queue/n", "Local/1001@from-queue-0000002a;1")


def test_the_oldest_uniqueid_comes_first() -> None:
    command = "01a1fdfa-4600-7529-b4a6-2931d6f47716"  # made in 2026
    ids = ["sys-a-1529936141.29", "1529936141.5", command, "195176c06ab8-1529936141.21", "odd"]
    assert sorted(ids, key=names.seniority) == [
        "1529936141.5", "195176c06ab8-1529936141.21", "sys-a-1529936141.29", command, "odd",
    ]  # fmt: skip


def test_derived_ids_are_the_same_for_all_readers_and_in_the_order_of_time() -> None:
    assert names.call_id("pbx", "1529936141.5") == names.call_id("pbx", "1529936141.5")
    assert names.call_id("pbx", "1529936141.5") < names.call_id("pbx", "1529936142.0")
    assert names.ring_id("pbx", "1.1", "PJSIP/1-1") != names.ring_id("pbx", "1.1", "PJSIP/2-1")
    for odd in ("", "x", "9" * 40 + ".1", "\ud800"):
        assert names.call_id("pbx", odd).version == 7


def test_readings_of_fields() -> None:
    assert (present("<unknown>"), present(""), present(None), present("x")) == (None, None, None, "x")
    assert caller_number("<+4930>") == "+4930"
    assert caller_number("Anonymous") is None
    assert caller_name('O\\\'Brien \\"Bob\\"') == 'O\'Brien "Bob"'
    assert caller_name("<unknown>") is None
    assert caller_name("\\n\\t") is None
    assert presentation_withheld("") is None
    assert presentation_withheld("3 (Presentation Allowed, Network Number)") is False
    assert presentation_withheld("35") is True
    assert presentation_withheld("67 (Number Unavailable)") is True
    assert presentation_withheld("something else") is None
