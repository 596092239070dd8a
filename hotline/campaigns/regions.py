"""Parts of a country whose quiet hours are stricter than their country's: states of the United States.

Hours are those for calls and messages that sell (state telephone solicitation acts; Florida § 501.616(6)(a), Oklahoma
15 § 775C.4, Washington RCW 80.36.390, Texas Business and Commerce Code § 302 and § 305, Rhode Island § 5-61-3.6, Utah
§ 13-25a-103 and the like, as compiled in November 2025). Some of them leave out who has agreed; here they hold for
everybody, which only ever means later. Some allow nothing on their public holidays (Alabama, Louisiana, Pennsylvania
73 P.S. § 2245, Rhode Island, Utah); which these are, ``calendars`` knows.

A state is told by the area code of a number (North American Numbering Plan) and by a postal address. Numbers move with
people: where both are known and differ, the hours of both hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, time
from functools import cache
from typing import Final

from hotline.calendars import Holidays

Hours = tuple[time, time]

SATURDAY: Final = 5
SUNDAY: Final = 6


def _from(opens: int, closes: int) -> Hours:
    return time(opens), time(closes)


#: Each day's hours, of a state that has its own.
DAILY: Final[Mapping[str, Hours]] = {
    "US-AL": _from(8, 20), "US-CT": _from(9, 20), "US-FL": _from(8, 20), "US-KY": _from(10, 21), "US-LA": _from(8, 20),
    "US-MD": _from(8, 20), "US-MA": _from(8, 20), "US-MI": _from(9, 21), "US-MN": _from(9, 21), "US-MS": _from(8, 20),
    "US-NV": _from(9, 20), "US-NM": _from(9, 21), "US-OK": _from(8, 20), "US-PA": _from(8, 21), "US-RI": _from(9, 18),
    "US-SD": _from(9, 21), "US-TX": _from(9, 21), "US-UT": _from(8, 21), "US-WA": _from(8, 20), "US-WY": _from(8, 20),
}  # fmt: skip
#: Days with others; None: nothing on that day.
ON: Final[Mapping[str, Mapping[int, Hours | None]]] = {
    **{state: {SUNDAY: None} for state in ("US-AL", "US-LA", "US-MS", "US-SD", "US-UT")},
    "US-RI": {SATURDAY: _from(10, 17), SUNDAY: None},
    "US-TX": {SUNDAY: _from(12, 21)},
}
#: States that allow nothing on their public holidays.
HOLIDAYS: Final = frozenset({"US-AL", "US-LA", "US-PA", "US-RI", "US-UT"})
_AREA_CODES: Final[Mapping[str, str]] = {
    "AL": "205 251 256 334 483 659 938",
    "CT": "203 475 860 959",
    "FL": "239 305 321 324 352 386 407 448 561 645 656 689 727 728 754 772 786 813 850 863 904 941 954",
    "KY": "270 364 502 606 859",
    "LA": "225 318 337 504 985",
    "MA": "339 351 413 508 617 774 781 857 978",
    "MD": "227 240 301 410 443 667",
    "MI": "231 248 269 313 517 586 616 679 734 810 906 947 989",
    "MN": "218 320 507 612 651 763 924 952",
    "MS": "228 471 601 662 769",
    "NM": "505 575",
    "NV": "702 725 775",
    "OK": "405 539 572 580 918",
    "PA": "215 223 267 272 412 445 484 570 582 610 717 724 814 835 878",
    "RI": "401",
    "SD": "605",
    "TX": "210 214 254 281 325 346 361 409 430 432 469 512 621 682 713 726 737 806 817 830 832 903 915 936 940 945 956 "
    "972 979",
    "UT": "385 435 801",
    "WA": "206 253 360 425 509 564",
    "WY": "307",
}
_BY_CODE: Final = {code: f"US-{state}" for state, codes in _AREA_CODES.items() for code in codes.split()}
_NAMES: Final[Mapping[str, str]] = {
    "alabama": "AL", "connecticut": "CT", "florida": "FL", "kentucky": "KY", "louisiana": "LA", "maryland": "MD",
    "massachusetts": "MA", "michigan": "MI", "minnesota": "MN", "mississippi": "MS", "nevada": "NV", "new mexico": "NM",
    "oklahoma": "OK", "pennsylvania": "PA", "rhode island": "RI", "south dakota": "SD", "texas": "TX", "utah": "UT",
    "washington": "WA", "wyoming": "WY",
}  # fmt: skip
_NUMBER: Final = re.compile(r"\+1([2-9]\d\d)\d{7}")
# Miami, FL 33101-1234, or a line of its own.
_STATE: Final = re.compile(
    r"(?:^|[\s,])("
    + "|".join([*_AREA_CODES, *_NAMES])
    + r")\.?(?:[\s,]+\d{5}(?:-\d{4})?)?[\s,]*(?:USA?|United States)?$",
    re.IGNORECASE,
)


def of_number(number: str) -> str | None:
    """The state of a number in E.164 whose hours are its own; None for all others."""
    match = _NUMBER.fullmatch(number)
    return None if match is None else _BY_CODE.get(match[1])


def of_address(text: str) -> str | None:
    """The same of a postal address in the United States."""
    for line in text.splitlines():
        match = _STATE.search(line.strip())
        if match is not None:
            written = match[1]
            # A code is written in capitals, or else it is a word: "in", "la".
            if len(written) == 2 and not written.isupper():
                continue
            return f"US-{_NAMES.get(written.lower(), written.upper())}"
    return None


def hours_on(regions: Iterable[str], day: date) -> list[Hours | None]:
    """The hours of a day in each of the regions; None: nothing on that day."""
    found: list[Hours | None] = []
    for each in regions:
        if each in DAILY:
            closed = each in HOLIDAYS and _holidays(each).name(day) is not None
            found.append(None if closed else ON.get(each, {}).get(day.weekday(), DAILY[each]))
    return found


@cache
def _holidays(state: str) -> Holidays:
    return Holidays("US", state.removeprefix("US-"))
