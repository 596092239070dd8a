"""/healthz (this process runs), /readyz (what it needs is there) and /metrics (Prometheus)."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Final

from aiohttp import web
from prometheus_client import REGISTRY, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from hotline.crm.queries.upkeep.upkeep import backlog
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, NotSignedIn
from hotline.web.auth import identify
from hotline.web.context import HEALTH, house_of
from hotline.web.rights import public

DATABASE: Final = Gauge("hotline_database_up", "1 when the database answered the scrape.")
UNNUMBERED: Final = Gauge("hotline_outbox_unnumbered", "Events that wait for the relay.")
UNSEALED: Final = Gauge("hotline_audit_unsealed", "Audit entries that wait for the sealer.")

_BACKLOG_SECONDS: Final = 1.0
_FORWARDED: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def setup(app: web.Application) -> None:
    """Adds the routes."""
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)


@public
async def healthz(_request: web.Request) -> web.Response:
    """200 as long as the process answers at all: restarting it would mend nothing that /readyz tells."""
    return web.json_response({"status": "ok"})


@public
async def readyz(request: web.Request) -> web.Response:
    """200 when every part is well, else 503; each part says in one line why. Holds no address and no secret."""
    parts = await request.config_dict[HEALTH]()
    well = all(part.well or not part.needed for part in parts)
    body = {
        "status": "ok" if well else "unavailable",
        "parts": {
            part.name: {
                "status": "ok" if part.well else ("down" if part.needed else "degraded"),
                "detail": part.detail,
            }
            for part in parts
        },
    }
    return web.json_response(body, status=200 if well else 503)


@public
async def metrics(request: web.Request) -> web.Response:
    """For a scraper on this machine, or one with a token that may read the system's health."""
    if not _is_local(request):
        signed = await identify(request)
        if signed is None:
            raise NotSignedIn
        signed.viewer.require("system.read")
    await _measure_backlog(request)
    return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _measure_backlog(request: web.Request) -> None:
    try:
        async with asyncio.timeout(_BACKLOG_SECONDS):
            left = await backlog(house_of(request).db, SYSTEM)
    except (HotlineError, TimeoutError):
        DATABASE.set(0)
        return
    DATABASE.set(1)
    UNNUMBERED.set(left.unnumbered)
    UNSEALED.set(left.unsealed)


def _is_local(request: web.Request) -> bool:
    """Whether the request began on this machine: a proxy on it brings other people's requests."""
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
