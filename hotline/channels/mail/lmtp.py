"""Mail handed over by the company's mail server: an LMTP server (RFC 2033).

A mail is accepted when its handler is done with it, which is after the commit: what goes wrong before that makes the
mail server keep it and try again. It has no password; only listed sources may speak to it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Sequence
from ipaddress import ip_address
from typing import Any, Final, Protocol, TypeVar

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session

from hotline.channels.errors import ChannelError
from hotline.errors import HotlineError
from hotline.settings import IpNetwork

log = structlog.get_logger(__name__)

_T = TypeVar("_T")

#: Most bytes of a mail that are read at all; the company's own limit is smaller.
MOST_BYTES: Final = 100 << 20
#: Seconds of silence after which a connection is closed, and connections at once.
SILENCE_SECONDS: Final = 120.0
MOST_CONNECTIONS: Final = 20
#: Seconds that one mail may take to be taken in; the mail server tries again later.
HANDLE_SECONDS: Final = 100.0

# They write down what mails say.
for _name in ("mail.log", "mail.error", "mail.debug"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class TooLargeMail(ChannelError):
    """The mail is larger than the company takes in."""

    code = "mail_too_large"


class MailDoor(Protocol):
    """Takes mail in."""

    async def accepts(self, address: str) -> bool | None:
        """Whether mail to an address is ours; None: nothing is set up yet, ask again later."""

    async def take(self, raw: bytes, envelope_sender: str, recipient: str) -> None:
        """Take a mail in; done when it is committed. Raises TooLargeMail."""


class LmtpServer:
    """Listens on bound sockets."""

    def __init__(self, door: MailDoor, sources: Sequence[IpNetwork], *, hostname: str = "hotline") -> None:
        self._door = door
        self._sources = tuple(sources)
        self._hostname = hostname
        self._servers: list[asyncio.Server] = []
        self._open: set[_Protocol] = set()

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        for each in sockets:
            self._servers.append(await loop.create_server(self._protocol, sock=each))

    async def stop(self) -> None:
        """Listen no more, and hang up."""
        for server in self._servers:
            server.close()
        for protocol in list(self._open):
            protocol.hang_up()
        for server in self._servers:
            await server.wait_closed()

    def may_speak(self, peer: str) -> bool:
        """Whether a source is listed; none listed: this machine alone."""
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        return any(address in network for network in self._sources) if self._sources else address.is_loopback

    def _protocol(self) -> _Protocol:
        return _Protocol(self, _Handler(self._door), hostname=self._hostname)


class _Protocol(LMTP):
    """One connection. Lines may be longer than the RFC has them: what is lost otherwise is somebody's mail."""

    line_length_limit = 1 << 20

    def __init__(self, server: LmtpServer, handler: _Handler, *, hostname: str) -> None:
        super().__init__(
            handler,
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            hostname=hostname,
            ident="hotline LMTP",
            timeout=SILENCE_SECONDS,
            loop=asyncio.get_running_loop(),
        )
        self._server = server

    def connection_made(self, transport: Any) -> None:
        peer = (transport.get_extra_info("peername") or ("",))[0]
        if not self._server.may_speak(str(peer)) or len(self._server._open) >= MOST_CONNECTIONS:
            log.warning("lmtp.refused", busy=len(self._server._open) >= MOST_CONNECTIONS)
            transport.write(b"421 4.7.0 not allowed or busy\r\n")
            transport.close()
            self._refused = True
            return
        self._server._open.add(self)
        super().connection_made(transport)

    _refused = False

    def connection_lost(self, error: Exception | None) -> None:
        self._server._open.discard(self)
        if not self._refused:
            super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            super().data_received(data)

    def eof_received(self) -> bool | None:
        if self._refused:
            return None
        kept: bool | None = super().eof_received()
        return kept

    def hang_up(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.close()


class _Handler:
    """The answers of aiosmtpd's hooks."""

    def __init__(self, door: MailDoor) -> None:
        self._door = door

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: LMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if envelope.rcpt_tos:
            # One answer for each recipient of a mail is what LMTP wants: the same mail comes again for the next one.
            return "452 4.5.3 one recipient at a time"
        try:
            known = await _bounded(self._door.accepts(address))
        except (HotlineError, TimeoutError):
            return "451 4.3.0 try again later"
        if known is None:
            return "451 4.3.0 no address is set up yet"
        if not known:
            return "550 5.1.1 no such address here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: LMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        raw: bytes = envelope.original_content or b""
        try:
            await _bounded(self._door.take(raw, (envelope.mail_from or "").strip("<>"), envelope.rcpt_tos[0]))
        except TooLargeMail:
            return "552 5.3.4 the mail is too large"
        except (HotlineError, TimeoutError) as error:
            log.warning("lmtp.put_off", reason=getattr(error, "code", "time"))
            return "451 4.3.0 try again later"
        except Exception:
            log.exception("lmtp.failed")
            return "451 4.3.0 try again later"
        return "250 2.0.0 kept"

    async def handle_exception(self, error: Exception) -> str:
        log.warning("lmtp.broken_dialogue", error=type(error).__name__)
        return "451 4.3.0 try again later"


async def _bounded(work: Awaitable[_T]) -> _T:
    async with asyncio.timeout(HANDLE_SECONDS):
        return await work
