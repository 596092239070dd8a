"""What is said in a recording, below its player."""

from __future__ import annotations

from aiohttp import web

from hotline.web.context import house_of, signed_of
from hotline.web.desktop.forms import uuid_of
from hotline.web.desktop.render import html
from hotline.web.rights import needs
from hotline.workflows.calls.transcripts import read_transcript


@needs("recordings.listen")
async def transcript(request: web.Request) -> web.StreamResponse:
    """The text alone."""
    text = await read_transcript(house_of(request), signed_of(request).viewer, uuid_of(request))
    return html(request, "transcript.html", {"text": text})


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/recordings/{id}/transcript", transcript)
