"""A caller's line: which commands a question becomes, and which keys count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from hotline.ivr.effects import Collect, Failed, Pressed, Prompt, Recorded, RecordMessage, TimedOut
from hotline.pbx.agi import Reply, parse_reply
from hotline.telephony.agi.line import KEYS, Line
from hotline.workflows.calls.recordings import Upload
from hotline.workflows.ivr.prompts import Spoken
from tests.waiting import until


def prompt(name: str) -> Prompt:
    return Prompt(name, {"en": name}, "en")


def question(*names: str, least: int = 1, most: int = 1, finish: str = "") -> Collect:
    return Collect(tuple(prompt(name) for name in names), least, most, finish, 5.0, 2.0)


@dataclass
class Pbx:
    """Answers commands by their first word with what is next for it, else with nothing special."""

    replies: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def ask(self, *words: str | float, seconds: float = 5.0) -> Reply:
        line = " ".join(str(word) for word in words)
        self.asked.append(line)
        assert seconds > 0
        await asyncio.sleep(0)
        waiting = self.replies.get(str(words[0]), [])
        reply = parse_reply([waiting.pop(0) if waiting else "200 result=0 endpos=100"])
        assert reply is not None
        return reply


async def speak(wanted: Sequence[Prompt]) -> list[Spoken]:
    return [
        Spoken(None, missing=True) if one.name == "missing" else Spoken(f"http://p/{one.name}", 2.0) for one in wanted
    ]


def line(pbx: Pbx, speaking: Callable[[Sequence[Prompt]], Coroutine[Any, Any, list[Spoken]]] = speak) -> Line:
    return Line(pbx, speaking, lambda coroutine, name: asyncio.create_task(coroutine, name=name))  # type: ignore[arg-type]


async def test_a_question_plays_its_last_prompt_with_the_wait_for_its_key() -> None:
    pbx = Pbx({"GET DATA": ["200 result=2"]})
    assert await line(pbx).collect(question("one", "two")) == Pressed("2")
    assert pbx.asked == [
        "SET AUTOHANGUP 15",  # two prompts of 2 s, 5 s for the key, 6 s more
        f"STREAM FILE http://p/one {KEYS}",
        "GET DATA http://p/two 5000 1",
    ]


async def test_a_key_stops_all_prompts_and_answers() -> None:
    pbx = Pbx({"STREAM FILE": ["200 result=51 endpos=400"]})
    assert await line(pbx).collect(question("one", "two"), [prompt("before")]) == Pressed("3")
    assert pbx.asked[1:] == [f"STREAM FILE http://p/before {KEYS}"]


@pytest.mark.parametrize(
    ("reply", "finish", "least", "answer"),
    [
        ("200 result= (timeout)", "", 1, TimedOut()),
        ("200 result=", "", 1, Pressed("#")),
        ("200 result=", "#", 1, Pressed("")),
        ("200 result=*", "", 1, Pressed("*")),
    ],
)
async def test_hash_and_silence_are_told_apart(reply: str, finish: str, least: int, answer: object) -> None:
    pbx = Pbx({"GET DATA": [reply]})
    assert await line(pbx).collect(question("one", least=least, finish=finish)) == answer


@pytest.mark.parametrize(
    ("rest", "answer"),
    [
        ("200 result=234", Pressed("1234")),  # all there are
        ("200 result=2", Pressed("12")),  # ended by hash
        ("200 result=2 (timeout)", TimedOut()),  # too few
        ("200 result=23 (timeout)", Pressed("123")),  # enough
        ("200 result= (timeout)", TimedOut()),
        ("200 result=-1", TimedOut()),
    ],
)
async def test_the_rest_of_a_number_comes_by_one_command(rest: str, answer: object) -> None:
    pbx = Pbx({"GET DATA": ["200 result=1", rest]})
    assert await line(pbx).collect(question("one", least=3, most=4, finish="#")) == answer
    assert pbx.asked[-1] == "GET DATA  2000 3"


async def test_another_finish_key_is_waited_for_key_by_key() -> None:
    pbx = Pbx({"GET DATA": ["200 result=1"], "WAIT FOR DIGIT": ["200 result=35", "200 result=50", "200 result=42"]})
    assert await line(pbx).collect(question("one", least=1, most=9, finish="*")) == Pressed("1#2")


async def test_what_cannot_be_played_is_asked_in_silence() -> None:
    gone = Pbx({"GET DATA": ["200 result=-1"], "WAIT FOR DIGIT": ["200 result=49"]})
    assert await line(gone).collect(question("one")) == Pressed("1")
    mute = Pbx({"WAIT FOR DIGIT": ["200 result=0"]})
    assert await line(mute).collect(question("missing")) == TimedOut()
    assert mute.asked == ["SET AUTOHANGUP 11", "WAIT FOR DIGIT 5000"]


async def test_typed_ahead_over_a_prompt_a_number_and_a_menu() -> None:
    pbx = Pbx({"STREAM FILE": ["200 result=49"], "GET DATA": ["200 result=234", "200 result=*"]})
    caller = line(pbx)
    await caller.say([prompt("welcome")], keep_keys=True)
    assert await caller.collect(question("number", least=4, most=4, finish="#")) == Pressed("1234")
    assert await caller.collect(question("menu")) == Pressed("*")


async def test_keys_while_something_is_looked_up_count_for_the_next_questions() -> None:
    pbx = Pbx({"WAIT FOR DIGIT": ["200 result=52", "200 result=0", "200 result=53"]})

    async def look_up() -> str:
        await until(lambda: len([each for each in pbx.asked if each.startswith("WAIT")]) >= 3)
        return "found"

    caller = line(pbx)
    assert await caller.meanwhile(look_up(), "test") == "found"
    assert await caller.collect(question("one")) == Pressed("4")
    assert await caller.collect(question("two")) == Pressed("5")


async def test_without_keep_keys_nothing_stops_a_prompt() -> None:
    pbx = Pbx()
    await line(pbx).say([prompt("one"), prompt("two")], keep_keys=False)
    assert pbx.asked == ["SET AUTOHANGUP 10", "STREAM FILE http://p/one ", "STREAM FILE http://p/two "]


UPLOAD = Upload(UUID(int=7), "http://h/recordings/token")


@pytest.mark.parametrize(
    ("reply", "size", "answer", "kept"),
    [
        ("200 result=35 (dtmf) endpos=16000", "32044", Recorded(2.0), True),
        ("200 result=0 (timeout) endpos=16000", "44", Failed("full"), False),
        ("200 result=-1 (writefile)", "", Failed("full"), False),
        ("200 result=-1 (hangup) endpos=8000", "", Recorded(1.0), True),
        ("200 result=0 (timeout) endpos=16000", "?", Recorded(2.0), True),
    ],
)
async def test_a_message_and_a_full_disk(reply: str, size: str, answer: object, kept: bool) -> None:
    pbx = Pbx({
        "GET FULL VARIABLE": ["200 result=1 (/spool/)", f"200 result=1 ({size})"],
        "RECORD FILE": [reply],
    })  # fmt: skip
    assert await line(pbx).record(RecordMessage(60, 5), UPLOAD) == answer
    assert f"RECORD FILE /spool/{UPLOAD.id} wav # 60000 BEEP s=5" in pbx.asked
    cleared = "SET VARIABLE HOTLINE_VOICEMAIL " in pbx.asked
    assert cleared is not kept


async def test_without_a_spool_there_is_no_voicemail() -> None:
    pbx = Pbx({"GET FULL VARIABLE": ["200 result=0"]})
    assert await line(pbx).record(RecordMessage(60, 5), UPLOAD) == Failed("refused")
