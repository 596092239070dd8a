"""The demo without a speech command: prompts are silent, as long as it takes to read them, and that is said."""

from __future__ import annotations

import subprocess
import sys
from array import array
from pathlib import Path

import pytest

from hotline.cli.demo import silence
from hotline.cli.demo.voice import SILENT, Voice, with_voice
from hotline.settings import Settings, load_settings
from hotline.simulator.media import samples_of


def settings(command: str) -> Settings:
    return load_settings({"HOTLINE_SPEECH_COMMAND": command}, env_file=None)


def test_silence_takes_as_long_as_the_words(tmp_path: Path) -> None:
    text, out = tmp_path / "text", tmp_path / "out.wav"
    text.write_text("For a complaint, press 2. 投诉请按2。", "utf-8")
    subprocess.run([sys.executable, silence.__file__, text, out], check=True, timeout=60)
    samples = samples_of(out.read_bytes())
    assert max(abs(sample) for sample in array("h", samples)) == silence.LEVEL
    assert len(samples) / 16_000 == pytest.approx(silence.seconds(text.read_text("utf-8")), abs=0.01)
    assert silence.seconds("投诉请按二") > silence.seconds("tousu")


def test_a_command_that_is_not_there_is_replaced() -> None:
    absent = settings("no-such-voice {text_file} {voice} {out}")
    assert with_voice(absent).speech_command == SILENT
    assert (Voice(absent).audible, Voice(absent).command) == (False, "no-such-voice")


def test_a_command_that_is_there_stays() -> None:
    present = settings(f"{sys.executable} {{text_file}} {{voice}} {{out}}")
    assert with_voice(present) is present
    assert Voice(present).audible


async def test_what_a_caller_writes_is_said_in_silence_then() -> None:
    voice = Voice(settings("no-such-voice {text_file} {voice} {out}"))
    try:
        assert len(samples_of(await voice.say("Please call me back."))) > 16_000
    finally:
        await voice.close()
