"""What callers hear when prompts are made, are late, cannot be made, and are replaced."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hotline.crm.viewer import SYSTEM
from hotline.ivr.effects import Prompt
from hotline.workflows.house import House
from hotline.workflows.ivr import prompt_recordings, prompts
from tests.unit.media.waves import tone, wav

WELCOME = Prompt("main.welcome", {"en": "Welcome.", "zh": "您好。"}, "zh")

#: Speaks a tone as long as the text; knows no voice that begins with x; counts what it spoke.
SPEAKER = """
import sys, time, pathlib
text_file, voice, out, folder, pause = sys.argv[1:]
with open(folder + "/spoken", "a") as file:
    file.write(voice + "\\n")
time.sleep(float(pause))
if voice.startswith("x"):
    sys.exit("no voice " + voice)
pathlib.Path(out).write_bytes(pathlib.Path(folder, "voice.wav").read_bytes())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "voice.wav").write_bytes(wav(tone(440, 1, 22050), 22050))
    (tmp_path / "spoken").touch()
    return tmp_path


def speaking(house: House, folder: Path, *, voices: dict[str, str] | None = None, pause: float = 0) -> House:
    """The house with this speech command, and a memory and a folder of its own."""
    command = (sys.executable, "-c", SPEAKER, "{text_file}", "{voice}", "{out}", str(folder), str(pause))
    made = {"speech_command": command, "speech_voices": voices or {}, "prompts_dir": folder / f"prompts{pause}"}
    return replace(house, settings=house.settings.model_copy(update=made), kept={})


@pytest.fixture
def shop(house: House, folder: Path) -> House:
    return speaking(house, folder)


def spoken(folder: Path) -> list[str]:
    return (folder / "spoken").read_text().split()


async def test_a_prompt_is_made_once_however_many_wait_for_it(shop: House, folder: Path) -> None:
    assert prompts.locate(shop, WELCOME).missing
    found = await asyncio.gather(*(prompts.speak(shop, [WELCOME], patience=20) for _ in range(20)))
    assert len({each.url for (each,) in found}) == 1
    (first,) = found[0]
    assert (first.language, first.fallback, first.missing) == ("zh", False, False)
    assert first.seconds == pytest.approx(1, abs=0.1)
    assert prompts.locate(shop, WELCOME) == first
    assert spoken(folder) == ["cmn-latn-pinyin"]


async def test_another_text_voice_or_rate_is_another_address(shop: House, house: House, folder: Path) -> None:
    changed = replace(WELCOME, texts={**WELCOME.texts, "zh": "您好！"})
    other = speaking(house, folder, voices={"zh": "yue"})
    (a,), (b,) = await prompts.speak(shop, [WELCOME], patience=20), await prompts.speak(shop, [changed], patience=20)
    (c,) = await prompts.speak(other, [WELCOME], patience=20)
    assert len({a.url, b.url, c.url}) == 3
    assert prompts.locate(shop, WELCOME, 16000).url == f"{a.url}16"


async def test_a_voice_that_does_not_work_falls_back_to_the_language_s_own(house: House, folder: Path) -> None:
    shop = speaking(house, folder, voices={"zh": "xiaoming"})
    (found,) = await prompts.speak(shop, [WELCOME], patience=20)
    assert (found.language, found.fallback) == ("zh", True)
    assert spoken(folder) == ["xiaoming", "cmn-latn-pinyin"]
    await prompts.speak(shop, [WELCOME], patience=20)
    assert len(spoken(folder)) == 2  # nobody waits for it again at once


async def test_a_language_that_cannot_be_spoken_falls_back_to_the_next_and_is_reported(
    house: House, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompts, "default_voice", lambda language: "x" if language == "zh" else "en-us")
    shop = speaking(house, folder)
    prompts.warm(shop, [WELCOME])
    for _ in range(2):
        await prompts._warm_all(shop)
        prompts.book(shop).wake.clear()
    found = prompts.locate(shop, WELCOME)
    assert (found.language, found.fallback, found.missing) == ("en", True, False)
    (row,) = await house.db.fetch("SELECT data FROM outbox WHERE type = 'prompt.failed'")
    assert (row["data"]["prompt"], row["data"]["language"]) == ("main.welcome", "zh")
    (view,) = prompt_recordings.list_prompts(shop, SYSTEM)
    assert [(state.language, state.state) for state in view.states] == [("en", "spoken"), ("zh", "failed")]
    assert "no voice x" in view.states[1].why
    assert prompt_recordings.trouble(shop)
    monkeypatch.undo()
    prompt_recordings.unmake_all(shop)
    prompts.book(shop).wake.clear()
    await prompts._warm_all(shop)
    assert not prompt_recordings.trouble(shop)
    assert not prompts.locate(shop, WELCOME).fallback


async def test_a_slow_command_delays_no_caller_beyond_their_patience(house: House, folder: Path) -> None:
    shop = speaking(house, folder, pause=1.5)
    (found,) = await prompts.speak(shop, [WELCOME], patience=0.05)
    assert found.missing
    (later,) = await prompts.speak(shop, [WELCOME], patience=20)  # it went on being made
    assert not later.missing
    assert spoken(folder) == ["cmn-latn-pinyin"]


async def test_without_a_command_what_is_there_is_heard(house: House, folder: Path) -> None:
    mute = replace(
        house, settings=house.settings.model_copy(update={"speech_command": (), "prompts_dir": folder / "p"}), kept={}
    )
    prompts.warm(mute, [WELCOME])
    (found,) = await prompts.speak(mute, [WELCOME], patience=20)
    assert found.missing
    await prompt_recordings.record_prompt(mute, SYSTEM, "main.welcome", "en", wav(tone(300, 2, 8000), 8000))
    (found,) = await prompts.speak(mute, [WELCOME], patience=20)
    assert (found.language, found.fallback, found.missing) == ("en", True, False)


async def test_a_recording_is_heard_on_every_node(shop: House, house: House, folder: Path) -> None:
    prompts.warm(shop, [WELCOME])
    await prompt_recordings.record_prompt(shop, SYSTEM, "main.welcome", "zh", wav(tone(300, 2, 8000), 8000))
    here = prompts.locate(shop, WELCOME)
    assert not here.fallback
    assert here.seconds == pytest.approx(2, abs=0.1)
    other = speaking(house, folder, pause=0.001)
    assert prompts.locate(other, WELCOME).missing
    await prompts.refresh(other)
    there = prompts.locate(other, WELCOME)
    assert (there.url, there.fallback) == (here.url, False)
    assert there.seconds == pytest.approx(here.seconds, abs=0.05)
    await prompt_recordings.forget_prompt_recording(shop, SYSTEM, "main.welcome", "zh")
    assert prompts.locate(shop, WELCOME).missing


@pytest.mark.parametrize("value", [0, 7, 42, 99])
def test_a_small_number_is_one_prompt(value: int) -> None:
    (prompt,) = prompts.number(value, "zh")
    assert (prompt.texts["zh"], prompt.language) == (str(value), "zh")


def test_a_large_number_is_said_digit_by_digit() -> None:
    assert [prompt.texts["en"] for prompt in prompts.number(10_042, "en")] == ["1", "0", "0", "4", "2"]
    assert [prompt.texts["en"] for prompt in prompts.digits("T10-01", "en")] == ["1", "0", "0", "1"]
