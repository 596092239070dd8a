"""The door of tracked links: it notes who clicked, and leads on. What it leads to was approved with the campaign; the
address itself names nothing, so it sends nobody anywhere else."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from hotline.campaigns.clicks import only_looks
from hotline.campaigns.links import PATH
from hotline.web.context import house_of
from hotline.web.rights import public
from hotline.workflows.campaigns.link_clicks import follow

_HEADERS: Final = {
    hdrs.CACHE_CONTROL: "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
#: Letters of a browser's name that are looked at.
_LONGEST_NAME: Final = 500


@public
async def click(request: web.Request) -> web.StreamResponse:
    """Leads on, in one step. HEAD, and GET of who only looks ahead, count for nothing, what programs fetch is counted
    apart; no request here ever unsubscribes anybody."""
    counts = not only_looks(request.method, request.headers)
    name = request.headers.get(hdrs.USER_AGENT, "")[:_LONGEST_NAME]
    url = await follow(house_of(request), request.match_info["token"], user_agent=name, counts=counts)
    return web.Response(status=302, headers={**_HEADERS, hdrs.LOCATION: url})


def setup(app: web.Application) -> None:
    """Adds the route."""
    app.router.add_get(PATH + "{token}", click)
