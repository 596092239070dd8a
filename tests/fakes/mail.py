"""A mail server that others' mail ends in: real SMTP on loopback, with the bad days that a test asks for."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


@dataclass
class Arrived:
    """One mail as it came."""

    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=default)

    @property
    def text(self) -> str:
        body: Any = self.mail
        return str(body.get_body(("plain",)).get_content()).replace("\r\n", "\n")


@dataclass
class Sink:
    """What arrived. ``refuse`` answers a recipient, ``refuse_sender`` a return path with a line; ``answer`` is what a
    mail's content is answered, None: never; ``hang_up`` says when to drop the connection."""

    mails: list[Arrived] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    refuse_sender: dict[str, str] = field(default_factory=dict)
    answer: str | None = "250 2.0.0 kept"
    hang_up: str = ""
    connections: int = 0
    port: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_MAIL(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.strip("<>") in self.refuse_sender:
            return self.refuse_sender[address.strip("<>")]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.hang_up == "rcpt":
            _drop(server)
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        content: Any = envelope.original_content
        self.mails.append(Arrived((envelope.mail_from or "").strip("<>"), list(envelope.rcpt_tos), bytes(content)))
        self.came.set()
        if self.hang_up == "data" or self.answer is None:
            _drop(server)
            return "250 never read"
        return self.answer


def _drop(server: Any) -> None:
    server.transport.abort()


@asynccontextmanager
async def mail_sink(
    *, tls: ssl.SSLContext | None = None, password: str = "", start_tls: bool = False
) -> AsyncIterator[Sink]:
    """A server that takes mail while the context is open."""
    sink = Sink()

    def right(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password.decode() == password, handled=False)

    def protocol() -> SMTP:
        sink.connections += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of passwords without TLS: this is loopback
            return SMTP(
                sink,
                hostname="sink.example",
                loop=asyncio.get_running_loop(),
                tls_context=tls if start_tls else None,
                require_starttls=start_tls,
                auth_required=bool(password),
                auth_require_tls=False,
                authenticator=right if password else None,
            )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls if tls and not start_tls else None)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        await server.wait_closed()
