"""When a channel lets the company write what it likes: on WhatsApp for 24 hours after the customer wrote; later an
approved template only. https://developers.facebook.com/docs/whatsapp/pricing#customer-service-windows
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from hotline.conversations.states import Channel

WHATSAPP: Final = timedelta(hours=24)
#: A message that leaves in the last moment arrives after it: these do not count.
MARGIN: Final = timedelta(seconds=30)


def window_until(channel: Channel, last_in_at: datetime | None) -> datetime | None:
    """Until when free text may be sent; None where there is no such limit, or none was opened (``needs_window``)."""
    if channel != "whatsapp" or last_in_at is None:
        return None
    return last_in_at + WHATSAPP


def is_open(channel: Channel, last_in_at: datetime | None, now: datetime) -> bool:
    """Whether free text may be sent now."""
    if channel != "whatsapp":
        return True
    until = window_until(channel, last_in_at)
    return until is not None and now < until - MARGIN
