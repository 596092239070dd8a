"""The FastAGI server: lets a PBX's scripts in, gives each to ``serve``, and keeps everybody else from being in the way.

AGI has no login. A script is served when its source is allowed, its address names a PBX and the key, and its channel is
alive (``liveness``); else the connection closes without a word, and the dialplan goes on to its default queue.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from hotline.pbx.agi import Environment
from hotline.telephony.agi import metrics
from hotline.telephony.agi.gate import MOST_SCRIPTS, Crowd, Sources
from hotline.telephony.agi.wire import AgiConnection, CallerGone
from hotline.workflows.house import House

log = structlog.get_logger(__name__)

#: Seconds that callers get to finish their step when the service stops; the dialplan takes over whoever is left.
STOP_SECONDS: Final = 3.0
#: One line of the log for each reason and source in so many seconds, however often they knock.
QUIET_SECONDS: Final = 60.0
_MOST_QUIET: Final = 1_000
_BACKLOG: Final = 1_024


@dataclass(frozen=True, slots=True)
class Request:
    """What a script's address asks: ``/<pbx>/<key>/<action>/<name>?<parameters>``."""

    pbx: str
    action: str
    name: str
    parameters: Mapping[str, str]
    environment: Environment

    @property
    def channel(self) -> str:
        """The channel's name as the PBX says."""
        return self.environment.get("channel")[:250]

    @property
    def uniqueid(self) -> str:
        """The channel's unique id as the PBX says."""
        return self.environment.get("uniqueid")[:150]


#: Runs a script and answers how it ended, for the metrics.
Serve = Callable[[AgiConnection, Request], Awaitable[str]]


class AgiServer:
    """Listens on sockets that are bound already."""

    def __init__(self, house: House, serve: Serve) -> None:
        self._house = house
        self._serve = serve
        self._key = house.settings.agi_key.get_secret_value().encode()
        self.sources = Sources(house.settings)
        self._crowd = Crowd()
        self._scripts: dict[AgiConnection, asyncio.Task[None]] = {}
        self._servers: list[asyncio.Server] = []
        self._beside: list[asyncio.Task[None]] = []
        self._quiet: dict[tuple[str, str], float] = {}
        self.port = 0

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Begin to listen."""
        await self.sources.resolve()
        loop = asyncio.get_running_loop()
        for each in sockets:
            server = await loop.create_server(lambda: AgiConnection(self), sock=each, backlog=_BACKLOG)
            self._servers.append(server)
        self.port = sockets[0].getsockname()[1]
        self._beside = [self._house.spawn(self.sources.run(), "agi sources")]

    async def stop(self) -> None:
        """Stop listening, let callers finish for STOP_SECONDS, and give the others back to the dialplan."""
        for task in self._beside:
            task.cancel()
        for server in self._servers:
            server.close()
        left = list(self._scripts.values())
        if left:
            await asyncio.wait(left, timeout=STOP_SECONDS)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, *self._beside, return_exceptions=True)

    @property
    def callers(self) -> int:
        """How many scripts run now."""
        return len(self._scripts)

    @property
    def listening(self) -> bool:
        """Whether it takes connections."""
        return any(server.is_serving() for server in self._servers)

    # Gatekeeper

    def opened(self, connection: AgiConnection) -> bool:
        """Let it in when its source is allowed; the oldest that has not begun may have to go for it."""
        if not self.sources.allow(connection.source):
            self.refused(connection, "source")
            return False
        goes = self._crowd.enter(connection, connection.source)
        if isinstance(goes, AgiConnection):
            self.refused(goes, "crowded")
            goes.abort()
        return goes is not connection

    def began(self, connection: AgiConnection, environment: Environment) -> None:
        """Its environment is complete: run its script."""
        self._crowd.leave(connection)
        request, reason = self._read(environment)
        if request is None or len(self._scripts) >= MOST_SCRIPTS:
            self.refused(connection, reason or "too_many")
            connection.abort()
            return
        task = self._house.spawn(self._run(connection, request), f"agi {request.pbx} {request.action}")
        self._scripts[connection] = task
        metrics.OPEN.set(len(self._scripts))

    def closed(self, connection: AgiConnection) -> None:
        """It is gone; its script, if it has one, is told by ``gone``."""
        self._crowd.leave(connection)

    def refused(self, connection: AgiConnection, reason: str) -> None:
        """Count it, and log it once in a while."""
        metrics.REFUSED.labels(reason).inc()
        now = time.monotonic()
        key = (reason, connection.source)
        if now - self._quiet.get(key, -QUIET_SECONDS) < QUIET_SECONDS:
            return
        if len(self._quiet) >= _MOST_QUIET:
            self._quiet.clear()
        self._quiet[key] = now
        log.warning("agi.refused", reason=reason, source=connection.source)

    # Inside

    def _read(self, environment: Environment) -> tuple[Request | None, str]:
        """What is asked, or why it is refused."""
        parts = environment.script.strip("/").split("/")
        if len(parts) < 3:
            return None, "path"
        pbx, key, action = parts[:3]
        if not self._key or not hmac.compare_digest(key.encode(), self._key):
            return None, "key"
        if all(pbx != address.name for address in self._house.settings.ami_urls):
            return None, "pbx"
        name = "/".join(parts[3:])
        return Request(pbx, action, name, environment.parameters, environment), ""

    async def _run(self, connection: AgiConnection, request: Request) -> None:
        outcome = "failed"
        try:
            outcome = await self._serve(connection, request)
        except CallerGone:
            outcome = "hung_up"
        except asyncio.CancelledError:
            outcome = "stopped"
            raise
        except Exception:
            log.exception("agi.failed", pbx=request.pbx, action=request.action)
        finally:
            metrics.SCRIPTS.labels(request.pbx, outcome).inc()
            self._scripts.pop(connection, None)
            metrics.OPEN.set(len(self._scripts))
            with suppress(OSError):
                connection.close()
