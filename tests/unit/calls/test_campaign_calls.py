"""Calls of campaigns are no calls of the desk's: their deliveries tell of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hotline.calls.facts import AmiEvent, Snapshot
from hotline.calls.tracker import Tracker

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ID = "01a2039d-2555-777d-90e6-3fb9a2abd60d"
FIRST = {"Channel": "Local/+12122000000@hotline-out-00000001;1", "Uniqueid": ID, "Linkedid": ID, "ChannelState": "0"}
TRUNK = {"Channel": "PJSIP/trunk-00000001", "Uniqueid": "1795356974.7", "Linkedid": ID, "ChannelState": "6"}


@pytest.mark.parametrize("marked", [{"VarSet": {"Variable": "HOTLINE_PUSH", "Value": ID}}, {"Newstate": {}}])
def test_nothing_is_told_of_them(marked: dict[str, dict[str, str]]) -> None:
    tracker = Tracker("main")
    lines = tracker.feed(AmiEvent("Newchannel", FIRST, AT), AT)
    for name, more in marked.items():
        lines += tracker.feed(AmiEvent(name, FIRST | {"Context": "hotline-push"} | more, AT), AT)
    lines += tracker.feed(AmiEvent("Newchannel", TRUNK | {"CallerIDNum": "+15005550006"}, AT), AT)
    lines += tracker.feed(AmiEvent("BridgeEnter", TRUNK | {"BridgeUniqueid": "b", "BridgeType": "basic"}, AT), AT)
    lines += tracker.sweep(AT + timedelta(minutes=1))
    for channel in (TRUNK, FIRST):
        lines += tracker.feed(AmiEvent("Hangup", channel | {"Cause": "16"}, AT), AT)
    assert lines == []


def test_nor_when_hotline_comes_while_they_last() -> None:
    rows = [
        AmiEvent("CoreShowChannel", each | more) for each, more in ((FIRST, {"Context": "hotline-push"}), (TRUNK, {}))
    ]
    snapshot = Snapshot(channels=tuple(rows), waiting=(), members=(), complete=True)
    assert Tracker("main").restore((), snapshot, AT) == []
