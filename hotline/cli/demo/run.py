"""The demo's composition: the simulated PBX, the seeded records, and the service with its handset page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from pydantic import SecretStr

from hotline import app, logs
from hotline.cli.demo.people import AGENTS, CALLERS, FIRST, LINE, QUEUE
from hotline.cli.demo.seed import PBX, interface, seed
from hotline.settings import PbxAddress, Settings
from hotline.simulator.call import Phone
from hotline.simulator.handsets import Simulator
from hotline.simulator.world import Plan
from hotline.web.demo import Demo, Scenario

#: Who is signed in to the queue from the start: three phones ring.
SIGNED_IN = 3


def simulator() -> Simulator:
    """The demo's PBX: a phone for everybody who has an extension."""
    phones = [Phone(agent.extension, agent.name, interface(agent.extension)) for agent in AGENTS if agent.extension]
    return Simulator(Plan(phones, (QUEUE,), {LINE: QUEUE}), [(QUEUE, phone) for phone in phones[:SIGNED_IN]])


async def run(settings: Settings, say: Callable[[str], None], *, asterisk: bool) -> None:
    """Serves the demo until SIGTERM or SIGINT; ``say`` is told the addresses and the sign-in, line by line."""
    logs.configure(settings.log_level, json=settings.log_format == "json")
    async with AsyncExitStack() as parts:
        page: Demo | None = None
        if not asterisk:
            pbx = simulator()
            await pbx.start()
            parts.push_async_callback(pbx.close)
            settings = settings.model_copy(update={"ami_urls": (_address(pbx),)})
        password = await seed(settings)
        if not asterisk:
            scenarios = tuple(Scenario(c.key, c.number, c.name, c.withheld, c.patience) for c in CALLERS)
            page = Demo(pbx, scenarios, LINE, [(agent.login, agent.name, agent.role) for agent in AGENTS], password)

        def started(address: str) -> None:
            say(f"hotline demo: {address}")
            say(f"  sign in as  {FIRST}  with password  {password}")
            others = ", ".join(agent.login for agent in AGENTS if agent.login != FIRST)
            say(f"  or as {others} (same password)")
            if page is not None:
                say(f"  call the hotline at {address}/demo")
            say("  stop with Ctrl-C")

        await app.serve(settings, started, demo=page)


def _address(pbx: Simulator) -> PbxAddress:
    return PbxAddress(PBX, "127.0.0.1", pbx.port, tls=False, user=pbx.user, secret=SecretStr(pbx.secret))
