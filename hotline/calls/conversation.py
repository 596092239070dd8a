"""The facts that the tracker has gathered: channels, bridges, queues and transfers of one conversation.

Facts only accumulate or are replaced by later ones of the same kind, so the order in which they come does not matter;
``calls.telling`` reads the story out of them. A ``Moment`` is when a fact happened: the instant and, among equal
instants, the order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from . import names
from .open_calls import OpenRing
from .states import LegFact, LegState, next_leg_state
from .story import Alias, RingKind, TransferKind

Moment = tuple[datetime, int]
BEGINNING: Final[Moment] = (datetime.min.replace(tzinfo=UTC), 0)
END: Final[Moment] = (datetime.max.replace(tzinfo=UTC), 0)


@dataclass(slots=True)
class Stay:
    """A channel's time in a bridge; ``enter`` is None while only its end is known."""

    bridge: str
    enter: Moment | None
    leave: Moment | None = None


@dataclass(slots=True, eq=False)
class Channel:
    """One leg's facts, known by the channel's name: a name stays with the phone, a uniqueid may not."""

    name: str
    kind: str
    uniqueid: str
    ring_id: UUID
    conversation: Conversation
    endpoint: str
    seen: Moment
    uniqueids: set[str] = field(default_factory=set)
    state: LegState = "new"
    rang: Moment | None = None
    up: Moment | None = None
    over: Moment | None = None
    over_unseen: bool = False
    cause: int | None = None
    left_by_itself: bool = False  # HangupRequest: the far end hung up
    ringing_state: bool = False  # was in state Ringing, so somebody called it
    parents: set[str] = field(default_factory=set)  # the channels that dialled it
    dial_ends: dict[str, tuple[str, Moment]] = field(default_factory=dict)  # by the dialling channel
    dialled: bool = False
    rang_out: bool = False  # AgentRingNoAnswer
    picked_up: Moment | None = None
    stays: list[Stay] = field(default_factory=list)
    member: tuple[str, str, str] | None = None  # the queue, its Interface and its MemberName
    queue: str | None = None
    held: tuple[Moment, bool] | None = None
    caller: tuple[int, Moment, str | None, str | None] | None = None  # rank, when, number, name
    presentation: tuple[int, Moment, bool] | None = None  # rank, when, withheld
    extension: tuple[Moment, str] | None = None
    ring_kind: RingKind | None = None  # as the records have it, of a restored ring
    joined: Moment | None = None  # first in conversation with the caller's side
    # what was told
    told_ring: tuple[tuple[str, ...], RingKind, str | None] | None = None
    told_up: bool = False
    told_joined: bool = False
    told_end: tuple[str, int | None] | None = None
    told_held: bool = False

    def step(self, fact: LegFact, moment: Moment) -> bool:
        """Take a fact of the leg's life; the earliest moment of each counts. Says whether something changed."""
        known: Moment | None = getattr(self, fact)
        if known is not None and known <= moment:
            return False
        setattr(self, fact, moment)
        self.state = next_leg_state(self.state, fact)
        return True

    def enter(self, bridge: str, moment: Moment) -> Stay | None:
        """Note that it entered a bridge; None when that was known."""
        for stay in self.stays:
            if stay.bridge != bridge:
                continue
            if stay.enter is None and stay.leave is not None and moment <= stay.leave:
                stay.enter = moment
                return stay
            if stay.enter is not None and (stay.leave is None or stay.enter[0] == moment[0]):
                return None
        stay = Stay(bridge, moment)
        self.stays.append(stay)
        return stay

    def leave(self, bridge: str, moment: Moment) -> Stay | None:
        """Note that it left a bridge, even if its entering is not known yet."""
        for stay in self.stays:
            if stay.bridge == bridge and (stay.leave is None or stay.leave[0] == moment[0]):
                if stay.leave is None and stay.enter is not None and stay.enter <= moment:
                    stay.leave = moment
                return None
        stay = Stay(bridge, None, moment)
        self.stays.append(stay)
        return stay

    def window(self, stay: Stay) -> tuple[Moment, Moment] | None:
        """From when to when a stay lasted; the next bridge, or the hangup, ends it where the leaving was lost."""
        if stay.enter is None:
            return None
        end = stay.leave or self.over or END
        for other in self.stays:
            if other.enter is not None and stay.enter < other.enter < end:
                end = other.enter
        return stay.enter, end


