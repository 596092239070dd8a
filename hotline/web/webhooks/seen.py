"""What this process has seen of Twilio, for the system page and the log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog
from aiohttp import web

from hotline.web.webhooks.hook import Opener

log = structlog.get_logger(__name__)

#: Strangers are told of once in so long: they must not fill the log.
_TELL: Final = timedelta(minutes=1)


class Seen:
    """When Twilio was last heard, and who was turned away."""

    def __init__(self, opener: Opener) -> None:
        self.opener = opener
        self.last: datetime | None = None
        self.turned_away = 0
        self._told: datetime | None = None

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
