"""The web application: which routes there are and what surrounds them. ``hotline.app`` decides what it stands on."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.typedefs import Middleware

from hotline.web import api, auth, brand, clicks, desktop, health, inapp, message_media, sound, webhooks
from hotline.web.context import EXAMINE, HEALTH, HOUSE, HUB, IDENTIFY, Examine, Health, Identify
from hotline.web.demo import Demo
from hotline.web.demo import setup as setup_demo
from hotline.web.desktop.pushes.outbound import note_stop
from hotline.web.middleware import add_headers, observe, tell_errors, trust_proxies
from hotline.web.places import Places
from hotline.web.rate_limits import Buckets
from hotline.web.rights import route_rights
from hotline.web.stream import Hub
from hotline.workflows.house import House

#: The largest body that is read, in bytes. Nothing that people or programs send today comes near it.
LARGEST_BODY = 1 << 20


def create_app(
    house: House,
    *,
    hub: Hub,
    identify: Identify,
    parts: Health,
    demo: Demo | None = None,
    examine: Examine | None = None,
) -> web.Application:
    """The application with every route. A route that declares no right is a RuntimeError that names it."""
    middlewares: list[Middleware] = [observe, tell_errors, auth.guard, note_stop]
    if house.settings.trusted_proxies:
        middlewares.insert(2, trust_proxies(house.settings.trusted_proxies))
    app = web.Application(middlewares=middlewares, client_max_size=LARGEST_BODY)
    app[HOUSE] = house
    app[HUB] = hub
    app[IDENTIFY] = identify
    app[HEALTH] = parts
    if examine is not None:
        app[EXAMINE] = examine
    app[auth.PRINCIPALS] = Buckets(*auth.PRINCIPAL_LIMIT)
    app[auth.ADDRESSES] = Buckets(*auth.ADDRESS_LIMIT)
    app[auth.PLACES] = Places(house.settings.database_pool)
    app.on_response_prepare.append(add_headers)
    app.cleanup_ctx.append(_run_hub)
    app.on_shutdown.append(_close_streams)
    health.setup(app)
    sound.setup(app)
    brand.setup(app)
    clicks.setup(app)
    webhooks.setup(app, house)
    message_media.setup(app)
    inapp.setup(app, house)
    api.setup(app)
    desktop.setup(app)
    if demo is not None:
        setup_demo(app, demo)
    route_rights(app)
    return app


async def _run_hub(app: web.Application) -> AsyncIterator[None]:
    await app[HUB].start()
    yield
    await app[HUB].close()


async def _close_streams(app: web.Application) -> None:
    """Streams never end by themselves and would hold the shutdown open."""
    app[HUB].close_streams()
