"""The speech command: what it is given, what it may do, and what happens when it fails."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hotline.media.errors import SpeechFailed
from hotline.media.speech import LONGEST_TEXT, SpeechCommand, default_voice
from hotline.settings import load_settings
from tests.waiting import until


def script(code: str) -> tuple[str, ...]:
    """A command that runs this Python."""
    return (sys.executable, "-c", code, "{text_file}", "{voice}", "{out}")


COPY = "import sys, pathlib; pathlib.Path(sys.argv[3]).write_bytes(pathlib.Path(sys.argv[1]).read_bytes())"


async def test_the_text_comes_in_a_file_as_it_is(tmp_path: Path) -> None:
    text = "-v klingon; $(touch /tmp/x) ${SHELL} `id` {voice} 您好 <break/>"
    await SpeechCommand(script(COPY)).say(text, "en-us", tmp_path / "out")
    assert (tmp_path / "out").read_text() == text


async def test_a_voice_is_one_word_whatever_it_holds(tmp_path: Path) -> None:
    code = "import sys, pathlib; pathlib.Path(sys.argv[3]).write_text(repr(sys.argv[2]))"
    await SpeechCommand(script(code)).say("hello", "a b; {out} $(id)", tmp_path / "out")
    assert (tmp_path / "out").read_text() == repr("a b; {out} $(id)".replace("{out}", str(tmp_path / "out")))


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ((), "no speech command"),
        (("/nowhere/speaker", "{text_file}", "{out}"), "cannot be run"),
        (script("import sys; sys.exit('no such voice')"), "no such voice"),
        (script("pass"), "wrote nothing"),
    ],
)
async def test_a_failure_says_why(tmp_path: Path, command: tuple[str, ...], why: str) -> None:
    with pytest.raises(SpeechFailed, match=why):
        await SpeechCommand(command).say("hello", "en-us", tmp_path / "out")


async def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    command = ("sh", "-c", f"sleep 600 & echo $! > {note}; wait")
    with pytest.raises(SpeechFailed, match="did not end"):
        await SpeechCommand(command, seconds=2).say("hello", "en-us", tmp_path / "out")
    await until(lambda: not is_running(note.read_text()))


def is_running(pid: str) -> bool:
    """Whether a process is there and is more than what its parent has not noticed yet."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("text", ["", "   ", "x" * (LONGEST_TEXT + 1)])
async def test_nothing_and_too_much_is_not_spoken(tmp_path: Path, text: str) -> None:
    with pytest.raises(SpeechFailed, match="characters"):
        await SpeechCommand(script(COPY)).say(text, "en-us", tmp_path / "out")


# espeak-ng itself, where it is installed; the rig installs it

espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs sudo make rig: espeak-ng")


async def spoken(tmp_path: Path, text: str, language: str) -> tuple[np.ndarray, int]:
    """What the shipped command makes of a text."""
    command = SpeechCommand(load_settings({}, None).speech_command)
    await command.say(text, default_voice(language), tmp_path / "out.wav")
    sound, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    return sound, rate


@espeak
@pytest.mark.parametrize(
    ("language", "text", "least", "most"),
    [
        ("en", "For English, press 1.", 1.0, 3.5),
        ("zh", "中文服务请按2。", 1.0, 3.5),
        ("en", "42", 0.4, 1.5),
        ("zh", "42", 0.4, 1.5),
    ],
)
async def test_the_shipped_command_speaks_both_languages(
    tmp_path: Path, language: str, text: str, least: float, most: float
) -> None:
    sound, rate = await spoken(tmp_path, text, language)
    assert least < len(sound) / rate < most
    assert np.abs(sound).max() > 0.1


@espeak
async def test_chinese_is_spoken_and_not_spelled(tmp_path: Path) -> None:
    """espeak-ng's voice ``cmn`` says the pinyin's letters in English; a number in characters is then not the number in
    digits. With the right voice both are the same word."""
    characters, _ = await spoken(tmp_path, "四十二", "zh")
    figures, _ = await spoken(tmp_path, "42", "zh")
    assert len(characters) == pytest.approx(len(figures), rel=0.25)
    command = SpeechCommand(load_settings({}, None).speech_command)
    await command.say("四十二", "cmn", tmp_path / "spelled.wav")
    spelled, _ = soundfile.read(tmp_path / "spelled.wav")
    assert len(spelled) > 1.2 * len(figures)
