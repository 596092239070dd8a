"""Very many mails over a few connections to a relay (RFC 5321): as ``SmtpPool``, without what single mails need and a
thousand in a second do not: each mail here has one recipient and content that is ready for the wire.

A relay that hangs up before it asked for the content has got nothing; only after that nobody knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, cast

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol

from hotline.channels.errors import TemporarilyRefused, Unknown
from hotline.channels.mail.smtp import (
    COMMAND_SECONDS,
    CONTENT_SECONDS,
    Handed,
    SmtpPool,
    _Connection,
    _error,
    _recipient_error,
    _sender_error,
)

_OK: Final = frozenset({250, 251, 252})
_GO_ON: Final = 354


class BulkPool(SmtpPool):
    """The connections of one dispatching process to one relay."""

    async def _hand_over(
        self, connection: _Connection, sender: str, recipients: Sequence[str], content: bytes
    ) -> Handed:
        client = connection.client
        connection.mails += 1
        (recipient,) = recipients
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                if client.last_ehlo_response is None:
                    await client.ehlo()
                protocol = cast(SMTPProtocol, client.protocol)
                code, text = await protocol.execute_command(b"MAIL", b"FROM:<%s>" % sender.encode("ascii"))
                if code not in _OK:
                    raise _sender_error(code, text, sender)
                code, text = await protocol.execute_command(b"RCPT", b"TO:<%s>" % recipient.encode("ascii"))
                if code not in _OK:
                    await self._begin_anew(connection)
                    raise _recipient_error(code, text)
                code, text = await protocol.execute_command(b"DATA")
        except (aiosmtplib.SMTPException, OSError) as error:
            # Nothing of the mail went yet. A time-out is an OSError, too.
            connection.broken = True
            raise TemporarilyRefused("The mail relay hung up.") from error
        if code != _GO_ON:
            raise _error(code, text)
        try:
            async with asyncio.timeout(CONTENT_SECONDS):
                protocol.write(wire_ready(content))
                code, text = await protocol.read_response()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unknown("The mail relay did not answer after it got the mail.") from error
        if code not in _OK:
            raise _error(code, text)
        return Handed(str(text)[:200])


def wire_ready(content: bytes) -> bytes:
    """A mail's bytes, whose lines end in CR LF, as DATA wants them (RFC 5321 4.5.2): dots at the start of a line twice,
    one alone at the end."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")