@dataclass(slots=True)
class QueueFact:
    """Something about the caller and a queue: ``join``, ``leave`` or ``status`` (then ``queue`` is the reason)."""

    moment: Moment
    what: str
    queue: str
    position: int | None = None
    timed: bool = False


@dataclass(slots=True)
class Stint:
    """One time that the caller waited in a queue; ``reason`` says how it ended unanswered."""

    queue: str
    joined: Moment
    position: int | None
    left: Moment | None = None
    reason: str | None = None
    ended: Moment | None = None


@dataclass(slots=True)
class Transfer:
    """A transfer that the PBX reported, or that its effect shows. Its people are channel names."""

    kind: TransferKind
    moment: Moment
    transferers: tuple[str, ...]
    transferee: str | None
    target: str | None
    to: str | None
    three_way: bool = False
    implied: bool = False  # seen by its effect only (AMI Redirect)
    told: tuple[UUID | None, UUID | None, str | None] | None = None


@dataclass(slots=True, eq=False)
class Conversation:
    """All that belongs to one call, and what was told of it."""

    call_id: UUID
    root: str  # the oldest uniqueid known: Asterisk's linkedid
    born: datetime  # when hotline first heard of it, by its own clock
    touched: datetime  # and last
    channels: dict[str, Channel] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)  # uniqueids and linkedids
    alive: bool = False  # more than a hangup was seen
    first: Channel | None = None
    queue_facts: list[QueueFact] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    transferees: set[str] = field(default_factory=set)
    merged: list[UUID] = field(default_factory=list)  # told calls that became part of this one, not yet told
    voicemail: bool = False
    campaign: bool = False  # hotline calls somebody for a campaign: its delivery tells of it, not a call
    joins: UUID | str | None = None  # the call of Twilio that goes on here, as the dialplan says
    answered: bool = False
    open_rings: dict[str, OpenRing] = field(default_factory=dict)  # the records' rings not yet seen on the PBX
    gap: tuple[datetime, datetime] | None = None
    # what changed since the last telling: these channels, the bridges, or so much that every ring is looked at again
    fresh: set[Channel] = field(default_factory=set)
    connected_dirty: bool = False
    recheck: bool = False
    unseen: bool = False
    restored: bool = False
    # what was told
    told_arrived: bool = False
    told_arrival: tuple[str, str | None] | None = None  # the first phone's interface and what it dialled
    told_joins: bool = False
    told_caller: tuple[str | None, str | None, bool] | None = None
    told_aliases: set[Alias] = field(default_factory=set)
    told_stints: dict[tuple[str, datetime], str | None] = field(default_factory=dict)
    told_end: tuple[str, int | None, datetime, bool] | None = None

    def absorb(self, gone: Conversation) -> None:
        """Take over what another conversation knew, except its name, its first phone and its channels."""
        self.ids |= gone.ids
        self.touched = max(self.touched, gone.touched)
        self.born = min(self.born, gone.born)
        self.alive |= gone.alive
        self.queue_facts += gone.queue_facts
        self.transfers += gone.transfers
        self.transferees |= gone.transferees
        self.merged += gone.merged
        self.voicemail |= gone.voicemail
        self.campaign |= gone.campaign
        self.joins = self.joins or gone.joins
        self.answered |= gone.answered
        self.restored |= gone.restored
        self.open_rings |= gone.open_rings
        self.gap = self.gap or gone.gap
        self.told_aliases |= gone.told_aliases
        self.told_stints |= gone.told_stints
        self.connected_dirty = self.recheck = True

    def phones(self) -> Iterator[Channel]:
        """Its real phones and trunks."""
        return (channel for channel in self.channels.values() if channel.kind == "phone")

    def ended(self) -> Moment | None:
        """The moment at which its last channel was gone, None while one is alive or none was ever seen."""
        last: Moment | None = None
        for channel in self.channels.values():
            if channel.kind == "plumbing":
                continue
            if channel.over is None:
                return None
            if channel.kind == "phone" and (last is None or channel.over > last):
                last = channel.over
        return last

    def anchors(self) -> set[str]:
        """The caller's side: the first phone, and whoever was transferred."""
        return self.transferees | {self.first.name} if self.first else self.transferees

    def find_transferees(self) -> None:
        """Add the dialled party of an outgoing call that its agent transferred: now that party is the caller's side."""
        for transfer in self.transfers:
            if self.first is not None and self.first.name in transfer.transferers and transfer.transferee is not None:
                self.transferees.add(transfer.transferee)

    def choose_first(self, *, force: bool = False) -> None:
        """Find the phone that the call began with: the oldest channel, or behind a Local one the oldest phone."""
        owner = next((c for c in self.channels.values() if self.root in c.uniqueids), None)
        if owner is not None and owner.kind == "phone":
            self.first = owner
            return
        phones = sorted(self.phones(), key=_seniority)
        if not phones or (self.first is not None and self.first in phones and not force):
            return
        dialling = {parent for channel in self.channels.values() for parent in channel.parents}
        if owner is not None or force:
            self.first = phones[0]
        else:
            self.first = next((p for p in phones if p.name in dialling and not _called(p)), None)

    def dial_root(self, channel: Channel) -> Channel:
        """The channel at the top of the chain that dialled this one, over Local pairs."""
        top, seen = channel, {channel.name}
        while True:
            if top.kind == "local" and top.name.endswith(";2"):
                above = self.channels.get(names.other_half(top.name))
            else:
                above = next((self.channels[p] for p in sorted(top.parents) if p in self.channels), None)
            if above is None or above.name in seen:
                return top
            seen.add(above.name)
            top = above
            if top.kind == "phone":
                return top

    def line_up(self, channel: Channel) -> Iterator[Channel]:
        """The channel and the Local halves above it, down from which its ring came."""
        top, seen = channel, set[str]()
        while top.name not in seen:
            seen.add(top.name)
            yield top
            above = next((self.channels[p] for p in sorted(top.parents) if p in self.channels), None)
            if above is None or above.kind != "local":
                return
            half = self.channels.get(names.other_half(above.name))
            if half is None:
                return
            top = half

    def stints(self) -> list[Stint]:
        """The caller's times in queues, in order."""
        found: list[Stint] = []
        for fact in sorted(self.queue_facts, key=lambda f: f.moment):
            last = found[-1] if found else None
            match fact.what:
                case "join":
                    if last is not None and last.ended is None:
                        if last.queue == fact.queue and last.left is None:
                            last.position = last.position or fact.position
                            continue
                        last.reason, last.ended = "moved", fact.moment
                    found.append(Stint(fact.queue, fact.moment, fact.position))
                case "leave" if last is not None and last.queue == fact.queue and last.left is None:
                    last.left = fact.moment
                case "status" if last is not None and last.ended is None:
                    last.reason, last.ended = fact.queue, fact.moment
        answers = sorted(c.joined for c in self.phones() if c.joined is not None)
        for index, stint in enumerate(found):
            until = found[index + 1].joined if index + 1 < len(found) else END
            if any(stint.joined <= answer < until for answer in answers):
                stint.reason, stint.ended = None, next(a for a in answers if a >= stint.joined)
        last = found[-1] if found else None
        gone = self.first.over if self.first is not None else None
        picked_up = any(c.up is not None for c in self.phones() if c is not self.first)
        if last is not None and last.ended is None and gone is not None and (not picked_up or self.ended() is not None):
            last.reason = "unknown" if self.unseen else "abandoned"
            last.ended = last.left or gone
        return found


def _seniority(channel: Channel) -> tuple[tuple[float, int], Moment]:
    return names.seniority(channel.uniqueid), channel.seen


def _called(channel: Channel) -> bool:
    return channel.dialled or channel.ringing_state
