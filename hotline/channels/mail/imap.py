"""A mailbox that is read by IMAP (RFC 3501), told of new mail by IDLE (RFC 2177) where the server knows it."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import aioimaplib
import structlog

from hotline.channels.errors import NotConfigured, TemporarilyRefused
from hotline.settings.mail import ImapServer

log = structlog.get_logger(__name__)

#: Seconds that one command may take; a mail of many megabytes is one command.
COMMAND_SECONDS: Final = 60.0
CONNECT_SECONDS: Final = 20.0
#: Mails asked for at once.
BATCH: Final = 100

# It writes down what mails say.
logging.getLogger("aioimaplib").setLevel(logging.CRITICAL)
logging.getLogger("aioimaplib.aioimaplib").setLevel(logging.CRITICAL)

_UID_VALIDITY: Final = re.compile(rb"UIDVALIDITY (\d+)")
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail of the mailbox; ``raw`` None: it is larger than was asked for."""

    uid: int
    size: int
    raw: bytes | None = field(repr=False)


class OpenMailbox:
    """A folder that is open. Whatever goes wrong is TemporarilyRefused: connect again later."""

    def __init__(self, client: Any, uid_validity: int) -> None:
        self._client = client
        self.uid_validity = uid_validity

    async def uids(self, after: int | None) -> list[int]:
        """The ids of mails after ``after``, in order, at most BATCH of them; None: of all that nobody has
        read."""
        criterion = "UNSEEN" if after is None else f"UID {after + 1}:*"
        lines = await self._ask(self._client.uid_search(criterion, charset=None))
        found = sorted({int(each) for line in lines for each in bytes(line).split() if each.isdigit()})
        # "n:*" names the last one even when it is before n.
        return found if after is None else [uid for uid in found if uid > after][:BATCH]

    async def last_uid(self) -> int:
        """The id of the newest mail; 0 in an empty folder."""
        lines = await self._ask(self._client.uid_search("UID *", charset=None))
        found = [int(each) for line in lines for each in bytes(line).split() if each.isdigit()]
        return max(found, default=0)

    async def fetch(self, uid: int, most_bytes: int) -> Mail | None:
        """One mail, left as it is; None when it is gone."""
        lines = await self._ask(self._client.uid("fetch", str(uid), "(RFC822.SIZE)"))
        size = next((int(found[1]) for line in lines if (found := _SIZE.search(bytes(line)))), None)
        if size is None:
            return None
        if size > most_bytes:
            return Mail(uid, size, None)
        lines = await self._ask(self._client.uid("fetch", str(uid), "(BODY.PEEK[])"))
        # The content is the one line that the client hands out as a bytearray.
        raw = next((bytes(line) for line in lines if isinstance(line, bytearray)), None)
        return None if raw is None else Mail(uid, size, raw)

    async def mark_read(self, uid: int) -> None:
        """Mark a mail as read, for people who look into the mailbox."""
        await self._ask(self._client.uid("store", str(uid), "+FLAGS.SILENT", "(\\Seen)"))

    async def changed(self, seconds: float) -> None:
        """Wait until there may be something new, at most so long."""
        if not self._client.has_capability("IDLE"):
            await asyncio.sleep(seconds)
            await self._ask(self._client.noop())
            return
        try:
            async with asyncio.timeout(COMMAND_SECONDS + seconds):
                idle = await self._client.idle_start(timeout=seconds)
                with suppress(TimeoutError):
                    await self._client.wait_server_push(timeout=seconds)
                self._client.idle_done()
                await idle
        except _FAILURES as error:
            raise TemporarilyRefused("The mailbox does not answer.") from error

    async def _ask(self, question: Any) -> list[Any]:
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                answer = await question
        except _FAILURES as error:
            raise TemporarilyRefused("The mailbox does not answer.") from error
        if answer.result != "OK":
            raise TemporarilyRefused("The mailbox refuses to answer.")
        return list(answer.lines)


_FAILURES: Final = (OSError, TimeoutError, asyncio.IncompleteReadError, aioimaplib.AioImapException, ValueError)


@asynccontextmanager
async def open_mailbox(server: ImapServer) -> AsyncIterator[OpenMailbox]:
    """The folder, signed in. Raises TemporarilyRefused, and NotConfigured when the password is refused."""
    client = _client(server)
    try:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await client.wait_hello_from_server()
            answer = await client.login(server.user, server.password.get_secret_value())
            if answer.result != "OK":
                raise NotConfigured("The mailbox refuses the user or the password.")
            quoted = f'"{server.folder}"'
            answer = await client.select(quoted)
        except _FAILURES as error:
            raise TemporarilyRefused("The mailbox cannot be reached.") from error
        if answer.result != "OK":
            raise NotConfigured("The mailbox has no such folder.")
        found = next((match for line in answer.lines if (match := _UID_VALIDITY.search(bytes(line)))), None)
        yield OpenMailbox(client, int(found[1]) if found else 0)
    finally:
        if not client.has_pending_idle():
            with suppress(*_FAILURES):
                async with asyncio.timeout(CONNECT_SECONDS):
                    await client.logout()
        transport = getattr(client.protocol, "transport", None)
        if transport is not None:
            transport.close()


def _client(server: ImapServer) -> Any:
    if not server.tls:
        return aioimaplib.IMAP4(server.host, server.port, timeout=COMMAND_SECONDS)
    context = ssl.create_default_context()
    if not server.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return aioimaplib.IMAP4_SSL(server.host, server.port, timeout=COMMAND_SECONDS, ssl_context=context)
