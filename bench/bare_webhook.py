"""The peer of the webhook's figure: a bare aiohttp handler that inserts one row.

As a process: ``python -m bench.bare_webhook DSN``.
"""

from __future__ import annotations

import asyncio
import sys

import asyncpg
from aiohttp import web

from bench.measure import report

REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response><Say>Hello.</Say></Response>'


async def main(dsn: str) -> None:
    pool = await asyncpg.create_pool(dsn, min_size=4, max_size=16)
    await pool.execute("CREATE TABLE IF NOT EXISTS bench_webhook (sid text PRIMARY KEY, digits text, at timestamptz)")
    await pool.execute("TRUNCATE bench_webhook")

    async def handle(request: web.Request) -> web.Response:
        form = await request.post()
        await pool.execute(
            "INSERT INTO bench_webhook VALUES ($1, $2, now()) ON CONFLICT DO NOTHING", form["CallSid"], form["Digits"]
        )
        return web.Response(text=REPLY, content_type="text/xml")

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    report(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(sys.argv[1]))
