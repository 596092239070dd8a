"""Closes what a test of the simulator opened."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.simulator.ami import OPEN


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    while OPEN:
        await OPEN.pop().close()
