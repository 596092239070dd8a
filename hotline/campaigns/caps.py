"""Frequency caps: how many marketing messages a person gets within some days, whatever campaigns they are of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from hotline.campaigns.limits import Cap


def longest(caps: Iterable[Cap]) -> timedelta:
    """How far back messages count; zero without caps."""
    return timedelta(days=max((cap.days for cap in caps), default=0))


def free_at(caps: Iterable[Cap], sent: Sequence[datetime], now: datetime) -> datetime:
    """The first instant from ``now`` on at which one more message keeps every cap, when none is sent meanwhile.

    ``sent``: when each one left, in any order. A time beyond ``now`` counts too: clocks are set back.
    """
    moment = now
    latest = sorted(sent, reverse=True)
    for cap in caps:
        if len(latest) >= cap.messages:
            moment = max(moment, latest[cap.messages - 1] + timedelta(days=cap.days))
    return moment
