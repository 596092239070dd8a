"""The system page: how each connection is, and what to do about one that is not well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from hotline.crm.queries.calls.presence import STALE, PbxView, list_pbxs
from hotline.web.context import HEALTH, house_of, signed_of
from hotline.web.desktop.render import html
from hotline.web.desktop.words import N_
from hotline.web.rights import needs

#: A connection that is further behind than this is slow, in milliseconds.
SLOW_MS: Final = 500.0

#: Part → (icon, name, what it is for).
PARTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "database": ("database", N_("Database"), N_("Keeps every record; without it nothing can be saved or shown.")),
    "bus": ("bolt", N_("Bus"), N_("Carries events between processes; without it they come about a second later.")),
    "relay": ("send", N_("Relay"), N_("Numbers events so that no browser misses one.")),
    "sealer": ("shield", N_("Audit sealer"), N_("Chains audit entries so that a change to them is found.")),
    "events": ("live", N_("Event stream"), N_("Sends calls to the browsers.")),
    "telephony": ("phone", N_("Telephone listener"), N_("Reads the telephone systems of this process.")),
    "ivr": ("flow", N_("IVR"), N_("Takes callers through the flows; without it they go straight to the queue.")),
    "prompts": ("volume", N_("Prompts"), N_("What callers hear; what cannot be made is heard in another language.")),
    "twilio": ("sms", N_("Twilio"), N_("Calls, SMS and WhatsApp by Twilio; its webhooks arrive here.")),
    "mail": ("mail", N_("Mailbox"), N_("Brings mail in; while it is away, mail waits there.")),
    "recordings": ("mic", N_("Recordings"), N_("Takes voicemails and recorded calls; the PBX keeps what has no room.")),
}


@needs("system.read")
async def show(request: web.Request) -> web.StreamResponse:
    """The page; a script that looks again asks for its inner part."""
    house, viewer = house_of(request), signed_of(request).viewer
    pbxs = await list_pbxs(house.db, viewer)
    parts = await request.config_dict[HEALTH]()
    now = house.clock()
    context = {
        "pbxs": [(pbx, _state(pbx, (now - pbx.updated_at) > STALE)) for pbx in pbxs],
        "parts": parts,
        "words": PARTS,
        "node": house.settings.node,
        "configured": [address.name for address in house.settings.ami_urls],
        "now": now,
    }
    return html(request, "system_health.html" if "HX-Request" in request.headers else "system.html", context)


def _state(pbx: PbxView, stale: bool) -> str:
    if not pbx.connected or stale:
        return "down"
    return "slow" if (pbx.lag_ms or 0) > SLOW_MS else "up"


def setup(app: web.Application) -> None:
    """Adds the route."""
    app.router.add_get("/system", show)
