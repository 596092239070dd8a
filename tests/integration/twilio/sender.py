"""A process that sends what waits, as the service does; killed by a test. ``python -m tests.integration.twilio.sender``
with the settings in its environment; it says ``ready`` when it begins."""

from __future__ import annotations

import asyncio

from hotline import logs
from hotline.jobs import outgoing
from hotline.settings import load_settings
from hotline.workflows.house import open_house

#: Messages that it takes at most: few enough for a test to have more.
MOST_TAKEN = 40


async def main() -> None:
    logs.configure("error")
    outgoing.MOST_TAKEN, outgoing.LEAST_TAKEN = MOST_TAKEN, MOST_TAKEN // 2  # type: ignore[misc]
    house = await open_house(load_settings(env_file=None))
    print("ready", flush=True)
    await outgoing.run(house)


if __name__ == "__main__":
    asyncio.run(main())
