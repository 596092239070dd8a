"""Files of messages that leave, for the provider who fetches them: by an address that we gave it, for a while."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from hotline.errors import NotFound
from hotline.web import downloads
from hotline.web.context import house_of
from hotline.web.rights import public, streamed
from hotline.workflows.conversations import message_files
from hotline.workflows.conversations.message_links import PATH, require_link


@public
@streamed
async def media(request: web.Request) -> web.StreamResponse:
    """One file."""
    house = house_of(request)
    try:
        file_id = UUID(request.match_info["file"])
    except ValueError:
        raise NotFound from None
    require_link(house, file_id, request.match_info["until"], request.match_info["signature"])
    view, reader = await message_files.open_sent(house, file_id)
    return await downloads.send(request, reader, downloads.headers(view.name, view.media_type))


def setup(app: web.Application) -> None:
    """Adds the route."""
    app.router.add_get(PATH + "/{file}/{until}/{signature}", media)
