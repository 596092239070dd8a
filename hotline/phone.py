"""Telephone numbers: how they are read, kept, shown, masked and dialled. Pure.

A number is kept as E.164 (ITU-T E.164, ``+8613912340412``) wherever the numbering plan allows it. Numbering
plans come from libphonenumber. Its geocoder and carrier tables are never loaded: they cost 120 MB.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType, ValidationResult, shortnumberinfo

#: The longest run of bare digits that may be an extension or a service's short code.
LONGEST_SHORT_NUMBER: Final = 6
#: A number is found by its last digits, from this many to that many.
SUFFIX_DIGITS: Final = range(4, 8)
MASK: Final = "•"
#: The last digits of a number that are shown to who may not read it.
SHOWN_DIGITS: Final = 4
#: The ways in which a trunk may want an outside number.
DialForm = Literal["e164", "digits", "national"]

_LONGEST_TEXT: Final = 250
_STARTS_LIKE_A_NUMBER: Final = re.compile(r"(tel:)?[\s(（]*[+＋]?[\s(（]*\d", re.IGNORECASE)
_NOT_A_LETTER_OR_DIGIT: Final = re.compile(r"[\W_]+")
_NOT_ASCII_DIGITS: Final = re.compile(r"[^0-9]+")

# Lower-case letters and digits only: what spellings come down to. 266696687 is ANONYMOUS on a keypad; P and O
# are the Bellcore codes for "private" and "out of area".
_WITHHELD_NAMES: Final = frozenset(
    (
        *("anonymous", "private", "restricted", "withheld"),
        *("idwithheld", "numberwithheld", "privatenumber", "withheldnumber"),
    )
)
# More than above: a carrier's name service says "Unavailable" or "Unknown" beside a perfectly good number.
_WITHHELD_NUMBERS: Final = _WITHHELD_NAMES | frozenset(
    (
        *("", "266696687", "blocked", "none", "null", "o", "p", "unavailable", "unknown"),
        *("callerunknown", "notavailable", "outofarea", "unknowncaller", "unknownnumber"),
    )
)
#: Understood by mobile networks everywhere (3GPP TS 22.101 §10), whatever the region's own numbers are.
_EMERGENCY_EVERYWHERE: Final = frozenset(("112", "911"))

_LINE_TYPES: Final = {
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium_rate",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.UAN: "company",
}


class NotANumber(ValueError):
    """This is not a telephone number."""


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """One telephone number.

    ``kind`` is ``e164`` (``value`` is ``+`` and digits), ``short`` (an internal extension or a service's
    short code, digits as given) or ``local`` (digits that lack an area code or fit no numbering plan, as
    given).
    ``country`` is ISO 3166 alpha-2, None where it cannot be told.
    """

    value: str
    kind: Literal["e164", "short", "local"]
    country: str | None = None


def parse(text: str, region: str) -> PhoneNumber:
    """Read a number as a person or a PBX writes it; numbers without ``+`` are taken as dialled in ``region``.

    The same rules for a stored number and for a caller's, so that one finds the other. Bare digits that are
    no complete number of the region are an extension first (libphonenumber alone makes +1100 of 100), and a
    whole number whose ``+`` the trunk has dropped is recognised. Raises NotANumber.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    if len(text) > _LONGEST_TEXT or not _STARTS_LIKE_A_NUMBER.match(text):
        raise NotANumber("This is not a telephone number.")
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as wrong:
        bare = _digits(text)
        if bare and bare == text:
            return _unplaced(bare)
        raise NotANumber("This is not a telephone number.") from wrong
    if phonenumbers.is_valid_number(number):
        return _placed(number)
    bare = _digits(text)
    if bare == text:
        if len(bare) <= LONGEST_SHORT_NUMBER:
            return PhoneNumber(bare, "short")
        if (restored := _valid_with_plus(bare)) is not None:
            return _placed(restored)
    if phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE:
        return _placed(number)
    return _unplaced(bare)


