"""The calls that the records believe to be alive, given to a tracker that starts anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from .story import Alias, RingKind


@dataclass(frozen=True, slots=True)
class OpenRing:
    """A leg that the records believe to be ringing or talking. ``uniqueid`` is the channel's at the ring's start."""

    ring_id: UUID
    uniqueid: str
    interface: str
    rang_at: datetime
    answered_at: datetime | None
    kind: RingKind = "offer"


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that the records believe to be alive."""

    call_id: UUID
    aliases: tuple[Alias, ...]
    offered_at: datetime
    answered_at: datetime | None
    queue: str | None
    rings: tuple[OpenRing, ...] = ()
