"""Bodies that are read piece by piece: sound, which is larger than what fits into memory for everybody at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import hdrs, web

from hotline.web.problems import BadRequest, Slow, TooLarge, WrongType

PIECE: Final = 64 << 10

#: Seconds that a sender may be silent.
SILENCE_SECONDS: Final = 30.0


async def pieces(request: web.Request) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises Slow, BadRequest for one that breaks off, WrongType for an encoded one."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise WrongType("Send the body without a Content-Encoding.")
    while True:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                piece = await request.content.readany()
        except TimeoutError:
            raise Slow from None
        except (web.RequestPayloadError, ConnectionResetError):
            raise BadRequest("The body broke off.") from None
        if not piece:
            return
        yield piece


async def whole(request: web.Request, largest: int) -> bytes:
    """The whole body, of at most ``largest`` bytes. Raises TooLarge as soon as that is known."""
    if (request.content_length or 0) > largest:
        raise TooLarge
    body = bytearray()
    async for piece in pieces(request):
        body += piece
        if len(body) > largest:
            raise TooLarge
    return bytes(body)
