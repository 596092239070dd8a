"""Very many mails over a few connections to a relay (RFC 5321): as ``SmtpPool``, without what single mails need and a
thousand in a second do not. Each mail here has one recipient and content that is ready for the wire; its commands go in
one packet where the relay takes that (RFC 2920).

A relay that hangs up before it asked for the content has got nothing; only after that nobody knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, cast
from weakref import WeakKeyDictionary

import aiosmtplib
from aiosmtplib import SMTP
from aiosmtplib.protocol import SMTPProtocol

from hotline.channels.errors import TemporarilyRefused, Unknown
from hotline.channels.mail.pipelining import Answer, HungUp, Pipeline
from hotline.channels.mail.smtp import (
    COMMAND_SECONDS,
    Handed,
    SmtpPool,
    _Connection,
    _error,
    _recipient_error,
    _sender_error,
)

#: Seconds for a connection, for the commands of one mail together, and for the answer to its content: a blast waits
#: longer for a slow relay than a person does, and all of this ends before the lease of a try.
CONNECT_SECONDS: Final = 100.0
MAIL_SECONDS: Final = 100.0
CONTENT_SECONDS: Final = 120.0

_OK: Final = frozenset({250, 251, 252})
_GO_ON: Final = 354


class BulkPool(SmtpPool):
    """The connections of one dispatching process to one relay."""

    connect_seconds = CONNECT_SECONDS
    step_seconds = CONNECT_SECONDS

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self._pipelines: WeakKeyDictionary[SMTP, Pipeline] = WeakKeyDictionary()

    async def _hand_over(
        self, connection: _Connection, sender: str, recipients: Sequence[str], content: bytes
    ) -> Handed:
        connection.mails += 1
        (recipient,) = recipients
        commands = (b"MAIL FROM:<%s>" % sender.encode("ascii"), b"RCPT TO:<%s>" % recipient.encode("ascii"), b"DATA")
        try:
            async with asyncio.timeout(MAIL_SECONDS):
                pipeline = await self._pipeline(connection)
                if connection.client.supports_extension("pipelining"):
                    answers = await pipeline.ask(b"\r\n".join((*commands, b"")), len(commands))
                else:
                    answers = await _one_by_one(pipeline, commands)
                refused = _refusal(answers, sender)
                if refused is not None:
                    if answers[-1].code == _GO_ON:
                        # It waits for content all the same: an empty one, which nobody gets (RFC 2920 3.1).
                        await pipeline.ask(b".\r\n", 1)
                    await pipeline.ask(b"RSET\r\n", 1)
        except (aiosmtplib.SMTPException, OSError) as error:
            # Nothing of the mail went yet. A time-out and a connection that is closed are such errors, too.
            connection.broken = True
            raise TemporarilyRefused("The mail relay hung up.") from error
        if refused is not None:
            raise refused
        try:
            async with asyncio.timeout(CONTENT_SECONDS):
                (answer,) = await pipeline.ask(wire_ready(content), 1)
        except OSError as error:
            raise Unknown("The mail relay did not answer after it got the mail.") from error
        if answer.code not in _OK:
            raise _error(answer.code, answer.text)
        return Handed(answer.text[:200])

    async def _pipeline(self, connection: _Connection) -> Pipeline:
        """The connection's own way of speaking, from its first mail on."""
        client = connection.client
        found = self._pipelines.get(client)
        if found is None:
            if client.last_ehlo_response is None:
                await client.ehlo()
            protocol = cast(SMTPProtocol, client.protocol)
            if protocol is None or protocol.transport is None:
                raise HungUp
            found = self._pipelines[client] = Pipeline(cast(asyncio.Transport, protocol.transport), protocol)
        return found

    async def _revive(self, connection: _Connection) -> None:
        pipeline = self._pipelines.get(connection.client)
        if pipeline is None:
            await super()._revive(connection)
            return
        async with asyncio.timeout(COMMAND_SECONDS):
            await pipeline.ask(b"RSET\r\n", 1)

    async def _leave(self, connection: _Connection) -> None:
        pipeline = self._pipelines.get(connection.client)
        if pipeline is None:
            await super()._leave(connection)
        else:
            pipeline.leave()


async def _one_by_one(pipeline: Pipeline, commands: Sequence[bytes]) -> list[Answer]:
    """For a relay that takes one command at a time: what follows a refused one is not asked."""
    answers: list[Answer] = []
    for command in commands:
        answers += await pipeline.ask(command + b"\r\n", 1)
        if answers[-1].code not in _OK:
            break
    return answers


def _refusal(answers: Sequence[Answer], sender: str) -> Exception | None:
    """Why the relay does not want the mail; None: it waits for the content."""
    if answers[0].code not in _OK:
        return _sender_error(answers[0].code, answers[0].text, sender)
    if answers[1].code not in _OK:
        return _recipient_error(answers[1].code, answers[1].text)
    if answers[2].code != _GO_ON:
        return _error(answers[2].code, answers[2].text)
    return None


def wire_ready(content: bytes) -> bytes:
    """A mail's bytes, whose lines end in CR LF, as DATA wants them (RFC 5321 4.5.2): dots at the start of a line twice,
    one alone at the end."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")
