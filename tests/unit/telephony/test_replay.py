"""Tapes told as stories."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hotline.calls.story import CallAnswered, CallArrived, CallEnded, RingStarted
from hotline.cli import app
from hotline.errors import Invalid
from hotline.telephony.replay import read_tape, show, tell
from tests.material import real_file


def test_raw_bytes_of_an_asterisk_22() -> None:
    lines = list(tell(read_tape(real_file("ami/wire/asterisk22_ringall_call.bin"))))
    assert [type(line) for line in lines if isinstance(line, (CallArrived, CallAnswered, CallEnded))] == [
        CallArrived,
        CallAnswered,
        CallEnded,
    ]
    assert sum(isinstance(line, RingStarted) for line in lines) == 2
    assert all(show(line, lines[0].at) for line in lines)


def test_events_as_json() -> None:
    lines = list(tell(read_tape(real_file("ami/calls/simple__ab_callgroup.json"))))
    assert isinstance(lines[0], CallArrived)
    assert isinstance(lines[-1], CallEnded)


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.ami", b"HTTP/1.1 200 OK\r\n\r\n"), ("x.json", b"{"), ("x.json", b"[1]"), ("x.json", b"[]"), ("x.bin", b"")],
)
def test_what_is_no_tape_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Invalid):
        read_tape(path)
    with pytest.raises(Invalid):
        read_tape(tmp_path / "missing")


def test_the_command_prints_the_story() -> None:
    path = real_file("ami/wire/asterisk22_ringall_call.bin")
    result = CliRunner().invoke(app, ["replay", str(path)])
    assert result.exit_code == 0
    assert "CallArrived" in result.stdout
    assert result.stdout.strip().splitlines()[-1].split()[2] == "CallEnded"


def test_hostile_names_are_printed_harmlessly(tmp_path: Path) -> None:
    path = tmp_path / "x.ami"
    path.write_bytes(
        b"Event: Newchannel\r\nChannel: PJSIP/trunk-1\r\nChannelState: 4\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n"
        b"CallerIDNum: 123456\r\nCallerIDName: \x1b[31mred\r\nExten: 4000\r\nContext: x\r\n\r\n"
    )
    assert "\x1b" not in "".join(show(line, line.at) for line in tell(read_tape(path)))
