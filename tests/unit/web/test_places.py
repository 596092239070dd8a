"""How many requests are worked on at once."""

from __future__ import annotations

import asyncio

import pytest

from hotline.errors import Unavailable
from hotline.web.places import SPARED, Places
from tests.waiting import until


class Crowd:
    """Askers who hold their places until ``go``."""

    def __init__(self, places: Places) -> None:
        self.places, self.inside, self.go = places, list[str](), asyncio.Event()

    async def ask(self, who: str) -> None:
        async with self.places.place(who):
            self.inside.append(who)
            await self.go.wait()


async def test_one_asker_leaves_room_for_others() -> None:
    crowd = Crowd(Places(6 + SPARED))
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(crowd.ask("import"))
        await until(lambda: len(crowd.inside) == 3)
        for _ in range(2):
            group.create_task(crowd.ask("anna"))
        await until(lambda: crowd.inside.count("anna") == 2)
        assert crowd.inside.count("import") == 3
        crowd.go.set()
    assert len(crowd.inside) == 12


async def test_never_more_than_there_are() -> None:
    crowd = Crowd(Places(6 + SPARED))
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(crowd.ask(f"user{number}"))
        await until(lambda: len(crowd.inside) == crowd.places.total)
        assert crowd.places.total == 6
        crowd.go.set()
    assert len(crowd.inside) == 20


async def test_who_waits_too_long_is_told_and_leaves_nothing_behind() -> None:
    places = Places(2 + SPARED, patience=0.05)
    async with places.place("a"), places.place("b"):
        with pytest.raises(Unavailable):
            async with places.place("c"):
                pass
        with pytest.raises(Unavailable):
            async with places.place("a"):
                pass
    async with places.place("c"), places.place("a"):
        pass
