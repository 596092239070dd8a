"""What Twilio calls: a file per subject, each exposes ``routes``."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from aiohttp import web

from hotline.web.webhooks import twilio_agents, twilio_messages, twilio_push, twilio_recordings, twilio_voice
from hotline.web.webhooks.seen import SEEN, Seen
from hotline.workflows.house import House
from hotline.workflows.twilio.twilio_agents import MUSIC

#: The files with webhooks.
MODULES: Final[tuple[ModuleType, ...]] = (twilio_messages, twilio_voice, twilio_agents, twilio_push, twilio_recordings)


def setup(app: web.Application, house: House) -> None:
    """Adds the webhooks. They are there while Twilio is not set up, too, and let nobody in."""
    app[SEEN] = Seen(house)
    for module in MODULES:
        for door in module.routes:
            app.router.add_post(door.path, door.handle)
    app.router.add_get(MUSIC, twilio_agents.music)
