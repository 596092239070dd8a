"""What commands that work on the records share: the house is opened, its log goes to stderr, it is closed again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hotline import logs
from hotline.settings import load_settings
from hotline.workflows.house import House, open_house

Answer = TypeVar("Answer")


def in_house(work: Callable[[House], Awaitable[Answer]]) -> Answer:
    """Do ``work`` in the house of the settings. An empty database is brought up to date first."""
    settings = load_settings()
    logs.configure("warning", json=settings.log_format == "json")

    async def run() -> Answer:
        house = await open_house(settings, migrate=True)
        try:
            return await work(house)
        finally:
            await house.close()

    return asyncio.run(run())
