"""The peer of the IVR's figure: a bare AGI server that only asks again. As a process: ``python -m bench.agi_echo``."""

from __future__ import annotations

import asyncio
import sys

from bench.measure import report

STEPS = 4


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads the environment, then asks STEPS times, each with a time-out set before it."""
    try:
        while (await reader.readline()).strip():
            pass
        for _ in range(STEPS):
            for command in (b"SET AUTOHANGUP 15\n", b'GET DATA "http://127.0.0.1/prompts/x.wav" 5000 1\n'):
                writer.write(command)
                await reader.readline()
        writer.write(b'SET VARIABLE HOTLINE_NEXT "queue"\n')
        await reader.readline()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512)
    report(server.sockets[0].getsockname()[1])
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
