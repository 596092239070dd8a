"""What messages cost, as the company wrote it down: a price for each beginning of a number, the longest one holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

_LINE: Final = re.compile(r"(?:\+?(\d{1,7})\s*[:=]?\s+)?(\d{1,5}(?:[.,]\d{1,6})?)")
#: Most lines of one channel.
MOST: Final = 100
#: Most digits of the beginning of a number.
LONGEST: Final = 7


def read_prices(text: str) -> dict[str, Decimal]:
    """The prices in lines such as ``+86 0.045``; a line without a beginning holds for all other numbers. Raises
    ValueError for a line that is none."""
    prices: dict[str, Decimal] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        found = _LINE.fullmatch(line)
        if found is None or len(prices) >= MOST:
            raise ValueError(line)
        prices[found[1] or ""] = Decimal(found[2].replace(",", "."))
    return prices


@dataclass(frozen=True, slots=True)
class PriceList:
    """The prices of one part of an SMS, one WhatsApp message, one call; by channel, then by the beginning of the
    recipient's number in digits."""

    currency: str
    prices: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)

    def of(self, channel: str, number: str, parts: int = 1) -> Decimal | None:
        """What a message to a number (E.164) costs in the currency's major units; None where nobody wrote it down."""
        prices = self.prices.get(channel, {})
        digits = number.removeprefix("+")
        for length in range(min(len(digits), LONGEST), -1, -1):
            if (price := prices.get(digits[:length])) is not None:
                return price * parts
        return None

    def all(self, channel: str, parts: int = 1) -> tuple[tuple[str, Decimal], ...]:
        """(beginning with a plus, price) of every line, the one for all others last with an empty beginning."""
        prices = self.prices.get(channel, {})
        return tuple((f"+{key}" if key else "", price * parts) for key, price in sorted(prices.items(), reverse=True))


def written_price(price: Decimal, currency: str) -> str:
    """A price with as many places as it needs, two at least: 0.0158 USD."""
    plain = price.normalize()
    exponent = plain.as_tuple().exponent
    places = max(2, -exponent if isinstance(exponent, int) else 2)
    return f"{price:.{places}f} {currency}"
