"""Handing out a sealed file so that no browser runs what is in it: as a download, of the type that its content has,
with nothing guessed and everything forbidden."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from aiohttp import hdrs, web

from hotline.media.sealed import SealedReader
from hotline.web.ranges import Part

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


async def send(
    request: web.Request, reader: SealedReader, fields: Mapping[str, str], part: Part | None = None
) -> web.StreamResponse:
    """The file, or a part of it, piece by piece; the reader is closed after it."""
    try:
        response = web.StreamResponse(status=200 if part is None else 206, headers=fields)
        if part is not None:
            response.headers[hdrs.CONTENT_RANGE] = f"{part}/{reader.size}"
        wanted = part or Part(0, reader.size)
        response.content_length = wanted.stop - wanted.start
        # The first piece before the head: a damaged file is told of, not cut.
        pieces = reader.read(wanted.start, wanted.stop)
        piece = await asyncio.to_thread(next, pieces, b"")
        await response.prepare(request)
        while piece:
            await response.write(piece)
            piece = await asyncio.to_thread(next, pieces, b"")
        await response.write_eof()
        return response
    finally:
        reader.close()
