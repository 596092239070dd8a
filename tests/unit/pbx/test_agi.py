"""The AGI wire: environments and replies as Asterisk sends them, cut anywhere, and commands that cannot be two."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.errors import HotlineError
from hotline.pbx.agi import (
    COMMAND_BYTES,
    ENVIRONMENT_BYTES,
    LINE_BYTES,
    EnvironmentReader,
    Hangup,
    Reply,
    ReplyReader,
    command,
    parse_environment,
    parse_reply,
)
from hotline.pbx.errors import MessageTooLong, UnsafeValue
from tests.material import real_file

#: What the cases of others call a thing, and where it is here.
FIELDS = {
    "getChannel": "channel", "getType": "type", "getUniqueId": "uniqueid", "getLanguage": "language",
    "getDnid": "dnid", "getRdnis": "rdnis", "getContext": "context", "getExtension": "extension",
    "getAccountCode": "accountcode", "getRequestURL": "request",
}  # fmt: skip


def cases(kind: str) -> list[dict[str, Any]]:
    lines = real_file("fastagi/cases.jsonl").read_text().splitlines()
    return [case for case in map(json.loads, lines) if case["kind"] == kind]


def test_the_environments_of_others() -> None:
    checked = 0
    for case in cases("agi_env"):
        environment = parse_environment(case["lines"])
        for name, wanted in case["expected"].items():
            found: object
            if name in FIELDS:
                found = environment.get(FIELDS[name])
                found = None if found in ("", "unknown") else found
            elif name == "getScript":
                found = environment.script
            elif name in ("getCallerId", "getCallerIdNumber"):
                found = environment.caller_number
            elif name == "getCallerIdName":
                found = environment.caller_name
            elif name.startswith("getParameter["):
                found = environment.parameters.get(name[13:-1])
                wanted = None if wanted == "null" else wanted
                if wanted is not None and "MultiValue" in case["id"]:
                    assert found in ("value1", "value2")
                    continue
            elif name == "getArguments":
                found = environment.arguments[-1] if environment.arguments else "0"
            else:
                continue
            assert found == wanted, (case["id"], name)
            checked += 1
    assert checked > 60


def test_the_replies_of_others() -> None:
    codes = {
        "AgiReplyImpl.SC_SUCCESS": 200,
        "AgiReplyImpl.SC_INVALID_OR_UNKNOWN_COMMAND": 510,
        "AgiReplyImpl.SC_INVALID_COMMAND_SYNTAX": 520,
    }
    checked = 0
    for case in cases("agi_reply"):
        reader = ReplyReader()
        found = reader.feed("".join(f"{line}\n" for line in case["lines"]).encode())
        if not case["expected"]:
            assert found == []
            continue
        (reply,) = found
        assert isinstance(reply, Reply)
        for name, wanted in case["expected"].items():
            match name:
                case "getStatus":
                    assert reply.code == codes[wanted], case["id"]
                case "code":
                    assert reply.code == int(wanted)
                case "getResult" | "getResultCode" | "getAttribute[result]" | "result":
                    assert reply.result == wanted, case["id"]
                case "getResultCodeAsChar":
                    assert f"'{reply.key}'" == wanted
                case "getExtra":
                    assert reply.extra == wanted, case["id"]
                case "getUsage":
                    assert re.sub(r"\s+", " ", wanted) in " ".join(reply.usage)
                case _ if name.startswith("getAttribute["):
                    assert reply.attributes[name[13:-1]] == wanted, case["id"]
                case _:
                    continue
            checked += 1
    assert checked > 30


ENVIRONMENT = (
    b"agi_network: yes\r\nagi_channel: PJSIP/trunk-1\nagi_calleridname: M\xc3\xbcller \xff\nagi_uniqueid: 1.2\n\n"
)


@given(st.lists(st.integers(0, len(ENVIRONMENT)), max_size=8))
def test_an_environment_cut_anywhere_is_the_same(cuts: list[int]) -> None:
    reader, places = EnvironmentReader(), [0, *sorted(cuts), len(ENVIRONMENT)]
    found = [reader.feed(ENVIRONMENT[one:two]) for one, two in pairwise(places)]
    environment, rest = next(each for each in found if each is not None)
    assert environment.fields == {
        "network": "yes",
        "channel": "PJSIP/trunk-1",
        "calleridname": "Müller \ufffd",
        "uniqueid": "1.2",
    }
    assert rest == b""


def test_a_name_that_smuggles_lines_changes_nothing_before_it() -> None:
    environment = parse_environment(["agi_uniqueid: 1.2", "agi_calleridname: x", "agi_uniqueid: 9.9"])
    assert environment.get("uniqueid") == "1.2"


@pytest.mark.parametrize("data", [b"a" * (ENVIRONMENT_BYTES + 1), b"a: b\n" * 300])
def test_an_environment_without_end_is_refused(data: bytes) -> None:
    reader = EnvironmentReader()
    with pytest.raises(MessageTooLong):
        reader.feed(data)


def test_a_reply_without_end_is_refused() -> None:
    with pytest.raises(MessageTooLong):
        ReplyReader().feed(b"2" * (LINE_BYTES + 1))
    with pytest.raises(MessageTooLong):
        ReplyReader().feed(b"520-Usage\n" + b"more\n" * 500)


STREAM = (
    b'HANGUP\n200 result=49 (dtmf) endpos=2240 text0="a \\"b\\""\r\n\n'
    b"520-No.\n Usage: X\nHANGUP\n520 End.\n511 Dead\nHANGUP"
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_replies_cut_anywhere_are_the_same(cuts: list[int]) -> None:
    reader, places = ReplyReader(), [0, *sorted(cuts), len(STREAM)]
    found = [each for one, two in pairwise(places) for each in reader.feed(STREAM[one:two])]
    kinds = [type(each).__name__ for each in found]
    assert kinds == ["Hangup", "Reply", "Reply", "Reply", "Hangup"]
    replies = [each for each in found if isinstance(each, Reply)]
    assert [reply.code for reply in replies] == [200, 520, 511]
    assert (replies[0].key, replies[0].extra, replies[0].attributes["text0"]) == ("1", "dtmf", 'a "b"')
    assert replies[1].usage == ("Usage: X", "HANGUP")


def test_a_hang_up_without_its_lines_end_is_one() -> None:
    """Asterisk before 13 sends it as urgent data, of which the last byte is lost."""
    found = ReplyReader().feed(b"HANGUP511 Command Not Permitted on a dead channel\n")
    assert isinstance(found[0], Hangup)
    assert isinstance(found[1], Reply)
    assert found[1].code == 511


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for each in ReplyReader().feed(data):
        assert isinstance(each, Reply | Hangup)


@given(st.text(max_size=200))
def test_no_text_breaks_a_reply(text: str) -> None:
    reply = parse_reply([f"200 result={text}"])
    assert reply is None or reply.number >= -(10**12)


def taken_apart(line: bytes) -> list[str]:
    """The words of a command as Asterisk's parse_args takes them apart: quotes, backslashes, blanks."""
    words: list[str] = []
    word, quoted, there, escaped = "", False, False, False
    for letter in line.decode().removesuffix("\n"):
        if escaped:
            word, escaped, there = word + letter, False, True
        elif letter == "\\":
            escaped = True
        elif letter == '"':
            quoted, there = not quoted, True
        elif letter in " \t" and not quoted:
            if there:
                words.append(word)
            word, there = "", False
        else:
            word, there = word + letter, True
    return [*words, word] if there else words


@given(st.lists(st.text(max_size=60), min_size=1, max_size=5))
def test_a_command_is_one_line_of_these_words_or_refused(words: list[str]) -> None:
    try:
        line = command("SET VARIABLE", *words)
    except HotlineError:
        assert any(set(word) & set("\r\n\0") for word in words) or len("".join(words).encode()) > 100
        return
    assert line.count(b"\n") == 1
    assert b"\r" not in line
    assert taken_apart(line) == ["SET", "VARIABLE", *words]


@pytest.mark.parametrize("value", ["a\nEXEC System x", "a\r", "a\0b"])
def test_a_value_with_a_line_break_is_refused(value: str) -> None:
    with pytest.raises(UnsafeValue):
        command("SET VARIABLE", "X", value)


def test_a_command_longer_than_asterisk_reads_is_refused() -> None:
    with pytest.raises(UnsafeValue):
        command("SET VARIABLE", "X", "a" * COMMAND_BYTES)
    with pytest.raises(UnsafeValue):
        command("SET VARIABLE\nEXEC", "X")


def test_an_expression_of_the_dialplan_stays_a_text() -> None:
    assert command("SET VARIABLE", "X", "${SHELL(id)}") == b'SET VARIABLE X "${SHELL(id)}"\n'
