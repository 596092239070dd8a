"""The demo's composition: the simulated PBX, the seeded records, and the service with its handset page."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from hotline import app, logs
from hotline.cli.demo.dialplan import HotlineDialplan
from hotline.cli.demo.people import AGENTS, CALLERS, FIRST, LINES, PBX, QUEUE, interface
from hotline.cli.demo.seed import seed
from hotline.cli.demo.twilio import DemoTwilio
from hotline.cli.demo.voice import Voice, with_voice
from hotline.settings import Bind, PbxAddress, Settings
from hotline.simulator.call import Phone
from hotline.simulator.handsets import Simulator
from hotline.simulator.world import Plan
from hotline.web.demo import Demo, Scenario

#: Who is signed in to the queue from the start: three phones ring.
SIGNED_IN = 3


def simulator() -> Simulator:
    """The demo's PBX: a phone for everybody who has an extension."""
    phones = [Phone(agent.extension, agent.name, interface(agent.extension)) for agent in AGENTS if agent.extension]
    plan = Plan(phones, (QUEUE,), dict.fromkeys(LINES, QUEUE))
    return Simulator(plan, [(QUEUE, phone) for phone in phones[:SIGNED_IN]])


async def run(settings: Settings, say: Callable[[str], None], *, asterisk: bool) -> None:
    """Serves the demo until SIGTERM or SIGINT; ``say`` is told the addresses and the sign-in, line by line."""
    logs.configure(settings.log_level, json=settings.log_format == "json")
    async with AsyncExitStack() as parts:
        page: Demo | None = None
        voice = Voice(settings)
        parts.push_async_callback(voice.close)
        settings = with_voice(settings)
        if not asterisk:
            pbx = simulator()
            await pbx.start()
            parts.push_async_callback(pbx.close)
            settings = _reached(settings, pbx)
        password = await seed(settings)
        twilio: DemoTwilio | None = None
        if not asterisk:
            twilio = DemoTwilio()
            await twilio.start()
            parts.push_async_callback(twilio.close)
            settings = twilio.joined(settings)
            await twilio.prepare(settings)
        if not asterisk:
            scenarios = tuple(Scenario(c.key, c.number, c.name, c.withheld, c.patience, c.keys) for c in CALLERS)
            users = [(agent.login, agent.name, agent.role) for agent in AGENTS]
            page = Demo(pbx, scenarios, tuple(LINES), users, password, voice, _Scripts(pbx, settings).at, twilio)

        def started(address: str) -> None:
            if twilio is not None:
                twilio.reach(settings, address)
            say(f"hotline demo: {address}")
            say(f"  sign in as  {FIRST}  with password  {password}")
            others = ", ".join(agent.login for agent in AGENTS if agent.login != FIRST)
            say(f"  or as {others} (same password)")
            if page is not None:
                say(f"  call the hotline at {address}/demo")
            if not voice.audible:
                say(f"  no sound: {voice.command} is not installed; prompts are captions only until you install it")
            say("  stop with Ctrl-C")

        await app.serve(settings, started, demo=page)


@dataclass(frozen=True, slots=True)
class _Scripts:
    """Sends the PBX's calls to hotline's FastAGI."""

    pbx: Simulator
    settings: Settings

    def at(self, port: int) -> None:
        """It listens at this port of this machine."""
        key = self.settings.agi_key.get_secret_value()
        self.pbx.obey(HotlineDialplan(f"agi://127.0.0.1:{port}/{PBX}/{key}", LINES, QUEUE))


def _reached(settings: Settings, pbx: Simulator) -> Settings:
    """The settings with which hotline and this PBX reach each other, on this machine only."""
    changes: dict[str, object] = {"ami_urls": (_address(pbx),), "agi_sources": ()}
    if not settings.agi_key.get_secret_value():
        changes["agi_key"] = SecretStr(secrets.token_hex(16))
    changes["agi_bind"] = Bind("127.0.0.1", 0)
    if settings.flows_dir is None:
        changes["flows_dir"] = Path(__file__).parent / "flows"
    return settings.model_copy(update=changes)


def _address(pbx: Simulator) -> PbxAddress:
    return PbxAddress(PBX, "127.0.0.1", pbx.port, tls=False, user=pbx.user, secret=SecretStr(pbx.secret))
