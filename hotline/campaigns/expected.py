"""What a campaign is expected to cost and how long it takes, told before it is approved: from some of its messages,
from the company's prices, and from how fast its channel and sender may send. An estimate, and called so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from hotline.campaigns.prices import PriceList
from hotline.campaigns.schedule import SECONDS

_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Made:
    """One message that was made to look at: the beginning of its recipient's number, and its parts as SMS."""

    number: str
    parts: int


@dataclass(frozen=True, slots=True)
class Expected:
    """What is to be expected; of what recurs each time, of what is triggered each day at most.

    ``messages`` are those that leave when nobody more is taken off. ``parts`` of SMS; None on other channels. ``cost``
    in major units of ``currency``; None where no price is written down, too low by the messages without one
    (``unpriced``). ``seconds`` from the first message to the last; None where nothing slows them, or their recipients'
    clocks or events say when. ``exact``: every message was made, none is an estimate.
    """

    messages: int
    parts: int | None
    cost: Decimal | None
    currency: str
    unpriced: int
    seconds: float | None
    exact: bool


def expect(
    content: Mapping[str, Any],
    recipients: int,
    looked: int,
    made: Iterable[Made],
    prices: PriceList,
    paces: Iterable[float],
) -> Expected:
    """What to expect of a manifest's content for ``recipients``, of whom ``looked`` had their messages made as far as
    they get one. ``paces`` are how many messages a second may leave, at most, for each thing that slows them."""
    channel, found = content["channel"], list(made)
    each = recipients / looked if looked else 0.0
    costs = [prices.of(channel, message.number, message.parts) for message in found]
    known = [cost for cost in costs if cost is not None]
    messages = round(len(found) * each)
    return Expected(
        messages=messages,
        parts=round(sum(message.parts for message in found) * each) if channel == "sms" else None,
        cost=sum(known, Decimal()) * recipients / looked if known else None,
        currency=prices.currency,
        unpriced=round((len(costs) - len(known)) * each) if known else 0,
        seconds=_seconds(content, messages, list(paces)),
        exact=looked == recipients,
    )


def _seconds(content: Mapping[str, Any], messages: int, paces: list[float]) -> float | None:
    """How long sending takes."""
    schedule, canary = content["schedule"], content["limits"].get("canary")
    if schedule["mode"] in ("local_time", "triggered"):
        return None
    if drip := schedule.get("drip"):
        paces.append(drip["messages"] / SECONDS[drip["per"]])
    waits = canary["wait_minutes"] * _MINUTE if canary and canary["recipients"] < messages else 0.0
    if not paces or min(paces) <= 0:
        return waits or None
    return messages / min(paces) + waits
