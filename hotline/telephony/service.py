"""The telephone as one part of a process: started and stopped by ``hotline.app``."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog

from hotline.errors import Unavailable
from hotline.pbx.connection import Connection, Patience
from hotline.settings import PbxAddress
from hotline.telephony.agi import push
from hotline.telephony.agi.line import Line
from hotline.telephony.agi.liveness import living_call
from hotline.telephony.agi.script import Script, Scripts
from hotline.telephony.agi.server import AgiServer, Request
from hotline.telephony.agi.waiting import callers_ahead
from hotline.telephony.agi.wire import AgiConnection
from hotline.telephony.reader import Records
from hotline.telephony.supervisor import Supervisor
from hotline.workflows.calls.calls import apply, open_calls
from hotline.workflows.calls.pbx_addresses import refresh
from hotline.workflows.house import House
from hotline.workflows.ivr.ivr_sessions import Sessions
from hotline.workflows.ivr.prompts import speak

__all__ = ["Telephony"]

log = structlog.get_logger(__name__)

#: Seconds between two looks at which PBXs there are.
FOLLOW_SECONDS: Final = 2.0
#: Seconds at the end for the callers' sessions that the records do not have yet.
_FLUSH_SECONDS: Final = 2.0


class Telephony:
    """Every PBX of HOTLINE_AMI_URLS, and those that were entered at the desk. Several nodes may run it: each PBX is
    read by one of them, and any of them may be asked by a dialplan on ``agi``, sockets that are bound already."""

    def __init__(
        self,
        house: House,
        *,
        agi: Sequence[socket.socket] = (),
        records: Records | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._records = records or Records(apply, open_calls)
        self._patience = patience
        self._house = house
        self._by_pbx: dict[str, Supervisor] = {}
        self._addresses: dict[str, PbxAddress] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        for address in house.settings.ami_urls:
            self._add(address)
        self.sessions = Sessions(house)
        self._agi_sockets = agi
        self.agi = AgiServer(house, self._serve) if agi else None
        self._scripts = Scripts(house, self.sessions, self._ahead)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin; returns at once."""
        for name, supervisor in self._by_pbx.items():
            self._reading[name] = self._house.spawn(supervisor.run(), "telephony")
        self._tasks.append(self._house.spawn(self._follow(), "telephony addresses"))
        self._tasks.append(self._house.spawn(self.sessions.run(), "ivr sessions"))
        if self.agi is not None:
            await self.agi.start(self._agi_sockets)

    async def stop(self) -> None:
        """Let go of every PBX, so that another node takes over without waiting."""
        if self.agi is not None:
            await self.agi.stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(_FLUSH_SECONDS):
                    await self.sessions.drained()
        tasks = [*self._tasks, *self._reading.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self._reading.clear()

    def health(self) -> list[dict[str, Any]]:
        """What this node has to do with each PBX."""
        return [supervisor.health() for supervisor in self.supervisors]

    @property
    def supervisors(self) -> list[Supervisor]:
        """One for each PBX."""
        return list(self._by_pbx.values())

    # PBXs that are entered, changed and forgotten at a desk while hotline runs

    async def _follow(self) -> None:
        """Read what is entered, let go of what is forgotten; on every node, within seconds. Until cancelled."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            try:
                wanted = {address.name: address for address in await refresh(self._house)}
            except Unavailable:
                continue  # the database is away: what is known stays
            except Exception:
                log.exception("telephony.addresses_failed")
                continue
            if wanted == self._addresses:
                continue
            for name, known in list(self._addresses.items()):
                if wanted.get(name) != known:
                    await self._remove(name)
            if self.agi is not None:
                self.agi.sources.use(address.host for address in wanted.values())
                await self.agi.sources.resolve()
            for name, address in wanted.items():
                if name not in self._addresses:
                    self._add(address)
                    self._reading[name] = self._house.spawn(self._by_pbx[name].run(), "telephony")
                    log.info("telephony.pbx_added", pbx=name)

    def _add(self, address: PbxAddress) -> None:
        self._addresses[address.name] = address
        self._by_pbx[address.name] = Supervisor(self._house, address, self._records, patience=self._patience)

    async def _remove(self, name: str) -> None:
        del self._addresses[name], self._by_pbx[name]
        task = self._reading.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        log.info("telephony.pbx_removed", pbx=name)

    # What a dialplan's script asks

    def reads(self, pbx: str) -> bool:
        """Whether this node reads the PBX and is connected to it."""
        supervisor = self._by_pbx.get(pbx)
        return supervisor is not None and supervisor.reader is not None and supervisor.reader.listening

    def call_of(self, pbx: str, channel: str, uniqueid: str) -> UUID | None:
        """The call of a channel that is alive, as far as this node knows."""
        supervisor = self._by_pbx.get(pbx)
        reader = None if supervisor is None else supervisor.reader
        return None if reader is None else reader.call_of(channel, uniqueid)

    def _connection(self, pbx: str) -> Connection | None:
        supervisor = self._by_pbx.get(pbx)
        reader = None if supervisor is None else supervisor.reader
        return None if reader is None else reader.connection

    async def _ahead(self, pbx: str, queue: str, priority: int) -> int | None:
        return await callers_ahead(self._house, self._connection(pbx), pbx, queue, priority)

    async def _serve(self, connection: AgiConnection, request: Request) -> str:
        if request.action == "check":  # `hotline doctor` looks whether the address and the key are right
            await connection.ask("NOOP", "hotline")
            return "checked"
        if request.action not in ("flow", "left", "push"):
            return "unknown"
        line = Line(connection, partial(speak, self._house), self._house.spawn)
        if request.action == "push":
            return await push.run(self._house, line, request)
        # The caller's keys are listened to from the first moment; nothing is said or looked up before.
        asked = living_call(self._house, self, request.pbx, request.channel, request.uniqueid)
        call_id = await line.meanwhile(asked, "agi channel")
        if call_id is None:
            log.warning("agi.no_channel", pbx=request.pbx, uniqueid=request.uniqueid)
            return "no_channel"
        script = Script(self._scripts, connection, line, request, call_id)
        return await (script.begin() if request.action == "flow" else script.left())
