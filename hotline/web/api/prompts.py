"""Prompts: what callers hear, in which language, and recordings in place of the voice."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from hotline.web.bodies import whole
from hotline.web.endpoint import Ask, Endpoint, Input, Output, endpoint
from hotline.workflows.ivr import prompt_recordings as workflow
from hotline.workflows.ivr.prompt_recordings import LARGEST_UPLOAD, PromptView


class PromptRecording(Output):
    """Who brought the recording, and when."""

    user: str | None = Field(description="Login.")
    created_at: datetime


class PromptState(Output):
    """A prompt in one language."""

    language: str
    text: str
    state: Literal["recorded", "spoken", "waiting", "failed"] = Field(
        description="`recorded` by a person, `spoken` by the speech command, `waiting` to be made, `failed`."
    )
    url: str | None = Field(description="Its sound; null while there is none, and callers hear another language.")
    seconds: float
    why: str = Field(description="Why it, or its preferred voice, could not be made.")
    recording: PromptRecording | None


class Prompt(Output):
    """One thing that callers hear, named by its place in the flow."""

    name: str
    states: list[PromptState]


class PromptList(Output):
    """Every prompt of the flows, by name, as the node that answers has them."""

    items: list[Prompt]
    next: str | None = None


class ByPlace(Input):
    """A prompt in a language."""

    name: str = Field(max_length=150)
    language: str = Field(max_length=16)


def render_prompt(view: PromptView) -> Prompt:
    """The prompt's body."""
    return Prompt.model_validate(view)


@endpoint("GET", "/prompts", right="flows.read", summary="Prompts by name, with their state in each language")
async def list_prompts(ask: Ask) -> PromptList:
    return PromptList(items=[render_prompt(view) for view in workflow.list_prompts(ask.house, ask.viewer)])


@endpoint(
    "PUT", "/prompts/{name}/{language}/recording", right="prompts.write", status=204,
    summary="Let callers hear a recording as this prompt", takes="application/octet-stream",
)  # fmt: skip
async def put_prompt_recording(ask: Ask, path: ByPlace) -> None:
    """The body is a sound file: WAV, FLAC, OGG or MP3 of any rate, 5 minutes and 50 MB at most. It is made mono,
    silence at its ends is cut off, and it gets the loudness of the other prompts."""
    sound = await whole(ask.request, LARGEST_UPLOAD)
    await workflow.record_prompt(ask.house, ask.viewer, path.name, path.language, sound)


@endpoint(
    "DELETE", "/prompts/{name}/{language}/recording", right="prompts.write", status=204,
    summary="Let callers hear the voice again",
)  # fmt: skip
async def delete_prompt_recording(ask: Ask, path: ByPlace) -> None:
    await workflow.forget_prompt_recording(ask.house, ask.viewer, path.name, path.language)


routes: Final[list[Endpoint]] = [list_prompts, put_prompt_recording, delete_prompt_recording]
