"""The handset page: be the caller and the agents' telephones of the simulated PBX. Served by ``hotline demo`` only."""

from __future__ import annotations

from aiohttp import web

from hotline.web.demo.page import DEMO, Demo, DemoPbx, Scenario, add_routes
from hotline.web.demo.twilio import TWILIO
from hotline.web.demo.twilio import add_routes as add_twilio_routes
from hotline.web.demo.watch import WATCH, Watch

__all__ = ["Demo", "DemoPbx", "Scenario", "setup"]


def setup(app: web.Application, demo: Demo) -> None:
    """Adds the page for this demo."""
    app[DEMO] = demo
    app[WATCH] = Watch(demo.pbx, demo.twilio)
    if demo.twilio is not None:
        app[TWILIO] = demo.twilio
        add_twilio_routes(app)
    app.cleanup_ctx.append(app[WATCH].run)
    app.on_shutdown.append(app[WATCH].close)
    add_routes(app)
