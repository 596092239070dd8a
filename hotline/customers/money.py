"""Amounts of money: whole minor units with their currency (ISO 4217). What people type becomes that, and back."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import cache
from typing import Final

from babel.numbers import get_currency_precision, list_currencies

from hotline.errors import Invalid

#: The largest amount either way, in minor units: beyond it JavaScript loses digits.
LARGEST: Final = 2**53 - 1
#: Most digits of a number that is written down.
MOST_DIGITS: Final = 15
_CODE: Final = re.compile(r"[A-Za-z]{3}")
_SIGNS: Final = {"¥": "CNY", "元": "CNY", "€": "EUR", "£": "GBP", "$": "USD", "₹": "INR", "₩": "KRW"}


@cache
def currencies() -> frozenset[str]:
    """Every currency's code."""
    return frozenset(code for code in list_currencies() if _CODE.fullmatch(code))


def currency_of(code: str, field: str) -> str:
    """The code of a currency. Raises Invalid naming ``field``."""
    upper = code.strip().upper()
    if upper not in currencies():
        raise Invalid(f"{field}: expected a currency as three letters, for example CNY.")
    return upper


def precision(currency: str) -> int:
    """How many of an amount's digits are minor units: 2 for most currencies, 0 for the yen."""
    return int(get_currency_precision(currency))


def minor_units(value: Decimal, currency: str, field: str) -> int:
    """``value`` in minor units. Raises Invalid for parts of one, and for what is too large."""
    scaled = value.scaleb(precision(currency))
    if scaled != scaled.to_integral_value():
        raise Invalid(f"{field}: at most {precision(currency)} decimal places.")
    if abs(scaled) > LARGEST:
        raise Invalid(f"{field}: this number is too large.")
    return int(scaled)


def major_units(amount: int, currency: str) -> Decimal:
    """An amount in minor units as people write it: 1250 CNY is 12.50."""
    return Decimal(amount).scaleb(-precision(currency))


def money_of(text: str, currency: str | None, field: str) -> tuple[int, str]:
    """``text`` such as ``12.50``, ``CNY 1,250`` or ``¥12.5`` in minor units, with its own currency or ``currency``.

    Raises Invalid naming ``field``.
    """
    line = unicodedata.normalize("NFKC", text).strip()
    named = _CODE.search(line)
    own: str | None = None
    if named is not None:
        own = currency_of(named[0], field)
        line = line.replace(named[0], "", 1)
    for sign, code in _SIGNS.items():
        if sign in line:
            # A sign says less than a name: ¥ is the yen's too, $ is many countries'.
            own, line = own or currency or code, line.replace(sign, "", 1)
    chosen = own or currency
    if chosen is None:
        raise Invalid(f"{field}: expected an amount with its currency, for example 12.50 CNY.")
    return minor_units(number_of(line, field), chosen, field), chosen


def number_of(text: str, field: str) -> Decimal:
    """A number as people write it, with or without separators of thousands: ``1,234.5``, ``1.234,5``, ``１２``.

    Raises Invalid naming ``field``.
    """
    line = "".join(unicodedata.normalize("NFKC", text).split()).replace("'", "").replace("−", "-")
    comma, point = line.rfind(","), line.rfind(".")
    if comma >= 0 and point >= 0:
        thousands, mark = (",", ".") if point > comma else (".", ",")
        line = line.replace(thousands, "").replace(mark, ".")
    elif comma >= 0:
        grouped = re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", line)
        line = line.replace(",", "" if grouped else ".")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", line, re.ASCII):
        raise Invalid(f"{field}: this is not a number.")
    if sum(letter.isdigit() for letter in line) > MOST_DIGITS:
        raise Invalid(f"{field}: this number is too large.")
    return Decimal(line)
