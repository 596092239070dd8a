"""Prompts as people see and change them: how each stands, recordings in place of the voice."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from hotline.crm.commands.ivr.prompts import keep_prompt_recording, remove_prompt_recording
from hotline.crm.queries.ivr.prompts import PromptRecordingView
from hotline.crm.viewer import Viewer
from hotline.errors import HotlineError, Invalid
from hotline.ivr.effects import Prompt
from hotline.workflows.house import House
from hotline.workflows.ivr.prompts import MAKING, TOPIC, book, keep_sound, refresh, ways_in
from hotline.workflows.pushes.dispatch_gate import settle_stopped

#: Bytes of an uploaded file at most.
LARGEST_UPLOAD: Final = 50 << 20


# Recordings in place of the voice


async def record_prompt(house: House, viewer: Viewer, name: str, language: str, sound: bytes) -> None:
    """Let callers hear this sound file (WAV, FLAC, OGG or MP3) as the prompt in this language.

    Raises Forbidden; Invalid for a prompt or language that no flow has; NotSound; NoRoom.
    """
    viewer.require("prompts.write")
    prompts = book(house)
    prompt = prompts.wanted.get(name)
    if prompt is None or language not in prompt.texts:
        raise Invalid("name: no flow has this prompt in this language")
    digest = hashlib.sha256(b"recorded\0" + MAKING.encode() + sound).hexdigest()[:32]
    seconds = await keep_sound(prompts, digest, sound)
    finished = await asyncio.to_thread(prompts.store.path(digest, 16000).read_bytes)
    async with house.unit(viewer) as uow:
        await keep_prompt_recording(uow, name=name, language=language, digest=digest, seconds=seconds, sound=finished)
    await _told(house)
    await settle_stopped(house, uow)


async def forget_prompt_recording(house: House, viewer: Viewer, name: str, language: str) -> None:
    """Let callers hear the voice again. Raises Forbidden and NotFound."""
    viewer.require("prompts.write")
    async with house.unit(viewer) as uow:
        await remove_prompt_recording(uow, name, language)
    await _told(house)
    await settle_stopped(house, uow)


async def _told(house: House) -> None:
    await refresh(house)
    with suppress(HotlineError):
        await house.bus.publish(TOPIC, b"")


# What the prompts page and the system page show


@dataclass(frozen=True, slots=True)
class PromptState:
    """How a prompt stands in one language. ``state``: recorded, spoken, waiting (not made yet) or failed."""

    language: str
    text: str
    state: str
    url: str | None
    seconds: float
    why: str
    recording: PromptRecordingView | None


@dataclass(frozen=True, slots=True)
class PromptView:
    """One prompt of the flows, in all its languages."""

    name: str
    states: tuple[PromptState, ...]


def list_prompts(house: House, viewer: Viewer) -> list[PromptView]:
    """Every prompt that flows say, by name, as this process has them."""
    viewer.require("flows.read")
    wanted = book(house).wanted
    return [
        PromptView(name, tuple(_state(house, wanted[name], language) for language in wanted[name].texts))
        for name in sorted(wanted)
    ]


def _state(house: House, prompt: Prompt, language: str) -> PromptState:
    prompts = book(house)
    text = prompt.texts[language]
    brought = prompts.recorded.get((prompt.name, language))
    why = ""
    for way in ways_in(house, prompt, language):
        seconds = prompts.store.seconds(way.digest)
        if seconds is not None:
            state = "recorded" if way.text is None else "spoken"
            # A path, not the PBX's address: a person's browser fetches it from where the page came from.
            return PromptState(language, text, state, f"/prompts/{way.digest}.wav", seconds, why, brought)
        failure = prompts.failures.get(way.digest)
        why = why or (failure.why if failure else "")
    return PromptState(language, text, "failed" if why else "waiting", None, 0.0, why, brought)


def speaks(house: House) -> bool:
    """Whether this node has a speech command that can be run."""
    return book(house).speech.available()


def trouble(house: House) -> str:
    """What is wrong with prompts on this node, in a few words; empty when nothing is."""
    prompts = book(house)
    if prompts.speech.name and not prompts.speech.available():
        return f"{prompts.speech.name} is not installed"
    failed = len(prompts.reported)
    return f"{failed} prompts could not be made" if failed else ""


def unmake_all(house: House) -> None:
    """Forget what could not be made, so that it is tried again at once."""
    prompts = book(house)
    prompts.failures.clear()
    prompts.wake.set()
