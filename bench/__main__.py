"""``make bench``: all figures, one after the other."""

from __future__ import annotations

import asyncio
import importlib

from bench import ami, crowd, deliveries, email, freeze, ivr, kills, memory, pages, pop, render, sms, webhook
from bench.measure import tell


async def main() -> None:
    await ami.main(ami.SECONDS)
    tell()
    await memory.main()
    tell()
    await pop.main(pop.SECONDS, pop.CUSTOMERS, with_blast=True)
    tell()
    await ivr.main(ivr.SECONDS, ivr.CALLERS, ivr.CALLS)
    tell()
    await webhook.main(webhook.SECONDS)
    tell()
    imports = importlib.import_module("bench.import")  # a word of the language: no statement names it
    await imports.main(imports.ROWS, imports.PRESENT)
    tell()
    await pages.main(crowd.CUSTOMERS, pages.ROUNDS)
    tell()
    await sms.main(sms.MESSAGES, sms.RUNS)
    tell()
    await email.main()
    tell()
    await freeze.main(freeze.CUSTOMERS, freeze.MOST)
    tell()
    await deliveries.main()
    tell()
    await kills.main()
    tell()
    render.main()


if __name__ == "__main__":
    asyncio.run(main())
