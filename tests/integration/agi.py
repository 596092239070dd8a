"""A telephone with a FastAGI door for tests: the real reader and server on a fake PBX."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pydantic import SecretStr

from hotline.pbx.connection import Patience
from hotline.settings import Settings
from hotline.telephony.service import Telephony
from hotline.workflows.house import House
from hotline.workflows.ivr.prompts import book
from tests.conftest import prompts_folder
from tests.fakes.agi import AgiCaller
from tests.fakes.ami import FakePbx, fake_pbx
from tests.fakes.ami_calls import FakeCall
from tests.waiting import until

PATIENT = Patience(connect=20, login=20, probe=20, boot=20, ping_every=0.5, dead=20)
KEY = "a-key-of-the-tests"


@dataclass
class Exchange:
    """A fake PBX, the telephone that reads it, and callers."""

    house: House
    pbx: FakePbx
    telephony: Telephony
    serial: int = 0
    calls: dict[str, FakeCall] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """Where FastAGI answers."""
        assert self.telephony.agi is not None
        return self.telephony.agi.port

    def path(self, action: str = "flow/main", *, pbx: str = "main", key: str = KEY) -> str:
        """A script's address."""
        return f"{pbx}/{key}/{action}"

    def caller(
        self, acts: list[str | None] | None = None, *, number: str = "+4930123456", arrive: bool = True
    ) -> AgiCaller:
        """Somebody who calls now; the manager tells of their channel first, unless it does not ``arrive``."""
        self.serial += 1
        call = FakeCall(self.pbx, number=number, serial=self.serial)
        if arrive:
            self.arrive(call)
        self.calls[call.root] = call
        return AgiCaller(self.port, call.trunk, call.root, number, acts=list(acts or ()))

    def arrive(self, call: FakeCall) -> None:
        """The channel begins, in the dialplan, not in a queue."""
        call.say("Newchannel", ChannelState="4", ChannelStateDesc="Ring", **call._caller())
        call.say("Newstate", ChannelState="6", ChannelStateDesc="Up", **call._caller())


def agi_house(house: House, settings: Settings, pbx: FakePbx, **more: object) -> House:
    """The same house with the fake PBX and a key in its settings."""
    changed = {"ami_urls": (pbx.address(),), "agi_key": SecretStr(KEY), "prompts_dir": prompts_folder(), **more}
    return House(db=house.db, bus=house.bus, keyring=house.keyring, settings=settings.model_copy(update=changed))


def bound() -> socket.socket:
    """A socket on a free port of loopback."""
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    return made


@asynccontextmanager
async def exchange(house: House, settings: Settings, **more: object) -> AsyncIterator[Exchange]:
    """Open for callers once the PBX is read."""
    async with fake_pbx() as pbx:
        own = agi_house(house, settings, pbx, **more)
        telephony = Telephony(own, agi=[bound()], patience=PATIENT)
        await telephony.start()
        try:
            await until(lambda: telephony.reads("main"))
            yield Exchange(own, pbx, telephony)
        finally:
            await telephony.stop()
            await rest(own)


async def rest(house: House) -> None:
    """End what a house does beside the test: prompts that are still being made, and who makes them."""
    tasks = list(house._tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await book(house).converter.close()
