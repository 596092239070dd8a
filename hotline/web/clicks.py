"""The door of tracked links: it notes who clicked, and leads on. What it leads to was approved with the campaign; the
address itself names nothing, so it sends nobody anywhere else."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from hotline.campaigns.clicks import who
from hotline.campaigns.links import PATH
from hotline.web.context import house_of
from hotline.web.rights import public
from hotline.workflows.campaigns.link_clicks import follow

_HEADERS: Final = {
    hdrs.CACHE_CONTROL: "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


@public
async def click(request: web.Request) -> web.StreamResponse:
    """Leads on, in one step. HEAD, who only looks ahead and programs by their names are counted apart; no request here
    ever unsubscribes anybody."""
    url = await follow(house_of(request), request.match_info["token"], who(request.method, request.headers))
    return web.Response(status=302, headers={**_HEADERS, hdrs.LOCATION: url})


def setup(app: web.Application) -> None:
    """Adds the route."""
    app.router.add_get(PATH + "{token}", click)
