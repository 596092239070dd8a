"""Twilio's forms as lines: status words, parties, instants, how somebody left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import uuid4

import pytest

from hotline.calls import twilio_phones as phones
from hotline.calls import twilio_story as story
from hotline.calls.facts import AmiEvent
from hotline.calls.story import CallJoined
from hotline.calls.tracker import Tracker

AT = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
SID = "CA" + "0" * 32


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("+4930123456", "+4930123456"),
        ("sip:+4930123456@example.com", "+4930123456"),
        ("sips:1001@example.com:5061", "1001"),
        ("sip:anna@example.com", None),
        ("client:anna", None),
        ("anonymous", None),
        ("Anonymous", None),
        ("+266696687", None),
        ("+7378742833", None),
        ("+86282452253", None),
        ("", None),
        ("+49 30'; DROP", None),
    ],
)
def test_parties(value: str, number: str | None) -> None:
    assert story.party(value) == number


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        (format_datetime(AT - timedelta(minutes=3)), AT - timedelta(minutes=3)),
        (format_datetime(AT - timedelta(seconds=2)), AT),
        (format_datetime(AT + timedelta(hours=1)), AT),
        (format_datetime(AT - timedelta(days=9)), AT),
        ("not a date", AT),
        ("", AT),
    ],
)
def test_a_late_callback_says_when_it_was(told: str, moment: datetime) -> None:
    assert story.moment({"Timestamp": told}, AT) == moment


def test_a_status_that_nobody_knows_is_none() -> None:
    assert story.progress({"CallStatus": "levitating"}) is None
    assert story.progress({}) is None


@pytest.mark.parametrize("sid", ["", "CA", "CA" + "g" * 32, SID + "0", "SM" + "0" * 32])
def test_what_is_no_call_sid(sid: str) -> None:
    assert story.call_sid({"CallSid": sid}) is None


@pytest.mark.parametrize(
    ("status", "left", "answered", "voicemail", "direction", "how"),
    [
        ("completed", None, True, False, "in", "answered"),
        ("completed", "timeout", False, True, "in", "voicemail"),
        ("completed", "timeout", False, False, "in", "no_answer"),
        ("completed", "callback", False, False, "in", "no_answer"),
        ("completed", "gone", False, False, "in", "abandoned"),
        ("canceled", None, False, False, "in", "abandoned"),
        ("busy", None, False, False, "out", "busy"),
        ("no-answer", None, False, False, "out", "no_answer"),
        ("failed", None, False, False, "out", "failed"),
        ("completed", None, False, False, "out", "no_answer"),
    ],
)
def test_how_calls_end(
    status: str, left: str | None, answered: bool, voicemail: bool, direction: str, how: str
) -> None:
    told = story.disposition(status, direction=direction, answered=answered, voicemail=voicemail, left=left)
    assert told == how


@pytest.mark.parametrize(
    ("answered_by", "machine"),
    [("human", False), ("unknown", False), ("machine_start", True), ("machine_end_beep", True), ("fax", True)],
)
def test_machines(answered_by: str, machine: bool) -> None:
    assert story.is_machine(answered_by) is machine


@pytest.mark.parametrize(
    ("interface", "is_twilios"),
    [
        ("tel:+4930123456", True),
        ("client:anna_1", True),
        ("sip:anna@phones.example.com:5061", True),
        ("tel:030123456", False),
        ("PJSIP/anna", False),
        ("Local/1001@from-queue/n", False),
        ("client:a b", False),
        ("sip:anna@phones.example.com?X-Evil=1", False),
    ],
)
def test_phones(interface: str, is_twilios: bool) -> None:
    assert phones.is_twilio_phone(interface) is is_twilios


def test_the_dialplan_joins_the_pbxs_call_to_twilios_once() -> None:
    tracker, twilio = Tracker("rig"), uuid4()
    channel = {"Channel": "PJSIP/twilio-00000001", "Uniqueid": "1763800000.1", "Linkedid": "1763800000.1",
               "ChannelState": "0", "CallerIDNum": "+4930123456", "Exten": "hotline"}  # fmt: skip
    joining = channel | {"Variable": "HOTLINE_JOIN", "Value": str(twilio)}
    lines = tracker.feed(AmiEvent("Newchannel", channel, AT), AT)
    lines += tracker.feed(AmiEvent("VarSet", joining, AT), AT)
    lines += tracker.feed(AmiEvent("VarSet", joining, AT), AT)
    lines += tracker.feed(AmiEvent("VarSet", joining | {"Value": "' OR 1=1"}, AT), AT)
    assert [line.other for line in lines if isinstance(line, CallJoined)] == [twilio]


def test_without_the_records_the_dialplan_joins_by_twilios_own_name() -> None:
    tracker = Tracker("rig")
    channel = {"Channel": "PJSIP/twilio-00000001", "Uniqueid": "1763800000.1", "Linkedid": "1763800000.1",
               "ChannelState": "0", "CallerIDNum": "+4930123456", "Exten": "hotline"}  # fmt: skip
    lines = tracker.feed(AmiEvent("Newchannel", channel, AT), AT)
    for value in ("CA0", "", SID, "CA" + "f" * 32):
        lines += tracker.feed(AmiEvent("VarSet", channel | {"Variable": "HOTLINE_JOIN", "Value": value}, AT), AT)
    assert [line.other for line in lines if isinstance(line, CallJoined)] == [SID]
