"""What is known about the present when hotline comes back to a PBX: the records' open calls and the PBX's own list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from .ami import AmiEvent
from .story import Alias


@dataclass(frozen=True, slots=True)
class OpenRing:
    """A leg that the records believe to be ringing or talking. ``uniqueid`` is the channel's at the ring's start."""

    ring_id: UUID
    uniqueid: str
    interface: str
    rang_at: datetime
    answered_at: datetime | None
    kind: str = "offer"


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that the records believe to be alive."""

    call_id: UUID
    aliases: tuple[Alias, ...]
    offered_at: datetime
    answered_at: datetime | None
    queue: str | None
    rings: tuple[OpenRing, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the PBX answers to CoreShowChannels (``CoreShowChannel`` events) and QueueStatus (``QueueMember``,
    ``QueueEntry``). ``since`` is when hotline stopped hearing this PBX, None when it never did.
    """

    events: Sequence[AmiEvent]
    since: datetime | None = None
