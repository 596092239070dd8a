"""Telephone numbers: how they are read, kept, shown, masked and dialled. Pure.

A number is kept as E.164 (ITU-T E.164, ``+8613912340412``) wherever the numbering plan allows it. Numbering
plans come from libphonenumber. Its geocoder and carrier tables are never loaded: they cost 120 MB.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import phonenumbers
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    PhoneMetadata,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
    shortnumberinfo,
)

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
#: Texts of which libphonenumber takes nothing but the digits: no extension, no letters, no second number.
_PLAIN: Final = re.compile(r"(\+|\(?)[0-9][0-9 ()/.-]+")
_LONGEST_COUNTRY_CODE: Final = 3
_DIGITS_OF_NATIONAL: Final = range(2, 18)

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
    text = (text if text.isascii() else unicodedata.normalize("NFKC", text)).strip()
    if len(text) > _LONGEST_TEXT or not _STARTS_LIKE_A_NUMBER.match(text):
        raise NotANumber("This is not a telephone number.")
    if (plain := _plain(text, region)) is not None:
        return plain
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
    digits = value[1:] if value[:1] == "+" and value.isascii() and value[1:].isdecimal() else _digits(value)
    return tuple(digits[-count:] for count in SUFFIX_DIGITS if len(digits) >= count)


def _plain(text: str, region: str) -> PhoneNumber | None:
    """What libphonenumber makes of most numbers, in a fifth of its time; None leaves a number to it.

    An answer is given only where its steps (parse, is_valid_number) leave no choice: a plain text; no international
    prefix dialled; a national prefix that is simply left out; and the rest valid in the plan.
    """
    if _PLAIN.fullmatch(text) is None:
        return None
    digits = _digits(text)
    if text[0] == "+":
        country_code, plan = _plan_of_beginning(digits)
        national = digits[len(str(country_code)) :]
        if plan is None or (plan.prefix is not None and plan.prefix.match(national)):
            return None
    else:
        plan = _plan(region, None)
        if plan is None or digits.startswith(str(plan.country_code)):
            return None
        country_code, national = plan.country_code, digits
        if plan.international is not None and plan.international.match(digits):
            return None
        if plan.prefix is not None and (found := plan.prefix.match(digits)):
            if plan.rewrites and found[found.re.groups] is not None:
                return None
            national = digits[found.end() :]
    if len(national) not in _DIGITS_OF_NATIONAL:
        return None
    place = _region_of(country_code, national)
    # A prefix is left out, and the length is right, when what follows is valid in the plan that the text was read by.
    if place is None or (text[0] != "+" and not plan.has(national)):
        return None
    return PhoneNumber(f"+{country_code}{national}", "e164", place if place.isalpha() else None)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The numbering plan of a region. ``kinds`` are the lengths and patterns of each kind of line; ``rewrites``: the
    national prefix may stand for other digits."""

    country_code: int
    prefix: re.Pattern[str] | None
    rewrites: bool
    international: re.Pattern[str] | None
    leading: re.Pattern[str] | None
    general: tuple[frozenset[int], re.Pattern[str]] | None
    kinds: tuple[tuple[frozenset[int], re.Pattern[str]], ...]

    def has(self, national: str) -> bool:
        """Whether it is a number of some kind of line."""
        return (
            self.general is not None
            and _fits(self.general, national)
            and any(_fits(each, national) for each in self.kinds)
        )


def _fits(shape: tuple[frozenset[int], re.Pattern[str]], national: str) -> bool:
    lengths, pattern = shape
    return (not lengths or len(national) in lengths) and pattern.fullmatch(national) is not None


@lru_cache(maxsize=512)
def _plan(region: str, country_code: int | None) -> _Plan | None:
    """The plan of a region; of ``001``, which is the world's, by its country code."""
    known = (
        PhoneMetadata.metadata_for_nongeo_region(country_code, None)
        if region == "001" and country_code is not None
        else PhoneMetadata.metadata_for_region(region, None)
    )
    if known is None or known.country_code is None:
        return None
    described = (
        *(known.fixed_line, known.mobile, known.toll_free, known.premium_rate, known.shared_cost, known.voip),
        *(known.personal_number, known.pager, known.uan, known.voicemail),
    )
    return _Plan(
        country_code=known.country_code,
        prefix=_compiled(known.national_prefix_for_parsing),
        rewrites=bool(known.national_prefix_transform_rule),
        international=_compiled(known.international_prefix),
        leading=_compiled(known.leading_digits),
        general=_shape(known.general_desc),
        kinds=tuple(shape for each in described if (shape := _shape(each)) is not None),
    )


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern else None


def _shape(described: phonenumbers.PhoneNumberDesc | None) -> tuple[frozenset[int], re.Pattern[str]] | None:
    if described is None or not described.national_number_pattern:
        return None
    return frozenset(described.possible_length), re.compile(described.national_number_pattern)


def _plan_of_beginning(digits: str) -> tuple[int, _Plan | None]:
    """The country code that the digits begin with, and the plan of its main region."""
    if digits[0] != "0":
        for length in range(1, _LONGEST_COUNTRY_CODE + 1):
            country_code = int(digits[:length])
            if regions := COUNTRY_CODE_TO_REGION_CODE.get(country_code):
                return country_code, _plan(regions[0], country_code)
    return 0, None


def _region_of(country_code: int, national: str) -> str | None:
    """The region in which a number of a country code is valid; None for one that is not."""
    regions = COUNTRY_CODE_TO_REGION_CODE.get(country_code, ())
    for region in regions:
        plan = _plan(region, country_code)
        if plan is None:
            continue
        if len(regions) == 1 or plan.leading is None or plan.leading.match(national):
            if plan.has(national):
                return region
            if len(regions) == 1 or plan.leading is not None:
                return None
    return None


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