def is_withheld(number: str | None, name: str | None = None) -> bool:
    """Whether a PBX's caller id says that the caller withheld their number, in any of the spellings seen.

    A number that is present beside the name "Anonymous" counts as withheld: trusted trunks get the asserted
    number although the caller asked for privacy (RFC 3325).
    """
    user = (number or "").partition("@")[0]  # anonymous@anonymous.invalid
    if _spelling(user) in _WITHHELD_NUMBERS:
        return True
    if number is not None and not number.strip("+0 "):
        return True  # all zeros: what switches send when they have nothing to send
    return bool(name) and _spelling(name) in _WITHHELD_NAMES


def is_emergency(text: str, region: str, *, prefix: str = "") -> bool:
    """Whether this reaches an emergency service in ``region``, with or without the outside line's prefix."""
    text = unicodedata.normalize("NFKC", text).strip()
    digits = _digits(text)
    candidates = {digits}
    if prefix and digits.startswith(prefix):
        candidates.add(digits[len(prefix) :])
    country_code = str(phonenumbers.country_code_for_region(region))
    if "+" in text and digits.startswith(country_code):
        candidates.add(digits[len(country_code) :])
    return any(
        one in _EMERGENCY_EVERYWHERE or shortnumberinfo.is_emergency_number(one, region) for one in candidates if one
    )


def display(value: str) -> str:
    """A kept number with the spaces people are used to: ``+86 139 1234 0412``."""
    number = _kept(value)
    return value if number is None else phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def mask(value: str) -> str:
    """A kept number for those who may not read it: ``+86 139 •••• 0412``. Short numbers stay readable."""
    number = _kept(value)
    if number is None:
        return value if len(value) <= LONGEST_SHORT_NUMBER else _masked(value, len(value))
    return _masked(display(value), len(phonenumbers.national_significant_number(number)))


def line_type(value: str) -> str | None:
    """What kind of line a kept number is: ``mobile``, ``toll_free`` …; None when it cannot be told."""
    number = _kept(value)
    return None if number is None else _LINE_TYPES.get(phonenumbers.number_type(number))


def dialled(value: str, form: DialForm) -> str:
    """A kept number as a trunk wants it: ``e164`` +4420…, ``digits`` 4420…, ``national`` 020….

    ``national`` is as dialled inside the number's own country. Short numbers are the same in every form.
    """
    number = _kept(value)
    if number is None or form == "e164":
        return value
    if form == "digits":
        return _digits(value)
    return _digits(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))


def suffixes(value: str) -> tuple[str, ...]:
    """The last 4 to 7 digits of a kept number, by which a person may search for it."""
    digits = _digits(value)
    return tuple(digits[-count:] for count in SUFFIX_DIGITS if len(digits) >= count)


def _placed(number: phonenumbers.PhoneNumber) -> PhoneNumber:
    country = phonenumbers.region_code_for_number(number)
    if country is None and number.country_code is not None:
        country = phonenumbers.region_code_for_country_code(number.country_code)
    value = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return PhoneNumber(value, "e164", country if country and country.isalpha() and country != "ZZ" else None)


def _unplaced(digits: str) -> PhoneNumber:
    return PhoneNumber(digits, "short" if len(digits) <= LONGEST_SHORT_NUMBER else "local")


def _valid_with_plus(digits: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _kept(value: str) -> phonenumbers.PhoneNumber | None:
    if not value.startswith("+"):
        return None
    try:
        return phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return None


def _masked(shown: str, national_digits: int) -> str:
    tail = SHOWN_DIGITS if national_digits >= 8 else 2 if national_digits >= 5 else 0
    head = min(3, max(0, national_digits - tail - 4))
    country_digits = len(_digits(shown)) - national_digits
    hidden = range(country_digits + head, country_digits + national_digits - tail)
    position = 0
    letters = []
    for letter in shown:
        if letter.isdigit():
            letters.append(MASK if position in hidden else letter)
            position += 1
        else:
            letters.append(letter)
    return "".join(letters)


def _digits(text: str) -> str:
    return _NOT_ASCII_DIGITS.sub("", text)


def _spelling(text: str | None) -> str:
    return _NOT_A_LETTER_OR_DIGIT.sub("", text or "").casefold()
