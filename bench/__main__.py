"""``make bench``: all figures, one after the other."""

from __future__ import annotations

import asyncio

from bench import ami, memory, pop
from bench.measure import tell


async def main() -> None:
    await ami.main(ami.SECONDS)
    tell()
    await memory.main()
    tell()
    await pop.main(pop.SECONDS, pop.CUSTOMERS)


if __name__ == "__main__":
    asyncio.run(main())
