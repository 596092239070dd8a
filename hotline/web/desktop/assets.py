"""The built front end: hashed names from the manifest, served for ever since a changed file has another name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from aiohttp import web

from hotline.errors import HotlineError, NotFound
from hotline.web.rights import public

DIST: Final = Path(__file__).parent.parent / "static" / "dist"

_TYPES: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".map": "application/json",
}


class NotBuilt(HotlineError):
    """The front end is not built: `pip install -e .` builds it, and an installed package carries it."""

    code = "not_built"


@cache
def manifest() -> Mapping[str, str]:
    """Source name → built name. Raises NotBuilt."""
    try:
        names: dict[str, str] = json.loads((DIST / "manifest.json").read_text("utf-8"))
    except OSError:
        raise NotBuilt() from None
    return names


def asset(name: str) -> str:
    """The address of a built file, by the name of its source."""
    return f"/static/{manifest()[name]}"


@cache
def first_page() -> tuple[str, ...]:
    """The addresses of the scripts that every page loads, for it to fetch side by side. Raises NotBuilt."""
    try:
        return tuple(f"/static/{name}" for name in json.loads((DIST / "first-page.json").read_text("utf-8")))
    except OSError:
        raise NotBuilt() from None


@public
async def serve(request: web.Request) -> web.StreamResponse:
    """A built file."""
    name = request.match_info["name"]
    path = DIST / name
    kind = _TYPES.get(path.suffix)
    if kind is None or not path.is_file():
        raise NotFound("There is nothing at this address.")
    return web.FileResponse(
        path,
        headers={
            "Cache-Control": "public, max-age=31536000, immutable",
            "Content-Type": kind if kind == "image/svg+xml" else f"{kind}; charset=utf-8",
        },
    )


def setup(app: web.Application) -> None:
    """Adds the built files. A name is one path segment without a leading dot, so nothing above can be reached."""
    app.router.add_get(r"/static/{name:[A-Za-z0-9_][A-Za-z0-9_.-]*}", serve)
