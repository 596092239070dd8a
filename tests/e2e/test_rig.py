"""The rig's own callers on a real Asterisk: keys are heard as they are pressed, and sound both ways."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.rig import config, sound
from tests.rig.ami import Ami
from tests.rig.scenarios import Digits
from tests.rig.stage import Stage
from tests.rig.telephone import Way


def keys(ami: Ami) -> str:
    """What the PBX understood."""
    told = ami.wait("the keys", lambda event: event["Event"] == "UserEvent" and event["UserEvent"] == "Keys")
    return told["Keys"]


@pytest.mark.parametrize("by", ["rfc4733", "info"])
async def test_keys_and_sound_of_the_telephone(stage: Stage, ami: Ami, by: Way, tmp_path: Path) -> None:
    async with stage.telephone(config.KEYS) as caller:
        await caller.answered()
        await caller.press("1*", by=by)
        assert await asyncio.to_thread(keys, ami) == "1*"
        words = sound.tone(440, 0.5)
        assert sound.find(caller.heard, words) is None
        caller.say(words)
        at = await caller.hears(words)
        sound.write(tmp_path / "heard.wav", caller.heard)
        heard = sound.read(tmp_path / "heard.wav")[int(at * sound.RATE) :]
        assert sound.loudness(heard[: sound.RATE // 4]) > 4000
        assert sound.find(heard, sound.tone(700, 0.5)) is None
        caller.hang_up()
        await caller.over()


@pytest.mark.parametrize("by", ["rfc4733", "info"])
def test_keys_of_a_played_caller(stage: Stage, ami: Ami, by: Way) -> None:
    stage.caller(config.KEYS, digits=(Digits(0.2, "99", by=by),), hangup_after=60)
    assert keys(ami) == "99"


def test_a_setting_of_the_dialplan_takes_effect(stage: Stage, ami: Ami) -> None:
    stage.asterisk.set(HOTLINE_DEFAULT_QUEUE="sales")
    stage.caller("9999", hangup_after=60)
    ami.wait(
        "the call is in the queue", lambda event: event["Event"] == "QueueCallerJoin" and event["Queue"] == "sales"
    )
