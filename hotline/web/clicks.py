"""The door of tracked links: it notes who clicked, and leads on. What it leads to was approved with the campaign; the
address itself names nothing, so it sends nobody anywhere else."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from hotline.campaigns.links import PATH
from hotline.web.context import house_of
from hotline.web.rights import public
from hotline.workflows.campaigns.link_clicks import follow

#: Browsers and mailboxes that only look ahead say so in one of these.
_LOOKING: Final = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_HEADERS: Final = {
    hdrs.CACHE_CONTROL: "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


@public
async def click(request: web.Request) -> web.StreamResponse:
    """Leads on. HEAD, and GET of who only looks ahead, count for nothing; no request here ever unsubscribes anybody."""
    looks = any("pre" in request.headers.get(name, "").lower() for name in _LOOKING)
    counts = request.method == "GET" and not looks
    url = await follow(house_of(request), request.match_info["token"], counts=counts)
    return web.Response(status=302, headers={**_HEADERS, hdrs.LOCATION: url})


def setup(app: web.Application) -> None:
    """Adds the route."""
    app.router.add_get(PATH + "{token}", click)
