"""The AMI codec: any cut of the stream gives the same messages, and no value becomes a second action."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.pbx.codec import (
    MESSAGE_LIMIT,
    Splitter,
    encode_action,
    event_from_headers,
    event_name,
    instant,
    parse_event,
)
from hotline.pbx.errors import MessageTooLong, UnsafeValue

STREAM = (
    "Asterisk Call Manager/11.0.0\r\n"
    "Event: Newchannel\r\nCallerIDName: 张伟 Zoë\r\nAccountCode: \r\nTimestamp: 1795295012.250000\r\n\r\n"
    "Response: Success\r\nActionID: 7\r\nMessage: a: b\r\n\r\n"
    "Event: Hangup\r\nCause: 16\r\n\r\n"
).encode()


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    splitter = Splitter()
    blocks: list[bytes] = []
    edges = [0, *sorted({min(edge, len(stream)) for edge in at}), len(stream)]
    for start, end in pairwise(edges):
        blocks += splitter.feed(stream[start:end])
    assert splitter.greeting == "11.0.0"
    return blocks


def test_every_cut_in_two_gives_the_same_messages() -> None:
    whole = cut(STREAM, [])
    assert [event_name(block) for block in whole] == [b"Newchannel", None, b"Hangup"]
    for edge in range(1, len(STREAM)):
        assert cut(STREAM, [edge]) == whole


def test_one_byte_at_a_time_gives_the_same_messages() -> None:
    assert cut(STREAM, list(range(len(STREAM)))) == cut(STREAM, [])


@given(st.lists(st.integers(1, len(STREAM)), max_size=40))
def test_any_cuts_give_the_same_messages(edges: list[int]) -> None:
    assert cut(STREAM, edges) == cut(STREAM, [])


def test_letters_of_several_bytes_survive_a_cut_inside_them() -> None:
    middle = STREAM.index("伟".encode()) + 1
    event = parse_event(cut(STREAM, [middle, middle + 1])[0])
    assert event.fields["CallerIDName"] == "张伟 Zoë"


def test_an_event_has_its_name_fields_and_time() -> None:
    event = parse_event(cut(STREAM, [])[0], clock_offset=2.0)
    assert event.name == "Newchannel"
    assert event.get("AccountCode") == ""
    assert event.get("NoSuchHeader") == ""
    assert "Event" not in event.fields
    assert event.at == datetime.fromtimestamp(1795295010.25, UTC)
    assert event.repeated == {}


def test_bytes_that_are_not_utf8_become_replacement_characters() -> None:
    event = parse_event(b"Event: Newchannel\r\nCallerIDName: M\xfcller \xe4\r\nExten: 4000")
    assert event.fields == {"CallerIDName": "M\ufffdller \ufffd", "Exten": "4000"}


def test_nul_never_reaches_the_database() -> None:
    assert parse_event(b"Event: Newchannel\r\nCallerIDName: a\0b").get("CallerIDName") == "a\ufffdb"


def test_a_ten_kilobyte_name_is_text_like_any_other() -> None:
    name = "<script>alert(1)</script>${SHELL(x)}\"'" * 260
    assert parse_event(f"Event: Newchannel\r\nCallerIDName: {name}".encode()).get("CallerIDName") == name


def test_repeated_headers_are_all_kept() -> None:
    event = parse_event(b"Event: Newchannel\r\nChanVariable: A=1\r\nChanVariable: B=2\r\nEvent: Forged\r\nExten: 1")
    assert event.name == "Newchannel"
    assert event.get("ChanVariable") == "B=2"
    assert event.repeated == {"ChanVariable": ("A=1", "B=2")}


def test_a_repeated_event_header_does_not_rename_the_event() -> None:
    event = parse_event(b"Event: UserEvent\r\nEvent: Hangup\r\nEvent: Newchannel\r\nUserEvent: x")
    assert event.name == "UserEvent"
    assert event.repeated["Event"] == ("Hangup", "Newchannel")


@pytest.mark.parametrize("line", [b"no colon at all", b"", b": no key", b"Key:tight", b"\xff\xfe"])
def test_odd_lines_harm_nothing_but_themselves(line: bytes) -> None:
    event = parse_event(b"Event: Hangup\r\n" + line + b"\r\nCause: 16")
    assert event.name == "Hangup"
    assert event.get("Cause") == "16"


@given(st.binary(max_size=400))
def test_no_bytes_make_the_parser_raise(noise: bytes) -> None:
    parse_event(b"Event: " + noise)
    splitter = Splitter()
    for block in splitter.feed(noise + b"\r\n\r\n"):
        event_name(block)


@pytest.mark.parametrize("stamp", ["", "x", "nan", "inf", "1e400", "-99999999999999999", None])
def test_an_odd_timestamp_is_no_time(stamp: str | None) -> None:
    assert instant(stamp) is None


def test_a_stream_without_an_end_is_given_up() -> None:
    splitter = Splitter(limit=1000)
    for _ in range(50):
        assert splitter.feed(b"HTTP/1.1 400 Bad\r\n") == []
    splitter.feed(b"x" * 100)
    with pytest.raises(MessageTooLong):
        splitter.feed(b"x")


def test_an_endless_greeting_is_given_up() -> None:
    splitter = Splitter()
    with pytest.raises(MessageTooLong):
        splitter.feed(b"Asterisk Call Manager/" + b"9" * 5000)


def test_a_server_without_a_greeting_is_understood() -> None:
    splitter = Splitter()
    assert splitter.feed(b"Response: Success\r\n\r\n") == [b"Response: Success"]
    assert splitter.greeting is None


def test_a_long_message_in_small_pieces_takes_linear_work() -> None:
    """Quadratic work would be 10,000 times the bytes of this one; the limit on looking back shows it."""
    splitter = Splitter()
    splitter.feed(b"Event: X\r\n")
    for _ in range(MESSAGE_LIMIT // 1024 - 1):
        assert splitter.feed(b"x" * 1024) == []
        assert splitter._scanned == len(splitter._buffer)
    assert len(splitter.feed(b"\r\n\r\n")) == 1


def test_recorded_headers_become_the_same_event() -> None:
    event = event_from_headers([("Variable", "A=1"), ("Event", "VarSet"), ("Variable", "B=2")])
    assert event.name == "VarSet"
    assert event.repeated == {"Variable": ("A=1", "B=2")}


def test_an_action_is_written_as_asterisk_reads_it() -> None:
    data = encode_action([("Action", "Originate"), ("Variable", "A=1"), ("Variable", "名=张")])
    assert data == "Action: Originate\r\nVariable: A=1\r\nVariable: 名=张\r\n\r\n".encode()


@pytest.mark.parametrize("bad", ["\r", "\n", "\r\nAction: Command", "\0", "\x1b", "\x85", "\x7f", "\ud800"])
def test_a_value_that_could_be_a_second_action_is_refused(bad: str) -> None:
    with pytest.raises(UnsafeValue):
        encode_action([("Action", "Originate"), ("CallerID", f"Anna{bad}")])


@pytest.mark.parametrize("bad", ["", "A B", "A:", "A\r\nB", "Ä"])
def test_a_header_name_is_a_name(bad: str) -> None:
    with pytest.raises(UnsafeValue):
        encode_action([(bad, "x")])


def test_a_line_longer_than_asterisk_reads_is_refused() -> None:
    with pytest.raises(UnsafeValue):
        encode_action([("Variable", "张" * 400)])


@given(st.lists(st.tuples(st.sampled_from(["Action", "Exten", "CallerID"]), st.text(max_size=60)), min_size=1))
def test_whatever_is_written_is_one_action(headers: list[tuple[str, str]]) -> None:
    try:
        data = encode_action(headers)
    except UnsafeValue:
        return
    assert data.count(b"\r\n\r\n") == 1
    assert data.endswith(b"\r\n\r\n")
    assert data.count(b"\n") == data.count(b"\r") == len(headers) + 1
