"""Who talks with whom: bridges and their times, through Local pairs."""

from __future__ import annotations

from . import names
from .conversation import BEGINNING, END, Channel, Conversation, Moment, Stay
from .register import Register


def connect(register: Register, call: Conversation) -> None:
    """Note who newly shares a bridge with the caller's side."""
    anchors = call.anchors()
    transferers = {name for t in call.transfers for name in t.transferers}
    for phone in list(call.phones()):
        if phone.joined is not None or not phone.stays or phone is call.first or phone.name in anchors:
            continue
        if phone.name in transferers and not (phone.dialled or phone.ringing_state):
            continue  # the transferer's second line is no leg of the caller's
        found = _contact(register, phone, BEGINNING, END, anchors, {phone.name})
        if found is not None:
            phone.joined = found
            if phone.up is None:
                phone.step("up", found)


def _contact(
    register: Register, channel: Channel, since: Moment, until: Moment, anchors: set[str], seen: set[str]
) -> Moment | None:
    """When this channel first shared a bridge with the caller's side, going through Local pairs."""
    best: Moment | None = None
    for stay in channel.stays:
        window = _within(channel, stay, since, until)
        if window is None:
            continue
        for other, other_stay in register.bridges.get(stay.bridge, ()):
            if other.name in seen:
                continue
            both = _within(other, other_stay, *window)
            if both is None:
                continue
            found: Moment | None = None
            if other.name in anchors:
                found = both[0]
            elif other.kind == "local":
                half = register.channels.get(names.other_half(other.name))
                if half is not None:
                    found = _contact(register, half, *both, anchors, seen | {other.name, half.name})
            if found is not None and (best is None or found < best):
                best = found
    return best


def _within(channel: Channel, stay: Stay, since: Moment, until: Moment) -> tuple[Moment, Moment] | None:
    window = channel.window(stay)
    if window is None:
        return None
    start, end = max(window[0], since), min(window[1], until)
    return (start, end) if start < end else None


def left_after(channel: Channel, moment: Moment) -> Moment | None:
    """When a channel left the bridge that it was in at ``moment``."""
    windows = [window for stay in channel.stays if (window := channel.window(stay)) is not None]
    return min((end for _, end in windows if end > moment and end != END), default=None)
