"""Values of custom fields, type by type: what comes in as JSON or as text, and how it is kept.

Kept as JSON: ``number`` an integer, ``decimal`` a text such as "12.50" (a float would lose digits), ``money`` an object
of minor units and currency, ``date`` 2026-01-31, ``datetime`` ISO 8601 in UTC, ``choice`` a key, ``multi_choice`` a
list of keys; ``email`` and ``phone`` as contact points keep theirs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from hotline.clock import in_utc
from hotline.customers import contact_points, money
from hotline.customers.text import many_lines, one_line
from hotline.errors import Invalid

if TYPE_CHECKING:
    from hotline.customers.custom_fields import CustomField

Type = Literal[
    "text", "long_text", "number", "decimal", "money", "date", "datetime", "boolean", "choice", "multi_choice",
    "url", "email", "phone",
]  # fmt: skip

LONGEST_TEXT: Final = 300
LONGEST_LONG_TEXT: Final = 5_000
LONGEST_URL: Final = 2_000
#: Most digits after the point of a decimal.
MOST_PLACES: Final = 6

_YES: Final = frozenset({"true", "yes", "y", "1", "on", "x", "是", "有", "对", "真"})
_NO: Final = frozenset({"false", "no", "n", "0", "off", "否", "无", "没有", "假"})
_SEPARATORS: Final = re.compile(r"[;,，；、|\n]+")
_DAY: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")


def clean(field: CustomField, value: Any, place: str, region: str) -> Any:
    """A value that came as JSON, as it is kept; None when there is nothing in it. Raises Invalid naming ``place``."""
    match field.type:
        case "number" | "decimal":
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise Invalid(f"{place}: this is not a number.")
            return _number(field, str(value), place)
        case "money":
            return _money(field, value, place)
        case "boolean":
            if isinstance(value, bool):
                return value
            return _boolean(_text(value, place, "yes or no"), place)
        case "multi_choice":
            if not isinstance(value, list | tuple):
                raise Invalid(f"{place}: expected a list of choices.")
            return _choices(field, [_text(key, place, "a choice") for key in value], place) or None
        case _:
            return from_text(field, _text(value, place, "text"), place, region)


def from_text(field: CustomField, text: str, place: str, region: str) -> Any:
    """A value that came as text, as it is kept; None for an empty one. Raises Invalid naming ``place``."""
    bare = text.strip()
    if not bare:
        return None
    match field.type:
        case "text":
            return one_line(bare, place, LONGEST_TEXT) or None
        case "long_text":
            return many_lines(bare, place, LONGEST_LONG_TEXT) or None
        case "number" | "decimal":
            return _number(field, bare, place)
        case "money":
            return _money(field, bare, place)
        case "date":
            return _date(bare, place)
        case "datetime":
            return _datetime(bare, place)
        case "boolean":
            return _boolean(bare, place)
        case "choice":
            return _choices(field, [bare], place)[0]
        case "multi_choice":
            return _choices(field, [part for part in map(str.strip, _SEPARATORS.split(bare)) if part], place) or None
        case "url":
            return _url(bare, place)
        case "email" | "phone":
            return contact_points.normalise(field.type, bare, region, place).value


def to_text(field: CustomField, value: Any, language: str = "en") -> str:
    """A kept value as a cell shows it."""
    if value is None:
        return ""
    match field.type:
        case "money" if isinstance(value, Mapping):
            return f"{money.major_units(value['amount'], value['currency'])} {value['currency']}"
        case "boolean":
            return {"zh": ("是", "否")}.get(language, ("yes", "no"))[0 if value else 1]
        case "choice":
            return _choice_name(field, value, language)
        case "multi_choice" if isinstance(value, list):
            return "; ".join(_choice_name(field, key, language) for key in value)
    return str(value)


def _choice_name(field: CustomField, key: Any, language: str) -> str:
    found = field.choice(str(key))
    return found.name(language) if found is not None else str(key)


def _text(value: Any, place: str, expected: str) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{place}: expected {expected}.")
    return value


def _number(field: CustomField, text: str, place: str) -> int | str:
    try:
        number = Decimal(text) if re.fullmatch(r"[+-]?\d+(\.\d+)?", text, re.ASCII) else money.number_of(text, place)
    except ArithmeticError:
        raise Invalid(f"{place}: this is not a number.") from None
    if len(number.as_tuple().digits) > money.MOST_DIGITS:
        raise Invalid(f"{place}: this number is too large.")
    if field.minimum is not None and number < Decimal(field.minimum):
        raise Invalid(f"{place}: at least {field.minimum}.")
    if field.maximum is not None and number > Decimal(field.maximum):
        raise Invalid(f"{place}: no more than {field.maximum}.")
    if field.type == "number":
        if number != number.to_integral_value():
            raise Invalid(f"{place}: expected a whole number.")
        return int(number)
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > MOST_PLACES:
        raise Invalid(f"{place}: at most {MOST_PLACES} decimal places.")
    return f"{number:f}"


def _money(field: CustomField, value: Any, place: str) -> dict[str, Any]:
    if isinstance(value, Mapping):
        amount, currency = value.get("amount"), value.get("currency") or field.currency
        if set(value) - {"amount", "currency"} or isinstance(amount, bool) or not isinstance(amount, int):
            raise Invalid(f"{place}: expected an amount in minor units and a currency.")
        if abs(amount) > money.LARGEST:
            raise Invalid(f"{place}: this number is too large.")
        return {"amount": amount, "currency": money.currency_of(_text(currency, place, "a currency"), place)}
    amount, currency = money.money_of(_text(value, place, "an amount"), field.currency, place)
    return {"amount": amount, "currency": currency}


def _boolean(text: str, place: str) -> bool:
    word = unicodedata.normalize("NFKC", text).strip().casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise Invalid(f"{place}: expected yes or no.")


def _date(text: str, place: str) -> str:
    """2026-01-31, 2026/1/31 and 2026年1月31日; an order of day and month that could be two is refused."""
    line = unicodedata.normalize("NFKC", text).strip()
    found = _DAY.fullmatch(line) or _DAY.fullmatch(line.partition("T")[0].partition(" ")[0])
    try:
        if found is not None:
            return date(*map(int, found.groups())).isoformat()
    except ValueError:
        pass
    raise Invalid(f"{place}: expected a day, for example 2026-01-31.")


def _datetime(text: str, place: str) -> str:
    try:
        # Without a zone it is UTC: whoever writes local times says so.
        at = in_utc(datetime.fromisoformat(unicodedata.normalize("NFKC", text).strip().replace("/", "-")))
    except ValueError:
        raise Invalid(f"{place}: expected a time, for example 2026-01-31T14:30+08:00.") from None
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _choices(field: CustomField, wanted: list[str], place: str) -> list[str]:
    """The keys of choices that are named by their key or by what they are called."""
    by_name = {name.casefold(): choice for choice in field.choices for name in (*choice.names.values(), choice.key)}
    found: list[str] = []
    for text in wanted:
        choice = field.choice(text) or by_name.get(text.casefold())
        if choice is None:
            raise Invalid(f"{place}: there is no such choice.")
        if choice.key not in found:
            found.append(choice.key)
    return found


def _url(text: str, place: str) -> str:
    line = one_line(text, place, LONGEST_URL)
    if "://" not in line and re.fullmatch(r"[\w-]+(\.[\w-]+)+(/\S*)?", line):
        line = f"https://{line}"
    try:
        parts = urlsplit(line)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", line)
    except ValueError:
        good = False
    # Nothing but the web: a link of another kind (javascript:, data:) would run where it is clicked.
    if not good:
        raise Invalid(f"{place}: expected an address that begins with https:// or http://.")
    return line
