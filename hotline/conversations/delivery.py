"""What becomes of a message that leaves. Its state goes forward by rank only, so that callbacks may come late, twice
and in any order and always end the same. https://www.twilio.com/docs/messaging/guides/outbound-message-status
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

Delivery = Literal[
    "queued", "sending", "sent", "delivered", "read", "temporary_failure", "permanent_failure", "suppressed", "expired",
    "unknown",
]  # fmt: skip
DELIVERIES: Final[tuple[Delivery, ...]] = get_args(Delivery)

# A failure that is told beside a delivery is of another part of the way: what arrived has arrived.
_RANKS: Final[Mapping[Delivery, int]] = {
    "queued": 0,
    "sending": 1,
    "unknown": 2,
    "sent": 3,
    "temporary_failure": 4,
    "suppressed": 5,
    "expired": 5,
    "permanent_failure": 6,
    "delivered": 7,
    "read": 8,
}
#: Nothing is expected to follow these.
ENDED: Final = frozenset({"permanent_failure", "suppressed", "expired", "read"})
#: Whether the provider has it, nobody knows: these are never sent again by themselves.
IN_DOUBT: Final = frozenset({"sending", "unknown"})

#: Twilio's words. An inbound message's own words (receiving, received) are none of these.
TWILIO: Final[Mapping[str, Delivery]] = {
    "accepted": "sending",
    "scheduled": "sending",
    "queued": "sending",
    "sending": "sending",
    "sent": "sent",
    "delivered": "delivered",
    "partially_delivered": "delivered",
    "read": "read",
    "undelivered": "permanent_failure",
    "failed": "permanent_failure",
    "canceled": "permanent_failure",
}


def forward(now: Delivery | None, told: Delivery) -> Delivery | None:
    """The state after ``told``; None when nothing changes. What the provider has accepted is no longer in doubt."""
    if now is None:
        return told
    if _RANKS[told] > _RANKS[now]:
        return told
    return None


def of_twilio(status: str) -> Delivery | None:
    """The state that a word of Twilio's means; None for one that says nothing of a message that left."""
    return TWILIO.get(status.strip().lower())
