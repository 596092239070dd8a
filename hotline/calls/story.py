"""What happened on the telephone, told by the tracker from AMI facts: the input of ``workflows.calls.calls``.

The tracker never knows users or customers: a ring names the interfaces that the PBX named, a call names the
PBX's own ids as aliases. Telling a line twice, late or in another order must change nothing downstream, so each
line carries ids that are the same each time: the call's id, and the ring's id per (call, interface, ring attempt).

Times (``at``) are UTC instants corrected by the PBX's clock offset. ``age`` is how many seconds old the fact was
by the PBX's own clock when it was read, or None when the PBX sends no timestamps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

Disposition = Literal["answered", "abandoned", "no_answer", "busy", "failed", "voicemail"]
RingKind = Literal["offer", "transfer", "pickup", "outgoing"]
TransferKind = Literal["blind", "attended"]
RingEnd = Literal[
    "answered_elsewhere",  # somebody else took it: ringall's losers, pickup
    "cancelled",  # the caller hung up while it rang
    "no_answer",  # the ring timed out
    "busy",  # the phone was busy, or the agent declined
    "failed",  # congestion, unreachable
    "completed",  # it was answered here and is over now
    "transferred",  # it was answered here and the call went on elsewhere
    "unseen",  # it ended while nobody was connected to the PBX
]


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that the PBX has for a call: a channel's ``uniqueid``, a ``linkedid``, or our ``command`` id."""

    kind: Literal["uniqueid", "linkedid", "command"]
    value: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a call's story."""

    call_id: UUID
    at: datetime
    age: float | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class CallArrived(Line):
    """A first channel appeared: look the caller up now, so that the pop is ready when a phone rings.

    ``interface`` is the first channel's endpoint, for example ``PJSIP/trunk`` or ``PJSIP/agent1`` (an agent who dials
    out). ``number`` is as the PBX gave it, None when withheld or absent. ``name`` is the caller's own text: hostile.
    """

    interface: str
    number: str | None
    name: str | None
    withheld: bool
    dialled: str | None
    aliases: tuple[Alias, ...] = ()


@dataclass(frozen=True, slots=True)
class CallerChanged(Line):
    """A later fact about the caller: the presentation, or a number that came after the first channel event."""

    number: str | None
    name: str | None
    withheld: bool


@dataclass(frozen=True, slots=True)
class CallAliased(Line):
    """The PBX has further names for this call."""

    aliases: tuple[Alias, ...]


@dataclass(frozen=True, slots=True)
class CallsMerged(Line):
    """Two calls turned out to be one conversation: ``gone`` is now part of ``call_id``. Nothing is deleted."""

    gone: UUID


@dataclass(frozen=True, slots=True)
class CallJoined(Line):
    """This call is the further way of ``other``, which came by Twilio and was sent on to this PBX: both are one
    conversation, and it is ``other`` that goes on when the PBX's part is over. A CallSid where Twilio's call had to be
    sent on without the records, which alone know its id."""

    other: UUID | str


@dataclass(frozen=True, slots=True)
class CallQueued(Line):
    """The caller joined a queue."""

    queue: str
    position: int | None = None


@dataclass(frozen=True, slots=True)
class CallUnqueued(Line):
    """The caller left the queue unanswered: ``abandoned``, ``timeout``, ``leave_empty``, ``withdrawn``, ``moved``,
    ``unknown``."""

    queue: str
    reason: str


@dataclass(frozen=True, slots=True)
class RingStarted(Line):
    """A phone rings (or answered at once). May be told again with more ``interfaces`` as they become known.

    ``interfaces`` are all exact names by which the member may be known: the queue's Interface, StateInterface,
    MemberName and the endpoint of the channel that really rings, for example
    ``("Local/1001@from-queue/n", "PJSIP/1001", "Anna")``.
    """

    ring_id: UUID
    interfaces: tuple[str, ...]
    uniqueid: str
    queue: str | None = None
    kind: RingKind = "offer"


@dataclass(frozen=True, slots=True)
class RingAnswered(Line):
    """The phone of this ring was picked up."""

    ring_id: UUID


@dataclass(frozen=True, slots=True)
class RingEnded(Line):
    """This ring, or the leg that came of it, is over."""

    ring_id: UUID
    reason: RingEnd
    cause: int | None = None


@dataclass(frozen=True, slots=True)
class CallAnswered(Line):
    """An agent's phone (``ring_id``) and the caller are connected; ``ring_id`` is None when no ring is known."""

    ring_id: UUID | None


@dataclass(frozen=True, slots=True)
class CallTransferred(Line):
    """The customer moved. ``from_ring``/``to_ring`` are rings where known; ``to`` is the target as dialled."""

    kind: TransferKind
    from_ring: UUID | None
    to_ring: UUID | None
    to: str | None


@dataclass(frozen=True, slots=True)
class CallHeld(Line):
    """The customer was put on hold (``held``) or taken back."""

    ring_id: UUID | None
    held: bool


@dataclass(frozen=True, slots=True)
class CallGap(Line):
    """hotline was blind between ``since`` and ``at``: what happened then is not known."""

    since: datetime


@dataclass(frozen=True, slots=True)
class CallEnded(Line):
    """The conversation is over. ``end_seen`` is False when the call vanished while nobody was connected."""

    disposition: Disposition
    cause: int | None = None
    end_seen: bool = True
