"""``hotline dispatch``: the sending of campaigns, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
from typing import Any, Final

import typer
import uvloop

from hotline import logs
from hotline.memory import settle_memory
from hotline.settings import Settings, load_settings

#: Seconds without anything to send after which a child ends.
IDLE_SECONDS: Final = 60.0
#: How far it steps back where processors are scarce: calls ring beside it.
NICER: Final = 10


def dispatch(
    child: bool = typer.Option(
        False, "--child", hidden=True, help="Of a running hotline: end with it, and when there is nothing to send."
    ),
) -> None:
    """Send what campaigns release, until SIGTERM or Ctrl-C. Any number may run, on any machine.

    `hotline serve` starts one by itself while there is something to send (HOTLINE_DISPATCH); run it as a service of its
    own where other machines shall send.
    """
    uvloop.run(_child() if child else _serve(load_settings()))


async def _child() -> None:
    """Under the settings of the process that started this one, which holds the other end of the pipe: however it ends,
    this one ends with it."""
    loop = asyncio.get_running_loop()
    pipe = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(pipe), sys.stdin)
    length = int.from_bytes(await pipe.readexactly(4), "big")
    settings: Settings = pickle.loads(await pipe.readexactly(length))  # noqa: S301  # from our own parent
    parent = asyncio.ensure_future(pipe.read())
    await _serve(settings, parent)


async def _serve(settings: Settings, parent: asyncio.Future[bytes] | None = None) -> None:
    from hotline.jobs import dispatch as job  # here: the other commands need not load it
    from hotline.workflows.house import open_house

    logs.configure(settings.log_level, json=settings.log_format == "json")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    house = await open_house(settings)
    settle_memory()
    if parent is not None:
        os.nice(NICER)
    try:
        running = house.spawn(
            job.run(house) if parent is None else job.run_while_needed(house, IDLE_SECONDS), "dispatching"
        )
        over: list[asyncio.Future[Any]] = [running, asyncio.ensure_future(stop.wait())]
        if parent is not None:
            over.append(parent)
        await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
        for each in over:
            each.cancel()
        await asyncio.gather(*over, return_exceptions=True)
    finally:
        await house.close()
