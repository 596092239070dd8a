"""``make bench``: all figures, one after the other."""

from __future__ import annotations

import asyncio

from bench import ami, ivr, memory, pop
from bench.measure import tell


async def main() -> None:
    await ami.main(ami.SECONDS)
    tell()
    await memory.main()
    tell()
    await pop.main(pop.SECONDS, pop.CUSTOMERS)
    tell()
    await ivr.main(ivr.SECONDS, ivr.CALLERS, ivr.CALLS)


if __name__ == "__main__":
    asyncio.run(main())
