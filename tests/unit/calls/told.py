"""Reads a story's lines as the records do: what is left of them in the end, whatever their order and repetition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from hotline.calls.story import (
    CallAliased,
    CallAnswered,
    CallArrived,
    CallEnded,
    CallerChanged,
    CallGap,
    CallHeld,
    CallQueued,
    CallsMerged,
    CallTransferred,
    CallUnqueued,
    Line,
    RingAnswered,
    RingEnded,
    RingStarted,
)


@dataclass
class Ring:
    ring_id: UUID
    at: datetime
    interfaces: set[str]
    kind: str
    queue: str | None
    age: float | None
    answered: bool = False
    joined: bool = False
    end: str | None = None
    cause: int | None = None

    def rang_at(self, interface: str) -> bool:
        return interface in self.interfaces


@dataclass
class Told:
    """One call's story so far."""

    call_id: UUID
    interface: str | None = None
    number: str | None = None
    name: str | None = None
    withheld: bool | None = None
    dialled: str | None = None
    aliases: set[tuple[str, str]] = field(default_factory=set)
    queues: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    rings: dict[UUID, Ring] = field(default_factory=dict)
    transfers: dict[tuple[str, UUID | None], tuple[UUID | None, str | None]] = field(default_factory=dict)
    held: bool = False
    gaps: int = 0
    disposition: str | None = None
    cause: int | None = None
    end_seen: bool | None = None
    ended_at: datetime | None = None
    merged: set[UUID] = field(default_factory=set)

    def ring(self, interface: str) -> Ring:
        """The only ring at this interface."""
        (found,) = [ring for ring in self.rings.values() if interface in ring.interfaces]
        return found

    def has(self, interface: str) -> bool:
        return any(interface in ring.interfaces for ring in self.rings.values())


def fold(lines: Iterable[Line]) -> list[Told]:
    """The calls of a story, in the order of their arrival; merged ones are part of the one they went into."""
    calls: dict[UUID, Told] = {}
    into: dict[UUID, UUID] = {}
    for line in lines:
        call_id = line.call_id
        while call_id in into:
            call_id = into[call_id]
        call = calls.setdefault(call_id, Told(call_id))
        _take(call, line)
        if isinstance(line, CallsMerged) and line.gone != call_id:
            into[line.gone] = call_id
            gone = calls.pop(line.gone, None)
            call.merged.add(line.gone)
            if gone is not None:
                call.rings |= gone.rings
                call.aliases |= gone.aliases
                call.transfers |= gone.transfers
                call.queues += gone.queues
                call.left += gone.left
    return list(calls.values())


def _take(call: Told, line: Line) -> None:
    match line:
        case CallArrived():
            call.interface, call.dialled = line.interface, line.dialled
            call.number, call.name, call.withheld = line.number, line.name, line.withheld
            call.aliases |= {(a.kind, a.value) for a in line.aliases}
        case CallerChanged():
            call.number, call.name, call.withheld = line.number, line.name, line.withheld
        case CallAliased():
            call.aliases |= {(a.kind, a.value) for a in line.aliases}
        case CallQueued():
            call.queues.append(line.queue)
        case CallUnqueued():
            call.left.append((line.queue, line.reason))
        case RingStarted():
            ring = call.rings.get(line.ring_id)
            if ring is None:
                ring = Ring(line.ring_id, line.at, set(), line.kind, line.queue, line.age)
                call.rings[line.ring_id] = ring
            ring.interfaces |= set(line.interfaces)
            ring.kind, ring.queue = line.kind, line.queue or ring.queue
        case RingAnswered():
            call.rings[line.ring_id].answered = True
        case RingEnded():
            if line.ring_id in call.rings:
                call.rings[line.ring_id].end, call.rings[line.ring_id].cause = line.reason, line.cause
        case CallAnswered():
            if line.ring_id is not None:
                call.rings[line.ring_id].joined = True
        case CallTransferred():
            call.transfers[(line.kind, line.from_ring)] = (line.to_ring, line.to)
        case CallHeld():
            call.held = line.held
        case CallGap():
            call.gaps += 1
        case CallEnded():
            call.disposition, call.cause, call.end_seen = line.disposition, line.cause, line.end_seen
            call.ended_at = line.at
        case _:
            pass
