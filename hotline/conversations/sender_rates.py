"""How fast a number of the company's may send, and what that means for messages that are due.

Twilio sends a number's messages at its pace, by segments, and keeps a queue for each; what is more than the queue holds
is refused (21611). https://www.twilio.com/docs/messaging/guides/understanding-message-queueing
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hotline.conversations.states import Channel

#: Seconds of a number's messages that Twilio's queue takes at once.
QUEUE_SECONDS: Final = 4 * 3_600
#: Segments a second, by kind of number; 10DLC is faster by its trust score, which only the company knows.
SHORT_CODE: Final = 100.0
TOLL_FREE: Final = 3.0
LONG_CODE: Final = 1.0
NAME: Final = 10.0
WHATSAPP: Final = 80.0
#: Longest until a message that had to wait for its sender's pace is looked at anew: rates can be changed.
LONGEST_WAIT: Final = timedelta(seconds=60)

_TOLL_FREE: Final = re.compile(r"\+18(00|33|44|55|66|77|88)\d{7}")


@dataclass(frozen=True, slots=True)
class SenderRate:
    """``per_second`` segments may leave (email: messages), ``burst`` at once."""

    per_second: float
    burst: float


@dataclass(frozen=True, slots=True)
class Spent:
    """What is left of a sender's bucket at a moment. Below zero: a message was longer than what was left."""

    tokens: float
    at: datetime


def rate_of(channel: Channel, address: str) -> SenderRate | None:
    """The pace of a number by its kind, with all that Twilio's queue holds at once; None: as fast as it goes."""
    if channel == "email":
        return None
    if channel == "whatsapp":
        per_second = WHATSAPP
    elif address.startswith("+"):
        per_second = TOLL_FREE if _TOLL_FREE.fullmatch(address) else LONG_CODE
    else:
        per_second = SHORT_CODE if address.isdecimal() else NAME
    return SenderRate(per_second, per_second * QUEUE_SECONDS)


def spend(before: Spent | None, rate: SenderRate, costs: Sequence[int], now: datetime) -> tuple[Spent, list[timedelta]]:
    """Let messages of these costs leave in their order, as many as may: what is left then, and how long each of the
    others waits. ``before`` None: nothing was sent yet. A clock that was put back refills nothing."""
    burst = max(1.0, rate.burst)
    tokens, since = (burst, now) if before is None else (before.tokens, before.at)
    tokens = min(burst, tokens + max(0.0, (now - since).total_seconds()) * rate.per_second)
    served = 0
    for cost in costs:
        # What costs more than there ever is goes when all of it is there.
        if tokens < min(cost, burst):
            break
        tokens -= cost
        served += 1
    waits, missing = [], -tokens
    for cost in costs[served:]:
        missing += cost
        waits.append(min(LONGEST_WAIT, timedelta(seconds=max(0.0, missing) / rate.per_second)))
    return Spent(tokens, max(now, since)), waits
