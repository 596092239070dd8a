"""A mail as it was written, for a frame that runs nothing and fetches nothing from anywhere."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

from aiohttp import web

from hotline.channels.mail.html import for_view
from hotline.crm.queries.conversations.messages import MessageView, get_message
from hotline.errors import HotlineError, NotFound
from hotline.web.context import house_of, signed_of
from hotline.web.desktop.conversations.conversation_rows import pictures_of
from hotline.web.desktop.forms import uuid_of
from hotline.web.rights import needs
from hotline.workflows.conversations import message_files

#: Its text, its style, and pictures that came with it; links open in a tab of their own.
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self';"
    " sandbox allow-popups allow-popups-to-escape-sandbox"
)

_PAGE: Final = (
    '<!doctype html><meta charset="utf-8"><base target="_blank">'
    "<style>body{{margin:12px;font:14px/1.5 system-ui,sans-serif;overflow-wrap:anywhere;color:#141922;"
    "background:#fff}}img,table{{max-width:100%}}blockquote{{margin:8px 0;padding-left:10px;"
    "border-left:2px solid #cdd2db}}td,th{{padding:2px 6px;text-align:left;vertical-align:top}}</style>{body}"
)


@needs("conversations.read")
async def show(request: web.Request) -> web.StreamResponse:
    """The mail's HTML, made safe; pictures that it fetches from elsewhere are left out: they tell that it was read."""
    house, viewer = house_of(request), signed_of(request).viewer
    message = await get_message(house.db, house.keyring, viewer, uuid_of(request, "message_id"))
    if message.conversation_id != uuid_of(request) or not message.html:
        raise NotFound()
    return web.Response(
        text=_PAGE.format(body=for_view(message.html, await _pictures(request, message))),
        content_type="text/html",
        charset="utf-8",
        headers={
            "Content-Security-Policy": POLICY,
            "X-Frame-Options": "SAMEORIGIN",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "private, no-store",
        },
    )


async def _pictures(request: web.Request, message: MessageView) -> dict[str, str]:
    """Pictures that came with the mail, inside the page itself: the frame has no right to ask for them."""
    house = house_of(request)
    found = {}
    for file in pictures_of(message):
        try:
            _, data = await message_files.whole_file(house, file.id)
        except HotlineError:
            continue
        found[file.content_id or ""] = f"data:{file.media_type};base64,{b64encode(data).decode()}"
    return found


def setup(app: web.Application) -> None:
    """Adds the route."""
    app.router.add_get("/conversations/{id}/messages/{message_id}/html", show)
