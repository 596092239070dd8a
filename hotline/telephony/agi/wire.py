"""One connection of a PBX's script: its environment, then one command and one reply at a time.

Before the environment is complete a connection costs one object and one timer, whoever sends half of one or far too
much. What a caller keys in passes through here and is never logged.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol, cast

from hotline.pbx.agi import DEAD_CHANNEL, SUCCESS, Environment, EnvironmentReader, Hangup, Reply, ReplyReader, command
from hotline.pbx.errors import MessageTooLong, NoAnswer, PbxUnavailable

#: Seconds for a whole environment; Asterisk sends it at once.
ENVIRONMENT_SECONDS: Final = 3.0
#: Seconds for the reply to a command that plays nothing and waits for nothing.
REPLY_SECONDS: Final = 5.0


class CallerGone(Exception):
    """The caller hung up, or the PBX closed the connection."""


class CommandRefused(PbxUnavailable):
    """The PBX does not know the command, or not in this form."""

    code = "agi_command_refused"


class Gatekeeper(Protocol):
    """Who decides which connections are served."""

    def opened(self, connection: AgiConnection) -> bool:
        """A connection was made; False closes it."""
        ...

    def began(self, connection: AgiConnection, environment: Environment) -> None:
        """Its environment is complete."""
        ...

    def closed(self, connection: AgiConnection) -> None:
        """It is over."""
        ...

    def refused(self, connection: AgiConnection, reason: str) -> None:
        """It is closed for this reason."""
        ...


class AgiConnection(asyncio.Protocol):
    """Commands are sent by one task, one after the other; ``gone`` is set when there is nobody to answer them."""

    def __init__(self, gatekeeper: Gatekeeper) -> None:
        self._gatekeeper = gatekeeper
        self._environment: EnvironmentReader | None = EnvironmentReader()
        self._replies = ReplyReader()
        self._pending: asyncio.Future[Reply] | None = None
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self.source = ""
        self.gone = asyncio.Event()

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask whether it is let in, and give it a while for its environment."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass
        peer: Any = transport.get_extra_info("peername")
        self.source = str(peer[0]) if isinstance(peer, tuple) else ""
        if not self._gatekeeper.opened(self):
            self.abort()
            return
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(ENVIRONMENT_SECONDS, self._refuse, "slow")

    def data_received(self, data: bytes) -> None:
        """Bytes of the environment, then of replies."""
        if self.gone.is_set():
            return
        try:
            if self._environment is not None:
                found = self._environment.feed(data)
                if found is None:
                    return
                self._environment = None
                environment, data = found
                self._no_deadline()
                self._gatekeeper.began(self, environment)
            for each in self._replies.feed(data):
                self._take(each)
        except MessageTooLong:
            self._refuse("too_long")

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody is there any more."""
        self._no_deadline()
        self._end()
        self._gatekeeper.closed(self)

    def _take(self, each: Reply | Hangup) -> None:
        if isinstance(each, Hangup):
            # The reply of a command under way came before it; one that is still missing never comes.
            self._end()
        elif self._pending is not None and not self._pending.done():
            self._pending.set_result(each)

    def _end(self) -> None:
        self.gone.set()
        if self._pending is not None and not self._pending.done():
            self._pending.set_exception(CallerGone())

    def _refuse(self, reason: str) -> None:
        self._gatekeeper.refused(self, reason)
        self.abort()

    def _no_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    # The script's side

    async def ask(self, *words: str | float, seconds: float = REPLY_SECONDS) -> Reply:
        """Send one command and wait for its reply, at most ``seconds``.

        Raises CallerGone; NoAnswer, after which the connection is useless; CommandRefused for a reply other than 200;
        UnsafeValue for words that cannot be sent.
        """
        line = command(*words)
        if self.gone.is_set() or self._transport is None:
            raise CallerGone
        self._pending = asyncio.get_running_loop().create_future()
        self._transport.write(line)
        try:
            async with asyncio.timeout(seconds):
                reply = await self._pending
        except TimeoutError:
            self.abort()
            raise NoAnswer("The PBX did not answer an AGI command in time.") from None
        finally:
            self._pending = None
        if reply.code == DEAD_CHANNEL:
            self.gone.set()
            raise CallerGone
        if reply.code != SUCCESS:
            raise CommandRefused(f"The PBX answered an AGI command with {reply.code}.")
        return reply

    def close(self) -> None:
        """End the script: the dialplan goes on with its next line."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End it without sending what waits to be sent."""
        if self._transport is not None:
            self._transport.abort()
