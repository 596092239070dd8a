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

from hotline.pbx.connection import Connection, Patience
from hotline.telephony.agi.line import Line
from hotline.telephony.agi.liveness import living_call
from hotline.telephony.agi.script import Script, Scripts
from hotline.telephony.agi.server import AgiServer, Request
from hotline.telephony.agi.waiting import callers_ahead
from hotline.telephony.agi.wire import AgiConnection
from hotline.telephony.reader import Records
from hotline.telephony.supervisor import Supervisor
from hotline.workflows.calls import apply, open_calls
from hotline.workflows.house import House
from hotline.workflows.ivr_sessions import Sessions
from hotline.workflows.prompts import speak

__all__ = ["Telephony"]

log = structlog.get_logger(__name__)

#: Seconds at the end for the callers' sessions that the records do not have yet.
_FLUSH_SECONDS: Final = 2.0


class Telephony:
    """Every PBX of HOTLINE_AMI_URLS. Several nodes may run it: each PBX is read by one of them, and any of them may be
    asked by a dialplan on ``agi``, sockets that are bound already."""

    def __init__(
        self,
        house: House,
        *,
        agi: Sequence[socket.socket] = (),
        records: Records | None = None,
        patience: Patience | None = None,
    ) -> None:
        records = records or Records(apply, open_calls)
        self._house = house
        self.supervisors = [
            Supervisor(house, address, records, patience=patience) for address in house.settings.ami_urls
        ]
        self._by_pbx = {
            address.name: supervisor
            for address, supervisor in zip(house.settings.ami_urls, self.supervisors, strict=True)
        }
        self.sessions = Sessions(house)
        self._agi_sockets = agi
        self.agi = AgiServer(house, self._serve) if agi else None
        self._scripts = Scripts(house, self.sessions, self._ahead)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin; returns at once."""
        for supervisor in self.supervisors:
            self._tasks.append(self._house.spawn(supervisor.run(), "telephony"))
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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def health(self) -> list[dict[str, Any]]:
        """What this node has to do with each PBX."""
        return [supervisor.health() for supervisor in self.supervisors]

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
        if request.action not in ("flow", "left"):
            return "unknown"
        line = Line(connection, partial(speak, self._house), self._house.spawn)
        # The caller's keys are listened to from the first moment; nothing is said or looked up before.
        asked = living_call(self._house, self, request.pbx, request.channel, request.uniqueid)
        call_id = await line.meanwhile(asked, "agi channel")
        if call_id is None:
            log.warning("agi.no_channel", pbx=request.pbx, uniqueid=request.uniqueid)
            return "no_channel"
        script = Script(self._scripts, connection, line, request, call_id)
        return await (script.begin() if request.action == "flow" else script.left())
