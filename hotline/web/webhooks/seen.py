"""What this process has seen of Twilio, for the system page and the log."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

import structlog
from aiohttp import web

from hotline.channels.twilio.signature import Tokens
from hotline.web.webhooks.hook import Opener
from hotline.workflows.house import House

log = structlog.get_logger(__name__)

#: Strangers are told of once in so long: they must not fill the log.
_TELL: Final = timedelta(minutes=1)


class Seen:
    """When Twilio was last heard, and who was turned away."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.last: datetime | None = None
        self.turned_away = 0
        self._told: datetime | None = None

    @cached_property
    def opener(self) -> Opener:
        """Verifies webhooks by this installation's tokens."""
        settings = self._house.settings
        given = [(each.account, each.token.get_secret_value()) for each in settings.twilio_auth_token]
        configured = bool(settings.twilio_account_sid and given)
        return Opener(Tokens(settings.twilio_account_sid, given) if configured else None, settings.base_url)

    def told(self, now: datetime) -> str:
        """One line for people."""
        away = f", {self.turned_away} strangers turned away" if self.turned_away else ""
        if self.last is None:
            return f"no webhook since the start{away}"
        return f"last webhook {max(0, int((now - self.last).total_seconds()))} s ago{away}"

    def answered(self, at: datetime) -> None:
        """A webhook was answered."""
        self.last = at

    def refused(self, path: str, why: str, at: datetime) -> None:
        """Somebody was turned away."""
        self.turned_away += 1
        if self._told is None or at - self._told >= _TELL:
            self._told = at
            log.warning("webhook.refused", route=path, why=why, refused=self.turned_away)


SEEN: Final = web.AppKey("twilio_seen", Seen)
