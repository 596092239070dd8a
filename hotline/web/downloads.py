"""Handing out a sealed file so that no browser runs what is in it: as a download, of the type that its content has,
with nothing guessed and everything forbidden."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import quote

from aiohttp import hdrs, web

from hotline.media.sealed import SealedReader

_OPAQUE: Final = "application/octet-stream"
#: Types that a browser would run as a page or a script.
_ACTIVE: Final = (
    "text/html",
    "image/svg+xml",
    "application/xhtml+xml",
    "text/xml",
    "application/xml",
    "text/javascript",
)


def headers(name: str, media_type: str) -> dict[str, str]:
    """Of a download. What a browser would run is called by no type at all."""
    kind = _OPAQUE if media_type in _ACTIVE or media_type.endswith(("+xml", "javascript")) else media_type
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "_" for letter in name
    )
    return {
        hdrs.CONTENT_TYPE: kind,
        hdrs.CONTENT_DISPOSITION: f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        hdrs.CACHE_CONTROL: "private, no-store",
    }


async def send(request: web.Request, reader: SealedReader, fields: dict[str, str]) -> web.StreamResponse:
    """The whole file, piece by piece; the reader is closed after it."""
    try:
        response = web.StreamResponse(headers=fields)
        response.content_length = reader.size
        # The first piece before the head: a damaged file is told of, not cut.
        pieces = reader.read(0, reader.size)
        piece = await asyncio.to_thread(next, pieces, b"")
        await response.prepare(request)
        while piece:
            await response.write(piece)
            piece = await asyncio.to_thread(next, pieces, b"")
        await response.write_eof()
        return response
    finally:
        reader.close()
