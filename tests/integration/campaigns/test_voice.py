"""Campaigns by telephone: what people hear, the key that ends it, machines, who does not pick up, lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from bench import blast
from hotline.jobs.dispatch import Dispatcher
from hotline.workflows.house import House
from hotline.workflows.pushes import push_voice
from hotline.workflows.pushes.push_pbx import AGAIN
from tests.fakes.twilio import FakeTwilio, TwilioDoor

AT_ANY_HOUR = {"quiet_hours": {"apply": False}}
CONTENT = {
    "default": "en",
    "track_links": False,
    "locales": {
        "en": {
            "body": "Hello {{ customer.name }}, our shop in Green Street opens on Monday.",
            "opt_out": "Press 9 to get no more such calls.",
            "opt_out_key": "9",
        }
    },
}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callbacks are looked for at once."""
    monkeypatch.setattr(push_voice, "LOOK_SECONDS", 0.02)


@asynccontextmanager
async def calling(house: House, twilio: FakeTwilio, people: int) -> AsyncIterator[UUID]:
    """A campaign that calls so many people, while the context is open."""
    await blast.people(house, people)
    campaign_id = await blast.campaign(house, "voice", CONTENT, limits=AT_ANY_HOUR)
    await house.db.execute("INSERT INTO push_rate (kind, name, per_second, burst) VALUES ('channel', 'voice', 100, 10)")
    task = house.spawn(Dispatcher(house, here=True).run(), "dispatch")
    try:
        yield campaign_id
    finally:
        for line in list(twilio.lines.values()):
            line.hang_up()
        await twilio.quiet()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(fact: Callable[[], Awaitable[Any]]) -> Any:
    """Wait until something is so."""
    async with asyncio.timeout(40):
        while not (found := await fact()):  # noqa: ASYNC110 - what is looked at is in the database
            await asyncio.sleep(0.05)
        return found


async def became(house: House, campaign_id: UUID, **states: int) -> None:
    async def so() -> bool:
        return await blast.states(house, campaign_id) == states

    await until(so)


async def test_rule_11_the_key_is_said_first_and_ends_it(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    async with calling(house, twilio, 1) as campaign_id:
        line = await twilio.ringing(blast.phone_of(0))
        line.answer()
        await twilio.wait_for(lambda: line.doing == "gather" and "Monday" in line.words)
        key, message = line.words.index("Press 9"), line.words.index("Hello Person 0")
        assert key < message
        line.press("9")
        await became(house, campaign_id, delivered=1)
        await twilio.quiet()
        assert "not call you" in line.words
    row = await house.db.fetchrow("SELECT channel, reason, source FROM suppression")
    assert row is not None
    assert (row["channel"], row["reason"], row["source"]) == ("voice", "opt_out", "call")
    assert await house.db.fetchval("SELECT opted_out_at FROM delivery") is not None
    assert await house.db.fetchval("SELECT state FROM consent WHERE channel = 'voice'") == "withdrawn"


async def test_another_key_ends_the_call_alone(house: House, twilio: FakeTwilio, twilio_door: TwilioDoor) -> None:
    async with calling(house, twilio, 1) as campaign_id:
        line = await twilio.ringing(blast.phone_of(0))
        line.answer()
        await twilio.wait_for(lambda: line.doing == "gather")
        line.press("3")
        await became(house, campaign_id, delivered=1)
    assert await house.db.fetchval("SELECT count(*) FROM suppression") == 0


async def test_a_machine_is_told_nothing_and_not_called_again(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    async with calling(house, twilio, 1) as campaign_id:
        line = await twilio.ringing(blast.phone_of(0))
        line.answer(by="machine_start")
        await became(house, campaign_id, permanent_failure=1)
        await twilio.quiet()
    assert await house.db.fetchval("SELECT error_code FROM delivery") == "machine"


async def test_who_does_not_pick_up_is_called_again_later(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    async with calling(house, twilio, 1) as campaign_id:
        for attempt in range(1, AGAIN + 2):
            line = await twilio.ringing(blast.phone_of(0))
            line.decline("busy" if attempt == 1 else "no-answer")
            if attempt <= AGAIN:

                async def waits(attempt: int = attempt) -> bool:
                    return bool(
                        await house.db.fetchval(
                            "SELECT state = 'queued' AND attempts = $1 AND due_at > now() + interval '10 minutes'"
                            " FROM delivery",
                            attempt,
                        )
                    )

                await until(waits)
                await house.db.execute("UPDATE delivery SET due_at = now()")
        await became(house, campaign_id, expired=1)
    assert await house.db.fetchval("SELECT count(*) FROM delivery_attempt") == AGAIN + 1


async def test_as_many_are_called_at_once_as_there_are_lines(
    house: House, twilio: FakeTwilio, twilio_door: TwilioDoor
) -> None:
    house.settings = house.settings.model_copy(update={"push_lines": 2})
    async with calling(house, twilio, 5) as campaign_id:
        await twilio.wait_for(lambda: len(twilio.lines) == 2)
        assert await blast.states(house, campaign_id) == {"sending": 2, "queued": 3}
        first = next(iter(twilio.lines.values()))
        first.decline()
        await twilio.wait_for(lambda: len(twilio.lines) == 3)
        assert (await blast.states(house, campaign_id))["sending"] == 2
        for line in twilio.lines.values():
            line.decline()
