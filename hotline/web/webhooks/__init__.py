"""What Twilio calls: a file per subject, each exposes ``routes``."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from aiohttp import web

from hotline.channels.twilio.signature import Tokens
from hotline.settings import Settings
from hotline.web.webhooks.hook import Opener
from hotline.web.webhooks.seen import SEEN, Seen

#: The files with webhooks.
MODULES: Final[tuple[ModuleType, ...]] = ()


def setup(app: web.Application, settings: Settings) -> None:
    """Adds the webhooks. They are there while Twilio is not set up, too, and let nobody in."""
    app[SEEN] = Seen(Opener(_tokens(settings), settings.base_url))
    for module in MODULES:
        for door in module.routes:
            app.router.add_post(door.path, door.handle)


def _tokens(settings: Settings) -> Tokens | None:
    given = [(each.account, each.token.get_secret_value()) for each in settings.twilio_auth_token]
    if not settings.twilio_account_sid or not given:
        return None
    return Tokens(settings.twilio_account_sid, given)
