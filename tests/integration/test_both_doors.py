"""One definition for both ends: every flow, with the same inputs, has the same effects for a caller of the PBX and for
one of a Twilio number."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hotline.crm.viewer import SYSTEM
from hotline.ivr import effects as fx
from hotline.ivr import engine
from hotline.ivr.session import Step
from hotline.settings import Settings
from hotline.workflows.customers.customers import create_customer
from hotline.workflows.house import House
from hotline.workflows.twilio import twilio_voice
from tests.integration.agi import Exchange, exchange
from tests.integration.twilio_caller import Act, TwilioCaller, twilio_settings
from tests.waiting import until

FLOWS = {"main": "+4930999001", "everything": "+4930999002", "questions": "+4930999003"}
KNOWN, STRANGER = "+4930123456", "+4930765432"
#: How a caller may come back, as the dialplan says it and as the flow gets it.
LEFT = {"CONTINUE": "answered", "TIMEOUT": "timeout", "JOINEMPTY": "empty", "FULL": "full", "CHANUNAVAIL": "empty"}


class Told:
    """The steps that the engine made, as somebody performs them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.steps: list[tuple[fx.Effect, ...]] = []
        start, resume = engine.start, engine.resume

        def started(*args: Any) -> Step:
            step = start(*args)
            self.steps.append(step.effects)
            return step

        def resumed(flows: Any, session: Any, given: Any, calendars: Any, now: Any) -> Step:
            step = resume(flows, session, given, calendars, now)
            if calendars or not isinstance(given, fx.Left):  # FastAGI looks ahead whether anything follows a talk
                self.steps.append(step.effects)
            return step

        patch.setattr(engine, "start", started)
        patch.setattr(engine, "resume", resumed)

    def take(self) -> list[tuple[fx.Effect, ...]]:
        """What was told since the last time."""
        taken, self.steps = self.steps, []
        return taken


@pytest.fixture
async def lines(house: House, settings: Settings) -> AsyncIterator[Exchange]:
    folder = Path(__file__).parents[1] / "flows"
    async with exchange(house, settings, flows_dir=folder, **twilio_settings()) as opened:
        for flow, number in FLOWS.items():
            await opened.house.db.execute(
                "INSERT INTO sender (id, channel, address, flow) VALUES ($1, 'voice', $2, $3)",
                *(opened.house.new_id(), number, flow),
            )
        await create_customer(
            opened.house,
            SYSTEM,
            {
                "name": "Anna",
                "tier": "gold",
                "locale": "zh",
                "contact_points": [{"kind": "phone", "value": KNOWN}],
            },
        )
        yield opened


def script(flow: str, seed: int) -> tuple[list[Act], list[str]]:
    """What a caller does at each question, and how they come back from queues: the same each time."""
    rng = random.Random(f"{flow} {seed}")
    acts: list[Act] = [
        rng.choice(["1", "2", "3", "4", "0", "*", "9", "", "#", "12#", "12345#", "777#", "21"]) for _ in range(14)
    ]
    if rng.random() < 0.3:
        # Hung up at a question, not in the middle of a number.
        acts[place := rng.randrange(6)] = "#"
        acts.insert(place + 1, None)
    return acts, [rng.choice(list(LEFT)) for _ in range(6)]


async def by_asterisk(lines: Exchange, flow: str, number: str, acts: list[Act], back: list[str], told: Told) -> None:
    caller = lines.caller(list(acts), number=number)
    ended = await caller.run(lines.path(f"flow/{flow}"))
    while ended in ("queue", "extension") and not caller.hung_up and back:
        ended = await caller.run(lines.path(f"left/{flow}?status={back.pop(0)}"))
    if caller.hung_up:
        await until(lambda: told.steps[-1:] == [()])  # the script hears of it a moment later


async def by_twilio(lines: Exchange, flow: str, number: str, acts: list[Act], back: list[str]) -> None:
    caller = TwilioCaller(lines.house, list(acts), number=number, to=FLOWS[flow])
    verb = await caller.run()
    while verb.name == "Dial" and back:
        how = fx.Left(LEFT[back.pop(0)])  # type: ignore[arg-type]
        step = verb["action"].partition("?n=")[2]
        verb = await caller.go_on(await twilio_voice.left(lines.house, caller.form(), how, step))


@pytest.mark.parametrize("flow", FLOWS)
async def test_both_ends_have_the_same_effects(flow: str, lines: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(monkeypatch)
    for seed, number in enumerate((KNOWN, STRANGER, "anonymous") * 4):
        acts, back = script(flow, seed)
        await by_asterisk(lines, flow, number, acts, list(back), told)
        at_the_pbx = told.take()
        await by_twilio(lines, flow, number, acts, list(back))
        at_twilio = told.take()
        assert at_twilio == at_the_pbx, (seed, acts, back)
        assert len(at_the_pbx) > 1


def test_every_flow_of_the_repository_is_here() -> None:
    root = Path(__file__).parents[2]
    found = {path.stem for folder in ("dialplans/flows", "tests/flows") for path in (root / folder).glob("*.yaml")}
    assert found == set(FLOWS)
