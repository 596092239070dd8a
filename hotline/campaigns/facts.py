"""Bits in which a customer's facts say what holds for channels and purposes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hotline.campaigns.consent import CHANNELS, REACHED_BY, Channel, Purpose

#: Each channel's bit.
BITS: Final[Mapping[Channel, int]] = {channel: 1 << position for position, channel in enumerate(CHANNELS)}
#: By how much the bits of service stand higher than those of marketing.
SERVICE_SHIFT: Final = 8
#: Channels that reach everybody: no contact point is needed.
EVERYBODY: Final = sum(BITS[channel] for channel, kinds in REACHED_BY.items() if not kinds)
#: Which channels a contact point of each kind serves, as bits.
SERVED: Final[Mapping[str, int]] = {
    kind: sum(BITS[channel] for channel, kinds in REACHED_BY.items() if kind in kinds)
    for kind in ("phone", "whatsapp", "email")
}


def bit(channel: Channel, purpose: Purpose) -> int:
    """The bit of a channel and a purpose."""
    return BITS[channel] << (SERVICE_SHIFT if purpose == "service" else 0)
