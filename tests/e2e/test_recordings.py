"""What a caller hears, says and leaves behind, on real Asterisks: prompts by URL, a voicemail, a recorded call."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.e2e.conftest import Office, newest, service_settings
from tests.e2e.person import Body, soon
from tests.e2e.test_ivr import HOTLINE, KEY, Ports, asterisk, ports
from tests.e2e.test_journey import ended
from tests.rig import sound
from tests.rig.acts import ZHANG
from tests.rig.asterisk import Asterisk
from tests.rig.sound import Sound
from tests.rig.stage import Stage
from tests.rig.telephone import Telephone

__all__ = ["asterisk", "ports"]

FLOW: Final = """
flow: main
title: {en: Short, zh: 短}
languages: [en, zh]
start: language
prompts:
  hello: {en: "For English, press 1.", zh: 中文请按2。}
  wish: {en: "To leave a message, press 1.", zh: 留言请按1。}
  speak: {en: "Please speak after the tone.", zh: 请在提示音后留言。}
nodes:
  language: {type: language, say: hello, keys: {1: en, 2: zh}, next: wish}
  wish: {type: menu, say: wish, keys: {1: message, 2: wait}, otherwise: wait}
  wait: {type: enqueue, queue: support, seconds: 60, unanswered: message}
  message: {type: voicemail, say: speak, seconds: 60, next: bye, failed: bye}
  bye: {type: hang_up}
"""
#: Tones that speech and each other's overtones do not have.
FIRST, SECOND, THIRD = 440.0, 1170.0, 2210.0


@pytest.fixture
def settings_of(company_url: str, tmp_path: Path, asterisk: Asterisk, ports: Ports) -> dict[str, str]:
    """A node whose main flow is short."""
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "main.yaml").write_text(FLOW)
    return {
        **service_settings(company_url, tmp_path, asterisk.ami_url),
        "HOTLINE_AGI_BIND": f"127.0.0.1:{ports.agi}",
        "HOTLINE_AGI_KEY": KEY,
        "HOTLINE_HTTP_BIND": f"127.0.0.1:{ports.http}",
        "HOTLINE_FLOWS_DIR": str(folder),
    }


async def prompt(office: Office, name: str, language: str, folder: Path) -> Path:
    """The sound file of a prompt, once it is made."""

    async def look() -> Body | None:
        for each in (await office.admin.get("/prompts"))["items"]:
            for state in each["states"]:
                if (each["name"], state["language"], state["state"]) == (name, language, "spoken"):
                    found: Body = state
                    return found
        return None

    state = await soon(look, f"{name} is made in {language}")
    path = folder / f"{name}.{language}.wav"
    async with office.session.get(office.service.url + state["url"]) as response:
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        path.write_bytes(await response.read())
    return path


async def recording(office: Office) -> tuple[Body, Sound]:
    """The one recording that arrives, and its sound."""

    async def look() -> Body | None:
        items = (await office.admin.get("/recordings"))["items"]
        return items[0] if items and items[0]["call_id"] is not None else None

    found = await soon(look, "the recording arrived")
    headers = {"Authorization": f"Bearer {office.admin.token}"}
    async with office.session.get(office.service.url + found["audio"], headers=headers) as response:
        assert (response.status, response.content_type) == (200, "audio/wav")
        whole = await response.read()
    assert len(whole) == found["bytes"]
    part = {**headers, "Range": f"bytes=16000-{len(whole) - 2}"}
    async with office.session.get(office.service.url + found["audio"], headers=part) as response:
        assert response.status == 206
        assert await response.read() == whole[16000:-1]
    with wave.open(io.BytesIO(whole)) as file:
        assert file.getframerate() == sound.RATE
        return found, np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def holds(heard: Sound, hertz: float, *, seconds: float = 0.5) -> bool:
    """Whether a tone sounds for so long somewhere."""
    return sound.find(heard, sound.tone(hertz, seconds + 0.1), seconds=seconds) is not None


async def says(caller: Telephone, hertz: float, seconds: float) -> None:
    """The caller speaks, to the end."""
    caller.say(sound.tone(hertz, seconds))

    async def silent() -> bool:
        return not caller.line.speaking

    await soon(silent, "the caller has spoken")


async def spool_is_empty(stage: Stage) -> None:
    """The PBX keeps nothing that hotline has."""

    async def look() -> bool:
        return not list((stage.asterisk.folder / "spool" / "hotline").iterdir())

    await soon(look, "the PBX's files are deleted")


async def test_a_caller_hears_the_prompts_and_leaves_a_message(office: Office, stage: Stage, tmp_path: Path) -> None:
    hello = await prompt(office, "main.hello", "en", tmp_path)
    speak = await prompt(office, "main.speak", "zh", tmp_path)
    async with stage.telephone(HOTLINE, ZHANG) as caller:
        await caller.answered()
        await caller.hears(hello)
        await caller.press("2")
        await caller.press("1")
        await caller.hears(speak)
        await says(caller, FIRST, 6)  # also over the rest of the prompt and the tone
        caller.hang_up()
    found, left = await recording(office)
    assert found["kind"] == "voicemail"
    assert holds(left, FIRST, seconds=2)
    call = await office.admin.call(ended, "the call is over")
    assert (call["id"], call["disposition"]) == (found["call_id"], "voicemail")
    await spool_is_empty(stage)


@newest
async def test_a_recorded_call_leaves_out_what_was_said_in_the_pause(office: Office, stage: Stage) -> None:
    await office.admin.ask("PUT", "/settings/recordings", {"record_calls": True}, status=200)
    stage.phone("agent1", answer_after=0.2)
    async with stage.telephone(HOTLINE, ZHANG) as caller:
        await caller.answered()
        await caller.press("1")
        await caller.press("2")
        answered = await office["agent1"].hears("call.answered")
        agent, call_id = office["agent1"], answered["call_id"]
        await agent.hears("call.updated", lambda data: data["recording"] == "on")
        await says(caller, FIRST, 2)
        await agent.post("/commands", {"action": "pause_recording", "call_id": call_id}, status=202)
        await agent.hears("call.updated", lambda data: data["recording"] == "paused")
        await says(caller, SECOND, 2)
        before = len(agent.heard)
        await agent.post("/commands", {"action": "resume_recording", "call_id": call_id}, status=202)
        await agent.hears("call.updated", lambda data: data["recording"] == "on", after=before)
        await says(caller, THIRD, 2)
        caller.hang_up()
    found, kept = await recording(office)
    assert (found["kind"], found["call_id"]) == ("call", call_id)
    assert (holds(kept, FIRST), holds(kept, SECOND), holds(kept, THIRD)) == (True, False, True)
    assert found["seconds"] > 5
    await spool_is_empty(stage)
