"""Filters that fit into Asterisk's lines, and actions whose values mean nothing to the dialplan."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.calls.facts import TRACKED_EVENTS, TRACKED_VARIABLES
from hotline.pbx import actions, dial
from hotline.pbx.codec import LINE_LIMIT, encode_action
from hotline.pbx.errors import UnsafeValue
from hotline.pbx.filters import advanced_filters, ami_major, regex_filters

ID = UUID("01890000-0000-7000-8000-000000000001")


def matches(event: str, variable: str = "") -> bool:
    """Whether a server with the regular expressions would send this event."""
    text = f"Event: {event}\r\nPrivilege: call,all\r\n" + (f"Variable: {variable}\r\nValue: 1\r\n" if variable else "")
    for headers in regex_filters(TRACKED_EVENTS, TRACKED_VARIABLES):
        if re.search(dict(headers)["Filter"], text, re.DOTALL):
            return True
    return False


def test_regex_filters_let_through_what_is_tracked_and_nothing_like_varset() -> None:
    assert all(matches(name) for name in TRACKED_EVENTS - {"VarSet"})
    assert all(matches("VarSet", variable) for variable in TRACKED_VARIABLES)
    assert not matches("VarSet", "SIPCALLID")
    assert not matches("RTCPSent")
    assert not matches("BridgeEnterElsewhere")
    assert not matches("Newexten")


@pytest.mark.parametrize("make", [regex_filters, advanced_filters])
def test_filters_fit_into_the_lines_that_asterisk_reads(make: object) -> None:
    many = {f"Event{'x' * 20}{number}" for number in range(200)}
    for headers in make(many, many):  # type: ignore[operator]
        assert len(encode_action([("Action", "Filter"), *headers])) < 2 * LINE_LIMIT


def test_advanced_filters_keep_varset_for_named_variables_only() -> None:
    criteria = [dict(headers)["MatchCriteria"] for headers in advanced_filters({"VarSet", "Hangup"}, {"QUEUESTATUS"})]
    assert criteria == [
        "action(include),name(Hangup),method(none)",
        "action(include),name(VarSet),header(Variable),method(exact)",
    ]


@pytest.mark.parametrize(
    ("greeting", "major"), [("11.0.0", 11), ("5.0.4", 5), ("", 0), (None, 0), ("x.1", 0), ("²", 0)]
)
def test_the_version_of_the_manager(greeting: str | None, major: int) -> None:
    assert ami_major(greeting) == major


def test_originate_rings_the_phone_first_and_carries_the_commands_id() -> None:
    action = actions.originate(
        ID, phone="PJSIP/agent1", extension="+4930123456", context="out", caller_id='"A" <1>', ring_seconds=30
    )
    headers = dict(action.headers)
    assert (headers["Channel"], headers["Exten"], headers["ChannelId"]) == ("PJSIP/agent1", "+4930123456", str(ID))
    assert action.action_id == str(ID)
    assert "OtherChannelId" not in headers


def test_a_local_channel_gets_an_id_for_its_other_half() -> None:
    action = actions.originate(
        ID, phone="Local/1001@x/n", extension="1", context="out", caller_id=None, ring_seconds=30
    )
    assert dict(action.headers)["OtherChannelId"] == f"{ID};2"
    assert "CallerID" not in dict(action.headers)


HOSTILE = [
    "", "a b", "1,1,Hangup", "${SHELL(id)}", "1&2", "1|2", '"1"', "1\r\nAction: x", "1\0", "1\n", "$[1]", "(1)",
    "<1>", "1;2", "x" * 200, "'", "`id`", "\\",
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("check", [dial.extension, dial.context, dial.interface, dial.queue, dial.digits])
def test_values_that_the_dialplan_could_understand_are_refused(check: object, value: str) -> None:
    with pytest.raises(UnsafeValue):
        check(value)  # type: ignore[operator]


@pytest.mark.parametrize("value", [each for each in HOSTILE if each != "1;2"])
def test_channels_too(value: str) -> None:
    with pytest.raises(UnsafeValue):
        dial.channel(value)


@given(st.text(max_size=60), st.text(max_size=10))
def test_a_caller_id_never_breaks_out_of_its_quotes(name: str, number: str) -> None:
    made = dial.caller_id(name, number)
    if made is not None:
        assert re.fullmatch(r'("[\w .\'-]*" )?<[0-9*#]+>', made)
        encode_action([("CallerID", made)])


@given(st.text(max_size=100))
def test_a_reason_that_is_taken_holds_nothing_special(text: str) -> None:
    try:
        kept = dial.reason(text)
    except UnsafeValue:
        return
    assert not set(kept) & set('"\\${}<>|\r\n\0')
