"""What the PBXs come for: prompts, public and cached for good, and the addresses to which they send recordings."""

from __future__ import annotations

import re
from typing import Final

from aiohttp import hdrs, web

from hotline.errors import HotlineError, NotFound
from hotline.media.store import SUFFIXES
from hotline.web.bodies import pieces
from hotline.web.context import house_of
from hotline.web.problems import problem_response
from hotline.web.rights import public, streamed
from hotline.workflows.calls import recordings
from hotline.workflows.ivr.prompts import book

_NAME: Final = re.compile(r"([0-9a-f]{32})(\.wav16|\.wav)")
_RATES: Final = {suffix: rate for rate, suffix in SUFFIXES.items()}

#: What has this name never changes. Asterisk's media cache asks again only when this has run out.
FOR_GOOD: Final = "public, max-age=31536000, immutable"


@public
async def prompt(request: web.Request) -> web.StreamResponse:
    """A prompt's sound. Its address is a digest of what it says: whoever knows one knows what callers hear anyway."""
    named = _NAME.fullmatch(request.match_info["name"])
    if named is None:
        raise NotFound("There is no such prompt.")
    path = book(house_of(request)).store.path(named[1], _RATES[named[2]])
    if not path.is_file():
        raise NotFound("There is no such prompt.")
    return web.FileResponse(path, headers={hdrs.CONTENT_TYPE: "audio/wav", hdrs.CACHE_CONTROL: FOR_GOOD})


@public
@streamed
async def upload(request: web.Request) -> web.StreamResponse:
    """Takes a recording; 201 when it was stored, 200 when it is here already. Only after these may the sender's file
    be deleted."""
    house = house_of(request)
    stored = await recordings.receive(house, request.match_info["token"], request.content_length, pieces(request))
    return web.json_response({"stored": True}, status=201 if stored else 200)


async def _expected(request: web.Request) -> web.StreamResponse | None:
    """``Expect: 100-continue``: what would be refused is refused before it is sent."""
    try:
        recordings.expect(house_of(request), request.match_info["token"], request.content_length)
    except HotlineError as error:
        return problem_response(request, error)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # What was written is no part of the answer.
    request.writer.output_size = 0
    return None


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/prompts/{name}", prompt)
    for method in ("PUT", "POST"):
        app.router.add_route(method, "/recordings/{token}", upload, expect_handler=_expected)
