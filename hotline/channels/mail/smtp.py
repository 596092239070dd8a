"""Mail to a relay by SMTP (RFC 5321), over a few connections that are used again.

A connection is closed after a number of mails and after some minutes, as relays expect. One on which a command was cut
off is out of step and thrown away. Once the mail's content went, an answer that does not come means that nobody knows.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import aiosmtplib
import structlog
from aiosmtplib import SMTP

from hotline.channels.errors import ChannelError, SenderPaused, TemporarilyRefused, Unknown
from hotline.channels.mail.answers import REFUSED_SECONDS, GivenUp, content_error, recipient_error, sender_error
from hotline.settings.mail import SmtpServer

log = structlog.get_logger(__name__)

#: Connections to one relay at once, mails over one, and its seconds of life and of idleness.
MOST_CONNECTIONS: Final = 4
MOST_MAILS: Final = 100
OLDEST_SECONDS: Final = 240.0
IDLE_SECONDS: Final = 30.0
#: Seconds after its last mail in which a connection is used as it is.
FRESH_SECONDS: Final = 2.0
#: Seconds that one command may take (RFC 5321 4.5.3.2 is more patient, agents are not), and the content's answer.
COMMAND_SECONDS: Final = 20.0
CONTENT_SECONDS: Final = 60.0
#: Seconds that a mail waits for a free connection.
WAIT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Handed:
    """The relay took a mail; ``refused`` are recipients whom it refused of several."""

    answer: str
    refused: dict[str, ChannelError] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class _Connection:
    client: SMTP
    born: float
    used: float
    mails: int = 0
    broken: bool = False


class SmtpPool:
    """The connections of one process to one relay."""

    #: Seconds that a connection may take until it takes mail, and each step of that.
    connect_seconds: float = COMMAND_SECONDS * 3
    step_seconds: float = COMMAND_SECONDS

    def __init__(self, server: SmtpServer, *, most: int = MOST_CONNECTIONS, mails: int = MOST_MAILS) -> None:
        self._server = server
        self._mails = mails
        self._room = asyncio.Semaphore(most)
        self._idle: deque[_Connection] = deque()
        self.opened = 0

    async def send(self, sender: str, recipients: Sequence[str], content: bytes) -> Handed:
        """Hand one mail over; ``sender`` is the return path. Raises a ChannelError when no recipient was accepted."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._room.acquire()
        except TimeoutError:
            raise TemporarilyRefused("All connections to the mail relay are busy.") from None
        try:
            async with self._connection() as connection:
                return await self._hand_over(connection, sender, recipients, content)
        finally:
            self._room.release()

    async def try_out(self) -> bool:
        """Connect and sign in; whether the way is encrypted. Raises a ChannelError."""
        async with self._connection() as connection:
            return connection.client.get_transport_info("sslcontext") is not None

    async def close_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """Say goodbye on connections that nobody used for so long."""
        now = monotonic()
        while self._idle and now - self._idle[0].used >= seconds:
            await self._leave(self._idle.popleft())

    async def close(self) -> None:
        """Close what is open."""
        await self.close_idle(float("-inf"))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[_Connection]:
        connection = await self._taken()
        try:
            yield connection
        except BaseException as error:
            # After a refusal the dialogue goes on; after anything else nobody knows where it stands.
            connection.broken |= not isinstance(error, ChannelError) or isinstance(error, (Unknown, GivenUp))
            raise
        finally:
            connection.used = monotonic()
            worn = connection.mails >= self._mails or connection.used - connection.born >= OLDEST_SECONDS
            if connection.broken or not connection.client.is_connected:
                connection.client.close()
            elif worn:
                await self._leave(connection)
            else:
                self._idle.append(connection)

    async def _taken(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()  # the last used one: the others may grow old
            if monotonic() - connection.born >= OLDEST_SECONDS or not connection.client.is_connected:
                await self._leave(connection)
                continue
            if monotonic() - connection.used < FRESH_SECONDS:
                return connection
            try:
                # Relays hang up on who is silent: better told before the mail than in the middle of it.
                await self._revive(connection)
            except (aiosmtplib.SMTPException, OSError):
                # The others are as old: asking each in turn would take longer than a mail may.
                connection.client.close()
                break
            return connection
        return await self._new()

    async def _revive(self, connection: _Connection) -> None:
        """Raises when the relay is not there any more."""
        await connection.client.rset(timeout=COMMAND_SECONDS)

    async def _leave(self, connection: _Connection) -> None:
        """Say goodbye and close."""
        await _quit(connection)

    async def _new(self) -> _Connection:
        server = self._server
        start_tls = {"yes": True, "no": False, "auto": None}[server.starttls]
        client = SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls,
            start_tls=None if server.tls else start_tls,
            validate_certs=server.verify,
            username=server.user or None,
            password=server.password.get_secret_value() or None,
            timeout=self.step_seconds,
        )
        try:
            async with asyncio.timeout(self.connect_seconds):
                await client.connect()
        except aiosmtplib.SMTPResponseException as error:
            client.close()
            if error.code >= 500:
                signing_in = isinstance(error, aiosmtplib.SMTPAuthenticationError)
                raise SenderPaused(
                    "The mail relay refuses the user or the password." if signing_in else "The mail relay refuses us.",
                    provider_code=error.code,
                    resume_after=REFUSED_SECONDS,
                ) from None
            raise TemporarilyRefused("The mail relay is not ready.", provider_code=error.code) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            client.close()
            log.warning("smtp.unreachable", host=server.host, port=server.port, error=type(error).__name__)
            raise TemporarilyRefused("The mail relay cannot be reached.") from None
        self.opened += 1
        now = monotonic()
        return _Connection(client, now, now)

    async def _hand_over(
        self, connection: _Connection, sender: str, recipients: Sequence[str], content: bytes
    ) -> Handed:
        client = connection.client
        connection.mails += 1
        refused: dict[str, ChannelError] = {}
        try:
            size = [f"SIZE={len(content)}"] if client.supports_extension("size") else []
            try:
                await client.mail(sender, options=size, timeout=COMMAND_SECONDS)
            except aiosmtplib.SMTPResponseException as error:
                raise sender_error(error.code, error.message, sender) from None
            for recipient in recipients:
                try:
                    await client.rcpt(recipient, timeout=COMMAND_SECONDS)
                except aiosmtplib.SMTPRecipientRefused as error:
                    refused[recipient] = recipient_error(error.code, error.message)
        except (aiosmtplib.SMTPException, OSError) as error:
            # Nothing of the mail went yet.
            connection.broken = True
            raise TemporarilyRefused("The mail relay hung up.") from error
        if len(refused) == len(recipients):
            await self._begin_anew(connection)
            raise next(iter(refused.values()))
        try:
            answer = await client.data(content, timeout=CONTENT_SECONDS)
        except aiosmtplib.SMTPResponseException as error:
            if not 400 <= error.code < 600:
                # No answer to this, and perhaps one to the content.
                raise Unknown(
                    "The mail relay does not say whether it took the mail.", provider_code=error.code
                ) from None
            raise content_error(error.code, error.message) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unknown("The mail relay did not answer after it got the mail.") from error
        return Handed(str(answer.message)[:200], refused)

    async def _begin_anew(self, connection: _Connection) -> None:
        try:
            await connection.client.rset(timeout=COMMAND_SECONDS)
        except (aiosmtplib.SMTPException, OSError):
            connection.broken = True


async def _quit(connection: _Connection) -> None:
    with suppress(aiosmtplib.SMTPException, OSError, asyncio.TimeoutError):
        await connection.client.quit(timeout=COMMAND_SECONDS)
    connection.client.close()
