"""The components page: every token and every component in all of its states, to look at and to check with axe."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import web

from hotline.web.desktop.render import html
from hotline.web.rights import signed_in

_SPRITE: Final = Path(__file__).parent.parent / "frontend" / "icons.svg"
_TOKENS: Final = Path(__file__).parent.parent / "frontend" / "styles" / "tokens.css"


@cache
def colours() -> tuple[str, ...]:
    """The names of all colours, in the order of tokens.css."""
    found = re.findall(r"^\s*(--hl-[a-z0-9-]+):\s*(?:light-dark\(#|#)", _TOKENS.read_text("utf-8"), re.MULTILINE)
    return tuple(dict.fromkeys(found))


@cache
def icons() -> tuple[str, ...]:
    """The names of all icons."""
    return tuple(re.findall(r'<symbol id="i-([a-z-]+)"', _SPRITE.read_text("utf-8")))


@signed_in
async def show(request: web.Request) -> web.StreamResponse:
    """The page."""
    return html(request, "components.html", {"colours": colours(), "icons": icons(), "timedelta": timedelta})


def setup(app: web.Application) -> None:
    """Adds the route."""
    app.router.add_get("/components", show)
