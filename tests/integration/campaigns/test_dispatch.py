"""Dispatching campaigns: what leaves, what does not, and that each leaves once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from bench import blast
from hotline.jobs.dispatch import Dispatcher
from hotline.workflows.house import House
from tests.fakes.mail import Sink, mail_sink


@pytest.fixture
async def sink(house: House) -> AsyncIterator[Sink]:
    """A relay, which the house uses."""
    async with mail_sink() as found:
        url = SecretStr(f"smtp://127.0.0.1:{found.port}?starttls=no")
        house.settings = house.settings.model_copy(update={"smtp_url": url, "push_connections": 4})
        yield found


@asynccontextmanager
async def dispatching(house: House) -> AsyncIterator[Dispatcher]:
    """A process that dispatches, while the context is open."""
    dispatcher = Dispatcher(house)
    task = house.spawn(dispatcher.run(), "dispatch")
    try:
        yield dispatcher
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(fact: Callable[[], Awaitable[Any]], seconds: float = 30.0) -> Any:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not (found := await fact()):
            await asyncio.sleep(0.05)
        return found


async def test_every_recipient_gets_one_mail_of_their_own(house: House, sink: Sink) -> None:
    await blast.people(house, 60)
    campaign_id = await blast.campaign(house, "email", blast.mail_content(600))

    async def through() -> bool:
        return await blast.states(house, campaign_id) == {"sent": 60}

    async with dispatching(house):
        await until(through)
    assert Counter(each.recipients[0] for each in sink.mails) == {blast.email_of(n): 1 for n in range(60)}
    mail = next(each for each in sink.mails if each.recipients == [blast.email_of(7)])
    assert mail.mail["subject"] == "News for Person 7"
    assert "Dear Person 7," in mail.text
    rows = await house.db.fetch("SELECT attempt, outcome FROM delivery_attempt")
    assert [(row["attempt"], row["outcome"]) for row in rows] == [(1, "accepted")] * 60
