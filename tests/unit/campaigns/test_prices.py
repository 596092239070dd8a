"""What messages are expected to cost."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from hotline.campaigns.prices import PriceList, read_prices, written_price


def test_the_longest_beginning_of_a_number_holds() -> None:
    prices = PriceList("USD", {"sms": read_prices("+1 0.0079\n+1809: 0.03\n86 0,045\n\n0.10")})
    assert prices.of("sms", "+14155550101", 2) == Decimal("0.0158")
    assert prices.of("sms", "+18095550101") == Decimal("0.03")
    assert prices.of("sms", "+8613800138000", 3) == Decimal("0.135")
    assert prices.of("sms", "+4930123456") == Decimal("0.10")
    assert prices.of("voice", "+4930123456") is None
    assert PriceList("USD", {"sms": read_prices("+1 0.01")}).of("sms", "+4930123456") is None
    assert [begins for begins, _ in prices.all("sms")] == ["+86", "+1809", "+1", ""]


@pytest.mark.parametrize("text", ["+86", "0.1 0.2", "+86 cheap", "+86 -1", "+12345678 1"])
def test_a_line_that_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        read_prices(text)


def test_a_price_has_as_many_places_as_it_needs() -> None:
    assert written_price(Decimal("0.0158"), "USD") == "0.0158 USD"
    assert written_price(Decimal("0.10"), "EUR") == "0.10 EUR"
    assert written_price(Decimal(3), "EUR") == "3.00 EUR"
