"""Waiting for a fact in a test: no sleep of a guessed length; the test's own time-out is the limit."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable


async def until(fact: Callable[[], object | Awaitable[object]]) -> None:
    """Return when ``fact`` (a function or a coroutine function) answers something true."""
    while True:
        found = fact()
        if await found if inspect.isawaitable(found) else found:
            return
        await asyncio.sleep(0.01)
