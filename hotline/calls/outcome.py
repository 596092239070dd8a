"""How rings and calls ended, by what is known of them."""

from __future__ import annotations

from typing import Final

from . import causes
from .conversation import Channel, Conversation
from .story import Disposition, RingEnd

_WORST_FIRST: Final[tuple[RingEnd, ...]] = ("busy", "no_answer", "failed")


def is_ring(call: Conversation, phone: Channel) -> bool:
    """Whether a phone rang, was picked up or joined the caller: a leg of the story."""
    called = phone.dialled or phone.ringing_state
    if phone is call.first:
        return called and (phone.rang is not None or phone.up is not None)
    if called:
        return phone.rang is not None or phone.up is not None
    return phone.picked_up is not None or phone.joined is not None


def end_reason(call: Conversation, ring: Channel, rings: list[Channel]) -> RingEnd:
    """How a ring, or the leg that came of it, ended."""
    if ring.over_unseen:
        return "unseen"
    if ring.joined is not None or (ring.up is not None and ring is call.first):
        return "transferred" if any(ring.name in t.transferers for t in call.transfers) else "completed"
    began = ring.rang or ring.up or ring.seen
    elsewhere = any(
        other is not ring and other.kind == "phone" and other is not call.first
        and other.up is not None and began <= other.up
        for other in rings
    )  # fmt: skip
    if ring.up is not None:
        return "answered_elsewhere" if ring.cause == causes.ANSWERED_ELSEWHERE and elsewhere else "completed"
    by_cause = causes.ring_end(ring.cause)
    if by_cause is not None:  # the phone's own word: a dial status calls a declined call NOANSWER at times
        return by_cause
    by_dial = {causes.DIAL_STATUS.get(status) for status, _ in ring.dial_ends.values()} - {None}
    for reason in _WORST_FIRST:
        if reason in by_dial:
            return reason
    if any(channel.rang_out for channel in call.line_up(ring)):
        return "no_answer"
    return "answered_elsewhere" if elsewhere else "cancelled"


def disposition(call: Conversation) -> Disposition:
    """How the call ended, by what is known of it."""
    first = call.first
    if call.answered or any(c.joined is not None for c in call.phones()):
        return "answered"
    if call.voicemail:
        return "voicemail"
    stints = call.stints()
    if stints and stints[-1].reason not in (None, "moved"):
        return "abandoned" if stints[-1].reason == "abandoned" else "no_answer"
    if first is None or first.over_unseen:
        return "no_answer"
    if first.left_by_itself:
        return "abandoned"
    by_cause = causes.meaning(first.cause)
    if by_cause is not None:
        return by_cause
    attempts = [end for c in call.channels.values() for by, end in c.dial_ends.items() if by == first.name]
    if first.dial_ends:  # an originated call whose own phone was never picked up
        attempts += first.dial_ends.values()
    if attempts:
        match causes.DIAL_STATUS.get(max(attempts, key=lambda end: end[1])[0]):
            case "busy":
                return "busy"
            case "no_answer":
                return "no_answer"
            case "failed":
                return "failed"
    return "abandoned"
