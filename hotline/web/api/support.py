"""The support bundle."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from hotline.web.context import HEALTH
from hotline.web.endpoint import Ask, Endpoint, endpoint
from hotline.workflows.upkeep.support import bundle


@endpoint(
    "GET",
    "/support/bundle",
    right="system.support",
    summary="A support bundle",
    media_type="application/zip",
)
async def get_bundle(ask: Ask) -> web.StreamResponse:
    """Versions, settings without secrets, sizes, migrations, health and masked log lines of this process; nothing that
    is secret or anybody's. `hotline support` adds what the doctor says."""
    parts = await ask.request.config_dict[HEALTH]()
    health = "\n".join(f"{'well' if part.well else 'AWAY'} {part.name}: {part.detail}" for part in parts)
    made = await bundle(ask.house, ask.viewer, {"health.txt": health})
    name = f"hotline-support-{ask.house.clock():%Y%m%d-%H%M}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return web.Response(body=made, content_type="application/zip", headers=headers)


routes: Final[list[Endpoint]] = [get_bundle]
