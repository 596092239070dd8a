"""The guided first set-up: how far it is, and what is left out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hotline.crm.queries.company.setup import SetupView, Step
from hotline.web.endpoint import Ask, Endpoint, Input, Output, endpoint
from hotline.workflows.company import setup as workflow


class StepOf(Input):
    """A step of the set-up."""

    step: Step


class SetupStep(Output):
    """A step: done when what it makes is there, however it came to be."""

    key: Step
    state: Literal["open", "done", "skipped"]


class Setup(Output):
    """How far the first set-up is."""

    items: list[SetupStep]
    left: int = Field(description="How many steps are neither done nor skipped.")
    next: str | None = None


def _body(view: SetupView) -> Setup:
    return Setup(items=[SetupStep(key=key, state=state) for key, state in view.steps.items()], left=view.left)


@endpoint("GET", "/setup", right="settings.read", summary="How far the first set-up is")
async def get_setup(ask: Ask) -> Setup:
    return _body(await workflow.look(ask.house))


@endpoint("POST", "/setup/{step}/skip", right="settings.write", summary="Leave a step of the set-up out")
async def skip_step(ask: Ask, path: StepOf) -> Setup:
    return _body(await workflow.skip(ask.house, ask.viewer, path.step))


@endpoint("POST", "/setup/{step}/resume", right="settings.write", summary="Take a step up again that was left out")
async def resume_step(ask: Ask, path: StepOf) -> Setup:
    return _body(await workflow.skip(ask.house, ask.viewer, path.step, skipped=False))


routes: list[Endpoint] = [get_setup, skip_step, resume_step]
