"""Contact points: normalised, so that one person's number is always the same text; and masked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from hotline import phone
from hotline.customers.text import one_line
from hotline.errors import Invalid

Kind = Literal["phone", "email", "whatsapp", "inapp"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

#: RFC 5321 §4.5.3.1: the longest path less its brackets, and the longest local part, in octets.
LONGEST_EMAIL: Final = 254
LONGEST_LOCAL_PART: Final = 64
LONGEST_INAPP: Final = 200
_LOCAL_PART: Final = re.compile(r"[^\s\"(),:;<>@\[\]\\.]+(\.[^\s\"(),:;<>@\[\]\\.]+)*")
_DOMAIN: Final = re.compile(r"([^\W_]([\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]*[^\W_]")


@dataclass(frozen=True, slots=True)
class ContactValue:
    """A value as it is kept and compared; ``suffixes`` are the last digits to search a number by."""

    value: str
    country: str | None = None
    suffixes: tuple[str, ...] = ()


def normalise(kind: Kind, value: str, region: str, field: str = "contact_points.value") -> ContactValue:
    """What is kept of what a person typed. Raises Invalid, which names ``field`` and never the value."""
    line = one_line(value, field, LONGEST_EMAIL, needed=True)
    if kind == "email":
        return ContactValue(_email(line, field))
    if kind == "inapp":
        return ContactValue(one_line(line, field, LONGEST_INAPP))
    try:
        number = phone.parse(line, region)
    except phone.NotANumber as wrong:
        raise Invalid(f"{field}: this is not a telephone number.") from wrong
    if number.kind != "e164":
        raise Invalid(f"{field}: this number is not complete; write it with its area code or as +country number.")
    return ContactValue(number.value, number.country, phone.suffixes(number.value))


def mask(kind: Kind, value: str) -> str:
    """The value for those who may not read it, still enough to tell one from another."""
    if kind == "email":
        local, _, domain = value.rpartition("@")
        return f"{local[:1]}{phone.MASK * 3}@{domain}"
    if kind == "inapp":
        return f"{phone.MASK * 4}{value[-2:] if len(value) > 6 else ''}"
    return phone.mask(value)


def display(kind: Kind, value: str) -> str:
    """The value as people are used to see it."""
    return phone.display(value) if kind in ("phone", "whatsapp") else value


def _email(line: str, field: str) -> str:
    local, _, domain = line.lower().rpartition("@")
    if (
        not _LOCAL_PART.fullmatch(local)
        or not _DOMAIN.fullmatch(domain)
        or len(local.encode()) > LONGEST_LOCAL_PART
        or len(domain.encode()) > LONGEST_EMAIL - 2
    ):
        raise Invalid(f"{field}: this is not an email address.")
    return f"{local}@{domain}"
